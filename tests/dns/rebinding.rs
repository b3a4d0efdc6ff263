//! Answers from outside that lead into the house.

use crate::support::forwarder::{Forwarder, a, aaaa, cname, https};
use crate::support::sordino::Setup;
use crate::support::until;
use crate::support::wire::*;

/// Ways to write an address inside.
const INSIDE: [&str; 32] = [
    "10.0.0.1",
    "10.255.255.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "192.168.178.1",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.254",
    "0.0.0.1",
    "192.0.0.2",
    "255.255.255.255",
    "::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd00::1",
    "fdff:ffff::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:192.168.1.1",
    "::ffff:169.254.1.1",
    "::192.168.1.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::192.168.1.1",
    "64:ff9b:1::192.168.1.1",
    "64:ff9b:1:c0a8:1:100::",
    "2002:c0a8:101::1",
    "2002:7f00:1::1",
];

fn record(name: &str, address: &str) -> (u16, Record) {
    if address.contains(':') { (AAAA, aaaa(name, 60, address)) } else { (A, a(name, 60, address)) }
}

/// An HTTPS record with hints (RFC 9460 §7.3).
fn hinting(name: &str, key: u16, octets: &[u8]) -> Record {
    let params = [&key.to_be_bytes()[..], &(octets.len() as u16).to_be_bytes(), octets].concat();
    https(name, 60, 1, ".", &params)
}

#[test]
fn w4_no_form_of_an_address_inside_comes_in() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    for (number, address) in INSIDE.into_iter().enumerate() {
        let name = format!("n{number}.evil.example");
        let (qtype, record) = record(&name, address);
        forwarder.holds(&name, vec![record]);
        // From the forwarder, and then from the cache.
        for _ in 0..2 {
            let reply = sordino.ask(&name, qtype);
            assert_eq!((reply.rcode(), reply.texts()), (NOERROR, vec![]), "{address}");
            assert_eq!(reply.ede(), Some((15, "rebinding".into())), "{address}");
            assert_eq!(reply.soa(), Some((10, 10)), "{address}");
        }
    }
    // One bad address spoils the answer, also behind an alias.
    forwarder.holds("mixed.example", vec![a("mixed.example", 60, "192.0.2.1"), a("mixed.example", 60, "10.1.1.1")]);
    forwarder.holds("alias.example", vec![cname("alias.example", 60, "x.example"), a("x.example", 60, "192.168.1.1")]);
    assert!(sordino.resolve("mixed.example").is_empty() && sordino.resolve("alias.example").is_empty());
    let event = sordino.rest().journal("mixed.example");
    let told = (event["verdict"].as_str(), event["outcome"].as_str(), event["list"].as_str());
    assert_eq!(told, (Some("block"), Some("muted"), Some("rebinding")), "{event}");
    let counted = sordino.rest().read("/api/v1/status")["counters"]["rebinding"].as_u64();
    assert_eq!(counted, Some(2 * INSIDE.len() as u64 + 2));
}

#[test]
fn w4_hints_of_https_and_svcb_records_count_as_addresses() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    let six: [u8; 16] = "fd00::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    for (name, key, octets) in [
        ("four.example", 4, &[192, 0, 2, 1, 192, 168, 1, 1][..]),
        ("six.example", 6, &six[..]),
        ("loop.example", 4, &[127, 0, 0, 1]),
    ] {
        forwarder.holds(name, vec![hinting(name, key, octets)]);
        let reply = sordino.ask(name, HTTPS);
        assert_eq!((reply.rcode(), reply.answers.len(), reply.ede().map(|(code, _)| code)), (NOERROR, 0, Some(15)));
    }
    forwarder.holds("good.example", vec![hinting("good.example", 4, &[192, 0, 2, 1])]);
    assert_eq!(sordino.ask("good.example", HTTPS).answers.len(), 1);
}

/// Linux takes 0.0.0.0 for this machine, so it goes no further; the name stays as mute as the forwarder made it.
#[test]
fn a_null_answer_of_a_forwarder_stays_mute_and_is_not_counted_as_ours() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    forwarder.holds("ads.example", vec![a("ads.example", 60, "0.0.0.0"), aaaa("ads.example", 60, "::")]);
    for qtype in [A, AAAA] {
        let reply = sordino.ask("ads.example", qtype);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, 0));
        assert_eq!(reply.ede(), Some((17, "forwarder".into())));
        assert!(reply.soa().is_some());
    }
    let event = sordino.rest().journal("ads.example");
    assert_eq!((event["verdict"].as_str(), event["outcome"].as_str()), (Some("pass"), Some("forwarded")), "{event}");
}

#[test]
fn names_that_are_excepted_may_lead_inside_and_aliases_to_them_may_not() {
    let forwarder = Forwarder::plain();
    let excepting = "\n[rebinding]\nexcept = [\"plex.direct\"]\n";
    let sordino = Setup::before(&forwarder).table(excepting).start();
    let name = "192-168-1-5.abc.plex.direct";
    forwarder.holds(name, vec![a(name, 60, "192.168.1.5")]);
    assert_eq!(sordino.resolve(name), ["A 192.168.1.5"]);
    forwarder.holds("evil.example", vec![cname("evil.example", 60, name), a(name, 60, "192.168.1.5")]);
    assert!(sordino.resolve("evil.example").is_empty());
    // An own rule of the operator is as good.
    forwarder.holds("nas.example", vec![a("nas.example", 60, "192.168.1.9")]);
    assert!(sordino.resolve("nas.example").is_empty());
    let rule = serde_json::json!({ "name": "nas.example", "subtree": false, "action": "allow", "scope": "everyone" });
    assert_eq!(sordino.rest().post("/api/v1/rules", &rule).0, 201);
    until("the exception", || (sordino.resolve("nas.example").last()? == "A 192.168.1.9").then_some(()));
}

#[test]
fn the_protection_can_be_switched_off_and_follows_a_reload() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("free", "allow", "evil.example\n").start();
    forwarder.holds("evil.example", vec![a("evil.example", 60, "192.168.1.1")]);
    // A list that allows comes from outside, too.
    assert!(sordino.resolve("evil.example").is_empty());
    let path = sordino.dir().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[rebinding]\nprotect = false\n")).unwrap();
    sordino.signal("HUP");
    until("the switch", || (sordino.resolve("evil.example").last()? == "A 192.168.1.1").then_some(()));
}

/// A forwarder of the operator's own for some names knows addresses of the house.
#[test]
fn names_of_a_route_may_lead_inside() {
    let (outside, inside) = (Forwarder::plain(), Forwarder::plain());
    let route = format!("\n[[upstream.route]]\ndomains = [\"office.example\"]\nservers = [{:?}]\n", inside.udp());
    let sordino = Setup::before(&outside).table(&route).start();
    for forwarder in [&outside, &inside] {
        for name in ["nas.office.example", "nas.other.example"] {
            forwarder.holds(name, vec![a(name, 60, "192.168.1.9")]);
        }
    }
    assert_eq!(sordino.resolve("nas.office.example"), ["A 192.168.1.9"]);
    assert!(sordino.resolve("nas.other.example").is_empty());
}
