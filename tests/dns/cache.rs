//! What is remembered of what forwarders said, and for how long.

use std::time::{Duration, Instant};

use crate::support::authority::Authority;
use crate::support::forwarder::{Forwarder, Plan, a, aaaa, answer, cname, soa, with_rcode};
use crate::support::sordino::{Setup, Sordino};
use crate::support::until;
use crate::support::wire::*;

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    (forwarder, sordino)
}

#[test]
fn rfc1035_3_2_1_a_ttl_counts_down_and_then_the_question_is_asked_again() {
    let (forwarder, sordino) = house();
    forwarder.holds("short.example", vec![a("short.example", 3, "192.0.2.3")]);
    let mut last = sordino.ask("short.example", A).ttl();
    assert_eq!(last, 3);
    let mut seen = vec![last];
    until("a second question", || {
        if forwarder.asked("short.example").len() > 1 {
            return Some(());
        }
        let ttl = sordino.ask("short.example", A).ttl();
        if forwarder.asked("short.example").len() == 1 {
            assert!(ttl <= last, "{ttl} after {last}");
            last = ttl;
            seen.push(ttl);
        }
        None
    });
    seen.dedup();
    assert!(seen.len() > 1, "the TTL stood still: {seen:?}");
}

/// What was in a cache of HTTP is as much older.
#[test]
fn rfc8484_5_1_the_time_in_a_cache_of_http_counts() {
    let authority = Authority::new();
    let ca = format!("{:?}", authority.path());
    let forwarder = Forwarder::encrypted(&authority);
    forwarder.grow_old(250);
    for url in [forwarder.https(), forwarder.h3()] {
        let sordino = Setup::new().server(&url).set("upstream", "ca", &ca).start();
        let ttl = |name: &str| sordino.ask(name, A).answers[0].ttl;
        forwarder.holds("young.example", vec![a("young.example", 600, "192.0.2.1")]);
        assert_eq!(ttl("young.example"), 350, "{url}");
        forwarder.holds("old.example", vec![a("old.example", 200, "192.0.2.1")]);
        assert_eq!(ttl("old.example"), 0, "{url}");
    }
}

#[test]
fn rfc2181_8_a_ttl_out_of_range_is_bounded() {
    let (forwarder, sordino) = house();
    for (name, ttl) in [("most.example", u32::MAX), ("top-bit.example", 1 << 31), ("week.example", 604_800)] {
        forwarder.holds(name, vec![a(name, ttl, "192.0.2.4")]);
        for _ in 0..2 {
            let reply = sordino.ask(name, A);
            assert!(reply.ttl() <= 86_400, "{name}: {}", reply.ttl());
        }
    }
}

#[test]
fn rfc1034_3_2_1_a_ttl_of_zero_is_for_this_answer_only() {
    let (forwarder, sordino) = house();
    forwarder.holds("now.example", vec![a("now.example", 0, "192.0.2.5")]);
    for times in 1..=3 {
        assert_eq!(sordino.ask("now.example", A).ttl(), 0);
        assert_eq!(forwarder.asked("now.example").len(), times);
    }
}

#[test]
fn rfc2181_5_2_an_rrset_has_one_ttl() {
    let (forwarder, sordino) = house();
    let records = [(300, "192.0.2.1"), (60, "192.0.2.2"), (900, "192.0.2.3")];
    forwarder.holds("set.example", records.map(|(ttl, address)| a("set.example", ttl, address)).to_vec());
    let reply = sordino.ask("set.example", A);
    assert_eq!(reply.answers.len(), 3);
    assert!(reply.answers.iter().all(|record| record.ttl == 60), "{:?}", reply.answers);
}

#[test]
fn rfc2308_5_negative_answers_are_kept_by_their_soa() {
    let (forwarder, sordino) = house();
    let negative = |rcode, ttl, minimum| {
        move |query: &Message, _| {
            Plan::Answer(Message { authority: vec![soa(ttl, minimum)], ..with_rcode(query, rcode) })
        }
    };
    forwarder.on("nx.example", negative(NXDOMAIN, 900, 10));
    forwarder.on("nodata.example", negative(NOERROR, 10, 900));
    forwarder.on("long.example", negative(NXDOMAIN, 80_000, 80_000));
    for (name, rcode, ttl) in
        [("nx.example", NXDOMAIN, 10), ("nodata.example", NOERROR, 10), ("long.example", NXDOMAIN, 3600)]
    {
        for _ in 0..3 {
            let reply = sordino.ask(name, A);
            assert_eq!((reply.rcode(), reply.answers.len()), (rcode, 0), "{name}");
            let (left, _) = reply.soa().expect("an SOA");
            assert!(left <= ttl, "{name}: {left}");
        }
        assert_eq!(forwarder.asked(name).len(), 1, "{name}");
    }
}

#[test]
fn rfc2308_5_a_negative_answer_without_soa_is_not_kept_for_long() {
    let (forwarder, sordino) = house();
    forwarder
        .on("bare.example", |query, _| Plan::Answer(Message { authority: Vec::new(), ..with_rcode(query, NXDOMAIN) }));
    let reply = sordino.ask("bare.example", A);
    assert_eq!(reply.rcode(), NXDOMAIN);
    assert!(reply.soa().is_none_or(|(ttl, _)| ttl <= 30));
}

#[test]
fn rfc4035_3_2_1_with_and_without_dnssec_are_other_answers() {
    let (forwarder, sordino) = house();
    const RRSIG: u16 = 46;
    forwarder.on("signed.example", |query, _| {
        let signature = [&[0, 1, 13, 2, 0, 0, 1, 44][..], &[0; 10], &name_wire("example"), &[7; 64]].concat();
        let mut message = answer(query, &[a("signed.example", 300, "192.0.2.9")]);
        if query.opt.as_ref().is_some_and(|opt| opt.flags & DO != 0) {
            message.answers.push(Record::new("signed.example", RRSIG, 300, signature));
        }
        Plan::Answer(message)
    });
    let mut with = query("signed.example", A);
    with.opt.as_mut().unwrap().flags = DO;
    for _ in 0..2 {
        let types = |reply: Message| reply.answers.iter().map(|record| record.rtype).collect::<Vec<_>>();
        assert_eq!(types(sordino.udp().ask(&with)), [A, RRSIG]);
        assert_eq!(types(sordino.ask("signed.example", A)), [A]);
    }
}

#[test]
fn rfc6840_5_7_ad_is_told_only_to_those_who_ask_and_only_from_a_forwarder_that_can_be_believed() {
    let (forwarder, sordino) = house();
    forwarder.on("claimed.example", |query, _| {
        let mut message = answer(query, &[a("claimed.example", 300, "192.0.2.9")]);
        message.flags |= AD;
        Plan::Answer(message)
    });
    assert!(!sordino.ask("claimed.example", A).has(AD), "it was not asked for");
    // A forwarder on this machine can be believed; nobody is on the way to it.
    let mut curious = query("claimed.example", A);
    curious.flags |= AD;
    assert!(sordino.udp().ask(&curious).has(AD));
}

#[test]
fn rfc1034_3_6_2_a_chain_of_aliases_comes_in_order() {
    let (forwarder, sordino) = house();
    // Out of order on purpose: C before B before A.
    let chain = vec![
        a("c.chain.example", 300, "192.0.2.9"),
        cname("b.chain.example", 60, "c.chain.example"),
        cname("a.chain.example", 300, "b.chain.example"),
    ];
    forwarder.holds("a.chain.example", chain);
    let reply = sordino.ask("a.chain.example", A);
    assert_eq!(reply.texts(), ["CNAME b.chain.example.", "CNAME c.chain.example.", "A 192.0.2.9"]);
}

/// No other forwarder would know better.
#[test]
fn rfc6672_2_2_a_name_that_would_be_too_long_is_said_to_be() {
    const DNAME: u16 = 39;
    const YXDOMAIN: u16 = 6;
    let (forwarder, sordino) = house();
    forwarder.on("moved.example", |query, _| {
        let moved = Record::new("moved.example", DNAME, 60, name_wire("elsewhere.example"));
        Plan::Answer(Message { answers: vec![moved], ..with_rcode(query, YXDOMAIN) })
    });
    let reply = sordino.ask("long.moved.example", A);
    assert_eq!((reply.rcode(), reply.answers[0].rtype), (YXDOMAIN, DNAME));
    assert_eq!(forwarder.asked("long.moved.example").len(), 1);
}

/// RFC 8767 §5: when nobody answers, what was known is better than nothing, and says that it is stale.
#[test]
fn rfc8767_5_a_stale_answer_is_given_when_no_forwarder_answers() {
    let (forwarder, sordino) = house();
    forwarder.holds("loyal.example", vec![a("loyal.example", 1, "192.0.2.10")]);
    forwarder.on("gone.example", |query, _| {
        Plan::Answer(Message { authority: vec![soa(1, 1)], ..with_rcode(query, NXDOMAIN) })
    });
    assert_eq!(sordino.ask("loyal.example", A).ttl(), 1);
    assert_eq!(sordino.ask("gone.example", A).rcode(), NXDOMAIN);
    forwarder.fall_silent(true);
    let stale = until("a stale answer", || Some(sordino.ask("loyal.example", A)).filter(|reply| reply.ede().is_some()));
    assert_eq!((stale.rcode(), stale.texts()), (NOERROR, vec!["A 192.0.2.10".to_owned()]));
    assert_eq!((stale.ttl(), stale.ede().unwrap().0), (30, 3));
    let stale =
        until("a stale NXDOMAIN", || Some(sordino.ask("gone.example", A)).filter(|reply| reply.ede().is_some()));
    assert_eq!((stale.rcode(), stale.ede().unwrap().0), (NXDOMAIN, 19));
    // A stub waits five seconds; while the forwarder is known to fail it does not wait at all.
    let begin = Instant::now();
    assert_eq!(sordino.resolve("loyal.example"), ["A 192.0.2.10"]);
    assert!(begin.elapsed() < Duration::from_secs(5));
    // What is new replaces it, also when it is that the name is no more.
    forwarder.fails("loyal.example", NXDOMAIN);
    forwarder.fall_silent(false);
    until("the new answer", || (sordino.ask("loyal.example", A).rcode() == NXDOMAIN).then_some(()));
}

/// Who asks for the same once more need not find out anew that nobody answers, also not when forwarders are asked again.
#[test]
fn rfc8767_5_only_the_first_waits_for_forwarders_that_are_silent() {
    const PATIENCE: Duration = Duration::from_millis(1_800);
    const TRIES: usize = 3;
    let (forwarder, sordino) = house();
    forwarder.holds("loyal.example", vec![a("loyal.example", 1, "192.0.2.10")]);
    assert_eq!(sordino.ask("loyal.example", A).ttl(), 1);
    forwarder.fall_silent(true);
    until("a stale answer", || sordino.ask("loyal.example", A).ede());
    let begin = Instant::now();
    let asked = forwarder.asked("loyal.example").len();
    until("a question after the failure", || {
        let begin = Instant::now();
        assert_eq!(sordino.ask("loyal.example", A).ede().map(|(code, _)| code), Some(3));
        assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
        (forwarder.asked("loyal.example").len() > asked + TRIES).then_some(())
    });
    assert!(begin.elapsed() > PATIENCE, "there was a wait to be spared");
    forwarder.fall_silent(false);
    until("the new answer", || sordino.ask("loyal.example", A).ede().is_none().then_some(()));
}

/// The cache holds what upstream said, never what policy said.
#[test]
fn a_name_that_is_muted_and_allowed_again_resolves_without_a_new_question() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "ads.example\n").start();
    let rest = sordino.rest();
    let rule = |action: &str, name: &str| serde_json::json!({ "name": name, "subtree": true, "action": action, "scope": "everyone" });
    let becomes = |name: &str, address: &str| until(name, || (sordino.resolve(name) == [address]).then_some(()));

    assert_eq!(sordino.resolve("news.example"), ["A 192.0.2.1"]);
    let (_, muted) = rest.post("/api/v1/rules", &rule("block", "news.example"));
    becomes("news.example", "A 0.0.0.0");
    rest.delete(&format!("/api/v1/rules/{}", muted["id"]));
    becomes("news.example", "A 192.0.2.1");
    assert_eq!(forwarder.asked("news.example").len(), 1, "the answer was there all the time");

    assert_eq!(sordino.resolve("ads.example"), ["A 0.0.0.0"]);
    rest.post("/api/v1/rules", &rule("allow", "ads.example"));
    becomes("ads.example", "A 192.0.2.1");
    assert_eq!(forwarder.asked("ads.example").len(), 1);
}

#[test]
fn devices_with_other_rules_share_one_answer() {
    let forwarder = Forwarder::plain();
    let devices =
        "\n[[device]]\nname = \"child\"\nip = \"127.0.0.2\"\n\n[[device]]\nname = \"parent\"\nip = \"127.0.0.3\"\n";
    let sordino = Setup::before(&forwarder).table(devices).start();
    let (status, rule) = sordino.rest().post(
        "/api/v1/rules",
        &serde_json::json!({ "name": "games.example", "subtree": true, "action": "block", "scope": { "device": "name-child" } }),
    );
    assert_eq!(status, 201, "{rule}");
    let from = |host: &str| crate::support::client::Udp::from(format!("{host}:0").parse().unwrap(), sordino.dns());
    for _ in 0..2 {
        assert_eq!(from("127.0.0.2").ask(&query("games.example", A)).texts(), ["A 0.0.0.0"]);
        assert_eq!(from("127.0.0.3").ask(&query("games.example", A)).texts(), ["A 192.0.2.1"]);
        assert_eq!(sordino.resolve("games.example"), ["A 192.0.2.1"]);
    }
    assert_eq!(forwarder.asked("games.example").len(), 1);
}

#[test]
fn the_cache_is_emptied_by_name_by_subtree_or_whole() {
    let (forwarder, sordino) = house();
    let rest = sordino.rest();
    let names = ["a.one.example", "one.example", "two.example"];
    let asked = || names.map(|name| forwarder.asked(name).len());
    let ask_all = || names.map(|name| sordino.resolve(name));
    ask_all();
    ask_all();
    assert_eq!(asked(), [1, 1, 1]);
    for (query, after) in
        [("?name=one.example", [1, 2, 1]), ("?name=one.example&subtree=true", [2, 3, 1]), ("", [3, 4, 2])]
    {
        let (status, answer) = rest.delete(&format!("/api/v1/cache{query}"));
        assert_eq!(status, 200, "{answer}");
        ask_all();
        assert_eq!(asked(), after, "after DELETE /cache{query}");
    }
}

#[test]
fn the_cache_stays_within_its_bytes() {
    let forwarder = Forwarder::plain();
    forwarder.on("example", |query, _| {
        let name = query.asked();
        Plan::Answer(answer(query, &[a(&name, 300, "192.0.2.1"), aaaa(&name, 300, "2001:db8::1")]))
    });
    let sordino = Setup::before(&forwarder).set("cache", "size", "\"64 KiB\"").start();
    let udp = sordino.udp();
    for number in 0..1_000 {
        udp.ask(&query(&format!("n{number}.example"), A));
    }
    let cache = &sordino.rest().read("/api/v1/status")["cache"];
    let (bytes, capacity) = (cache["bytes"].as_u64().unwrap(), cache["capacity"].as_u64().unwrap());
    assert!(bytes <= capacity && capacity <= 65_536, "{cache}");
    assert!(cache["entries"].as_u64().unwrap() < 1_000, "{cache}");
}

/// A popular answer is asked for again in its last tenth, and whoever asks meanwhile has no new answer and no wait.
#[test]
fn c15_a_popular_answer_is_fetched_again_in_the_last_tenth_of_its_ttl() {
    let (forwarder, plain) = (Forwarder::plain(), Forwarder::plain());
    for forwarder in [&forwarder, &plain] {
        forwarder.holds("popular.example", vec![a("popular.example", 10, "192.0.2.3")]);
    }
    let sordino = Setup::before(&forwarder).start();
    let without = Setup::before(&plain).set("cache", "prefetch", "false").start();
    // What is fetched unasked is at most a tenth of what is asked.
    (0..20).for_each(|number| drop(sordino.resolve(&format!("n{}.example", number % 2))));
    let prefetched = |sordino: &Sordino| sordino.rest().read("/api/v1/status")["counters"]["prefetched"].clone();
    // It is counted before the reply goes out, so that the reply that set it off is known, however slow this machine.
    let ttl = until("an answer that is fetched again", || {
        let ttl = sordino.ask("popular.example", A).ttl();
        (prefetched(&sordino) == 1).then_some(ttl)
    });
    assert_eq!(ttl, 1, "in its last tenth, and not before");
    until("the second question", || (forwarder.asked("popular.example").len() > 1).then_some(()));
    until("the end of an answer that is not fetched again", || {
        without.resolve("popular.example");
        (plain.asked("popular.example").len() > 1).then_some(())
    });
    assert_eq!(prefetched(&without), 0);
}
