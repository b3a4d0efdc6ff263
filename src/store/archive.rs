//! The archive: the tallies of all closed periods, the devices and the firsts. It outlives the journal.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use super::EventId;
use super::database::{Change, Database, DatabaseError};
use super::firsts::Firsts;
use super::period::{PeriodId, Summary};
use super::sheet::Sheet;
use super::tally::{Seen, Tally};
use super::value;
use crate::policy::DeviceId;
use crate::time::Timestamp;

/// An open archive.
#[derive(Debug)]
pub(super) struct Archive {
    database: Database,
}

const PERIODS: u8 = b'p';
const TALLIES: u8 = b't';
const DEVICES: u8 = b'd';
const FIRSTS: u8 = b'f';
/// The last event that was ever archived: places are never given twice, also when its period is gone.
const LAST: &[u8] = b"l";
/// Devices of which is kept when they were heard of, and how many are left when there are more: who makes up addresses makes
/// up as many devices, every day anew. Those go that were not heard of for longest; what they asked stays as long as tallies do.
const MAX_HEARD_OF: usize = if cfg!(test) { 40 } else { 20_000 };
const LEFT_HEARD_OF: usize = MAX_HEARD_OF / 4 * 3;
/// Devices that firsts are kept of. Strangers that come after so many others have none.
const MAX_DEVICES: usize = 2_000;

impl Archive {
    pub(super) fn open(dir: &Path) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open(dir)? })
    }

    /// What it is kept in.
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The periods whose tallies are in here.
    pub(super) fn periods(&self) -> Result<BTreeMap<PeriodId, Summary>, DatabaseError> {
        let mut periods = BTreeMap::new();
        self.database.scan(&[PERIODS], &[PERIODS + 1], &mut |key, value| {
            let id = key.get(1..).and_then(|number| number.try_into().ok()).map(u32::from_be_bytes);
            let summary = value.load().ok().and_then(|value| value::decode(&value).ok());
            // One that cannot be read is archived again from the period itself.
            if let (Some(id), Some(summary)) = (id, summary) {
                periods.insert(PeriodId(id), summary);
            }
            ControlFlow::Continue(())
        })?;
        Ok(periods)
    }

    /// The last event whose tally is in here.
    pub(super) fn last(&self) -> Result<EventId, DatabaseError> {
        let value = self.database.read(LAST)?;
        Ok(value.map(|value| value::decode(&value)).transpose()?.unwrap_or(EventId(0)))
    }

    /// Adds what the period `id` counts, all or nothing. Doing it again changes nothing.
    pub(super) fn add(&self, id: PeriodId, summary: &Summary, tally: &Tally) -> Result<(), DatabaseError> {
        let mut sheet = tally.sheet(true);
        let mut changes = self.additions(&sheet)?;
        sheet.asked.clear();
        let last = self.last()?.max(summary.last);
        changes.push((number_key(TALLIES, id), Some(sheet.encode().map_err(DatabaseError::Disk)?)));
        changes.push((number_key(PERIODS, id), Some(value::encode(summary).map_err(DatabaseError::Disk)?)));
        changes.push((LAST.to_vec(), Some(value::encode(&last).map_err(DatabaseError::Disk)?)));
        self.database.write(changes)
    }

    /// What devices and firsts become with what `sheet` knows.
    fn additions(&self, sheet: &Sheet) -> Result<Vec<Change>, DatabaseError> {
        let mut changes = self.heard_of(sheet)?;
        let mut devices = 0;
        self.database.scan(&[FIRSTS], &[FIRSTS + 1], &mut |_, _| {
            devices += 1;
            ControlFlow::Continue(())
        })?;
        for asked in sheet.asked.chunk_by(|a, b| a.0 == b.0) {
            let key = device_key(FIRSTS, &sheet.devices[asked[0].0 as usize]);
            let known = self.database.read(&key)?;
            if known.is_none() && devices >= MAX_DEVICES {
                continue;
            }
            devices += usize::from(known.is_none());
            // One that cannot be read any more is begun anew: the others are worth more than it.
            let mut firsts = known.and_then(|value| Firsts::decode(&value).ok()).unwrap_or_default();
            asked.iter().for_each(|(_, name, seen)| firsts.add(&sheet.names[*name as usize], *seen));
            changes.push((key, Some(firsts.encode().map_err(DatabaseError::Disk)?)));
        }
        Ok(changes)
    }

    /// What becomes of the times when devices were heard of.
    fn heard_of(&self, sheet: &Sheet) -> Result<Vec<Change>, DatabaseError> {
        let mut known = self.devices()?;
        let mut changed: HashSet<&DeviceId> = HashSet::new();
        for (device, seen) in &sheet.seen {
            let device = &sheet.devices[*device as usize];
            known.entry(device.clone()).and_modify(|known| *known = known.then(*seen)).or_insert(*seen);
            changed.insert(device);
        }
        let mut gone = Vec::new();
        if known.len() > MAX_HEARD_OF {
            let mut by_last: Vec<(Timestamp, DeviceId)> =
                known.iter().map(|(id, seen)| (seen.last, id.clone())).collect();
            by_last.sort_unstable();
            by_last.truncate(known.len() - LEFT_HEARD_OF);
            gone.extend(by_last.into_iter().map(|(_, id)| id));
            for id in &gone {
                known.remove(id);
            }
        }
        let mut changes: Vec<Change> = gone.iter().map(|id| (device_key(DEVICES, id), None)).collect();
        for device in changed {
            if let Some(seen) = known.get(device) {
                changes.push((device_key(DEVICES, device), Some(value::encode(seen).map_err(DatabaseError::Disk)?)));
            }
        }
        Ok(changes)
    }

    /// What the period `id` counted; none when that was forgotten in the meantime.
    pub(super) fn sheet(&self, id: PeriodId) -> Result<Option<Sheet>, DatabaseError> {
        let value = self.database.read(&number_key(TALLIES, id))?;
        Ok(value.map(|value| Sheet::decode(&value)).transpose()?)
    }

    /// Whom and what the period `id` counted, without the counts; none when that was forgotten in the meantime.
    pub(super) fn about(&self, id: PeriodId) -> Result<Option<Sheet>, DatabaseError> {
        let value = self.database.read(&number_key(TALLIES, id))?;
        Ok(value.map(|value| Sheet::about(&value)).transpose()?)
    }

    /// When each device was heard of, up to the last closed period.
    pub(super) fn devices(&self) -> Result<HashMap<DeviceId, Seen>, DatabaseError> {
        let mut devices = HashMap::new();
        self.each_device(DEVICES, &mut |device, value| {
            if let Ok(seen) = value::decode(&value) {
                devices.insert(device, seen);
            }
        })?;
        Ok(devices)
    }

    /// The firsts of all devices.
    pub(super) fn firsts(&self) -> Result<HashMap<DeviceId, Firsts>, DatabaseError> {
        let mut all = HashMap::new();
        self.each_device(FIRSTS, &mut |device, value| {
            if let Ok(firsts) = Firsts::decode(&value) {
                all.insert(device, firsts);
            }
        })?;
        Ok(all)
    }

    fn each_device(&self, kind: u8, each: &mut dyn FnMut(DeviceId, Vec<u8>)) -> Result<(), DatabaseError> {
        self.database.scan(&[kind], &[kind + 1], &mut |key, value| {
            let device =
                key.get(1..).and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
            if let (Some(device), Ok(value)) = (device, value.load()) {
                each(device, value);
            }
            ControlFlow::Continue(())
        })
    }

    /// Forgets the tallies of `periods`.
    pub(super) fn forget(&self, periods: &[PeriodId]) -> Result<(), DatabaseError> {
        let keys = periods.iter().flat_map(|id| [number_key(TALLIES, *id), number_key(PERIODS, *id)]);
        let changes: Vec<Change> = keys.map(|key| (key, None)).collect();
        if changes.is_empty() { Ok(()) } else { self.database.write(changes) }
    }

    /// Copies into `fresh`, an empty archive, all but what is known of `gone`.
    pub(super) fn copy_without(&self, gone: &[DeviceId], fresh: &Self) -> Result<(), DatabaseError> {
        let gone_keys: Vec<_> = gone.iter().flat_map(|id| [device_key(DEVICES, id), device_key(FIRSTS, id)]).collect();
        let mut changes = Vec::new();
        let mut failed: Result<(), DatabaseError> = Ok(());
        let all = (&[0u8][..], &[u8::MAX][..]);
        self.database.scan(all.0, all.1, &mut |key, value| {
            failed = (|| {
                let mut value = value.load()?;
                match key.first() {
                    Some(&(DEVICES | FIRSTS)) if gone_keys.iter().any(|gone| gone == key) => return Ok(()),
                    // One that cannot be read is lost either way.
                    Some(&TALLIES) => match Sheet::decode(&value) {
                        Ok(sheet) => value = sheet.without(gone).encode().map_err(DatabaseError::Disk)?,
                        Err(_) => return Ok(()),
                    },
                    _ => {}
                }
                changes.push((key.to_vec(), Some(value)));
                Ok(())
            })();
            if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        failed?;
        if changes.is_empty() { Ok(()) } else { fresh.database.write(changes) }
    }
}

fn number_key(kind: u8, id: PeriodId) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(id.0.to_be_bytes());
    key
}

fn device_key(kind: u8, device: &DeviceId) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(device.to_string().bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples::plain;

    #[test]
    fn those_heard_of_last_are_remembered_and_no_more_than_there_is_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path()).unwrap();
        let device = |number: u32| DeviceId::Named(format!("device-{number}").into());
        let day = 86_400_000;
        for round in 0..6u32 {
            let mut tally = Tally::default();
            for number in 0..20 {
                let at = u64::from(round + 1) * day + u64::from(number);
                // One of them is there every day.
                let id = if number == 0 { device(0) } else { device(round * 20 + number) };
                tally.count(&crate::event::Event { device: id, ..plain(at, "a.example") });
            }
            archive.heard_of(&tally.sheet(true)).and_then(|changes| archive.database.write(changes)).unwrap();
            let heard_of = archive.devices().unwrap();
            assert!(heard_of.len() <= MAX_HEARD_OF, "{}", heard_of.len());
            let regular = heard_of[&device(0)];
            assert_eq!((regular.first.millis(), regular.last.millis()), (day, u64::from(round + 1) * day));
            assert!((1..20).all(|number| heard_of.contains_key(&device(round * 20 + number))), "all of this day");
        }
    }
}
