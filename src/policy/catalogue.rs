//! The catalogue: files that say of each name whose it is, what goes there, and what stops when it is muted.
//!
//! A file with a mistake is refused as a whole, with line and column: half a catalogue would be missing guards.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::builder::Builder;
use super::list::{ListId, ListReport, Tier};
use super::name::Name;
use super::patterns;
use super::rule::{Reach, listed_name};
use super::ruleset::{By, Entry, Hit};

/// What the catalogue knows about a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Label {
    /// Who runs the service.
    pub vendor: Arc<str>,
    /// Who that is, in one sentence. Told once for all names of a vendor, so a label does not carry it out.
    #[serde(skip)]
    pub about: Arc<str>,
    /// The program or service.
    pub product: Arc<str>,
    /// What for: analytics, ads, crash, config, cloud, update, push, account, location, browser, voice, tv-acr, other.
    pub purpose: Arc<str>,
    /// What goes there, in one sentence.
    pub sends: String,
    /// What stops working when it is muted; empty where nothing is known to.
    pub breaks: String,
    /// Regions that the name or its source claims.
    pub regions: Vec<String>,
    /// Block, watch or never.
    pub class: Class,
    /// Where this is known from.
    pub sources: Vec<String>,
}

/// How the catalogue sorts a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Telemetry that nothing needs.
    Block,
    /// Telemetry that something needs, or that is not certain.
    Watch,
    /// Login, update, push, clock, captive check, Find Device: no list may block it.
    Never,
}

/// What a name may be for.
const PURPOSES: [&str; 13] = [
    "analytics",
    "ads",
    "crash",
    "config",
    "cloud",
    "update",
    "push",
    "account",
    "location",
    "browser",
    "voice",
    "tv-acr",
    "other",
];

/// A row of the catalogue.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: Label,
    pub(super) tier: Tier,
    /// The name or the family as it is written in the file.
    pub(super) written: Box<str>,
    /// The file.
    pub(super) list: ListId,
}

/// How well a row fits a name: the greatest decides. Longest first; a guard before all of the same length, then an
/// exact name before a subtree.
pub(super) type Fit = (usize, bool, bool, bool);

impl Row {
    /// How well this row fits the name of `labels` labels that it was found by.
    pub(super) fn fit(&self, hit: &Hit<'_>, labels: usize) -> Fit {
        let (length, exact) = match hit.by {
            By::Labels(length) => (length, !hit.entry.has(Entry::BELOW)),
            By::Pattern(_) => (labels, true),
        };
        (length, self.label.class == Class::Never, exact, self.label.class == Class::Block)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vendor: Arc<str>,
    about: Arc<str>,
    #[serde(default)]
    product: Vec<Product>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    name: Arc<str>,
    purpose: Spanned<Arc<str>>,
    #[serde(default)]
    sends: String,
    #[serde(default)]
    breaks: String,
    #[serde(default, rename = "note")]
    _note: String,
    names: Vec<Spanned<Line>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    block: Option<Spanned<String>>,
    watch: Option<Spanned<String>>,
    never: Option<Spanned<String>>,
    #[serde(default)]
    subtree: bool,
    #[serde(default)]
    regions: Vec<String>,
    #[serde(default)]
    tier: Tier,
    #[serde(default)]
    sources: Vec<String>,
    sends: Option<String>,
    breaks: Option<String>,
    purpose: Option<Spanned<Arc<str>>>,
    #[serde(rename = "note")]
    _note: Option<String>,
}

/// What a row is about.
#[derive(Debug)]
pub(super) enum Subject {
    Name(Name, Reach),
    /// An expression for whole names.
    Family(String),
}

/// A mistake, and where in the file it is.
struct Mistaken {
    at: usize,
    why: String,
}

/// Reads a catalogue file into `rows` and `builder`, all of it or nothing.
pub(super) fn read(content: &[u8], list: ListId, rows: &mut Vec<Row>, builder: &mut Builder, report: &mut ListReport) {
    let read = match rows_of(content) {
        Ok(read) => read,
        Err(why) => return report.refuse(why),
    };
    report.lines = read.len();
    report.names = read.len();
    for (row, subject) in read {
        let number = rows.len() as u32;
        match &subject {
            Subject::Name(name, reach) => builder.add_row(list, name, *reach, number),
            Subject::Family(expression) => builder.add_family(list, expression, number),
        }
        rows.push(Row { list, ..row });
    }
}

/// The rows of a file, or where in it a mistake is.
pub(super) fn rows_of(content: &[u8]) -> Result<Vec<(Row, Subject)>, String> {
    let text = str::from_utf8(content.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(content));
    let text = text.map_err(|_| "encoding: the file is not UTF-8".to_owned())?;
    parse(text).map_err(|Mistaken { at, why }| {
        let (line, column) = line_and_column(text, at);
        format!("line {line}, column {column}: {why}")
    })
}

/// How many rows the catalogue file `content` has.
///
/// # Errors
/// With what is wrong, and where.
pub fn catalogue_rows(content: &[u8]) -> Result<usize, String> {
    rows_of(content).map(|rows| rows.len())
}

fn parse(text: &str) -> Result<Vec<(Row, Subject)>, Mistaken> {
    let file: File = toml::from_str(text)
        .map_err(|error| Mistaken { at: error.span().map_or(0, |span| span.start), why: error.message().to_owned() })?;
    let mut rows = Vec::new();
    for product in &file.product {
        let purpose = purpose(&product.purpose)?;
        for line in &product.names {
            rows.push(row(&file, product, &purpose, line)?);
        }
    }
    Ok(rows)
}

fn row(
    file: &File,
    product: &Product,
    of_product: &Arc<str>,
    line: &Spanned<Line>,
) -> Result<(Row, Subject), Mistaken> {
    let at = line.span().start;
    let line = line.get_ref();
    let (class, written) = match (&line.block, &line.watch, &line.never) {
        (Some(name), None, None) => (Class::Block, name),
        (None, Some(name), None) => (Class::Watch, name),
        (None, None, Some(name)) => (Class::Never, name),
        _ => return Err(Mistaken { at, why: "a name needs exactly one of block, watch and never".into() }),
    };
    let subject = subject(written.get_ref(), line.subtree).map_err(|why| Mistaken { at: written.span().start, why })?;
    let label = Label {
        vendor: file.vendor.clone(),
        about: file.about.clone(),
        product: product.name.clone(),
        purpose: line.purpose.as_ref().map(purpose).transpose()?.unwrap_or_else(|| of_product.clone()),
        sends: line.sends.as_ref().unwrap_or(&product.sends).clone(),
        breaks: line.breaks.as_ref().unwrap_or(&product.breaks).clone(),
        regions: line.regions.clone(),
        class,
        sources: line.sources.clone(),
    };
    Ok((Row { label, tier: line.tier, written: written.get_ref().as_str().into(), list: ListId::default() }, subject))
}

fn subject(written: &str, subtree: bool) -> Result<Subject, String> {
    let Some(family) = written.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) else {
        let name = listed_name(written).map_err(|refused| refused.why)?;
        return Ok(Subject::Name(name, if subtree { Reach::Subtree } else { Reach::Exact }));
    };
    if subtree {
        return Err("a family of names is matched as a whole and has no subtree".into());
    }
    let whole = format!("^(?:{family})$");
    patterns::compile(&whole)?;
    Ok(Subject::Family(whole))
}

fn purpose(given: &Spanned<Arc<str>>) -> Result<Arc<str>, Mistaken> {
    if PURPOSES.contains(&&**given.get_ref()) {
        return Ok(given.get_ref().clone());
    }
    let why = format!("{:?} is no purpose; one of: {}", given.get_ref(), PURPOSES.join(", "));
    Err(Mistaken { at: given.span().start, why })
}

/// Both counted from 1, the column in characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::super::{
        Action, Asker, Class, DeviceId, Format, ListSource, Name, Policy, PolicySources, ProfileId, Tier, Verdict,
    };
    use crate::time::Timestamp;

    const FILE: &str = r#"
vendor = "Maker"
about  = "Phones."

[[product]]
name    = "Stat"
purpose = "analytics"
sends   = "What was opened."
names = [
  { block = "stat.example", subtree = true, regions = ["CN"], sources = ["a", "b"] },
  { watch = "themes.stat.example", breaks = "Themes do not load." },
  { never = "account.stat.example", subtree = true, purpose = "account", breaks = "You cannot sign in." },
  { block = "one.example", tier = "thorough" },
  { block = '/^acr-[a-z]{2}\.cloud\.example$/' },
]
"#;

    fn source(name: &str, format: Format, tier: Tier, content: &str) -> ListSource {
        let content = Ok(content.as_bytes().into());
        ListSource { name: name.into(), action: Action::Block, format, trusted: true, tier, content }
    }

    fn verdict(policy: &Policy, name: &str) -> Verdict {
        let device = DeviceId::Named("phone".into());
        let address = [127, 0, 0, 1].into();
        let asker = Asker { device: &device, joined: &[], profile: ProfileId::default(), address, name: "", tags: &[] };
        policy.judge(&asker, Name::parse(name).unwrap().as_ref(), 1, Timestamp::default()).verdict
    }

    #[test]
    fn the_longest_match_decides_and_guards_hold_against_other_lists() {
        let others =
            source("x", Format::Auto, Tier::Careful, "||stat.example^$important\n||one.example^$dnsrewrite=NXDOMAIN");
        for (tier, one) in [(Tier::Careful, Verdict::Watch), (Tier::Thorough, Verdict::Block)] {
            let lists = vec![source("maker", Format::Auto, tier, FILE)];
            let policy = Policy::compile(PolicySources { lists, ..PolicySources::default() });
            assert_eq!((policy.lists()[0].format, policy.lists()[0].names), (Format::Catalogue, 5));
            for (name, expected) in [
                ("stat.example", Verdict::Block),
                ("a.stat.example", Verdict::Block),
                ("themes.stat.example", Verdict::Watch),
                ("a.themes.stat.example", Verdict::Block),
                ("eu.account.stat.example", Verdict::Pass),
                ("acr-eu.cloud.example", Verdict::Block),
                ("x.acr-eu.cloud.example", Verdict::Pass),
                ("one.example", one),
            ] {
                assert_eq!(verdict(&policy, name), expected, "{name}");
            }
        }
        let lists = vec![others, source("maker", Format::Auto, Tier::Careful, FILE)];
        let policy = Policy::compile(PolicySources { lists, ..PolicySources::default() });
        assert_eq!(verdict(&policy, "account.stat.example"), Verdict::Allow);
        assert_eq!(verdict(&policy, "themes.stat.example"), Verdict::Block);
    }

    #[test]
    fn a_label_says_what_the_row_and_its_product_say() {
        let lists = vec![source("maker", Format::Catalogue, Tier::Careful, FILE)];
        let policy = Policy::compile(PolicySources { lists, ..PolicySources::default() });
        let label = |name: &str| policy.label(Name::parse(name).unwrap().as_ref()).cloned();
        let account = label("eu.account.stat.example").unwrap();
        assert_eq!((&*account.vendor, &*account.purpose, account.class), ("Maker", "account", Class::Never));
        assert_eq!(label("stat.example").unwrap().sends, "What was opened.");
        assert_eq!(label("other.example"), None);
    }

    #[test]
    fn a_mistake_refuses_the_file_with_line_and_column() {
        for (right, wrong, place) in [
            ("about  =", "abuot  =", "line 3, column 1"),
            ("purpose = \"analytics\"", "purpose = \"spying\"", "line 7, column 11"),
            ("block = \"one.example\"", "block = \"one..example\"", "line 13, column 13"),
            ("{ block = \"one.example\"", "{ block = \"one.example\", watch = \"x.example\"", "line 13, column 3"),
            ("tier = \"thorough\"", "teir = \"thorough\"", "line 13, column 28"),
            ("[a-z]{2}", "(?=a)", "line 14, column 13"),
            ("regions = [", "regions = ", "line 10,"),
        ] {
            let content = FILE.replacen(right, wrong, 1);
            let lists = vec![source("maker", Format::Catalogue, Tier::Careful, &content)];
            let policy = Policy::compile(PolicySources { lists, ..PolicySources::default() });
            let problem = policy.lists()[0].problem.clone().unwrap_or_default();
            assert!(problem.starts_with(place), "{wrong}: {problem}");
            assert_eq!(verdict(&policy, "stat.example"), Verdict::Pass, "{wrong}");
        }
    }
}
