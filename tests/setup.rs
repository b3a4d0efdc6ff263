//! `sordino setup`: who has the port for DNS, and a change that can be taken back.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says why it is skipped

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::sordino::{Setup, run};
use support::until;
use tempfile::TempDir;

/// A network namespace with a program in it that has port 53.
struct Machine {
    space: String,
    holder: Option<Child>,
    dir: TempDir,
}

impl Machine {
    /// None where namespaces cannot be made.
    fn build() -> Option<Self> {
        static MACHINES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = MACHINES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let space = format!("sordino-setup-{}-{number}", std::process::id());
        if !ip(&["netns", "add", &space]).status.success() {
            println!("skipped: network namespaces need root, and iproute2");
            return None;
        }
        assert!(ip(&["-n", &space, "link", "set", "lo", "up"]).status.success());
        Some(Self { space, holder: None, dir: TempDir::new().unwrap() })
    }

    /// Lets another sordino hold 127.0.0.53:53 under the name of a program, which is all that the kernel knows of it.
    fn occupy_as(&mut self, name: &str) {
        let program = self.dir.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sordino"), &program).unwrap();
        let config = self.dir.path().join("holder.toml");
        let store = self.dir.path().join("holder");
        let text = format!(
            "[dns]\nlisten = [\"127.0.0.53:53\"]\n[upstream]\nservers = [\"udp://192.0.2.1\"]\n[web]\nlisten = \"\"\n[store]\npath = {store:?}\n"
        );
        fs::write(&config, text).unwrap();
        let words = ["netns", "exec", &self.space, program.to_str().unwrap(), "--config", config.to_str().unwrap()];
        // Started again for a smaller heap it would go by its own name.
        let holder = Command::new("ip")
            .env("MALLOC_ARENA_MAX", "1")
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.holder = Some(holder.unwrap());
        until("port 53 that is taken", || {
            let sockets = ip(&["netns", "exec", &self.space, "cat", "/proc/net/udp"]);
            String::from_utf8_lossy(&sockets.stdout).contains("3500007F:0035").then_some(())
        });
    }

    fn setup(&self, config: &Path, arguments: &[&str]) -> (i32, String) {
        let sordino = env!("CARGO_BIN_EXE_sordino");
        let words = ["netns", "exec", &self.space, sordino, "--config", config.to_str().unwrap(), "setup"];
        let output = ip(&[&words[..], arguments].concat());
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), said)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            let _ = holder.kill();
            let _ = holder.wait();
        }
        ip(&["netns", "delete", &self.space]);
    }
}

fn ip(words: &[&str]) -> Output {
    let failed = |_| Command::new("false").output().expect("false");
    Command::new("ip").args(words).output().unwrap_or_else(failed)
}

fn for_the_house() -> Setup {
    Setup::new().server("udp://192.0.2.53").set("dns", "listen", "[\"0.0.0.0:53\", \"[::]:53\"]")
}

#[test]
fn systemd_resolved_and_dnsmasq_are_named_and_made_to_leave_the_port_in_a_way_that_can_be_undone() {
    for (process, service, file, line) in [
        ("systemd-resolve", "systemd-resolved", "etc/systemd/resolved.conf.d/sordino.conf", "DNSStubListener=no"),
        ("dnsmasq", "dnsmasq", "etc/dnsmasq.d/sordino.conf", "port=0"),
    ] {
        let Some(mut machine) = Machine::build() else { return };
        machine.occupy_as(process);
        let setup = for_the_house();
        let config = setup.write();
        let root = TempDir::new().unwrap();
        let below = ["--root", root.path().to_str().unwrap()];
        let written = root.path().join(file);

        let (code, said) = machine.setup(&config, &below);
        assert_eq!(code, 0, "{said}");
        for word in [service, line, "systemctl restart", written.to_str().unwrap(), "sordino setup --apply", "--undo"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!written.exists(), "to offer a change is not to make it");

        let (code, said) = machine.setup(&config, &[&below[..], &["--apply"]].concat());
        assert_eq!(code, 0, "{said}");
        let text = fs::read_to_string(&written).unwrap();
        assert!(text.contains(line) && text.contains("sordino setup --undo"), "{text}");
        // Twice is once.
        assert_eq!(machine.setup(&config, &[&below[..], &["--apply"]].concat()).0, 0);

        let (code, said) = machine.setup(&config, &[&below[..], &["--undo"]].concat());
        assert!(code == 0 && said.contains("Removed"), "{said}");
        assert!(!written.exists());
        let (code, said) = machine.setup(&config, &[&below[..], &["--undo"]].concat());
        assert!(code == 0 && said.contains("nothing to take back"), "{said}");

        // What somebody else wrote there is theirs.
        fs::write(&written, "# mine\n").unwrap();
        let (code, said) = machine.setup(&config, &[&below[..], &["--apply"]].concat());
        assert!(code == 1 && said.contains("is not sordino's"), "{said}");
        assert!(machine.setup(&config, &[&below[..], &["--undo"]].concat()).1.contains("nothing to take back"));
        assert_eq!(fs::read_to_string(&written).unwrap(), "# mine\n");
    }
}

#[test]
fn a_program_that_cannot_be_asked_is_named_and_left_alone() {
    let Some(mut machine) = Machine::build() else { return };
    machine.occupy_as("bind-of-mine");
    let config = for_the_house();
    let config = config.write();
    for arguments in [&[][..], &["--apply"]] {
        let (code, said) = machine.setup(&config, arguments);
        assert!(code == 1 && said.contains("bind-of-mine") && said.contains("nothing was changed"), "{said}");
    }
}

#[test]
fn where_the_port_is_free_nothing_is_offered() {
    let setup = Setup::new().server("udp://192.0.2.53").set("dns", "listen", "[\"127.0.0.97:5399\"]");
    let config = setup.write();
    let (code, said) = run(&["--config", config.to_str().unwrap(), "setup"]);
    assert!(code == 0 && said.contains("nothing to change"), "{said}");
}
