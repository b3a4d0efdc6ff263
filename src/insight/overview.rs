//! The house over a span of time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::sums::{Hours, Names, first};
use super::{Counts, DeviceCounts, GroupCounts, MAX_DEVICES, MAX_TOP_NAMES, Overview};
use crate::policy::{DeviceId, Policy};
use crate::store::TallyRun;
use crate::time::Timestamp;

/// Sums up what the house asked from `from` to `to`, in whole hours.
///
/// `runs` is called once, with what takes every tally of the span, in any order. `night_offset_minutes` is how far the
/// viewer's clock is ahead of UTC.
pub fn overview(
    policy: &Policy,
    from: Timestamp,
    to: Timestamp,
    night_offset_minutes: i32,
    runs: impl FnOnce(&mut dyn FnMut(TallyRun<'_>)),
) -> Overview {
    let mut totals = Counts::default();
    let mut hours = Hours::of(from, to);
    let mut names = Names::new(policy, night_offset_minutes);
    let mut devices: HashMap<DeviceId, Counts> = HashMap::new();
    let mut vendors = Groups::default();
    let mut purposes = Groups::default();
    runs(&mut |run| {
        let Some(run) = hours.add(run) else { return };
        let count = run.count();
        totals.add(run.verdict, count);
        if let Some(label) = names.add(run) {
            vendors.add(&label.vendor, run);
            purposes.add(&label.purpose, run);
        }
        match devices.get_mut(run.device) {
            Some(counts) => counts.add(run.verdict, count),
            None => devices.entry(run.device.clone()).or_default().add(run.verdict, count),
        }
    });
    let devices = devices.into_iter().map(|(id, counts)| DeviceCounts { id, counts });
    let weight = |counts: &Counts| (counts.telemetry(), counts.total());
    let distinct_names = names.len() as u64;
    let telemetry_names = names.into_sums().filter(|(_, sum)| sum.counts.telemetry() > 0);
    let top_names = first(telemetry_names, MAX_TOP_NAMES, |(a, x), (b, y)| {
        weight(&y.counts).cmp(&weight(&x.counts)).then_with(|| a.cmp(b))
    });
    let vendors = vendors.finish();
    Overview {
        from,
        to,
        totals,
        names: distinct_names,
        makers_muted: u32::try_from(vendors.iter().filter(|vendor| vendor.counts.muted > 0).count())
            .unwrap_or(u32::MAX),
        hours: hours.finish(),
        devices: first(devices, MAX_DEVICES, |a, b| {
            weight(&b.counts).cmp(&weight(&a.counts)).then_with(|| a.id.cmp(&b.id))
        }),
        top_names: top_names.into_iter().map(|(name, sum)| sum.show(name, policy, to)).collect(),
        vendors,
        purposes: purposes.finish(),
    }
}

/// Makers or purposes: as many as the catalogue has.
#[derive(Default)]
struct Groups(HashMap<Arc<str>, (Counts, HashSet<DeviceId>)>);

impl Groups {
    fn add(&mut self, key: &Arc<str>, run: TallyRun<'_>) {
        let (counts, devices) = match self.0.get_mut(key) {
            Some(group) => group,
            None => self.0.entry(key.clone()).or_default(),
        };
        counts.add(run.verdict, run.count());
        if devices.len() < MAX_DEVICES && !devices.contains(run.device) {
            devices.insert(run.device.clone());
        }
    }

    fn finish(self) -> Vec<GroupCounts> {
        let groups = self.0.into_iter().map(|(key, (counts, devices))| {
            let devices = u32::try_from(devices.len()).unwrap_or(u32::MAX);
            GroupCounts { key: key.as_ref().into(), counts, devices }
        });
        first(groups, usize::MAX, |a, b| b.counts.total().cmp(&a.counts.total()).then_with(|| a.key.cmp(&b.key)))
    }
}
