//! A house of network namespaces.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::support::sordino::{Setup, Sordino, run_with_input};
use crate::support::until;

pub(crate) const PASSWORD: &str = "a long enough password";
pub(crate) const PHONE: &str = "02:00:5e:10:00:01";

/// A house with a server and a phone in it, each in a network namespace of its own, on one cable.
pub(crate) struct House {
    pub(crate) server: String,
    pub(crate) phone: String,
}

impl House {
    /// None where namespaces cannot be made.
    pub(crate) fn build() -> Option<Self> {
        // Tests run side by side in one process.
        static HOUSES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = HOUSES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let id = format!("{}-{number}", std::process::id());
        let house = Self { server: format!("sordino-server-{id}"), phone: format!("sordino-phone-{id}") };
        if !ip(&["netns", "add", &house.server]).status.success() {
            println!("skipped: network namespaces need root, and iproute2");
            return None;
        }
        let (server, phone) = (house.server.as_str(), house.phone.as_str());
        let made = ["netns", "add", phone];
        let cable = ["-n", server, "link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", phone];
        for words in [
            &made[..],
            &cable,
            &["-n", phone, "link", "set", "lan", "address", PHONE],
            &["-n", server, "link", "set", "lo", "up"],
            &["-n", server, "address", "add", "10.77.0.1/24", "dev", "lan"],
            &["-n", server, "address", "add", "fd77::1/64", "dev", "lan", "nodad"],
            &["-n", phone, "address", "add", "10.77.0.2/24", "dev", "lan"],
            &["-n", phone, "address", "add", "fd77::2/64", "dev", "lan", "nodad"],
            &["-n", phone, "address", "add", "fd77::7ea5:1/64", "dev", "lan", "nodad"],
            &["-n", server, "link", "set", "lan", "up"],
            &["-n", phone, "link", "set", "lan", "up"],
        ] {
            let output = ip(words);
            assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        // An address that is still being looked for on the link (RFC 4862 §5.4) neither asks nor answers.
        for space in [server, phone] {
            until("addresses that are settled", || {
                let tentative = ip(&["-n", space, "-6", "address", "show", "dev", "lan", "tentative"]);
                tentative.stdout.is_empty().then_some(())
            });
        }
        Some(house)
    }

    pub(crate) fn start(&self) -> Sordino {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, leases: &[&str]) -> Sordino {
        self.setup().set("house", "leases", &format!("{leases:?}")).start()
    }

    /// A sordino in the server's namespace, yet to be started.
    pub(crate) fn setup(&self) -> Setup {
        let (_, hash) = run_with_input(&["hash-password"], PASSWORD);
        Setup::new()
            .server("udp://10.77.0.2")
            .set("dns", "listen", "[\"10.77.0.1:53\", \"[fd77::1]:53\"]")
            .set("web", "listen", "\"10.77.0.1:8053\"")
            .set("web", "password_hash", &format!("{:?}", hash.trim()))
            .set("house", "hosts", "[]")
            .set("house", "leases", "[]")
            .list("ads", "block", "ads.example\n")
            .through(&["ip", "netns", "exec", &self.server])
    }

    /// Asks from one address of the phone.
    pub(crate) fn ask(&self, from: &str, server: &str) {
        let words = ["dig", "+short", "+tries=1", "-b", from, &format!("@{server}"), "ads.example"];
        let output = self.on_phone(&words);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0.0.0.0", "asked from {from}");
    }

    pub(crate) fn devices(&self, jar: &str) -> Vec<Value> {
        serde_json::from_value(self.fetch(jar, "/devices")).unwrap_or_default()
    }

    pub(crate) fn fetch(&self, jar: &str, path: &str) -> Value {
        let url = format!("http://10.77.0.1:8053/api/v1{path}");
        let output = self.on_phone(&["curl", "--silent", "--max-time", "10", "--cookie", jar, &url]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Logs in from the phone; the file of cookies that says so.
    pub(crate) fn log_in(&self, sordino: &Sordino) -> String {
        let jar = sordino.dir().join("cookies").to_str().unwrap().to_owned();
        let password = format!("{{\"password\":{PASSWORD:?}}}");
        let login = ["curl", "--silent", "--fail", "--cookie-jar", &jar, "--json", &password];
        let output = self.on_phone(&[&login[..], &["http://10.77.0.1:8053/api/v1/login"]].concat());
        assert!(output.status.success(), "login: {}", String::from_utf8_lossy(&output.stderr));
        jar
    }

    /// What each side of the cable believes of the other, for a test that fails.
    pub(crate) fn beliefs(&self) -> String {
        let neighbours = |space: &String| ip(&["-n", space, "neigh", "show"]).stdout;
        let [server, phone] = [&self.server, &self.phone].map(|space| String::from_utf8(neighbours(space)).unwrap());
        format!("neighbours of the server:\n{server}neighbours of the phone:\n{phone}")
    }

    pub(crate) fn on_phone(&self, words: &[&str]) -> Output {
        ip(&[&["netns", "exec", &self.phone], words].concat())
    }
}

/// A test of this program that plays a part in a namespace, until this goes.
pub(crate) struct Player(Child);

impl Player {
    pub(crate) fn start(space: &str, part: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut player = Command::new("ip");
        player.args(["netns", "exec", space]).arg(program).args([part, "--exact", "--ignored", "--nocapture"]);
        Self(player.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Whether it still plays.
    pub(crate) fn is_there(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits until the player says `line`.
    pub(crate) fn hear(&mut self, line: &str) {
        use std::io::{BufRead as _, BufReader};
        let out = BufReader::new(self.0.stdout.as_mut().unwrap());
        assert!(out.lines().map_while(Result::ok).any(|said| said == line), "the player never said {line:?}");
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.server]);
        ip(&["netns", "delete", &self.phone]);
    }
}

pub(crate) fn ip(words: &[&str]) -> Output {
    let failed = |_| Command::new("false").output().expect("false");
    Command::new("ip").args(words).output().unwrap_or_else(failed)
}
