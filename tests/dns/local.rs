//! Names of the house: own records and zones, and devices by name.

use serde_json::{Value, json};

use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, a};
use crate::support::rest::Rest;
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

/// Where an alias of the operator's leads to something in the house, nobody outside is asked about that.
#[test]
fn an_alias_may_lead_to_a_device_and_to_no_name_that_stays_here_outside() {
    let device = "\n[[device]]\nname = \"Phone\"\nip = \"192.168.7.9\"\n";
    let alias = |name: &str, target: &str| format!("\n[[local]]\nname = {name:?}\ncname = {target:?}\n");
    let own: String = [
        ("print.house.example", "phone.home.arpa"),
        ("old.house.example", "gone.lan"),
        ("here.house.example", "localhost"),
        ("near.house.example", "print.house.example"),
        ("far.house.example", "fails.example"),
    ]
    .map(|(name, target)| alias(name, target))
    .concat();
    let forwarder = Forwarder::plain();
    forwarder.fails("fails.example", SERVFAIL);
    let rule = "|rule.example^$dnsrewrite=NOERROR;CNAME;phone.home.arpa\n";
    let setup = Setup::before(&forwarder).table(&own).table(device).list("mine", "block", rule);
    let sordino = setup.table("trusted = true\n").start();
    for name in ["print.house.example", "rule.example"] {
        let reply = sordino.ask(name, A);
        assert_eq!(reply.texts(), ["CNAME phone.home.arpa.", "A 192.168.7.9"], "{name}");
        assert_eq!(reply.answers[1].name, name_wire("phone.home.arpa"), "{name}");
        let reply = sordino.ask(name, AAAA);
        assert_eq!((reply.rcode(), reply.texts()), (NOERROR, vec!["CNAME phone.home.arpa.".to_owned()]), "{name}");
        assert_eq!(reply.authority[0].name, name_wire("phone.home.arpa"), "what is not there is behind the alias");
    }
    assert_eq!(
        sordino.resolve("near.house.example"),
        ["CNAME phone.home.arpa.", "A 192.168.7.9"],
        "own aliases are one"
    );
    let reply = sordino.ask("old.house.example", A);
    assert_eq!((reply.rcode(), reply.texts()), (NXDOMAIN, vec!["CNAME gone.lan.".to_owned()]));
    assert_eq!(sordino.resolve("here.house.example"), ["CNAME localhost.", "A 127.0.0.1"]);
    assert!(forwarder.asked_all().is_empty());
    // A failure behind an alias is held like any other.
    for _ in 0..20 {
        assert_eq!(sordino.ask("far.house.example", A).rcode(), SERVFAIL);
    }
    let asked = forwarder.asked("fails.example").len();
    assert!(asked <= 9, "{asked} questions");
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

/// What is made in the page is served at once, with what the file says, and survives both a reload and a restart.
#[test]
fn names_of_the_house_can_be_made_in_the_page() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).table(OWN).start();
    let rest = sordino.rest();
    let rows = |rest: &Rest| rest.read("/api/v1/local").as_array().unwrap().clone();
    let fixed = rows(&rest);
    assert!(fixed.iter().all(|row| row["fixed"] == true && row["id"].is_null()), "{fixed:?}");
    let row = |name: &str, kind: &str, value: &str| json!({ "name": name, "type": kind, "value": value });
    let told = |rows: &[Value], name: &str, kind: &str| {
        let found = rows.iter().find(|row| row["name"] == name && row["type"] == kind);
        found.map(|row| row["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(told(&fixed, "mail.lan", "MX").as_deref(), Some("10 nas.home.arpa."));
    assert_eq!(told(&fixed, "nas.home.arpa", "AAAA").as_deref(), Some("fd00::5"));

    let mut ids = Vec::new();
    for (name, kind, value, qname, qtype, texts) in [
        ("Printer.lan", "A", "192.168.1.9", "printer.lan", A, &["A 192.168.1.9"][..]),
        ("printer.lan", "AAAA", "fd00::9", "printer.lan", AAAA, &["AAAA fd00::9"]),
        ("scan.lan", "CNAME", "printer.lan", "scan.lan", A, &["CNAME printer.lan.", "A 192.168.1.9"]),
        ("192.168.1.77", "PTR", "tv.lan", "77.1.168.192.in-addr.arpa", PTR, &["PTR tv.lan."]),
        ("nas.home.arpa", "A", "192.168.1.55", "nas.home.arpa", A, &["A 192.168.1.5", "A 192.168.1.55"]),
        ("note.lan", "TXT", "in the cellar", "note.lan", TXT, &[]),
    ] {
        let (status, made) = rest.post("/api/v1/local", &row(name, kind, value));
        assert_eq!((status.as_u16(), &made["fixed"], &made["ttl"]), (201, &json!(false), &json!(300)), "{made}");
        ids.push(made["id"].as_u64().unwrap());
        let reply = sordino.ask(qname, qtype);
        assert!(reply.has(AA) && !reply.answers.is_empty(), "{qname}");
        if qtype != TXT {
            assert_eq!(reply.texts(), texts, "{qname}");
        }
    }
    for (body, status) in [
        (row("printer.lan", "A", "192.168.1"), 422),
        (row("a..b", "A", "192.168.1.1"), 422),
        (row("printer.lan", "CNAME", "nas.home.arpa"), 422),
        (row("scan.lan", "A", "192.168.1.1"), 422),
        (row("note.lan", "TXT", "two\nlines"), 422),
        (row("printer.lan", "MX", "10 nas.home.arpa"), 422),
        (row("nas.home.arpa", "A", "192.168.1.5"), 409),
    ] {
        let (got, problem) = rest.post("/api/v1/local", &body);
        assert_eq!(got.as_u16(), status, "{body}: {problem}");
    }
    // Made twice is made once.
    let again = json!({ "name": "printer.lan", "type": "A", "value": "192.168.1.9", "ttl": 60 });
    assert_eq!(rest.post("/api/v1/local", &again).1["id"].as_u64(), Some(ids[0]));
    assert_eq!(rows(&rest).len(), fixed.len() + ids.len());

    sordino.signal("HUP");
    let (_, reloaded) = rest.post("/api/v1/reload", &json!({}));
    assert_eq!(reloaded["problems"], json!([]));
    assert_eq!(sordino.resolve("printer.lan"), ["A 192.168.1.9"]);
    let sordino = sordino.kill_and_restart();
    let rest = sordino.rest();
    assert_eq!(sordino.resolve("scan.lan"), ["CNAME printer.lan.", "A 192.168.1.9"]);
    for id in ids {
        assert_eq!(rest.delete(&format!("/api/v1/local/{id}")).0.as_u16(), 204);
        assert_eq!(rest.delete(&format!("/api/v1/local/{id}")).0.as_u16(), 404);
    }
    assert_eq!(sordino.ask("printer.lan", A).rcode(), NXDOMAIN);
    assert_eq!(sordino.resolve("nas.home.arpa"), ["A 192.168.1.5"]);
    assert_eq!(rows(&rest), fixed);
    assert!(forwarder.asked_all().is_empty());
}
