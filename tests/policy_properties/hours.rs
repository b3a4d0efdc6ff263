//! Schedules, each slot looked at by itself.

use std::cmp::Ordering;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use sordino::policy::{Schedule, ScheduleUse, Schedules, Slot};

use crate::world::{List, World};

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];
const DAY: u32 = 24 * 60;
/// A slot of a schedule: the days it begins on, counted from Monday, its first half hour, and the first behind it.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) days: Vec<usize>,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl World {
    pub(crate) fn is_in_its_hours(&self, list: &List) -> bool {
        let schedule = list.schedule_under_profile.filter(|_| self.with_profiles).unwrap_or(list.schedule);
        let covers = |span: &Span| {
            let (from, to) = (span.from * 30, span.to * 30);
            let (begin, minutes) = match from.cmp(&to) {
                Ordering::Less => (from, to - from),
                Ordering::Equal => (0, DAY),
                Ordering::Greater => (from, DAY - from + to),
            };
            let begins = span.days.iter().map(|&day| u32::try_from(day).unwrap() * DAY + begin);
            begins.into_iter().any(|begin| (self.minute + 7 * DAY - begin) % (7 * DAY) < minutes)
        };
        schedule.is_none_or(|schedule| self.schedules[schedule].iter().any(covers))
    }

    pub(crate) fn schedules(&self) -> Schedules {
        let slot = |span: &Span| {
            let time = |half_hours: u32| format!("{:02}:{:02}", half_hours / 2, half_hours % 2 * 30).parse().unwrap();
            let days = span.days.iter().map(|day| WEEK[*day]).collect();
            Slot { days, from: time(span.from), to: time(span.to) }
        };
        let all = self.schedules.iter().enumerate();
        let all =
            all.map(|(number, spans)| Schedule { name: format!("s{number}"), slots: spans.iter().map(slot).collect() });
        let name = |number: usize| format!("s{number}");
        let mut uses = Vec::new();
        for (place, list) in self.lists.iter().enumerate() {
            let used = |profile: Option<&str>, schedule: Option<usize>| ScheduleUse {
                list: format!("l{place}"),
                profile: profile.map(str::to_owned),
                schedule: schedule.map(name),
            };
            uses.extend(list.schedule.map(|schedule| used(None, Some(schedule))));
            let under_profile = list.schedule_under_profile.filter(|_| self.with_profiles);
            uses.extend(under_profile.map(|schedule| used(Some("home"), schedule)));
        }
        Schedules { zone: TimeZone::UTC, all: all.collect(), uses }
    }
}
