//! The compiled policy against an evaluator that knows nothing but the text of the rules and looks at each in turn.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "policy_properties/hours.rs"]
mod hours;
#[path = "policy_properties/world.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use proptest::sample::select;
use sordino::policy::{Action, Asker, DeviceId, Kind, Name, Verdict};

use hours::Span;
use world::{Content, Form, Line, List, Own, Paused, Row, World};

/// Names out of few labels, so that rules and questions meet often.
fn names() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(vec!["ab", "b", "ab-b", "bb"]), 2..5).prop_map(|labels| labels.join("."))
}

fn actions() -> impl Strategy<Value = Action> {
    select(vec![Action::Block, Action::Block, Action::Watch, Action::Allow])
}

fn lines() -> impl Strategy<Value = Line> {
    use Form::*;
    let forms = select(vec![Plain, Hosts, Exact, Subtree, Subtree, Below, LabelStart, End, Starred, Expression]);
    let rarely = || proptest::bool::weighted(0.2);
    (forms, names(), rarely(), rarely(), rarely(), rarely()).prop_map(
        |(form, name, exception, important, only_aaaa, badfilter)| {
            let plain = form == Hosts;
            Line {
                form,
                name,
                exception: exception && !plain,
                important: important && !plain,
                only_aaaa: only_aaaa && !plain,
                badfilter: badfilter && !plain,
            }
        },
    )
}

fn rows() -> impl Strategy<Value = Row> {
    let class = select(vec!["block", "block", "watch", "never"]);
    (class, names(), any::<bool>(), any::<bool>()).prop_map(|(class, name, subtree, thorough)| Row {
        class,
        name,
        subtree,
        thorough,
    })
}

fn lists() -> impl Strategy<Value = List> {
    let content = prop_oneof![
        3 => proptest::collection::vec(lines(), 1..12).prop_map(Content::Lines),
        1 => proptest::collection::vec(rows(), 1..8).prop_map(Content::Rows),
    ];
    let under_profile = proptest::option::of(proptest::option::of(actions()));
    let schedule = || proptest::option::weighted(0.3, 0..SCHEDULES);
    let schedules = (schedule(), proptest::option::weighted(0.3, schedule()));
    (actions(), any::<bool>(), any::<bool>(), under_profile, content, schedules).prop_map(
        |(action, trusted, thorough, under_profile, content, (schedule, schedule_under_profile))| List {
            action,
            trusted,
            thorough,
            under_profile,
            content,
            schedule,
            schedule_under_profile,
        },
    )
}

/// Schedules in each world.
const SCHEDULES: usize = 2;

/// Wide enough that a list is in its hours about as often as not.
fn spans() -> impl Strategy<Value = Span> {
    let days = proptest::sample::subsequence((0..7).collect::<Vec<usize>>(), 1..=7);
    (days, 0u32..48, 0u32..=48).prop_map(|(days, from, to)| Span { days, from, to })
}

fn own_rules() -> impl Strategy<Value = Own> {
    let kinds = select(vec![Kind::Exact, Kind::Subtree, Kind::Wildcard, Kind::Regex]);
    (names(), kinds, actions(), 0u8..4, proptest::bool::weighted(0.3))
        .prop_map(|(name, kind, action, scope, ended)| Own { name, kind, action, scope, ended })
}

fn pauses() -> impl Strategy<Value = Paused> {
    (0u8..4, proptest::bool::weighted(0.3)).prop_map(|(scope, ended)| Paused { scope, ended })
}

fn worlds() -> impl Strategy<Value = World> {
    (
        proptest::collection::vec(lists(), 0..5),
        prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(own_rules(), 1..4)],
        prop_oneof![5 => Just(Vec::new()), 1 => proptest::collection::vec(pauses(), 1..3)],
        proptest::collection::vec(names(), 0..6),
        any::<bool>(),
        proptest::collection::vec(names(), 12),
        any::<bool>(),
        proptest::collection::vec(proptest::collection::vec(spans(), 1..4), SCHEDULES),
        0u32..7 * 24 * 60,
        any::<bool>(),
    )
        .prop_map(|(lists, own, pauses, guards_off, with_profiles, names, aaaa, schedules, minute, prepared)| {
            World { lists, own, pauses, guards_off, with_profiles, names, aaaa, schedules, minute, prepared }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_compiled_policy_judges_as_reading_every_rule_would(world in worlds()) {
        let policy = world.policy();
        for report in policy.lists() {
            prop_assert!(report.problem.is_none() && report.rejected == 0, "{report:?}");
        }
        let device = DeviceId::Named("phone".into());
        let address: IpAddr = Ipv4Addr::LOCALHOST.into();
        let profile = policy.profile("home").unwrap_or_default();
        let asker = Asker { device: &device, joined: &[], profile, address, name: "phone", tags: &[] };
        let (qtype, at) = (if world.aaaa { 28 } else { 1 }, world.at());
        for text in &world.names {
            let name = Name::parse(text).unwrap();
            let judged = policy.judge(&asker, name.as_ref(), qtype, at);
            let (verdict, list) = world.expected(text);
            prop_assert_eq!((judged.verdict, judged.list.as_deref()), (verdict, list.as_deref()), "{}", text);
            prop_assert_eq!(judged.guarded, world.is_guarded(text), "{}", text);
            let explained = policy.explain(&asker, name.as_ref(), qtype, at);
            let first = explained.matches.first();
            prop_assert_eq!(explained.verdict, verdict);
            match (first, list.as_deref()) {
                (Some(first), Some(list)) => prop_assert_eq!((&*first.list, first.verdict), (list, verdict)),
                // A guard that nothing was in need of is told all the same.
                // So is one that is switched off and that nothing stands behind.
                (Some(first), None) => {
                    let off = first.precedence.contains("switched off");
                    prop_assert!((judged.guarded || off) && first.verdict == Verdict::Pass, "{first:?}");
                }
                (None, list) => prop_assert_eq!(list, None),
            }
        }
    }
}
