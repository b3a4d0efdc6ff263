//! What one device asked in one hour, as layout 1 kept it.

use serde::{Deserialize, Serialize};

use super::super::EventId;
use super::super::sheet::split_names;
use super::super::value::{Damaged, unpack, unwrap_version};
use crate::policy::{DeviceId, Name};
use crate::time::{Hour, Timestamp};

/// A row of the tallies.
pub(in super::super) struct Row {
    /// The last event that is counted in it.
    pub(in super::super) through: EventId,
    /// Name, code of the verdict, how often.
    pub(in super::super) counts: Vec<(Name, u8, u64)>,
    /// How often each list decided.
    pub(in super::super) lists: Vec<(String, u64)>,
}

#[derive(Serialize, Deserialize)]
struct Packed {
    names: Vec<u8>,
    counts: Vec<(u32, u8, u64)>,
    lists: Vec<(String, u64)>,
}

/// When a device was first and last heard of.
#[derive(Serialize, Deserialize)]
pub(in super::super) struct Seen {
    pub(in super::super) first: Timestamp,
    pub(in super::super) last: Timestamp,
    through: EventId,
}

impl Row {
    pub(in super::super) fn decode(value: &[u8]) -> Result<Self, Damaged> {
        let payload = unwrap_version(value, super::VERSION)?;
        let ((through, len), packed) =
            postcard::take_from_bytes::<(EventId, u32)>(payload).map_err(|_| Damaged::Content)?;
        let packed: Packed = unpack(packed, len)?;
        let names = split_names(&packed.names)?;
        let counts = packed.counts.into_iter().map(|(place, code, count)| {
            let name = names.get(place as usize).ok_or(Damaged::Content)?;
            Ok((name.clone(), code, count))
        });
        Ok(Self { through, counts: counts.collect::<Result<_, Damaged>>()?, lists: packed.lists })
    }
}

/// The hour and device of a row's key.
pub(in super::super) fn key_of(key: &[u8]) -> Option<(Hour, DeviceId)> {
    let (hour, device) = key.get(1..)?.split_first_chunk()?;
    let device = std::str::from_utf8(device).ok()?.parse().ok()?;
    Some((Hour::from_number(u32::from_be_bytes(*hour)), device))
}

/// A row as layout 1 wrote it: one name, asked and passed `count` times.
#[cfg(test)]
pub(in super::super) fn value(through: EventId, name: &Name, count: u64) -> Vec<u8> {
    use super::super::value::{pack, plain, wrap_version};
    let names = name.as_ref().wire().to_vec();
    let (packed, len) =
        pack(&Packed { names, counts: vec![(0, 0, count)], lists: vec![("old".into(), count)] }).unwrap();
    wrap_version(&[plain(&(through, len)).unwrap(), packed].concat(), super::VERSION)
}
