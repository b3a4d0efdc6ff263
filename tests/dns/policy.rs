//! What is muted, and how the answer to a muted name looks.

use crate::support::forwarder::{Forwarder, a, aaaa, cname, https};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

/// The catalogue that ships, and a list of the test's own.
fn house(list: &str) -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).catalogue().list("ads", "block", list).start();
    (forwarder, sordino)
}

#[test]
fn a_name_of_the_catalogue_is_muted_for_every_type_and_never_asked_upstream() {
    let (forwarder, sordino) = house("");
    const TELEMETRY: &str = "data.mistat.intl.xiaomi.com";

    let reply = sordino.ask(TELEMETRY, A);
    assert_eq!((reply.rcode(), reply.texts(), reply.ttl()), (NOERROR, vec!["A 0.0.0.0".to_owned()], 10));
    let (code, list) = reply.ede().expect("a reason");
    assert_eq!(code, 15);
    assert!(list.contains("xiaomi"), "the list is named: {list:?}");

    let reply = sordino.ask(TELEMETRY, AAAA);
    assert_eq!((reply.texts(), reply.ttl()), (vec!["AAAA ::".to_owned()], 10));

    for qtype in [HTTPS, SVCB, TXT, MX, CNAME] {
        let reply = sordino.ask(TELEMETRY, qtype);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, 0), "type {qtype}");
        // RFC 2308 §5: so that the client keeps it for as long as it would keep the address.
        assert_eq!(reply.soa(), Some((10, 10)), "type {qtype}");
        assert_eq!(reply.ede().map(|(code, _)| code), Some(15));
    }

    let reply = sordino.ask("DATA.MiStat.intl.XIAOMI.com", A);
    assert_eq!((reply.texts(), reply.asked()), (vec!["A 0.0.0.0".to_owned()], "DATA.MiStat.intl.XIAOMI.com.".into()));
    assert!(!reply.has(AA) && !reply.has(AD) && reply.has(RA));

    assert_eq!(sordino.tcp().ask(&query(TELEMETRY, A)).texts(), ["A 0.0.0.0"]);
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn what_nothing_works_without_is_not_muted() {
    let (forwarder, sordino) = house("||account.xiaomi.com^\n||xiaomi.com^\n");
    // A list may not mute a login that the catalogue guards; the operator may.
    assert_eq!(sordino.resolve("account.xiaomi.com"), ["A 192.0.2.1"]);
    assert_eq!(forwarder.asked("account.xiaomi.com").len(), 1);
    assert_eq!(sordino.resolve("www.xiaomi.com"), ["A 0.0.0.0"]);
}

#[test]
fn a_guarded_name_works_although_the_host_it_leads_to_is_on_a_list() {
    let (forwarder, sordino) = house("||cdn.example^\n||account.xiaomi.com^\n");
    for name in ["account.xiaomi.com", "update.miui.com", "shop.example"] {
        forwarder.holds(name, vec![cname(name, 300, "edge.cdn.example"), a("edge.cdn.example", 300, "192.0.2.7")]);
    }
    assert_eq!(sordino.resolve("shop.example"), ["A 0.0.0.0"]);
    let rest = sordino.rest();
    // On a list, and let through by the guard; on none, and passed like any other name.
    for (name, verdict, list) in [("account.xiaomi.com", "allow", Some("xiaomi")), ("update.miui.com", "pass", None)] {
        assert!(sordino.resolve(name).contains(&"A 192.0.2.7".to_owned()), "{name}");
        let event = rest.journal(name);
        assert_eq!((event["verdict"].as_str(), event["list"].as_str()), (Some(verdict), list), "{event}");
        let (_, explained) = rest.get(&format!("/api/v1/explain?name={name}"));
        let first = &explained["explanation"]["matches"][0];
        assert_eq!((first["list"].as_str(), first["verdict"].as_str()), (Some("xiaomi"), Some(verdict)), "{explained}");
        assert!(first["precedence"].as_str().is_some_and(|step| step.starts_with("guard")), "{explained}");
    }
}

#[test]
fn a_guard_is_switched_off_and_on_in_the_page_and_one_that_the_file_switches_off_stays_off() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder)
        .catalogue()
        .list("ads", "block", "||account.xiaomi.com^\n||update.miui.com^\n")
        .table("[guards]\noff = [{ list = \"xiaomi\", name = \"update.miui.com\" }]\n")
        .start();
    let rest = sordino.rest();
    let guard = |name: &str| {
        let guards = rest.read("/api/v1/guards");
        let found = guards.as_array().unwrap().iter().find(|guard| guard["name"] == name).cloned();
        found.map(|guard| (guard["on"] == true, guard["fixed"] == true))
    };
    let revision = |name: &str| {
        let guards = rest.read("/api/v1/guards");
        let found = guards.as_array().unwrap().iter().find(|guard| guard["name"] == name);
        format!("\"{}\"", found.unwrap()["revision"].as_str().unwrap())
    };
    const LOGIN: &str = "/api/v1/guards/xiaomi/account.xiaomi.com";
    assert_eq!((guard("account.xiaomi.com"), guard("update.miui.com")), (Some((true, false)), Some((false, true))));
    assert_eq!(sordino.resolve("update.miui.com"), ["A 0.0.0.0"]);
    assert_eq!(sordino.resolve("account.xiaomi.com"), ["A 192.0.2.1"]);
    let (seen, other) = (revision("account.xiaomi.com"), revision("update.miui.com"));
    let off = |seen: &str| rest.request(reqwest::Method::DELETE, LOGIN, &[("if-match", seen)], "").0.as_u16();
    assert_eq!((off(&other), off(&seen), off(&seen)), (412, 204, 412), "one alone switches what all saw");
    assert_eq!(revision("update.miui.com"), other, "what becomes of one guard is no change of another");
    assert_eq!(guard("account.xiaomi.com"), Some((false, false)));
    assert_eq!(sordino.resolve("account.xiaomi.com"), ["A 0.0.0.0"]);
    let put = |path: &str| {
        let headers = [("content-type", "application/json")];
        rest.request(reqwest::Method::PUT, path, &headers, "{}")
    };
    assert_eq!(put(LOGIN).0.as_u16(), 204);
    assert_eq!(sordino.resolve("account.xiaomi.com"), ["A 192.0.2.1"]);
    let (status, why) = put("/api/v1/guards/xiaomi/update.miui.com");
    assert!(status.as_u16() == 409 && why.contains("is set in config.toml"), "{status} {why}");
    assert_eq!(rest.delete("/api/v1/guards/xiaomi/no.such.example").0.as_u16(), 404);
}

#[test]
fn plain_names_hosts_lines_and_subtrees() {
    let (_forwarder, sordino) = house("# a comment\nexact.example\n0.0.0.0 hosts.example\n||tree.example^\n");
    for (name, muted) in [
        ("exact.example", true),
        ("below.exact.example", false),
        ("hosts.example", true),
        ("tree.example", true),
        ("far.below.tree.example", true),
        ("nottree.example", false),
        ("example", false),
    ] {
        let expected = if muted { "A 0.0.0.0" } else { "A 192.0.2.1" };
        // A single label is never forwarded.
        let expected: &[&str] = if name == "example" { &[] } else { &[expected] };
        assert_eq!(sordino.resolve(name), expected, "{name}");
    }
}

#[test]
fn watch_resolves_and_allow_beats_block() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder)
        .list("ads", "block", "||ads.example^\nboth.example\n")
        .list("curious", "watch", "seen.example\nboth.example\n")
        .list("needed", "allow", "good.ads.example\n")
        .start();
    for (name, address) in [
        ("ads.example", "A 0.0.0.0"),
        ("good.ads.example", "A 192.0.2.1"),
        ("seen.example", "A 192.0.2.1"),
        ("both.example", "A 0.0.0.0"),
    ] {
        assert_eq!(sordino.resolve(name), [address], "{name}");
    }
    let rest = sordino.rest();
    for (name, verdict, outcome) in [
        ("good.ads.example", "allow", "forwarded"),
        ("seen.example", "watch", "forwarded"),
        ("both.example", "block", "muted"),
    ] {
        let event = rest.journal(name);
        assert_eq!((event["verdict"].as_str(), event["outcome"].as_str()), (Some(verdict), Some(outcome)), "{event}");
    }
}

#[test]
fn an_alias_in_the_answer_is_judged_at_any_depth() {
    let (forwarder, sordino) = house("||tracker.example^\n");
    for depth in [1, 7, 16] {
        let link = |number: usize| format!("l{number}.d{depth}.example");
        let mut chain: Vec<Record> =
            (0..depth - 1).map(|number| cname(&link(number), 300, &link(number + 1))).collect();
        chain.push(cname(&link(depth - 1), 300, "hidden.tracker.example"));
        chain.push(a("hidden.tracker.example", 300, "192.0.2.66"));
        chain.push(aaaa("hidden.tracker.example", 300, "2001:db8::66"));
        forwarder.holds(&link(0), chain);
        let reply = sordino.ask(&link(0), A);
        assert_eq!(reply.texts(), ["A 0.0.0.0"], "{depth} aliases deep");
        assert_eq!(reply.ede(), Some((15, "ads".into())));
        assert_eq!(sordino.ask(&link(0), AAAA).texts(), ["AAAA ::"]);
        // The answer is in the cache now, and is judged again.
        assert_eq!(sordino.resolve(&link(0)), ["A 0.0.0.0"]);
    }
    let event = sordino.rest().journal("l0.d7.example");
    assert_eq!(
        event["alias"].as_str().map(|name| name.trim_end_matches('.')),
        Some("hidden.tracker.example"),
        "{event}"
    );
}

#[test]
fn a_chain_without_end_ends() {
    let (forwarder, sordino) = house("||tracker.example^\n");
    forwarder.holds(
        "loop.example",
        vec![cname("loop.example", 300, "pool.example"), cname("pool.example", 300, "loop.example")],
    );
    let reply = sordino.ask("loop.example", A);
    assert!(reply.rcode() == SERVFAIL || reply.answers.len() <= 17, "{:?}", reply.texts());
    let link = |number: usize| format!("l{number}.endless.example");
    forwarder.holds(&link(0), (0..100).map(|number| cname(&link(number), 300, &link(number + 1))).collect());
    let reply = sordino.ask(&link(0), A);
    assert!(reply.rcode() == SERVFAIL || reply.answers.len() <= 17, "{} records", reply.answers.len());
}

#[test]
fn the_target_of_a_service_binding_is_judged() {
    let (forwarder, sordino) = house("||tracker.example^\n");
    // AliasMode, ServiceMode with another name, and ServiceMode with the name itself (RFC 9460 §2.4, §2.5).
    let alpn = [0, 1, 0, 3, 2, b'h', b'2'];
    forwarder.holds("alias.example", vec![https("alias.example", 300, 0, "cdn.tracker.example", &[])]);
    forwarder.holds("service.example", vec![https("service.example", 300, 1, "cdn.tracker.example", &alpn)]);
    forwarder.holds("own.example", vec![https("own.example", 300, 1, ".", &alpn)]);
    for (name, records) in [("alias.example", 0), ("service.example", 0), ("own.example", 1)] {
        let reply = sordino.ask(name, HTTPS);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, records), "{name}");
    }
}

#[test]
fn the_operators_exception_covers_where_the_name_leads() {
    let (forwarder, sordino) = house("||tracker.example^\n");
    forwarder.holds(
        "shop.example",
        vec![cname("shop.example", 300, "x.tracker.example"), a("x.tracker.example", 300, "192.0.2.3")],
    );
    assert_eq!(sordino.resolve("shop.example"), ["A 0.0.0.0"]);
    let rule = serde_json::json!({ "name": "shop.example", "subtree": false, "action": "allow", "scope": "everyone" });
    let (status, answer) = sordino.rest().post("/api/v1/rules", &rule);
    assert_eq!(status, 201, "{answer}");
    crate::support::until("the exception", || (sordino.resolve("shop.example").last()? == "A 192.0.2.3").then_some(()));
}

#[test]
fn each_form_of_the_blocking_answer() {
    let forwarder = Forwarder::plain();
    for (answer, ttl, a, aaaa, rcode) in [
        ("\"null\"", 10, vec!["A 0.0.0.0"], vec!["AAAA ::"], NOERROR),
        ("\"nxdomain\"", 7, vec![], vec![], NXDOMAIN),
        ("\"nodata\"", 7, vec![], vec![], NOERROR),
        ("\"refused\"", 7, vec![], vec![], REFUSED),
        ("{ ipv4 = \"192.0.2.53\" }", 60, vec!["A 192.0.2.53"], vec![], NOERROR),
        (
            "{ ipv4 = \"192.0.2.53\", ipv6 = \"2001:db8::53\" }",
            60,
            vec!["A 192.0.2.53"],
            vec!["AAAA 2001:db8::53"],
            NOERROR,
        ),
    ] {
        let setup =
            Setup::before(&forwarder).set("blocking", "answer", answer).set("blocking", "ttl", &ttl.to_string());
        let sordino = setup.list("ads", "block", "ads.example\n").start();
        for (qtype, texts) in [(A, a), (AAAA, aaaa), (HTTPS, vec![])] {
            let reply = sordino.ask("ads.example", qtype);
            assert_eq!(
                (reply.rcode(), reply.texts()),
                (rcode, texts.iter().map(ToString::to_string).collect()),
                "{answer}"
            );
            assert!(reply.answers.iter().all(|record| record.ttl == ttl));
            if texts.is_empty() && rcode != REFUSED {
                assert_eq!(reply.soa(), Some((ttl, ttl)), "{answer}");
            }
        }
    }
    assert!(forwarder.asked_all().is_empty());
}
