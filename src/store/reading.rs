//! What readers see: memory and disk as one.
//!
//! Both are looked at in the same moment, and the recorder moves things from one to the other in one moment too: so
//! nobody meets an event twice or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::disk::Disk;
use super::firsts::Firsts;
use super::memory::View;
use super::search::Sieve;
use super::sheet::Sheet;
use super::shelf::Periods;
use super::tally::Seen;
use super::{EventId, Filter, First, Keeping, Page, Store, TallyRow};
use crate::policy::{DeviceId, Name};
use crate::time::{Hour, Timestamp};

/// Events a page may have, whatever is asked for.
const MAX_PAGE: usize = 10_000;

pub(super) fn events(store: &Store, filter: &Filter, before: Option<EventId>, limit: usize) -> Page {
    let (view, disk) = look(store);
    let sieve = Sieve::new(filter);
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
    Page { events, next }
}

pub(super) fn tallies(store: &Store, device: Option<&DeviceId>, from: Hour, to: Hour, each: &mut dyn FnMut(TallyRow)) {
    each_sheet(store, from, to, &mut |sheet| {
        for group in sheet.groups().filter(|group| device.is_none_or(|device| device == group.device)) {
            for (hour, count) in group.counts() {
                let hour = Hour::from_number(hour);
                if (from..to).contains(&hour) {
                    let (device, name) = (group.device.clone(), group.name.clone());
                    each(TallyRow { device, hour, name, verdict: group.verdict, count });
                }
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

pub(super) fn devices(store: &Store) -> Vec<(DeviceId, Timestamp, Timestamp)> {
    let (view, disk) = look(store);
    let mut devices: HashMap<DeviceId, Seen> = HashMap::new();
    if let Some((disk, _)) = &disk {
        devices = disk.archive.devices().unwrap_or_else(|_| {
            disk.note_unreadable(1);
            HashMap::new()
        });
    }
    each_recent(&view, disk.as_ref(), &mut |sheet| {
        for (device, seen) in &sheet.seen {
            let device = &sheet.devices[*device as usize];
            let known = devices.get(device).map_or(*seen, |known| known.then(*seen));
            devices.insert(device.clone(), known);
        }
    });
    let mut devices: Vec<_> = devices.into_iter().map(|(device, seen)| (device, seen.first, seen.last)).collect();
    devices.sort_unstable();
    devices
}

pub(super) fn firsts(store: &Store, of: Option<&DeviceId>, since: Timestamp) -> Vec<First> {
    let (view, disk) = look(store);
    let mut known: HashMap<DeviceId, Firsts> = HashMap::new();
    if let Some((disk, _)) = &disk {
        known = disk.archive.firsts(of).unwrap_or_else(|_| {
            disk.note_unreadable(1);
            HashMap::new()
        });
    }
    each_recent(&view, disk.as_ref(), &mut |sheet| {
        for (device, name, seen) in &sheet.asked {
            let device = &sheet.devices[*device as usize];
            if of.is_none_or(|of| of == device) {
                known.entry(device.clone()).or_default().add(&sheet.names[*name as usize], *seen);
            }
        }
    });
    // In the house a name is as new as it is for the first device that asked it.
    let mut household: HashMap<&Name, Seen> = HashMap::new();
    for (name, seen) in known.values().flat_map(|firsts| &firsts.names) {
        let sum = household.entry(name).or_insert(*seen);
        *sum = Seen { first: sum.first.min(seen.first), last: sum.last.max(seen.last) };
    }
    let mut rows = Vec::new();
    for (device, firsts) in &known {
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
    each_recent(&view, disk.as_ref(), each);
}

/// Calls `each` with what is not in the archive yet, the oldest first.
fn each_recent(view: &View, disk: Option<&(Arc<Disk>, Periods)>, each: &mut dyn FnMut(&Sheet)) {
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
    view.counted().iter().filter(|tally| !tally.is_empty()).for_each(|tally| each(&tally.sheet(true)));
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
