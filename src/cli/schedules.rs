//! Schedules, in words.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use crate::policy::{ScheduleUse, Schedules};
use crate::time::Timestamp;

/// Tells the schedules, what they are for, and what they do at `now`.
pub(super) fn write_schedules(text: &mut String, schedules: &Schedules, now: Timestamp) -> fmt::Result {
    if schedules.all.is_empty() {
        return Ok(());
    }
    let zone = schedules.zone.iana_name().unwrap_or("the system's time zone");
    write!(text, "\nSchedules go by the clocks of {zone}, where it is {}", in_zone(now, &schedules.zone))?;
    for schedule in &schedules.all {
        let holds = if schedule.holds(&schedules.zone, now) { "holds now" } else { "does not hold now" };
        let slots: Vec<String> = schedule.slots.iter().map(ToString::to_string).collect();
        write!(text, "\n  {}: {}; {holds}", schedule.name, slots.join(", "))?;
        let of_it = schedules.uses.iter().filter(|one| one.schedule.as_deref() == Some(&*schedule.name));
        let for_what = of_it.map(|ScheduleUse { list, profile, .. }| match profile {
            Some(profile) => format!("{list} under {profile}"),
            None => list.clone(),
        });
        let for_what: Vec<String> = for_what.collect();
        let for_what = if for_what.is_empty() { "no list".to_owned() } else { for_what.join(", ") };
        write!(text, "\n    for {for_what}")?;
    }
    Ok(())
}

/// The day and the time that the clocks of `zone` show at `at`.
pub(super) fn in_zone(at: Timestamp, zone: &TimeZone) -> String {
    let at = i64::try_from(at.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let at = at.unwrap_or(jiff::Timestamp::MAX).to_zoned(zone.clone());
    at.strftime("%A %-d %B %H:%M").to_string()
}
