//! A rule of a list as it is meant, whatever format it was written in; and why a line is none.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::addresses::Network;
use super::glob::Glob;
use super::name::{Name, NameRef};
use super::rewrite::Rewrite;
use super::who::Asker;

/// What a rule says, before trust and the list's action are weighed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) target: Target,
    /// `@@`, RPZ's passthru.
    pub(super) exception: bool,
    /// `$important`, as written. Whether it has force depends on the list's trust.
    pub(super) important: bool,
    pub(super) conditions: Conditions,
    pub(super) rewrite: Option<RewriteTo>,
    /// From a hosts line, where `$badfilter` does not reach.
    pub(super) hosts: bool,
}

/// Which names a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Target {
    Name(Name, Reach),
    Glob(Glob),
    /// A regular expression, without its slashes.
    Expression(Box<str>),
    /// Addresses in an answer, whatever its name.
    Network(Network),
}

/// How far below its name a rule reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Reach {
    Exact,
    Below,
    Subtree,
}

/// What `$dnsrewrite` gives, or in an exception takes away.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum RewriteTo {
    /// Only in an exception: every rewrite of the name.
    Any,
    To(Arc<Rewrite>),
}

impl Rule {
    /// A rule that mutes `name`, without more ado.
    pub(super) fn block(name: Name, reach: Reach) -> Self {
        Self::about(Target::Name(name, reach))
    }

    pub(super) fn about(target: Target) -> Self {
        let conditions = Conditions::default();
        Self { target, exception: false, important: false, conditions, rewrite: None, hosts: false }
    }

    /// Whether it is nothing but a name, a reach and an exception mark: what the ruleset holds without extras.
    pub(super) fn is_plain(&self) -> bool {
        self.rewrite.is_none() && self.conditions == Conditions::default()
    }
}

/// What narrows a rule besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Conditions {
    /// `$denyallow`: zones that the rule leaves out.
    pub(super) except_zones: Vec<Name>,
    /// `$dnstype`.
    pub(super) types: Choice<u16>,
    /// `$client`.
    pub(super) clients: Choice<Client>,
    /// `$ctag`.
    pub(super) tags: Choice<Box<str>>,
}

impl Conditions {
    /// Whether they hold for this question and asker.
    pub(super) fn admit(&self, asker: &Asker<'_>, name: NameRef<'_>, qtype: u16) -> bool {
        self.types.admits(|&one| one == qtype)
            && self.clients.admits(|client| client.is(asker))
            && self.tags.admits(|tag| asker.tags.iter().any(|own| **own == **tag))
            && !self.except_zones.iter().any(|zone| name.is_in(zone.as_ref()))
    }
}

/// `a|b` or `~a|~b`, in an order of its own so that two spellings compare equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Choice<T> {
    pub(super) only: Vec<T>,
    pub(super) except: Vec<T>,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self { only: Vec::new(), except: Vec::new() }
    }
}

impl<T> Choice<T> {
    fn admits(&self, is: impl Fn(&T) -> bool) -> bool {
        (self.only.is_empty() || self.only.iter().any(&is)) && !self.except.iter().any(&is)
    }
}

/// One value of `$client`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Client {
    Address(IpAddr),
    /// A network, with the bits behind the prefix cleared, and the prefix length.
    Network(IpAddr, u8),
    Name(Box<str>),
}

impl Client {
    fn is(&self, asker: &Asker<'_>) -> bool {
        let address = asker.address.to_canonical();
        match self {
            Self::Address(own) => *own == address,
            Self::Network(network, len) => masked(address, *len) == Some(*network),
            Self::Name(name) => **name == *asker.name,
        }
    }
}

/// `address` with the bits behind the first `len` cleared; none where the family has fewer bits.
pub(super) fn masked(address: IpAddr, len: u8) -> Option<IpAddr> {
    let len = u32::from(len);
    match address {
        IpAddr::V4(v4) => {
            let behind = 32u32.checked_sub(len)?;
            Some(IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)).into()))
        }
        IpAddr::V6(v6) => {
            let behind = 128u32.checked_sub(len)?;
            Some(IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)).into()))
        }
    }
}

/// The kind of mistake in a line, as the reports name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    NotAName,
    TooLong,
    TooWide,
    BadAddress,
    BadRegex,
    BadModifierValue,
    UnsupportedModifier,
    UnsupportedLine,
    NotDns,
    NotTrusted,
}

impl Mistake {
    const ALL: [Self; 10] = [
        Self::NotAName,
        Self::TooLong,
        Self::TooWide,
        Self::BadAddress,
        Self::BadRegex,
        Self::BadModifierValue,
        Self::UnsupportedModifier,
        Self::UnsupportedLine,
        Self::NotDns,
        Self::NotTrusted,
    ];

    /// The kind that reports call `word`.
    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mistake| mistake.as_str() == word)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAName => "not_a_name",
            Self::TooLong => "too_long",
            Self::TooWide => "too_wide",
            Self::BadAddress => "bad_address",
            Self::BadRegex => "bad_regex",
            Self::BadModifierValue => "bad_modifier_value",
            Self::UnsupportedModifier => "unsupported_modifier",
            Self::UnsupportedLine => "unsupported_line",
            Self::NotDns => "not_dns",
            Self::NotTrusted => "not_trusted",
        }
    }
}

/// Why a line is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) mistake: Mistake,
    pub(super) why: String,
}

impl Refused {
    pub(super) fn new(mistake: Mistake, why: impl Into<String>) -> Self {
        Self { mistake, why: why.into() }
    }
}

/// Reads a name as lists may write it: letters, digits, hyphens, underscores, and what is beyond ASCII by its A-label.
///
/// Narrower than [`Name::parse`], which also takes escapes: in a list those are a mistake or a trick, never a name.
pub(super) fn listed_name(text: &str) -> Result<Name, Refused> {
    let refuse = |why: String| Err(Refused::new(Mistake::NotAName, format!("{} is no name: {why}", shown(text))));
    if text.bytes().any(|byte| byte.is_ascii() && !is_name_byte(byte)) {
        return refuse("it has a character that no name can hold".into());
    }
    if text.parse::<IpAddr>().is_ok() {
        return refuse("it is an address".into());
    }
    match Name::parse(text) {
        Ok(name) if name.as_ref().labels().flatten().all(|&byte| byte != b'.' && is_name_byte(byte)) => Ok(name),
        Ok(_) => refuse("it has a character that no name can hold".into()),
        Err(why) => refuse(why.to_string()),
    }
}

/// Whether `byte` may stand in the text of a listed name, dots included.
pub(super) const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

/// `text` in quotes, cut where it is long: what a report repeats of a line has a bound.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
