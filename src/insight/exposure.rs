//! What one device tells whom.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::sums::{Hours, Names, first, is_night};
use super::{Counts, Exposure, MAX_TOP_NAMES, MAX_UNLABELLED, NameCounts, ProductExposure, VendorExposure};
use crate::policy::{Label, Policy};
use crate::store::TallyRun;
use crate::time::Timestamp;

/// Sums up what one device asked from `from` to `to`, in whole hours.
///
/// `runs` is called once, with what takes every tally of the device in the span, in any order. `night_offset_minutes` is
/// how far the viewer's clock is ahead of UTC.
pub fn exposure(
    policy: &Policy,
    from: Timestamp,
    to: Timestamp,
    night_offset_minutes: i32,
    runs: impl FnOnce(&mut dyn FnMut(TallyRun<'_>)),
) -> Exposure {
    let mut totals = Counts::default();
    let mut at_night = 0;
    let mut hours = Hours::of(from, to);
    let mut telemetry_hours = Hours::of(from, to);
    let mut names = Names::new(policy, night_offset_minutes);
    runs(&mut |run| {
        let Some(run) = hours.add(run) else { return };
        totals.add(run.verdict, run.count());
        if names.add(run).is_none() {
            return;
        }
        telemetry_hours.add(run);
        at_night += run
            .hours
            .iter()
            .filter(|(hour, _)| is_night(*hour, night_offset_minutes))
            .map(|(_, count)| count)
            .sum::<u64>();
    });
    let mut vendors = Vendors::default();
    let mut unlabelled = Vec::new();
    for (name, sum) in names.into_sums() {
        match sum.label {
            Some(label) => vendors.add(label, sum.show(name, policy, to)),
            None => unlabelled.push((name, sum)),
        }
    }
    let unlabelled = first(unlabelled, MAX_UNLABELLED, |(a, x), (b, y)| {
        y.counts.total().cmp(&x.counts.total()).then_with(|| a.cmp(b))
    });
    Exposure {
        from,
        to,
        totals,
        at_night,
        telemetry_hours: telemetry_hours.finish(),
        hours: hours.finish(),
        vendors: vendors.finish(),
        unlabelled: unlabelled.into_iter().map(|(name, sum)| sum.show(name, policy, to)).collect(),
    }
}

#[derive(Default)]
struct Vendors<'a>(BTreeMap<&'a str, Vendor<'a>>);

#[derive(Default)]
struct Vendor<'a> {
    about: &'a str,
    regions: BTreeSet<&'a str>,
    counts: Counts,
    /// By product and purpose: one program may both crash-report and advertise.
    products: BTreeMap<(&'a str, &'a str), (Counts, Vec<NameCounts>)>,
}

impl<'a> Vendors<'a> {
    fn add(&mut self, label: &'a Label, name: NameCounts) {
        let vendor = self.0.entry(&label.vendor).or_default();
        vendor.about = &label.about;
        vendor.regions.extend(label.regions.iter().map(String::as_str));
        vendor.counts = vendor.counts.and(name.counts);
        let (counts, names) = vendor.products.entry((&label.product, &label.purpose)).or_default();
        *counts = counts.and(name.counts);
        names.push(name);
    }

    fn finish(self) -> Vec<VendorExposure> {
        let vendors = self.0.into_iter().map(|(vendor, sums)| VendorExposure {
            vendor: vendor.into(),
            about: sums.about.into(),
            regions: sums.regions.into_iter().map(String::from).collect(),
            counts: sums.counts,
            products: products(sums.products),
        });
        first(vendors, usize::MAX, |a, b| most(&a.counts, &b.counts).then_with(|| a.vendor.cmp(&b.vendor)))
    }
}

fn products(products: BTreeMap<(&str, &str), (Counts, Vec<NameCounts>)>) -> Vec<ProductExposure> {
    let products = products.into_iter().map(|((product, purpose), (counts, names))| ProductExposure {
        product: product.into(),
        purpose: purpose.into(),
        counts,
        names: first(names, MAX_TOP_NAMES, |a, b| most(&a.counts, &b.counts).then_with(|| a.name.cmp(&b.name))),
    });
    first(products, usize::MAX, |a, b| {
        most(&a.counts, &b.counts).then_with(|| (&a.product, &a.purpose).cmp(&(&b.product, &b.purpose)))
    })
}

/// The most asked first.
fn most(a: &Counts, b: &Counts) -> Ordering {
    b.total().cmp(&a.total())
}
