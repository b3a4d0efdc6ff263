//! From the rules of one list to the bytes of its part.

use std::io::{self, Write};

use super::addresses::MAX_NETWORKS;
use super::formats::{Taken, adblock::Written};
use super::list::ListReport;
use super::names::push_key;
use super::part::{Head, MARK, MAX_CONDITIONAL, Reading, Told};
use super::patterns::{MAX_EXPRESSIONS, MAX_PATTERNS};
use super::rule::{Mistake, Refused, Rule, Target};
use super::ruleset::flags_of;
use super::runs::Unsorted;
use super::wide;

/// Takes rules, writes a part.
pub(super) struct Packing<'a> {
    reading: Reading,
    out: Counted<'a>,
    unsorted: Unsorted,
    runs: Vec<u64>,
    rules: Vec<(Rule, bool)>,
    patterns: usize,
    expressions: usize,
    networks: usize,
    conditional: usize,
    failed: Option<io::Error>,
}

impl<'a> Packing<'a> {
    pub(super) fn new(reading: Reading, out: &'a mut dyn Write) -> Self {
        let out = Counted { out, len: 0, checksum: crc32fast::Hasher::new() };
        let (unsorted, runs, rules) = (Unsorted::default(), Vec::new(), Vec::new());
        Self {
            reading,
            out,
            unsorted,
            runs,
            rules,
            patterns: 0,
            expressions: 0,
            networks: 0,
            conditional: 0,
            failed: None,
        }
    }

    /// Takes a rule, or says why it is none of those in force.
    pub(super) fn take(&mut self, written: Written) -> Result<Taken, Refused> {
        let Written { rule, badfilter } = written;
        if !badfilter
            && !self.reading.trusted
            && !self.reading.wide
            && let Some(why) = wide::reason(&rule)
        {
            return Ok(Taken::Quarantined(why));
        }
        match &rule.target {
            _ if badfilter => bound(&mut self.conditional, MAX_CONDITIONAL, "rules with conditions")?,
            Target::Name(name, reach) if rule.is_plain() => {
                let flags = u64::from(reach.flags() | flags_of(&rule));
                match self.unsorted.push(flags, |keys| push_key(name.as_ref(), keys)) {
                    Ok(false) => {}
                    Ok(true) => self.end_run(),
                    Err(error) => self.failed = Some(error),
                }
                return Ok(Taken::InForce);
            }
            Target::Name(..) => bound(&mut self.conditional, MAX_CONDITIONAL, "rules with conditions")?,
            Target::Glob(_) => bound(&mut self.patterns, MAX_PATTERNS, "patterns")?,
            Target::Network(_) => bound(&mut self.networks, MAX_NETWORKS, "addresses")?,
            Target::Expression(_) => bound(&mut self.expressions, MAX_EXPRESSIONS, "regular expressions")?,
        }
        self.rules.push((rule, badfilter));
        Ok(Taken::InForce)
    }

    fn end_run(&mut self) {
        let written = self.unsorted.sort_into(&mut self.out);
        // Reading goes on to the end; what cannot be written is told there.
        self.failed = self.failed.take().or_else(|| written.err());
        self.runs.push(self.out.len);
    }

    /// Writes what is left, with what is told of the list.
    pub(super) fn finish(mut self, report: &ListReport) -> io::Result<()> {
        if !self.unsorted.is_empty() {
            self.end_run();
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        let told = Told {
            format: report.format,
            lines: report.lines as u64,
            names: report.names as u64,
            rejected: report.rejected as u64,
            quarantined: report.quarantined as u64,
            examples: report.examples.iter().map(|one| (one.line as u64, one.class.into(), one.why.clone())).collect(),
            quarantine: report.quarantine.iter().map(|one| (one.line as u64, one.why.clone())).collect(),
        };
        let checksum = std::mem::take(&mut self.out.checksum).finalize();
        let head = Head { report: told, runs: self.runs, checksum, rules: self.rules };
        let head = postcard::to_stdvec(&head).map_err(io::Error::other)?;
        let head_len = u32::try_from(head.len()).map_err(io::Error::other)?;
        let out = self.out.out;
        out.write_all(&head)?;
        out.write_all(&head_len.to_le_bytes())?;
        out.write_all(&crc32fast::hash(&head).to_le_bytes())?;
        out.write_all(MARK)
    }
}

fn bound(count: &mut usize, most: usize, what: &str) -> Result<(), Refused> {
    *count += 1;
    if *count <= most {
        return Ok(());
    }
    Err(Refused::new(Mistake::TooLong, format!("a list may hold {most} {what}; this one is beyond")))
}

/// Counts and sums up what goes through it.
struct Counted<'a> {
    out: &'a mut dyn Write,
    len: u64,
    checksum: crc32fast::Hasher,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.checksum.update(&bytes[..len]);
        self.len += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
