//! A part: one list compiled by itself, as bytes that can be kept.
//!
//! A part depends on the bytes of its list and on [`Reading`], and on nothing else in the house. So a list that did not
//! change is not read line by line again; its part is merged with the others. Plain names are in it as sorted runs; the few
//! rules that are more than a name follow behind, with the report, and are built anew whenever the part is used.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::formats;
use super::list::{Format, ListReport, RejectedLine};
use super::packing::Packing;
use super::rule::{Mistake, Rule};

/// Rules of one list that have conditions or an answer of their own, or that switch others off. Each takes memory of its own.
pub const MAX_CONDITIONAL: usize = 100_000;
/// Bytes of a list that are looked at to tell its format.
pub const DETECTED_BYTES: u64 = 256 << 10;
/// What a part ends with. The digit is the version of all that stands before.
pub(super) const MARK: &[u8; 8] = b"sd-part1";
/// Length of the head and its checksum, then the mark.
const FOOTER: usize = 4 + 4 + MARK.len();
/// Longest head: a hundred thousand conditional rules of the usual length are a tenth of it.
const MAX_HEAD: u64 = 256 << 20;
/// Bytes of a run that are held while it is read.
const READ_AHEAD: usize = 8 << 10;

/// How a list is read. With its bytes, this is all that a part depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reading {
    /// How it is written.
    pub format: Format,
    /// Whether its rewrites and `$important` count.
    pub trusted: bool,
    /// Whether its rules may cover a public suffix, or much of what people know; see [`ListReport::quarantined`].
    pub wide: bool,
}

/// Bytes that many may read at any place at once, such as those of a file.
pub trait Blob: fmt::Debug + Send + Sync {
    /// Reads into `buffer` what stands from `at` on; how many octets, 0 at the end.
    ///
    /// # Errors
    /// As reading the medium does.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Blob for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// Why there is no part.
#[derive(Debug)]
pub enum NoPart {
    /// The list cannot be read to its end.
    Unreadable(io::Error),
    /// The part cannot be written.
    Unwritable(io::Error),
    /// It was read, and is no list to put in force: the report says why.
    Refused(Box<ListReport>),
}

impl From<io::Error> for NoPart {
    fn from(error: io::Error) -> Self {
        Self::Unwritable(error)
    }
}

/// One list compiled by itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Part {
    head: Arc<Head>,
    blob: Arc<dyn Blob>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) report: Told,
    /// Where each run ends; the first begins at 0.
    pub(super) runs: Vec<u64>,
    /// CRC-32 of all runs.
    pub(super) checksum: u32,
    /// Rules that are more than a plain name, and whether each switches off its like.
    pub(super) rules: Vec<(Rule, bool)>,
}

/// What a report says that does not depend on the configuration.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) format: Format,
    pub(super) lines: u64,
    pub(super) names: u64,
    pub(super) rejected: u64,
    pub(super) quarantined: u64,
    pub(super) examples: Vec<(u64, String, String)>,
    pub(super) quarantine: Vec<(u64, String)>,
}

impl Part {
    /// Reads `list` line by line and writes its part to `out`; the memory this takes does not grow with the list, but for
    /// rules that are more than names.
    ///
    /// # Errors
    /// When there is no part; then what stands in `out` is of no use.
    pub fn compile(reading: Reading, list: &mut dyn Read, out: &mut dyn Write) -> Result<(), NoPart> {
        let mut report = ListReport::blank(reading.format);
        let mut begin = Vec::new();
        list.take(DETECTED_BYTES).read_to_end(&mut begin).map_err(NoPart::Unreadable)?;
        if reading.format == Format::Auto {
            report.format = formats::detect(&begin);
        }
        let mut text = BufReader::with_capacity(64 << 10, begin.as_slice().chain(list));
        let mut packing = Packing::new(reading, out);
        let (format, trusted) = (report.format, reading.trusted);
        formats::read(&begin, &mut text, format, trusted, &mut report, |written| packing.take(written))
            .map_err(NoPart::Unreadable)?;
        if report.problem.is_some() {
            return Err(NoPart::Refused(Box::new(report)));
        }
        packing.finish(&report).map_err(NoPart::Unwritable)
    }

    /// A part in memory.
    ///
    /// # Errors
    /// When `content` is no list to put in force.
    pub fn in_memory(reading: Reading, content: &[u8]) -> Result<Self, NoPart> {
        let mut bytes = Vec::new();
        Self::compile(reading, &mut &*content, &mut bytes)?;
        let len = bytes.len() as u64;
        Self::open(Arc::new(bytes), len).map_err(NoPart::Unwritable)
    }

    /// Opens what [`compile`](Self::compile) wrote: `len` octets.
    ///
    /// # Errors
    /// When it cannot be read, or is not that. Of the names only [`verify`](Self::verify) can tell.
    pub fn open(blob: Arc<dyn Blob>, len: u64) -> io::Result<Self> {
        let footer_at = len.checked_sub(FOOTER as u64).ok_or_else(damaged)?;
        let mut footer = [0; FOOTER];
        Section::new(&*blob, footer_at, len).read_exact(&mut footer)?;
        let (numbers, mark) = footer.split_at(8);
        let number =
            |at: usize| numbers[at..at + 4].iter().rev().fold(0, |number, &octet| number << 8 | u32::from(octet));
        let (head_len, checksum) = (u64::from(number(0)), number(4));
        let head_at = footer_at.checked_sub(head_len).filter(|_| mark == MARK && head_len <= MAX_HEAD);
        let head_at = head_at.ok_or_else(damaged)?;
        let mut bytes = vec![0; head_len as usize];
        Section::new(&*blob, head_at, footer_at).read_exact(&mut bytes)?;
        let head: Head = Some(&bytes)
            .filter(|bytes| crc32fast::hash(bytes) == checksum)
            .and_then(|bytes| postcard::from_bytes(bytes).ok())
            .ok_or_else(damaged)?;
        let in_order = head.runs.is_sorted() && head.runs.last().is_none_or(|&end| end == head_at);
        if in_order { Ok(Self { head: Arc::new(head), blob }) } else { Err(damaged()) }
    }

    /// Reads all names once, to see that they are as they were written.
    ///
    /// # Errors
    /// When they are not, or cannot be read.
    pub fn verify(&self) -> io::Result<()> {
        let mut checksum = crc32fast::Hasher::new();
        let mut names = Section::new(&*self.blob, 0, self.head.runs.last().copied().unwrap_or(0));
        let mut buffer = vec![0; 64 << 10];
        loop {
            match names.read(&mut buffer)? {
                0 => break,
                len => checksum.update(&buffer[..len]),
            }
        }
        let whole = names.at == names.end && checksum.finalize() == self.head.checksum;
        if whole { Ok(()) } else { Err(damaged()) }
    }

    /// Names and patterns in it.
    pub fn names(&self) -> usize {
        self.head.report.names as usize
    }

    /// Bytes of the names as they lie in it.
    pub(super) fn names_size(&self) -> usize {
        self.head.runs.last().map_or(0, |&end| usize::try_from(end).unwrap_or(0))
    }

    /// What became of the list, but for what the configuration says of it.
    pub(super) fn report(&self) -> ListReport {
        let Told { format, lines, names, rejected, quarantined, examples, quarantine } = &self.head.report;
        let example = |(line, class, why): &(u64, String, String)| {
            let class = Mistake::named(class).map_or("unsupported_line", Mistake::as_str);
            RejectedLine { line: *line as usize, class, why: why.clone() }
        };
        let held = |(line, why): &(u64, String)| RejectedLine {
            line: *line as usize,
            class: Mistake::TooWide.as_str(),
            why: why.clone(),
        };
        ListReport {
            lines: *lines as usize,
            names: *names as usize,
            rejected: *rejected as usize,
            quarantined: *quarantined as usize,
            examples: examples.iter().map(example).collect(),
            quarantine: quarantine.iter().map(held).collect(),
            ..ListReport::blank(*format)
        }
    }

    /// Rules that are more than a plain name, and whether each switches off its like.
    pub(super) fn rules(&self) -> impl Iterator<Item = &(Rule, bool)> {
        self.head.rules.iter()
    }

    /// The runs of plain names; what is said of each is its flags.
    pub(super) fn runs(&self) -> impl Iterator<Item = impl BufRead> {
        let starts = std::iter::once(0).chain(self.head.runs.iter().copied());
        let sections = starts.zip(&self.head.runs).map(|(start, &end)| Section::new(&*self.blob, start, end));
        sections.map(|section| BufReader::with_capacity(READ_AHEAD, section))
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is damaged, or was written by another version")
}

/// A piece of a blob, read from front to end.
struct Section<'a> {
    blob: &'a dyn Blob,
    at: u64,
    end: u64,
}

impl<'a> Section<'a> {
    fn new(blob: &'a dyn Blob, at: u64, end: u64) -> Self {
        Self { blob, at, end }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let len = self.blob.read_at(&mut buffer[..left], self.at)?;
        // A run that ends early would be taken for a shorter one.
        if len == 0 && left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += len as u64;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::patterns::{MAX_EXPRESSIONS, MAX_PATTERNS};
    use super::*;

    const READING: Reading = Reading { format: Format::Auto, trusted: false, wide: false };

    fn bytes(list: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Part::compile(READING, &mut list.as_bytes(), &mut out).unwrap();
        out
    }

    #[test]
    fn patterns_expressions_and_conditions_of_a_list_are_bounded() {
        for (most, line) in [
            (MAX_EXPRESSIONS, (|number| format!("/^a{number}/\n")) as fn(usize) -> String),
            (MAX_PATTERNS, |number| format!("||ads{number}*.example^\n")),
            (MAX_CONDITIONAL, |number| format!("||a{number}.example^$dnstype=AAAA\n")),
        ] {
            let list: String = (0..most + 3).map(line).collect();
            let part = Part::in_memory(READING, list.as_bytes()).unwrap();
            let report = part.report();
            assert_eq!((report.names, report.rejected, report.examples[0].line), (most, 3, most + 1));
        }
    }

    #[test]
    fn a_part_reads_back_what_was_told_and_any_damage_is_seen() {
        let whole = bytes("a.example\n||b.example^$dnstype=A\n||com^\nnot a name\nz.example\ny.example\nx.example\n");
        let open = |bytes: Vec<u8>| {
            let len = bytes.len() as u64;
            Part::open(Arc::new(bytes), len).and_then(|part| part.verify().map(|()| part))
        };
        let report = open(whole.clone()).unwrap().report();
        assert_eq!((report.names, report.rejected, report.quarantined), (5, 1, 1));
        assert_eq!(report.examples[0].class, "not_a_name");
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x10;
            assert!(open(damaged).is_err(), "octet {place}");
            assert!(open(whole[..place].to_vec()).is_err(), "cut at {place}");
        }
    }
}
