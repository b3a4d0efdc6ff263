//! Tallies: what devices asked in which hour, counted by name and verdict, and how often each list decided.
//!
//! A [`Tally`] counts; a [`Sheet`](super::sheet::Sheet) is what it looks like in order, to be read and kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::BUILD_DATE;
use super::interned::Interned;
use super::sheet::Sheet;
use crate::event::Event;
use crate::policy::{DeviceId, Name, Verdict};
use crate::time::{Hour, Timestamp};

/// Different names and verdicts a tally keeps apart for a device and hour. What a device asks beyond them is counted under
/// the root name, so that a flood of made-up names neither fills the disk nor spoils the totals.
pub(super) const MAX_TALLY_NAMES: u32 = 4096;
/// Different names a tally keeps apart at all.
pub(super) const MAX_NAMES: usize = 1 << 15;

/// Every event is counted in five of these, so their hash is a fast one. It is seeded at random: who makes up names cannot
/// aim at it.
type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

/// How often who asked what when.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) devices: Interned<DeviceId>,
    pub(super) names: Interned<Name>,
    pub(super) lists: Interned<Arc<str>>,
    pub(super) counts: HashMap<CountKey, u64>,
    /// How many counts there are of an hour and device.
    apart: HashMap<(u32, u32), u32>,
    /// By hour, device and list.
    pub(super) hits: HashMap<(u32, u32, u32), u64>,
    /// By device.
    pub(super) seen: HashMap<u32, Seen>,
    /// By device and name, to the second.
    pub(super) asked: HashMap<(u32, u32), Seen>,
}

/// What is counted apart. Devices and names by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct CountKey {
    pub(super) device: u32,
    pub(super) name: u32,
    pub(super) verdict: u8,
    pub(super) hour: u32,
}

/// When something was first and last heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) first: Timestamp,
    /// Of the last event, whatever the clock had said before it.
    pub(super) last: Timestamp,
}

impl Seen {
    pub(super) fn once(at: Timestamp) -> Self {
        Self { first: at, last: at }
    }

    /// What is known from this and what came after it. Adding the same again changes nothing.
    pub(super) fn then(self, later: Self) -> Self {
        Self { last: later.last, ..self.and(later) }
    }

    /// What is known from this and `other`, of which neither came after the other.
    pub(super) fn and(self, other: Self) -> Self {
        // A machine without a battery clock starts in 1970: such a first time is no time.
        let first = match (self.first < BUILD_DATE, other.first < BUILD_DATE) {
            (true, false) => other.first,
            (false, true) => self.first,
            _ => self.first.min(other.first),
        };
        Self { first, last: self.last.max(other.last) }
    }
}

fn see<K: std::hash::Hash + Eq>(known: &mut HashMap<K, Seen>, key: K, seen: Seen) {
    known.entry(key).and_modify(|known| *known = known.then(seen)).or_insert(seen);
}

impl Tally {
    /// Counts `event`, which came after all that was counted before.
    pub(super) fn count(&mut self, event: &Event) {
        let (hour, device) = (event.at.hour().number(), self.devices.place(&event.device));
        let name = self.add(hour, device, &event.name, event.verdict.code(), 1);
        if let Some(list) = &event.list {
            let list = self.lists.place(list);
            *self.hits.entry((hour, device, list)).or_default() += 1;
        }
        see(&mut self.seen, device, Seen::once(event.at));
        let second = Timestamp::from_millis(event.at.millis() / 1000 * 1000);
        see(&mut self.asked, (device, name), Seen::once(second));
    }

    /// Takes back what [`count`](Self::count) counted, for an event that is lost.
    pub(super) fn take_back(&mut self, event: &Event) {
        let (hour, device) = (event.at.hour().number(), self.devices.place(&event.device));
        let root = Name::root();
        for name in [&event.name, &root].into_iter().filter_map(|name| self.names.find(name)).collect::<Vec<_>>() {
            let key = CountKey { device, name, verdict: event.verdict.code(), hour };
            if let Some(count) = self.counts.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&key);
                }
                break;
            }
        }
        if let Some(list) = event.list.as_ref().and_then(|list| self.lists.find(list))
            && let Some(hits) = self.hits.get_mut(&(hour, device, list))
        {
            *hits = hits.saturating_sub(1);
        }
    }

    /// Adds what one device asked in one hour: names, codes of verdicts, how often; and how often each list decided.
    pub(super) fn add_row(
        &mut self,
        hour: Hour,
        device: &DeviceId,
        counts: &[(Name, u8, u64)],
        lists: &[(String, u64)],
    ) {
        let device = self.devices.place(device);
        for (name, verdict, count) in counts {
            let verdict = verdict_of(*verdict).code();
            let name = self.add(hour.number(), device, name, verdict, *count);
            see(&mut self.asked, (device, name), Seen::once(hour.start()));
        }
        for (list, hits) in lists {
            let list = self.lists.place(&Arc::from(list.as_str()));
            *self.hits.entry((hour.number(), device, list)).or_default() += hits;
        }
    }

    /// Adds when `device` was heard of.
    pub(super) fn add_seen(&mut self, device: &DeviceId, first: Timestamp, last: Timestamp) {
        let device = self.devices.place(device);
        see(&mut self.seen, device, Seen { first, last });
    }

    /// Adds what came after all that was counted before.
    pub(super) fn merge(&mut self, later: &Sheet) {
        let devices: Vec<u32> = later.devices.iter().map(|device| self.devices.place(device)).collect();
        for group in later.groups() {
            for (hour, count) in group.counts() {
                self.add(hour.number(), devices[group.device_place()], group.name, group.verdict.code(), count);
            }
        }
        for &(hour, device, list, hits) in &later.hits {
            let list = self.lists.place(&later.lists[list as usize]);
            *self.hits.entry((hour, devices[device as usize], list)).or_default() += hits;
        }
        for (device, seen) in &later.seen {
            see(&mut self.seen, devices[*device as usize], *seen);
        }
        for (device, name, seen) in &later.asked {
            let name = self.names.find(&later.names[*name as usize]);
            // One that there was no room for is counted under the root name.
            if let Some(name) = name.or_else(|| self.names.find(&Name::root())) {
                see(&mut self.asked, (devices[*device as usize], name), *seen);
            }
        }
    }

    /// Whether it should be written down before it takes more memory.
    pub(super) fn is_large(&self) -> bool {
        self.counts.len() > MAX_NAMES || self.names.len() > MAX_NAMES / 2
    }

    /// What is left, and how many questions of the oldest hours are not counted any more, where there is more than `most` of
    /// anything. It goes down to three quarters, so that this is not done again at once.
    pub(super) fn within(&self, most: usize) -> Option<(Self, u64)> {
        if self.counts.len().max(self.asked.len()) <= most {
            return None;
        }
        let room = most - most / 4;
        let mut by_hour: BTreeMap<u32, usize> = BTreeMap::new();
        self.counts.keys().for_each(|key| *by_hour.entry(key.hour).or_default() += 1);
        let (mut left, mut begin) = (self.counts.len(), 0);
        for (hour, counts) in by_hour {
            if left <= room {
                break;
            }
            left -= counts;
            begin = hour + 1;
        }
        let (sheet, uncounted) = self.sheet(true).since(begin, room);
        let mut rest = Self::default();
        rest.merge(&sheet);
        Some((rest, uncounted))
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The earliest and the latest hour that something was counted in.
    pub(super) fn hours(&self) -> Option<(Hour, Hour)> {
        let hours = || self.counts.keys().map(|key| Hour::from_number(key.hour));
        hours().min().zip(hours().max())
    }

    fn add(&mut self, hour: u32, device: u32, name: &Name, verdict: u8, count: u64) -> u32 {
        let known = self.names.find(name);
        let key = known.map(|name| CountKey { device, name, verdict, hour });
        if let Some(sum) = key.and_then(|key| self.counts.get_mut(&key)) {
            *sum += count;
            return known.unwrap_or_default();
        }
        let apart = self.apart.entry((hour, device)).or_default();
        let room = *apart < MAX_TALLY_NAMES && (known.is_some() || self.names.len() < MAX_NAMES);
        let name = if room {
            *apart += 1;
            self.names.place(name)
        } else {
            self.names.place(&Name::root())
        };
        *self.counts.entry(CountKey { device, name, verdict, hour }).or_default() += count;
        name
    }
}

/// The verdict with this code, which was checked when it was read.
pub(super) fn verdict_of(code: u8) -> Verdict {
    Verdict::from_code(code).unwrap_or(Verdict::Pass)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples::any_event;

    fn total(tally: &Tally) -> u64 {
        tally.counts.values().sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn counting_in_parts_is_counting_at_once(events in prop::collection::vec(any_event(), 1..100), cut: prop::sample::Index) {
            let cut = cut.index(events.len());
            let mut whole = Tally::default();
            events.iter().for_each(|event| whole.count(event));
            let mut parts = Tally::default();
            for part in [&events[..cut], &events[cut..]] {
                let mut tally = Tally::default();
                part.iter().for_each(|event| tally.count(event));
                parts.merge(&tally.sheet(true));
            }
            prop_assert_eq!(parts.sheet(true), whole.sheet(true));
        }

        #[test]
        fn what_is_taken_back_was_never_counted(events in prop::collection::vec(any_event(), 1..50), more in prop::collection::vec(any_event(), 1..50)) {
            let mut tally = Tally::default();
            events.iter().chain(&more).for_each(|event| tally.count(event));
            more.iter().for_each(|event| tally.take_back(event));
            let mut alone = Tally::default();
            events.iter().for_each(|event| alone.count(event));
            let rows = |tally: &Tally| {
                let sheet = tally.sheet(false);
                let devices = &sheet.devices;
                let rows = sheet.groups().flat_map(|group| group.counts().map(move |(hour, count)| (devices[group.device_place()].clone(), group.name.clone(), group.verdict, hour, count)));
                rows.collect::<Vec<_>>()
            };
            prop_assert_eq!(rows(&tally), rows(&alone));
        }
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_still_counted() {
        let mut tally = Tally::default();
        for number in 0..2 * MAX_TALLY_NAMES {
            tally.add(1, 0, &Name::parse(&format!("n{number}.example")).unwrap(), 0, 1);
        }
        assert_eq!(tally.counts.len(), MAX_TALLY_NAMES as usize + 1);
        assert_eq!(total(&tally), u64::from(2 * MAX_TALLY_NAMES));
    }

    #[test]
    fn the_oldest_hours_make_room_and_what_is_left_is_whole() {
        let mut tally = Tally::default();
        let events = |hour: u64| {
            (0..10).map(move |number| {
                crate::store::samples::plain(hour * 3_600_000, &format!("n{number}.h{hour}.example"))
            })
        };
        (0..8).flat_map(events).for_each(|event| tally.count(&event));
        assert!(tally.within(80).is_none());
        let (rest, uncounted) = tally.within(70).unwrap();
        // To three quarters of it: 53.
        assert_eq!((rest.counts.len(), rest.asked.len(), uncounted), (50, 50, 30));
        let mut young = Tally::default();
        (3..8).flat_map(events).for_each(|event| young.count(&event));
        let (rest, young) = (rest.sheet(true), young.sheet(true));
        assert_eq!((&rest.names, &rest.asked), (&young.names, &young.asked));
        assert_eq!(rest.groups().count(), young.groups().count());
    }

    #[test]
    fn a_first_time_before_sordino_existed_gives_way() {
        let wrong = Seen::once(Timestamp::from_millis(5_000));
        let right = Seen::once(BUILD_DATE.after(std::time::Duration::from_secs(60)));
        assert_eq!(wrong.then(right), right);
        assert_eq!(right.then(wrong), Seen { first: right.first, last: wrong.last });
    }
}
