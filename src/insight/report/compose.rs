//! Puts a report together from what the store counted.

use std::time::Duration;

use super::words::Words;
use super::{FirstAsked, ListInForce, Report, Subject};
use crate::device::Device;
use crate::insight::{Exposure, Language, compare, exposure, let_through};
use crate::policy::DeviceId;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::time::{Hour, Timestamp};

/// Names asked for the first time that a report lists.
pub const MAX_FIRSTS: usize = 100;
const HOUR_MILLIS: u64 = 3_600_000;
const DAY_MILLIS: u64 = 24 * HOUR_MILLIS;

/// What a report is asked about.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Where it was counted.
    pub store: &'a Store,
    /// Policy and devices in force.
    pub snapshot: &'a Snapshot,
    /// Which device.
    pub device: &'a Device,
    /// Begin of the span.
    pub from: Timestamp,
    /// End of the span.
    pub to: Timestamp,
    /// Minutes that the clock of the reader is ahead of UTC.
    pub utc_offset_minutes: i32,
    /// The moment it is written.
    pub made: Timestamp,
    /// The lists in force.
    pub lists: Vec<ListInForce>,
    /// The language of what is told in words.
    pub language: Language,
}

/// Reports what a device told whom; nothing where it never asked.
pub fn report(wanted: Wanted<'_>) -> Option<Report> {
    let Wanted { store, snapshot, device, from, to, utc_offset_minutes, made, lists, language } = wanted;
    let devices = &snapshot.devices;
    let (_, first_seen, last_seen) = store.devices(devices).into_iter().find(|(id, ..)| *id == device.id)?;
    let now = exposure_of(store, snapshot, &device.id, (from, to), utc_offset_minutes);
    let before = exposure_of(store, snapshot, &device.id, span_before(from, to), utc_offset_minutes);
    let mut firsts = store.firsts(devices, Some(&device.id), from);
    firsts.retain(|first| first.first < to);
    firsts.sort_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
    firsts.truncate(MAX_FIRSTS);
    let firsts = firsts.into_iter().map(|first| FirstAsked {
        label: snapshot.policy.label(first.name.as_ref()).cloned(),
        name: first.name,
        first: first.first,
    });
    Some(Report {
        made,
        version: env!("CARGO_PKG_VERSION"),
        utc_offset_minutes,
        language,
        device: Subject {
            id: device.id.clone(),
            name: device.name.clone(),
            mac: device.mac.map(|mac| mac.to_string()),
            maker: device.maker.clone(),
            addresses: device.addresses.iter().map(ToString::to_string).collect(),
            profile: snapshot.policy.profile_name(device.profile).unwrap_or("default").to_owned(),
            first_seen,
            last_seen,
        },
        compared: compare(&now, &before),
        let_through: let_through(&now),
        exposure: now,
        firsts: firsts.collect(),
        lists,
        cannot_see: &Words::of(language).blind_spots,
    })
}

/// What a device told whom in a span.
pub fn exposure_of(
    store: &Store,
    snapshot: &Snapshot,
    device: &DeviceId,
    (from, to): (Timestamp, Timestamp),
    night_offset_minutes: i32,
) -> Exposure {
    let end = Timestamp::from_millis(to.millis().saturating_add(HOUR_MILLIS - 1)).hour();
    let hours: (Hour, Hour) = (from.hour(), end);
    exposure(&snapshot.policy, from, to, night_offset_minutes, |each| {
        store.tallies(&snapshot.devices, Some(device), hours.0, hours.1, each);
    })
}

/// The same span as many whole days earlier as it is long, so that the same hours of the same weekdays are compared where it
/// is a week, although today is not over.
pub fn span_before(from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
    let days = to.millis().saturating_sub(from.millis()).div_ceil(DAY_MILLIS).max(1);
    let back = Duration::from_millis(days.saturating_mul(DAY_MILLIS));
    (from.before(back), to.before(back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_compared_with_the_same_hours_whole_days_before() {
        let at = |hours: u64| Timestamp::from_millis(hours * HOUR_MILLIS);
        for (from, to, days) in
            [(1_000, 1_020, 1), (1_000, 1_024, 1), (1_000, 1_150, 7), (1_000, 1_168, 7), (1_000, 1_000, 1)]
        {
            assert_eq!(span_before(at(from), at(to)), (at(from - 24 * days), at(to - 24 * days)), "{from} {to}");
        }
    }
}
