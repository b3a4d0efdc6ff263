//! What-if, hits and overlap, held to policies that were compiled with and without the change.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop at once, and this one tells a figure")]

#[path = "whatif/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use sordino::insight::{Asked, Change, RulesAtWork, Standing, WhatIf, list_hits, what_if};
use sordino::policy::{Action, ListSource, Name, OwnRule, Policy, Scope, Trial, Verdict};

use world::{
    House, List, NOW, Row, TYPE_A, World, actions, catalogue, device, own_rule, row, rule, tell, text_list, verdict,
    worlds,
};

/// Muted, let through and watched, as names and questions: reading each pair under both policies.
fn naively(world: &World, house: &House, after: &Policy) -> [(u64, u64); 3] {
    let mut names: [BTreeSet<&str>; 3] = Default::default();
    let mut queries = [0; 3];
    for ((who, name), count) in world.pairs() {
        let place = match (verdict(house, &house.policy, who, name), verdict(house, after, who, name)) {
            (now, then) if now == then => continue,
            (_, Verdict::Block) => 0,
            (Verdict::Block, _) => 1,
            (_, Verdict::Watch) => 2,
            _ => continue,
        };
        names[place].insert(name);
        queries[place] += count;
    }
    [0, 1, 2].map(|place| (names[place].len() as u64, queries[place]))
}

fn told(effect: &WhatIf) -> [(u64, u64); 3] {
    [effect.muted, effect.let_through, effect.watched].map(|share| (share.names, share.queries))
}

fn hits(world: &World, house: &House) -> RulesAtWork {
    list_hits(&world.asked(), &house.policy, &house.devices, NOW, &|| true).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_new_list_does_on_trial_what_it_does_when_it_is_compiled(
        world in worlds(), new in prop_oneof![3 => text_list(), 1 => catalogue()],
    ) {
        let house = world.house(world.compile(world.sources()));
        let source = ListSource { trusted: false, ..new.source("new") };
        let mut lists = world.sources();
        lists.push(source.clone());
        let world = World { left_out: world.left_out[..world.lists.len()].to_vec(), ..world };
        let with = world.compile(lists);
        let trial = Trial::of_new(source);
        for (who, name) in world.pairs().keys() {
            let device = device(&house, *who);
            let (asker, name) = (device.asker([10, 0, 0, *who].into()), Name::parse(name).unwrap());
            let tried = house.policy.judge_on(&trial, &asker, name.as_ref(), TYPE_A, NOW).judgement;
            let compiled = with.judge(&asker, name.as_ref(), TYPE_A, NOW);
            let told = |list: &Option<Arc<str>>| list.as_deref().map(str::to_owned);
            prop_assert_eq!((tried.verdict, told(&tried.list)), (compiled.verdict, told(&compiled.list)), "{}", name);
        }
        let effect = what_if(&world.asked(), &house.policy, &house.devices, &Change::List(trial), NOW, &|| true).unwrap();
        prop_assert_eq!(told(&effect), naively(&world, &house, &with));
        let queries: u64 = effect.devices.iter().map(|device| device.queries).sum();
        prop_assert_eq!(effect.queries, queries);
        prop_assert_eq!(effect.queries, effect.muted.queries + effect.let_through.queries + effect.watched.queries);
    }

    #[test]
    fn a_list_that_is_there_does_on_trial_what_another_action_would(
        world in worlds(), place in any::<prop::sample::Index>(), action in actions(),
    ) {
        prop_assume!(!world.lists.is_empty());
        let place = place.index(world.lists.len());
        let house = world.house(world.compile(world.sources()));
        let mut other = world.clone();
        other.lists[place].action = action;
        other.left_out[place] = false;
        let with = other.compile(other.sources());
        let trial = Trial::of_listed(&house.policy, &format!("l{place}"), action).unwrap();
        let effect = what_if(&world.asked(), &house.policy, &house.devices, &Change::List(trial), NOW, &|| true).unwrap();
        prop_assert_eq!(told(&effect), naively(&world, &house, &with));
    }

    #[test]
    fn a_rule_does_on_trial_what_it_does_when_it_is_made(world in worlds(), new in own_rule()) {
        let house = world.house(world.compile(world.sources()));
        let new = OwnRule { id: 99, ..new };
        let replaced = |other: &OwnRule| new.is_like(other);
        let change = Change::rule(&house.policy, new.clone(), replaced);
        let rules = world.rules.iter().filter(|other| !replaced(other)).cloned().chain([new.clone()]);
        let with = house.policy.with_rules(rules.collect());
        let effect = what_if(&world.asked(), &house.policy, &house.devices, &change, NOW, &|| true).unwrap();
        prop_assert_eq!(told(&effect), naively(&world, &house, &with));
    }

    #[test]
    fn hits_and_overlaps_are_what_reading_every_explanation_gives(world in worlds()) {
        let house = world.house(world.compile(world.sources()));
        let work = hits(&world, &house);
        let mut mutes: BTreeMap<(String, String), (BTreeSet<&str>, u64)> = BTreeMap::new();
        let mut decided: BTreeMap<String, (BTreeSet<&str>, u64)> = BTreeMap::new();
        for ((who, name), count) in world.pairs() {
            let device = device(&house, who);
            let (asker, parsed) = (device.asker([10, 0, 0, who].into()), Name::parse(name).unwrap());
            if let Some(list) = house.policy.judge(&asker, parsed.as_ref(), TYPE_A, NOW).list {
                let entry = decided.entry(list.to_string()).or_default();
                entry.0.insert(name);
                entry.1 += count;
            }
            let explained = house.policy.explain(&asker, parsed.as_ref(), TYPE_A, NOW);
            if explained.verdict == Verdict::Block {
                let muting = explained.matches.iter().filter(|found| found.verdict == Verdict::Block);
                let muting: BTreeSet<String> = muting.map(|found| found.list.to_string()).collect();
                for a in &muting {
                    for b in &muting {
                        let entry = mutes.entry((a.clone(), b.clone())).or_default();
                        entry.0.insert(name);
                        entry.1 += count;
                    }
                }
            }
        }
        let share = |found: Option<&(BTreeSet<&str>, u64)>| found.map_or((0, 0), |(names, queries)| (names.len() as u64, *queries));
        for list in &work.lists {
            let own = list.list.to_string();
            prop_assert_eq!((list.decided.names, list.decided.queries), share(decided.get(&own)), "{}", own);
            prop_assert_eq!((list.mutes.names, list.mutes.queries), share(mutes.get(&(own.clone(), own))));
            prop_assert_eq!(list.rules.iter().map(|rule| rule.queries).sum::<u64>(), list.decided.queries);
        }
        for overlap in &work.overlaps {
            let pair = (overlap.a.to_string(), overlap.b.to_string());
            prop_assert_eq!((overlap.names, overlap.queries), share(mutes.get(&pair)));
        }
        prop_assert_eq!(work.overlaps.len(), mutes.keys().filter(|(a, b)| a < b).count());
    }

    #[test]
    fn what_is_redundant_or_idle_can_go_and_nothing_is_decided_otherwise(world in worlds()) {
        let house = world.house(world.compile(world.sources()));
        for (place, list) in hits(&world, &house).lists.iter().enumerate().take(world.lists.len()) {
            let (mut lists, mut left_out) = (world.sources(), world.left_out.clone());
            lists.remove(place);
            left_out.remove(place);
            let without = World { left_out, ..world.clone() }.compile(lists);
            if list.standing != Standing::Needed {
                prop_assert_eq!(naively(&world, &house, &without), [(0, 0); 3], "{} is {:?}", &list.list, list.standing);
            }
            if list.alone.queries > 0 {
                let [_, (_, let_through), _] = naively(&world, &house, &without);
                prop_assert_eq!(let_through, list.alone.queries, "{}", &list.list);
            }
        }
    }
}

#[test]
fn labels_say_what_would_break_and_guards_hold() {
    let catalogue = List {
        action: Action::Watch,
        trusted: true,
        lines: Vec::new(),
        rows: vec![("watch", "shop.example".into(), true), ("never", "login.shop.example".into(), true)],
    };
    let asked =
        vec![(1, "a.shop.example".into(), 40), (2, "login.shop.example".into(), 7), (1, "old.example".into(), 1)];
    let muted = List { action: Action::Block, trusted: false, lines: vec!["old.example".into()], rows: Vec::new() };
    let world = World { lists: vec![catalogue, muted], left_out: vec![false; 2], rules: Vec::new(), asked };
    let house = world.house(world.compile(world.sources()));
    let new = List { action: Action::Block, trusted: false, lines: vec!["||example^".into()], rows: Vec::new() };
    let change = Change::List(Trial::of_new(new.source("new")));
    let effect = what_if(&world.asked(), &house.policy, &house.devices, &change, NOW, &|| true).unwrap();
    assert_eq!((effect.names, effect.queries, effect.breaking), (1, 40, 1));
    assert_eq!((effect.already.queries, effect.kept.queries), (1, 7));
    let top: Vec<_> = effect.top.iter().map(|one| (one.name.to_string(), one.breaks.as_str(), one.already)).collect();
    assert_eq!(
        top,
        [
            ("a.shop.example".into(), "The shop.", false),
            ("old.example".into(), "", true),
            ("login.shop.example".into(), "The shop.", false)
        ]
    );
    assert_eq!(effect.top[1].by.as_deref(), Some("l1"));
    assert_eq!(effect.devices.iter().map(|one| one.queries).collect::<Vec<_>>(), [40]);
}

#[test]
fn nobody_waits_and_nothing_is_worked_out() {
    let world =
        World { lists: Vec::new(), left_out: Vec::new(), rules: Vec::new(), asked: vec![(1, "b.ab".into(), 1)] };
    let house = world.house(world.compile(Vec::new()));
    let change = Change::rule(&house.policy, rule(1, "ab", true, Action::Block, Scope::Everyone), |_| false);
    assert!(what_if(&world.asked(), &house.policy, &house.devices, &change, NOW, &|| false).is_none());
    assert!(list_hits(&world.asked(), &house.policy, &house.devices, NOW, &|| false).is_none());
}

/// Prints what a month of a household of twenty takes beside merely walking through its tallies.
#[test]
fn a_month_of_a_household_is_looked_through() {
    const DEVICES: u8 = 20;
    const HOURS: u32 = 720;
    const NAMES_AN_HOUR: u32 = 40;
    let rows = || {
        (0..DEVICES).flat_map(|who| {
            (0..HOURS).flat_map(move |hour| {
                (0..NAMES_AN_HOUR).map(move |number| {
                    let name = (u32::from(who) * 131 + hour * 7 + number * number) % 4_000;
                    row(who, hour, &format!("host{}.site{name}.example", name % 7), 3)
                })
            })
        })
    };
    let lines = (0..50_000).map(|number| format!("||site{number}.example^")).collect();
    let list = List { action: Action::Block, trusted: false, lines, rows: Vec::new() };
    let world = World { lists: vec![list], left_out: Vec::new(), rules: Vec::new(), asked: Vec::new() };
    let house = world.house(world.compile(world.sources()));
    let rows: Vec<Row> = rows().collect();

    let begun = Instant::now();
    let mut plain = 0;
    tell(&rows, &mut |run| plain += run.count());
    let plain_took = begun.elapsed();
    let begun = Instant::now();
    let asked = Asked::sum(|each| tell(&rows, each));
    let rule = rule(1, "site7.example", true, Action::Allow, Scope::Everyone);
    let effect =
        what_if(&asked, &house.policy, &house.devices, &Change::rule(&house.policy, rule, |_| false), NOW, &|| true)
            .unwrap();
    let took = begun.elapsed();
    let begun = Instant::now();
    let work = list_hits(&asked, &house.policy, &house.devices, NOW, &|| true).unwrap();
    let hits_took = begun.elapsed();
    assert_eq!(asked.total().queries, plain);
    assert!(effect.let_through.queries > 0 && effect.let_through.names < 10, "{:?}", effect.let_through);
    assert_eq!(work.lists[0].mutes.queries, plain);
    println!(
        "{} rows, {} names: a plain walk {plain_took:.2?}, what-if {took:.2?} ({:.1} times), hits {hits_took:.2?} ({:.1} times)",
        rows.len(),
        asked.total().names,
        took.as_secs_f64() / plain_took.as_secs_f64(),
        hits_took.as_secs_f64() / plain_took.as_secs_f64(),
    );
}
