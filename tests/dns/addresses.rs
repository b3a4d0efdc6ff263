//! Where an answer leads by its addresses, and what hides behind many aliases.

use crate::support::forwarder::{Forwarder, a, aaaa, cname, https};
use crate::support::sordino::{Setup, run};
use crate::support::wire::*;

const ZONE: &str = "$TTL 60\n@ SOA ns. host. 1 2 3 4 5\n\
    24.0.100.51.198.rpz-ip CNAME .\n\
    32.9.100.51.198.rpz-ip CNAME rpz-passthru.\n\
    48.zz.bad.db8.2001.rpz-ip CNAME *.\n";

#[test]
fn rpz_response_ip_mutes_every_answer_that_leads_there() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("zone", "block", ZONE).start();
    for (name, addresses, passes) in [
        ("bad.example", &["198.51.100.7"][..], false),
        ("mixed.example", &["192.0.2.1", "198.51.100.255"], false),
        ("freed.example", &["198.51.100.9"], true),
        // What lets one address pass says nothing of the other.
        ("both.example", &["198.51.100.9", "198.51.100.8"], false),
        ("good.example", &["198.51.101.1"], true),
    ] {
        forwarder.holds(name, addresses.iter().map(|address| a(name, 60, address)).collect());
        let reply = sordino.ask(name, A);
        assert_eq!(reply.texts() != ["A 0.0.0.0"], passes, "{name}: {:?}", reply.texts());
        assert_eq!(reply.ede(), (!passes).then(|| (15, "zone".into())), "{name}");
    }
    forwarder.holds("six.example", vec![aaaa("six.example", 60, "2001:db8:bad::1")]);
    assert_eq!(sordino.ask("six.example", AAAA).texts(), ["AAAA ::"]);
    // Hints are addresses, too.
    forwarder.holds("hint.example", vec![https("hint.example", 60, 1, ".", &[0, 4, 0, 4, 198, 51, 100, 1])]);
    assert_eq!(sordino.ask("hint.example", HTTPS).answers.len(), 0);
    let event = sordino.rest().journal("bad.example");
    let told = (event["verdict"].as_str(), event["outcome"].as_str(), event["list"].as_str());
    assert_eq!(told, (Some("block"), Some("muted"), Some("zone")), "{event}");
    // And it can be explained.
    let config = sordino.dir().join("config.toml");
    let (code, said) = run(&["--config", config.to_str().unwrap(), "explain", "198.51.100.7"]);
    assert!(code == 0 && said.contains("198.51.100.0/24") && said.contains("zone"), "{said}");
}

#[test]
fn rpz_client_ip_is_about_everything_a_device_asks() {
    let forwarder = Forwarder::plain();
    let zone = "$TTL 60\n@ SOA ns. host. 1 2 3 4 5\n32.1.0.0.127.rpz-client-ip CNAME .\n";
    let sordino = Setup::before(&forwarder).list("zone", "block", zone).start();
    assert_eq!(sordino.resolve("www.example"), ["A 0.0.0.0"]);
    let zone = zone.replace("32.1.0", "32.2.0");
    let sordino = Setup::before(&forwarder).list("zone", "block", &zone).start();
    assert_eq!(sordino.resolve("www.example"), ["A 192.0.2.1"]);
}

#[test]
fn addresses_stand_among_the_rules_of_other_lists() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder)
        .list(
            "ads",
            "block",
            "||198.51.100.1^\n198.51.100.2\n|198.51.100.64/26^\n@@||198.51.100.65^\n0.0.0.0\n127.0.0.1\n",
        )
        .list("curious", "watch", "198.51.100.3\n")
        .start();
    for (last, expected) in [(1, false), (2, false), (100, false), (65, true), (3, true), (4, true)] {
        let (name, address) = (format!("n{last}.example"), format!("198.51.100.{last}"));
        forwarder.holds(&name, vec![a(&name, 60, &address)]);
        assert_eq!(sordino.resolve(&name) != ["A 0.0.0.0"], expected, "{address}");
    }
    let event = sordino.rest().journal("n3.example");
    assert_eq!((event["verdict"].as_str(), event["list"].as_str()), (Some("watch"), Some("curious")), "{event}");
    // A half line of a hosts file is no rule about null answers.
    let lists = sordino.rest().read("/api/v1/lists");
    assert!(lists.to_string().contains("not_a_name"), "{lists}");
}

/// However long the chain, the tracker at its end is found or nothing is served.
#[test]
fn p15_trackers_behind_1_7_16_17_and_100_links_and_in_a_loop() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "||tracker.example^\n").start();
    for links in [1, 7, 16, 17, 100] {
        let link = |number: usize| format!("l{number}.d{links}.example");
        let mut chain: Vec<Record> =
            (0..links - 1).map(|number| cname(&link(number), 300, &link(number + 1))).collect();
        chain.push(cname(&link(links - 1), 300, "hidden.tracker.example"));
        chain.push(a("hidden.tracker.example", 300, "192.0.2.66"));
        forwarder.holds(&link(0), chain);
        let reply = sordino.ask(&link(0), A);
        let muted = reply.texts() == ["A 0.0.0.0"];
        assert_eq!(muted, links <= 16, "{links} links: {:?}", reply.texts());
        assert!(muted || (reply.rcode(), reply.answers.len()) == (SERVFAIL, 0), "{links} links");
    }
    for (from, to) in [("a.loop.example", "b.loop.example"), ("self.example", "self.example")] {
        forwarder.holds(from, vec![cname(from, 300, to), cname(to, 300, from)]);
        let reply = sordino.ask(from, A);
        assert_eq!((reply.rcode(), reply.answers.len()), (SERVFAIL, 0), "{from}");
    }
}

/// Neither its hints nor its keys for hidden names (ECH, RFC 9849) leave the house, also when an alias leads to it.
#[test]
fn https_records_of_a_muted_name_never_leak() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "||tracker.example^\n").start();
    let ech = [0, 4, 0, 4, 192, 0, 2, 66, 0, 5, 0, 4, 0xde, 0xad, 0xbe, 0xef];
    for name in ["tracker.example", "x.tracker.example"] {
        forwarder.holds(name, vec![https(name, 60, 1, ".", &ech)]);
    }
    let own = "shop.example";
    forwarder.holds(own, vec![cname(own, 60, "x.tracker.example"), https("x.tracker.example", 60, 1, ".", &ech)]);
    for name in ["tracker.example", "x.tracker.example", own] {
        for qtype in [HTTPS, SVCB] {
            let reply = sordino.ask(name, qtype);
            assert_eq!(
                (reply.rcode(), reply.answers.len(), reply.ede()),
                (NOERROR, 0, Some((15, "ads".into()))),
                "{name}"
            );
        }
    }
    assert!(forwarder.asked("tracker.example").is_empty());
}
