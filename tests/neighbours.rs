//! One device has many addresses and one MAC: told by the kernel's neighbour table, in network namespaces of the test's own.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says why it is skipped

mod support;

use std::process::{Command, Output};

use serde_json::Value;
use support::sordino::{Setup, Sordino, run_with_input};
use support::until;

const PASSWORD: &str = "a long enough password";
const PHONE: &str = "02:00:5e:10:00:01";

/// A house with a server and a phone in it, each in a network namespace of its own, on one cable.
struct House {
    server: String,
    phone: String,
}

impl House {
    /// None where namespaces cannot be made.
    fn build() -> Option<Self> {
        let id = std::process::id();
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
        Some(house)
    }

    fn start(&self) -> Sordino {
        let (_, hash) = run_with_input(&["hash-password"], PASSWORD);
        Setup::new()
            .server("udp://10.77.0.2")
            .set("dns", "listen", "[\"10.77.0.1:53\", \"[fd77::1]:53\"]")
            .set("web", "listen", "\"10.77.0.1:8053\"")
            .set("web", "password_hash", &format!("{:?}", hash.trim()))
            .list("ads", "block", "ads.example\n")
            .through(&["ip", "netns", "exec", &self.server])
            .start()
    }

    /// Asks from one address of the phone.
    fn ask(&self, from: &str, server: &str) {
        let words = ["dig", "+short", "+tries=1", "-b", from, &format!("@{server}"), "ads.example"];
        let output = self.on_phone(&words);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0.0.0.0", "asked from {from}");
    }

    fn devices(&self, jar: &str) -> Vec<Value> {
        let url = "http://10.77.0.1:8053/api/v1/devices";
        let output = self.on_phone(&["curl", "--silent", "--cookie", jar, url]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn on_phone(&self, words: &[&str]) -> Output {
        ip(&[&["netns", "exec", &self.phone], words].concat())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.server]);
        ip(&["netns", "delete", &self.phone]);
    }
}

fn ip(words: &[&str]) -> Output {
    let failed = |_| Command::new("false").output().expect("false");
    Command::new("ip").args(words).output().unwrap_or_else(failed)
}

#[test]
fn a_phone_with_three_addresses_is_one_device() {
    let Some(house) = House::build() else { return };
    let sordino = house.start();
    for (from, server) in [("10.77.0.2", "10.77.0.1"), ("fd77::2", "fd77::1"), ("fd77::7ea5:1", "fd77::1")] {
        house.ask(from, server);
    }
    let jar = sordino.dir().join("cookies");
    let jar = jar.to_str().unwrap();
    let login =
        ["curl", "--silent", "--fail", "--cookie-jar", jar, "--json", &format!("{{\"password\":{PASSWORD:?}}}")];
    let output = house.on_phone(&[&login[..], &["http://10.77.0.1:8053/api/v1/login"]].concat());
    assert!(output.status.success(), "login: {}", String::from_utf8_lossy(&output.stderr));
    let devices = until("one device with three addresses", || {
        let devices = house.devices(jar);

        let whole = |device: &Value| device["addresses"].as_array().is_some_and(|known| known.len() == 3);
        (devices.len() == 1 && whole(&devices[0])).then_some(devices)
    });
    let phone = &devices[0];
    assert_eq!(phone["id"], format!("mac-{PHONE}"));
    assert_eq!((&phone["muted"], &phone["random_mac"]), (&3.into(), &true.into()), "{phone}");
    assert_eq!(phone["name"], "Private device 00:01");
}
