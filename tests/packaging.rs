//! What packages bring along: configurations that can be used, a service that can do little, and scripts that take back what
//! they changed.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says why it is skipped

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use support::repository;
use support::sordino::run;
use tempfile::TempDir;

fn sh(arguments: &[&str]) -> Output {
    Command::new("sh").args(arguments).current_dir(repository()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn checked(text: &str) -> String {
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("config.toml");
    fs::write(&config, text).unwrap();
    let (code, said) = run(&["--config", config.to_str().unwrap(), "check"]);
    assert_eq!(code, 0, "{said}");
    said
}

#[test]
fn the_installed_configuration_serves_a_whole_house() {
    let lists = repository().join("blocklists");
    let output = sh(&["packaging/config.sh", lists.to_str().unwrap(), "/var/lib/sordino"]);
    assert!(output.status.success(), "{}", said(&output));
    let report = checked(&String::from_utf8(output.stdout).unwrap());
    for part in ["0.0.0.0:53, [::]:53", "http://0.0.0.0:8053/", "/var/lib/sordino"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(!report.contains("Lists    1 with 0 names"), "{report}");
}

#[test]
fn the_configuration_of_a_router_stands_behind_dnsmasq() {
    let text = fs::read_to_string(repository().join("packaging/openwrt/files/config.toml")).unwrap();
    let lists = repository().join("blocklists");
    let report = checked(&text.replace("/usr/share/sordino/blocklists", lists.to_str().unwrap()));
    assert!(report.contains("127.0.0.1:5300") && report.contains("Route    pool.ntp.org"), "{report}");
}

#[test]
fn the_service_can_do_little_else_than_answer_questions() {
    let unit = repository().join("packaging/systemd/sordino.service");
    let output = Command::new("systemd-analyze").args(["security", "--offline=true", unit.to_str().unwrap()]).output();
    let Ok(output) = output else {
        println!("skipped: systemd-analyze is not here");
        return;
    };
    let said = said(&output);
    let Some(line) = said.lines().find(|line| line.contains("Overall exposure level")) else {
        println!("skipped: this systemd-analyze cannot look at a file ({said})");
        return;
    };
    let score: f64 = line.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(score <= 2.0, "{line}");
}

#[test]
fn every_script_is_one_that_a_shell_can_read() {
    let mut scripts = Vec::new();
    for dir in
        ["scripts", "packaging", "packaging/debian", "packaging/docker", "packaging/openwrt", "packaging/openwrt/files"]
    {
        for entry in fs::read_dir(repository().join(dir)).unwrap().flatten() {
            let is_script = entry.file_type().unwrap().is_file()
                && fs::read_to_string(entry.path()).is_ok_and(|text| text.starts_with("#!/bin/sh"));
            if is_script {
                scripts.push(entry.path());
            }
        }
    }
    assert!(scripts.len() >= 15, "{scripts:?}");
    for script in scripts {
        let output = sh(&["-n", script.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// OpenWrt's `uci`, as far as the service script uses it: the settings of one section in a file, an option and a value a line.
const UCI: &str = r#"#!/bin/sh
[ "$1" = -q ] && shift
verb=$1 what=${2#dhcp.@dnsmasq\[0\].}
touch "$SETTINGS"
case $verb in
    get) grep "^$what " "$SETTINGS" | cut -d' ' -f2- | tr '\n' ' ' | sed 's/ $//' | grep . ;;
    delete) grep -v "^$what " "$SETTINGS" >"$SETTINGS.new"; mv "$SETTINGS.new" "$SETTINGS" ;;
    set) grep -v "^${what%%=*} " "$SETTINGS" >"$SETTINGS.new"; echo "${what%%=*} ${what#*=}" >>"$SETTINGS.new"; mv "$SETTINGS.new" "$SETTINGS" ;;
    add_list) echo "${what%%=*} ${what#*=}" >>"$SETTINGS" ;;
    commit) ;;
    *) echo "uci: $*" >&2; exit 1 ;;
esac
"#;

/// Runs a function of OpenWrt's service script with stand-ins for what a router has.
fn service(dir: &Path, function: &str) -> String {
    let script = fs::read_to_string(repository().join("packaging/openwrt/files/sordino.init")).unwrap();
    let script = script.replace("/etc/init.d/dnsmasq restart", "echo dnsmasq restarted");
    let procd = "for word in procd_open_instance procd_set_param procd_close_instance procd_send_signal; do\n\
                 eval \"$word() { echo $word \\\"\\$@\\\"; }\"\ndone\n";
    let path = dir.join("service.sh");
    fs::write(&path, format!("{procd}{script}\n{function}\n")).unwrap();
    let uci = dir.join("uci");
    fs::write(&uci, UCI).unwrap();
    fs::set_permissions(&uci, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("sh")
        .arg(&path)
        .env("PATH", format!("{}:{}", dir.display(), std::env::var("PATH").unwrap()))
        .env("SETTINGS", dir.join("settings"))
        .env("SORDINO_DIR", dir.join("etc"))
        .env("SORDINO_DNSMASQ_CONF", dir.join("dnsmasq.conf"))
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{function}: {}", said(&output));
    said(&output)
}

#[test]
fn dnsmasq_on_a_router_gets_back_exactly_what_it_had() {
    for before in ["", "cachesize 1000\nserver 192.0.2.1\nserver /lan.example/10.0.0.1\ndomain lan\n"] {
        let dir = TempDir::new().unwrap();
        let settings = dir.path().join("settings");
        let conf = dir.path().join("dnsmasq.conf");
        fs::write(&settings, before).unwrap();
        fs::write(&conf, "# mine\n").unwrap();
        let sorted = || {
            let text = fs::read_to_string(&settings).unwrap();
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let had = sorted();
        assert!(service(dir.path(), "take_over").contains("dnsmasq restarted"));
        let taken = sorted();
        for line in ["addmac 1", "cachesize 0", "noresolv 1", "server 127.0.0.1#5300"] {
            assert!(taken.contains(&line.to_owned()), "{line}: {taken:?}");
        }
        assert_eq!(taken.iter().filter(|line| line.starts_with("server ")).count(), 1);
        let included = fs::read_to_string(dir.path().join("etc/dnsmasq.conf")).unwrap();
        assert!(included.contains("strip-mac") && included.contains("add-subnet=32,128"), "{included}");
        assert!(fs::read_to_string(&conf).unwrap().contains("conf-file="));
        // A second time must not take its own settings for the ones that were there before.
        assert!(service(dir.path(), "take_over").contains("already"));
        service(dir.path(), "give_back");
        assert_eq!(sorted(), had);
        assert_eq!(fs::read_to_string(&conf).unwrap(), "# mine\n");
        assert!(service(dir.path(), "give_back").contains("does not ask"));
    }
}

#[test]
fn procd_is_told_what_to_run_and_for_whom() {
    let dir = TempDir::new().unwrap();
    let told = service(dir.path(), "start_service");
    assert!(told.contains("procd_set_param command /usr/bin/sordino --config"), "{told}");
    assert!(told.contains("procd_set_param user sordino") && told.contains("procd_set_param respawn"), "{told}");
    assert!(service(dir.path(), "reload_service").contains("procd_send_signal sordino"));
}
