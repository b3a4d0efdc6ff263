//! Hours of the week in which something holds, by the clock on the wall of the house.
//!
//! A slot holds while that clock shows a time in it. So a slot in an hour that is skipped does not happen, and one in an
//! hour that comes twice happens twice; nothing has to be said of either.

mod written;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::written::DayOfWeek;
use crate::time::Timestamp;

/// How far ahead the next change is looked for: a slot comes round every week, and at the latest in the week after the
/// one in which its hour is skipped.
const FORESIGHT: Duration = Duration::from_secs(15 * DAY as u64);

const DAY: i64 = 86_400;
const MINUTE: i64 = 60;

/// Slots of the week under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name; unique.
    pub name: String,
    /// It holds while one of them does.
    pub slots: Vec<Slot>,
}

/// A span of some days of the week. One that ends before it begins runs over midnight, and belongs to the day it begins
/// on; one that ends when it begins is the whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The days it begins on; every day where none is named.
    #[serde(default)]
    #[schema(value_type = Vec<DayOfWeek>)]
    pub days: Days,
    /// Its first minute, as in "21:00".
    #[schema(value_type = String)]
    pub from: TimeOfDay,
    /// The first minute that is no longer in it.
    #[schema(value_type = String)]
    pub to: TimeOfDay,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<DayOfWeek>", into = "Vec<DayOfWeek>")]
pub struct Days(u8);

/// Minutes since midnight, 24:00 included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl Schedule {
    /// Whether it holds at `at`, where the clocks show the time of `zone`.
    pub fn holds(&self, zone: &TimeZone, at: Timestamp) -> bool {
        let Some(wall) = wall_clock(zone, at) else {
            return false;
        };
        let (day, minute) = (wall.weekday(), wall.hour() as u16 * 60 + wall.minute() as u16);
        self.slots.iter().any(|slot| slot.holds(day, minute))
    }

    /// The moments after `from` and before `to` at which it begins or ends to hold, in order.
    pub(super) fn flips(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut holds = self.holds(zone, from);
        let mut flips = Vec::new();
        for border in self.borders(zone, from, to) {
            if self.holds(zone, border) != holds {
                holds = !holds;
                flips.push(border);
            }
        }
        flips
    }

    /// The first moment after `at` at which it begins or ends to hold; none where that is not soon.
    pub fn next_flip(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        self.flips(zone, at, at.after(FORESIGHT)).first().copied()
    }

    /// The moments at which it can begin or end to hold, in order: while the zone's clocks run evenly those at which a
    /// slot does, and those at which the clocks are changed.
    fn borders(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let minutes: BTreeSet<TimeOfDay> =
            self.slots.iter().flat_map(|slot| [TimeOfDay(0), slot.from, slot.to]).collect();
        let (Some(first), Some(last)) = (seconds(from), seconds(to)) else {
            return Vec::new();
        };
        let changes = zone.following(first).map(|change| change.timestamp()).take_while(|change| *change < last);
        let mut begins: Vec<jiff::Timestamp> = [first].into_iter().chain(changes).collect();
        begins.dedup();
        let mut borders = Vec::new();
        for (place, &begin) in begins.iter().enumerate() {
            let end = begins.get(place + 1).unwrap_or(&last).as_second();
            let (begin, ahead) = (begin.as_second(), i64::from(zone.to_offset(begin).seconds()));
            borders.push(begin);
            for day in (begin + ahead).div_euclid(DAY)..=(end + ahead).div_euclid(DAY) {
                let moments = minutes.iter().map(|minute| day * DAY + i64::from(minute.0) * MINUTE - ahead);
                borders.extend(moments.filter(|moment| begin < *moment && *moment < end));
            }
        }
        let moments = borders.into_iter().filter_map(|border| u64::try_from(border * 1000).ok());
        moments.map(Timestamp::from_millis).filter(|moment| from < *moment && *moment < to).collect()
    }
}

impl Slot {
    fn holds(self, day: Weekday, minute: u16) -> bool {
        let (from, to) = (self.from.0, self.to.0);
        if from < to {
            self.days.has(day) && (from..to).contains(&minute)
        } else if from == to {
            self.days.has(day)
        } else {
            self.days.has(day) && minute >= from || self.days.has(day.previous()) && minute < to
        }
    }
}

fn wall_clock(zone: &TimeZone, at: Timestamp) -> Option<jiff::civil::DateTime> {
    seconds(at).map(|at| zone.to_datetime(at))
}

/// None where no calendar reaches.
fn seconds(at: Timestamp) -> Option<jiff::Timestamp> {
    let seconds = i64::try_from(at.millis() / 1000).ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

impl Days {
    /// The whole week.
    pub const ALL: Self = Self(0b111_1111);

    fn has(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

impl Default for Days {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Weekday> for Days {
    fn from_iter<T: IntoIterator<Item = Weekday>>(days: T) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | Self::bit(day)))
    }
}
