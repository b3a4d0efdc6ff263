//! What stands behind `$` in a rule of AdGuard's language. A rule is taken with all of it or not at all.

use std::net::IpAddr;
use std::sync::Arc;

use super::name::Name;
use super::rewrite::Rewrite;
use super::rrtype;
use super::rule::{Choice, Client, Conditions, Mistake, Refused, RewriteTo, listed_name, masked, shown};

/// All that may stand behind `$`.
#[derive(Debug, Default)]
pub(super) struct Modifiers {
    pub(super) important: bool,
    /// The rule is not one itself but switches off one that is like it.
    pub(super) badfilter: bool,
    pub(super) conditions: Conditions,
    pub(super) rewrite: Option<RewriteTo>,
}

impl Modifiers {
    /// Reads `text`, what stands behind the `$` of a rule.
    pub(super) fn parse(text: &str, exception: bool) -> Result<Self, Refused> {
        let mut modifiers = Self::default();
        for modifier in split_unescaped(text, ',') {
            let (name, value) = match modifier.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (modifier.trim(), None),
            };
            match (name, value) {
                ("important", None) => modifiers.important = true,
                ("badfilter", None) => modifiers.badfilter = true,
                ("denyallow", value) => modifiers.conditions.except_zones = zones(value.unwrap_or_default())?,
                ("dnstype", value) => modifiers.conditions.types = types(value.unwrap_or_default())?,
                ("client", value) => modifiers.conditions.clients = clients(value.unwrap_or_default())?,
                ("ctag", value) => modifiers.conditions.tags = tags(value.unwrap_or_default())?,
                ("dnsrewrite", None | Some("")) if exception => modifiers.rewrite = Some(RewriteTo::Any),
                ("dnsrewrite", value) => {
                    let rewrite = Rewrite::parse(&unescaped(value.unwrap_or_default()))?;
                    modifiers.rewrite = Some(RewriteTo::To(Arc::new(rewrite)));
                }
                ("important" | "badfilter", Some(_)) => return Err(bad(name, "it takes no value")),
                _ => {
                    let why = format!("{} is no modifier for names; the whole rule is left out", shown(name));
                    return Err(Refused::new(Mistake::UnsupportedModifier, why));
                }
            }
        }
        Ok(modifiers)
    }

    /// Whether the rule leaves out some askers, names or types.
    pub(super) fn narrow(&self) -> bool {
        self.conditions != Conditions::default()
    }
}

fn zones(value: &str) -> Result<Vec<Name>, Refused> {
    let read = |text: &str| listed_name(text).map_err(|refused| bad("denyallow", &refused.why));
    let mut zones = value.split('|').map(|text| read(text.trim())).collect::<Result<Vec<_>, _>>()?;
    zones.sort();
    zones.dedup();
    Ok(zones)
}

fn types(value: &str) -> Result<Choice<u16>, Refused> {
    choice(value.split('|').map(str::trim), |text| {
        rrtype::parse(text).ok_or_else(|| bad("dnstype", &format!("{} is no record type", shown(text))))
    })
}

fn tags(value: &str) -> Result<Choice<Box<str>>, Refused> {
    choice(value.split('|').map(str::trim), |text| {
        let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        good.then(|| text.into()).ok_or_else(|| bad("ctag", &format!("{} is no tag", shown(text))))
    })
}

fn clients(value: &str) -> Result<Choice<Client>, Refused> {
    choice(split_unescaped(value, '|').into_iter().map(str::trim), |text| {
        let quoted = |mark: char| text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        let name = unescaped(quoted('\'').or_else(|| quoted('"')).unwrap_or(text));
        if name.is_empty() { Err(bad("client", "an empty value")) } else { Ok(client(name)) }
    })
}

/// A client by address, network or name. A network that cannot be is the name of no device: it matches none.
fn client(text: String) -> Client {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Client::Address(address.to_canonical());
    }
    let network = text.split_once('/').and_then(|(address, len)| {
        let len = len.parse().ok()?;
        Some(Client::Network(masked(address.parse().ok()?, len)?, len))
    });
    network.unwrap_or_else(|| Client::Name(text.into()))
}

/// Reads `a|b` and `~a|~b`.
fn choice<'a, T: Ord>(
    values: impl Iterator<Item = &'a str>,
    read: impl Fn(&'a str) -> Result<T, Refused>,
) -> Result<Choice<T>, Refused> {
    let mut choice = Choice::default();
    for value in values {
        match value.strip_prefix('~') {
            Some(value) => choice.except.push(read(value)?),
            None => choice.only.push(read(value)?),
        }
    }
    for side in [&mut choice.only, &mut choice.except] {
        side.sort();
        side.dedup();
    }
    Ok(choice)
}

fn bad(modifier: &str, why: &str) -> Refused {
    Refused::new(Mistake::BadModifierValue, format!("${modifier}: {why}"))
}

/// Splits at `separator` where no backslash stands in front of it.
fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if c == separator && !escaped {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// Takes away the backslashes that keep a sign from having its meaning.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && matches!(next, ',' | '|' | '\'' | '"' | '\\') => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_may_hold_every_sign() {
        let read = |text: &str| Modifiers::parse(text, false).unwrap().conditions.clients;
        let name = |text: &str| Client::Name(text.into());
        assert_eq!(read(r"client='Nora\'s laptop'").only, [name("Nora's laptop")]);
        assert_eq!(read(r"client=~'Ann\'s\, Joe\'s'").except, [name("Ann's, Joe's")]);
        assert_eq!(read(r#"client="a\|b"|c"#).only, [name("a|b"), name("c")]);
        assert_eq!(read("client=127.0.0.0/33").only, [name("127.0.0.0/33")]);
    }

    #[test]
    fn one_value_that_cannot_be_read_refuses_the_rule() {
        for text in ["", "important,", "dnstype=A|", "client=~", "ctag=", "denyallow=", "important=1", "IMPORTANT"] {
            assert!(Modifiers::parse(text, false).is_err(), "{text:?}");
        }
    }
}
