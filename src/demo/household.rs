//! Who lives in the virtual house, and what they are used to do.
//!
//! A device is a list of activities; an activity comes round every so often, at hours that suit it, and asks a burst of
//! names each time. What comes of it is in [`questions`](super::questions).

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::questions::Questions;
use super::residents::RESIDENTS;
use crate::policy::{Name, NotAName};
use crate::time::Timestamp;

/// QTYPE A (RFC 1035 §3.4.1).
pub const A: u16 = 1;
/// QTYPE AAAA (RFC 3596 §2.1).
pub const AAAA: u16 = 28;
/// QTYPE HTTPS (RFC 9460 §9).
pub const HTTPS: u16 = 65;

pub(super) const DAY_MS: u64 = 24 * 3_600_000;
pub(super) const HOUR_MS: u64 = 3_600_000;

/// A virtual device.
#[derive(Debug)]
pub struct Resident {
    /// What the household calls it.
    pub name: &'static str,
    /// The loopback address it asks from.
    pub address: Ipv4Addr,
    /// AdGuard's device tags.
    pub tags: &'static [&'static str],
    /// The QTYPEs it asks each name for, and in how many cases of a hundred.
    pub asks: &'static [(u16, u8)],
    /// What it does.
    pub activities: &'static [Activity],
}

/// Something a device does again and again.
#[derive(Clone, Copy, Debug)]
pub struct Activity {
    /// What it is, for whoever reads the table.
    pub about: &'static str,
    /// Seconds from one time to the next.
    pub every: u32,
    /// By how much of that the next time may be early or late, percent.
    pub jitter: u8,
    /// When it happens.
    pub hours: &'static Hours,
    /// On how many days of a hundred it happens. The days are the same for all activities of a device.
    pub days: u8,
    /// How many days before today it began; from ever if none.
    pub new_since: Option<u32>,
    /// Names that are asked each time.
    pub always: &'static [&'static str],
    /// Names of which some are asked each time.
    pub some: &'static [Choice],
    /// What the device does when a name of these is muted.
    pub again: Again,
}

/// A few names out of many.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The least that are drawn, and the most.
    pub count: (usize, usize),
    /// What they are drawn from.
    pub of: &'static [&'static str],
}

/// How stubborn a device is when it is given an address that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// How many more times it asks.
    pub times: u16,
    /// Seconds in between.
    pub after: u32,
}

/// How likely something is at each hour of a day, percent, by the household's own clock.
#[derive(Debug)]
pub struct Hours {
    /// Monday to Friday.
    pub weekday: [u8; 24],
    /// Saturday and Sunday.
    pub weekend: [u8; 24],
}

impl Activity {
    /// Asks `names` every `every` seconds, day and night.
    pub const fn beacon(about: &'static str, every: u32, names: &'static [&'static str]) -> Self {
        Self {
            about,
            every,
            jitter: 8,
            hours: &Hours::ALWAYS,
            days: 100,
            new_since: None,
            always: names,
            some: &[],
            again: Again { times: 0, after: 0 },
        }
    }

    /// Asks `always` and a choice out of `some` about every `every` seconds of `hours`.
    pub const fn habit(
        about: &'static str,
        every: u32,
        hours: &'static Hours,
        always: &'static [&'static str],
        some: &'static [Choice],
    ) -> Self {
        Self { jitter: 80, hours, some, ..Self::beacon(about, every, always) }
    }

    /// This activity, at `hours` only.
    pub const fn at(self, hours: &'static Hours) -> Self {
        Self { hours, ..self }
    }

    /// This activity, with a device that asks `times` more, `after` seconds apart, when it is muted.
    pub const fn again(self, times: u16, after: u32) -> Self {
        Self { again: Again { times, after }, ..self }
    }

    /// This activity, on `days` days of a hundred.
    pub const fn on(self, days: u8) -> Self {
        Self { days, ..self }
    }

    /// This activity, begun `days` days before today.
    pub const fn new_since(self, days: u32) -> Self {
        Self { new_since: Some(days), ..self }
    }

    /// The names it asks this time.
    pub(super) fn names(&self, random: &mut Rng) -> Vec<&'static str> {
        let mut names = self.always.to_vec();
        for some in self.some {
            let count = random.usize(some.count.0..=some.count.1);
            names.extend(random.choose_multiple(some.of.iter().copied(), count));
        }
        names
    }

    /// When it comes round after `now`, `pace` times as often as the table says.
    pub(super) fn next_time(&self, now: Timestamp, pace: u32, random: &mut Rng) -> Timestamp {
        let every = u64::from(self.every) * 1000;
        let slack = every * u64::from(self.jitter) / 100;
        let span = every - slack / 2 + random.u64(0..=slack);
        now.after(Duration::from_millis((span / u64::from(pace)).max(1)))
    }
}

/// The virtual household.
#[derive(Debug)]
pub struct Household {
    residents: &'static [Resident],
    names: HashMap<&'static str, Name>,
    today: Timestamp,
    utc_offset_minutes: i32,
}

impl Household {
    /// The household as it is `today`, whose people live by a clock `utc_offset_minutes` ahead of UTC.
    ///
    /// # Errors
    /// When the table of residents names something that is no name.
    pub fn new(today: Timestamp, utc_offset_minutes: i32) -> Result<Self, NotAName> {
        let mut names = HashMap::new();
        for activity in RESIDENTS.iter().flat_map(|resident| resident.activities) {
            for &text in activity.always.iter().chain(activity.some.iter().flat_map(|some| some.of)) {
                names.insert(text, Name::parse(text)?);
            }
        }
        Ok(Self { residents: RESIDENTS, names, today, utc_offset_minutes })
    }

    /// Who lives here.
    pub fn residents(&self) -> &'static [Resident] {
        self.residents
    }

    /// Everything that is asked in the house from `from` until before `to`, in order of time.
    pub fn questions(self: &Arc<Self>, from: Timestamp, to: Timestamp, seed: u64) -> Questions {
        Questions::of(self, 0..self.residents.len(), (from, to), seed, 1)
    }

    /// What one device asks, its activities coming round `pace` times as often as in [`questions`](Self::questions).
    pub fn questions_of(
        self: &Arc<Self>,
        device: usize,
        from: Timestamp,
        to: Timestamp,
        seed: u64,
        pace: u32,
    ) -> Questions {
        Questions::of(self, device..device + 1, (from, to), seed, pace.max(1))
    }

    /// A name of the table, as a name.
    pub(super) fn name(&self, text: &str) -> Option<&Name> {
        self.names.get(text)
    }

    /// Whether `activity` of `device` takes place at `at`, where it is due.
    pub(super) fn suits(&self, activity: &Activity, device: usize, at: Timestamp, seed: u64, random: &mut Rng) -> bool {
        let begun = activity
            .new_since
            .is_none_or(|days| at >= self.today.before(Duration::from_millis(DAY_MS * u64::from(days))));
        let local = at.millis().saturating_add_signed(i64::from(self.utc_offset_minutes) * 60_000);
        let (day, hour) = (local / DAY_MS, (local % DAY_MS / HOUR_MS) as usize);
        // 1970-01-01 was a Thursday: the second and third day after it made a weekend.
        let hours = if matches!(day % 7, 2 | 3) { &activity.hours.weekend } else { &activity.hours.weekday };
        let mut of_the_day = Rng::with_seed(seed ^ ((day << 8) | device as u64).wrapping_mul(SPREAD));
        begun && of_the_day.u8(0..100) < activity.days && random.u8(0..100) < hours[hour]
    }
}

/// An odd number with its bits well mixed (the golden ratio times 2⁶⁴): keeps seeds of neighbours apart.
pub(super) const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
