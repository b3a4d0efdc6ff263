//! What is muted, for whom, and why. Pure: no I/O, no clock, no runtime; every decision is a function of its arguments.

mod name;
mod verdict;
mod who;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use name::{MAX_LABEL_LEN, MAX_WIRE_LEN, Name, NameRef, NotAName};
pub use verdict::Verdict;
pub use who::{Asker, DeviceId, MacAddr, NotAnIdentity, ProfileId};

use crate::time::Timestamp;

/// The list name under which the operator's own rules appear in events and answers.
pub const OWN_RULES: &str = "own";

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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

/// How a muted name is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// The form of the answer.
    pub answer: BlockingAnswer,
    /// TTL of its records, seconds. Short, so that allowing a name takes effect.
    pub ttl: u32,
}

/// The form of the blocking answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockingAnswer {
    /// `0.0.0.0` and `::`; NODATA for every other type.
    Null,
    /// NXDOMAIN.
    NxDomain,
    /// NODATA.
    NoData,
    /// REFUSED.
    Refused,
    /// Addresses of the operator's choice; NODATA for every other type.
    Addresses {
        /// The answer to A; NODATA if none.
        ipv4: Option<Ipv4Addr>,
        /// The answer to AAAA; NODATA if none.
        ipv6: Option<Ipv6Addr>,
    },
}

impl Default for Blocking {
    fn default() -> Self {
        Self { answer: BlockingAnswer::Null, ttl: 10 }
    }
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
    /// Its bytes, or one sentence on why there are none.
    pub content: Result<Arc<[u8]>, String>,
}

/// A rule of the operator, made in the page or given by `[[rule]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OwnRule {
    /// A number that no other own rule has.
    pub id: u64,
    /// The name it is about.
    pub name: Name,
    /// Whether it covers what is below the name as well.
    pub subtree: bool,
    /// What it does.
    pub action: Action,
    /// For whom.
    pub scope: Scope,
    /// When it was made, milliseconds since the epoch.
    pub since: Timestamp,
    /// When it ends by itself, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// For whom an own rule holds. The narrower scope is asked first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For every device.
    Everyone,
    /// For the devices of one profile.
    Profile(String),
    /// For one device.
    Device(DeviceId),
}

/// Which lists apply to a device, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name; unique.
    pub name: String,
    /// Lists whose action is another one here, or that do not apply at all.
    pub lists: Vec<(String, Option<Action>)>,
}

/// Everything a policy is compiled from.
#[derive(Clone, Debug, Default)]
pub struct PolicySources {
    /// In the order of the configuration.
    pub lists: Vec<ListSource>,
    /// The first is the one of devices without a profile; where there is none, all lists apply as they are.
    pub profiles: Vec<Profile>,
    /// The operator's own rules.
    pub rules: Vec<OwnRule>,
    /// How a muted name is answered.
    pub blocking: Blocking,
}

/// Which list, by its place in [`Policy::lists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListId(pub u16);

/// What became of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ListReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub action: Action,
    /// The format it was read as.
    pub format: Format,
    /// Names and patterns in force.
    pub names: usize,
    /// How many lines were refused.
    pub rejected: usize,
    /// The first of them.
    pub examples: Vec<RejectedLine>,
    /// Why nothing of the list is in force, if so.
    pub problem: Option<String>,
}

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

/// What the catalogue knows about a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Label {
    /// Who runs the service.
    pub vendor: Arc<str>,
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

/// What the policy says of one name, for one device, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// What to do.
    pub verdict: Verdict,
    /// The list that decided, [`OWN_RULES`] for an own rule.
    pub list: Option<Arc<str>>,
    /// The answer that a rule gives in place of the real one.
    pub rewrite: Option<Arc<Rewrite>>,
}

/// An answer given by a rule (`$dnsrewrite`, or an address in a trusted hosts list).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rewrite {
    /// RCODE of the response.
    pub rcode: u8,
    /// The name to resolve instead, answered with a CNAME in front.
    pub alias: Option<Name>,
    /// Records: type and uncompressed RDATA. Only those of the type that was asked are given.
    pub records: Vec<(u16, Box<[u8]>)>,
}

/// Why a name gets the verdict it gets: every rule that names it, the deciding one first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// What is done.
    pub verdict: Verdict,
    /// What the catalogue knows.
    pub label: Option<Label>,
    /// The rules that name it, in order of precedence.
    pub matches: Vec<RuleMatch>,
}

/// A rule that names a name.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RuleMatch {
    /// The list, or [`OWN_RULES`].
    pub list: Arc<str>,
    /// The rule as written, or in the form it is kept in.
    pub rule: String,
    /// What it asks for.
    pub verdict: Verdict,
    /// The step of the order of decision it stands on, in words.
    pub precedence: &'static str,
    /// Who may change it, in words.
    pub changed_by: &'static str,
}

/// The compiled policy: immutable, shared by all queries.
#[derive(Debug, Default)]
pub struct Policy {
    lists: Vec<ListReport>,
    rules: Vec<OwnRule>,
    profiles: Vec<Profile>,
    blocking: Blocking,
}

impl Policy {
    /// Compiles `sources`. Lists that cannot be read are left out and reported, never fatal.
    pub fn compile(sources: PolicySources) -> Self {
        Self { lists: Vec::new(), rules: sources.rules, profiles: sources.profiles, blocking: sources.blocking }
    }

    /// This policy with other own rules; nothing else is compiled again.
    pub fn with_rules(&self, rules: Vec<OwnRule>) -> Self {
        Self { lists: self.lists.clone(), rules, profiles: self.profiles.clone(), blocking: self.blocking }
    }

    /// Judges `name` for `asker`, who asks for `qtype` at `at`.
    pub fn judge(&self, _asker: &Asker<'_>, _name: NameRef<'_>, _qtype: u16, _at: Timestamp) -> Judgement {
        Judgement::default()
    }

    /// Says why [`judge`](Self::judge) decides as it does.
    pub fn explain(&self, _asker: &Asker<'_>, _name: NameRef<'_>, _qtype: u16, _at: Timestamp) -> Explanation {
        Explanation { verdict: Verdict::Pass, label: None, matches: Vec::new() }
    }

    /// What the catalogue knows about `name`: its longest match.
    pub fn label(&self, _name: NameRef<'_>) -> Option<&Label> {
        None
    }

    /// What became of each list, in the order of the configuration.
    pub fn lists(&self) -> &[ListReport] {
        &self.lists
    }

    /// The operator's own rules, those that have ended included.
    pub fn rules(&self) -> &[OwnRule] {
        &self.rules
    }

    /// The profile called `name`.
    pub fn profile(&self, name: &str) -> Option<ProfileId> {
        let place = self.profiles.iter().position(|profile| profile.name == name)?;
        u8::try_from(place).ok().map(ProfileId)
    }

    /// How a muted name is answered.
    pub fn blocking(&self) -> &Blocking {
        &self.blocking
    }
}
