//! What readers see: memory and disk as one.
//!
//! Memory is looked at first and the disk after it, so nothing can slip through on its way from one to the other; what
//! has made its way in between is met twice, and recognised by its place.

use std::collections::HashMap;
use std::sync::Arc;

use super::disk::Disk;
use super::ledger;
use super::memory::View;
use super::search::Sieve;
use super::tally::{Row, Seen, Tally, TallyKey};
use super::{EventId, Filter, Page, Store, TallyRow};
use crate::policy::{DeviceId, Verdict};
use crate::time::{Hour, Timestamp};

/// Events a page may have, whatever is asked for.
const MAX_PAGE: usize = 10_000;

pub(super) fn events(store: &Store, filter: &Filter, before: Option<EventId>, limit: usize) -> Page {
    let (view, disk) = look(store);
    let sieve = Sieve::new(filter);
    let before = before.unwrap_or(EventId(u64::MAX));
    // One more than asked for, to know whether there is another page.
    let limit = limit.min(MAX_PAGE);
    let mut events = Vec::new();
    view.search(&sieve, before, limit + 1, &mut events);
    if let Some(disk) = disk.filter(|_| events.len() <= limit) {
        disk.search(&sieve, before.min(view.first()), limit + 1, &mut events);
    }
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| more).map(|event| event.0);
    Page { events, next }
}

pub(super) fn tallies(store: &Store, device: Option<&DeviceId>, from: Hour, to: Hour, each: &mut dyn FnMut(TallyRow)) {
    each_tally(store, device, from, to, &mut |(hour, device), tally| {
        for (name, counts) in &tally.names {
            for (verdict, &count) in Verdict::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                each(TallyRow { device: device.clone(), hour: *hour, name: name.clone(), verdict, count });
            }
        }
    });
}

pub(super) fn list_hits(store: &Store, from: Hour) -> Vec<(Arc<str>, u64)> {
    let mut hits: HashMap<Arc<str>, u64> = HashMap::new();
    each_tally(store, None, from, Hour::from_number(u32::MAX), &mut |_, tally| {
        for (list, count) in &tally.lists {
            *hits.entry(list.clone()).or_default() += count;
        }
    });
    let mut hits: Vec<_> = hits.into_iter().collect();
    hits.sort_unstable();
    hits
}

pub(super) fn devices(store: &Store) -> Vec<(DeviceId, Timestamp, Timestamp)> {
    let (view, disk) = look(store);
    let mut devices: HashMap<DeviceId, Seen> = HashMap::new();
    let mut add = |device: DeviceId, seen: Seen| {
        devices.entry(device).and_modify(|known| *known = known.and(seen)).or_insert(seen);
    };
    if let Some(disk) = disk {
        let current = disk.current();
        for database in std::iter::once(&disk.archive.database).chain(current.iter().map(|period| &period.database)) {
            if ledger::devices(database, &mut add).is_err() {
                disk.note_unreadable(1);
            }
        }
    }
    for (_, counted) in view.counted() {
        counted.devices.iter().for_each(|(device, seen)| add(device.clone(), *seen));
    }
    let mut devices: Vec<_> = devices.into_iter().map(|(device, seen)| (device, seen.first, seen.last)).collect();
    devices.sort_unstable();
    devices
}

/// Calls `each` with the tallies of the hours `from..to`, each event counted once.
fn each_tally(store: &Store, device: Option<&DeviceId>, from: Hour, to: Hour, each: &mut dyn FnMut(&TallyKey, &Tally)) {
    let (view, disk) = look(store);
    let in_memory = view.counted();
    let wanted = |(hour, who): &TallyKey| (from..to).contains(hour) && device.is_none_or(|device| device == who);
    // What is counted where, for the hours in which the same event can be met again further on.
    let mut through: HashMap<TallyKey, EventId> = HashMap::new();
    if let Some(disk) = disk {
        let current = disk.current();
        let met_again = in_memory.iter().flat_map(|(_, counted)| counted.tallies.keys().map(|key| key.0));
        let met_again = met_again.chain(current.iter().map(|period| period.summary().oldest.hour())).min();
        let mut row = |key: TallyKey, value: &[u8]| {
            if !wanted(&key) {
                return;
            }
            let Ok(row) = Row::decode(value) else { return disk.note_unreadable(1) };
            if through.get(&key).is_none_or(|counted| *counted < row.through) {
                each(&key, &row.tally);
                if met_again.is_some_and(|hour| key.0 >= hour) {
                    through.insert(key, row.through);
                }
            }
        };
        for database in std::iter::once(&disk.archive.database).chain(current.iter().map(|period| &period.database)) {
            if ledger::tallies(database, from, to, &mut row).is_err() {
                disk.note_unreadable(1);
            }
        }
    }
    for (first, counted) in &in_memory {
        for (key, tally) in counted.tallies.iter().filter(|(key, _)| wanted(key)) {
            if through.get(key).is_none_or(|counted| counted < first) {
                each(key, tally);
            }
        }
    }
}

/// Memory first: what leaves it afterwards is on the disk by then.
fn look(store: &Store) -> (View, Option<Arc<Disk>>) {
    let view = store.memory().view();
    (view, store.disk())
}
