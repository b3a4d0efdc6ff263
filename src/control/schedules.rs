//! Schedules of the configuration and of the page: together, and for each list.

use std::sync::Arc;

use super::{Command, Control, ListView, Options, Refusal};
use crate::policy::{Schedule, ScheduleUse, Schedules};
use crate::store::{AddedSchedule, Settings};

/// Schedules in all, those of the page included.
pub const SCHEDULES_BOUND: usize = 64;
/// Slots of one schedule.
pub const SLOTS_BOUND: usize = 32;
/// Lists and profiles that one schedule of the page is for.
pub const USES_BOUND: usize = 1_000;
/// In the place of a schedule: at all hours, whatever is said of the list for all.
pub const ALWAYS: &str = "always";

impl Control {
    /// Makes a schedule. Answered once it is on disk and in force.
    pub async fn add_schedule(&self, schedule: AddedSchedule) -> Result<(), Refusal> {
        self.ask(|reply| Command::AddSchedule(schedule, reply)).await
    }

    /// Changes a schedule that was made in the page.
    pub async fn change_schedule(&self, schedule: AddedSchedule) -> Result<(), Refusal> {
        self.ask(|reply| Command::ChangeSchedule(schedule, reply)).await
    }

    /// Takes a schedule away that was made in the page. What it was for is in force at all hours then.
    pub async fn remove_schedule(&self, name: String) -> Result<(), Refusal> {
        self.ask(|reply| Command::RemoveSchedule(name, reply)).await
    }

    /// The schedules that `config.toml` fixes, and the zone they all go by.
    pub fn schedules_fixed(&self) -> Arc<Schedules> {
        self.standing.borrow().schedules_fixed.clone()
    }
}

/// The schedules of the configuration with those of the page behind. Of two of one name, and of two things that are said of
/// one list, it is the configuration's that counts.
pub fn joined(fixed: &Schedules, settings: &Settings) -> Schedules {
    let mut schedules = fixed.clone();
    for added in &settings.schedules {
        if schedules.all.iter().any(|one| one.name == added.name) {
            continue;
        }
        schedules.all.push(Schedule { name: added.name.clone(), slots: added.slots.clone() });
        for (list, profile) in &added.uses {
            if !schedules.uses.iter().any(|one| one.list == *list && one.profile == *profile) {
                let (list, profile, schedule) = (list.clone(), profile.clone(), Some(added.name.clone()));
                schedules.uses.push(ScheduleUse { list, profile, schedule });
            }
        }
    }
    schedules
}

/// The schedules of `options` and `settings` for each of `lists`, and what `options` say in vain. What is said of a list
/// itself goes before what is said of its directory.
pub(super) fn of_lists(options: &Options, settings: &Settings, lists: &[ListView]) -> (Schedules, Vec<String>) {
    let Schedules { zone, all, uses } = joined(&options.schedules, settings);
    let mut by_list = Vec::new();
    let mut problems = Vec::new();
    for one in &uses {
        let is_list = lists.iter().any(|list| *list.report.name == *one.list);
        let means = |list: &&ListView| {
            let itself = *list.report.name == *one.list;
            itself || !is_list && *list.group == *one.list && !has_own(&uses, one, &list.report.name)
        };
        let named = lists.iter().filter(means).map(|list| list.report.name.to_string());
        let before = by_list.len();
        by_list.extend(named.map(|list| ScheduleUse { list, ..one.clone() }));
        if let Some(profile) = &one.profile
            && options.schedules.uses.contains(one)
            && by_list.len() == before
            && !is_told(options, profile, &one.list)
            && !lists.iter().any(|list| *list.group == *one.list)
        {
            problems.push(format!(
                "profile {profile}: there is no list called {}; the entry has no effect, correct it in config.toml",
                one.list
            ));
        }
    }
    (Schedules { zone, all, uses: by_list }, problems)
}

/// Whether a use of the same profile names `list` itself.
fn has_own(uses: &[ScheduleUse], one: &ScheduleUse, list: &str) -> bool {
    uses.iter().any(|other| other.profile == one.profile && other.list == *list)
}

/// Whether the profile names the list for its action as well, which is looked at elsewhere.
fn is_told(options: &Options, profile: &str, list: &str) -> bool {
    let profile = options.profiles.iter().find(|one| one.name == profile);
    profile.is_some_and(|profile| profile.lists.iter().any(|(named, _)| named == list))
}
