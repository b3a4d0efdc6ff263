//! What the file says of the hours of the week at which lists are in force.

use std::collections::HashSet;

use jiff::tz::{self, TimeZone};
use toml::Spanned;

use super::check::name;
use super::file;
use super::mistake::{Mistakes, nearest, suggest};
use super::values::ListWord;
use crate::control::{ALWAYS, SCHEDULES_BOUND, SLOTS_BOUND};
use crate::policy::{Days, Schedule, ScheduleUse, Schedules, Slot};

/// `[time]`, each `[[schedule]]`, and where `lists` and `profiles` name one.
pub(super) fn options(
    time: file::Time,
    schedules: Vec<file::Schedule>,
    lists: &[file::List],
    profiles: &[file::Profile],
    mistakes: &mut Mistakes<'_>,
) -> Schedules {
    let zone = zone(time, schedules.first(), mistakes);
    if let Some(schedule) = schedules.get(SCHEDULES_BOUND) {
        mistakes.add(&schedule.name.span(), format!("there are over {SCHEDULES_BOUND} schedules; take some out"));
    }
    let mut taken = HashSet::new();
    let all = schedules.into_iter().map(|schedule| {
        if schedule.name.get_ref() == ALWAYS {
            let what = format!("{ALWAYS:?} is what no schedule is called; choose another name");
            mistakes.add(&schedule.name.span(), what);
        }
        Schedule { slots: slots(schedule.slots, mistakes), name: name(schedule.name, &mut taken, mistakes) }
    });
    let all: Vec<Schedule> = all.collect();
    let mut uses = Vec::new();
    for list in lists {
        if let Some(schedule) = &list.schedule {
            let schedule = known(schedule, &all, mistakes);
            uses.push(ScheduleUse { list: list.name.get_ref().clone(), profile: None, schedule });
        }
    }
    for profile in profiles {
        for (list, used) in &profile.lists {
            let Some(schedule) = &used.schedule else { continue };
            if used.action == Some(ListWord::Off) {
                let what = "a list that is off has no use for a schedule; take it out, or write another action";
                mistakes.add(&schedule.span(), what);
            }
            let (list, profile) = (list.clone(), Some(profile.name.get_ref().clone()));
            uses.push(ScheduleUse { list, profile, schedule: known(schedule, &all, mistakes) });
        }
    }
    Schedules { zone, all, uses }
}

/// The zone that is named, else the system's. Where that is unknown it matters only once there is a schedule.
fn zone(time: file::Time, first: Option<&file::Schedule>, mistakes: &mut Mistakes<'_>) -> TimeZone {
    let Some(zone) = time.zone else {
        let system = TimeZone::system();
        let Some(first) = first else { return system };
        if system.is_unknown() {
            let what = "this system does not tell its time zone; add [time] with zone = \"Europe/Berlin\", say";
            mistakes.add(&first.name.span(), what);
        }
        return system;
    };
    TimeZone::get(zone.get_ref()).unwrap_or_else(|_| {
        let names: Vec<String> = tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let advice = nearest(zone.get_ref(), &names).map(|near| format!("did you mean {near}?"));
        let advice = advice.unwrap_or_else(|| "write one as in \"Europe/Berlin\"".into());
        mistakes.add(&zone.span(), format!("there is no time zone {:?}; {advice}", zone.get_ref()));
        TimeZone::UTC
    })
}

fn slots(slots: Spanned<Vec<file::Slot>>, mistakes: &mut Mistakes<'_>) -> Vec<Slot> {
    let count = slots.get_ref().len();
    if count == 0 {
        mistakes.add(&slots.span(), "this schedule has no slot; write one as in { from = \"21:00\", to = \"07:00\" }");
    }
    if count > SLOTS_BOUND {
        mistakes
            .add(&slots.span(), format!("there are over {SLOTS_BOUND} slots; take some out, or make two schedules"));
    }
    let slots = slots.into_inner().into_iter().map(|slot| {
        if let Some(days) = slot.days.as_ref().filter(|days| days.get_ref().is_empty()) {
            mistakes.add(&days.span(), "days names no day; write some as in [\"sat\", \"sun\"], or take the key out");
        }
        let days = slot.days.map_or(Days::ALL, |days| days.into_inner().into());
        Slot { days, from: slot.from, to: slot.to }
    });
    slots.collect()
}

/// A schedule that there is; none for all hours.
fn known(written: &Spanned<String>, all: &[Schedule], mistakes: &mut Mistakes<'_>) -> Option<String> {
    let name = written.get_ref();
    if name == ALWAYS {
        return None;
    }
    if !all.iter().any(|schedule| schedule.name == *name) {
        let names: Vec<&str> = all.iter().map(|schedule| schedule.name.as_str()).collect();
        let advice = if names.is_empty() { "make one with [[schedule]]".to_owned() } else { suggest(name, &names) };
        mistakes.add(&written.span(), format!("there is no schedule {name:?}; {advice}"));
    }
    Some(name.clone())
}
