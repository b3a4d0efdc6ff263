//! From what the configuration says of schedules to what that means for each list.

use super::{ListView, Options};
use crate::policy::{ScheduleUse, Schedules};

/// The schedules of `options` for each of `lists`, and what is said there in vain. What is said of a list itself goes
/// before what is said of its directory.
pub(super) fn of_lists(options: &Options, lists: &[ListView]) -> (Schedules, Vec<String>) {
    let Schedules { zone, all, uses } = &options.schedules;
    let mut by_list = Vec::new();
    let mut problems = Vec::new();
    for one in uses {
        let is_list = lists.iter().any(|list| *list.report.name == *one.list);
        let means = |list: &&ListView| {
            let itself = *list.report.name == *one.list;
            itself || !is_list && *list.group == *one.list && !has_own(uses, one, &list.report.name)
        };
        let named = lists.iter().filter(means).map(|list| list.report.name.to_string());
        let before = by_list.len();
        by_list.extend(named.map(|list| ScheduleUse { list, ..one.clone() }));
        if let Some(profile) = &one.profile
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
    (Schedules { zone: zone.clone(), all: all.clone(), uses: by_list }, problems)
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
