//! The tallies and the devices as they stand in a database: in that of the open period, and in the archive.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use super::EventId;
use super::database::{Change, Database, DatabaseError};
use super::tally::{Row, Seen, Tally, TallyKey};
use super::value;
use crate::policy::DeviceId;
use crate::time::Hour;

const TALLIES: u8 = b't';
const DEVICES: u8 = b'd';

/// Calls `each` with the tallies of the hours `from..to`. The value is handed on as it stands: whoever does not want it
/// need not unpack it.
pub(super) fn tallies(
    database: &Database,
    from: Hour,
    to: Hour,
    each: &mut dyn FnMut(TallyKey, &[u8]),
) -> Result<(), DatabaseError> {
    if from >= to {
        return Ok(());
    }
    database.scan(&hour_key(from), &hour_key(to), &mut |key, value| {
        if let Some(key) = tally_of(key) {
            each(key, value);
        }
        ControlFlow::Continue(())
    })
}

/// Calls `each` with what is known of each device.
pub(super) fn devices(database: &Database, each: &mut dyn FnMut(DeviceId, Seen)) -> Result<(), DatabaseError> {
    database.scan(&[DEVICES], &[DEVICES + 1], &mut |key, value| {
        let device = key.get(1..).and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
        if let (Some(device), Ok(seen)) = (device, value::decode(value)) {
            each(device, seen);
        }
        ControlFlow::Continue(())
    })
}

/// What removes the tallies of the hours before `end`.
pub(super) fn forget_tallies(database: &Database, end: Hour) -> Result<Vec<Change>, DatabaseError> {
    let mut changes = Vec::new();
    database.scan(&[TALLIES], &hour_key(end), &mut |key, _| {
        changes.push((key.to_vec(), None));
        ControlFlow::Continue(())
    })?;
    Ok(changes)
}

/// What is added to a database: absolute values in the end, so that writing them again changes nothing.
#[derive(Debug)]
pub(super) struct Additions<'a> {
    database: &'a Database,
    rows: HashMap<TallyKey, Row>,
    devices: HashMap<DeviceId, Seen>,
}

impl<'a> Additions<'a> {
    pub(super) fn to(database: &'a Database) -> Self {
        Self { database, rows: HashMap::new(), devices: HashMap::new() }
    }

    /// Adds `tally`, which counts events from `first` to `last`, unless the database has it already.
    pub(super) fn tally(
        &mut self,
        key: TallyKey,
        tally: &Tally,
        first: EventId,
        last: EventId,
    ) -> Result<(), DatabaseError> {
        let row = match self.rows.entry(key) {
            Entry::Occupied(row) => row.into_mut(),
            Entry::Vacant(place) => {
                let known = self.database.read(&tally_key(place.key()))?.map(|value| Row::decode(&value));
                // A row that cannot be read any more is begun anew: the others are worth more than it.
                place.insert(known.and_then(Result::ok).unwrap_or_default())
            }
        };
        row.add(tally, first, last);
        Ok(())
    }

    pub(super) fn device(&mut self, device: DeviceId, seen: Seen) -> Result<(), DatabaseError> {
        match self.devices.entry(device) {
            Entry::Occupied(mut known) => *known.get_mut() = known.get().and(seen),
            Entry::Vacant(place) => {
                let known: Option<Seen> =
                    self.database.read(&device_key(place.key()))?.and_then(|value| value::decode(&value).ok());
                place.insert(known.map_or(seen, |known| known.and(seen)));
            }
        }
        Ok(())
    }

    pub(super) fn into_changes(self) -> std::io::Result<Vec<Change>> {
        let rows = self.rows.iter().map(|(key, row)| Ok((tally_key(key), Some(row.encode()?))));
        let devices = self.devices.iter().map(|(device, seen)| Ok((device_key(device), Some(value::encode(seen)?))));
        rows.chain(devices).collect()
    }
}

fn hour_key(hour: Hour) -> Vec<u8> {
    let mut key = vec![TALLIES];
    key.extend(hour.number().to_be_bytes());
    key
}

fn tally_key((hour, device): &TallyKey) -> Vec<u8> {
    let mut key = hour_key(*hour);
    key.extend(device.to_string().bytes());
    key
}

fn tally_of(key: &[u8]) -> Option<TallyKey> {
    let (hour, device) = key.get(1..)?.split_first_chunk()?;
    let device = std::str::from_utf8(device).ok()?.parse().ok()?;
    Some((Hour::from_number(u32::from_be_bytes(*hour)), device))
}

fn device_key(device: &DeviceId) -> Vec<u8> {
    let mut key = vec![DEVICES];
    key.extend(device.to_string().bytes());
    key
}
