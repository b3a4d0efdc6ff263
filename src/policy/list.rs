//! Lists: what comes in, and what became of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::rule::Mistake;

/// What a list, or a rule of the operator, does with the names it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Give the blocking answer.
    Block,
    /// Resolve, and count.
    Watch,
    /// Resolve, whatever other lists say.
    Allow,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Found out from the content.
    #[default]
    Auto,
    /// sordino's labelled catalogue (TOML).
    Catalogue,
    /// One name a line.
    Names,
    /// `0.0.0.0 name`.
    Hosts,
    /// `*.name`: the name and what is below it.
    Wildcard,
    /// AdGuard's DNS rule language.
    Adblock,
    /// A response policy zone.
    Rpz,
    /// `local=/name/`.
    Dnsmasq,
    /// `local-zone: "name" always_null`.
    Unbound,
}

/// How much of the catalogue is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Names that more than one source knows. Those of the thorough tier are only watched.
    #[default]
    Careful,
    /// Names of a single source as well.
    Thorough,
}

/// A list as the configuration names it, with its content.
#[derive(Clone, Debug)]
pub struct ListSource {
    /// Its name; unique.
    pub name: Arc<str>,
    /// What it does with the names in it.
    pub action: Action,
    /// How it is written.
    pub format: Format,
    /// Whether its rewrites and `$important` count.
    pub trusted: bool,
    /// Which tier of a catalogue is in force; lists in other formats have no tiers.
    pub tier: Tier,
    /// What it is made of, or one sentence on why there is nothing.
    pub content: Result<Content, String>,
}

/// What a list is made of.
#[derive(Clone, Debug)]
pub enum Content {
    /// Its bytes as they came: files of the catalogue, and small things.
    Bytes(Arc<[u8]>),
    /// The list compiled by itself.
    Part(Part),
}

impl<T: Into<Arc<[u8]>>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// Which list, by its place in [`Policy::lists`](super::Policy::lists).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListId(pub u16);

impl Default for ListId {
    /// No list's.
    fn default() -> Self {
        Self(u16::MAX)
    }
}

/// What became of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ListReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub action: Action,
    /// The format it was read as.
    pub format: Format,
    /// Lines that were taken as rules, those in quarantine included.
    pub lines: usize,
    /// Names and patterns in force.
    pub names: usize,
    /// How many lines were refused.
    pub rejected: usize,
    /// The first of them, at most [`MAX_EXAMPLES`].
    pub examples: Vec<RejectedLine>,
    /// Rules that cover a public suffix or much of what people know. They are not in force until the operator confirms
    /// that this list may hold such; see `confirmed` in the configuration.
    pub quarantined: usize,
    /// The first of them, at most [`MAX_EXAMPLES`].
    pub quarantine: Vec<RejectedLine>,
    /// Why nothing of the list is in force, if so.
    pub problem: Option<String>,
}

/// How many refused lines a report shows; all are counted.
pub const MAX_EXAMPLES: usize = 100;

/// A line of a list that is not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RejectedLine {
    /// Counted from 1.
    pub line: usize,
    /// A word for the kind of mistake, as in `unsupported_modifier`.
    pub class: &'static str,
    /// What is wrong, in words.
    pub why: String,
}

impl ListReport {
    /// The report of a list of which nothing was read yet.
    pub(crate) fn of(source: &ListSource) -> Self {
        Self { name: source.name.clone(), action: source.action, ..Self::blank(source.format) }
    }

    /// A report on a list whose name and action others know.
    pub(crate) fn blank(format: Format) -> Self {
        Self {
            name: "".into(),
            action: Action::Block,
            format,
            lines: 0,
            names: 0,
            rejected: 0,
            examples: Vec::new(),
            quarantined: 0,
            quarantine: Vec::new(),
            problem: None,
        }
    }

    /// Counts a rule that is held back, and keeps it while there is room.
    pub(super) fn hold_back(&mut self, line: usize, why: String) {
        self.quarantined += 1;
        if self.quarantine.len() < MAX_EXAMPLES {
            self.quarantine.push(RejectedLine { line, class: Mistake::TooWide.as_str(), why });
        }
    }

    /// Counts a refused line, and keeps it while there is room.
    pub(super) fn reject(&mut self, line: usize, class: &'static str, why: String) {
        self.rejected += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(RejectedLine { line, class, why });
        }
    }

    /// Takes the whole list out of force.
    pub(super) fn refuse(&mut self, problem: String) {
        self.problem = Some(problem);
        self.lines = 0;
        self.names = 0;
    }
}
