//! dnsmasq's configuration: of all its options, those that answer for a name and what is below it.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::name::Name;
use super::super::rewrite::Rewrite;
use super::super::rule::{Mistake, Reach, Refused, RewriteTo, Rule, Target, listed_name, shown};
use super::adblock::Written;
use super::{address, width};

pub(super) fn read(line: &str, trusted: bool, rules: &mut Vec<Written>) -> Result<(), Refused> {
    let line = line.split_once(" #").map_or(line, |(option, _)| option.trim_end());
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let (option, value) = line.split_once('=').unwrap_or((line, ""));
    let parts = value.trim().strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (Some((names, answer)), "local" | "address" | "server") = (parts, option.trim()) else {
        return Err(unsupported(option));
    };
    let rewrite = match (option.trim(), answer) {
        (_, "") | ("address", "#") => None,
        ("address", text) => rewrite_of(text, trusted)?,
        _ => return Err(unsupported(option)),
    };
    for text in names.split('/') {
        let target = if text == "#" {
            Target::Name(Name::root(), Reach::Subtree)
        } else {
            let text = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
            Target::Name(listed_name(text)?, Reach::Subtree)
        };
        width::check(text, &target, trusted)?;
        let mut rule = Rule::about(target);
        rule.rewrite.clone_from(&rewrite);
        rules.push(rule.into());
    }
    Ok(())
}

fn rewrite_of(text: &str, trusted: bool) -> Result<Option<RewriteTo>, Refused> {
    let address: IpAddr =
        text.parse().map_err(|_| Refused::new(Mistake::BadAddress, format!("{} is no address", shown(text))))?;
    if address::leads_nowhere(address) {
        return Ok(None);
    }
    if !trusted {
        return Err(Refused::new(Mistake::NotTrusted, "only a list marked trusted may give answers of its own"));
    }
    Ok(Some(RewriteTo::To(Arc::new(Rewrite::address(address)))))
}

fn unsupported(option: &str) -> Refused {
    let why = format!("a list may name what to mute; {} changes how dnsmasq works", shown(option));
    Refused::new(Mistake::UnsupportedLine, why)
}
