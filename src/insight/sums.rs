//! What every view sums up: hours, nights, and names with what is known of them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Counts, HourCounts, MAX_HOURS, MAX_NAMES, NameCounts};
use crate::policy::{Asker, DeviceId, Label, Name, Policy, ProfileId};
use crate::store::TallyRun;
use crate::time::{Hour, Timestamp};

const NIGHT_HOURS: i64 = 6;
const MINUTES_PER_DAY: i64 = 24 * 60;
const TYPE_A: u16 = 1;

/// The hours of a span, and what was asked in each.
pub(super) struct Hours {
    first: Hour,
    counts: Vec<Counts>,
}

impl Hours {
    /// Every hour that has a moment of `from..to`.
    pub(super) fn of(from: Timestamp, to: Timestamp) -> Self {
        let first = from.hour();
        let full = to.hour().number().saturating_sub(first.number()) as usize;
        let begun = usize::from(to > from && to > to.hour().start());
        Self { first, counts: vec![Counts::default(); (full + begun).min(MAX_HOURS)] }
    }

    /// Adds what of `run` is in the span, and gives it back; none where nothing is.
    pub(super) fn add<'r>(&mut self, run: TallyRun<'r>) -> Option<TallyRun<'r>> {
        let begin = run.hours.partition_point(|(hour, _)| *hour < self.first);
        let place = |hour: Hour| hour.number().saturating_sub(self.first.number()) as usize;
        let end = run.hours.partition_point(|(hour, _)| place(*hour) < self.counts.len());
        let hours = run.hours.get(begin..end).filter(|hours| !hours.is_empty())?;
        for (hour, count) in hours {
            self.counts[place(*hour)].add(run.verdict, *count);
        }
        Some(TallyRun { hours, ..run })
    }

    pub(super) fn finish(self) -> Vec<HourCounts> {
        let hours = (self.first.number()..).map(|number| Hour::from_number(number).start());
        hours.zip(self.counts).map(|(hour, counts)| HourCounts { hour, counts }).collect()
    }
}

/// Whether `hour` lies between midnight and six for someone whose clock is `offset_minutes` ahead of UTC.
pub(super) fn is_night(hour: Hour, offset_minutes: i32) -> bool {
    let minutes = i64::from(hour.number()) * 60 + i64::from(offset_minutes);
    minutes.rem_euclid(MINUTES_PER_DAY) < NIGHT_HOURS * 60
}

/// The names of a span, each looked up once.
pub(super) struct Names<'a> {
    policy: &'a Policy,
    night_offset_minutes: i32,
    sums: HashMap<Name, NameSum<'a>>,
}

/// A name, how it was asked for, and what the catalogue knows.
#[derive(Clone, Copy)]
pub(super) struct NameSum<'a> {
    pub(super) label: Option<&'a Label>,
    pub(super) counts: Counts,
    at_night: u64,
    last: Hour,
}

impl<'a> Names<'a> {
    pub(super) fn new(policy: &'a Policy, night_offset_minutes: i32) -> Self {
        Self { policy, night_offset_minutes, sums: HashMap::new() }
    }

    /// Adds a run. Says what the catalogue knows of its name.
    pub(super) fn add(&mut self, run: TallyRun<'_>) -> Option<&'a Label> {
        let sum = match self.sums.get_mut(run.name) {
            Some(sum) => sum,
            None => {
                let label = self.policy.label(run.name.as_ref());
                if self.sums.len() >= MAX_NAMES {
                    return label;
                }
                let new = NameSum { label, counts: Counts::default(), at_night: 0, last: Hour::default() };
                self.sums.entry(run.name.clone()).or_insert(new)
            }
        };
        sum.counts.add(run.verdict, run.count());
        for &(hour, count) in run.hours {
            sum.last = sum.last.max(hour);
            if is_night(hour, self.night_offset_minutes) {
                sum.at_night += count;
            }
        }
        sum.label
    }

    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    pub(super) fn into_sums(self) -> impl Iterator<Item = (Name, NameSum<'a>)> {
        self.sums.into_iter()
    }
}

impl NameSum<'_> {
    /// For the page, with what `policy` says of `name` at `at`.
    pub(super) fn show(&self, name: Name, policy: &Policy, at: Timestamp) -> NameCounts {
        let anyone = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let asker = Asker {
            device: &DeviceId::Address(anyone),
            joined: &[],
            profile: ProfileId::default(),
            address: anyone,
            name: "",
            tags: &[],
        };
        let verdict = policy.judge(&asker, name.as_ref(), TYPE_A, at).verdict;
        let (label, last_hour) = (self.label.cloned(), self.last.start());
        NameCounts { name, verdict, label, counts: self.counts, at_night: self.at_night, last_hour }
    }
}

/// The first `bound` of `entries` in the order of `before`.
pub(super) fn first<T>(
    entries: impl IntoIterator<Item = T>,
    bound: usize,
    before: impl FnMut(&T, &T) -> Ordering,
) -> Vec<T> {
    let mut entries: Vec<T> = entries.into_iter().collect();
    entries.sort_unstable_by(before);
    entries.truncate(bound);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Verdict;

    #[test]
    fn what_lies_outside_of_the_span_is_left_out_of_a_run() {
        let (device, name) = (DeviceId::Named("a".into()), Name::parse("x.example").unwrap());
        let hours = [2, 3, 5, 6].map(|hour| (Hour::from_number(hour), u64::from(hour)));
        let run = |hours| TallyRun { device: &device, name: &name, verdict: Verdict::Block, hours };
        let mut span = Hours::of(Hour::from_number(3).start(), Hour::from_number(6).start());
        assert_eq!(span.add(run(&hours)), Some(run(&hours[1..3])));
        for outside in [&hours[..1], &hours[3..], &[]] {
            assert_eq!(span.add(run(outside)), None);
        }
        let muted: Vec<u64> = span.finish().iter().map(|hour| hour.counts.muted).collect();
        assert_eq!(muted, [3, 0, 5]);
    }

    #[test]
    fn every_hour_of_the_span_is_there() {
        let millis = |millis| Timestamp::from_millis(millis);
        let hours = |from, to| Hours::of(millis(from), millis(to)).counts.len();
        const HOUR: u64 = 3_600_000;
        assert_eq!(hours(0, 0), 0);
        assert_eq!(hours(0, 1), 1);
        assert_eq!(hours(HOUR - 1, HOUR + 1), 2);
        assert_eq!(hours(HOUR, 3 * HOUR), 2);
        assert_eq!(hours(5 * HOUR, HOUR), 0);
        assert_eq!(hours(0, u64::from(u32::MAX) * HOUR), MAX_HOURS);
    }

    #[test]
    fn the_night_is_the_viewers() {
        let utc = |hour: u32| Hour::from_number(1_000 * 24 + hour);
        assert!(is_night(utc(0), 0) && is_night(utc(5), 0) && !is_night(utc(6), 0) && !is_night(utc(23), 0));
        assert!(is_night(utc(23), 60) && !is_night(utc(5), 60), "an hour ahead of UTC");
        assert!(is_night(utc(8), -8 * 60) && !is_night(utc(7), -8 * 60), "Pacific");
        assert!(is_night(Hour::from_number(0), -19 * 60), "also before the epoch");
    }
}
