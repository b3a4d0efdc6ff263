//! Names that have forwarders of their own.

use crate::support::forwarder::{Forwarder, Plan, a, answer, cname, with_rcode};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

fn route(domains: &[&str], forwarder: &Forwarder) -> String {
    format!("\n[[upstream.route]]\ndomains = {domains:?}\nservers = [{:?}]\n", forwarder.udp())
}

/// A house whose `corp.example` and private reverse zone have a forwarder of their own.
fn house() -> (Forwarder, Forwarder, Sordino) {
    let (public, corp) = (Forwarder::plain(), Forwarder::plain());
    let table = route(&["corp.example", "168.192.in-addr.arpa", "lan"], &corp);
    let sordino = Setup::before(&public).table(&table).start();
    (public, corp, sordino)
}

#[test]
fn a_routed_name_is_asked_of_its_own_forwarder_and_of_no_other() {
    let (public, corp, sordino) = house();
    for (name, routed) in [
        ("corp.example", true),
        ("nas.CORP.example", true),
        ("a.b.corp.example", true),
        ("xcorp.example", false),
        ("example", false),
        ("corp.example.org", false),
    ] {
        sordino.ask(name, AAAA);
        let asked = (public.asked(name).len(), corp.asked(name).len());
        let single_label = name == "example";
        assert_eq!(asked, if routed { (0, 1) } else { (usize::from(!single_label), 0) }, "{name}");
    }
}

#[test]
fn the_longest_domain_decides() {
    let (public, corp, lab) = (Forwarder::plain(), Forwarder::plain(), Forwarder::plain());
    let tables = [route(&["corp.example"], &corp), route(&["lab.corp.example"], &lab)].concat();
    let sordino = Setup::before(&public).table(&tables).start();
    sordino.resolve("x.lab.corp.example");
    sordino.resolve("lab2.corp.example");
    let asked = [&public, &corp, &lab].map(|forwarder| forwarder.asked_all().len());
    assert_eq!(asked, [0, 1, 1]);
    assert_eq!(lab.asked("x.lab.corp.example").len(), 1);
}

/// RFC 6303 §3: names that mean nothing outside leave the house only when the operator says where to.
#[test]
fn rfc6303_3_private_names_are_asked_about_only_where_they_are_routed() {
    let (public, corp, sordino) = house();
    let pointer = |name: &str| Record::new(name, PTR, 300, name_wire("nas.lan"));
    corp.holds("7.1.168.192.in-addr.arpa", vec![pointer("7.1.168.192.in-addr.arpa")]);
    assert_eq!(sordino.ask("7.1.168.192.in-addr.arpa", PTR).texts(), ["PTR nas.lan."]);
    assert_eq!(sordino.resolve("nas.lan"), ["A 192.0.2.1"]);
    for name in ["7.0.0.10.in-addr.arpa", "x.home.arpa", "x.internal"] {
        assert_eq!(sordino.ask(name, PTR).rcode(), NXDOMAIN, "{name}");
    }
    assert!(public.asked_all().is_empty());
    assert_eq!(corp.asked_all().len(), 2);
}

/// The guard against rebinding is about the world outside; whom the operator routes to may speak of the house.
#[test]
fn a_routed_name_may_lead_into_the_house() {
    let (_public, corp, sordino) = house();
    corp.holds("printer.corp.example", vec![a("printer.corp.example", 300, "192.168.1.9")]);
    assert_eq!(sordino.resolve("printer.corp.example"), ["A 192.168.1.9"]);
}

/// MaginotDNS: a forwarder of some names says nothing about others, neither at the end of an alias nor beside it.
#[test]
fn p7_a_forwarder_is_believed_about_the_names_of_its_route_only() {
    let (public, corp, sordino) = house();
    corp.on("www.corp.example", |query, _| {
        let mut message =
            answer(query, &[cname("www.corp.example", 300, "bank.example"), a("bank.example", 300, "192.0.2.66")]);
        message.additional.push(a("bank.example", 300, "192.0.2.66"));
        Plan::Answer(message)
    });
    public.holds("bank.example", vec![a("bank.example", 300, "192.0.2.7")]);
    for _ in 0..2 {
        assert_eq!(sordino.resolve("www.corp.example"), ["CNAME bank.example.", "A 192.0.2.7"]);
        assert_eq!(sordino.resolve("bank.example"), ["A 192.0.2.7"]);
    }
    assert!(corp.asked("bank.example").is_empty());
    // And the other way round: the world says nothing about the names of a route.
    public.on("intruder.example", |query, _| {
        let records = [cname("intruder.example", 300, "nas.corp.example"), a("nas.corp.example", 300, "192.0.2.66")];
        Plan::Answer(answer(query, &records))
    });
    corp.holds("nas.corp.example", vec![a("nas.corp.example", 300, "192.0.2.8")]);
    assert_eq!(sordino.resolve("intruder.example"), ["CNAME nas.corp.example.", "A 192.0.2.8"]);
    assert_eq!(sordino.resolve("nas.corp.example"), ["A 192.0.2.8"]);
}

/// Two groups that point at each other's names end it, and soon.
/// Whoever answers for a route cannot make the names of the house known to others.
#[test]
fn an_alias_to_a_name_of_the_house_is_not_asked_outside() {
    let (public, corp) = (Forwarder::plain(), Forwarder::plain());
    let sordino = Setup::before(&public).table(&route(&["corp.example"], &corp)).start();
    for target in ["printer.lan", "nas.home.arpa", "x.internal", "7.1.168.192.in-addr.arpa", "single"] {
        let name = format!("to-{}.corp.example", target.replace('.', "-"));
        corp.holds(&name, vec![cname(&name, 300, target), a(target, 300, "192.0.2.66")]);
        let reply = sordino.ask(&name, A);
        assert_eq!((reply.rcode(), reply.texts()), (NXDOMAIN, vec![format!("CNAME {target}.")]), "{name}");
    }
    assert!(public.asked_all().is_empty(), "{:?}", public.asked_all());
    corp.holds("out.corp.example", vec![cname("out.corp.example", 300, "www.example")]);
    assert_eq!(sordino.resolve("out.corp.example"), ["CNAME www.example.", "A 192.0.2.1"]);
}

#[test]
fn a_circle_of_aliases_between_forwarders_ends() {
    let (public, corp, sordino) = house();
    corp.holds("a.corp.example", vec![cname("a.corp.example", 300, "b.example")]);
    public.holds("b.example", vec![cname("b.example", 300, "a.corp.example")]);
    assert_eq!(sordino.ask("a.corp.example", A).rcode(), SERVFAIL);
    assert!(corp.asked_all().len() + public.asked_all().len() <= 20);
}

#[test]
fn when_the_forwarder_of_a_route_fails_nobody_else_is_told_the_name() {
    let (public, corp, sordino) = house();
    corp.on("corp.example", |query, _| Plan::Answer(with_rcode(query, REFUSED)));
    assert_eq!(sordino.ask("secret.corp.example", A).rcode(), REFUSED);
    assert!(public.asked_all().is_empty());
}

#[test]
fn the_page_shows_what_each_forwarder_is_there_for() {
    let (_public, corp, sordino) = house();
    sordino.resolve("nas.corp.example");
    let status = sordino.rest().read("/api/v1/status");
    let upstreams = status["upstreams"].as_array().unwrap();
    assert_eq!(upstreams.len(), 2, "{upstreams:?}");
    assert_eq!((&upstreams[0]["state"], &upstreams[0]["domains"]), (&"unknown".into(), &serde_json::json!([])));
    assert_eq!((&upstreams[1]["server"], &upstreams[1]["state"]), (&corp.udp().into(), &"up".into()));
    let domains: Vec<_> = upstreams[1]["domains"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert!(domains.contains(&"corp.example") && domains.contains(&"168.192.in-addr.arpa"), "{domains:?}");
    assert_eq!((&upstreams[1]["answered"], &upstreams[1]["share_percent"]), (&1.into(), &100.into()));
}
