//! What a forwarder said, reduced to what answers the question, in the form the cache keeps and a response is written from.
//!
//! Kept are the chain of aliases from QNAME, the RRset at its end, and for negative answers the SOA record; nothing
//! else of a response is ever served or cached, so a forwarder cannot slip in data about other names (RFC 5452 §6).

use hickory_proto::op::{Message, ResponseCode};
use std::net::IpAddr;

use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name as WireName, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use self::leads::{addresses_of, targets_of};
use super::rebinding::Leads;
use super::wire::{ExtendedError, HEADER_LEN, Rcode, Reader, rr_type};
use crate::policy::Name;

mod leads;

/// The longest time an answer is fresh, seconds (RFC 8767 §4 caps at days; protocol of this house: one day).
const MAX_TTL: u32 = 86_400;
/// The longest time a negative answer is fresh, seconds (RFC 2308 §5 suggests one to three hours).
const MAX_NEGATIVE_TTL: u32 = 3_600;
/// Links of a chain of aliases that are followed.
pub(crate) const MAX_ALIASES: usize = 16;
/// Records of an answer that are taken.
const MAX_RECORDS: usize = 512;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;

/// What a forwarder is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) name: Name,
    pub(crate) qtype: u16,
    /// Whether DNSSEC records are asked for; they are another answer.
    pub(crate) dnssec_ok: bool,
    /// CD: what a validating forwarder would hold back is another answer too (RFC 4035 §3.2.2).
    pub(crate) checking_disabled: bool,
}

/// A forwarder's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rcode: Rcode,
    /// The forwarder says it validated the data, and the way to it can be trusted (RFC 6840 §5.8).
    pub(crate) authentic: bool,
    /// Seconds for which it may be given; 0 is never cached.
    pub(crate) ttl: u32,
    /// Names other than QNAME that it leads to: targets of CNAME, DNAME, SVCB and HTTPS.
    pub(crate) targets: Box<[Name]>,
    /// Every address in it: those of A and AAAA, and the hints of SVCB and HTTPS.
    pub(crate) addresses: Box<[IpAddr]>,
    /// Where the worst of them leads.
    pub(crate) leads: Leads,
    /// The forwarder's own extended error.
    pub(crate) error: Option<ExtendedError>,
    answers: u16,
    authorities: u16,
    /// Both sections, compressed against a question that stands at its usual place.
    records: Box<[u8]>,
    /// Where in `records` the TTLs stand.
    ttl_offsets: Box<[u16]>,
}

/// Why a response is no answer to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAnAnswer {
    #[error("it answers another question")]
    OtherQuestion,
    #[error("it has a chain of more than {MAX_ALIASES} aliases, or one that bites its tail")]
    EndlessAliases,
    #[error("it has more than {MAX_RECORDS} records")]
    TooManyRecords,
    #[error("it cannot be written down again")]
    NotEncodable,
}

/// How TTLs are written into a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ttl {
    /// Less the seconds since the answer came in.
    Aged(u32),
    /// The same for every record.
    Fixed(u32),
}

impl Answer {
    /// Takes from `response` what answers `question`. `trusted` says whether its AD bit means anything.
    pub(crate) fn from_response(question: &Question, response: Message, trusted: bool) -> Result<Self, NotAnAnswer> {
        let qname = wire_name(&question.name)?;
        let asked = response.queries.first().filter(|_| response.queries.len() == 1);
        if !asked.is_some_and(|asked| *asked.name() == qname && u16::from(asked.query_type()) == question.qtype) {
            return Err(NotAnAnswer::OtherQuestion);
        }
        let all = response.answers.len() + response.authorities.len();
        if all > MAX_RECORDS {
            return Err(NotAnAnswer::TooManyRecords);
        }
        let (answers, owners) = chain_of(question, &qname, response.answers)?;
        let end = owners.last().unwrap_or(&qname);
        let negative = !answers.iter().any(|record| answers_type(record, question.qtype));
        let mut authorities = proof(question, response.authorities, end, negative);
        let ttl = freshness(&answers, &authorities, negative);
        if negative {
            // RFC 2308 §3: the SOA record itself carries how long the answer lives.
            authorities.iter_mut().for_each(|record| record.ttl = record.ttl.min(ttl));
        }
        let addresses = addresses_of(&answers);
        let mut answer = Self {
            rcode: Rcode(u16::from(response.metadata.response_code)),
            authentic: response.metadata.authentic_data && trusted,
            ttl,
            targets: targets_of(&answers),
            leads: Leads::of(&addresses),
            addresses,
            error: response.edns.as_ref().and_then(|edns| extended_error(edns.option(EdnsCode::Unknown(15))?)),
            answers: 0,
            authorities: 0,
            records: Box::default(),
            ttl_offsets: Box::default(),
        };
        answer.encode(&qname, &answers, &authorities)?;
        Ok(answer)
    }

    /// An answer without records.
    pub(crate) fn failure(rcode: Rcode, error: ExtendedError) -> Self {
        Self {
            rcode,
            authentic: false,
            ttl: 0,
            targets: Box::default(),
            addresses: Box::default(),
            leads: Leads::Outside,
            error: Some(error),
            answers: 0,
            authorities: 0,
            records: Box::default(),
            ttl_offsets: Box::default(),
        }
    }

    /// Bytes it takes in the cache.
    pub(crate) fn weight(&self) -> usize {
        let targets: usize = self.targets.iter().map(|name| name.as_ref().wire().len() + size_of::<Name>()).sum();
        let addresses = size_of_val(&*self.addresses);
        size_of::<Self>() + self.records.len() + self.ttl_offsets.len() * 2 + targets + addresses
    }

    /// Appends the records, and says how many are answers and how many authorities.
    pub(crate) fn write_records(&self, out: &mut Vec<u8>, ttl: Ttl) -> (u16, u16) {
        let start = out.len();
        out.extend_from_slice(&self.records);
        for &offset in &self.ttl_offsets {
            let Some(place) = out.get_mut(start + usize::from(offset)..).and_then(<[u8]>::first_chunk_mut::<4>) else {
                continue;
            };
            let left = match ttl {
                Ttl::Aged(age) => u32::from_be_bytes(*place).saturating_sub(age),
                Ttl::Fixed(seconds) => seconds,
            };
            *place = left.to_be_bytes();
        }
        (self.answers, self.authorities)
    }

    /// This answer about `target` as the answer to a question about `name`, with a CNAME record of our own in front.
    ///
    /// The records lean on their question by compression, so they are read and written anew; only rewritten names pay.
    pub(crate) fn behind_alias(&self, name: &Name, target: &Name, ttl: u32) -> Result<Self, NotAnAnswer> {
        let mut message = vec![0; HEADER_LEN];
        message[5] = 1;
        message[6..8].copy_from_slice(&self.answers.to_be_bytes());
        message[8..10].copy_from_slice(&self.authorities.to_be_bytes());
        message.extend_from_slice(target.as_ref().wire());
        message.extend_from_slice(&[0, 1, 0, 1]);
        message.extend_from_slice(&self.records);
        let read = Message::from_vec(&message).map_err(|_| NotAnAnswer::NotEncodable)?;
        let (qname, alias) = (wire_name(name)?, wire_name(target)?);
        let mut answers = vec![Record::from_rdata(qname.clone(), ttl, RData::CNAME(CNAME(alias)))];
        answers.extend(read.answers);
        let mut answer = Self {
            rcode: self.rcode,
            authentic: false,
            ttl: self.ttl.min(ttl),
            targets: self.targets.iter().cloned().chain([target.clone()]).collect(),
            addresses: self.addresses.clone(),
            leads: self.leads,
            error: self.error.clone(),
            answers: 0,
            authorities: 0,
            records: Box::default(),
            ttl_offsets: Box::default(),
        };
        answer.encode(&qname, &answers, &read.authorities)?;
        Ok(answer)
    }

    /// Whether it says that the name does not exist.
    pub(crate) fn is_nxdomain(&self) -> bool {
        self.rcode == Rcode::NAME_ERROR
    }

    fn encode(&mut self, qname: &WireName, answers: &[Record], authorities: &[Record]) -> Result<(), NotAnAnswer> {
        let mut message = vec![0; HEADER_LEN];
        let mut encoder = BinEncoder::new(&mut message);
        encoder.set_offset(HEADER_LEN);
        let written = (|| {
            qname.emit(&mut encoder)?;
            encoder.emit_u32(0)?;
            for record in answers.iter().chain(authorities) {
                record.emit(&mut encoder)?;
            }
            Ok::<_, hickory_proto::ProtoError>(())
        })();
        written.map_err(|_| NotAnAnswer::NotEncodable)?;
        let mut reader = Reader::new(&message);
        reader.header().and_then(|_| reader.question()).ok_or(NotAnAnswer::NotEncodable)?;
        let start = reader.position();
        let mut offsets = Vec::with_capacity(answers.len() + authorities.len());
        while !reader.is_at_end() {
            let record = reader.record().ok_or(NotAnAnswer::NotEncodable)?;
            offsets.push(u16::try_from(record.ttl_offset - start).map_err(|_| NotAnAnswer::NotEncodable)?);
        }
        self.answers = answers.len() as u16;
        self.authorities = authorities.len() as u16;
        self.records = message[start..].into();
        self.ttl_offsets = offsets.into();
        Ok(())
    }
}

/// The name as the codec has it.
pub(crate) fn wire_name(name: &Name) -> Result<WireName, NotAnAnswer> {
    let mut wire = WireName::from_labels(name.as_ref().labels()).map_err(|_| NotAnAnswer::NotEncodable)?;
    wire.set_fqdn(true);
    Ok(wire)
}

/// The name as the policy has it.
pub(crate) fn policy_name(name: &WireName) -> Option<Name> {
    let mut wire = Vec::with_capacity(name.len());
    for label in name.iter() {
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    Name::from_wire(&wire).ok()
}

/// The records on the way from QNAME to the end of its aliases, in that order, and the names on the way.
fn chain_of(
    question: &Question,
    qname: &WireName,
    mut pool: Vec<Record>,
) -> Result<(Vec<Record>, Vec<WireName>), NotAnAnswer> {
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
        owners.push(target);
    }
    let end = owners.last().unwrap_or(qname);
    for record in pool {
        let wanted = answers_type(&record, question.qtype) || (question.dnssec_ok && is_type(&record, RRSIG));
        if record.name == *end && wanted {
            kept.push(record);
        }
    }
    level_ttls(&mut kept);
    Ok((kept, owners))
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

/// Whether `record` is a signature over records of type `rtype` (RFC 4034 §3.1.1: the type stands first).
fn covers(record: &Record, rtype: u16) -> bool {
    let RData::Unknown { code, rdata } = &record.data else { return false };
    u16::from(*code) == RRSIG && rdata.anything.first_chunk::<2>() == Some(&rtype.to_be_bytes())
}

fn is_type(record: &Record, rtype: u16) -> bool {
    u16::from(record.record_type()) == rtype
}

fn is_cname(record: &Record) -> bool {
    record.record_type() == RecordType::CNAME
}

fn is_dname(record: &Record) -> bool {
    const DNAME: u16 = 39;
    is_type(record, DNAME)
}

fn answers_type(record: &Record, qtype: u16) -> bool {
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
fn proof(question: &Question, authorities: Vec<Record>, end: &WireName, negative: bool) -> Vec<Record> {
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
fn freshness(answers: &[Record], authorities: &[Record], negative: bool) -> u32 {
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

fn extended_error(option: &EdnsOption) -> Option<ExtendedError> {
    let EdnsOption::Unknown(_, value) = option else { return None };
    let (code, text) = value.split_first_chunk::<2>()?;
    Some(ExtendedError::new(u16::from_be_bytes(*code), String::from_utf8_lossy(text)))
}

/// Whether a forwarder that says this should not be believed yet: another may know better.
pub(crate) fn is_failure(rcode: ResponseCode) -> bool {
    !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain)
}

#[cfg(test)]
mod tests;
