//! Hours of the week in which something holds, by the clock on the wall of the house.
//!
//! A slot holds while that clock shows a time in it. So a slot in an hour that is skipped does not happen, and one in an
//! hour that comes twice happens twice; nothing has to be said of either.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The days it begins on.
    pub days: Days,
    /// Its first minute.
    pub from: TimeOfDay,
    /// The first minute that is no longer in it.
    pub to: TimeOfDay,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days(u8);

/// Minutes since midnight, 24:00 included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    pub(super) fn next_flip(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
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

impl FromIterator<Weekday> for Days {
    fn from_iter<T: IntoIterator<Item = Weekday>>(days: T) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | Self::bit(day)))
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is no time of day; write one as in \"21:00\"");
        let (hours, minutes) = text.split_once(':').ok_or_else(refuse)?;
        let number = |digits: &str, lengths: &[usize]| {
            let is_number = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|_| is_number).ok_or_else(refuse)
        };
        let (hours, minutes) = (number(hours, &[1, 2])?, number(minutes, &[2])?);
        let all = hours * 60 + minutes;
        if minutes < 60 && i64::from(all) * MINUTE <= DAY { Ok(Self(all)) } else { Err(refuse()) }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("every day");
        }
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let days = names.into_iter().enumerate().filter(|(place, _)| self.0 & 1 << place != 0);
        f.write_str(&days.map(|(_, name)| name).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.days),
            false => write!(f, "{} {}–{}", self.days, self.from, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_reads_back_as_itself() {
        for text in ["00:00", "07:05", "21:00", "23:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        assert_eq!("7:00".parse(), Ok(TimeOfDay(420)));
        for text in ["", "7", "7:0", "24:01", "12:60", "-1:00", "+1:00", "007:00", "12:00:00", "9 pm"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_slot_is_told_in_a_line() {
        let slot =
            |days: Days, from: &str, to: &str| Slot { days, from: from.parse().unwrap(), to: to.parse().unwrap() };
        let evenings = Days::from_iter([Weekday::Sunday, Weekday::Monday]);
        assert_eq!(slot(evenings, "21:00", "07:00").to_string(), "mon sun 21:00–07:00");
        assert_eq!(slot(Days::ALL, "00:00", "00:00").to_string(), "every day");
    }
}
