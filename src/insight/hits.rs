//! Which lists and rules do the work, which do it twice, and which do none: what was asked in a span, held against the
//! rules of today.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, Share, address_of};
use crate::device::Devices;
use crate::policy::{Explanation, Judgement, OWN_RULES, Policy, Verdict};
use crate::time::Timestamp;

/// Rules that are listed for each list.
pub const MAX_RULES_SHOWN: usize = 20;
/// Pairs of lists that are listed, those that mute the most together.
pub const MAX_OVERLAPS: usize = 1_000;
/// Names between two looks at whether anybody still wants the answer.
const PACE: usize = 256;
/// Tallies do not tell types; rules for a type are held against this one.
const TYPE_A: u16 = 1;

/// The lists at work in a span, by the rules of today.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RulesAtWork {
    /// Begin of the span, milliseconds since the epoch.
    pub from: Timestamp,
    /// End of the span, milliseconds since the epoch.
    pub to: Timestamp,
    /// All that was asked in it.
    pub asked: Share,
    /// Questions of it that are in no other figure, because their names were not kept apart.
    pub beyond: u64,
    /// Every list, in the order of the configuration; the own rules last.
    pub lists: Vec<ListHits>,
    /// Pairs of lists that mute the same, the most questions first; at most [`MAX_OVERLAPS`].
    pub overlaps: Vec<Overlap>,
}

/// What a list does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListHits {
    /// Its name, `own` for the own rules.
    pub list: Arc<str>,
    /// What it is there for.
    pub standing: Standing,
    /// What it decided: no other list goes before it there.
    pub decided: Share,
    /// What is muted and it would mute by itself, whether it decides there or not.
    pub mutes: Share,
    /// What of this no other list mutes.
    pub alone: Share,
    /// Its rules that decided, the most questions first; at most [`MAX_RULES_SHOWN`].
    pub rules: Vec<RuleHits>,
    /// How many rules decided something.
    pub rules_at_work: u64,
}

/// What a list is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Without it something would be decided in another way.
    Needed,
    /// It names what was asked, and others decide all of it in the same way.
    Redundant,
    /// It names nothing that was asked.
    Idle,
}

/// What a rule decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleHits {
    /// The rule as written, or in the form it is kept in.
    pub rule: String,
    /// What it asks for.
    pub verdict: Verdict,
    /// Different names.
    pub names: u64,
    /// Questions for them.
    pub queries: u64,
}

/// What two lists both mute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Overlap {
    /// One list.
    pub a: Arc<str>,
    /// The other, which comes later in the configuration.
    pub b: Arc<str>,
    /// Different names.
    pub names: u64,
    /// Questions for them.
    pub queries: u64,
}

/// Holds what was asked against the rules that are in force at `at`; none when `wanted` says that nobody waits for the
/// answer any more.
pub fn list_hits(
    asked: &Asked,
    policy: &Policy,
    devices: &Devices,
    at: Timestamp,
    wanted: &dyn Fn() -> bool,
) -> Option<RulesAtWork> {
    // A pause is for a while, and says nothing of what the lists are good for.
    let policy = &policy.with_pauses(Vec::new());
    let devices = asked.devices(devices);
    let mut sums = Sums::new(policy);
    for (number, (name, askers)) in asked.names().enumerate() {
        if number % PACE == 0 && !wanted() {
            return None;
        }
        for &(place, queries) in askers {
            let Some(device) = devices.get(place as usize) else { continue };
            let asker = device.asker(address_of(device));
            let judged = policy.judge(&asker, name.as_ref(), TYPE_A, at);
            // Where no list decides, none names the name, but for one that only takes something away.
            if judged.list.is_some() {
                sums.add(&judged, &policy.explain(&asker, name.as_ref(), TYPE_A, at), queries);
            }
        }
        sums.next_name();
    }
    let (lists, overlaps) = sums.finish();
    let (asked, beyond) = (asked.total(), asked.beyond());
    Some(RulesAtWork { asked, beyond, lists, overlaps, ..RulesAtWork::default() })
}

struct Sums {
    lists: Vec<Work>,
    places: HashMap<Arc<str>, usize>,
    overlaps: BTreeMap<(usize, usize), Tally>,
    /// What the name that is looked at adds.
    touched: Vec<usize>,
    pairs: Vec<(usize, usize)>,
    /// The place of the list and of the rule in it.
    rules: Vec<(usize, usize)>,
}

/// What a list does, while it is summed up.
struct Work {
    list: Arc<str>,
    names_something: bool,
    /// Whether it decides anything besides muting, which then would be decided in another way without it.
    decides_otherwise: bool,
    decided: Tally,
    mutes: Tally,
    alone: Tally,
    rules: Vec<(String, Verdict, Tally)>,
    rule_places: HashMap<String, usize>,
}

/// A share whose queries of the present name are still apart, so that the name is counted once.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    share: Share,
    here: u64,
}

impl Tally {
    fn close(&mut self) {
        self.share.add(std::mem::take(&mut self.here));
    }
}

impl Sums {
    fn new(policy: &Policy) -> Self {
        let names = policy.lists().iter().map(|report| report.name.clone()).chain([OWN_RULES.into()]);
        let lists: Vec<Work> = names.map(Work::of).collect();
        let places = lists.iter().enumerate().map(|(place, work)| (work.list.clone(), place)).collect();
        Self { lists, places, overlaps: BTreeMap::new(), touched: Vec::new(), pairs: Vec::new(), rules: Vec::new() }
    }

    /// Adds the questions of one device for one name.
    fn add(&mut self, judged: &Judgement, explained: &Explanation, queries: u64) {
        let mut naming = self.lists_of(explained, |_| true);
        for place in &naming {
            self.lists[*place].names_something = true;
        }
        self.touched.append(&mut naming);
        if let (Some(list), Some(first)) = (&judged.list, explained.matches.first())
            && let Some(&place) = self.places.get(list)
        {
            let work = &mut self.lists[place];
            work.decided.here += queries;
            work.decides_otherwise |= judged.verdict != Verdict::Block;
            let rule = work.rule(&first.rule, first.verdict);
            work.rules[rule].2.here += queries;
            self.rules.push((place, rule));
        }
        if judged.verdict == Verdict::Block {
            self.add_muted(explained, queries);
        }
    }

    fn add_muted(&mut self, explained: &Explanation, queries: u64) {
        let muting = self.lists_of(explained, |verdict| verdict == Verdict::Block);
        for (number, &place) in muting.iter().enumerate() {
            self.lists[place].mutes.here += queries;
            let name = self.lists[place].list.clone();
            // The rules stand in the order of decision, so the first of the others is what would decide without it.
            let without = explained.matches.iter().find(|found| found.list != name);
            if without.is_none_or(|found| found.verdict != Verdict::Block) {
                self.lists[place].alone.here += queries;
            }
            for &other in &muting[number + 1..] {
                let pair = (place.min(other), place.max(other));
                self.overlaps.entry(pair).or_default().here += queries;
                self.pairs.push(pair);
            }
        }
    }

    /// The lists with a rule that `fits`, each once.
    fn lists_of(&self, explained: &Explanation, fits: impl Fn(Verdict) -> bool) -> Vec<usize> {
        let fitting = explained.matches.iter().filter(|found| fits(found.verdict));
        let mut places: Vec<usize> = fitting.filter_map(|found| self.places.get(&found.list).copied()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn next_name(&mut self) {
        for place in self.touched.drain(..) {
            let work = &mut self.lists[place];
            [&mut work.decided, &mut work.mutes, &mut work.alone].into_iter().for_each(Tally::close);
        }
        for (list, rule) in self.rules.drain(..) {
            self.lists[list].rules[rule].2.close();
        }
        for pair in self.pairs.drain(..) {
            self.overlaps.entry(pair).or_default().close();
        }
    }

    fn finish(self) -> (Vec<ListHits>, Vec<Overlap>) {
        let name = |place: usize| self.lists[place].list.clone();
        let mut overlaps: Vec<Overlap> = self
            .overlaps
            .iter()
            .map(|(&(a, b), Tally { share, .. })| Overlap {
                a: name(a),
                b: name(b),
                names: share.names,
                queries: share.queries,
            })
            .collect();
        overlaps.sort_by_key(|overlap| std::cmp::Reverse((overlap.queries, overlap.names)));
        overlaps.truncate(MAX_OVERLAPS);
        (self.lists.into_iter().map(Work::finish).collect(), overlaps)
    }
}

impl Work {
    fn of(list: Arc<str>) -> Self {
        let none = Tally::default();
        let (rules, rule_places) = (Vec::new(), HashMap::new());
        let (names_something, decides_otherwise) = (false, false);
        Self { list, names_something, decides_otherwise, decided: none, mutes: none, alone: none, rules, rule_places }
    }

    fn rule(&mut self, rule: &str, verdict: Verdict) -> usize {
        if let Some(&place) = self.rule_places.get(rule) {
            return place;
        }
        self.rules.push((rule.to_owned(), verdict, Tally::default()));
        self.rule_places.insert(rule.to_owned(), self.rules.len() - 1);
        self.rules.len() - 1
    }

    fn finish(self) -> ListHits {
        let standing = match (self.names_something, self.decides_otherwise || self.alone.share.queries > 0) {
            (false, _) => Standing::Idle,
            (true, false) => Standing::Redundant,
            (true, true) => Standing::Needed,
        };
        let rules_at_work = self.rules.len() as u64;
        let mut rules: Vec<RuleHits> = self
            .rules
            .into_iter()
            .map(|(rule, verdict, Tally { share, .. })| RuleHits {
                rule,
                verdict,
                names: share.names,
                queries: share.queries,
            })
            .collect();
        rules.sort_by(|a, b| b.queries.cmp(&a.queries).then_with(|| a.rule.cmp(&b.rule)));
        rules.truncate(MAX_RULES_SHOWN);
        ListHits {
            list: self.list,
            standing,
            decided: self.decided.share,
            mutes: self.mutes.share,
            alone: self.alone.share,
            rules,
            rules_at_work,
        }
    }
}
