//! Names, hosts lines, wildcards and rules of AdGuard's language, told apart line by line: real lists mix them.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::rewrite::Rewrite;
use super::super::rule::{Mistake, Reach, Refused, RewriteTo, Rule, Target, listed_name, shown};
use super::adblock::{self, Surroundings, Written};
use super::{address, width};

/// Names that a system's own hosts file begins with. They are about the system itself and say nothing here.
const OF_THE_SYSTEM: [&str; 4] = ["localhost", "localhost.localdomain", "local", "broadcasthost"];

pub(super) fn read(line: &str, around: Surroundings, rules: &mut Vec<Written>) -> Result<(), Refused> {
    if line.is_empty() || line.starts_with(['!', '#']) || (line.starts_with('[') && line.ends_with(']')) {
        return Ok(());
    }
    if adblock::is_expression(line) {
        rules.push(adblock::parse(line, around)?);
        return Ok(());
    }
    if let Some((first, rest)) = line.split_once(char::is_whitespace)
        && let Some(address) = address::parse(first)
    {
        return read_hosts(address, rest, around, rules);
    }
    let rule = without_comment(line);
    if rule.contains(char::is_whitespace) && !rule.contains(['$', '|', '#']) {
        return Err(not_one_name(rule));
    }
    rules.push(adblock::parse(rule, around)?);
    Ok(())
}

/// Behind a rule a comment is set off by white space, because `#` may be part of what must be refused as such.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|&(at, _)| line[..at].ends_with(char::is_whitespace));
    comment.map_or(line, |(at, _)| line[..at].trim_end())
}

fn read_hosts(address: IpAddr, rest: &str, around: Surroundings, rules: &mut Vec<Written>) -> Result<(), Refused> {
    let names = rest.split_once('#').map_or(rest, |(names, _)| names);
    if names.trim().is_empty() {
        return Err(Refused::new(Mistake::NotAName, "there is no name behind the address"));
    }
    for text in names.split_whitespace().filter(|text| !is_of_the_system(text)) {
        if matches!(text, "." | "*") {
            width::check(text, &Target::Name(super::super::name::Name::root(), Reach::Exact), around.trusted)?;
        }
        let mut rule = Rule::block(listed_name(text)?, Reach::Exact);
        rule.hosts = true;
        if around.trusted && !address::leads_nowhere(address) {
            rule.rewrite = Some(RewriteTo::To(Arc::new(Rewrite::address(address))));
        }
        rules.push(rule.into());
    }
    Ok(())
}

fn is_of_the_system(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    OF_THE_SYSTEM.iter().any(|own| own.eq_ignore_ascii_case(name))
        || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("ip6-"))
        || text.parse::<IpAddr>().is_ok()
}

fn not_one_name(line: &str) -> Refused {
    let first = line.split_whitespace().next().unwrap_or_default();
    if first.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')) {
        return Refused::new(Mistake::BadAddress, format!("{} is no address", shown(first)));
    }
    let why = format!("{} is more than one name, and {} is no address", shown(line), shown(first));
    Refused::new(Mistake::NotAName, why)
}
