//! Lists as they come: bytes into lines, lines into rules. Every line is a rule, is nothing, or is refused with its number.

pub(super) mod adblock;
mod address;
mod detect;
mod dnsmasq;
mod mixed;
mod rpz;
mod text;
mod unbound;
mod width;

use std::io::{self, BufRead};

use self::adblock::{Surroundings, Written};
use super::list::{Format, ListReport};
use super::rule::{Mistake, Refused};

pub(super) use self::detect::detect;

/// Rules that one list may hold.
pub const MAX_RULES: usize = 5_000_000;
/// Octets of a line; a longer one is refused. Hosts files with hundreds of names on a line exist.
pub const MAX_LINE: usize = 16 * 1024;

/// From how many lines on, and of which share of them, a list is seen to be one for browsers.
const BROWSER_LIST_LINES: usize = 100;

/// What became of a rule.
#[derive(Debug)]
pub(super) enum Taken {
    InForce,
    /// Held back until the operator confirms it; why, in words.
    Quarantined(String),
}

/// Reads `content`, which starts with `begin`, as `format`; gives each rule to `take`, and tells in `report` what became
/// of it. Where the report ends up with a problem, what was taken must not be in force.
pub(super) fn read(
    begin: &[u8],
    content: &mut impl BufRead,
    format: Format,
    trusted: bool,
    report: &mut ListReport,
    mut take: impl FnMut(Written) -> Result<Taken, Refused>,
) -> io::Result<()> {
    match text::check(begin) {
        Ok(mark) => {
            // What was not looked at cannot be passed over.
            content.fill_buf()?;
            content.consume(mark);
        }
        Err(problem) => {
            report.refuse(problem);
            return Ok(());
        }
    }
    let mut reader = LineReader::of(format, trusted);
    let mut rules = Vec::new();
    let mut for_browsers = 0;
    let mut odd = text::Odd::default();
    let mut lines = text::Lines::new(content);
    let mut number = 0;
    while let Some(line) = lines.next()? {
        number += 1;
        odd.count(line);
        rules.clear();
        let read = text::printable(line).and_then(|line| reader.read(line, &mut rules));
        let (names, held_back) = (rules.len(), report.quarantined);
        let taken = read.and_then(|()| {
            rules.drain(..).try_for_each(|rule| {
                if let Taken::Quarantined(why) = take(rule)? {
                    report.hold_back(number, why);
                }
                Ok(())
            })
        });
        match taken {
            Ok(()) if names > 0 => {
                report.lines += 1;
                report.names += names - (report.quarantined - held_back);
            }
            Ok(()) => {}
            Err(refused) => {
                let browser = matches!(refused.mistake, Mistake::NotDns | Mistake::UnsupportedModifier);
                for_browsers += usize::from(browser);
                report.reject(number, refused.mistake.as_str(), refused.why);
            }
        }
        if report.names > MAX_RULES {
            report.refuse(format!("it has more than {MAX_RULES} rules"));
            return Ok(());
        }
    }
    if let Some(problem) = odd.problem().or_else(|| unfit(report, for_browsers)) {
        report.refuse(problem);
    }
    Ok(())
}

/// Why a list that could be read is still none to put in force.
fn unfit(report: &ListReport, for_browsers: usize) -> Option<String> {
    let all = report.lines + report.rejected;
    if report.rejected >= 50 && report.lines * 50 < report.rejected {
        return Some(format!("only {} of {all} lines could be read; this is not a list of names", report.lines));
    }
    // What is left of such a list was written for pages that a browser shows, too: a whole name would be muted where
    // its author wanted an element of a page to go.
    (all >= BROWSER_LIST_LINES && for_browsers * 2 > all).then(|| {
        format!("{for_browsers} of {all} lines are for browsers, not for DNS; take the edition of this list for DNS")
    })
}

/// The reader of one list, with what it remembers from line to line.
enum LineReader {
    Mixed(Surroundings),
    Rpz(rpz::Zone),
    Dnsmasq { trusted: bool },
    Unbound(unbound::Config),
}

impl LineReader {
    fn of(format: Format, trusted: bool) -> Self {
        let star_covers_apex = format == Format::Wildcard;
        match format {
            Format::Rpz => Self::Rpz(rpz::Zone::new(trusted)),
            Format::Dnsmasq => Self::Dnsmasq { trusted },
            Format::Unbound => Self::Unbound(unbound::Config::new(trusted)),
            Format::Auto | Format::Catalogue | Format::Names | Format::Hosts | Format::Wildcard | Format::Adblock => {
                Self::Mixed(Surroundings { trusted, star_covers_apex })
            }
        }
    }

    /// Adds the rules on `line` to `rules`; none for a comment, a header or what else says nothing.
    fn read(&mut self, line: &str, rules: &mut Vec<Written>) -> Result<(), Refused> {
        match self {
            Self::Mixed(around) => mixed::read(line.trim(), *around, rules),
            Self::Rpz(zone) => zone.read(line, rules),
            Self::Dnsmasq { trusted } => dnsmasq::read(line.trim(), *trusted, rules),
            Self::Unbound(config) => config.read(line.trim(), rules),
        }
    }
}

impl From<super::rule::Rule> for Written {
    fn from(rule: super::rule::Rule) -> Self {
        Self { rule, badfilter: false }
    }
}
