//! Names of the house: own records and zones, and devices by name.

use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, a};
use crate::support::sordino::Setup;
use crate::support::until;
use crate::support::wire::*;

const OWN: &str = r#"
[[local]]
name = "nas.home.arpa"
address = ["192.168.1.5", "fd00::5"]
txt = "in the cellar"

[[local]]
name = "*.apps.lan"
address = "192.168.1.6"

[[local]]
name = "shop.example.com"
cname = "www.example.net"

[[local]]
name = "mail.lan"
records = ["MX 10 nas.home.arpa.", "A 192.168.1.7"]
ttl = 60
"#;

#[test]
fn own_records_answer_for_every_type_and_never_leave_the_house() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).table(OWN).list("ads", "block", "nas.home.arpa\n").start();
    for (name, qtype, texts) in [
        ("nas.home.arpa", A, &["A 192.168.1.5"][..]),
        ("NAS.home.arpa", AAAA, &["AAAA fd00::5"]),
        ("x.apps.lan", A, &["A 192.168.1.6"]),
        ("y.x.apps.lan", A, &["A 192.168.1.6"]),
        ("mail.lan", A, &["A 192.168.1.7"]),
        ("5.1.168.192.in-addr.arpa", PTR, &["PTR nas.home.arpa."]),
    ] {
        let reply = sordino.ask(name, qtype);
        assert_eq!(
            (reply.rcode(), reply.texts()),
            (NOERROR, texts.iter().map(ToString::to_string).collect()),
            "{name}"
        );
        // RFC 1035 §4.1.1: nobody but this house is an authority for them.
        assert!(reply.has(AA) && reply.has(RA) && !reply.has(AD), "{name}");
    }
    assert_eq!(sordino.ask("nas.home.arpa", TXT).answers[0].data, b"\x0din the cellar");
    assert_eq!((sordino.ask("mail.lan", MX).answers.len(), sordino.ask("mail.lan", MX).ttl()), (1, 60));
    for (name, rcode) in [("nas.home.arpa", NOERROR), ("other.home.arpa", NXDOMAIN), ("apps.lan", NXDOMAIN)] {
        let reply = sordino.ask(name, MX);
        assert_eq!((reply.rcode(), reply.answers.len(), reply.soa().is_some()), (rcode, 0, true), "{name}");
    }
    assert!(forwarder.asked_all().is_empty());
    // An alias to a name outside is resolved outside.
    assert_eq!(sordino.resolve("shop.example.com"), ["CNAME www.example.net.", "A 192.0.2.1"]);
    assert!(forwarder.asked("shop.example.com").is_empty() && forwarder.asked("www.example.net").len() == 1);
    let event = sordino.rest().journal("nas.home.arpa");
    assert_eq!((event["outcome"].as_str(), event["verdict"].as_str()), (Some("local"), Some("pass")), "{event}");
}

const ZONE: &str = "$TTL 120\n@ SOA ns hostmaster 7 3600 600 86400 30\n@ NS ns\nns A 192.168.1.2\nwww CNAME ns\n\
    *.wild A 192.168.1.3\na.b.c TXT \"deep\"\n";

#[test]
fn rfc1035_5_a_zone_file_is_served_with_its_own_soa_and_follows_a_reload() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).table("\n[[zone]]\nname = \"lab.example\"\nfile = \"lab.zone\"\n");
    let path = setup.dir().join("lab.zone");
    std::fs::write(&path, ZONE).unwrap();
    let sordino = setup.start();
    assert_eq!(sordino.resolve("www.lab.example"), ["CNAME ns.lab.example.", "A 192.168.1.2"]);
    assert_eq!(sordino.resolve("x.wild.lab.example"), ["A 192.168.1.3"]);
    assert_eq!(sordino.ask("lab.example", SOA).answers.len(), 1);
    for (name, rcode) in [("none.lab.example", NXDOMAIN), ("b.c.lab.example", NOERROR), ("ns.lab.example", NOERROR)] {
        let reply = sordino.ask(name, AAAA);
        // RFC 2308 §3: the SOA record of the zone, with the least of its TTL and MINIMUM.
        assert_eq!((reply.rcode(), reply.soa()), (rcode, Some((30, 30))), "{name}");
        assert_eq!(name_text(&reply.authority[0].name), "lab.example.");
    }
    assert!(forwarder.asked_all().is_empty());
    std::fs::write(&path, ZONE.replace("192.168.1.2", "192.168.1.22")).unwrap();
    sordino.signal("HUP");
    until("the new zone", || (sordino.resolve("ns.lab.example").last()? == "A 192.168.1.22").then_some(()));
    // A file that cannot be read leaves the old records in force, and that is told.
    std::fs::write(&path, "www A what").unwrap();
    sordino.signal("HUP");
    let rest = sordino.rest();
    until("the problem", || rest.read("/api/v1/status")["problems"].to_string().contains("lab.zone").then_some(()));
    assert_eq!(sordino.resolve("ns.lab.example"), ["A 192.168.1.22"]);
}

#[test]
fn devices_are_found_by_name_and_named_by_address() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder)
        .table("\n[[device]]\nname = \"Anna's phone\"\nip = [\"192.168.1.7\", \"fd00::7\"]\n")
        .start();
    for name in ["annas-phone.home.arpa", "annas-phone"] {
        assert_eq!(sordino.ask(name, A).texts(), ["A 192.168.1.7"], "{name}");
        assert_eq!(sordino.ask(name, AAAA).texts(), ["AAAA fd00::7"], "{name}");
        let reply = sordino.ask(name, TXT);
        assert_eq!((reply.rcode(), reply.answers.len(), reply.soa().is_some()), (NOERROR, 0, true), "{name}");
    }
    assert_eq!(sordino.ask("7.1.168.192.in-addr.arpa", PTR).texts(), ["PTR annas-phone.home.arpa."]);
    assert_eq!(sordino.ask("8.1.168.192.in-addr.arpa", PTR).rcode(), NXDOMAIN);
    assert_eq!(sordino.ask("bobs-phone.home.arpa", A).rcode(), NXDOMAIN);
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn mistakes_in_own_records_are_told_with_their_place() {
    for (table, word) in [
        ("[[local]]\nname = \"a..b\"\naddress = \"192.168.1.1\"", "no domain name"),
        ("[[local]]\nname = \"a.lan\"", "nothing is said"),
        ("[[local]]\nname = \"a.lan\"\naddress = \"192.168.1\"", "no address"),
        ("[[local]]\nname = \"a.lan\"\ncname = \"b.lan\"\naddress = \"192.168.1.1\"", "an alias stands alone"),
        ("[[local]]\nname = \"a.lan\"\nrecords = [\"MX what\"]", "cannot be read"),
        ("[bypass]\nfirefox = true", "there is no key firefox"),
    ] {
        let (code, said) = Setup::new().server("udp://192.0.2.1").table(&format!("\n{table}\n")).check();
        assert!(code == 2 && said.contains(word) && said.contains("config.toml:"), "{table}: {said}");
    }
}

#[test]
fn canaries_do_not_exist_unless_their_switch_is_off() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    for name in ["use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com"] {
        for qtype in [A, AAAA, HTTPS] {
            let reply = sordino.ask(name, qtype);
            assert_eq!(
                (reply.rcode(), reply.soa(), reply.ede()),
                (NXDOMAIN, Some((10, 10)), Some((15, "bypass".into()))),
                "{name}"
            );
        }
    }
    assert!(forwarder.asked_all().is_empty());
    assert_eq!(sordino.resolve("dns.google"), ["A 192.0.2.1"]);
    let event = sordino.rest().journal("mask.icloud.com");
    assert_eq!((event["verdict"].as_str(), event["list"].as_str()), (Some("block"), Some("bypass")), "{event}");
    let off = "\n[bypass]\nstop_firefox_doh = false\nstop_private_relay = false\nstop_doh_providers = true\n";
    let sordino = Setup::before(&forwarder).table(off).start();
    for (name, rcode) in [
        ("use-application-dns.net", NOERROR),
        ("mask.icloud.com", NOERROR),
        ("mask-h2.icloud.com", NOERROR),
        ("dns.google", NXDOMAIN),
        ("mozilla.cloudflare-dns.com", NXDOMAIN),
        ("www.google.com", NOERROR),
    ] {
        assert_eq!(sordino.ask(name, A).rcode(), rcode, "{name}");
    }
    // What the operator allows is allowed.
    let rule = serde_json::json!({ "name": "dns.google", "subtree": false, "action": "allow", "scope": "everyone" });
    assert_eq!(sordino.rest().post("/api/v1/rules", &rule).0, 201);
    until("the exception", || (sordino.ask("dns.google", A).rcode() == NOERROR).then_some(()));
}

/// A name of the house is no way around its guard: what comes from outside for names beside it is looked at as ever.
#[test]
fn own_zones_may_lead_inside_and_names_beside_them_may_not() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).table(OWN).start();
    forwarder.holds("example.com", vec![a("x.example.com", 60, "192.168.1.1")]);
    assert!(sordino.resolve("x.example.com").is_empty());
    let udp: Udp = sordino.udp();
    assert_eq!(udp.ask(&query("nas.home.arpa", A)).texts(), ["A 192.168.1.5"]);
}
