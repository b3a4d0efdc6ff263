//! What readers see: memory and disk as one.
//!
//! Both are looked at in the same moment, and the recorder moves things from one to the other in one moment too: so
//! nobody meets an event twice or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::disk::Disk;
use super::firsts::Firsts;
use super::memory::View;
use super::sheet::Sheet;
use super::shelf::Periods;
use super::tally::{Seen, Tally};
use super::{EventId, Filter, First, Keeping, Page, Store, TallyRun};
use crate::device::Devices;
use crate::policy::{DeviceId, Name};
use crate::time::{Hour, Timestamp};

/// Events a page may have, whatever is asked for.
const MAX_PAGE: usize = 10_000;

pub(super) fn events(store: &Store, devices: &Devices, filter: &Filter, before: Option<EventId>, limit: usize) -> Page {
    let (view, disk) = look(store);
    let sieve = filter.sieve(devices);
    let mut before = before.unwrap_or(EventId(u64::MAX));
    // One more than asked for, to know whether there is another page.
    let limit = limit.min(MAX_PAGE);
    let mut events = Vec::new();
    // Where no journal is kept, memory holds events only until they are counted.
    if store.journal() != Keeping::Off {
        view.search(&sieve, before, limit + 1, &mut events);
        before = before.min(view.first());
    }
    if let Some((disk, periods)) = disk.filter(|_| events.len() <= limit) {
        disk.search(&periods, &sieve, before, limit + 1, &mut events);
    }
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| more).map(|event| event.0);
    for (_, event) in &mut events {
        event.device = devices.main(&event.device).clone();
    }
    Page { events, next }
}

pub(super) fn tallies(
    store: &Store,
    devices: &Devices,
    of: Option<&DeviceId>,
    from: Hour,
    to: Hour,
    each: &mut dyn FnMut(TallyRun<'_>),
) {
    let of = of.map(|id| devices.main(id));
    let mut hours = Vec::new();
    each_sheet(store, from, to, &mut |sheet| {
        let mains: Vec<&DeviceId> = sheet.devices.iter().map(|id| devices.main(id)).collect();
        for group in sheet.groups() {
            let device = mains[group.device_place()];
            if of.is_some_and(|of| of != device) {
                continue;
            }
            hours.clear();
            hours.extend(group.counts().filter(|(hour, _)| (from..to).contains(hour)));
            if !hours.is_empty() {
                each(TallyRun { device, name: group.name, verdict: group.verdict, hours: &hours });
            }
        }
    });
}

pub(super) fn list_hits(store: &Store, from: Hour) -> Vec<(Arc<str>, u64)> {
    let mut hits: HashMap<Arc<str>, u64> = HashMap::new();
    each_sheet(store, from, Hour::from_number(u32::MAX), &mut |sheet| {
        for &(hour, _, list, count) in sheet.hits.iter().filter(|hit| hit.0 >= from.number()) {
            debug_assert!(hour >= from.number());
            *hits.entry(sheet.lists[list as usize].clone()).or_default() += count;
        }
    });
    let mut hits: Vec<_> = hits.into_iter().collect();
    hits.sort_unstable();
    hits
}

pub(super) fn devices(store: &Store, devices: &Devices) -> Vec<(DeviceId, Timestamp, Timestamp)> {
    let (view, disk) = look(store);
    let mut known: HashMap<DeviceId, Seen> = HashMap::new();
    if let Some((disk, _)) = &disk {
        known = disk.archive.devices().unwrap_or_else(|_| {
            disk.note_unreadable(1);
            HashMap::new()
        });
    }
    each_recent(&view, disk.as_ref(), With::Counts, &mut |sheet| {
        for (device, seen) in &sheet.seen {
            let device = &sheet.devices[*device as usize];
            match known.get_mut(device) {
                Some(known) => *known = known.then(*seen),
                None => {
                    known.insert(device.clone(), *seen);
                }
            }
        }
    });
    let mut together: HashMap<&DeviceId, Seen> = HashMap::new();
    for (id, seen) in &known {
        together.entry(devices.main(id)).and_modify(|sum| *sum = sum.and(*seen)).or_insert(*seen);
    }
    let mut rows: Vec<_> = together.into_iter().map(|(id, seen)| (id.clone(), seen.first, seen.last)).collect();
    rows.sort_unstable();
    rows
}

pub(super) fn firsts(store: &Store, devices: &Devices, of: Option<&DeviceId>, since: Timestamp) -> Vec<First> {
    let (view, disk) = look(store);
    let mut kept: HashMap<DeviceId, Firsts> = HashMap::new();
    if let Some((disk, _)) = &disk {
        kept = disk.archive.firsts().unwrap_or_else(|_| {
            disk.note_unreadable(1);
            HashMap::new()
        });
    }
    each_recent(&view, disk.as_ref(), With::Asked, &mut |sheet| {
        for (device, name, seen) in &sheet.asked {
            let device = &sheet.devices[*device as usize];
            kept.entry(device.clone()).or_default().add(&sheet.names[*name as usize], *seen);
        }
    });
    let mut known: HashMap<DeviceId, Firsts> = HashMap::new();
    for (id, firsts) in kept {
        known.entry(devices.main(&id).clone()).or_default().join(firsts);
    }
    // In the house a name is as new as it is for the first device that asked it, also where only one is asked about.
    let mut household: HashMap<&Name, Seen> = HashMap::new();
    for (name, seen) in known.values().flat_map(|firsts| &firsts.names) {
        let sum = household.entry(name).or_insert(*seen);
        *sum = sum.and(*seen);
    }
    let mut rows = Vec::new();
    let of = of.map(|id| devices.main(id));
    for (device, firsts) in known.iter().filter(|(device, _)| of.is_none_or(|of| of == *device)) {
        for (name, seen) in firsts.names.iter().filter(|(name, seen)| seen.first >= since && !name.as_ref().is_root()) {
            let new_in_house = household.get(name).is_some_and(|house| house.first == seen.first);
            let (device, name) = (device.clone(), name.clone());
            rows.push(First { device, name, first: seen.first, last: seen.last, new_in_house });
        }
    }
    rows.sort_unstable_by(|a, b| b.first.cmp(&a.first).then_with(|| (&a.name, &a.device).cmp(&(&b.name, &b.device))));
    rows
}

/// Calls `each` with all that counts hours of `from..to`, the oldest first, each event counted once.
fn each_sheet(store: &Store, from: Hour, to: Hour, each: &mut dyn FnMut(&Sheet)) {
    let (view, disk) = look(store);
    if let Some((disk, periods)) = &disk {
        for (&id, summary) in periods.archived.iter() {
            if summary.newest.hour() < from || summary.oldest.hour() >= to {
                continue;
            }
            match disk.archive.sheet(id) {
                Ok(sheet) => sheet.iter().for_each(&mut *each),
                Err(_) => disk.note_unreadable(1),
            }
        }
    }
    each_recent(&view, disk.as_ref(), With::Counts, each);
}

/// Calls `each` with what is not in the archive yet, the oldest first.
fn each_recent(view: &View, disk: Option<&(Arc<Disk>, Periods)>, with: With, each: &mut dyn FnMut(&Sheet)) {
    if let Some((disk, periods)) = disk
        && let Some(current) = &periods.current
    {
        for &through in periods.counted.iter() {
            match current.sheet(through) {
                Ok(sheet) => each(&sheet),
                Err(_) => disk.note_unreadable(1),
            }
        }
    }
    view.counted().iter().filter(|tally| !tally.is_empty()).for_each(|tally| each(&as_met(tally, with)));
}

/// What readers want of a tally besides counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    /// Nothing.
    Counts,
    /// The times of names.
    Asked,
}

/// What readers are shown of it: groups stand together as in [`sheet`](Tally::sheet), and all else in the order in which it was
/// met: nobody needs a hundred thousand devices in order to count them.
fn as_met(tally: &Tally, with: With) -> Sheet {
    let mut counts: Vec<_> = tally.counts.iter().map(|(key, count)| (*key, *count)).collect();
    counts.sort_unstable();
    let hits = tally.hits.iter().filter(|(_, hits)| **hits > 0);
    let asked = tally.asked.iter().filter(|_| with == With::Asked);
    Sheet {
        devices: tally.devices.entries().to_vec(),
        names: tally.names.entries().to_vec(),
        lists: tally.lists.entries().to_vec(),
        counts,
        hits: hits.map(|(&(hour, device, list), hits)| (hour, device, list, *hits)).collect(),
        seen: tally.seen.iter().map(|(device, seen)| (*device, *seen)).collect(),
        asked: asked.map(|(&(device, name), seen)| (device, name, *seen)).collect(),
    }
}

/// Memory and disk in the same moment.
fn look(store: &Store) -> (View, Option<(Arc<Disk>, Periods)>) {
    let memory = store.memory();
    let disk = store.disk().map(|disk| {
        let periods = disk.snapshot();
        (disk, periods)
    });
    (memory.view(), disk)
}
