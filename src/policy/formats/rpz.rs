//! Response policy zones in their text form: one record a line, an owner and what becomes of it.

use std::sync::Arc;

use super::super::name::Name;
use super::super::rewrite::{self, Rewrite};
use super::super::rrtype;
use super::super::rule::{Mistake, Reach, Refused, RewriteTo, Rule, Target, listed_name, shown};
use super::adblock::Written;
use super::{address, width};

mod triggers;

/// What the reader remembers from line to line.
#[derive(Debug, Default)]
pub(super) struct Zone {
    trusted: bool,
    /// The zone's own name with a dot at its end, where the file tells it.
    origin: Option<String>,
    /// The owner of the last record: a line that begins with white space is about it as well.
    owner: String,
    /// Inside the parentheses of a record over several lines, as SOA often is.
    in_parentheses: bool,
}

impl Zone {
    pub(super) fn new(trusted: bool) -> Self {
        Self { trusted, ..Self::default() }
    }

    pub(super) fn read(&mut self, line: &str, rules: &mut Vec<Written>) -> Result<(), Refused> {
        let record = line.split_once(';').map_or(line, |(record, _)| record).trim_end();
        if self.in_parentheses {
            self.in_parentheses = !record.contains(')');
            return Ok(());
        }
        if record.trim().is_empty() {
            return Ok(());
        }
        self.in_parentheses = record.contains('(') && !record.contains(')');
        let mut words = record.split_whitespace().peekable();
        if record.starts_with('$') {
            return self.directive(words.next().unwrap_or_default(), words.next());
        }
        if !record.starts_with(char::is_whitespace) {
            self.owner = words.next().unwrap_or_default().to_ascii_lowercase();
        }
        let is_ttl_or_class =
            |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit()) || word.eq_ignore_ascii_case("IN");
        while words.next_if(is_ttl_or_class).is_some() {}
        let rrtype = words.next().unwrap_or_default().to_ascii_uppercase();
        let data = words.collect::<Vec<_>>().join(" ");
        self.record(&rrtype, &data, rules)
    }

    fn directive(&mut self, word: &str, value: Option<&str>) -> Result<(), Refused> {
        match (word, value) {
            ("$TTL", _) => Ok(()),
            ("$ORIGIN", Some(origin)) => {
                self.origin = Some(origin.to_ascii_lowercase());
                Ok(())
            }
            _ => Err(unsupported(format!("{} is not read from lists", shown(word)))),
        }
    }

    fn record(&mut self, rrtype: &str, data: &str, rules: &mut Vec<Written>) -> Result<(), Refused> {
        match rrtype {
            "SOA" => {
                if self.owner.ends_with('.') && self.origin.is_none() {
                    self.origin = Some(self.owner.clone());
                }
                return Ok(());
            }
            "NS" => return Ok(()),
            _ => {}
        }
        let owner = self.relative_owner().to_owned();
        if let Some((labels, trigger)) = owner.rsplit_once('.').filter(|(_, last)| last.starts_with("rpz-")) {
            rules.push(triggers::read(labels, trigger, rrtype, data, self.trusted)?.into());
            return Ok(());
        }
        let (target, text) = match owner.strip_prefix("*.") {
            Some(zone) => (Target::Name(listed_name(zone)?, Reach::Below), zone),
            None if matches!(&*owner, "*" | "@" | "") => (Target::Name(Name::root(), Reach::Subtree), "*"),
            None => (Target::Name(listed_name(&owner)?, Reach::Exact), &*owner),
        };
        width::check(text, &target, self.trusted)?;
        let mut rule = Rule::about(target);
        match (rrtype, data.to_ascii_lowercase().as_str()) {
            ("CNAME", "." | "*." | "rpz-drop.") => {}
            ("CNAME", "rpz-passthru.") => rule.exception = true,
            ("CNAME", own) if own.strip_suffix('.') == Some(text) => rule.exception = true,
            ("CNAME", special) if special.starts_with("rpz-") || special.starts_with("*.") => {
                return Err(unsupported(format!("{} is not supported", shown(special))));
            }
            ("A" | "AAAA", data) if data.parse().is_ok_and(address::leads_nowhere) => {}
            _ => rule.rewrite = Some(self.answer(rrtype, data)?),
        }
        rules.push(rule.into());
        Ok(())
    }

    /// Own data in place of the real answer.
    fn answer(&self, rrtype: &str, data: &str) -> Result<RewriteTo, Refused> {
        let number =
            rrtype::parse(rrtype).ok_or_else(|| unsupported(format!("{} is no record type", shown(rrtype))))?;
        if !self.trusted {
            return Err(Refused::new(Mistake::NotTrusted, "only a list marked trusted may give answers of its own"));
        }
        let rewrite = if number == rrtype::CNAME {
            Rewrite::alias(listed_name(data)?)
        } else {
            let rdata = rewrite::encode(number, data).ok_or_else(|| {
                Refused::new(Mistake::BadModifierValue, format!("{} is no data of type {rrtype}", shown(data)))
            })?;
            Rewrite { records: vec![(number, rdata.into())], ..Rewrite::default() }
        };
        Ok(RewriteTo::To(Arc::new(rewrite)))
    }

    /// The owner as the zone means it: without the zone's own name behind it.
    fn relative_owner(&self) -> &str {
        let Some(absolute) = self.owner.strip_suffix('.') else {
            return &self.owner;
        };
        let origin = self.origin.as_deref().and_then(|origin| origin.strip_suffix('.'));
        match origin.and_then(|origin| absolute.strip_suffix(origin)) {
            Some("") => "@",
            Some(relative) if relative.ends_with('.') => &relative[..relative.len() - 1],
            _ => absolute,
        }
    }
}

fn unsupported(why: String) -> Refused {
    Refused::new(Mistake::UnsupportedLine, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(trusted: bool, text: &str) -> (Vec<Rule>, Vec<Mistake>) {
        let mut zone = Zone::new(trusted);
        let (mut rules, mut mistakes) = (Vec::new(), Vec::new());
        for line in text.lines() {
            mistakes.extend(zone.read(line, &mut rules).err().map(|refused| refused.mistake));
        }
        (rules.into_iter().map(|written| written.rule).collect(), mistakes)
    }

    #[test]
    fn owners_are_relative_to_the_zone_however_they_are_written() {
        let zone = "$TTL 60\nrpz.local. 60 IN SOA ns. host. (\n 1 2 3\n 4 5 )\n NS ns.\na.example.rpz.local. CNAME .\n\
                    *.a.example IN CNAME *.\nb.example. 300 IN CNAME rpz-passthru. ; freed\n\tTXT \"x\"";
        let (rules, mistakes) = read(false, zone);
        let name = |text: &str| Name::parse(text).unwrap();
        let targets: Vec<_> = rules.iter().map(|rule| (rule.target.clone(), rule.exception)).collect();
        assert_eq!(
            targets,
            [
                (Target::Name(name("a.example"), Reach::Exact), false),
                (Target::Name(name("a.example"), Reach::Below), false),
                (Target::Name(name("b.example"), Reach::Exact), true),
            ]
        );
        assert_eq!(mistakes, [Mistake::NotTrusted]);
    }

    #[test]
    fn own_data_is_an_answer_in_a_trusted_zone_only() {
        let zone = "a.example A 192.0.2.1\nb.example CNAME garden.example.\nc.example CNAME rpz-tcp-only.\n* CNAME .\n\
                    d.example AAAA ::";
        let (rules, mistakes) = read(true, zone);
        let rewritten: Vec<bool> = rules.iter().map(|rule| rule.rewrite.is_some()).collect();
        assert_eq!(rewritten, [true, true, false]);
        assert_eq!(mistakes, [Mistake::UnsupportedLine, Mistake::TooWide]);
    }
}
