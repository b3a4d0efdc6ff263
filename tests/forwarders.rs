//! Behind the dnsmasq of a router: the device that asked it is told in EDNS options, and believed of trusted forwarders only.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says why it is skipped

mod support;

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use support::client::Udp;
use support::forwarder::Forwarder;
use support::rest::Rest;
use support::sordino::{Setup, run_with_input};
use support::until;
use support::wire::{A, ECS, Message, query};

const PHONE: [u8; 6] = [0x3c, 0x5a, 0xb4, 1, 2, 3];
const MAC: u16 = 65_001;

/// A question with options in its OPT record.
fn told(name: &str, options: &[(u16, &[u8])]) -> Message {
    let mut query = query(name, A);
    query.opt.as_mut().unwrap().options = options.iter().map(|(code, value)| (*code, value.to_vec())).collect();
    query
}

fn device_of(rest: &Rest, name: &str) -> (Value, Value) {
    let event = rest.journal(name);
    (event["device"].clone(), event["address"].clone())
}

#[test]
fn a_trusted_forwarder_tells_the_device_by_its_hardware_address_and_its_address() {
    let forwarder = Forwarder::plain();
    let phone = "\n[[device]]\nname = \"phone\"\nmac = \"3c:5a:b4:01:02:03\"\nprofile = \"strict\"\n";
    let profiles = "\n[[profile]]\nname = \"default\"\nlists = { ads = \"off\" }\n[[profile]]\nname = \"strict\"\n";
    let sordino = Setup::before(&forwarder)
        .set("dns", "trusted_forwarders", r#"["127.0.0.1"]"#)
        .list("ads", "block", "ads.example\n")
        .table(profiles)
        .table(phone)
        .start();
    let rest = sordino.rest();
    let both: &[(u16, &[u8])] = &[(MAC, &PHONE), (ECS, &[0, 1, 32, 0, 192, 168, 1, 7])];
    for answer in [sordino.udp().ask(&told("ads.example", both)), sordino.tcp().ask(&told("ads.example", both))] {
        assert_eq!(answer.texts(), ["A 0.0.0.0"], "the phone's profile mutes it");
    }
    assert_eq!(device_of(&rest, "ads.example"), ("mac-3c:5a:b4:01:02:03".into(), "192.168.1.7".into()));
    // Nobody else has that profile, and neither has the forwarder itself.
    assert_eq!(sordino.resolve("ads.example"), ["A 192.0.2.1"]);
    // A device that nobody knew is one all the same, told by its hardware address, or else by its address alone.
    sordino.udp().ask(&told("new.example", &[(MAC, &[2, 0, 0, 0, 0, 9])]));
    assert_eq!(device_of(&rest, "new.example").0, "mac-02:00:00:00:00:09");
    sordino.udp().ask(&told("address.example", &[(ECS, &[0, 1, 32, 0, 192, 168, 1, 8])]));
    assert_eq!(device_of(&rest, "address.example"), ("ip-192.168.1.8".into(), "192.168.1.8".into()));
    // Part of an address is no device's.
    sordino.udp().ask(&told("part.example", &[(ECS, &[0, 1, 24, 0, 192, 168, 1])]));
    assert_eq!(device_of(&rest, "part.example").1, "127.0.0.1");
    let asked = forwarder.asked_all();
    assert!(asked.iter().all(|asked| asked.query.option(MAC).is_none() && asked.query.option(ECS).is_none()));
}

#[test]
fn who_is_not_trusted_stays_who_it_is() {
    let forwarder = Forwarder::plain();
    for trusted in ["[]", r#"["127.0.0.1"]"#] {
        let sordino = Setup::before(&forwarder).set("dns", "trusted_forwarders", trusted).start();
        let rest = sordino.rest();
        let stranger = Udp::from("127.0.0.2:0".parse().unwrap(), sordino.dns());
        stranger.ask(&told("claimed.example", &[(MAC, &PHONE), (ECS, &[0, 1, 32, 0, 192, 168, 1, 7])]));
        assert_eq!(device_of(&rest, "claimed.example"), ("ip-127.0.0.2".into(), "127.0.0.2".into()), "{trusted}");
    }
    let (code, said) = Setup::before(&forwarder).set("dns", "trusted_forwarders", r#"["any"]"#).check();
    assert!(code == 2 && said.contains("can pass for any device"), "{said}");
}

#[test]
fn an_answer_to_a_forwarder_does_not_depend_on_what_another_device_was_answered() {
    let forwarder = Forwarder::plain();
    let guest = "\n[[profile]]\nname = \"default\"\nlists = { ads = \"off\" }\n[[profile]]\nname = \"guests\"\n";
    let sordino = Setup::before(&forwarder)
        .set("dns", "trusted_forwarders", r#"["loopback"]"#)
        .list("ads", "block", "ads.example\n")
        .table(guest)
        .set("house", "newcomers", "\"guests\"")
        .table("\n[[device]]\nname = \"mine\"\nmac = \"3c:5a:b4:01:02:03\"\nprofile = \"default\"\n")
        .start();
    for _ in 0..2 {
        let mine = sordino.udp().ask(&told("ads.example", &[(MAC, &PHONE)]));
        assert_eq!(mine.texts(), ["A 192.0.2.1"]);
        let newcomer = sordino.udp().ask(&told("ads.example", &[(MAC, &[2, 0, 0, 0, 0, 9])]));
        assert_eq!(newcomer.texts(), ["A 0.0.0.0"], "a newcomer has the profile of newcomers");
    }
}

/// A router on which dnsmasq asks sordino, and a phone behind it, each in a network namespace of its own.
struct House {
    router: String,
    phone: String,
    dnsmasq: Option<Child>,
}

impl House {
    /// None where namespaces cannot be made, or dnsmasq is not there.
    fn build() -> Option<Self> {
        let id = std::process::id();
        let (router, phone) = (format!("sordino-dnsmasq-{id}"), format!("sordino-asker-{id}"));
        let has_dnsmasq = Command::new("dnsmasq").arg("--version").output().is_ok_and(|output| output.status.success());
        if !has_dnsmasq || !ip(&["netns", "add", &router]).status.success() {
            println!("skipped: this needs root, iproute2 and dnsmasq");
            return None;
        }
        let house = Self { router, phone, dnsmasq: None };
        let (router, phone) = (house.router.as_str(), house.phone.as_str());
        for words in [
            &["netns", "add", phone][..],
            &["-n", router, "link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", phone],
            &["-n", phone, "link", "set", "lan", "address", "02:00:5e:10:00:01"],
            &["-n", router, "link", "set", "lo", "up"],
            &["-n", router, "address", "add", "10.77.0.1/24", "dev", "lan"],
            &["-n", phone, "address", "add", "10.77.0.2/24", "dev", "lan"],
            &["-n", router, "link", "set", "lan", "up"],
            &["-n", phone, "link", "set", "lan", "up"],
        ] {
            let output = ip(words);
            assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Some(house)
    }

    fn start_dnsmasq(&mut self) {
        let words =
            ["netns", "exec", &self.router, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root"];
        let more = ["--pid-file=", "--no-resolv", "--no-hosts", "--cache-size=0", "--listen-address=10.77.0.1"];
        let ours = [
            "--bind-interfaces",
            "--server=127.0.0.1#5300",
            "--add-mac",
            "--add-subnet=32,128",
            "--strip-mac",
            "--strip-subnet",
        ];
        let mut command = Command::new("ip");
        command.args(words).args(more).args(ours).stdout(Stdio::null()).stderr(Stdio::null());
        self.dnsmasq = Some(command.spawn().unwrap());
    }

    fn on_phone(&self, words: &[&str]) -> String {
        let output = ip(&[&["netns", "exec", &self.phone], words].concat());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(dnsmasq) = &mut self.dnsmasq {
            let _ = dnsmasq.kill();
            let _ = dnsmasq.wait();
        }
        ip(&["netns", "delete", &self.router]);
        ip(&["netns", "delete", &self.phone]);
    }
}

fn ip(words: &[&str]) -> Output {
    let failed = |_| Command::new("false").output().expect("false");
    Command::new("ip").args(words).output().unwrap_or_else(failed)
}

#[test]
fn behind_a_real_dnsmasq_the_phone_is_still_the_phone() {
    let Some(mut house) = House::build() else { return };
    let password = "a long enough password";
    let (_, hash) = run_with_input(&["hash-password"], password);
    // On a machine of its own it would not see the phone's cable; the kernel's table must not be what tells it here.
    let sordino = Setup::new()
        .server("udp://10.77.0.2")
        .set("dns", "listen", "[\"127.0.0.1:5300\"]")
        .set("dns", "trusted_forwarders", "[\"127.0.0.1\"]")
        .set("web", "listen", "\"10.77.0.1:8053\"")
        .set("web", "password_hash", &format!("{:?}", hash.trim()))
        .set("house", "hosts", "[]")
        .set("house", "leases", "[]")
        .table("\n[[device]]\nname = \"phone\"\nmac = \"02:00:5e:10:00:01\"\n")
        .list("ads", "block", "||ads.example^\n")
        .through(&["ip", "netns", "exec", &house.router])
        .start();
    house.start_dnsmasq();
    let dig = ["dig", "+short", "+tries=1", "+time=2", "@10.77.0.1", "ads.example"];
    until("an answer through dnsmasq", || (house.on_phone(&dig) == "0.0.0.0").then_some(()));
    // A phone that says it is another one does not get past dnsmasq with it.
    let claims = [
        "dig",
        "+short",
        "+tries=1",
        "+time=2",
        "+ednsopt=65001:3c5ab4010203",
        "+subnet=192.0.2.9/32",
        "@10.77.0.1",
        "claimed.ads.example",
    ];
    assert_eq!(house.on_phone(&claims), "0.0.0.0");
    let jar = sordino.dir().join("cookies").to_str().unwrap().to_owned();
    let login = format!("{{\"password\":{password:?}}}");
    let page = "http://10.77.0.1:8053/api/v1";
    house.on_phone(&["curl", "--silent", "--cookie-jar", &jar, "--json", &login, &format!("{page}/login")]);
    let events = until("both questions in the journal", || {
        let said = house.on_phone(&["curl", "--silent", "--cookie", &jar, &format!("{page}/queries?name=ads.example")]);
        let said: Value = serde_json::from_str(&said).ok()?;
        let events = said["events"].as_array()?.clone();
        events.iter().any(|event| event["name"] == "claimed.ads.example").then_some(events)
    });
    for event in events {
        let told = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let expected = ("mac-02:00:5e:10:00:01", "10.77.0.2", "phone");
        assert_eq!(
            (told("device").as_str(), told("address").as_str(), told("device_name").as_str()),
            expected,
            "{event}"
        );
    }
}
