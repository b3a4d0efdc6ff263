//! What a forwarder said, reduced to what answers the question, in the form the cache keeps and a response is written from.
//!
//! Kept are the chain of aliases from QNAME, the RRset at its end, and for negative answers the SOA record; nothing
//! else of a response is ever served or cached, so a forwarder cannot slip in data about other names (RFC 5452 §6).

mod chain;
mod leads;

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, Query as WireQuery, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name as WireName, RData, Record};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};
use quick_cache::Equivalent;

use self::chain::{Chain, answers_type, chain_of, freshness, proof};
use self::leads::{addresses_of, targets_of};
use super::rebinding::Leads;
use super::response;
use super::wire::{CLASS_IN, ExtendedError, HEADER_LEN, Rcode, Reader};
use crate::policy::{Name, NameRef};

/// Links of a chain of aliases that are followed.
pub(crate) const MAX_ALIASES: usize = 16;
/// Records of an answer that are taken.
const MAX_RECORDS: usize = 512;

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

/// A borrowed [`Question`]: whoever only looks one up copies no name.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct QuestionRef<'a> {
    // The same fields in the same order, so that both have one hash.
    pub(crate) name: NameRef<'a>,
    pub(crate) qtype: u16,
    pub(crate) dnssec_ok: bool,
    pub(crate) checking_disabled: bool,
}

impl QuestionRef<'_> {
    pub(crate) fn to_owned(self) -> Question {
        let Self { name, qtype, dnssec_ok, checking_disabled } = self;
        Question { name: name.to_owned(), qtype, dnssec_ok, checking_disabled }
    }
}

impl Equivalent<Question> for QuestionRef<'_> {
    fn equivalent(&self, other: &Question) -> bool {
        let same_kind = (self.qtype, self.dnssec_ok, self.checking_disabled)
            == (other.qtype, other.dnssec_ok, other.checking_disabled);
        same_kind && self.name == other.name.as_ref()
    }
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
    /// Where the chain of aliases leaves the names this forwarder is believed about: the answer goes on elsewhere.
    pub(crate) leads_on: Option<Name>,
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
    /// Takes from `response` what answers `question`, as far as its names `belong` to who gave it. `trusted` says whether
    /// its AD bit means anything.
    pub(crate) fn from_response(
        question: &Question,
        response: Message,
        trusted: bool,
        belongs: &dyn Fn(NameRef<'_>) -> bool,
    ) -> Result<Self, NotAnAnswer> {
        let qname = wire_name(&question.name)?;
        let asked = response.queries.first().filter(|_| response.queries.len() == 1);
        let is_ours = |asked: &WireQuery| {
            let (qtype, qclass) = (u16::from(asked.query_type()), u16::from(asked.query_class()));
            *asked.name() == qname && (qtype, qclass) == (question.qtype, CLASS_IN)
        };
        if !asked.is_some_and(is_ours) {
            return Err(NotAnAnswer::OtherQuestion);
        }
        let all = response.answers.len() + response.authorities.len();
        if all > MAX_RECORDS {
            return Err(NotAnAnswer::TooManyRecords);
        }
        let Chain { records: answers, owners, leads_on } = chain_of(question, &qname, response.answers, belongs)?;
        let end = owners.last().unwrap_or(&qname);
        let negative = leads_on.is_none() && !answers.iter().any(|record| answers_type(record, question.qtype));
        let rcode = response.metadata.response_code;
        let mut authorities = match leads_on {
            Some(_) => Vec::new(),
            None => proof(question, response.authorities, end, negative),
        };
        let ttl = freshness(&answers, &authorities, negative);
        if negative {
            // RFC 2308 §3: the SOA record itself carries how long the answer lives.
            authorities.iter_mut().for_each(|record| record.ttl = record.ttl.min(ttl));
        }
        let addresses = addresses_of(&answers);
        let mut answer = Self {
            // What it says of a name that is not its own counts for nothing.
            rcode: if leads_on.is_some() { Rcode::NO_ERROR } else { Rcode(u16::from(rcode)) },
            authentic: response.metadata.authentic_data && trusted,
            ttl,
            targets: targets_of(&answers),
            leads: Leads::of(&addresses),
            addresses,
            error: response.edns.as_ref().and_then(|edns| extended_error(edns.option(EdnsCode::Unknown(15))?)),
            leads_on,
            answers: 0,
            authorities: 0,
            records: Box::default(),
            ttl_offsets: Box::default(),
        };
        answer.encode(&qname, &answers, &authorities)?;
        Ok(answer)
    }

    /// That a name does not exist, for `ttl` seconds, without anybody's word for it.
    pub(crate) fn nothing(ttl: u32) -> Self {
        let nobody = ExtendedError::new(ExtendedError::NETWORK_ERROR, "");
        Self { ttl, error: None, ..Self::failure(Rcode::NAME_ERROR, nobody) }
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
            leads_on: None,
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
        let read = self.read_back(target)?;
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
            leads_on: None,
            answers: 0,
            authorities: 0,
            records: Box::default(),
            ttl_offsets: Box::default(),
        };
        answer.encode(&qname, &answers, &read.authorities)?;
        Ok(answer)
    }

    /// This answer, whose aliases lead on to `target`, with `rest`, the answer about that.
    pub(crate) fn continued(self, question: &Question, target: &Name, rest: Self) -> Result<Self, NotAnAnswer> {
        let (mut read, rest_read) = (self.read_back(&question.name)?, rest.read_back(target)?);
        if read.answers.len() + rest_read.answers.len() > MAX_RECORDS {
            return Err(NotAnAnswer::TooManyRecords);
        }
        read.answers.extend(rest_read.answers);
        let mut answer = Self {
            rcode: rest.rcode,
            authentic: self.authentic && rest.authentic,
            ttl: self.ttl.min(rest.ttl),
            targets: self.targets.iter().chain(&rest.targets).cloned().collect(),
            addresses: rest.addresses,
            leads: rest.leads,
            error: rest.error,
            leads_on: rest.leads_on,
            answers: 0,
            authorities: 0,
            records: Box::default(),
            ttl_offsets: Box::default(),
        };
        answer.encode(&wire_name(&question.name)?, &read.answers, &rest_read.authorities)?;
        Ok(answer)
    }

    /// The response to `question` that this answer was taken from, less what was not taken.
    pub(crate) fn message(&self, question: &Question) -> Result<Message, NotAnAnswer> {
        let mut message = self.read_back(&question.name)?;
        message.queries = vec![WireQuery::query(wire_name(&question.name)?, question.qtype.into())];
        message.metadata.message_type = MessageType::Response;
        message.metadata.response_code =
            if self.is_nxdomain() { ResponseCode::NXDomain } else { ResponseCode::NoError };
        Ok(message)
    }

    /// The records as the codec has them; they are about `name`.
    fn read_back(&self, name: &Name) -> Result<Message, NotAnAnswer> {
        let mut message = vec![0; HEADER_LEN];
        message[5] = 1;
        message[6..8].copy_from_slice(&self.answers.to_be_bytes());
        message[8..10].copy_from_slice(&self.authorities.to_be_bytes());
        message.extend_from_slice(name.as_ref().wire());
        message.extend_from_slice(&[0, 1, 0, 1]);
        message.extend_from_slice(&self.records);
        response::read(&message).ok_or(NotAnAnswer::NotEncodable)
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
    Name::from_labels(name.iter()).ok()
}

fn extended_error(option: &EdnsOption) -> Option<ExtendedError> {
    let EdnsOption::Unknown(_, value) = option else { return None };
    let (code, text) = value.split_first_chunk::<2>()?;
    Some(ExtendedError::new(u16::from_be_bytes(*code), String::from_utf8_lossy(text)))
}

/// Whether a forwarder that says this should not be believed yet: another may know better. YXDOMAIN is about the name: what a
/// DNAME record makes of it is too long (RFC 6672 §2.2).
pub(crate) fn is_failure(rcode: ResponseCode) -> bool {
    !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain | ResponseCode::YXDomain)
}

#[cfg(test)]
mod tests;
