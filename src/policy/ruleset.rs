//! The ruleset: every name of every list in one finite-state transducer, with what each list says of it.
//!
//! Keys are the labels of a name from right to left with a zero octet between them, so one walk from the root meets the
//! name's zones in order and then the name itself. No rule's name holds a zero octet, and a label that is asked and does
//! ends the walk: a hit is never a coincidence. The value is a number of a *set*: which lists name this name, and how.

use fst::raw::{Fst, Output};

use super::addresses::Addresses;
use super::list::ListId;
use super::name::NameRef;
use super::patterns::{Pattern, Patterns};
use super::rule::{Conditions, Reach, RewriteTo};

/// The compiled rules of all lists. Immutable.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    pub(super) names: fst::Map<Vec<u8>>,
    pub(super) sets: Sets,
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

    fn number(self) -> Option<usize> {
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
        self.each_by_name(name, |entry, labels| found(Hit { entry, by: By::Labels(labels) }));
        self.patterns.each(name, |pattern, entry| found(Hit { entry, by: By::Pattern(pattern) }));
    }

    fn each_by_name(&self, name: NameRef<'_>, mut found: impl FnMut(Entry, usize)) {
        let fst = self.names.as_fst();
        let labels = Labels::of(name);
        let (mut node, mut output) = (fst.root(), Output::zero());
        for depth in 0..labels.count {
            let label = labels.nth_last(depth);
            if label.contains(&0) {
                return;
            }
            let separator: &[u8] = if depth == 0 { &[] } else { &[0] };
            for &byte in separator.iter().chain(label) {
                let Some(place) = node.find_input(byte) else {
                    return;
                };
                let transition = node.transition(place);
                output = output.cat(transition.out);
                node = fst.node(transition.addr);
            }
            if node.is_final() {
                let reaching = if depth + 1 == labels.count { Entry::EXACT } else { Entry::BELOW };
                for &entry in self.sets.entries(output.cat(node.final_output()).value()) {
                    if entry.has(reaching) {
                        found(entry, depth + 1);
                    }
                }
            }
        }
    }

    /// Size of the names with their attribution, bytes.
    pub(super) fn size(&self) -> usize {
        let fst: &Fst<_> = self.names.as_fst();
        fst.size() + self.sets.size()
    }
}

/// Where the labels of a name begin, to read them from the right without asking for memory.
struct Labels<'a> {
    wire: &'a [u8],
    starts: [u8; 128],
    count: usize,
}

impl<'a> Labels<'a> {
    fn of(name: NameRef<'a>) -> Self {
        let wire = name.wire();
        let mut labels = Self { wire, starts: [0; 128], count: 0 };
        let mut at = 0;
        while let Some(&len @ 1..) = wire.get(at)
            && let Some(start) = labels.starts.get_mut(labels.count)
        {
            *start = at as u8;
            labels.count += 1;
            at += 1 + usize::from(len);
        }
        labels
    }

    fn nth_last(&self, depth: usize) -> &'a [u8] {
        let start = usize::from(self.starts[self.count - 1 - depth]);
        let len = usize::from(self.wire[start]);
        &self.wire[start + 1..start + 1 + len]
    }
}

/// Appends the key of `name` to `keys`.
pub(super) fn push_key(name: NameRef<'_>, keys: &mut Vec<u8>) {
    let labels = Labels::of(name);
    for depth in 0..labels.count {
        if depth > 0 {
            keys.push(0);
        }
        keys.extend_from_slice(labels.nth_last(depth));
    }
}

/// Which lists name a name, and how: each combination is kept once.
///
/// Sets that hold an extra or a row belong to one name only. They are numbered apart, so that the numbers of the
/// combinations that a million names share stay small, and with them the transducer.
#[derive(Debug, Default)]
pub(super) struct Sets {
    pub(super) shared: Table,
    pub(super) single: Table,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    ends: Vec<u32>,
}

impl Sets {
    /// The first number of a set of [`Self::single`].
    const SINGLE: u64 = 1 << 20;

    pub(super) fn entries(&self, number: u64) -> &[Entry] {
        match number.checked_sub(Self::SINGLE) {
            None => self.shared.at(number),
            Some(number) => self.single.at(number),
        }
    }

    /// Keeps a set and tells its number; the caller sees to it that none is kept twice.
    pub(super) fn push(&mut self, entries: &[Entry]) -> u64 {
        let shared = entries.iter().all(|entry| entry.number().is_none());
        if shared && (self.shared.ends.len() as u64) < Self::SINGLE {
            self.shared.push(entries)
        } else {
            Self::SINGLE + self.single.push(entries)
        }
    }

    fn size(&self) -> usize {
        self.shared.size() + self.single.size()
    }
}

impl Table {
    fn at(&self, number: u64) -> &[Entry] {
        let number = number as usize;
        let end = |number: usize| self.ends.get(number).map_or(0, |&end| end as usize);
        let start = number.checked_sub(1).map_or(0, end);
        self.entries.get(start..end(number)).unwrap_or_default()
    }

    fn push(&mut self, entries: &[Entry]) -> u64 {
        self.entries.extend_from_slice(entries);
        self.ends.push(self.entries.len() as u32);
        self.ends.len() as u64 - 1
    }

    fn size(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.ends.len() * size_of::<u32>()
    }
}
