//! A report as one page that needs nothing else: no script, no picture, nothing from anywhere. Names come from strangers and
//! are only ever text.

use std::fmt::Write as _;

use jiff::tz::{Offset, TimeZone};

use super::Report;
use crate::insight::compare::resolved;
use crate::insight::{Counts, HourCounts, NameCounts};
use crate::policy::Action;
use crate::time::Timestamp;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1b1d1c;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    h1{font-size:24px}h2{font-size:18px;margin-top:2rem}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.25rem .5rem;border-top:1px solid #e4e4df;vertical-align:top}\
    .n{text-align:right;font-variant-numeric:tabular-nums}.q{color:#5d625f}.heat td,.heat th{font-size:12px;padding:.15rem;text-align:right}\
    .night{background:#f1f1ee}tr{break-inside:avoid}";
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const HOURS_AT_NIGHT: usize = 6;

/// Writes `report` as a page.
pub(super) fn html(report: &Report) -> String {
    let mut page = Page { text: String::new(), zone: zone(report.utc_offset_minutes) };
    // Writing to a text cannot fail.
    let _ = page.write(report);
    page.text
}

struct Page {
    text: String,
    zone: TimeZone,
}

impl Page {
    fn write(&mut self, report: &Report) -> std::fmt::Result {
        let name = escape(&report.device.name);
        let (from, to) = (self.time(report.exposure.from), self.time(report.exposure.to));
        write!(
            self.text,
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
             <title>{name} · sordino</title><style>{STYLE}</style><h1><bdi>{name}</bdi></h1>\
             <p>From {from} to {to} (UTC{}).</p>",
            offset(report.utc_offset_minutes)
        )?;
        self.sentence(report)?;
        self.about(report)?;
        self.hearers(report)?;
        self.hours(&report.exposure.telemetry_hours)?;
        self.compared(report)?;
        self.let_through(&report.let_through)?;
        self.firsts(report)?;
        self.lists(report)?;
        write!(self.text, "<h2>What DNS cannot see</h2><ul>")?;
        for line in report.cannot_see {
            write!(self.text, "<li>{}</li>", escape(line))?;
        }
        let made = self.time(report.made);
        write!(self.text, "</ul><p class=q>Written {made} by sordino {}.</p></html>", escape(report.version))
    }

    fn sentence(&mut self, report: &Report) -> std::fmt::Result {
        let sum = report.exposure.vendors.iter().fold(Counts::default(), |sum, vendor| sum.and(vendor.counts));
        write!(
            self.text,
            "<p>It asked {} times. {} of that went to names known as telemetry, of {} makers; {} were muted, {} fell between \
             midnight and six.</p>",
            report.exposure.totals.total(),
            sum.total(),
            report.exposure.vendors.len(),
            sum.muted,
            report.exposure.at_night,
        )
    }

    fn about(&mut self, report: &Report) -> std::fmt::Result {
        let device = &report.device;
        let (first, last) = (self.time(device.first_seen), self.time(device.last_seen));
        write!(self.text, "<h2>The device</h2><table>")?;
        for (what, value) in [
            ("Hardware address", device.mac.as_deref().unwrap_or("not known")),
            ("Maker", device.maker.as_deref().unwrap_or("not known")),
            ("Addresses", &device.addresses.join(", ")),
            ("Profile", &device.profile),
            ("First seen", &first),
            ("Last seen", &last),
        ] {
            write!(self.text, "<tr><th>{what}<td><bdi>{}</bdi>", escape(value))?;
        }
        write!(self.text, "</table>")
    }

    fn hearers(&mut self, report: &Report) -> std::fmt::Result {
        write!(self.text, "<h2>Who hears from it</h2>")?;
        if report.exposure.vendors.is_empty() {
            return write!(self.text, "<p>Nothing it asked for is known as telemetry.</p>");
        }
        write!(self.text, "<table><tr><th>Maker, product, name<th>For<th class=n>asked<th class=n>muted")?;
        for vendor in &report.exposure.vendors {
            let regions = escape(&vendor.regions.join(", "));
            let name = escape(&vendor.vendor);
            write!(
                self.text,
                "<tr><th><bdi>{name}</bdi> <span class=q>{regions}<br>{}</span><td>{}",
                escape(&vendor.about),
                figures(&vendor.counts)
            )?;
            for product in &vendor.products {
                let (name, purpose) = (escape(&product.product), escape(&product.purpose));
                write!(self.text, "<tr><td><bdi>{name}</bdi>")?;
                let label = product.names.first().and_then(|name| name.label.as_ref());
                for (what, said) in
                    label.map(|label| [("Sends", &label.sends), ("When muted", &label.breaks)]).iter().flatten()
                {
                    if !said.is_empty() {
                        write!(self.text, "<br><span class=q>{what}: {}</span>", escape(said))?;
                    }
                }
                write!(self.text, "<td>{purpose}{}", figures(&product.counts))?;
                for name in &product.names {
                    self.name(name)?;
                }
            }
        }
        write!(self.text, "</table>")
    }

    fn name(&mut self, name: &NameCounts) -> std::fmt::Result {
        write!(self.text, "<tr><td class=q><bdi>{}</bdi><td>{}", escape(&name.name.to_string()), figures(&name.counts))
    }

    /// Seven rows of 24 hours, as the clock of the reader shows them.
    fn hours(&mut self, hours: &[HourCounts]) -> std::fmt::Result {
        let mut sums = [[0_u64; 24]; 7];
        for hour in hours {
            let Some(at) = moment(hour.hour, &self.zone) else { continue };
            let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
            if let Some(sum) = sums.get_mut(day).and_then(|day| day.get_mut(usize::try_from(at.hour()).unwrap_or(0))) {
                *sum += hour.counts.total();
            }
        }
        write!(self.text, "<h2>When it asks for telemetry</h2><table class=heat><tr><th>")?;
        for hour in 0..24 {
            write!(self.text, "<th>{hour}")?;
        }
        for (day, sums) in DAYS.iter().zip(&sums) {
            write!(self.text, "<tr><th>{day}")?;
            for (hour, sum) in sums.iter().enumerate() {
                let night = if hour < HOURS_AT_NIGHT { " class=night" } else { "" };
                write!(self.text, "<td{night}>{sum}")?;
            }
        }
        write!(self.text, "</table><p class=q>Questions by weekday and hour; the shaded hours are the night.</p>")
    }

    fn compared(&mut self, report: &Report) -> std::fmt::Result {
        let compared = &report.compared;
        let (from, to) = (self.time(compared.from), self.time(compared.to));
        write!(
            self.text,
            "<h2>Compared with the span before</h2><p>{from} to {to}: {} questions in all.</p>",
            compared.totals.total()
        )?;
        if compared.vendors.is_empty() {
            return Ok(());
        }
        write!(self.text, "<table><tr><th>Maker<th class=n>then<th class=n>now<th>New names")?;
        for vendor in &compared.vendors {
            let names: Vec<_> = vendor.new_names.iter().map(|name| escape(&name.to_string())).collect();
            let (name, names) = (escape(&vendor.vendor), names.join("<br>"));
            write!(
                self.text,
                "<tr><td><bdi>{name}</bdi><td class=n>{}<td class=n>{}<td>{names}",
                vendor.before, vendor.now
            )?;
        }
        write!(self.text, "</table>")
    }

    fn let_through(&mut self, names: &[NameCounts]) -> std::fmt::Result {
        write!(self.text, "<h2>Let through, although it is known as telemetry</h2>")?;
        if names.is_empty() {
            return write!(self.text, "<p>Nothing.</p>");
        }
        write!(self.text, "<table><tr><th>Name<th>Maker<th class=n>answered")?;
        for name in names {
            let maker = name.label.as_ref().map(|label| escape(&label.vendor)).unwrap_or_default();
            let (text, answered) = (escape(&name.name.to_string()), resolved(&name.counts));
            write!(self.text, "<tr><td><bdi>{text}</bdi><td><bdi>{maker}</bdi><td class=n>{answered}")?;
        }
        write!(self.text, "</table>")
    }

    fn firsts(&mut self, report: &Report) -> std::fmt::Result {
        write!(self.text, "<h2>Asked for the first time</h2>")?;
        if report.firsts.is_empty() {
            return write!(self.text, "<p>Nothing new.</p>");
        }
        write!(self.text, "<table><tr><th>Name<th>Maker<th>When")?;
        for first in &report.firsts {
            let maker = first.label.as_ref().map(|label| escape(&label.vendor)).unwrap_or_default();
            let (name, when) = (escape(&first.name.to_string()), self.time(first.first));
            write!(self.text, "<tr><td><bdi>{name}</bdi><td><bdi>{maker}</bdi><td>{when}")?;
        }
        write!(self.text, "</table>")
    }

    fn lists(&mut self, report: &Report) -> std::fmt::Result {
        write!(self.text, "<h2>Lists in force</h2><table><tr><th>List<th>Does<th class=n>Names<th>As of")?;
        for list in &report.lists {
            let does = match list.action {
                Action::Block => "mutes",
                Action::Watch => "watches",
                Action::Allow => "allows",
            };
            let since = list.fetched.map_or_else(|| "a file of the house".to_owned(), |at| self.time(at));
            write!(
                self.text,
                "<tr><td><bdi>{}</bdi><td>{does}<td class=n>{}<td>{since}",
                escape(&list.name),
                list.names
            )?;
        }
        write!(self.text, "</table>")
    }

    fn time(&self, at: Timestamp) -> String {
        moment(at, &self.zone).map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
    }
}

fn figures(counts: &Counts) -> String {
    format!("<td class=n>{}<td class=n>{}", counts.total(), counts.muted)
}

fn zone(minutes: i32) -> TimeZone {
    Offset::from_seconds(minutes.saturating_mul(60)).map_or(TimeZone::UTC, TimeZone::fixed)
}

fn moment(at: Timestamp, zone: &TimeZone) -> Option<jiff::Zoned> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at.millis()).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()))
}

fn offset(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
}

/// `text` as text: nothing in it is markup, and what cannot be seen or turns the writing around is spelled out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                spell(&mut escaped, c)
            }
            c if c.is_control() => spell(&mut escaped, c),
            c => escaped.push(c),
        }
    }
    escaped
}

fn spell(escaped: &mut String, c: char) {
    let _ = write!(escaped, "\\u{:04x}", u32::from(c));
}
