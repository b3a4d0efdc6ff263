use std::net::Ipv4Addr;

use super::*;
use crate::event::Transport;
use crate::policy::{Action, Format, ListSource, OwnRule, OwnTarget, PolicySources, Scope, Tier};

const CATALOGUE: &str = r#"
vendor = "Acme"
about = "Makes things."

[[product]]
name = "Accounts"
purpose = "account"
sends = "Who logs in."
breaks = "Logging in."
names = [{ block = "login.acme.test", sources = ["made up"] }]

[[product]]
name = "Stats"
purpose = "analytics"
sends = "What is used."
breaks = ""
names = [{ block = "stats.acme.test", sources = ["made up"] }]
"#;
const MINUTE: u64 = 60_000;
/// On a whole hour, so that nothing of the span lies in an hour before.
const BEGIN: u64 = 1_000_000 * 60 * MINUTE;
const END: u64 = BEGIN + 15 * MINUTE;

fn policy(names: &str) -> Policy {
    let list = |name: &str, format, content: &str| ListSource {
        name: name.into(),
        action: Action::Block,
        format,
        trusted: false,
        tier: Tier::default(),
        content: Ok(content.as_bytes().into()),
    };
    let lists = vec![list("telemetry", Format::Catalogue, CATALOGUE), list("noise", Format::Names, names)];
    Policy::compile(PolicySources { lists, ..PolicySources::default() })
}

fn phone() -> Device {
    Device::unknown(Ipv4Addr::new(10, 0, 0, 7).into())
}

fn muted(name: &str, at: u64) -> Event {
    Event {
        at: Timestamp::from_millis(at),
        device: phone().id,
        address: Ipv4Addr::new(10, 0, 0, 7).into(),
        transport: Transport::Udp,
        name: Name::parse(name).unwrap(),
        qtype: 1,
        verdict: Verdict::Block,
        outcome: Outcome::Muted,
        rcode: 0,
        list: Some("noise".into()),
        alias: None,
        upstream: None,
        took_us: 1,
    }
}

/// A name asked `count` times in each of so many hours before the span.
fn habit(name: &str, hours: u32, count: u64) -> Vec<(Name, Vec<(Hour, u64)>)> {
    let end = Timestamp::from_millis(BEGIN).hour().number();
    let hours = (1..=hours).rev().map(|back| (Hour::from_number(end - back), count));
    vec![(Name::parse(name).unwrap(), hours.collect())]
}

fn ranked(policy: &Policy, events: &[Event], before: Vec<(Name, Vec<(Hour, u64)>)>) -> Breakage {
    ranked_in((Timestamp::from_millis(BEGIN), Timestamp::from_millis(END)), policy, events, before)
}

fn ranked_in(
    span: (Timestamp, Timestamp),
    policy: &Policy,
    events: &[Event],
    before: Vec<(Name, Vec<(Hour, u64)>)>,
) -> Breakage {
    let device = phone();
    breakage(policy, &device, span, span.1, events, &[], |each| {
        for (name, hours) in before.iter().filter(|(_, hours)| !hours.is_empty()) {
            each(TallyRun { device: &device.id, name, verdict: Verdict::Block, hours });
        }
    })
}

fn names(found: &Breakage) -> Vec<String> {
    found.candidates.iter().map(|candidate| candidate.name.to_string()).collect()
}

#[test]
fn what_was_muted_last_comes_first_where_nothing_else_tells() {
    let policy = policy("a.test\nb.test\n");
    let both = [habit("a.test", 50, 4), habit("b.test", 50, 4)].concat();
    let found = ranked(&policy, &[muted("a.test", BEGIN + MINUTE), muted("b.test", END - MINUTE)], both);
    assert_eq!(names(&found), ["b.test", "a.test"]);
    assert_eq!(found.candidates[0].signs, [Sign::Recent]);
    assert!(found.candidates[1].signs.is_empty());
    assert_eq!(found.candidates[0].list.as_deref(), Some("noise"));
}

#[test]
fn a_name_that_is_new_goes_before_one_that_ticks_all_day() {
    let policy = policy("ticking.test\nnew.test\nrare.test\n");
    let events =
        [muted("ticking.test", END - 1), muted("rare.test", BEGIN + 8 * MINUTE), muted("new.test", BEGIN + 7 * MINUTE)];
    let before = [habit("ticking.test", 600, 12), habit("rare.test", 2, 1)].concat();
    let found = ranked(&policy, &events, before);
    assert_eq!(names(&found), ["new.test", "rare.test", "ticking.test"]);
    let told: Vec<_> = found.candidates.iter().map(|one| (one.hours_before, one.signs.clone())).collect();
    assert_eq!(told, [(0, vec![Sign::First]), (2, vec![Sign::Rare]), (600, vec![Sign::Recent])]);
}

#[test]
fn what_is_known_to_break_something_goes_first() {
    let policy = policy("new.test\n");
    let events = [
        muted("login.acme.test", BEGIN + 10 * MINUTE),
        muted("new.test", BEGIN + 12 * MINUTE),
        muted("stats.acme.test", END),
    ];
    let before = [habit("login.acme.test", 20, 2), habit("stats.acme.test", 300, 9)].concat();
    let found = ranked(&policy, &events, before);
    assert_eq!(names(&found), ["login.acme.test", "new.test", "stats.acme.test"]);
    assert_eq!(found.candidates[0].signs, [Sign::Breaks]);
    assert_eq!(found.candidates[0].label.as_ref().unwrap().breaks, "Logging in.");
}

#[test]
fn trying_again_and_again_counts_and_asking_three_types_at_once_does_not() {
    let policy = policy("again.test\nonce.test\n");
    let again = (0..4).map(|n| muted("again.test", BEGIN + n * MINUTE));
    let once = (0..6).map(|n| muted("once.test", BEGIN + 3 * MINUTE + n * 100));
    let events: Vec<_> = again.chain(once).collect();
    let before = [habit("again.test", 30, 1), habit("once.test", 30, 1)].concat();
    let found = ranked(&policy, &events, before);
    let told: Vec<_> =
        found.candidates.iter().map(|one| (one.name.to_string(), one.tries, one.signs.clone())).collect();
    assert_eq!(told, [("again.test".to_owned(), 4, vec![Sign::Retried]), ("once.test".to_owned(), 1, vec![])]);
    // Four tries are nothing where a hundred are usual.
    let found = ranked(&policy, &events, habit("again.test", 30, 100));
    assert!(found.candidates.iter().all(|one| !one.signs.contains(&Sign::Retried)));
    // Nor are they much over a whole day where two an hour are usual.
    let day = (Timestamp::from_millis(END - 24 * 60 * MINUTE), Timestamp::from_millis(END));
    let found = ranked_in(day, &policy, &events, habit("again.test", 30, 2));
    assert!(found.candidates.iter().all(|one| !one.signs.contains(&Sign::Retried)));
}

#[test]
fn what_is_let_through_by_now_is_no_candidate() {
    let policy = policy("a.test\nb.test\n");
    let rule = OwnRule {
        id: 1,
        target: OwnTarget::Exact(Name::parse("a.test").unwrap()),
        comment: None,
        action: Action::Allow,
        scope: Scope::Device(phone().id),
        since: Timestamp::from_millis(BEGIN),
        until: Some(Timestamp::from_millis(END + MINUTE)),
    };
    let policy = policy.with_rules(vec![rule]);
    let found = ranked(&policy, &[muted("a.test", END), muted("b.test", END), muted("gone.test", END)], Vec::new());
    assert_eq!((names(&found), found.resolved), (vec!["b.test".to_owned()], 2));
}

#[test]
fn an_alias_that_is_muted_makes_its_name_a_candidate() {
    let policy = policy("a.test\n");
    let event = Event { alias: Some(Name::parse("login.acme.test").unwrap()), ..muted("shop.test", END) };
    let found = ranked(&policy, &[event], Vec::new());
    assert_eq!(names(&found), ["shop.test"]);
    assert_eq!(found.candidates[0].signs, [Sign::Breaks, Sign::First, Sign::Recent]);
}

#[test]
fn what_no_forwarder_answered_is_told_apart_and_the_list_is_bounded() {
    let many: String = (0..50).map(|n| format!("n{n}.test\n")).collect();
    let events: Vec<_> = (0..50).map(|n| muted(&format!("n{n}.test"), BEGIN + n)).collect();
    let failed = |name| Event { verdict: Verdict::Pass, outcome: Outcome::Failed, ..muted(name, END) };
    let failed = [failed("x.test"), failed("x.test"), failed("y.test")];
    let span = (Timestamp::from_millis(BEGIN), Timestamp::from_millis(END));
    let found = breakage(&policy(&many), &phone(), span, span.1, &events, &failed, |_| ());
    assert_eq!((found.candidates.len(), found.more), (MAX_CANDIDATES, 50 - MAX_CANDIDATES as u64));
    assert_eq!(found.failed, Share { names: 2, queries: 3 });
}
