//! A tally in order, as it is read and as it is kept.
//!
//! One value holds all devices of an hour or a day. Hours of the same name stand together, and all numbers of one kind: a
//! television asks the same few names every hour, and zstd finds that.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tally::{CountKey, Seen, Tally, verdict_of};
use super::value::{Damaged, beginning, packed_value, unpacked_value};
use crate::policy::{DeviceId, Name, NameRef, Verdict};
use crate::time::{Hour, Timestamp};

/// A tally that can be read in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) devices: Vec<DeviceId>,
    pub(super) names: Vec<Name>,
    pub(super) lists: Vec<Arc<str>>,
    /// By device, name, verdict, hour.
    pub(super) counts: Vec<(CountKey, u64)>,
    /// Hour, device, list, how often.
    pub(super) hits: Vec<(u32, u32, u32, u64)>,
    pub(super) seen: Vec<(u32, Seen)>,
    /// Device, name, when. Only for the days that are not archived yet.
    pub(super) asked: Vec<(u32, u32, Seen)>,
}

/// The counts of a device, a name and a verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a Name,
    pub(super) verdict: Verdict,
    counts: &'a [(CountKey, u64)],
}

impl<'a> Group<'a> {
    /// How often in which hour.
    pub(super) fn counts(self) -> impl Iterator<Item = (Hour, u64)> + 'a {
        self.counts.iter().map(|(key, count)| (Hour::from_number(key.hour), *count))
    }

    pub(super) fn device_place(self) -> usize {
        self.counts.first().map_or(0, |(key, _)| key.device as usize)
    }
}

impl Tally {
    /// All of it in order. `asked` says whether the times of names are wanted.
    pub(super) fn sheet(&self, asked: bool) -> Sheet {
        let (devices, device_places) = in_order(self.devices.entries());
        let (names, name_places) = in_order(self.names.entries());
        let (lists, list_places) = in_order(self.lists.entries());
        let key = |key: &CountKey| CountKey {
            device: device_places[key.device as usize],
            name: name_places[key.name as usize],
            ..*key
        };
        let mut counts: Vec<_> = self.counts.iter().map(|(old, count)| (key(old), *count)).collect();
        counts.sort_unstable();
        let hits = self.hits.iter().filter(|(_, hits)| **hits > 0);
        let mut hits: Vec<_> = hits
            .map(|(&(hour, device, list), hits)| {
                (hour, device_places[device as usize], list_places[list as usize], *hits)
            })
            .collect();
        hits.sort_unstable();
        let mut seen: Vec<_> =
            self.seen.iter().map(|(device, seen)| (device_places[*device as usize], *seen)).collect();
        seen.sort_unstable_by_key(|(device, _)| *device);
        let times = self.asked.iter().filter(|_| asked);
        let mut asked: Vec<_> = times
            .map(|(&(device, name), seen)| (device_places[device as usize], name_places[name as usize], *seen))
            .collect();
        asked.sort_unstable_by_key(|&(device, name, _)| (device, name));
        Sheet { devices, names, lists, counts, hits, seen, asked }
    }
}

/// The entries in order, and for each old place the new one.
fn in_order<T: Clone + Ord>(entries: &[T]) -> (Vec<T>, Vec<u32>) {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_unstable_by(|&a, &b| entries[a].cmp(&entries[b]));
    let mut places = vec![0; entries.len()];
    for (new, &old) in (0u32..).zip(&order) {
        places[old] = new;
    }
    (order.into_iter().map(|place| entries[place].clone()).collect(), places)
}

#[derive(Serialize, Deserialize)]
struct Packed {
    devices: Vec<DeviceId>,
    /// In wire form, one behind the other.
    names: Vec<u8>,
    lists: Vec<Arc<str>>,
    /// The hour that all others are counted from.
    base: u32,
    /// How many groups each device has.
    groups: Vec<u32>,
    /// The step from the name of the group before, for a device's first from the first name.
    group_names: Vec<u32>,
    group_verdicts: Vec<u8>,
    group_lens: Vec<u32>,
    /// The step from the hour before, for a group's first from the base.
    hours: Vec<u32>,
    counts: Vec<u64>,
    hits: Vec<(u32, u32, u32, u64)>,
    seen: Vec<(u32, Seen)>,
    /// How many names of each device have times.
    asked: Vec<u32>,
    asked_names: Vec<u32>,
    /// Seconds from the base, and from first to last.
    asked_first: Vec<i64>,
    asked_span: Vec<i64>,
}

impl Sheet {
    /// By device, name and verdict.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let same = |a: &(CountKey, u64), b: &(CountKey, u64)| {
            (a.0.device, a.0.name, a.0.verdict) == (b.0.device, b.0.name, b.0.verdict)
        };
        self.counts.chunk_by(same).map(|counts| {
            let key = counts[0].0;
            Group { name: &self.names[key.name as usize], verdict: verdict_of(key.verdict), counts }
        })
    }

    /// What is counted apart.
    pub(super) fn keys(&self) -> impl Iterator<Item = &CountKey> {
        self.counts.iter().map(|(key, _)| key)
    }

    /// The same without what is known of `gone`.
    pub(super) fn without(&self, gone: &[DeviceId]) -> Self {
        let mut sheet = self.clone();
        let stays: Vec<bool> = self.devices.iter().map(|device| !gone.contains(device)).collect();
        if stays.contains(&false) {
            sheet.counts.retain(|(key, _)| stays[key.device as usize]);
            sheet.hits.retain(|hit| stays[hit.1 as usize]);
            sheet.seen.retain(|seen| stays[seen.0 as usize]);
            sheet.asked.retain(|asked| stays[asked.0 as usize]);
            // Names that nobody else asked, and the devices themselves, must not stay in the tables either.
            sheet = sheet.renumbered();
        }
        sheet
    }

    /// The same without the counts of the hours before `begin`, and with the `room` times that are the latest; and how often
    /// was asked what is not counted any more.
    pub(super) fn since(mut self, begin: u32, room: usize) -> (Self, u64) {
        let before: u64 = self.counts.iter().filter(|(key, _)| key.hour < begin).map(|(_, count)| count).sum();
        self.counts.retain(|(key, _)| key.hour >= begin);
        self.hits.retain(|hit| hit.0 >= begin);
        let mut lasts: Vec<Timestamp> = self.asked.iter().map(|asked| asked.2.last).collect();
        if let Some(over) = lasts.len().checked_sub(room).filter(|over| *over > 0) {
            let (_, oldest, _) = lasts.select_nth_unstable(over - 1);
            let oldest = *oldest;
            self.asked.retain(|asked| asked.2.last > oldest);
        }
        let mut stays = vec![false; self.devices.len()];
        self.counts.iter().for_each(|(key, _)| stays[key.device as usize] = true);
        self.asked.iter().for_each(|asked| stays[asked.0 as usize] = true);
        self.seen.retain(|seen| stays[seen.0 as usize]);
        (self.renumbered(), before)
    }

    /// The same, its tables without what nothing refers to.
    fn renumbered(&self) -> Self {
        let mut used_devices = vec![false; self.devices.len()];
        self.counts.iter().for_each(|(key, _)| used_devices[key.device as usize] = true);
        self.seen.iter().for_each(|seen| used_devices[seen.0 as usize] = true);
        let (devices, device_places) = used(&self.devices, |place| used_devices[place as usize]);
        let mut used_names = vec![false; self.names.len()];
        self.counts.iter().for_each(|(key, _)| used_names[key.name as usize] = true);
        self.asked.iter().for_each(|asked| used_names[asked.1 as usize] = true);
        let (names, name_places) = used(&self.names, |place| used_names[place as usize]);
        let (lists, list_places) = used(&self.lists, |place| self.hits.iter().any(|hit| hit.2 == place));
        let (device, name) = (|old: u32| device_places[old as usize], |old: u32| name_places[old as usize]);
        let key = |key: CountKey| CountKey { device: device(key.device), name: name(key.name), ..key };
        Self {
            counts: self.counts.iter().map(|(old, count)| (key(*old), *count)).collect(),
            hits: self.hits.iter().map(|hit| (hit.0, device(hit.1), list_places[hit.2 as usize], hit.3)).collect(),
            seen: self.seen.iter().map(|(old, seen)| (device(*old), *seen)).collect(),
            asked: self.asked.iter().map(|(who, what, seen)| (device(*who), name(*what), *seen)).collect(),
            devices,
            names,
            lists,
        }
    }

    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let base = self.counts.iter().map(|(key, _)| key.hour).min().unwrap_or(0);
        let mut packed = Packed {
            devices: self.devices.clone(),
            names: self.names.iter().flat_map(|name| name.as_ref().wire()).copied().collect(),
            lists: self.lists.clone(),
            base,
            groups: vec![0; self.devices.len()],
            group_names: Vec::new(),
            group_verdicts: Vec::new(),
            group_lens: Vec::new(),
            hours: Vec::with_capacity(self.counts.len()),
            counts: self.counts.iter().map(|(_, count)| *count).collect(),
            hits: self.hits.iter().map(|hit| (hit.0.wrapping_sub(base), hit.1, hit.2, hit.3)).collect(),
            seen: self.seen.clone(),
            asked: vec![0; self.devices.len()],
            asked_names: Vec::new(),
            asked_first: Vec::new(),
            asked_span: Vec::new(),
        };
        let mut name_before = (None, 0);
        for group in self.groups() {
            let key = group.counts[0].0;
            packed.groups[key.device as usize] += 1;
            packed.group_names.push(step(&mut name_before, key.device, key.name));
            packed.group_verdicts.push(key.verdict);
            packed.group_lens.push(u32::try_from(group.counts.len()).map_err(io::Error::other)?);
            let mut before = base;
            for (key, _) in group.counts {
                packed.hours.push(key.hour.wrapping_sub(std::mem::replace(&mut before, key.hour)));
            }
        }
        let mut name_before = (None, 0);
        for &(device, name, seen) in &self.asked {
            packed.asked[device as usize] += 1;
            packed.asked_names.push(step(&mut name_before, device, name));
            packed.asked_first.push(seconds(seen.first).wrapping_sub(i64::from(base) * 3600));
            packed.asked_span.push(seconds(seen.last).wrapping_sub(seconds(seen.first)));
        }
        packed_value(&packed)
    }

    /// Whom and what it is about, without a count: what [`Packed`] begins with.
    pub(super) fn about(value: &[u8]) -> Result<Self, Damaged> {
        let (devices, names, lists): (_, Vec<u8>, _) = beginning(value)?;
        Ok(Self { devices, names: split_names(&names)?, lists, ..Self::default() })
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, Damaged> {
        let packed: Packed = unpacked_value(value)?;
        let names = split_names(&packed.names)?;
        let mut counts = Vec::with_capacity(packed.counts.len());
        let (mut hours, mut numbers) = (packed.hours.iter(), packed.counts.iter());
        let mut groups = packed.group_names.iter().zip(&packed.group_verdicts).zip(&packed.group_lens);
        for (device, &groups_of_device) in (0u32..).zip(&packed.groups) {
            let mut name = 0u32;
            for _ in 0..groups_of_device {
                let ((step, verdict), len) = groups.next().ok_or(Damaged::Content)?;
                name = name.wrapping_add(*step);
                check(&names, name)?;
                Verdict::from_code(*verdict).ok_or(Damaged::Content)?;
                let mut hour = packed.base;
                for _ in 0..*len {
                    hour = hour.wrapping_add(*hours.next().ok_or(Damaged::Content)?);
                    let count = *numbers.next().ok_or(Damaged::Content)?;
                    counts.push((CountKey { device, name, verdict: *verdict, hour }, count));
                }
            }
        }
        let mut hits = packed.hits;
        for hit in &mut hits {
            hit.0 = hit.0.wrapping_add(packed.base);
            check(&packed.devices, hit.1)?;
            check(&packed.lists, hit.2)?;
        }
        packed.seen.iter().try_for_each(|(device, _)| check(&packed.devices, *device))?;
        let mut asked = Vec::with_capacity(packed.asked_names.len());
        let mut times = packed.asked_names.iter().zip(&packed.asked_first).zip(&packed.asked_span);
        for (device, &of_device) in (0u32..).zip(&packed.asked) {
            let mut name = 0u32;
            for _ in 0..of_device {
                let ((step, first), span) = times.next().ok_or(Damaged::Content)?;
                name = name.wrapping_add(*step);
                check(&names, name)?;
                let first = first.wrapping_add(i64::from(packed.base) * 3600);
                asked.push((device, name, Seen { first: moment(first), last: moment(first.wrapping_add(*span)) }));
            }
        }
        let whole = packed.groups.len() == packed.devices.len() && packed.asked.len() <= packed.devices.len();
        let sheet =
            Self { devices: packed.devices, names, lists: packed.lists, counts, hits, seen: packed.seen, asked };
        if whole { Ok(sheet) } else { Err(Damaged::Content) }
    }
}

fn used<T: Clone>(table: &[T], is_used: impl Fn(u32) -> bool) -> (Vec<T>, Vec<u32>) {
    let mut kept = Vec::new();
    let mut places = Vec::with_capacity(table.len());
    for (place, entry) in (0u32..).zip(table) {
        places.push(u32::try_from(kept.len()).unwrap_or(u32::MAX));
        if is_used(place) {
            kept.push(entry.clone());
        }
    }
    (kept, places)
}

/// The step to `name` from the one before of the same device.
fn step(before: &mut (Option<u32>, u32), device: u32, name: u32) -> u32 {
    let from = if before.0 == Some(device) { before.1 } else { 0 };
    *before = (Some(device), name);
    name.wrapping_sub(from)
}

fn check<T>(table: &[T], place: u32) -> Result<(), Damaged> {
    if (place as usize) < table.len() { Ok(()) } else { Err(Damaged::Content) }
}

fn seconds(at: Timestamp) -> i64 {
    (at.millis() / 1000).cast_signed()
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.cast_unsigned().wrapping_mul(1000))
}

/// Splits names in wire form that stand one behind the other.
pub(super) fn split_names(mut wires: &[u8]) -> Result<Vec<Name>, Damaged> {
    let mut names = Vec::new();
    while !wires.is_empty() {
        let mut end = 0;
        loop {
            match wires.get(end) {
                Some(0) => break end += 1,
                Some(&len) => end += 1 + usize::from(len),
                None => return Err(Damaged::Content),
            }
        }
        let (wire, rest) = wires.split_at_checked(end).ok_or(Damaged::Content)?;
        names.push(NameRef::from_lower_wire(wire).map_err(|_| Damaged::Content)?.to_owned());
        wires = rest;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::value::{plain, unwrap, wrap};
    use super::*;
    use crate::store::samples::any_event;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_sheet_reads_back_and_a_changed_byte_is_noticed(
            events in prop::collection::vec(any_event(), 1..100), place: prop::sample::Index, flip in 1u8..=255,
        ) {
            let mut tally = Tally::default();
            events.iter().for_each(|event| tally.count(event));
            let sheet = tally.sheet(true);
            let mut value = sheet.encode().unwrap();
            let about = Sheet::about(&value).unwrap();
            prop_assert_eq!((&about.devices, &about.names, &about.lists), (&sheet.devices, &sheet.names, &sheet.lists));
            prop_assert_eq!(Sheet::decode(&value), Ok(sheet));
            let place = place.index(value.len());
            value[place] ^= flip;
            prop_assert_eq!(Sheet::decode(&value), Err(Damaged::Checksum));
        }

        #[test]
        fn bytes_that_make_no_sense_are_an_error_and_no_panic(
            events in prop::collection::vec(any_event(), 1..40), place: prop::sample::Index, flip in 1u8..=255,
        ) {
            let mut tally = Tally::default();
            events.iter().for_each(|event| tally.count(event));
            let value = tally.sheet(true).encode().unwrap();
            let (len, packed) = postcard::take_from_bytes::<u32>(unwrap(&value).unwrap()).unwrap();
            let mut inner = zstd::bulk::decompress(packed, len as usize).unwrap();
            let place = place.index(inner.len());
            inner[place] ^= flip;
            let mut payload = plain(&len).unwrap();
            payload.extend(zstd::bulk::compress(&inner, 1).unwrap());
            if let Ok(sheet) = Sheet::decode(&wrap(&payload)) {
                assert!(sheet.groups().all(|group| group.counts().count() > 0));
                Tally::default().merge(&sheet);
            }
        }

        #[test]
        fn a_forgotten_device_is_in_no_table(events in prop::collection::vec(any_event(), 2..60)) {
            let gone = [events[0].device.clone(), events[1].device.clone()];
            let mut tally = Tally::default();
            events.iter().for_each(|event| tally.count(event));
            let mut rest = Tally::default();
            events.iter().filter(|event| !gone.contains(&event.device)).for_each(|event| rest.count(event));
            prop_assert_eq!(tally.sheet(true).without(&gone), rest.sheet(true));
        }
    }
}
