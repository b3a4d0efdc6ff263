//! The commands that end by themselves, run as the operator runs them.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sordino::policy::{Action, DeviceId, Kind, OwnRule, OwnTarget, Scope};
use sordino::store::{self, Settings, Store};
use sordino::time::{Clock, Timestamp};
use tempfile::TempDir;

const CONFIG: &str = r#"
[upstream]
servers = ["udp://192.0.2.53"]
[[list]]
name = "mine"
source = "mine.txt"
[[list]]
name = "makers"
source = "makers"
[[device]]
name = "TV"
mac = "3c:5a:b4:01:02:03"
"#;

const MAKER: &str = r#"
vendor = "Example"
about = "Makes examples."
[[product]]
name = "Beacon"
purpose = "analytics"
sends = "What was opened."
breaks = "Nothing that anyone misses."
names = [{ block = "beacon.example", subtree = true, sources = ["seen"] }]
"#;

fn house() -> TempDir {
    let house = tempfile::tempdir().unwrap();
    fs::write(house.path().join("config.toml"), CONFIG).unwrap();
    fs::write(house.path().join("mine.txt"), "ads.example\n").unwrap();
    fs::create_dir(house.path().join("makers")).unwrap();
    fs::write(house.path().join("makers/example.toml"), MAKER).unwrap();
    house
}

/// Exit code, standard output and standard error of `sordino ARGUMENTS`, with `input` on standard input.
fn sordino(directory: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sordino"));
    let piped = command.current_dir(directory).args(arguments).env_remove("SORDINO_LOG");
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Keeps `rule` in the store of `house`, as the page would. The store stays open while the answer lives.
fn keep(house: &TempDir, rule: OwnRule) -> Arc<Store> {
    let (path, day) = (house.path().join("data"), Duration::from_secs(86_400));
    let store =
        Store::open(store::Options { keep_queries: day, flush: day, ..store::Options::at(path) }, Clock::System);
    store.save_settings(&Settings { rules: vec![rule], ..Settings::default() }).unwrap();
    store
}

#[test]
fn check_tells_what_is_in_force() {
    let house = house();
    let (code, said, complained) = sordino(house.path(), &["check"], "");
    assert_eq!((code, complained.as_str()), (0, ""), "{said}");
    assert!(said.starts_with("config.toml has no mistakes."), "{said}");
    assert!(said.contains("2 with 2 names in force"), "{said}");
    assert!(!said.contains("in spite of"), "{said}");
}

#[test]
fn check_ends_with_2_at_a_mistake() {
    let house = house();
    let path = house.path().join("config.toml");
    fs::write(&path, CONFIG.replace("[[list]]", "[[lisst]]")).unwrap();
    for arguments in [&["check"][..], &["run"], &["explain", "a.example"], &[]] {
        let (code, said, complained) = sordino(house.path(), arguments, "");
        assert_eq!((code, said.as_str()), (2, ""), "{arguments:?}");
        assert_eq!(complained, "config.toml:4:3: there is no key lisst here; did you mean list?\n", "{arguments:?}");
    }
    let (code, _, complained) = sordino(house.path(), &["--config", "nowhere.toml", "check"], "");
    assert_eq!(code, 2);
    assert!(complained.starts_with("nowhere.toml: there is no such file"), "{complained}");
}

#[test]
fn check_tells_of_a_list_that_is_missing_or_a_web_page() {
    for (content, problem) in [
        (None, "mine.txt cannot be read: there is no such file"),
        (Some("<!DOCTYPE html>\n<html>"), "it is a web page"),
    ] {
        let house = house();
        let path = house.path().join("mine.txt");
        match content {
            Some(content) => fs::write(path, content).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        let (code, said, _) = sordino(house.path(), &["check"], "");
        assert_eq!(code, 0, "{said}");
        let (_, trouble) = said.split_once("in spite of this").expect(&said);
        assert!(trouble.contains("list mine: ") && trouble.contains(problem), "{said}");
        assert!(trouble.contains("nothing of it is in force"), "{said}");
    }
}

#[test]
fn explain_names_list_rule_label_and_precedence() {
    let house = house();
    let (code, said, complained) = sordino(house.path(), &["explain", "A.beacon.example", "--type", "https"], "");
    assert_eq!((code, complained.as_str()), (0, ""));
    assert!(said.starts_with("a.beacon.example HTTPS is muted (block)"), "{said}");
    for part in [
        "Example Beacon, analytics",
        "What was opened.",
        "Nothing that anyone misses.",
        "1. block example (makers/example.toml): ",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let (code, said, _) = sordino(house.path(), &["explain", "www.example"], "");
    assert_eq!(code, 0);
    assert!(said.contains("is resolved (pass)") && said.contains("No rule names it."), "{said}");
}

#[test]
fn explain_knows_the_rules_of_the_page_while_a_server_runs() {
    let house = house();
    let device = DeviceId::Mac("3c:5a:b4:01:02:03".parse().unwrap());
    let _running = keep(
        &house,
        OwnRule {
            id: 7,
            target: OwnTarget::parse(Kind::Subtree, "beacon.example").unwrap(),
            comment: None,
            action: Action::Allow,
            scope: Scope::Device(device),
            since: Timestamp::from_millis(0),
            until: None,
        },
    );
    for device in ["tv", "TV", "3c:5a:b4:01:02:03", "mac-3c:5a:b4:01:02:03"] {
        let (code, said, _) = sordino(house.path(), &["explain", "beacon.example", "--device", device], "");
        assert_eq!(code, 0);
        assert!(said.starts_with("beacon.example A is resolved by an exception (allow) for TV"), "{said}");
        assert!(said.contains("1. allow own: ") && said.contains("2. block example ("), "{said}");
    }
    let (_, said, _) = sordino(house.path(), &["explain", "beacon.example", "--device", "192.0.2.200", "--json"], "");
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["device"], "ip-192.0.2.200");
    assert_eq!(answer["explanation"]["verdict"], "block");
    assert_eq!(answer["explanation"]["label"]["vendor"], "Example");
    let (code, _, complained) = sordino(house.path(), &["explain", "beacon.example", "--device", "radio"], "");
    assert_eq!(code, 1);
    assert!(complained.contains("there is no device \"radio\"") && complained.contains("TV"), "{complained}");
}

#[test]
fn explain_reads_rules_from_before_there_were_patterns_and_tells_of_a_pause() {
    let house = house();
    let data = house.path().join("data");
    fs::create_dir(&data).unwrap();
    let old = r#"{"version": 1, "settings": {"rules": [{"id": 7, "name": "ads.example", "subtree": true,
        "action": "watch", "scope": "everyone", "since": 1000}]}}"#;
    fs::write(data.join("settings.json"), old).unwrap();
    let (code, said, complained) = sordino(house.path(), &["explain", "a.ads.example"], "");
    assert_eq!((code, complained.as_str()), (0, ""));
    assert!(
        said.contains("is resolved and counted (watch)") && said.contains("1. watch own: ||ads.example^"),
        "{said}"
    );
    let paused = old.replace(
        "\"rules\"",
        r#""pauses": [{"id": 8, "scope": "everyone", "since": 1000,
        "until": 32503680000000}], "rules""#,
    );
    fs::write(data.join("settings.json"), paused).unwrap();
    let (_, said, _) = sordino(house.path(), &["explain", "ads.example"], "");
    for part in ["is resolved by an exception (allow)", "1. allow pause: ", "2. watch own: ", "3. block mine ("] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn explain_knows_what_the_house_decides_by_itself() {
    let house = house();
    let path = house.path().join("config.toml");
    let own = "[[local]]\nname = \"nas.ads.example\"\naddress = \"192.168.1.5\"\n";
    fs::write(&path, format!("{CONFIG}{own}")).unwrap();
    fs::write(house.path().join("mine.txt"), "||ads.example^\nmask-h2.icloud.com\n").unwrap();
    let explain = |name: &str| {
        let (code, said, complained) = sordino(house.path(), &["explain", name], "");
        assert_eq!((code, complained.as_str()), (0, ""), "{said}");
        said
    };
    let said = explain("use-application-dns.net");
    assert!(said.starts_with("use-application-dns.net A is muted (block)"), "{said}");
    assert!(said.contains("1. block bypass: ") && said.contains("under [bypass] in config.toml"), "{said}");
    // A list that mutes it as well has gone before.
    let said = explain("mask-h2.icloud.com");
    assert!(said.contains("1. block mine (mine.txt): ") && said.contains("2. block bypass: "), "{said}");
    // A name of the house is asked of no list.
    let said = explain("nas.ads.example");
    assert!(said.starts_with("nas.ads.example A is resolved (pass)"), "{said}");
    assert!(said.contains("1. pass [[local]]: ") && said.contains("2. block mine (mine.txt): "), "{said}");

    let data = house.path().join("data");
    fs::create_dir(&data).unwrap();
    let rule = r#"{"version": 1, "settings": {"rules": [{"id": 7, "name": "use-application-dns.net", "subtree": false,
        "action": "allow", "scope": "everyone", "since": 1000}]}}"#;
    fs::write(data.join("settings.json"), rule).unwrap();
    let said = explain("use-application-dns.net");
    assert!(said.contains("is resolved by an exception (allow)"), "{said}");
    assert!(said.contains("1. allow own: ") && said.contains("2. block bypass: "), "{said}");
}

/// What root leaves in the store of another user, the sordino that runs as that user cannot read: it would go on without
/// its history.
#[test]
fn root_leaves_nothing_of_its_own_in_the_store_of_another_user() {
    const SOMEBODY: u32 = 65_534;
    let house = house();
    let data = house.path().join("data");
    fs::create_dir(&data).unwrap();
    if chown(&data, Some(SOMEBODY), Some(SOMEBODY)).is_err() {
        println!("skipped: only root can give a directory to somebody else");
        return;
    }
    fs::set_permissions(house.path(), Permissions::from_mode(0o755)).unwrap();
    let list = "[[list]]\nname = \"net\"\nsource = \"http://127.0.0.1:1/names.txt\"\nprivate_server = true\n";
    fs::write(house.path().join("config.toml"), format!("{CONFIG}{list}")).unwrap();

    let (code, _, complained) = sordino(house.path(), &["report", "TV"], "");
    assert!(code == 1 && complained.contains("TV never asked for anything"), "{complained}");
    let (code, said, complained) = sordino(house.path(), &["update"], "");
    assert!(code == 1 && said.contains("cannot be reached"), "{said}{complained}");
    let (code, said, _) = sordino(house.path(), &["lists"], "");
    assert!(code == 0 && said.contains("Hits: questions of the last seven days"), "{said}");
    assert_eq!(sordino(house.path(), &["second-factor", "off"], "").0, 0);
    // The file of a backup is for who asks for it, and so it is not for root to ask.
    let (code, _, complained) = sordino(house.path(), &["backup", "out"], "");
    assert!(code == 1 && complained.contains("belongs to the user with the number 65534"), "{complained}");

    let mut left = vec![data];
    let mut files = 0;
    while let Some(path) = left.pop() {
        let about = fs::metadata(&path).unwrap();
        assert_eq!(about.uid(), SOMEBODY, "{}", path.display());
        files += usize::from(about.is_file());
        if about.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(files > 3, "{files}");
}

#[test]
fn hash_password_prints_what_the_configuration_takes() {
    let house = house();
    let (code, hash, _) = sordino(house.path(), &["hash-password"], "correct horse\n");
    assert_eq!(code, 0);
    let path = house.path().join("config.toml");
    fs::write(&path, format!("{CONFIG}\n[web]\npassword_hash = \"{}\"\n", hash.trim_end())).unwrap();
    assert_eq!(sordino(house.path(), &["check"], "").0, 0);
    let (code, said, complained) = sordino(house.path(), &["hash-password"], "short\n");
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complained.contains("at least 8 characters"), "{complained}");
}
