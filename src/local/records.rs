//! The operator's own records and zones, and how a question is answered out of them.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::reverse::reverse_name;
use super::zone;
use crate::policy::{Kept, MAX_WIRE_LEN, Name, NameRef, RuleMatch, Verdict};

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const AAAA: u16 = 28;
/// What stands in place of a list in the explanation of a name that the house itself answers.
pub const HOUSE: &str = "[[local]]";
/// Links of a chain of own aliases that are followed.
const MAX_ALIASES: usize = 8;

/// A record of the operator's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its owner. A first label `*` stands for all names below the rest that are not there themselves.
    pub name: Name,
    /// Its type.
    pub rtype: u16,
    /// Seconds for which it may be kept.
    pub ttl: u32,
    /// Without compression.
    pub rdata: Box<[u8]>,
}

impl Record {
    /// Its RDATA in words, as in a zone file; as RFC 3597 §5 has it where there are no words.
    pub fn value(&self) -> String {
        zone::in_words(self.rtype, &self.rdata).unwrap_or_else(|| {
            let octets: String = self.rdata.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("\\# {} {octets}", self.rdata.len())
        })
    }
}

/// Records of one owner and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    /// Their type.
    pub rtype: u16,
    /// The least of their TTLs, seconds (RFC 2181 §5.2).
    pub ttl: u32,
    /// RDATA of each, without compression.
    pub rdata: Vec<Box<[u8]>>,
}

/// What there is for a question. Owners are told where they are not QNAME.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Aliases on the way, and the records at its end.
    Records(Vec<(Option<Name>, &'a Rrset)>),
    /// Aliases on the way, and no such record at its end: whether the name does not exist, and the SOA record of its zone
    /// with its owner, where it has one.
    Negative(Vec<(Option<Name>, &'a Rrset)>, bool, Option<(&'a Name, &'a Rrset)>),
    /// An alias to a name that is not ours, and its TTL.
    Elsewhere(Name, u32),
}

/// All own records. Immutable.
#[derive(Debug, Default)]
pub struct Records {
    /// By owner. A name that exists only because there is something below it has no sets (RFC 4592 §2.2.2).
    names: HashMap<Name, Vec<Rrset>, RandomState>,
    /// Apexes of zones, the longest first.
    apexes: Vec<Name>,
    /// What each zone was made of, for the day on which its file cannot be read.
    zones: Vec<(Name, Vec<Record>)>,
    wildcards: bool,
}

enum Node<'a> {
    There(&'a [Rrset]),
    /// Not there, in a zone of ours.
    Missing,
    NotOurs,
}

impl Records {
    /// Puts `own` records and `zones` together. Addresses in `own` get their PTR records, unless they are given.
    pub fn new(own: &[Record], zones: Vec<(Name, Vec<Record>)>) -> Self {
        let mut records = Self { zones, ..Self::default() };
        for (apex, content) in &records.zones {
            records.apexes.push(apex.clone());
            add(&mut records.names, apex, None);
            for record in content {
                add(&mut records.names, &record.name, Some(record));
                let between = record.name.as_ref().ancestors().skip(1).take_while(|name| *name != apex.as_ref());
                between.for_each(|name| add(&mut records.names, &name.to_owned(), None));
            }
        }
        records.apexes.sort_by_key(|apex| std::cmp::Reverse(apex.as_ref().labels().count()));
        own.iter().for_each(|record| add(&mut records.names, &record.name, Some(record)));
        for record in own {
            let wild = record.name.as_ref().labels().next() == Some(b"*");
            let reverse = address(record).filter(|_| !wild).and_then(reverse_name);
            if let Some(reverse) = reverse.filter(|name| !own.iter().any(|other| other.name == *name)) {
                let rdata = record.name.as_ref().wire().into();
                add(
                    &mut records.names,
                    &reverse,
                    Some(&Record { name: reverse.clone(), rtype: PTR, rdata, ..*record }),
                );
            }
        }
        records.wildcards = records.names.keys().any(|name| name.as_ref().labels().next() == Some(b"*"));
        records
    }

    /// How an explanation shows that `name` is the house's own, where it is.
    pub(crate) fn rule_match(&self, name: NameRef<'_>, qtype: u16) -> Option<RuleMatch> {
        let words = (
            "a name of the house: it is answered here, and no list is asked",
            "you, under [[local]] or [[zone]] in config.toml, or among the names of the house in the page",
        );
        let found = |_| RuleMatch::bare(HOUSE.into(), name.to_string(), Verdict::Pass, words, Kept::Config);
        self.find(name, qtype).map(found)
    }

    /// What there is for `name` and `qtype`; none where the name is not ours. Nearly every name is not, and of those no
    /// copy is made.
    pub fn find(&self, name: NameRef<'_>, qtype: u16) -> Option<Found<'_>> {
        if self.names.is_empty() {
            return None;
        }
        let mut way = Vec::new();
        // Where the aliases have led to; none while it is QNAME itself.
        let mut alias: Option<Name> = None;
        loop {
            let here = alias.as_ref().map_or(name, Name::as_ref);
            let sets = match self.node(here) {
                Node::There(sets) => sets,
                Node::Missing => return Some(Found::Negative(way, true, self.soa(here))),
                Node::NotOurs => {
                    let (_, last) = way.last()?;
                    return Some(Found::Elsewhere(alias?, last.ttl));
                }
            };
            let of_type = |rtype| sets.iter().find(|set| set.rtype == rtype);
            if let Some(set) = of_type(qtype) {
                way.push((alias, set));
                return Some(Found::Records(way));
            }
            let link = of_type(CNAME).filter(|_| way.len() < MAX_ALIASES);
            let target = link.and_then(|set| Name::from_wire(set.rdata.first()?).ok());
            let (Some(link), Some(target)) = (link, target) else {
                return Some(Found::Negative(way, false, self.soa(here)));
            };
            way.push((alias.replace(target), link));
        }
    }

    /// The records of the zone at `apex`.
    pub(super) fn zone(&self, apex: &Name) -> Option<Vec<Record>> {
        self.zones.iter().find(|(name, _)| name == apex).map(|(_, records)| records.clone())
    }

    /// What each zone was made of.
    pub(super) fn zones(&self) -> &[(Name, Vec<Record>)] {
        &self.zones
    }

    fn node(&self, name: NameRef<'_>) -> Node<'_> {
        if let Some(sets) = self.names.get(name.wire()) {
            return Node::There(sets);
        }
        let apex = self.apex_of(name);
        if apex.is_none() && !self.wildcards {
            return Node::NotOurs;
        }
        // RFC 4592 §3.3.1: the closest name that exists says whether there is a wildcard.
        let mut wild = [0; 2 + MAX_WIRE_LEN];
        wild[..2].copy_from_slice(b"\x01*");
        for above in name.ancestors().skip(1) {
            let len = 2 + above.wire().len();
            wild[2..len].copy_from_slice(above.wire());
            if let Some(sets) = self.names.get(&wild[..len]) {
                return Node::There(sets);
            }
            if self.names.contains_key(above.wire()) {
                break;
            }
        }
        if apex.is_some() { Node::Missing } else { Node::NotOurs }
    }

    fn apex_of(&self, name: NameRef<'_>) -> Option<&Name> {
        self.apexes.iter().find(|apex| name.is_in(apex.as_ref()))
    }

    fn soa(&self, name: NameRef<'_>) -> Option<(&Name, &Rrset)> {
        let apex = self.apex_of(name)?;
        Some((apex, self.names.get(apex)?.iter().find(|set| set.rtype == SOA)?))
    }
}

fn add(names: &mut HashMap<Name, Vec<Rrset>, RandomState>, name: &Name, record: Option<&Record>) {
    let sets = names.entry(name.clone()).or_default();
    let Some(record) = record else { return };
    match sets.iter_mut().find(|set| set.rtype == record.rtype) {
        Some(set) if set.rdata.contains(&record.rdata) => {}
        Some(set) => {
            set.ttl = set.ttl.min(record.ttl);
            set.rdata.push(record.rdata.clone());
        }
        None => sets.push(Rrset { rtype: record.rtype, ttl: record.ttl, rdata: vec![record.rdata.clone()] }),
    }
}

fn address(record: &Record) -> Option<IpAddr> {
    match record.rtype {
        A => <[u8; 4]>::try_from(&*record.rdata).ok().map(IpAddr::from),
        AAAA => <[u8; 16]>::try_from(&*record.rdata).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::parse_zone;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn records() -> Records {
        let zone = "@ SOA ns root 1 2 3 4 60\n* A 192.168.1.9\na.b A 192.168.1.1\nc CNAME a.b\nout CNAME www.example.com.\n\
                    l1 CNAME l2\nl2 CNAME l1\n";
        let own = parse_zone("nas A 192.168.1.5\nnas AAAA fd00::5\n*.wild A 192.168.1.6", &name("home.arpa")).unwrap();
        Records::new(&own, vec![(name("lab.example"), parse_zone(zone, &name("lab.example")).unwrap())])
    }

    fn told(records: &Records, text: &str, qtype: u16) -> String {
        match records.find(name(text).as_ref(), qtype) {
            None => "not ours".into(),
            Some(Found::Records(way)) => format!("{} records", way.len()),
            Some(Found::Negative(_, missing, soa)) => {
                format!("{} {}", if missing { "nxdomain" } else { "nodata" }, if soa.is_some() { "soa" } else { "-" })
            }
            Some(Found::Elsewhere(target, _)) => format!("to {target}"),
        }
    }

    #[test]
    fn rfc4592_what_is_there_what_is_not_and_what_a_wildcard_stands_for() {
        let records = records();
        for (text, qtype, expected) in [
            ("a.b.lab.example", A, "1 records"),
            ("a.b.lab.example", AAAA, "nodata soa"),
            ("b.lab.example", A, "nodata soa"),
            ("x.b.lab.example", A, "nxdomain soa"),
            ("x.lab.example", A, "1 records"),
            ("c.lab.example", A, "2 records"),
            ("c.lab.example", CNAME, "1 records"),
            ("out.lab.example", A, "to www.example.com"),
            ("l1.lab.example", A, "nodata soa"),
            ("lab.example", SOA, "1 records"),
            ("nas.home.arpa", A, "1 records"),
            ("nas.home.arpa", 16, "nodata -"),
            ("x.wild.home.arpa", A, "1 records"),
            ("wild.home.arpa", A, "not ours"),
            ("other.home.arpa", A, "not ours"),
            ("5.1.168.192.in-addr.arpa", PTR, "1 records"),
            ("6.1.168.192.in-addr.arpa", PTR, "not ours"),
            ("www.example.com", A, "not ours"),
        ] {
            assert_eq!(told(&records, text, qtype), expected, "{text} {qtype}");
        }
    }
}
