//! What may have broken: names that were muted for a device while something stopped working, the likeliest first.
//!
//! Nothing here is certain. Four things speak for a name: it was muted a moment ago, the device hardly ever asked for it
//! before, it was asked again and again as by something that does not get on, and the catalogue knows that muting it breaks
//! something. What a device asks for all day and lives without speaks against it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Share, address_of};
use crate::device::Device;
use crate::event::{Event, Outcome};
use crate::policy::{Label, Name, Policy, Verdict};
use crate::store::TallyRun;
use crate::time::{Hour, Timestamp};

/// Candidates that are listed; nobody tries more than a handful.
pub const MAX_CANDIDATES: usize = 30;
/// How far back a name is looked for to tell whether it is usual.
pub const USUAL_SPAN: Duration = Duration::from_secs(28 * 24 * 3600);

/// A name that was muted so shortly before the end is told as a reason.
const JUST: Duration = Duration::from_secs(2 * 60);
/// Questions further apart are another try. A device asks for A, AAAA and HTTPS within a moment, and that is one.
const SAME_TRY_MILLIS: u64 = 2_000;
const HOUR_MILLIS: u64 = 3_600_000;
/// Tries from which on a name was asked again and again.
const MANY_TRIES: u32 = 3;
/// A name asked in so few hours of four weeks is rare.
const RARE_HOURS: u32 = 3;
/// A name asked in so many hours of four weeks was missed long ago, if it is missed at all.
const COMMON_HOURS: u32 = 100;
/// Tallies do not tell types; rules for a type are held against this one.
const TYPE_A: u16 = 1;

/// What each sign is worth. What is known to break outweighs any other one; two others outweigh it.
const BREAKS: u32 = 40;
const RECENT_AT_MOST: u64 = 30;
const FIRST: u32 = 30;
const RARE: u32 = 20;
const RETRIED: u32 = 20;
const COMMON: u32 = 20;

/// What may have broken something for a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Breakage {
    /// Begin of the span that was looked at, milliseconds since the epoch.
    pub from: Timestamp,
    /// End of the span that was looked at, milliseconds since the epoch.
    pub to: Timestamp,
    /// Muted names, the likeliest first; at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// How many more there are.
    pub more: u64,
    /// Names that were muted in the span and are not any more.
    pub resolved: u64,
    /// What no forwarder answered: that breaks things as well, and muting has nothing to do with it.
    pub failed: Share,
}

/// A name whose muting may have broken something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candidate {
    /// The name.
    pub name: Name,
    /// When it was muted for the last time in the span, milliseconds since the epoch.
    pub last: Timestamp,
    /// How often it was tried in the span; questions at the same moment are one try.
    pub tries: u32,
    /// In how many hours of the four weeks before the device asked for it.
    pub hours_before: u32,
    /// The list that muted it; `own` for an own rule.
    pub list: Option<Arc<str>>,
    /// The alias in its answer that was muted, where it was not the name itself.
    pub alias: Option<Name>,
    /// What the catalogue knows of the alias, else of the name.
    pub label: Option<Label>,
    /// What speaks for it, the strongest first; empty where it was muted and nothing else.
    pub signs: Vec<Sign>,
}

/// What speaks for a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// The catalogue knows what stops working.
    Breaks,
    /// The device never asked for it before.
    First,
    /// The device hardly ever asked for it before.
    Rare,
    /// It was asked again and again, more often than usual.
    Retried,
    /// It was muted a moment before the end of the span.
    Recent,
}

/// Ranks what was muted for `device` from `from` to `to`, by the rules that are in force at `now`.
///
/// `muted` and `failed` are events of the device in the span, in any order. `before` is called once, with what takes every
/// tally of the device in the four weeks before, in any order.
pub fn breakage(
    policy: &Policy,
    device: &Device,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
    muted: &[Event],
    failed: &[Event],
    before: impl FnOnce(&mut dyn FnMut(TallyRun<'_>)),
) -> Breakage {
    let mut traces: BTreeMap<&Name, Trace<'_>> = BTreeMap::new();
    for event in muted.iter().filter(|event| event.verdict == Verdict::Block) {
        traces.entry(&event.name).or_default().add(event);
    }
    let found = traces.len() as u64;
    traces.retain(|name, trace| trace.is_muted(policy, device, name, now));
    let resolved = found - traces.len() as u64;
    let mut usual = Usual::of(traces.keys().copied());
    before(&mut |run| usual.add(run, from.hour()));
    let mut ranked: Vec<(u32, Candidate)> =
        traces.into_iter().map(|(name, trace)| trace.rank(policy, name, usual.take(name), (from, to))).collect();
    // The latest first among equals, and then by name, so that asking twice gives one order.
    ranked.sort_by(|(a, x), (b, y)| (b, y.last).cmp(&(a, x.last)).then_with(|| x.name.cmp(&y.name)));
    let more = ranked.len().saturating_sub(MAX_CANDIDATES) as u64;
    let candidates = ranked.into_iter().take(MAX_CANDIDATES).map(|(_, candidate)| candidate).collect();
    Breakage { from, to, candidates, more, resolved, failed: share(failed) }
}

fn share(failed: &[Event]) -> Share {
    let unanswered = failed.iter().filter(|event| event.outcome == Outcome::Failed);
    let names: HashSet<&Name> = unanswered.clone().map(|event| &event.name).collect();
    Share { names: names.len() as u64, queries: unanswered.count() as u64 }
}

/// How a name was asked for in the span.
#[derive(Default)]
struct Trace<'a> {
    times: Vec<Timestamp>,
    latest: Option<&'a Event>,
}

impl<'a> Trace<'a> {
    fn add(&mut self, event: &'a Event) {
        self.times.push(event.at);
        if self.latest.is_none_or(|latest| latest.at <= event.at) {
            self.latest = Some(event);
        }
    }

    /// Whether it would be muted now as well. What was let through since then is not what is missing.
    fn is_muted(&self, policy: &Policy, device: &Device, name: &Name, now: Timestamp) -> bool {
        let asker = device.asker(address_of(device));
        let verdict = |name: &Name| policy.judge(&asker, name.as_ref(), TYPE_A, now).verdict;
        match (verdict(name), self.latest.and_then(|event| event.alias.as_ref())) {
            (Verdict::Block, _) => true,
            // An exception for the name covers what it leads to.
            (Verdict::Allow, _) | (_, None) => false,
            (_, Some(alias)) => verdict(alias) == Verdict::Block,
        }
    }

    fn tries(&mut self) -> u32 {
        self.times.sort_unstable();
        let pauses = self.times.windows(2).filter(|pair| pair[1].millis() - pair[0].millis() > SAME_TRY_MILLIS);
        u32::try_from(1 + pauses.count()).unwrap_or(u32::MAX)
    }

    fn rank(
        mut self,
        policy: &Policy,
        name: &Name,
        (hours_before, usual): (u32, u64),
        (from, to): (Timestamp, Timestamp),
    ) -> (u32, Candidate) {
        let (tries, questions) = (self.tries(), self.times.len() as u64);
        let last = self.times.last().copied().unwrap_or(from);
        let alias = self.latest.and_then(|event| event.alias.clone());
        let of_alias = alias.as_ref().and_then(|alias| policy.label(alias.as_ref()));
        let label = of_alias.or_else(|| policy.label(name.as_ref())).cloned();
        let mut signs = Vec::new();
        let mut weight = 0;
        let mut sign = |holds: bool, sign, worth| {
            if holds {
                signs.push(sign);
                weight += worth;
            }
        };
        sign(label.as_ref().is_some_and(|label| !label.breaks.is_empty()), Sign::Breaks, BREAKS);
        sign(hours_before == 0, Sign::First, FIRST);
        sign((1..=RARE_HOURS).contains(&hours_before), Sign::Rare, RARE);
        let hours = to.millis().saturating_sub(from.millis()).div_ceil(HOUR_MILLIS).max(1);
        sign(tries >= MANY_TRIES && questions > usual.saturating_mul(hours), Sign::Retried, RETRIED);
        sign(to.millis().saturating_sub(last.millis()) <= millis(JUST), Sign::Recent, 0);
        weight += nearness(last, from, to);
        if hours_before >= COMMON_HOURS {
            weight = weight.saturating_sub(COMMON);
        }
        let list = self.latest.and_then(|event| event.list.clone());
        (weight, Candidate { name: name.clone(), last, tries, hours_before, list, alias, label, signs })
    }
}

/// More the nearer `last` is to the end of the span.
fn nearness(last: Timestamp, from: Timestamp, to: Timestamp) -> u32 {
    let whole = to.millis().saturating_sub(from.millis()).max(1);
    let into = last.millis().saturating_sub(from.millis()).min(whole);
    u32::try_from(RECENT_AT_MOST * into / whole).unwrap_or(0)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How names were asked for before: in which hours, and how often.
struct Usual<'a>(HashMap<&'a Name, (HashSet<Hour>, u64)>);

impl<'a> Usual<'a> {
    fn of(names: impl Iterator<Item = &'a Name>) -> Self {
        Self(names.map(|name| (name, Default::default())).collect())
    }

    fn add(&mut self, run: TallyRun<'_>, end: Hour) {
        let Some((hours, questions)) = self.0.get_mut(run.name) else { return };
        for &(hour, count) in run.hours.iter().filter(|(hour, _)| *hour < end) {
            hours.insert(hour);
            *questions += count;
        }
    }

    /// In how many hours, and how many questions in one of them on average.
    fn take(&mut self, name: &Name) -> (u32, u64) {
        let (hours, questions) = self.0.remove(name).unwrap_or_default();
        (u32::try_from(hours.len()).unwrap_or(u32::MAX), questions.checked_div(hours.len() as u64).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
