//! Every name of every list in one finite-state transducer, with what each list says of it.
//!
//! Keys are the labels of a name from right to left with a zero octet between them, so one walk from the root meets the
//! name's zones in order and then the name itself. No rule's name holds a zero octet, and a label that is asked and does
//! ends the walk: a hit is never a coincidence. The value is a number of a *set*: which lists name this name, and how.
//!
//! The transducer lies in memory and is not mapped from its file: after some thousand different names nearly all of it is
//! resident either way, and a mapped file may change under our feet, which is why mapping one is unsafe.

use std::io::{self, Write};

use fst::Map;

use super::name::NameRef;
use super::pages::Pages;
use super::ruleset::Entry;
use super::walk::Walk;

/// What kept names end with. The digit is the version of all that stands before.
const MARK: &[u8; 8] = b"sd-name1";
/// Length of the transducer, checksum of all before it, mark.
const FOOTER: usize = 8 + 4 + MARK.len();

/// The names of all lists, immutable.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// None where no list names any name.
    pub(super) map: Option<Map<Pages>>,
    pub(super) sets: Sets,
}

impl Names {
    /// Tells what is said of `name` and of the zones it is in, from the root down, each with its number of labels.
    pub(super) fn each(&self, name: NameRef<'_>, mut found: impl FnMut(Entry, usize)) {
        let Some(fst) = self.map.as_ref().map(Map::as_fst) else {
            return;
        };
        let labels = Labels::of(name);
        let mut walk = Walk::begin(fst);
        for depth in 0..labels.count {
            let label = labels.nth_last(depth);
            if label.contains(&0) {
                return;
            }
            let separator: &[u8] = if depth == 0 { &[] } else { &[0] };
            for &byte in separator.iter().chain(label) {
                if walk.step(byte).is_none() {
                    return;
                }
            }
            if let Some(set) = walk.value() {
                let reaching = if depth + 1 == labels.count { Entry::EXACT } else { Entry::BELOW };
                for &entry in self.sets.entries(set) {
                    if entry.has(reaching) {
                        found(entry, depth + 1);
                    }
                }
            }
        }
    }

    /// Size with attribution, bytes.
    pub(super) fn size(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.as_fst().size()) + self.sets.size()
    }

    /// Whether every row and every extra that is spoken of is there.
    pub(super) fn fit(&self, rows: usize, extras: usize) -> bool {
        let mut entries = self.sets.shared.entries.iter().chain(&self.sets.single.entries);
        entries.all(|entry| {
            entry.row().is_none_or(|place| place < rows) && entry.extra().is_none_or(|place| place < extras)
        })
    }

    /// Writes them so that [`read`](Self::read) gives the same.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let map = self.map.as_ref().map_or(&[][..], |map| map.as_fst().as_bytes());
        let mut behind = Vec::with_capacity(self.sets.size() + 16 + FOOTER);
        self.sets.shared.write(&mut behind);
        self.sets.single.write(&mut behind);
        behind.extend_from_slice(&(map.len() as u64).to_le_bytes());
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(map);
        checksum.update(&behind);
        behind.extend_from_slice(&checksum.finalize().to_le_bytes());
        behind.extend_from_slice(MARK);
        out.write_all(map)?;
        out.write_all(&behind)
    }

    /// Takes what [`write`](Self::write) gave; none if it is damaged or of another version.
    pub(super) fn read(mut pages: Pages) -> Option<Self> {
        let bytes = pages.as_ref();
        let footer_at = bytes.len().checked_sub(FOOTER)?;
        let mut footer = &bytes[footer_at..];
        let (map_len, rest) = footer.split_first_chunk()?;
        footer = rest;
        let checksum = take_u32(&mut footer)?;
        let map_len = usize::try_from(u64::from_le_bytes(*map_len)).ok().filter(|&len| len <= footer_at)?;
        if footer != MARK || crc32fast::hash(&bytes[..footer_at + 8]) != checksum {
            return None;
        }
        let mut tables = &bytes[map_len..footer_at];
        let sets = Sets { shared: Table::read(&mut tables)?, single: Table::read(&mut tables)? };
        if !tables.is_empty() {
            return None;
        }
        pages.truncate(map_len);
        Some(Self { map: Some(Map::new(pages).ok()?), sets })
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
    shared: Table,
    single: Table,
}

#[derive(Debug, Default)]
struct Table {
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

    /// Keeps a set. Tells its number, and whether other names may share it; the caller sees to it that none is kept twice.
    pub(super) fn push(&mut self, entries: &[Entry]) -> (u64, bool) {
        let shared = entries.iter().all(|entry| entry.number().is_none());
        if shared && (self.shared.ends.len() as u64) < Self::SINGLE {
            (self.shared.push(entries), true)
        } else {
            (Self::SINGLE + self.single.push(entries), false)
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
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.ends.len() as u32).to_le_bytes());
        self.entries.iter().for_each(|entry| bytes.extend_from_slice(&entry.bits().to_le_bytes()));
        self.ends.iter().for_each(|end| bytes.extend_from_slice(&end.to_le_bytes()));
    }

    /// Takes a table off the front of `bytes`.
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (entries, ends) = (take_u32(bytes)? as usize, take_u32(bytes)? as usize);
        let (in_entries, rest) = bytes.split_at_checked(entries.checked_mul(8)?)?;
        let (in_ends, rest) = rest.split_at_checked(ends.checked_mul(4)?)?;
        *bytes = rest;
        let entry = |octets: &[u8; 8]| Entry::from_bits(u64::from_le_bytes(*octets));
        Some(Self {
            entries: in_entries.as_chunks().0.iter().map(entry).collect(),
            ends: in_ends.as_chunks().0.iter().map(|octets| u32::from_le_bytes(*octets)).collect(),
        })
    }
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (octets, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*octets))
}
