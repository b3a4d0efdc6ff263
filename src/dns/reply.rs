//! The response to a query, and how it is written down.

use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::answer::{Answer, Ttl};
use super::query::{Query, option};
use super::wire::{self, ExtendedError, Rcode, UDP_SIZE, rr_type};
use crate::policy::{Blocking, BlockingAnswer, Name, Rewrite};

/// TTL of a stale answer, seconds (RFC 8767 §4).
const STALE_TTL: u32 = 30;
/// Octets of a response to a query without OPT (RFC 1035 §4.2.1).
const PLAIN_UDP_SIZE: u16 = 512;
/// How long a negative answer about a name of the house may be kept, seconds: the next device may have it.
const OWN_NEGATIVE_TTL: u32 = 60;

/// What goes back to the asker.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) rcode: Rcode,
    body: Body,
    error: Option<ExtendedError>,
}

#[derive(Debug)]
enum Body {
    /// No records.
    Empty,
    /// Nothing but TC: come again over TCP.
    Later,
    /// A SOA record of our own with this TTL, so that the negative answer can be kept.
    Negative(u32),
    /// One address of QNAME, with this TTL.
    Address(u32, IpAddr),
    /// Records owned by QNAME: type and RDATA, all with this TTL.
    Records(u32, Vec<(u16, Box<[u8]>)>),
    /// What a forwarder said.
    Answer(Arc<Answer>, Ttl),
    /// Data of the house itself: records, and for a negative answer the SOA record of the zone, or else one of our own.
    Own(Vec<Owned>, Option<Owned>),
}

/// A record of the house itself.
#[derive(Debug)]
pub(crate) struct Owned {
    /// None where it is QNAME.
    pub(crate) owner: Option<Name>,
    pub(crate) rtype: u16,
    /// Seconds.
    pub(crate) ttl: u32,
    pub(crate) rdata: Box<[u8]>,
}

impl Owned {
    fn write(&self, out: &mut Vec<u8>) {
        let owner = self.owner.as_ref().map(|owner| owner.as_ref().wire());
        wire::write_owned(out, owner, self.rtype, self.ttl, &self.rdata);
    }
}

impl Reply {
    /// A response with nothing but an RCODE.
    pub(crate) fn error(rcode: Rcode) -> Self {
        Self { rcode, body: Body::Empty, error: None }
    }

    /// A response that says nothing but to come again over TCP.
    pub(crate) fn slip() -> Self {
        Self { rcode: Rcode::NO_ERROR, body: Body::Later, error: None }
    }

    /// Whether it says nothing but that.
    pub(crate) fn is_slip(&self) -> bool {
        matches!(self.body, Body::Later)
    }

    /// A negative answer of our own: NXDOMAIN, or NODATA with `Rcode::NO_ERROR`.
    pub(crate) fn negative(rcode: Rcode, ttl: u32) -> Self {
        Self { rcode, body: Body::Negative(ttl), error: None }
    }

    /// Records of our own, owned by QNAME.
    pub(crate) fn records(ttl: u32, records: Vec<(u16, Box<[u8]>)>) -> Self {
        Self { rcode: Rcode::NO_ERROR, body: Body::Records(ttl, records), error: None }
    }

    /// Data of the house itself, with the SOA record of its zone where the answer is negative.
    pub(crate) fn own(rcode: Rcode, records: Vec<Owned>, soa: Option<Owned>) -> Self {
        Self { rcode, body: Body::Own(records, soa), error: None }
    }

    /// The answer to a muted name. RFC 8914 §4.16: "Blocked" is for the operator's own lists, which is what they are;
    /// "Filtered" (§4.18) where whoever asks `chose` the list.
    pub(crate) fn blocked(blocking: &Blocking, query: &Query, list: Option<&Arc<str>>, chose: bool) -> Self {
        let code = if chose { ExtendedError::FILTERED } else { ExtendedError::BLOCKED };
        let address = match (blocking.answer, query.qtype) {
            (BlockingAnswer::Null, rr_type::A) => Some(Ipv4Addr::UNSPECIFIED.into()),
            (BlockingAnswer::Null, rr_type::AAAA) => Some(Ipv6Addr::UNSPECIFIED.into()),
            (BlockingAnswer::Addresses { ipv4, .. }, rr_type::A) => ipv4.map(IpAddr::from),
            (BlockingAnswer::Addresses { ipv6, .. }, rr_type::AAAA) => ipv6.map(IpAddr::from),
            _ => None,
        };
        let mut reply = match (blocking.answer, address) {
            (_, Some(address)) => {
                Self { rcode: Rcode::NO_ERROR, body: Body::Address(blocking.ttl, address), error: None }
            }
            (BlockingAnswer::NxDomain, None) => Self::negative(Rcode::NAME_ERROR, blocking.ttl),
            (BlockingAnswer::Refused, None) => Self::error(Rcode::REFUSED),
            // Every other type of a muted name is empty: an HTTPS record would lead around the mute by its hints.
            (_, None) => Self::negative(Rcode::NO_ERROR, blocking.ttl),
        };
        reply.error = list.map(|list| ExtendedError::new(code, list.clone()));
        reply
    }

    /// This reply, with what a forwarder that validates said of the answer it replaces: DNSSEC's codes (RFC 8914 §4.2 to
    /// §4.13) are never covered up.
    pub(crate) fn keeping(mut self, said: Option<&ExtendedError>) -> Self {
        if let Some(said) = said.filter(|said| matches!(said.code, 1 | 2 | 5..=12)) {
            self.error = Some(said.clone());
        }
        self
    }

    /// NXDOMAIN for a name that does exist, and why.
    pub(crate) fn denied(ttl: u32, error: ExtendedError) -> Self {
        Self { error: Some(error), ..Self::negative(Rcode::NAME_ERROR, ttl) }
    }

    /// NODATA in place of an answer that is held back, and why.
    pub(crate) fn withheld(ttl: u32, error: ExtendedError) -> Self {
        Self { error: Some(error), ..Self::negative(Rcode::NO_ERROR, ttl) }
    }

    /// The answer that a rule gives in place of the real one.
    pub(crate) fn rewritten(rewrite: &Rewrite, query: &Query, ttl: u32) -> Self {
        let rcode = Rcode(rewrite.rcode.into());
        let records: Vec<_> = rewrite.records.iter().filter(|(rtype, _)| *rtype == query.qtype).cloned().collect();
        if rcode == Rcode::NO_ERROR && !records.is_empty() {
            return Self::records(ttl, records);
        }
        if rcode == Rcode::NO_ERROR || rcode == Rcode::NAME_ERROR {
            return Self::negative(rcode, ttl);
        }
        Self::error(rcode)
    }

    /// This reply, which is of the house itself and about `target`, as the reply about a name that is an alias of it.
    pub(crate) fn behind_alias(self, target: &Name, ttl: u32) -> Self {
        let owned = |rtype, ttl, rdata| Owned { owner: Some(target.clone()), rtype, ttl, rdata };
        let (records, soa) = match self.body {
            Body::Own(records, soa) => {
                let negative = || owned(rr_type::SOA, OWN_NEGATIVE_TTL, wire::soa(OWN_NEGATIVE_TTL).into());
                let soa = soa.or_else(|| records.is_empty().then(negative));
                (records, soa)
            }
            Body::Records(ttl, records) => {
                (records.into_iter().map(|(rtype, rdata)| owned(rtype, ttl, rdata)).collect(), None)
            }
            Body::Negative(ttl) => (Vec::new(), Some(owned(rr_type::SOA, ttl, wire::soa(ttl).into()))),
            // An error, or nothing that the house says of a name of its own.
            _ => return self,
        };
        let alias = Owned { owner: None, rtype: rr_type::CNAME, ttl, rdata: target.as_ref().wire().into() };
        let behind =
            records.into_iter().map(|record| Owned { owner: record.owner.or_else(|| Some(target.clone())), ..record });
        Self { body: Body::Own(iter::once(alias).chain(behind).collect(), soa), ..self }
    }

    /// What a forwarder said `age` seconds ago.
    pub(crate) fn answered(answer: Arc<Answer>, age: u32) -> Self {
        let (rcode, error) = (answer.rcode, answer.error.clone());
        Self { rcode, body: Body::Answer(answer, Ttl::Aged(age)), error }
    }

    /// What a forwarder said before its TTL ran out.
    pub(crate) fn stale(answer: Arc<Answer>) -> Self {
        let code = if answer.is_nxdomain() { ExtendedError::STALE_NXDOMAIN } else { ExtendedError::STALE_ANSWER };
        let rcode = answer.rcode;
        let error = Some(ExtendedError::new(code, ""));
        Self { rcode, body: Body::Answer(answer, Ttl::Fixed(STALE_TTL)), error }
    }

    /// Seconds for which who gets it may keep it; none for what says only that something went wrong.
    pub(crate) fn lifetime(&self) -> Option<u32> {
        if self.rcode != Rcode::NO_ERROR && self.rcode != Rcode::NAME_ERROR {
            return None;
        }
        match &self.body {
            Body::Empty | Body::Later => None,
            Body::Negative(ttl) | Body::Address(ttl, _) | Body::Records(ttl, _) | Body::Answer(_, Ttl::Fixed(ttl)) => {
                Some(*ttl)
            }
            Body::Answer(answer, Ttl::Aged(age)) => Some(answer.ttl.saturating_sub(*age)),
            Body::Own(records, soa) => records.iter().chain(soa).map(|record| record.ttl).min(),
        }
    }

    /// Appends the response to `query` as a message of at most `limit` octets.
    ///
    /// What does not fit loses first the extended error and then all records: part of an RRset is worse than none
    /// (RFC 2181 §9), and the asker comes again over TCP.
    pub(crate) fn write(&self, query: &Query, limit: usize, out: &mut Vec<u8>) {
        let start = out.len();
        self.write_whole(query, self.error.as_ref(), out);
        if out.len() - start > limit && self.error.is_some() {
            out.truncate(start);
            self.write_whole(query, None, out);
        }
        if out.len() - start > limit || self.is_slip() {
            out.truncate(start);
            self.write_head(query, TRUNCATED, [1, 0, 0, query.edns.is_some().into()], out);
            if query.edns.is_some() {
                self.write_opt(query, None, out);
            }
        }
    }

    fn write_whole(&self, query: &Query, error: Option<&ExtendedError>, out: &mut Vec<u8>) {
        let start = out.len();
        self.write_head(query, 0, [0; 4], out);
        let (answers, authorities) = match &self.body {
            Body::Empty | Body::Later => (0, 0),
            Body::Negative(ttl) => {
                wire::write_soa(out, *ttl);
                (0, 1)
            }
            Body::Address(ttl, address) => {
                match address {
                    IpAddr::V4(address) => wire::write_record(out, rr_type::A, *ttl, &address.octets()),
                    IpAddr::V6(address) => wire::write_record(out, rr_type::AAAA, *ttl, &address.octets()),
                }
                (1, 0)
            }
            Body::Records(ttl, records) => {
                for (rtype, rdata) in records {
                    wire::write_record(out, *rtype, *ttl, rdata);
                }
                (records.len() as u16, 0)
            }
            Body::Answer(answer, ttl) => answer.write_records(out, *ttl),
            Body::Own(records, soa) => {
                records.iter().for_each(|record| record.write(out));
                let negative = !records.iter().any(|record| record.rtype == query.qtype);
                match soa {
                    Some(soa) => soa.write(out),
                    None if negative => wire::write_soa(out, OWN_NEGATIVE_TTL),
                    None => {}
                }
                (records.len() as u16, u16::from(soa.is_some() || negative))
            }
        };
        if query.edns.is_some() {
            self.write_opt(query, error, out);
        }
        let counts = [1, answers, authorities, query.edns.is_some().into()];
        for (index, count) in counts.iter().enumerate() {
            let place = start + 4 + 2 * index;
            out[place..place + 2].copy_from_slice(&count.to_be_bytes());
        }
    }

    fn write_opt(&self, query: &Query, error: Option<&ExtendedError>, out: &mut Vec<u8>) {
        let start = out.len();
        wire::write_opt(out, self.rcode, query.dnssec_ok(), error);
        if let Some(cookie) = &query.cookie {
            wire::append_option(out, start, option::COOKIE, cookie);
        }
    }

    fn write_head(&self, query: &Query, extra_flags: u16, counts: [u16; 4], out: &mut Vec<u8>) {
        let authentic = match &self.body {
            // RFC 6840 §5.8: only for those who asked by AD or DO.
            Body::Answer(answer, Ttl::Aged(_)) => answer.authentic && (query.authentic_data || query.dnssec_ok()),
            _ => false,
        };
        let mut flags = RESPONSE | RECURSION_AVAILABLE | extra_flags | (self.rcode.0 & 0xf);
        for (flag, set) in [
            (RECURSION_DESIRED, query.recursion_desired),
            (CHECKING_DISABLED, query.checking_disabled),
            (AUTHENTIC_DATA, authentic),
            // RFC 1035 §4.1.1: nobody but this house is an authority for these names.
            (AUTHORITATIVE, matches!(self.body, Body::Own(..))),
        ] {
            flags |= if set { flag } else { 0 };
        }
        out.extend_from_slice(&query.id.to_be_bytes());
        out.extend_from_slice(&flags.to_be_bytes());
        for count in counts {
            out.extend_from_slice(&count.to_be_bytes());
        }
        out.extend_from_slice(query.asked());
        out.extend_from_slice(&query.qtype.to_be_bytes());
        out.extend_from_slice(&query.qclass.to_be_bytes());
    }
}

const RESPONSE: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const RECURSION_AVAILABLE: u16 = 0x0080;
const AUTHENTIC_DATA: u16 = 0x0020;
const CHECKING_DISABLED: u16 = 0x0010;

/// Octets of a UDP response to `query` (RFC 6891 §6.2.3, RFC 9715).
pub(crate) fn udp_limit(query: &Query) -> usize {
    query.edns.map_or(PLAIN_UDP_SIZE, |edns| edns.udp_size.min(UDP_SIZE)).into()
}

/// The one record that answers ANY (RFC 8482 §4.2): HINFO with "RFC8482" and an empty string.
pub(crate) fn minimal_any() -> Reply {
    const TTL: u32 = 3_789;
    Reply::records(TTL, vec![(rr_type::HINFO, Box::from(*b"\x07RFC8482\x00"))])
}
