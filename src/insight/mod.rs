//! What the tallies mean: sums over devices, names, makers and purposes, for a page to show.
//!
//! Functions of tallies and policy only; the store is read once, by the caller's closure. [`overview`] is about the
//! house, [`exposure`] about one device; both walk the tallies once, with `sums`. [`what_if`] is about a rule or a list
//! that is not in force, [`list_hits`] about the lists that are; both look at [`Asked`], the tallies without their hours.
//! [`report()`] puts what is known of one device together, to hand to someone.
//! [`breakage`] ranks what was muted while something stopped working.

mod asked;
mod breakage;
mod compare;
mod exposure;
mod hits;
mod language;
mod overview;
mod report;
mod sums;
mod whatif;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::asked::{Asked, MAX_PAIRS, Share};
pub use self::breakage::{Breakage, Candidate, MAX_CANDIDATES, Sign, USUAL_SPAN, breakage};
pub use self::compare::{Comparison, MAX_LET_THROUGH, MAX_NEW_NAMES, VendorChange, compare, let_through};
pub use self::exposure::exposure;
pub use self::hits::{ListHits, MAX_OVERLAPS, MAX_RULES_SHOWN, Overlap, RuleHits, RulesAtWork, Standing, list_hits};
pub use self::language::Language;
pub use self::overview::overview;
pub use self::report::{
    FirstAsked, Form as ReportForm, ListInForce, MAX_FIRSTS, Report, Subject, Wanted, csv_field, exposure_of, report,
    span_before,
};
pub use self::whatif::{Change, DeviceChange, MAX_NAMES_SHOWN, NameChange, WhatIf, what_if};
use crate::policy::{DeviceId, Label, Name, Verdict};
use crate::time::Timestamp;

/// Names that are listed one by one, in the house and for each product.
pub const MAX_TOP_NAMES: usize = 50;
/// Names without a label that are listed for a device.
pub const MAX_UNLABELLED: usize = 200;
/// Devices that are listed.
pub const MAX_DEVICES: usize = 1_000;
/// Different names that are told apart in one span. What comes beyond them is in the totals only.
pub const MAX_NAMES: usize = 50_000;
/// Hours that are told apart; a longer span ends early.
pub const MAX_HOURS: usize = 401 * 24;

/// How many questions, by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// No rule named them.
    pub passed: u64,
    /// Watched.
    pub watched: u64,
    /// Muted.
    pub muted: u64,
    /// Resolved because an exception named them.
    pub allowed: u64,
}

/// The counts of one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HourCounts {
    /// When the hour begins, milliseconds since the epoch.
    pub hour: Timestamp,
    /// What was asked in it.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A device and what it asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceCounts {
    /// Which device.
    pub id: DeviceId,
    /// What it asked.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A name and how it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NameCounts {
    /// The name.
    pub name: Name,
    /// What the policy says of it at the end of the span, for everyone.
    pub verdict: Verdict,
    /// What the catalogue knows.
    pub label: Option<Label>,
    /// How it was asked for.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many of the questions fell between midnight and six, by the offset that was given.
    pub at_night: u64,
    /// The last hour it was asked in.
    pub last_hour: Timestamp,
}

/// A maker or a purpose, and what it hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupCounts {
    /// The maker, or the purpose.
    pub key: String,
    /// What was asked of it.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many devices asked.
    pub devices: u32,
}

/// The house over a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Overview {
    /// Begin of the span.
    pub from: Timestamp,
    /// End of the span.
    pub to: Timestamp,
    /// All questions.
    pub totals: Counts,
    /// How many different names.
    pub names: u64,
    /// How many makers had questions muted.
    pub makers_muted: u32,
    /// One entry for each hour of the span, empty hours included.
    pub hours: Vec<HourCounts>,
    /// Devices, the most muted and watched first.
    pub devices: Vec<DeviceCounts>,
    /// Names muted or watched, the most muted and watched first.
    pub top_names: Vec<NameCounts>,
    /// Makers of labelled names, the most asked first.
    pub vendors: Vec<GroupCounts>,
    /// Purposes of labelled names, the most asked first.
    pub purposes: Vec<GroupCounts>,
}

/// What one device tells whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Exposure {
    /// Begin of the span.
    pub from: Timestamp,
    /// End of the span.
    pub to: Timestamp,
    /// All questions of the device.
    pub totals: Counts,
    /// Questions of labelled names between midnight and six, by the offset that was given.
    pub at_night: u64,
    /// One entry for each hour of the span: labelled names only.
    pub telemetry_hours: Vec<HourCounts>,
    /// One entry for each hour of the span: all names.
    pub hours: Vec<HourCounts>,
    /// Who hears from it, the most asked first.
    pub vendors: Vec<VendorExposure>,
    /// Names without a label, the most asked first, at most [`MAX_UNLABELLED`].
    pub unlabelled: Vec<NameCounts>,
}

/// What one maker hears from a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VendorExposure {
    /// The maker.
    pub vendor: String,
    /// Who that is, in one sentence.
    pub about: String,
    /// Regions its names claim.
    pub regions: Vec<String>,
    /// All its names together.
    #[serde(flatten)]
    pub counts: Counts,
    /// By product, the most asked first.
    pub products: Vec<ProductExposure>,
}

/// What one product hears from a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProductExposure {
    /// The product.
    pub product: String,
    /// What for.
    pub purpose: String,
    /// All its names together.
    #[serde(flatten)]
    pub counts: Counts,
    /// The names, the most asked first.
    pub names: Vec<NameCounts>,
}

impl Counts {
    /// Adds `count` questions with this verdict.
    pub fn add(&mut self, verdict: Verdict, count: u64) {
        let sum = match verdict {
            Verdict::Pass => &mut self.passed,
            Verdict::Watch => &mut self.watched,
            Verdict::Block => &mut self.muted,
            Verdict::Allow => &mut self.allowed,
        };
        *sum = sum.saturating_add(count);
    }

    /// These and `other` together.
    pub fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            watched: self.watched.saturating_add(other.watched),
            muted: self.muted.saturating_add(other.muted),
            allowed: self.allowed.saturating_add(other.allowed),
        }
    }

    /// Those that a list of telemetry named: muted and watched.
    pub fn telemetry(&self) -> u64 {
        self.muted.saturating_add(self.watched)
    }

    /// All questions.
    pub fn total(&self) -> u64 {
        [self.passed, self.watched, self.muted, self.allowed].into_iter().fold(0, u64::saturating_add)
    }
}
