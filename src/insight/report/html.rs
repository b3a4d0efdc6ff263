//! A report as one page that needs nothing else: no script, no picture, nothing from anywhere. Names come from strangers and
//! are only ever text.

use std::fmt::Write as _;

use jiff::tz::{Offset, TimeZone};

use super::Report;
use super::escape::escape;
use super::told::Told;
use super::words::{Sums, Words};
use crate::insight::compare::resolved;
use crate::insight::{Counts, HourCounts, Language, NameCounts};
use crate::policy::Action;
use crate::time::Timestamp;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1b1d1c;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    h1{font-size:24px}h2{font-size:18px;margin-top:2rem}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.25rem .5rem;border-top:1px solid #e4e4df;vertical-align:top}\
    .n{text-align:right;font-variant-numeric:tabular-nums}.q{color:#5d625f;font-weight:400}.heat td,.heat th{font-size:12px;padding:.15rem;text-align:right}\
    .night{background:#f1f1ee}tr{break-inside:avoid}";
const HOURS_AT_NIGHT: usize = 6;

/// Writes `report` as a page.
pub(super) fn html(report: &Report) -> String {
    let language = report.language;
    let (words, told) = (Words::of(language), Told::new(language));
    let mut page = Page { text: String::new(), zone: zone(report.utc_offset_minutes), language, words, told };
    // Writing to a text cannot fail.
    let _ = page.write(report);
    page.text
}

struct Page {
    text: String,
    zone: TimeZone,
    language: Language,
    words: &'static Words,
    told: Told,
}

impl Page {
    fn write(&mut self, report: &Report) -> std::fmt::Result {
        let Words { report: title, period, blind, written, .. } = self.words;
        let name = escape(&report.device.name);
        let (from, to) = (self.time(report.exposure.from), self.time(report.exposure.to));
        write!(
            self.text,
            "<!doctype html><html lang={}><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
             <title>{title}: {name} · sordino</title><style>{STYLE}</style><h1>{title}: <bdi>{name}</bdi></h1><p>{}</p>",
            self.language.tag(),
            period(&from, &to, &offset(report.utc_offset_minutes))
        )?;
        self.summary(report)?;
        self.about(report)?;
        self.hearers(report)?;
        self.hours(&report.exposure.telemetry_hours)?;
        self.compared(report)?;
        self.let_through(&report.let_through)?;
        self.firsts(report)?;
        self.lists(report)?;
        write!(self.text, "<h2>{blind}</h2><ul>")?;
        for line in report.cannot_see {
            write!(self.text, "<li>{}", escape(line))?;
        }
        let made = self.time(report.made);
        write!(self.text, "</ul><p class=q>{}</p></html>", written(&escape(report.version), &made))
    }

    fn summary(&mut self, report: &Report) -> std::fmt::Result {
        let vendors = &report.exposure.vendors;
        let sum = vendors.iter().fold(Counts::default(), |sum, vendor| sum.and(vendor.counts));
        let sums = Sums {
            asked: report.exposure.totals.total(),
            telemetry: sum.total(),
            makers: vendors.len(),
            muted: sum.muted,
            at_night: report.exposure.at_night,
        };
        write!(self.text, "<p>{}</p>", (self.words.summary)(&sums))
    }

    fn about(&mut self, report: &Report) -> std::fmt::Result {
        let Words { device: title, mac, maker, addresses, profile, first_seen, last_seen, unknown, .. } = self.words;
        let device = &report.device;
        let (first, last) = (self.time(device.first_seen), self.time(device.last_seen));
        write!(self.text, "<h2>{title}</h2><table>")?;
        for (what, value) in [
            (mac, device.mac.as_deref().unwrap_or(unknown)),
            (maker, device.maker.as_deref().unwrap_or(unknown)),
            (addresses, &device.addresses.join(", ")),
            (profile, &device.profile),
            (first_seen, &first),
            (last_seen, &last),
        ] {
            write!(self.text, "<tr><th>{what}<td><bdi>{}</bdi>", escape(value))?;
        }
        write!(self.text, "</table>")
    }

    fn hearers(&mut self, report: &Report) -> std::fmt::Result {
        let Words { hears, hears_none, hearer, purpose, asked, muted, sends, breaks, .. } = self.words;
        write!(self.text, "<h2>{hears}</h2>")?;
        if report.exposure.vendors.is_empty() {
            return write!(self.text, "<p>{hears_none}</p>");
        }
        write!(self.text, "<table><tr><th>{hearer}<th>{purpose}<th class=n>{asked}<th class=n>{muted}")?;
        for vendor in &report.exposure.vendors {
            let (name, regions) = (escape(&vendor.vendor), escape(&vendor.regions.join(", ")));
            let (about, figures) = (self.told(&vendor.about), self.figures(&vendor.counts));
            write!(self.text, "<tr><th><bdi>{name}</bdi> <span class=q>{regions}<br>{about}</span><td>{figures}")?;
            for product in &vendor.products {
                // A product's name is its own in any language, unless it describes.
                let name = escape(self.told.text(&product.product));
                let figures = self.figures(&product.counts);
                write!(self.text, "<tr><td><bdi>{name}</bdi>")?;
                let label = product.names.first().and_then(|name| name.label.as_ref());
                for (what, said) in label.map(|label| [(sends, &label.sends), (breaks, &label.breaks)]).iter().flatten()
                {
                    if !said.is_empty() {
                        let said = self.told(said);
                        write!(self.text, "<br><span class=q>{what}: {said}</span>")?;
                    }
                }
                write!(self.text, "<td>{}{figures}", escape(self.words.purpose_word(&product.purpose)))?;
                for name in &product.names {
                    let figures = self.figures(&name.counts);
                    write!(self.text, "<tr><td class=q><bdi>{}</bdi><td>{figures}", escape(&name.name.to_string()))?;
                }
            }
        }
        write!(self.text, "</table>")
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
        write!(self.text, "<h2>{}</h2><table class=heat><tr><th>", self.words.hours)?;
        for hour in 0..24 {
            write!(self.text, "<th>{hour}")?;
        }
        for (day, sums) in self.language.weekdays().iter().zip(&sums) {
            write!(self.text, "<tr><th>{day}")?;
            for (hour, sum) in sums.iter().enumerate() {
                let night = if hour < HOURS_AT_NIGHT { " class=night" } else { "" };
                write!(self.text, "<td{night}>{}", self.language.number(*sum))?;
            }
        }
        write!(self.text, "</table><p class=q>{}</p>", self.words.hours_note)
    }

    fn compared(&mut self, report: &Report) -> std::fmt::Result {
        let Words { compared: title, before, maker, then, now, new_names, .. } = self.words;
        let compared = &report.compared;
        let (from, to) = (self.time(compared.from), self.time(compared.to));
        write!(self.text, "<h2>{title}</h2><p>{}</p>", before(&from, &to, compared.totals.total()))?;
        if compared.vendors.is_empty() {
            return Ok(());
        }
        write!(self.text, "<table><tr><th>{maker}<th class=n>{then}<th class=n>{now}<th>{new_names}")?;
        for vendor in &compared.vendors {
            let names: Vec<_> = vendor.new_names.iter().map(|name| escape(&name.to_string())).collect();
            let (name, names) = (escape(&vendor.vendor), names.join("<br>"));
            let (then, now) = (self.language.number(vendor.before), self.language.number(vendor.now));
            write!(self.text, "<tr><td><bdi>{name}</bdi><td class=n>{then}<td class=n>{now}<td>{names}")?;
        }
        write!(self.text, "</table>")
    }

    fn let_through(&mut self, names: &[NameCounts]) -> std::fmt::Result {
        let Words { through, through_none, name, maker, answered, .. } = self.words;
        write!(self.text, "<h2>{through}</h2>")?;
        if names.is_empty() {
            return write!(self.text, "<p>{through_none}</p>");
        }
        write!(self.text, "<table><tr><th>{name}<th>{maker}<th class=n>{answered}")?;
        for name in names {
            let maker = name.label.as_ref().map(|label| escape(&label.vendor)).unwrap_or_default();
            let (text, answered) = (escape(&name.name.to_string()), self.language.number(resolved(&name.counts)));
            write!(self.text, "<tr><td><bdi>{text}</bdi><td><bdi>{maker}</bdi><td class=n>{answered}")?;
        }
        write!(self.text, "</table>")
    }

    fn firsts(&mut self, report: &Report) -> std::fmt::Result {
        let Words { firsts, firsts_none, name, maker, when, .. } = self.words;
        write!(self.text, "<h2>{firsts}</h2>")?;
        if report.firsts.is_empty() {
            return write!(self.text, "<p>{firsts_none}</p>");
        }
        write!(self.text, "<table><tr><th>{name}<th>{maker}<th>{when}")?;
        for first in &report.firsts {
            let maker = first.label.as_ref().map(|label| escape(&label.vendor)).unwrap_or_default();
            let (name, when) = (escape(&first.name.to_string()), self.time(first.first));
            write!(self.text, "<tr><td><bdi>{name}</bdi><td><bdi>{maker}</bdi><td>{when}")?;
        }
        write!(self.text, "</table>")
    }

    fn lists(&mut self, report: &Report) -> std::fmt::Result {
        let Words { lists, list, does, names, as_of, own_file, blocks, watches, allows, .. } = self.words;
        write!(self.text, "<h2>{lists}</h2><table><tr><th>{list}<th>{does}<th class=n>{names}<th>{as_of}")?;
        for list in &report.lists {
            let does = match list.action {
                Action::Block => blocks,
                Action::Watch => watches,
                Action::Allow => allows,
            };
            let since = list.fetched.map_or_else(|| (*own_file).to_owned(), |at| self.time(at));
            let (name, names) = (escape(&list.name), self.language.number(list.names));
            write!(self.text, "<tr><td><bdi>{name}</bdi><td>{does}<td class=n>{names}<td>{since}")?;
        }
        write!(self.text, "</table>")
    }

    fn figures(&self, counts: &Counts) -> String {
        let [total, muted] = [counts.total(), counts.muted].map(|n| self.language.number(n));
        format!("<td class=n>{total}<td class=n>{muted}")
    }

    /// A text of the catalogue; one that stays in another language than the page says in which.
    fn told(&self, text: &str) -> String {
        let (text, language) = self.told.tell(text);
        if text.is_empty() || language == self.language {
            return escape(text);
        }
        format!("<span lang={}>{}</span>", language.tag(), escape(text))
    }

    fn time(&self, at: Timestamp) -> String {
        moment(at, &self.zone).map(|at| self.language.moment(&at)).unwrap_or_default()
    }
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
