//! unbound's configuration: of all its options, local zones and their data.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::name::Name;
use super::super::rewrite::Rewrite;
use super::super::rule::{Mistake, Reach, Refused, RewriteTo, Rule, Target, listed_name, shown};
use super::adblock::Written;
use super::{address, width};

/// Zone types that answer for a name and what is below it without asking anyone.
const MUTING: [&str; 11] = [
    "always_null",
    "always_nxdomain",
    "always_nodata",
    "always_refuse",
    "always_deny",
    "refuse",
    "deny",
    "static",
    "inform_deny",
    "inform_redirect",
    "redirect",
];

/// The reader of such a file.
#[derive(Debug)]
pub(super) struct Config {
    trusted: bool,
}

impl Config {
    pub(super) const fn new(trusted: bool) -> Self {
        Self { trusted }
    }

    pub(super) fn read(&self, line: &str, rules: &mut Vec<Written>) -> Result<(), Refused> {
        let line = line.split_once(" #").map_or(line, |(option, _)| option.trim_end());
        let (option, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match option.trim() {
            "" => Ok(()),
            "server" if value.is_empty() => Ok(()),
            "local-zone" => self.zone(value, rules),
            "local-data" => self.data(value, rules),
            _ => Err(unsupported(option)),
        }
    }

    fn zone(&self, value: &str, rules: &mut Vec<Written>) -> Result<(), Refused> {
        let (name, kind) = value.rsplit_once(char::is_whitespace).unwrap_or((value, ""));
        let kind = unquoted(kind.trim());
        if !MUTING.contains(&kind) {
            return Err(unsupported(kind));
        }
        let name = unquoted(name.trim());
        let target = match name {
            "." => Target::Name(Name::root(), Reach::Subtree),
            name => Target::Name(listed_name(name)?, Reach::Subtree),
        };
        width::check(name, &target, self.trusted)?;
        rules.push(Rule::about(target).into());
        Ok(())
    }

    /// `"name A 0.0.0.0"`, with a TTL and a class perhaps.
    fn data(&self, value: &str, rules: &mut Vec<Written>) -> Result<(), Refused> {
        let mut words = unquoted(value).split_whitespace();
        let name = listed_name(words.next().unwrap_or_default())?;
        let mut words = words.skip_while(|word| *word == "IN" || word.bytes().all(|byte| byte.is_ascii_digit()));
        let (rrtype, data) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut rule = Rule::block(name, Reach::Exact);
        let address = matches!(rrtype, "A" | "AAAA").then(|| data.parse::<IpAddr>().ok()).flatten();
        if !address.is_some_and(address::leads_nowhere) {
            if !self.trusted {
                let why = "only a list marked trusted may give answers of its own";
                return Err(Refused::new(Mistake::NotTrusted, why));
            }
            let address = address.ok_or_else(|| unsupported(rrtype))?;
            rule.rewrite = Some(RewriteTo::To(Arc::new(Rewrite::address(address))));
        }
        rules.push(rule.into());
        Ok(())
    }
}

fn unquoted(text: &str) -> &str {
    let within = |mark: char| text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

fn unsupported(option: &str) -> Refused {
    let why = format!("a list may name what to mute; {} changes how unbound works", shown(option));
    Refused::new(Mistake::UnsupportedLine, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_null_data_mute_and_nothing_else_does() {
        let config = Config::new(false);
        for (line, expected) in [
            ("server:", Ok(0)),
            ("local-zone: \"a.example.\" always_null # why", Ok(1)),
            ("local-zone: a.example static", Ok(1)),
            ("local-data: 'a.example 60 IN A 0.0.0.0'", Ok(1)),
            ("local-data: \"a.example A 198.51.100.66\"", Err(Mistake::NotTrusted)),
            ("local-zone: \"a.example\" transparent", Err(Mistake::UnsupportedLine)),
            ("local-zone: \".\" always_null", Err(Mistake::TooWide)),
            ("include: /etc/passwd", Err(Mistake::UnsupportedLine)),
            ("forward-addr: 198.51.100.53", Err(Mistake::UnsupportedLine)),
        ] {
            let mut rules = Vec::new();
            let read = config.read(line, &mut rules).map(|()| rules.len()).map_err(|refused| refused.mistake);
            assert_eq!(read, expected, "{line}");
        }
    }
}
