//! Two people who change the same at once: who saw an older state is told, and nothing of the other's is lost.
//!
//! What can be changed in the page has a [`Revision`], which follows from its content alone: it is the same after a
//! restart, and no change can forget to count it up. Who changes something may say which one was seen ([`Expected`]); the
//! single writer compares in the moment of the change, so nothing comes in between.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::{Serialize, Serializer};

use super::{Command, Control};
use crate::policy::{DeviceId, GuardId};
use crate::store::Settings;

/// Something that people change, by itself or as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All own rules.
    Rules,
    /// One of them.
    Rule(u64),
    /// All pauses.
    Pauses,
    /// One of them.
    Pause(u64),
    /// All records that were made in the page.
    Records,
    /// One of them.
    Record(u64),
    /// All lists that were added in the page.
    Lists,
    /// One of them, by name.
    List(String),
    /// All profiles that were made in the page.
    Profiles,
    /// One of them, by name.
    Profile(String),
    /// All schedules that were made in the page.
    Schedules,
    /// One of them, by name.
    Schedule(String),
    /// What the page says of all devices.
    Devices,
    /// What it says of one: name, profile, and who is joined to it.
    Device(DeviceId),
    /// The guards that are switched off.
    Guards,
    /// Whether one of them is.
    Guard(GuardId),
}

/// What tells the content of something kept from any other content of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision(u64);

/// What someone saw who changes something.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What is changed.
    pub kept: Kept,
    /// The revisions under which it may be changed, its own or those of the whole it belongs to. None for any, as long as it
    /// is there.
    pub seen: Option<Vec<Revision>>,
}

/// A command, and what must still be so when it is carried out.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) command: Command,
    pub(super) only_if: Option<OnlyIf>,
}

/// What must still be so, and whom to tell that it is not.
#[derive(Debug)]
pub(super) struct OnlyIf {
    pub(super) expected: Expected,
    pub(super) otherwise: tokio::sync::oneshot::Sender<()>,
}

impl Given {
    /// The command, unless what it changes is no more what was seen; whoever gave it is told then.
    pub(super) fn still_wanted(self, settings: &Settings) -> Option<Command> {
        match self.only_if {
            Some(OnlyIf { expected, otherwise }) if !expected.holds(settings) => {
                // Whoever asked may have gone. They must hear of it before the command's own reply is dropped.
                let _ = otherwise.send(());
                None
            }
            _ => Some(self.command),
        }
    }
}

impl Control {
    /// This handle, for commands that are carried out only where `expected` holds; with none, whatever is there.
    pub fn expecting(&self, expected: Option<Expected>) -> Self {
        Self { expected, ..self.clone() }
    }

    /// The revision of something kept; none where it is not there.
    ///
    /// Ask before what it stands for is read: a change in between makes it older than what is shown, never newer, because it is
    /// told after the snapshot is published.
    pub fn revision(&self, kept: &Kept) -> Option<Revision> {
        kept.revision(&self.settings())
    }

    /// What was set in the page, as it is in force: never newer than the snapshot.
    pub fn settings(&self) -> Arc<Settings> {
        self.standing.borrow().settings.clone()
    }
}

impl Expected {
    fn holds(&self, settings: &Settings) -> bool {
        let now = [self.kept.revision(settings), self.kept.whole().and_then(|whole| whole.revision(settings))];
        match &self.seen {
            None => now[0].is_some(),
            Some(seen) => now.iter().flatten().any(|revision| seen.contains(revision)),
        }
    }
}

impl Kept {
    fn revision(&self, settings: &Settings) -> Option<Revision> {
        let Settings { rules, pauses, records, lists, profiles, schedules, .. } = settings;
        match self {
            Self::Rules => Some(Revision::of(rules)),
            Self::Rule(id) => rules.iter().find(|rule| rule.id == *id).map(Revision::of),
            Self::Pauses => Some(Revision::of(pauses)),
            Self::Pause(id) => pauses.iter().find(|pause| pause.id == *id).map(Revision::of),
            Self::Records => Some(Revision::of(records)),
            Self::Record(id) => records.iter().find(|record| record.id == *id).map(Revision::of),
            Self::Lists => Some(Revision::of(lists)),
            Self::List(name) => lists.iter().find(|list| list.name == *name).map(Revision::of),
            Self::Profiles => Some(Revision::of(profiles)),
            Self::Profile(name) => profiles.iter().find(|profile| profile.name == *name).map(Revision::of),
            Self::Schedules => Some(Revision::of(schedules)),
            Self::Schedule(name) => schedules.iter().find(|schedule| schedule.name == *name).map(Revision::of),
            Self::Devices => {
                let Settings { device_names, device_profiles, joined, split, .. } = settings;
                Some(Revision::of(&(device_names, device_profiles, joined, split)))
            }
            Self::Device(id) => Some(Revision::of_device(id, settings)),
            Self::Guards => Some(Revision::of(&settings.guards_off)),
            Self::Guard(id) => Some(Revision::of_guard(id, settings)),
        }
    }

    /// What it belongs to.
    fn whole(&self) -> Option<Self> {
        match self {
            Self::Rule(_) => Some(Self::Rules),
            Self::Pause(_) => Some(Self::Pauses),
            Self::Record(_) => Some(Self::Records),
            Self::List(_) => Some(Self::Lists),
            Self::Profile(_) => Some(Self::Profiles),
            Self::Schedule(_) => Some(Self::Schedules),
            Self::Device(_) => Some(Self::Devices),
            Self::Guard(_) => Some(Self::Guards),
            Self::Rules
            | Self::Pauses
            | Self::Records
            | Self::Lists
            | Self::Profiles
            | Self::Schedules
            | Self::Devices
            | Self::Guards => None,
        }
    }
}

impl Revision {
    /// The revision of what is shown: a rule, a pause, a record, a list, a profile or a schedule, as the
    /// settings hold it.
    pub fn of<T: Serialize>(content: &T) -> Self {
        // Plain values and nothing else, which cannot fail to be written; and if they did, they would all seem the same
        // and no change would be held back.
        let written = serde_json::to_vec(content).unwrap_or_default();
        let digest = digest(&SHA256, &written);
        let begin = digest.as_ref().iter().take(size_of::<u64>());
        Self(begin.fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }

    /// The revision of what `settings` say of the device with this main identity. One that they say nothing of has one too.
    pub fn of_device(id: &DeviceId, settings: &Settings) -> Self {
        let said = |pairs: &'_ [(DeviceId, String)]| {
            pairs.iter().find(|(device, _)| device == id).map(|(_, said)| said.clone())
        };
        let joined: Vec<&DeviceId> =
            settings.joined.iter().filter(|(_, main)| main == id).map(|(member, _)| member).collect();
        Self::of(&(id, said(&settings.device_names), said(&settings.device_profiles), joined))
    }

    /// The revision of whether `settings` switch this guard off.
    pub fn of_guard(id: &GuardId, settings: &Settings) -> Self {
        Self::of(&(id, settings.guards_off.contains(id)))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Revision {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::MacAddr;

    fn phone() -> DeviceId {
        DeviceId::Mac("02:00:00:00:00:01".parse::<MacAddr>().unwrap())
    }

    #[test]
    fn a_revision_follows_from_what_is_said_of_a_device_and_nothing_else() {
        let mut settings = Settings::default();
        let before = Revision::of_device(&phone(), &settings);
        settings.password_hash = Some("another".into());
        settings.device_names.push(("ip-192.0.2.1".parse().unwrap(), "Somebody else".into()));
        assert_eq!(Revision::of_device(&phone(), &settings), before);
        settings.device_names.push((phone(), "Phone".into()));
        let named = Revision::of_device(&phone(), &settings);
        assert_ne!(named, before);
        assert_eq!(named.to_string().parse(), Ok(named), "it is written and read");
    }

    #[test]
    fn what_was_seen_is_the_thing_or_the_whole_it_belongs_to() {
        let settings = Settings::default();
        let expected = |kept: Kept, seen: Option<Vec<Revision>>| Expected { kept, seen }.holds(&settings);
        let whole = Kept::Rules.revision(&settings).unwrap();
        assert!(expected(Kept::Rules, Some(vec![whole])));
        assert!(expected(Kept::Rule(7), Some(vec![Revision(1), whole])), "then it is the writer who does not know it");
        assert!(!expected(Kept::Rule(7), Some(vec![Revision(1)])));
        assert!(!expected(Kept::Rule(7), Some(Vec::new())));
        assert!(!expected(Kept::Rule(7), None), "any, but it is not there");
        assert!(expected(Kept::Rules, None));
    }
}
