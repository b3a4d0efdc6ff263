//! The ruleset: what every rule of every list says of every name, whether it names it or has a pattern for it.

use super::addresses::Addresses;
use super::list::ListId;
use super::name::NameRef;
use super::names::Names;
use super::patterns::{Pattern, Patterns};
use super::rule::{Conditions, Reach, RewriteTo, Rule};

/// The compiled rules of all lists. Immutable.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    pub(super) names: Names,
    pub(super) extras: Vec<Extra>,
    pub(super) patterns: Patterns,
    pub(super) addresses: Addresses,
}

/// What one list says of one name or pattern, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Entry(u64);

/// What a few rules have and most have not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Extra {
    pub(super) conditions: Conditions,
    pub(super) rewrite: Option<RewriteTo>,
}

/// A rule that names the name that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit<'a> {
    pub(super) entry: Entry,
    pub(super) by: By<'a>,
}

/// By what a rule names a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    /// By the zone of this many labels, counted from the right.
    Labels(usize),
    Pattern(Pattern<'a>),
}

impl Entry {
    pub(super) const EXACT: u8 = 1;
    pub(super) const BELOW: u8 = 2;
    pub(super) const EXCEPTION: u8 = 4;
    pub(super) const IMPORTANT: u8 = 8;
    /// From a hosts line.
    pub(super) const HOSTS: u8 = 16;
    /// The number is of a row of the catalogue and not of an [`Extra`].
    pub(super) const ROW: u8 = 32;

    /// `number` is the place of an extra or of a row.
    pub(super) fn new(list: ListId, flags: u8, number: Option<u32>) -> Self {
        let number = number.map_or(0, |number| u64::from(number) + 1);
        Self(u64::from(list.0) << 48 | u64::from(flags) << 40 | number)
    }

    /// The entry as a number, for what is written and read again.
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn list(self) -> ListId {
        ListId((self.0 >> 48) as u16)
    }

    pub(super) const fn flags(self) -> u8 {
        (self.0 >> 40) as u8
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    pub(super) fn row(self) -> Option<usize> {
        if self.has(Self::ROW) { self.number() } else { None }
    }

    pub(super) fn extra(self) -> Option<usize> {
        if self.has(Self::ROW) { None } else { self.number() }
    }

    /// The place of an extra or of a row.
    pub(super) fn number(self) -> Option<usize> {
        ((self.0 & ((1 << 40) - 1)) as usize).checked_sub(1)
    }

    pub(super) const fn reach(self) -> Option<Reach> {
        match self.flags() & (Self::EXACT | Self::BELOW) {
            Self::EXACT => Some(Reach::Exact),
            Self::BELOW => Some(Reach::Below),
            0 => None,
            _ => Some(Reach::Subtree),
        }
    }
}

impl Reach {
    /// The flags that stand for it in an [`Entry`].
    pub(super) const fn flags(self) -> u8 {
        match self {
            Self::Exact => Entry::EXACT,
            Self::Below => Entry::BELOW,
            Self::Subtree => Entry::EXACT | Entry::BELOW,
        }
    }
}

impl Ruleset {
    /// Tells every rule that names `name`, conditions aside: first by name from the root down, then by pattern.
    pub(super) fn each<'a>(&'a self, name: NameRef<'_>, mut found: impl FnMut(Hit<'a>)) {
        self.names.each(name, |entry, labels| found(Hit { entry, by: By::Labels(labels) }));
        self.patterns.each(name, |pattern, entry| found(Hit { entry, by: By::Pattern(pattern) }));
    }
}

/// The flags that stand for a rule in an [`Entry`], its reach aside.
pub(super) fn flags_of(rule: &Rule) -> u8 {
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    flag(rule.exception, Entry::EXCEPTION) | flag(rule.important, Entry::IMPORTANT) | flag(rule.hosts, Entry::HOSTS)
}
