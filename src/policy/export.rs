//! The catalogue, written for people who use something else.
//!
//! A format says what it can and nothing more: a row that it would stretch over names of another class is left out, and
//! named in a comment at the end. So whoever mutes by the file mutes what the catalogue mutes, or less.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::catalogue::{self, Class, Row, Subject};
use super::list::{Format, Tier};
use super::name::Name;
use super::rule::Reach;

/// Which rows to write, and how.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Adblock, hosts, names, RPZ, dnsmasq or unbound.
    pub format: Format,
    /// The classes to mute. Guards are written as exceptions whatever stands here, where the format has such.
    pub classes: Vec<Class>,
    /// Only of these vendors, whatever their case; of all where there is none.
    pub vendors: Vec<String>,
    /// Whether a `block` row that one source alone knows is muted, or counts as `watch`.
    pub tier: Tier,
}

/// Rows of the catalogue, read to be written in another format.
#[derive(Debug, Default)]
pub struct Export {
    rows: Vec<(Row, Subject)>,
}

impl Export {
    /// Takes a file of the catalogue in.
    ///
    /// # Errors
    /// With line and column, when it is none.
    pub fn add(&mut self, content: &[u8]) -> Result<(), String> {
        self.rows.append(&mut catalogue::rows_of(content)?);
        Ok(())
    }

    /// The vendors of its rows, each once, in the order of the alphabet.
    pub fn vendors(&self) -> BTreeSet<&str> {
        self.rows.iter().map(|(row, _)| &*row.label.vendor).collect()
    }

    /// The list that `selection` asks for. A format that is none to write in gives the header alone.
    pub fn write(&self, selection: &Selection) -> String {
        let mut page =
            Page { format: selection.format, body: String::new(), muted: 0, guards: 0, left_out: Vec::new() };
        let wanted = |row: &Row| {
            selection.vendors.is_empty()
                || selection.vendors.iter().any(|vendor| vendor.eq_ignore_ascii_case(&row.label.vendor))
        };
        let (mut guards, mut muted, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (row, subject) in &self.rows {
            match class_in_force(row, selection.tier) {
                Class::Never if wanted(row) => guards.push((row, subject)),
                class if class != Class::Never && selection.classes.contains(&class) && wanted(row) => {
                    muted.push((row, subject));
                }
                class => others.push((class, subject)),
            }
        }
        for (row, subject) in &muted {
            let class = class_in_force(row, selection.tier);
            // A narrower row of a class that is muted more readily takes no harm from a wider one.
            let spared = others
                .iter()
                .filter(|(other, _)| *other == Class::Never || class == Class::Block)
                .map(|(_, subject)| *subject);
            page.mute(row, subject, &guards, spared);
        }
        for (row, subject) in &guards {
            page.guard(row, subject);
        }
        page.finish()
    }
}

fn class_in_force(row: &Row, tier: Tier) -> Class {
    match row.label.class {
        Class::Block if row.tier == Tier::Thorough && tier == Tier::Careful => Class::Watch,
        class => class,
    }
}

/// What is written so far.
struct Page {
    format: Format,
    body: String,
    muted: usize,
    guards: usize,
    /// What could not be said, and why.
    left_out: Vec<(String, &'static str)>,
}

impl Page {
    fn mute<'a>(
        &mut self,
        row: &Row,
        subject: &Subject,
        guards: &[(&Row, &Subject)],
        mut spared: impl Iterator<Item = &'a Subject>,
    ) {
        let (name, reach) = match subject {
            Subject::Family(expression) if self.format == Format::Adblock => {
                self.muted += 1;
                return self.line(&format!("/{expression}/"));
            }
            Subject::Family(_) => return self.leave_out(row, "this format has no regular expressions"),
            Subject::Name(name, reach) => (name, self.reach(*reach)),
        };
        let mut guards = guards.iter().map(|(_, guard)| *guard);
        if self.has_exceptions() {
            if guards.any(|guard| covers(guard, name)) {
                return self.leave_out(row, "it stands below a guard, and exceptions win in this format");
            }
        } else if reach == Reach::Subtree && guards.any(|guard| is_below(guard, name)) {
            return self.leave_out(row, "a guard stands below it, and this format has no exceptions");
        }
        if reach == Reach::Subtree && spared.any(|other| is_below(other, name)) {
            return self.leave_out(row, "names below it are not to be muted, and this format cannot tell them apart");
        }
        self.muted += 1;
        let subtree = reach == Reach::Subtree;
        match self.format {
            Format::Adblock => self.line(&if subtree { format!("||{name}^") } else { format!("|{name}^") }),
            Format::Hosts => self.line(&format!("0.0.0.0 {name}")),
            Format::Rpz => self.records(name, subtree, "."),
            Format::Dnsmasq => self.line(&format!("local=/{name}/")),
            Format::Unbound if subtree => self.line(&format!("  local-zone: \"{name}.\" always_null")),
            Format::Unbound => {
                self.line(&format!("  local-data: \"{name}. 10 IN A 0.0.0.0\""));
                self.line(&format!("  local-data: \"{name}. 10 IN AAAA ::\""));
            }
            Format::Names | Format::Wildcard | Format::Catalogue | Format::Auto => self.line(&name.to_string()),
        }
    }

    fn guard(&mut self, row: &Row, subject: &Subject) {
        match (self.format, subject) {
            (Format::Adblock, Subject::Family(expression)) => self.line(&format!("@@/{expression}/")),
            (Format::Adblock, Subject::Name(name, Reach::Subtree)) => self.line(&format!("@@||{name}^")),
            (Format::Adblock, Subject::Name(name, _)) => self.line(&format!("@@|{name}^")),
            (Format::Rpz, Subject::Name(name, reach)) => self.records(name, *reach == Reach::Subtree, "rpz-passthru."),
            _ => return self.leave_out(row, "a guard, and this format has no exceptions"),
        }
        self.guards += 1;
    }

    fn records(&mut self, name: &Name, subtree: bool, target: &str) {
        self.line(&format!("{name} CNAME {target}"));
        if subtree {
            self.line(&format!("*.{name} CNAME {target}"));
        }
    }

    /// How far below the name the format's rule for it reaches.
    fn reach(&self, reach: Reach) -> Reach {
        match self.format {
            Format::Adblock | Format::Rpz | Format::Unbound => reach,
            Format::Dnsmasq => Reach::Subtree,
            _ => Reach::Exact,
        }
    }

    fn has_exceptions(&self) -> bool {
        matches!(self.format, Format::Adblock | Format::Rpz)
    }

    fn leave_out(&mut self, row: &Row, why: &'static str) {
        self.left_out.push((row.written.to_string(), why));
    }

    fn line(&mut self, text: &str) {
        self.body += text;
        self.body.push('\n');
    }

    fn finish(self) -> String {
        let mark = match self.format {
            Format::Adblock => '!',
            Format::Rpz => ';',
            _ => '#',
        };
        let mut text = String::new();
        let mut remark = |what: &str| {
            let _ = writeln!(text, "{mark} {what}");
        };
        remark("Title: sordino's catalogue of telemetry");
        remark(&format!("Version: {}", env!("CARGO_PKG_VERSION")));
        remark(&format!("License: {}", env!("CARGO_PKG_LICENSE")));
        remark(&format!("Muted: {}; guards: {}; left out: {}", self.muted, self.guards, self.left_out.len()));
        match self.format {
            Format::Hosts | Format::Names => {
                remark("This format is about single names: what is below them is not muted.")
            }
            Format::Dnsmasq => remark("This format is about zones: what is below a name is muted with it."),
            Format::Rpz => text += "$TTL 300\n@ SOA localhost. root.localhost. 1 3600 600 86400 300\n@ NS localhost.\n",
            Format::Unbound => text += "server:\n",
            _ => {}
        }
        text += &self.body;
        for (what, why) in &self.left_out {
            let _ = writeln!(text, "{mark} left out: {what} ({why})");
        }
        text
    }
}

/// Whether `subject` is about `name`, or with a subtree about a name above it.
fn covers(subject: &Subject, name: &Name) -> bool {
    match subject {
        Subject::Name(own, Reach::Subtree) => name.as_ref().is_in(own.as_ref()),
        Subject::Name(own, _) => own == name,
        Subject::Family(_) => false,
    }
}

/// Whether `subject` is about a name below `zone`.
fn is_below(subject: &Subject, zone: &Name) -> bool {
    matches!(subject, Subject::Name(own, _) if own != zone && own.as_ref().is_in(zone.as_ref()))
}
