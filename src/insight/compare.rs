//! A device's span beside the one before it, and what was let through of what is known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::sums::first;
use super::{Counts, Exposure, NameCounts};
use crate::policy::Name;
use crate::time::Timestamp;

/// New names that are listed for a maker.
pub const MAX_NEW_NAMES: usize = 20;
/// Names that are listed as let through.
pub const MAX_LET_THROUGH: usize = 100;

/// What changed against the span before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Comparison {
    /// Begin of the span before, milliseconds since the epoch.
    pub from: Timestamp,
    /// End of the span before, milliseconds since the epoch.
    pub to: Timestamp,
    /// All questions of the device in it.
    pub totals: Counts,
    /// Makers that heard from it in either, those with the largest change first.
    pub vendors: Vec<VendorChange>,
}

/// What a maker heard then and now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VendorChange {
    /// The maker.
    pub vendor: String,
    /// Questions in the span.
    pub now: u64,
    /// Questions in the span before.
    pub before: u64,
    /// Names asked now and not before; at most [`MAX_NEW_NAMES`].
    pub new_names: Vec<Name>,
}

/// Sets `now` beside `before`. Names beyond the bounds of an exposure are in the counts and not among the new ones.
pub fn compare(now: &Exposure, before: &Exposure) -> Comparison {
    let mut vendors: BTreeMap<&str, VendorChange> = BTreeMap::new();
    let known: BTreeSet<&Name> = names(before).map(|name| &name.name).collect();
    let change = |vendor: &str| VendorChange { vendor: vendor.into(), now: 0, before: 0, new_names: Vec::new() };
    for vendor in &before.vendors {
        vendors.entry(&vendor.vendor).or_insert_with(|| change(&vendor.vendor)).before = vendor.counts.total();
    }
    for vendor in &now.vendors {
        let sum = vendors.entry(&vendor.vendor).or_insert_with(|| change(&vendor.vendor));
        sum.now = vendor.counts.total();
        let all = vendor.products.iter().flat_map(|product| &product.names);
        let new = all.map(|name| &name.name).filter(|name| !known.contains(name));
        sum.new_names = new.take(MAX_NEW_NAMES).cloned().collect();
    }
    let vendors = first(vendors.into_values(), usize::MAX, |a, b| {
        let by = |change: &VendorChange| change.now.abs_diff(change.before);
        by(b).cmp(&by(a)).then_with(|| a.vendor.cmp(&b.vendor))
    });
    Comparison { from: before.from, to: before.to, totals: before.totals, vendors }
}

/// Names that the catalogue knows as telemetry and that got an answer all the same, the most asked first.
pub fn let_through(seen: &Exposure) -> Vec<NameCounts> {
    let answered = |name: &&NameCounts| resolved(&name.counts) > 0;
    let names = names(seen).filter(answered).cloned();
    first(names, MAX_LET_THROUGH, |a, b| {
        resolved(&b.counts).cmp(&resolved(&a.counts)).then_with(|| a.name.cmp(&b.name))
    })
}

/// How many questions got an answer.
pub(super) fn resolved(counts: &Counts) -> u64 {
    counts.total().saturating_sub(counts.muted)
}

fn names(seen: &Exposure) -> impl Iterator<Item = &NameCounts> {
    seen.vendors.iter().flat_map(|vendor| &vendor.products).flat_map(|product| &product.names)
}

#[cfg(test)]
mod tests {
    use super::super::{ProductExposure, VendorExposure};
    use super::*;
    use crate::policy::Verdict;

    /// A vendor, and of each of its names how often it was muted and passed.
    type Heard<'a> = (&'a str, &'a [(&'a str, u64, u64)]);

    fn seen(vendors: &[Heard<'_>]) -> Exposure {
        let at = Timestamp::default();
        let vendor = |(vendor, names): &Heard<'_>| {
            let names: Vec<NameCounts> = names
                .iter()
                .map(|(name, muted, passed)| NameCounts {
                    name: Name::parse(name).unwrap(),
                    verdict: Verdict::Block,
                    label: None,
                    counts: Counts { muted: *muted, passed: *passed, ..Counts::default() },
                    at_night: 0,
                    last_hour: at,
                })
                .collect();
            let counts = names.iter().fold(Counts::default(), |sum, name| sum.and(name.counts));
            let product = ProductExposure { product: "All".into(), purpose: "ads".into(), counts, names };
            VendorExposure {
                vendor: (*vendor).into(),
                about: String::new(),
                regions: Vec::new(),
                counts,
                products: vec![product],
            }
        };
        Exposure {
            from: at,
            to: at,
            totals: Counts::default(),
            at_night: 0,
            telemetry_hours: Vec::new(),
            hours: Vec::new(),
            vendors: vendors.iter().map(vendor).collect(),
            unlabelled: Vec::new(),
        }
    }

    #[test]
    fn makers_that_come_go_grow_and_shrink_are_told() {
        let before =
            seen(&[("Acme", &[("a.test", 10, 0)]), ("Gone", &[("g.test", 3, 0)]), ("Same", &[("s.test", 5, 0)])]);
        let now = seen(&[
            ("Acme", &[("a.test", 40, 0), ("new.test", 2, 0)]),
            ("Same", &[("s.test", 5, 0)]),
            ("New", &[("n.test", 7, 0)]),
        ]);
        let told: Vec<_> = compare(&now, &before)
            .vendors
            .into_iter()
            .map(|change| (change.vendor, change.now, change.before, change.new_names.len()))
            .collect();
        let expected = [("Acme", 42, 10, 1), ("New", 7, 0, 1), ("Gone", 0, 3, 0), ("Same", 5, 5, 0)];
        assert_eq!(told, expected.map(|(vendor, now, before, new)| (vendor.to_owned(), now, before, new)));
    }

    #[test]
    fn only_what_got_an_answer_was_let_through() {
        let now = seen(&[("Acme", &[("muted.test", 9, 0), ("half.test", 9, 2), ("passed.test", 0, 5)])]);
        let names: Vec<_> = let_through(&now).into_iter().map(|name| name.name.to_string()).collect();
        assert_eq!(names, ["passed.test", "half.test"]);
    }
}
