//! Tallies: what a device asked in an hour, counted by name and verdict, and how often each list decided.
//!
//! A row on disk holds all of one device and hour, in absolute numbers, and the place of the last event that is counted
//! in it ([`Row::through`]). Counting the same event again is thereby seen and left out, wherever it is tried: when a
//! block is written once more after a crash, when a period is added to the archive, and when a reader finds an event in
//! memory that has reached the disk in the meantime.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dictionary::split_names;
use super::value::{Damaged, pack, plain, unpack, unwrap, wrap};
use super::{BUILD_DATE, EventId};
use crate::event::Event;
use crate::policy::{DeviceId, Name, Verdict};
use crate::time::{Hour, Timestamp};

/// Different names a tally keeps apart. What a device asks beyond them in one hour is counted under the root name, so
/// that a flood of made-up names neither fills the disk nor spoils the totals.
pub(super) const MAX_TALLY_NAMES: usize = 4096;

/// Whose tally, and of which hour.
pub(super) type TallyKey = (Hour, DeviceId);

/// How often each name was asked, by the verdict's code, and how often each list decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) names: HashMap<Name, [u64; Verdict::ALL.len()]>,
    pub(super) lists: HashMap<Arc<str>, u64>,
}

impl Tally {
    fn add_name(&mut self, name: &Name, counts: &[u64; Verdict::ALL.len()]) {
        let room = self.names.len() < MAX_TALLY_NAMES;
        let sum = match self.names.get_mut(name) {
            Some(sum) => sum,
            None if room => self.names.entry(name.clone()).or_default(),
            None => self.names.entry(Name::root()).or_default(),
        };
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    fn count(&mut self, event: &Event) {
        let mut one = [0; Verdict::ALL.len()];
        one[usize::from(event.verdict.code())] = 1;
        self.add_name(&event.name, &one);
        if let Some(list) = &event.list {
            *self.lists.entry(list.clone()).or_default() += 1;
        }
    }

    /// Adds what `other` counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (name, counts) in &other.names {
            self.add_name(name, counts);
        }
        for (list, hits) in &other.lists {
            *self.lists.entry(list.clone()).or_default() += hits;
        }
    }
}

/// A tally as it stands on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// The last event that is counted in it.
    pub(super) through: EventId,
    pub(super) tally: Tally,
}

#[derive(Serialize, Deserialize)]
struct Packed {
    /// In wire form, one behind the other.
    names: Vec<u8>,
    /// One entry for each name and verdict that was counted.
    counts: Vec<(u32, u8, u64)>,
    lists: Vec<(String, u64)>,
}

impl Row {
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        // In order, so that the same tally has the same bytes and names that are alike stand together.
        let mut rows: Vec<_> = self.tally.names.iter().collect();
        rows.sort_unstable_by_key(|(name, _)| *name);
        let names = rows.iter().flat_map(|(name, _)| name.as_ref().wire()).copied().collect();
        let mut counts = Vec::with_capacity(rows.len());
        for (place, (_, by_verdict)) in (0u32..).zip(&rows) {
            counts.extend((0u8..).zip(by_verdict.iter()).filter(|(_, n)| **n > 0).map(|(code, n)| (place, code, *n)));
        }
        let mut lists: Vec<_> = self.tally.lists.iter().map(|(list, hits)| (list.to_string(), *hits)).collect();
        lists.sort_unstable();
        let (packed, len) = pack(&Packed { names, counts, lists })?;
        let mut payload = plain(&(self.through, len))?;
        payload.extend(packed);
        Ok(wrap(&payload))
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, Damaged> {
        let ((through, len), packed) =
            postcard::take_from_bytes::<(EventId, u32)>(unwrap(value)?).map_err(|_| Damaged::Content)?;
        let packed: Packed = unpack(packed, len)?;
        let names = split_names(&packed.names)?;
        let mut tally = Tally::default();
        for (place, code, count) in packed.counts {
            let name = names.get(place as usize).ok_or(Damaged::Content)?;
            let sum = tally.names.entry(name.clone()).or_default();
            *sum.get_mut(usize::from(code)).ok_or(Damaged::Content)? += count;
        }
        tally.lists = packed.lists.into_iter().map(|(list, hits)| (list.into(), hits)).collect();
        Ok(Self { through, tally })
    }

    /// Adds `tally`, which counts events from `first` to `last`, unless it is in here already.
    pub(super) fn add(&mut self, tally: &Tally, first: EventId, last: EventId) {
        if self.through < first {
            self.tally.add(tally);
            self.through = last;
        }
    }
}

/// When a device was first and last heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// The event of `last`: what came later decides, also where the clock had been wrong in between.
    through: EventId,
}

impl Seen {
    fn once(at: Timestamp, id: EventId) -> Self {
        Self { first: at, last: at, through: id }
    }

    /// Counts events from a later number on.
    pub(super) fn shift(&mut self, by: u64) {
        self.through.0 += by;
    }

    /// What is known from both. Adding the same twice changes nothing.
    pub(super) fn and(self, other: Self) -> Self {
        let (early, late) = if self.through <= other.through { (self, other) } else { (other, self) };
        // A machine without a battery clock starts in 1970: such a first time is no time.
        let first = match (early.first < BUILD_DATE, late.first < BUILD_DATE) {
            (true, false) => late.first,
            (false, true) => early.first,
            _ => early.first.min(late.first),
        };
        Self { first, last: late.last, through: late.through }
    }
}

/// What a run of events adds to the tallies.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) tallies: HashMap<TallyKey, Tally>,
    pub(super) devices: HashMap<DeviceId, Seen>,
}

impl Counted {
    pub(super) fn of<'a>(events: impl Iterator<Item = (EventId, &'a Event)>) -> Self {
        let mut counted = Self::default();
        for (id, event) in events {
            counted.tallies.entry((event.at.hour(), event.device.clone())).or_default().count(event);
            let seen = Seen::once(event.at, id);
            counted.devices.entry(event.device.clone()).and_modify(|known| *known = known.and(seen)).or_insert(seen);
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples::any_event;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_row_reads_back_and_a_changed_byte_is_noticed(
            events in prop::collection::vec(any_event(), 1..100), place: prop::sample::Index, flip in 1u8..=255,
        ) {
            for (_, tally) in Counted::of((1..).map(EventId).zip(&events)).tallies {
                let row = Row { through: EventId(100), tally };
                let mut value = row.encode().unwrap();
                prop_assert_eq!(Row::decode(&value), Ok(row));
                let place = place.index(value.len());
                value[place] ^= flip;
                prop_assert_eq!(Row::decode(&value), Err(Damaged::Checksum));
            }
        }

        #[test]
        fn what_is_counted_twice_counts_once(events in prop::collection::vec(any_event(), 2..100)) {
            let events: Vec<_> = (1..).map(EventId).zip(&events).collect();
            let last = events.last().unwrap().0;
            let mut rows: HashMap<TallyKey, Row> = HashMap::new();
            for _ in 0..2 {
                for (key, tally) in Counted::of(events.iter().copied()).tallies {
                    rows.entry(key).or_default().add(&tally, EventId(1), last);
                }
            }
            let sum: u64 = rows.values().flat_map(|row| row.tally.names.values().flatten()).sum();
            prop_assert_eq!(sum, events.len() as u64);
        }
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_still_counted() {
        let mut tally = Tally::default();
        let counts = [1, 0, 0, 0];
        for number in 0..2 * MAX_TALLY_NAMES {
            tally.add_name(&Name::parse(&format!("n{number}.example")).unwrap(), &counts);
        }
        assert_eq!(tally.names.len(), MAX_TALLY_NAMES + 1);
        assert_eq!(tally.names.values().flatten().sum::<u64>(), 2 * MAX_TALLY_NAMES as u64);
    }

    #[test]
    fn a_first_time_before_sordino_existed_gives_way() {
        let wrong = Seen::once(Timestamp::from_millis(5_000), EventId(1));
        let right = Seen::once(BUILD_DATE.after(std::time::Duration::from_secs(60)), EventId(2));
        assert_eq!(wrong.and(right).first, right.first);
        assert_eq!(wrong.and(right).last, right.last);
        assert_eq!(right.and(wrong).last, right.last, "the order of events decides, not the order of adding");
    }
}
