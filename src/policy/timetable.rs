//! Which list is in force when.
//!
//! Nothing is computed for a query: the moments at which a schedule begins or ends to hold are prepared for some days, and
//! the last one before the query is looked up. Outside those days, as when the clock was set, the wall clock is asked.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::schedule::Schedule;
use super::who::ProfileId;
use crate::time::Timestamp;

/// How far ahead moments are prepared, and how much of it is left when they are prepared again.
const AHEAD: Duration = Duration::from_secs(8 * 86_400);
const LEFT: Duration = Duration::from_secs(4 * 86_400);

/// The schedules of the house, and what they are for.
#[derive(Clone, Debug)]
pub struct Schedules {
    /// Whose clocks they go by.
    pub zone: TimeZone,
    /// All of them.
    pub all: Vec<Schedule>,
    /// What they are for. What is not named here is in force at all hours.
    pub uses: Vec<ScheduleUse>,
}

/// When a list is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleUse {
    /// The list.
    pub list: String,
    /// Under this profile, whatever is said of the list for all; with none, where no profile says another thing.
    pub profile: Option<String>,
    /// While this schedule holds; with none, at all hours.
    pub schedule: Option<String>,
}

/// How things stand with a list that has a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ScheduleState {
    /// The name of the schedule.
    pub schedule: Arc<str>,
    /// Whether the list is in force.
    pub in_force: bool,
    /// When that changes, milliseconds since the epoch; none where it does not within two weeks.
    pub changes_at: Option<Timestamp>,
}

/// The schedules as the judge uses them.
#[derive(Clone, Debug)]
pub(super) struct Timetable {
    zone: TimeZone,
    schedules: Vec<Named>,
    /// The schedule of each list, by profile, and where there is none.
    profiles: Vec<Vec<Option<u16>>>,
    as_they_are: Vec<Option<u16>>,
    /// From when to when flips are prepared.
    prepared: (Timestamp, Timestamp),
}

#[derive(Clone, Debug)]
struct Named {
    name: Arc<str>,
    schedule: Arc<Schedule>,
    /// Whether it holds at the begin of what is prepared, and when that changes.
    holds_at_first: bool,
    flips: Arc<[Timestamp]>,
}

/// The hour at which a question is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hour<'a> {
    timetable: Option<&'a Timetable>,
    at: Timestamp,
}

impl Default for Schedules {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, all: Vec::new(), uses: Vec::new() }
    }
}

impl Timetable {
    /// The timetable of `lists` under each of `profiles`; none where all is in force at all hours.
    pub(super) fn new(schedules: &Schedules, lists: &[&str], profiles: &[&str]) -> Option<Self> {
        let number = |name: &str| {
            let place = schedules.all.iter().position(|schedule| schedule.name == name)?;
            u16::try_from(place).ok()
        };
        let said = |list: &str, profile: Option<&str>| {
            let found = schedules.uses.iter().find(|one| one.list == list && one.profile.as_deref() == profile);
            found.map(|one| one.schedule.as_deref().and_then(number))
        };
        let of_all = |list: &str| said(list, None).flatten();
        let under = |profile: &str| {
            lists.iter().map(|list| said(list, Some(profile)).unwrap_or_else(|| of_all(list))).collect::<Vec<_>>()
        };
        let as_they_are: Vec<Option<u16>> = lists.iter().map(|list| of_all(list)).collect();
        let profiles: Vec<Vec<Option<u16>>> = profiles.iter().map(|profile| under(profile)).collect();
        let is_used = profiles.iter().chain([&as_they_are]).flatten().any(Option::is_some);
        let schedules_named = schedules.all.iter().map(Named::new).collect();
        is_used.then_some(Self {
            zone: schedules.zone.clone(),
            schedules: schedules_named,
            profiles,
            as_they_are,
            prepared: Default::default(),
        })
    }

    /// The same, prepared for the days behind `now`; none where that is not due.
    pub(super) fn prepared(&self, now: Timestamp) -> Option<Self> {
        let (from, to) = self.prepared;
        if from <= now && now.after(LEFT) < to {
            return None;
        }
        let to = now.after(AHEAD);
        let prepare = |one: &Named| Named {
            holds_at_first: one.schedule.holds(&self.zone, now),
            flips: one.schedule.flips(&self.zone, now, to).into(),
            ..one.clone()
        };
        Some(Self { schedules: self.schedules.iter().map(prepare).collect(), prepared: (now, to), ..self.clone() })
    }

    fn holds(&self, schedule: &Named, at: Timestamp) -> bool {
        if self.prepared.0 <= at && at < self.prepared.1 {
            let passed = schedule.flips.partition_point(|flip| *flip <= at);
            schedule.holds_at_first == (passed % 2 == 0)
        } else {
            schedule.schedule.holds(&self.zone, at)
        }
    }

    fn of(&self, profile: ProfileId, list: usize) -> Option<&Named> {
        let lists = self.profiles.get(usize::from(profile.0)).unwrap_or(&self.as_they_are);
        self.named(*lists.get(list)?)
    }

    fn named(&self, number: Option<u16>) -> Option<&Named> {
        self.schedules.get(usize::from(number?))
    }

    fn state(&self, one: &Named, at: Timestamp) -> ScheduleState {
        ScheduleState {
            schedule: one.name.clone(),
            in_force: self.holds(one, at),
            changes_at: one.schedule.next_flip(&self.zone, at),
        }
    }
}

impl Named {
    fn new(schedule: &Schedule) -> Self {
        Self {
            name: schedule.name.as_str().into(),
            schedule: Arc::new(schedule.clone()),
            holds_at_first: false,
            flips: Arc::default(),
        }
    }
}

impl<'a> Hour<'a> {
    /// As if no list had a schedule.
    pub(super) const ANY: Self = Self { timetable: None, at: Timestamp::from_millis(0) };

    pub(super) fn new(timetable: Option<&'a Timetable>, at: Timestamp) -> Self {
        Self { timetable, at }
    }

    /// Whether its schedule has the list out of force now.
    pub(super) fn is_off(self, profile: ProfileId, list: usize) -> bool {
        let schedule = self.timetable.and_then(|timetable| Some((timetable, timetable.of(profile, list)?)));
        schedule.is_some_and(|(timetable, schedule)| !timetable.holds(schedule, self.at))
    }

    /// How things stand with a list that has a schedule under `profile`.
    pub(super) fn state(self, profile: ProfileId, list: usize) -> Option<ScheduleState> {
        let timetable = self.timetable?;
        Some(timetable.state(timetable.of(profile, list)?, self.at))
    }

    /// The same where no profile says another thing.
    pub(super) fn state_for_all(self, list: usize) -> Option<ScheduleState> {
        let timetable = self.timetable?;
        Some(timetable.state(timetable.named(*timetable.as_they_are.get(list)?)?, self.at))
    }
}
