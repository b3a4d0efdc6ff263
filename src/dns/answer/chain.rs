//! Which records of a response belong to the answer: the chain of aliases from QNAME, the RRset at its end, and what
//! proves that there is none. Nothing else is taken (RFC 5452 §6).

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::rr::{DNSClass, Name as WireName, RData, Record, RecordType};

use super::{MAX_ALIASES, NotAnAnswer, Question, policy_name};
use crate::dns::wire::rr_type;
use crate::policy::{Name, NameRef};

/// The longest time an answer is fresh, seconds (RFC 8767 §4 caps at days; protocol of this house: one day).
pub(super) const MAX_TTL: u32 = 86_400;
/// The longest time a negative answer is fresh, seconds (RFC 2308 §5 suggests one to three hours).
pub(super) const MAX_NEGATIVE_TTL: u32 = 3_600;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;

/// The way from QNAME to the end of its aliases.
pub(super) struct Chain {
    /// In the order of the way.
    pub(super) records: Vec<Record>,
    pub(super) owners: Vec<WireName>,
    /// The name at which it leaves those that belong to who gave it.
    pub(super) leads_on: Option<Name>,
}

/// Follows the aliases from QNAME, as far as names `belong` to who gave them.
pub(super) fn chain_of(
    question: &Question,
    qname: &WireName,
    mut pool: Vec<Record>,
    belongs: &dyn Fn(NameRef<'_>) -> bool,
) -> Result<Chain, NotAnAnswer> {
    pool.retain(|record| record.dns_class == DNSClass::IN);
    let mut kept = Vec::with_capacity(pool.len());
    let mut owners = vec![qname.clone()];
    loop {
        let here = owners.last().unwrap_or(qname).clone();
        let dname =
            pool.iter().position(|record| is_dname(record) && record.name.zone_of(&here) && record.name != here);
        if let Some(place) = dname {
            let record = pool.remove(place);
            take_signatures(question, &mut pool, &record.name.clone(), &mut kept, record);
        }
        let follows = question.qtype != rr_type::CNAME && question.qtype != rr_type::ANY;
        let alias = pool.iter().position(|record| follows && record.name == here && is_cname(record));
        let Some(place) = alias else { break };
        let record = pool.remove(place);
        let RData::CNAME(target) = &record.data else { break };
        let target = target.0.clone();
        take_signatures(question, &mut pool, &here, &mut kept, record);
        if owners.contains(&target) || owners.len() > MAX_ALIASES {
            return Err(NotAnAnswer::EndlessAliases);
        }
        let stranger = policy_name(&target).filter(|target| !belongs(target.as_ref()));
        owners.push(target);
        if stranger.is_some() {
            level_ttls(&mut kept);
            return Ok(Chain { records: kept, owners, leads_on: stranger });
        }
    }
    let end = owners.last().unwrap_or(qname);
    for record in pool {
        let wanted = answers_type(&record, question.qtype) || (question.dnssec_ok && is_type(&record, rr_type::RRSIG));
        if record.name == *end && wanted {
            kept.push(record);
        }
    }
    // One owner, one spelling: that of the question, whatever the forwarder made of it.
    for (record, owner) in kept.iter_mut().filter_map(|record| {
        let owner = owners.iter().find(|owner| **owner == record.name)?;
        Some((record, owner))
    }) {
        record.name = owner.clone();
    }
    level_ttls(&mut kept);
    Ok(Chain { records: each_once(kept), owners, leads_on: None })
}

/// A record that comes twice is one record (RFC 2181 §5).
fn each_once(records: Vec<Record>) -> Vec<Record> {
    let mut seen: Vec<Record> = Vec::with_capacity(records.len());
    for record in records {
        // Data first: most records of an RRset differ there, and nowhere else.
        let again = seen.iter().any(|other| other.data == record.data && other.name == record.name);
        if !again {
            seen.push(record);
        }
    }
    seen
}

fn take_signatures(
    question: &Question,
    pool: &mut Vec<Record>,
    owner: &WireName,
    kept: &mut Vec<Record>,
    record: Record,
) {
    let covered = u16::from(record.record_type());
    kept.push(record);
    if !question.dnssec_ok {
        return;
    }
    let signatures = pool.extract_if(.., |other| other.name == *owner && covers(other, covered));
    kept.extend(signatures);
}

/// Whether `record` is a signature over records of type `rtype` (RFC 4034 §3.1.1).
fn covers(record: &Record, rtype: u16) -> bool {
    matches!(&record.data, RData::DNSSEC(DNSSECRData::RRSIG(signature)) if u16::from(signature.input().type_covered) == rtype)
}

fn is_type(record: &Record, rtype: u16) -> bool {
    u16::from(record.record_type()) == rtype
}

fn is_cname(record: &Record) -> bool {
    record.record_type() == RecordType::CNAME
}

pub(super) fn is_dname(record: &Record) -> bool {
    is_type(record, rr_type::DNAME)
}

pub(super) fn answers_type(record: &Record, qtype: u16) -> bool {
    qtype == rr_type::ANY || is_type(record, qtype)
}

/// Records of one RRset have one TTL, the least (RFC 2181 §5.2), and none above the cap. A TTL with its top bit set is a
/// very long one and not a negative one (RFC 8767 §4).
fn level_ttls(records: &mut [Record]) {
    for index in 0..records.len() {
        let same =
            |other: &&Record| other.name == records[index].name && other.record_type() == records[index].record_type();
        let least = records.iter().filter(same).map(|record| record.ttl).min();
        records[index].ttl = least.unwrap_or(0).min(MAX_TTL);
    }
}

/// What of the authority section proves the answer: the SOA record of a negative one, and with DNSSEC the denial.
pub(super) fn proof(question: &Question, authorities: Vec<Record>, end: &WireName, negative: bool) -> Vec<Record> {
    let mut kept: Vec<Record> = authorities
        .into_iter()
        .filter(|record| record.dns_class == DNSClass::IN)
        .filter(|record| {
            let soa = negative && record.record_type() == RecordType::SOA && record.name.zone_of(end);
            let denial = question.dnssec_ok
                && (is_type(record, NSEC)
                    || is_type(record, NSEC3)
                    || [NSEC, NSEC3].iter().any(|denial| covers(record, *denial))
                    || (negative && covers(record, rr_type::SOA)));
            soa || denial
        })
        .collect();
    level_ttls(&mut kept);
    kept
}

/// Seconds for which the answer may be given: the least TTL; for a negative answer also the SOA's MINIMUM, and never
/// without a SOA (RFC 2308 §5).
pub(super) fn freshness(answers: &[Record], authorities: &[Record], negative: bool) -> u32 {
    let least = answers.iter().chain(authorities).map(|record| record.ttl).min().unwrap_or(0);
    if !negative {
        return least;
    }
    let minimum = authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.minimum),
        _ => None,
    });
    minimum.map_or(0, |minimum| least.min(minimum).min(MAX_NEGATIVE_TTL))
}
