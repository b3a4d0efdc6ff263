//! A query as it came in: checked, and reduced to what the answer depends on.
//!
//! Read by hand and not by the codec: the codec allocates for every record, and a packet from a stranger must cost
//! nothing before it has been found sound (threats: counts that lie, options without end).

use std::net::IpAddr;
use std::time::Instant;

use super::cookie::{CLIENT_LEN, OURS_LEN, WHOLE_LEN};
use super::edns::holds;
use super::edns::option::{KEEPALIVE, PADDING};
use super::forwarded::Behind;
use super::labels::DeviceLabel;
use super::wire::{self, HEADER_LEN, Rcode, Reader, rr_type};
use crate::event::Transport;
use crate::policy::{MacAddr, Name};
use crate::time::Timestamp;

/// Options a query may carry before it is called malformed.
pub(crate) const MAX_EDNS_OPTIONS: usize = 32;

/// Octets of the longest query that is read. A name takes 255; the rest are options, and no sound asker sends kilobytes.
pub(crate) const LONGEST_QUERY: usize = 4_096;

/// A query that is sound enough to be answered.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// Copied into the response.
    pub(crate) id: u16,
    /// RD, copied into the response.
    pub(crate) recursion_desired: bool,
    /// CD, copied into the response and sent on.
    pub(crate) checking_disabled: bool,
    /// AD in a query: the asker wants to know whether data is authentic (RFC 6840 §5.7).
    pub(crate) authentic_data: bool,
    /// QNAME, lower-cased.
    pub(crate) name: Name,
    /// QTYPE.
    pub(crate) qtype: u16,
    /// QCLASS.
    pub(crate) qclass: u16,
    /// The OPT record, if there is one.
    pub(crate) edns: Option<Edns>,
    /// The client's part of its cookie (RFC 7873 §4), if it sent one.
    pub(crate) client_cookie: Option<[u8; CLIENT_LEN]>,
    /// The whole cookie that goes into the response.
    pub(crate) cookie: Option<[u8; WHOLE_LEN]>,
    /// What the sender says of who stands behind it; to be believed of a trusted forwarder only.
    pub(crate) behind: Behind,
    /// QNAME as it was asked, where that was not in small letters.
    spelled: Option<Box<[u8]>>,
}

/// Where a query came from, and when.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The device's: the sender's, or what a trusted forwarder says of who asked it.
    pub(crate) address: IpAddr,
    /// Where the packet came from.
    pub(crate) sender: IpAddr,
    /// The device's hardware address, as a trusted forwarder says.
    pub(crate) mac: Option<MacAddr>,
    pub(crate) transport: Transport,
    pub(crate) at: Timestamp,
    pub(crate) arrived: Instant,
    /// What the device calls itself.
    pub(crate) label: Option<DeviceLabel>,
}

/// What of an OPT record matters here. Options are never sent on and never echoed (RFC 6891 §6.1.2, RFC 7871 §11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    /// The largest UDP response the asker can take, octets; at least 512.
    pub(crate) udp_size: u16,
    /// DO (RFC 3225).
    pub(crate) dnssec_ok: bool,
    /// Whether it was padded (RFC 7830), so that the response is.
    pub(crate) padded: bool,
    /// Whether the asker wants to know how long its connection may do nothing (RFC 7828).
    pub(crate) keepalive: bool,
}

/// Why a packet is not answered as a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswerable {
    /// It is not even a header.
    Short,
    /// It is a response; answering one is how two servers keep each other busy for ever (CVE-2024-2169).
    Response,
    /// It is a query that only an error answers.
    Error(ErrorReply),
    /// It asks for a cookie and for nothing else (RFC 7873 §5.4).
    CookieAlone(CookieQuery),
}

/// A query without a question, for a cookie or whether one is still good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieQuery {
    /// What it gets, but for the cookie.
    pub(crate) reply: ErrorReply,
    /// The client's part.
    pub(crate) client: [u8; CLIENT_LEN],
    /// Ours, where it comes with one. One of a length that ours never has is all zeros, which ours never is either.
    pub(crate) ours: Option<[u8; OURS_LEN]>,
}

/// An error response, for a packet that is no sound query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorReply {
    pub(crate) id: u16,
    /// Opcode and RD as they came in.
    pub(crate) flags: u16,
    pub(crate) rcode: Rcode,
    /// The question as it came in, if it could be read (RFC 6891 §7).
    pub(crate) question: Box<[u8]>,
    /// Whether the packet had an OPT record: then the response has one, or it would say that EDNS is unknown here.
    pub(crate) opt: bool,
    /// A whole cookie, for who asked for nothing else.
    pub(crate) cookie: Option<[u8; WHOLE_LEN]>,
}

impl Query {
    /// Reads a packet.
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, Unanswerable> {
        let mut reader = Reader::new(packet);
        let header = reader.header().ok_or(Unanswerable::Short)?;
        if header.is_response() {
            return Err(Unanswerable::Response);
        }
        let flags = header.flags & ErrorReply::KEPT_FLAGS;
        let (id, rcode) = (header.id, Rcode::NO_ERROR);
        let reply = ErrorReply { id, flags, rcode, question: Box::default(), opt: false, cookie: None };
        if header.opcode() != 0 {
            return Err(reply.says(Rcode::NOT_IMPLEMENTED));
        }
        if [header.questions, header.answers, header.authorities, header.additionals] == [0, 0, 0, 1] {
            return Err(match cookie_alone(reader, &reply) {
                Some(cookie) => Unanswerable::CookieAlone(cookie),
                None => reply.says(Rcode::FORMAT_ERROR),
            });
        }
        // RFC 9619 §4: exactly one question. A query carries no answers, and authority only in IXFR.
        if header.questions != 1 || header.answers != 0 || packet.len() > LONGEST_QUERY {
            return Err(reply.says(Rcode::FORMAT_ERROR));
        }
        let Some(question) = reader.question() else { return Err(reply.says(Rcode::FORMAT_ERROR)) };
        let asked = packet.get(HEADER_LEN..reader.position()).unwrap_or_default();
        let wrong =
            |opt, rcode| Unanswerable::Error(ErrorReply { rcode, question: asked.into(), opt, ..reply.clone() });
        let mut opt = false;
        if header.authorities > u16::from(question.qtype == rr_type::IXFR) {
            return Err(wrong(opt, Rcode::FORMAT_ERROR));
        }
        for _ in 0..header.authorities {
            reader.record().ok_or_else(|| wrong(opt, Rcode::FORMAT_ERROR))?;
        }
        let mut edns = None;
        let mut client_cookie = None;
        let mut behind = Behind::default();
        for _ in 0..header.additionals {
            let record = reader.record().ok_or_else(|| wrong(opt, Rcode::FORMAT_ERROR))?;
            match record.rtype {
                rr_type::OPT => {
                    opt = true;
                    // RFC 6891 §6.1.1: one OPT, owned by the root.
                    if edns.is_some() || !record.owner_is_root || !options_are_sound(record.rdata) {
                        return Err(wrong(opt, Rcode::FORMAT_ERROR));
                    }
                    if (record.ttl >> 16) & 0xff != 0 {
                        return Err(wrong(opt, Rcode::BAD_VERSION));
                    }
                    client_cookie = cookie_in(record.rdata);
                    behind = Behind::read(record.rdata);
                    let dnssec_ok = record.ttl & 0x8000 != 0;
                    let [padded, keepalive] = [PADDING, KEEPALIVE].map(|code| holds(record.rdata, code));
                    edns = Some(Edns { udp_size: record.class.max(512), dnssec_ok, padded, keepalive });
                }
                // Transaction signatures: no key is known here (RFC 8945 §5.2).
                rr_type::TSIG | rr_type::SIG => return Err(wrong(opt, Rcode::REFUSED)),
                _ => {}
            }
        }
        if !reader.is_at_end() {
            return Err(wrong(opt, Rcode::FORMAT_ERROR));
        }
        let name = Name::from_wire(question.name).map_err(|_| wrong(opt, Rcode::FORMAT_ERROR))?;
        let spelled = (question.name != name.as_ref().wire()).then(|| question.name.into());
        Ok(Self {
            id: header.id,
            recursion_desired: header.recursion_desired(),
            checking_disabled: header.checking_disabled(),
            authentic_data: header.authentic_data(),
            name,
            qtype: question.qtype,
            qclass: question.qclass,
            edns,
            client_cookie,
            cookie: None,
            behind,
            spelled,
        })
    }

    /// QNAME in wire form, in the case it was asked in.
    pub(crate) fn asked(&self) -> &[u8] {
        self.spelled.as_deref().unwrap_or_else(|| self.name.as_ref().wire())
    }

    /// The same question about another name.
    pub(crate) fn about(&self, name: &Name) -> Self {
        Self { name: name.clone(), spelled: None, ..self.clone() }
    }

    /// Whether DNSSEC records are wanted.
    pub(crate) fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

impl ErrorReply {
    /// Opcode and RD: what an error response keeps of a query's flags.
    const KEPT_FLAGS: u16 = 0x7900;

    /// This reply with an RCODE.
    fn says(self, rcode: Rcode) -> Unanswerable {
        Unanswerable::Error(Self { rcode, ..self })
    }

    /// The response: a header, the question, and the OPT record where there was one (RFC 6891 §6.1.1 and §7).
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&(0x8080 | self.flags | (self.rcode.0 & 0xf)).to_be_bytes());
        let questions = u16::from(!self.question.is_empty());
        for count in [questions, 0, 0, self.opt.into()] {
            out.extend_from_slice(&count.to_be_bytes());
        }
        out.extend_from_slice(&self.question);
        if self.opt {
            let opt = out.len();
            wire::write_opt(out, self.rcode, false, None);
            if let Some(cookie) = &self.cookie {
                wire::append_option(out, opt, option::COOKIE, cookie);
            }
        }
    }
}

/// The cookie in a query whose only record is OPT.
fn cookie_alone(mut reader: Reader<'_>, reply: &ErrorReply) -> Option<CookieQuery> {
    let record = reader.record().filter(|record| record.rtype == rr_type::OPT && record.owner_is_root)?;
    let version = (record.ttl >> 16) & 0xff;
    if version != 0 || !reader.is_at_end() || !options_are_sound(record.rdata) {
        return None;
    }
    let mut options = Reader::new(record.rdata);
    let (_, cookie) = std::iter::from_fn(|| options.option()).find(|(code, _)| *code == option::COOKIE)?;
    let (client, ours) = cookie.split_first_chunk()?;
    let reply = ErrorReply { opt: true, ..reply.clone() };
    let ours = (!ours.is_empty()).then(|| ours.try_into().unwrap_or_default());
    Some(CookieQuery { reply, client: *client, ours })
}

/// Whether RDATA of an OPT record is a sequence of whole options, with those well-formed whose form is fixed.
fn options_are_sound(rdata: &[u8]) -> bool {
    let mut rest = Reader::new(rdata);
    for _ in 0..MAX_EDNS_OPTIONS {
        if rest.is_at_end() {
            return true;
        }
        let Some((code, value)) = rest.option() else { return false };
        let sound = match code {
            option::CLIENT_SUBNET => client_subnet_is_sound(value),
            // RFC 7873 §5.2.2: 8 octets from the client, or those and 8 to 32 of the server.
            option::COOKIE => value.len() == 8 || (16..=40).contains(&value.len()),
            _ => true,
        };
        if !sound {
            return false;
        }
    }
    rest.is_at_end()
}

fn cookie_in(rdata: &[u8]) -> Option<[u8; CLIENT_LEN]> {
    let mut options = Reader::new(rdata);
    let (_, cookie) = std::iter::from_fn(|| options.option()).find(|(code, _)| *code == option::COOKIE)?;
    cookie.first_chunk().copied()
}

/// RFC 7871 §6 and §7.1.1: as many address octets as the source prefix needs, and no scope in a query.
fn client_subnet_is_sound(value: &[u8]) -> bool {
    let [family_high, family_low, source, scope, address @ ..] = value else { return false };
    let bits = match u16::from_be_bytes([*family_high, *family_low]) {
        1 => 32,
        2 => 128,
        _ => return *source == 0 && address.is_empty(),
    };
    *source <= bits && *scope == 0 && address.len() == usize::from(*source).div_ceil(8)
}

/// EDNS options that are read.
pub(crate) mod option {
    pub(super) const CLIENT_SUBNET: u16 = 8;
    pub(crate) const COOKIE: u16 = 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x12, 0x34];
        packet.extend(flags.to_be_bytes());
        counts.iter().for_each(|count| packet.extend(count.to_be_bytes()));
        packet.extend(rest);
        packet
    }

    const QUESTION: &[u8] = b"\x01A\x07eXample\x00\x00\x01\x00\x01";

    fn rcode_of(packet: &[u8]) -> Rcode {
        match Query::parse(packet) {
            Err(Unanswerable::Error(reply)) => reply.rcode,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_query_keeps_the_case_it_was_asked_in() {
        let query = Query::parse(&packet(0x0100, [1, 0, 0, 0], QUESTION)).unwrap();
        assert_eq!(query.name.to_string(), "a.example");
        assert_eq!(query.asked(), b"\x01A\x07eXample\x00");
        assert!(query.recursion_desired && query.edns.is_none());
    }

    #[test]
    fn rfc9619_exactly_one_question() {
        for count in [0, 2, 65535] {
            assert_eq!(rcode_of(&packet(0, [count, 0, 0, 0], QUESTION)), Rcode::FORMAT_ERROR);
        }
    }

    #[test]
    fn responses_and_fragments_of_headers_get_no_answer() {
        assert_eq!(Query::parse(&packet(0x8000, [1, 0, 0, 0], QUESTION)).err(), Some(Unanswerable::Response));
        assert_eq!(Query::parse(&[0; 11]).err(), Some(Unanswerable::Short));
    }

    #[test]
    fn rfc8906_other_opcodes_are_not_implemented() {
        for opcode in 1..16 {
            assert_eq!(rcode_of(&packet(opcode << 11, [1, 0, 0, 0], QUESTION)), Rcode::NOT_IMPLEMENTED);
        }
    }

    #[test]
    fn rfc6891_one_opt_owned_by_the_root_of_version_zero() {
        let opt = |version: u8| vec![0, 0, 41, 4, 208, 0, version, 0x80, 0, 0, 0];
        let one = [QUESTION, &opt(0)].concat();
        let query = Query::parse(&packet(0, [1, 0, 0, 1], &one)).unwrap();
        assert_eq!(query.edns, Some(Edns { udp_size: 1232, dnssec_ok: true, padded: false, keepalive: false }));
        let two = [QUESTION, &opt(0), &opt(0)].concat();
        assert_eq!(rcode_of(&packet(0, [1, 0, 0, 2], &two)), Rcode::FORMAT_ERROR);
        let newer = [QUESTION, &opt(1)].concat();
        assert_eq!(rcode_of(&packet(0, [1, 0, 0, 1], &newer)), Rcode::BAD_VERSION);
    }

    #[test]
    fn names_with_pointers_and_trailing_bytes_are_malformed() {
        assert_eq!(rcode_of(&packet(0, [1, 0, 0, 0], b"\xc0\x0c\x00\x01\x00\x01")), Rcode::FORMAT_ERROR);
        assert_eq!(rcode_of(&packet(0, [1, 0, 0, 0], &[QUESTION, b"x"].concat())), Rcode::FORMAT_ERROR);
    }

    proptest::proptest! {
        #[test]
        fn no_packet_makes_the_reader_fall(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let _ = Query::parse(&bytes);
        }
    }
}
