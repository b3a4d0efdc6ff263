//! Names with a meaning of their own, which no forwarder hears of.

use crate::support::forwarder::Forwarder;
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    (forwarder, sordino)
}

/// The reverse name of an address.
fn reverse(address: &str) -> String {
    match address.parse().unwrap() {
        std::net::IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        std::net::IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
            let text: Vec<String> = nibbles.rev().map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", text.join("."))
        }
    }
}

#[test]
fn rfc6761_6_3_localhost_is_this_machine() {
    let (forwarder, sordino) = house();
    for name in ["localhost", "foo.localhost", "a.b.LOCALHOST"] {
        assert_eq!(sordino.ask(name, A).texts(), ["A 127.0.0.1"], "{name}");
        assert_eq!(sordino.ask(name, AAAA).texts(), ["AAAA ::1"], "{name}");
        let reply = sordino.ask(name, MX);
        assert_eq!((reply.rcode(), reply.answers.len(), reply.soa().is_some()), (NOERROR, 0, true), "{name}");
    }
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(sordino.ask(&reverse(address), PTR).texts(), ["PTR localhost."], "{address}");
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn names_that_mean_nothing_outside_are_not_sent_outside() {
    let (forwarder, sordino) = house();
    for name in [
        "x.invalid",     // RFC 6761 §6.4
        "x.onion",       // RFC 7686 §2
        "x.alt",         // RFC 9476 §2
        "printer.local", // RFC 6762 §22.1
        "x.home.arpa",   // RFC 8375 §4
        "nas",           // a single label is a thing in the house
        "x.lan",         // RFC 6762 appendix G, as the next ones
        "x.home",
        "x.corp",
        "x.intranet",
        "x.private",
        "x.internal", // reserved by ICANN in 2024
    ] {
        let reply = sordino.ask(name, A);
        assert_eq!((reply.rcode(), reply.soa().is_some()), (NXDOMAIN, true), "{name}");
    }
    for qtype in [AAAA, SVCB, HTTPS] {
        assert_eq!(sordino.ask("nas", qtype).rcode(), NXDOMAIN, "what browsers ask besides");
    }
    assert!(forwarder.asked_all().is_empty());
}

/// What is above a name that exists, exists (RFC 8020 §2): who hears otherwise may not ask for the devices any more.
#[test]
fn rfc6303_3_the_zones_of_the_house_exist() {
    let forwarder = Forwarder::plain();
    let device = "\n[[device]]\nname = \"Phone\"\nip = \"192.168.7.9\"\n";
    let sordino = Setup::before(&forwarder).table(device).start();
    assert_eq!(sordino.ask("phone.home.arpa", A).texts(), ["A 192.168.7.9"]);
    assert_eq!(sordino.ask("9.7.168.192.in-addr.arpa", PTR).texts(), ["PTR phone.home.arpa."]);
    for zone in ["home.arpa", "168.192.in-addr.arpa", "16.172.in-addr.arpa", "d.f.ip6.arpa", "resolver.arpa"] {
        let reply = sordino.ask(zone, SOA);
        assert_eq!((reply.rcode(), reply.answers.len(), reply.answers[0].rtype), (NOERROR, 1, SOA), "{zone}");
        for qtype in [A, NS, PTR] {
            let reply = sordino.ask(zone, qtype);
            assert_eq!((reply.rcode(), reply.answers.len(), reply.soa().is_some()), (NOERROR, 0, true), "{zone}");
        }
    }
    for name in ["7.168.192.in-addr.arpa", "0.d.f.ip6.arpa"] {
        let reply = sordino.ask(name, PTR);
        assert_eq!((reply.rcode(), reply.answers.len(), reply.soa().is_some()), (NOERROR, 0, true), "{name}");
    }
    assert!(forwarder.asked_all().is_empty());
}

/// RFC 8375 §4: the insecure delegation stays visible to stubs that validate.
#[test]
fn rfc8375_4_the_delegation_of_home_arpa_may_be_asked_for() {
    let (forwarder, sordino) = house();
    assert_eq!(sordino.ask("home.arpa", DS).rcode(), NOERROR);
    assert_eq!(forwarder.asked("home.arpa").len(), 1);
}

#[test]
fn rfc6303_4_reverse_names_of_private_addresses_stay_here() {
    let (forwarder, sordino) = house();
    for address in [
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.77",
        "100.64.0.1",
        "100.127.0.1",
        "127.0.0.53",
        "169.254.1.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "0.0.0.1",
        "255.255.255.255",
        "fd00::1",
        "fc00::1",
        "fe80::1",
        "feb0::1",
        "::",
        "2001:db8::1",
    ] {
        let reply = sordino.ask(&reverse(address), PTR);
        // Unless the machine that runs this test has a neighbour of that address, which then is a device with a name.
        let known = reply.texts().iter().any(|text| text.ends_with(".home.arpa."));
        assert!(known || (reply.rcode(), reply.soa().is_some()) == (NXDOMAIN, true), "{address}");
    }
    assert!(forwarder.asked_all().is_empty());
    // Those next to them are like any other.
    for address in
        ["172.32.0.1", "172.15.0.1", "100.128.0.1", "192.169.0.1", "11.0.0.1", "2001:db9::1", "fec0::1", "2620:fe::9"]
    {
        sordino.ask(&reverse(address), PTR);
        assert_eq!(forwarder.asked(&reverse(address)).len(), 1, "{address}");
    }
}

#[test]
fn rfc9462_6_4_names_below_resolver_arpa_are_not_forwarded() {
    let (forwarder, sordino) = house();
    for (name, qtype) in [("_dns.resolver.arpa", SVCB), ("resolver.arpa", A), ("x.resolver.arpa", AAAA)] {
        let reply = sordino.ask(name, qtype);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, 0), "{name}");
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn names_like_any_other_are_forwarded() {
    let (forwarder, sordino) = house();
    for name in ["www.example", "ipv4only.arpa", "localhost.example", "x.test", "invalid.example", "onion.example.com"]
    {
        sordino.ask(name, A);
        assert_eq!(forwarder.asked(name).len(), 1, "{name}");
    }
    for (name, qtype) in [(".", NS), ("com", NS), ("com", DS)] {
        sordino.ask(name, qtype);
        assert!(forwarder.asked(name).iter().any(|asked| asked.query.questions[0].qtype == qtype), "{name}");
    }
}
