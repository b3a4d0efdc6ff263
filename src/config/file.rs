//! The shape of `config.toml`. What is said of a key to operators stands in the comments of the shipped file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::values::{
    Answer, Bytes, Confirmation, ListUse, Listen, Mac, Networks, PasswordHash, Permitted, Server, Span,
};
use crate::dns::{Limits, Strategy};
use crate::local::Bypass;
use crate::policy::{Action, DayOfWeek, Format, GuardId, Tier, TimeOfDay};
use crate::store::{Keeping, Level};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) dns: Dns,
    pub(super) upstream: Upstream,
    pub(super) cache: Cache,
    pub(super) dnssec: Dnssec,
    pub(super) blocking: Blocking,
    pub(super) rebinding: Rebinding,
    pub(super) bypass: Bypass,
    pub(super) local: Vec<Local>,
    pub(super) zone: Vec<Zone>,
    pub(super) list: Vec<List>,
    pub(super) lists: Lists,
    pub(super) profile: Vec<Profile>,
    pub(super) device: Vec<Device>,
    pub(super) house: super::house::House,
    pub(super) notify: super::notify::Notify,
    pub(super) web: Web,
    pub(super) store: Store,
    pub(super) privacy: Privacy,
    pub(super) limits: Option<Spanned<Limits>>,
    pub(super) guards: Guards,
    pub(super) time: Time,
    pub(super) schedule: Vec<Schedule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [time]")]
pub(super) struct Time {
    pub(super) zone: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[schedule]]")]
pub(super) struct Schedule {
    pub(super) name: Spanned<String>,
    pub(super) slots: Spanned<Vec<Slot>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a slot: { days = [\"mon\"], from = \"21:00\", to = \"07:00\" }")]
pub(super) struct Slot {
    #[serde(default)]
    pub(super) days: Option<Spanned<Vec<DayOfWeek>>>,
    pub(super) from: TimeOfDay,
    pub(super) to: TimeOfDay,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [guards]")]
pub(super) struct Guards {
    pub(super) off: Vec<GuardId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [dns]")]
pub(super) struct Dns {
    pub(super) listen: Option<Spanned<Vec<Spanned<Listen>>>>,
    pub(super) allow_from: Option<Spanned<Vec<Permitted>>>,
    pub(super) trusted_forwarders: Option<Spanned<Vec<Permitted>>>,
    pub(super) names: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) ddr: Option<bool>,
    pub(super) tls: Option<Spanned<Way>>,
    pub(super) https: Option<Spanned<Way>>,
    pub(super) quic: Option<Spanned<Way>>,
}

/// `[dns.tls]`, `[dns.https]` and `[dns.quic]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [dns.tls]")]
pub(super) struct Way {
    pub(super) listen: Spanned<Vec<Spanned<Listen>>>,
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    /// Of `[dns.https]` only.
    pub(super) http3: Option<Spanned<bool>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [upstream]")]
pub(super) struct Upstream {
    pub(super) servers: Option<Spanned<Vec<Spanned<Server>>>>,
    pub(super) bootstrap: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) ca: Option<Spanned<String>>,
    pub(super) route: Vec<Spanned<Route>>,
    pub(super) strategy: Strategy,
    pub(super) trust_ad: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[upstream.route]]")]
pub(super) struct Route {
    pub(super) domains: Spanned<Vec<Spanned<String>>>,
    pub(super) servers: Spanned<Vec<Spanned<Server>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [cache]")]
pub(super) struct Cache {
    pub(super) size: Option<Spanned<Bytes>>,
    pub(super) prefetch: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [dnssec]")]
pub(super) struct Dnssec {
    pub(super) validate: bool,
    pub(super) trust_anchor: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [blocking]")]
pub(super) struct Blocking {
    pub(super) answer: Option<Answer>,
    pub(super) ttl: Option<Spanned<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [rebinding]")]
pub(super) struct Rebinding {
    pub(super) protect: Option<bool>,
    pub(super) except: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[local]]")]
pub(super) struct Local {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) address: Option<OneOrMany>,
    #[serde(default)]
    pub(super) cname: Option<String>,
    #[serde(default)]
    pub(super) txt: Option<OneOrMany>,
    #[serde(default)]
    pub(super) records: Vec<String>,
    #[serde(default)]
    pub(super) ttl: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a text in quotation marks, or several in brackets")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[zone]]")]
pub(super) struct Zone {
    pub(super) name: Spanned<String>,
    pub(super) file: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[list]]")]
pub(super) struct List {
    pub(super) name: Spanned<String>,
    pub(super) source: Spanned<String>,
    #[serde(default = "block")]
    pub(super) action: Action,
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) trusted: bool,
    #[serde(default)]
    pub(super) tier: Tier,
    #[serde(default)]
    pub(super) confirmed: Vec<Confirmation>,
    #[serde(default)]
    pub(super) private_server: bool,
    #[serde(default)]
    pub(super) refresh: Option<Spanned<Span>>,
    #[serde(default)]
    pub(super) answer: Option<Answer>,
    #[serde(default)]
    pub(super) schedule: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [lists]")]
pub(super) struct Lists {
    pub(super) refresh: Option<Spanned<Span>>,
    pub(super) fetch_timeout: Option<Spanned<Span>>,
    pub(super) ca: Option<Spanned<String>>,
}

fn block() -> Action {
    Action::Block
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[profile]]")]
pub(super) struct Profile {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) lists: BTreeMap<String, ListUse>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[device]]")]
pub(super) struct Device {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) mac: Option<Spanned<Mac>>,
    #[serde(default)]
    pub(super) ip: Option<Spanned<Networks>>,
    #[serde(default)]
    pub(super) id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) profile: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default = "yes")]
    pub(super) log: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [web]")]
pub(super) struct Web {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) password_hash: Option<PasswordHash>,
    pub(super) hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [store]")]
pub(super) struct Store {
    pub(super) path: Option<Spanned<String>>,
    pub(super) keep_queries: Option<Spanned<Span>>,
    pub(super) keep_tallies: Option<Spanned<Span>>,
    pub(super) flush: Option<Spanned<Span>>,
    pub(super) journal: Keeping,
    pub(super) tallies: Option<Spanned<Keeping>>,
    pub(super) counts_in_memory: Option<Spanned<usize>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [privacy]")]
pub(super) struct Privacy {
    pub(super) level: Level,
}

/// A device is logged where nobody says otherwise.
fn yes() -> bool {
    true
}
