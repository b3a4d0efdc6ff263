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

    fn start(&self) -> Sordino {
        self.start_with(&[])
    }

    fn start_with(&self, leases: &[&str]) -> Sordino {
        let (_, hash) = run_with_input(&["hash-password"], PASSWORD);
        Setup::new()
            .server("udp://10.77.0.2")
            .set("dns", "listen", "[\"10.77.0.1:53\", \"[fd77::1]:53\"]")
            .set("web", "listen", "\"10.77.0.1:8053\"")
            .set("web", "password_hash", &format!("{:?}", hash.trim()))
            .table(&format!("\n[house]\nhosts = []\nleases = {leases:?}\n"))
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
        serde_json::from_value(self.fetch(jar, "/devices")).unwrap_or_default()
    }

    fn fetch(&self, jar: &str, path: &str) -> Value {
        let url = format!("http://10.77.0.1:8053/api/v1{path}");
        let output = self.on_phone(&["curl", "--silent", "--cookie", jar, &url]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Logs in from the phone; the file of cookies that says so.
    fn log_in(&self, sordino: &Sordino) -> String {
        let jar = sordino.dir().join("cookies").to_str().unwrap().to_owned();
        let password = format!("{{\"password\":{PASSWORD:?}}}");
        let login = ["curl", "--silent", "--fail", "--cookie-jar", &jar, "--json", &password];
        let output = self.on_phone(&[&login[..], &["http://10.77.0.1:8053/api/v1/login"]].concat());
        assert!(output.status.success(), "login: {}", String::from_utf8_lossy(&output.stderr));
        jar
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
    let jar = house.log_in(&sordino);
    let devices = until("one device with three addresses", || {
        let devices = house.devices(&jar);

        let whole = |device: &Value| device["addresses"].as_array().is_some_and(|known| known.len() == 3);
        (devices.len() == 1 && whole(&devices[0])).then_some(devices)
    });
    let phone = &devices[0];
    assert_eq!(phone["id"], format!("mac-{PHONE}"));
    assert_eq!((&phone["muted"], &phone["random_mac"]), (&3.into(), &true.into()), "{phone}");
    assert_eq!(phone["name"], "Private device 00:01");
}

#[test]
fn an_address_made_up_for_a_day_is_the_same_phone_and_its_history_stays() {
    let Some(house) = House::build() else { return };
    let sordino = house.start();
    let jar = house.log_in(&sordino);
    for day in 1..=3 {
        let address = format!("fd77::aaaa:{day}");
        assert!(
            ip(&["-n", &house.phone, "address", "add", &format!("{address}/64"), "dev", "lan", "nodad"])
                .status
                .success()
        );
        house.ask(&address, "fd77::1");
        assert!(ip(&["-n", &house.phone, "address", "del", &format!("{address}/64"), "dev", "lan"]).status.success());
    }
    let devices = until("all three days with one device", || {
        let devices = house.devices(&jar);
        (devices.len() == 1 && devices[0]["muted"] == 3).then_some(devices)
    });
    assert_eq!(devices[0]["id"], format!("mac-{PHONE}"));
    let page = house.fetch(&jar, &format!("/devices/mac-{PHONE}"));
    let said = page["facts"].as_array().unwrap().iter().filter(|fact| fact["source"] == "neighbours").count();
    assert!(said >= 3, "{page}");
}

#[test]
fn behind_a_second_router_a_lease_or_the_address_itself_tells_the_device() {
    let Some(house) = House::build() else { return };
    // The phone's cable leads to a router; behind it things ask with addresses that no neighbour has.
    for words in [
        &["-n", &house.phone, "address", "add", "10.88.0.5/32", "dev", "lo"][..],
        &["-n", &house.phone, "address", "add", "fd88::3e5a:b4ff:fe01:3c21/128", "dev", "lo"],
        &["-n", &house.phone, "link", "set", "lo", "up"],
        &["-n", &house.server, "route", "add", "10.88.0.0/24", "via", "10.77.0.2"],
        &["-n", &house.server, "route", "add", "fd88::/64", "via", "fd77::2"],
    ] {
        assert!(ip(words).status.success(), "ip {words:?}");
    }
    let files = tempfile::tempdir().unwrap();
    let leases = files.path().join("dnsmasq.leases");
    std::fs::write(&leases, "0 3c:5a:b4:01:3c:21 10.88.0.5 bedroom-tv *\n").unwrap();
    let sordino = house.start_with(&[leases.to_str().unwrap()]);
    let jar = house.log_in(&sordino);
    house.ask("10.88.0.5", "10.77.0.1");
    house.ask("fd88::3e5a:b4ff:fe01:3c21", "fd77::1");
    let devices = until("one device by its lease and its address", || {
        let devices = house.devices(&jar);
        (devices.len() == 1 && devices[0]["muted"] == 2).then_some(devices)
    });
    assert_eq!((&devices[0]["id"], &devices[0]["name"]), (&"mac-3c:5a:b4:01:3c:21".into(), &"bedroom-tv".into()));
    // The lease moves to another device; what it asks from now on is its own.
    std::fs::write(&leases, "0 3c:5a:b4:01:3c:99 10.88.0.5 kitchen-radio *\n").unwrap();
    let radio = until("the radio at the address that was the television's", || {
        house.ask("10.88.0.5", "10.77.0.1");
        house.devices(&jar).into_iter().find(|device| device["name"] == "kitchen-radio")
    });
    assert_eq!(radio["id"], "mac-3c:5a:b4:01:3c:99");
}
