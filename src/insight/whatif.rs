//! What would have been decided in a span if a rule or a list had been in force: computed from the tallies, with the
//! rules of today on both sides, so that the difference is the change and nothing else.

use std::cmp::Reverse;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, Share, address_of};
use crate::device::Devices;
use crate::policy::{Asker, DeviceId, Label, Name, NameRef, OWN_RULES, OwnRule, Policy, Trial, Verdict};
use crate::time::Timestamp;

/// Names that are listed one by one, of those that change and of those that do not, each.
pub const MAX_NAMES_SHOWN: usize = 100;
/// Names between two looks at whether anybody still wants the answer.
const PACE: usize = 256;
/// Tallies do not tell types; rules for a type are held against this one.
const TYPE_A: u16 = 1;

/// A change that is looked at before it is made.
#[derive(Debug)]
pub enum Change {
    /// One more rule of the operator: the policy with it, and with it alone.
    Rule(Box<(Policy, Policy)>),
    /// A list.
    List(Trial),
}

/// What a change would have done in a span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WhatIf {
    /// Begin of the span, milliseconds since the epoch.
    pub from: Timestamp,
    /// End of the span, milliseconds since the epoch.
    pub to: Timestamp,
    /// All that was asked in it.
    pub asked: Share,
    /// Questions of it that are in no other figure, because their names were not kept apart.
    pub beyond: u64,
    /// Names that would be treated in another way.
    pub names: u64,
    /// Questions that would be treated in another way.
    pub queries: u64,
    /// What would be muted and is not.
    pub muted: Share,
    /// What would resolve and is muted.
    pub let_through: Share,
    /// What would be watched and is neither watched nor muted.
    pub watched: Share,
    /// What the change asks for and is so already.
    pub already: Share,
    /// What the change asks for in vain: an own rule, a guard of the catalogue or an exception goes before it.
    pub kept: Share,
    /// Names that would be muted and of which it is known what breaks then.
    pub breaking: u64,
    /// Devices that would notice, the most questions first.
    pub devices: Vec<DeviceChange>,
    /// Names: those that change first, then those that are so already, then those that are kept; the most asked first.
    pub top: Vec<NameChange>,
}

/// What a change would have done to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceChange {
    /// Which device.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Names that would be treated in another way.
    pub names: u64,
    /// Questions that would be treated in another way.
    pub queries: u64,
}

/// What a change would have done to one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NameChange {
    /// The name.
    pub name: Name,
    /// Questions for it that the change is about.
    pub queries: u64,
    /// Devices that asked them.
    pub devices: u32,
    /// What is decided now.
    pub now: Verdict,
    /// What would be decided.
    #[serde(rename = "then")]
    pub after: Verdict,
    /// What the catalogue knows.
    pub label: Option<Label>,
    /// What stops working when it is muted; empty where nothing is known to.
    pub breaks: String,
    /// Whether it is already as the change would have it.
    pub already: bool,
    /// The list that decides now, `own` for an own rule.
    pub by: Option<Arc<str>>,
}

impl Change {
    /// `rule`, in the place of the rules that `replaced` says it takes.
    pub fn rule(policy: &Policy, rule: OwnRule, replaced: impl Fn(&OwnRule) -> bool) -> Self {
        let others = policy.rules().iter().filter(|other| !replaced(other)).cloned();
        let policy = policy.with_pauses(Vec::new());
        let with = policy.with_rules(others.chain([rule.clone()]).collect());
        Self::Rule(Box::new((with, policy.with_rules(vec![rule]))))
    }

    /// What the change asks for, the verdict with it, and who decides then.
    fn judge(
        &self,
        policy: &Policy,
        asker: &Asker<'_>,
        name: NameRef<'_>,
        at: Timestamp,
    ) -> Option<(Verdict, Verdict)> {
        match self {
            Self::Rule(rule) => {
                let (with, alone) = &**rule;
                let says = alone.judge(asker, name, TYPE_A, at);
                let named = says.list.as_deref() == Some(OWN_RULES);
                named.then(|| (says.verdict, with.judge(asker, name, TYPE_A, at).verdict))
            }
            Self::List(trial) => {
                let tried = policy.judge_on(trial, asker, name, TYPE_A, at);
                tried.says.map(|says| (says, tried.judgement.verdict))
            }
        }
    }
}

/// Compares what was asked with and without `change`, by the rules that are in force at `at`; none when `wanted` says
/// that nobody waits for it any more.
pub fn what_if(
    asked: &Asked,
    policy: &Policy,
    devices: &Devices,
    change: &Change,
    at: Timestamp,
    wanted: &dyn Fn() -> bool,
) -> Option<WhatIf> {
    // A pause is for a while, and says nothing of what the change does when it is over.
    let policy = &policy.with_pauses(Vec::new());
    let devices = asked.devices(devices);
    let mut sums = WhatIf { asked: asked.total(), beyond: asked.beyond(), ..WhatIf::default() };
    let mut by_device = vec![Share::default(); devices.len()];
    let mut shown: Vec<(Fate, NameChange)> = Vec::new();
    for (number, (name, askers)) in asked.names().enumerate() {
        if number % PACE == 0 && !wanted() {
            return None;
        }
        let mut fates = Fates::default();
        for &(place, queries) in askers {
            let Some(device) = devices.get(place as usize) else { continue };
            let asker = device.asker(address_of(device));
            let Some((says, after)) = change.judge(policy, &asker, name.as_ref(), at) else { continue };
            let now = policy.judge(&asker, name.as_ref(), TYPE_A, at);
            let fate = Fate::of(now.verdict, says, after);
            if fate.is_change()
                && let Some(sum) = by_device.get_mut(place as usize)
            {
                sum.add(queries);
            }
            fates.add(fate, queries, (now.verdict, after, now.list));
        }
        fates.sum_up(&mut sums);
        if let Some((fate, change)) = fates.show(name, policy) {
            sums.breaking += u64::from(fate == Fate::Muted && !change.breaks.is_empty());
            shown.push((fate, change));
        }
    }
    sums.devices = devices
        .into_iter()
        .zip(by_device)
        .filter(|(_, sum)| sum.queries > 0)
        .map(|(device, sum)| DeviceChange { id: device.id, name: device.name, names: sum.names, queries: sum.queries })
        .collect();
    sums.devices.sort_by(|a, b| b.queries.cmp(&a.queries).then_with(|| a.id.cmp(&b.id)));
    sums.top = first_of_each(shown);
    Some(sums)
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Muted,
    LetThrough,
    Watched,
    /// Another change that nobody notices: passed and then allowed, or watched and then not.
    Renamed,
    Already,
    Kept,
}

impl Fate {
    const ALL: [Self; 6] = [Self::Muted, Self::LetThrough, Self::Watched, Self::Renamed, Self::Already, Self::Kept];

    fn of(now: Verdict, says: Verdict, after: Verdict) -> Self {
        match (now, after) {
            (now, after) if now == after => {
                if says == now {
                    Self::Already
                } else {
                    Self::Kept
                }
            }
            (_, Verdict::Block) => Self::Muted,
            (Verdict::Block, _) => Self::LetThrough,
            (_, Verdict::Watch) => Self::Watched,
            // A guard had nothing to hold off before.
            (Verdict::Pass, Verdict::Allow) if says != Verdict::Allow => Self::Kept,
            _ => Self::Renamed,
        }
    }

    fn is_change(self) -> bool {
        self < Self::Renamed
    }

    /// What is shown together.
    fn group(self) -> u8 {
        match self {
            Self::Muted | Self::LetThrough | Self::Watched => 0,
            Self::Renamed | Self::Already => 1,
            Self::Kept => 2,
        }
    }
}

/// What is decided now, what would be, and the list that decides now.
type Told = (Verdict, Verdict, Option<Arc<str>>);

/// What becomes of one name, device by device.
#[derive(Default)]
struct Fates {
    queries: [u64; Fate::ALL.len()],
    devices: [u32; Fate::ALL.len()],
    /// What the first device of each fate is told.
    told: [Option<Told>; Fate::ALL.len()],
}

impl Fates {
    fn add(&mut self, fate: Fate, queries: u64, told: Told) {
        let place = fate as usize;
        self.queries[place] += queries;
        self.devices[place] += 1;
        self.told[place].get_or_insert(told);
    }

    fn sum_up(&self, sums: &mut WhatIf) {
        let of = |fate: Fate| self.queries[fate as usize];
        sums.muted.add(of(Fate::Muted));
        sums.let_through.add(of(Fate::LetThrough));
        sums.watched.add(of(Fate::Watched));
        sums.already.add(of(Fate::Already) + of(Fate::Renamed));
        sums.kept.add(of(Fate::Kept));
        let changed = of(Fate::Muted) + of(Fate::LetThrough) + of(Fate::Watched);
        sums.names += u64::from(changed > 0);
        sums.queries += changed;
    }

    /// The name as it is listed, under the first fate that anything of it has.
    fn show(&mut self, name: &Name, policy: &Policy) -> Option<(Fate, NameChange)> {
        let fate = Fate::ALL.into_iter().find(|fate| self.devices[*fate as usize] > 0)?;
        let (now, after, by) = self.told[fate as usize].take()?;
        let label = policy.label(name.as_ref()).cloned();
        let change = NameChange {
            name: name.clone(),
            queries: self.queries[fate as usize],
            devices: self.devices[fate as usize],
            now,
            after,
            breaks: label.as_ref().map(|label| label.breaks.clone()).unwrap_or_default(),
            label,
            already: fate.group() == 1,
            by,
        };
        Some((fate, change))
    }
}

fn first_of_each(mut shown: Vec<(Fate, NameChange)>) -> Vec<NameChange> {
    shown.sort_by(|(a, x), (b, y)| {
        (a.group(), Reverse(x.queries)).cmp(&(b.group(), Reverse(y.queries))).then_with(|| x.name.cmp(&y.name))
    });
    let mut taken = [0; 3];
    shown.retain(|(fate, _)| {
        let taken = &mut taken[usize::from(fate.group())];
        *taken += 1;
        *taken <= MAX_NAMES_SHOWN
    });
    shown.into_iter().map(|(_, change)| change).collect()
}
