//! The octets of a message: a bounds-checked reader for what comes in, and the few pieces that are written by hand.

use std::fmt;
use std::net::IpAddr;

/// Octets of a header (RFC 1035 §4.1.1).
pub(crate) const HEADER_LEN: usize = 12;
/// The largest UDP response given and taken: what passes everywhere without fragments (RFC 9715).
pub(crate) const UDP_SIZE: u16 = 1232;

/// Resource record types that are treated in a way of their own.
pub(crate) mod rr_type {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const HINFO: u16 = 13;
    pub(crate) const SIG: u16 = 24;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const DS: u16 = 43;
    pub(crate) const RRSIG: u16 = 46;
    pub(crate) const SVCB: u16 = 64;
    pub(crate) const HTTPS: u16 = 65;
    pub(crate) const NXNAME: u16 = 128;
    pub(crate) const TKEY: u16 = 249;
    pub(crate) const TSIG: u16 = 250;
    pub(crate) const IXFR: u16 = 251;
    pub(crate) const AXFR: u16 = 252;
    pub(crate) const MAILB: u16 = 253;
    pub(crate) const MAILA: u16 = 254;
    pub(crate) const ANY: u16 = 255;
}

/// The class of the internet.
pub(crate) const CLASS_IN: u16 = 1;

/// A response code, with the upper bits that travel in OPT (RFC 6891 §6.1.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rcode(pub(crate) u16);

impl Rcode {
    pub(crate) const NO_ERROR: Self = Self(0);
    pub(crate) const FORMAT_ERROR: Self = Self(1);
    pub(crate) const SERVER_FAILURE: Self = Self(2);
    pub(crate) const NAME_ERROR: Self = Self(3);
    pub(crate) const NOT_IMPLEMENTED: Self = Self(4);
    pub(crate) const REFUSED: Self = Self(5);
    pub(crate) const BAD_VERSION: Self = Self(16);
    pub(crate) const BAD_COOKIE: Self = Self(23);
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RCODE {}", self.0)
    }
}

/// An extended DNS error (RFC 8914): the code, and a few words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtendedError {
    pub(crate) code: u16,
    pub(crate) text: std::sync::Arc<str>,
}

impl ExtendedError {
    pub(crate) const STALE_ANSWER: u16 = 3;
    pub(crate) const BLOCKED: u16 = 15;
    pub(crate) const FILTERED: u16 = 17;
    pub(crate) const STALE_NXDOMAIN: u16 = 19;
    pub(crate) const NO_REACHABLE_AUTHORITY: u16 = 22;
    pub(crate) const NETWORK_ERROR: u16 = 23;
    /// EXTRA-TEXT given at most, octets: a name, never a sentence.
    const MAX_TEXT: usize = 32;

    pub(crate) fn new(code: u16, text: impl Into<std::sync::Arc<str>>) -> Self {
        Self { code, text: text.into() }
    }

    fn text(&self) -> &str {
        let mut end = self.text.len().min(Self::MAX_TEXT);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

/// The fixed part of a message (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) questions: u16,
    pub(crate) answers: u16,
    pub(crate) authorities: u16,
    pub(crate) additionals: u16,
}

impl Header {
    pub(crate) fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(crate) fn opcode(&self) -> u16 {
        (self.flags >> 11) & 0xf
    }

    pub(crate) fn recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    pub(crate) fn authentic_data(&self) -> bool {
        self.flags & 0x0020 != 0
    }

    pub(crate) fn checking_disabled(&self) -> bool {
        self.flags & 0x0010 != 0
    }
}

/// The first question of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Uncompressed wire form.
    pub(crate) name: &'a [u8],
    pub(crate) qtype: u16,
    pub(crate) qclass: u16,
}

/// A resource record whose envelope is sound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) owner_is_root: bool,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    /// Where the TTL stands in the message.
    pub(crate) ttl_offset: usize,
    pub(crate) rdata: &'a [u8],
}

/// Reads a message from front to back and never past its end.
pub(crate) struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.message.len()
    }

    /// How many octets have been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn header(&mut self) -> Option<Header> {
        Some(Header {
            id: self.u16()?,
            flags: self.u16()?,
            questions: self.u16()?,
            answers: self.u16()?,
            authorities: self.u16()?,
            additionals: self.u16()?,
        })
    }

    /// A question. A name with a pointer is refused: in the first question there is nothing to point back to.
    pub(crate) fn question(&mut self) -> Option<Question<'a>> {
        let name = self.whole_name()?;
        Some(Question { name, qtype: self.u16()?, qclass: self.u16()? })
    }

    pub(crate) fn record(&mut self) -> Option<Record<'a>> {
        let start = self.at;
        self.name()?;
        let owner_is_root = self.at == start + 1;
        let (rtype, class) = (self.u16()?, self.u16()?);
        let ttl_offset = self.at;
        let ttl = (u32::from(self.u16()?) << 16) | u32::from(self.u16()?);
        let len = usize::from(self.u16()?);
        let rdata = self.bytes(len)?;
        Some(Record { owner_is_root, rtype, class, ttl, ttl_offset, rdata })
    }

    /// A name that is written out.
    pub(crate) fn whole_name(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        if !self.name()? {
            return None;
        }
        self.message.get(start..self.at)
    }

    /// An option of an OPT record, or a parameter of SVCB: its code and its value.
    pub(crate) fn option(&mut self) -> Option<(u16, &'a [u8])> {
        let code = self.u16()?;
        let len = usize::from(self.u16()?);
        Some((code, self.bytes(len)?))
    }

    /// Steps over a name; says whether it was written out in full.
    ///
    /// A pointer must point back to what came before this very name (RFC 1035 §4.1.4), which makes loops impossible
    /// without following any; what it points to is the codec's business.
    fn name(&mut self) -> Option<bool> {
        let start = self.at;
        loop {
            let octet = *self.message.get(self.at)?;
            match octet {
                0 => {
                    self.at += 1;
                    return (self.at - start <= crate::policy::MAX_WIRE_LEN).then_some(true);
                }
                1..=63 => self.at += 1 + usize::from(octet),
                0xc0.. => {
                    let low = *self.message.get(self.at + 1)?;
                    let target = usize::from(u16::from_be_bytes([octet & 0x3f, low]));
                    self.at += 2;
                    return (HEADER_LEN..start).contains(&target).then_some(false);
                }
                _ => return None,
            }
            if self.at - start > crate::policy::MAX_WIRE_LEN {
                return None;
            }
        }
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.bytes(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }
}

/// Where a record of SVCB or HTTPS leads (RFC 9460 §2.2), whatever else it says.
pub(crate) struct Binding<'a> {
    /// Uncompressed wire form; the root where it is the owner itself.
    pub(crate) target: &'a [u8],
    pub(crate) hints: Vec<IpAddr>,
}

impl<'a> Binding<'a> {
    /// Whether records of this type are bindings.
    pub(crate) fn is_type(rtype: u16) -> bool {
        matches!(rtype, rr_type::SVCB | rr_type::HTTPS)
    }

    /// Reads RDATA; none where a target or a hint cannot be read, or a parameter is not whole.
    pub(crate) fn read(rdata: &'a [u8]) -> Option<Self> {
        const IPV4_HINT: u16 = 4;
        const IPV6_HINT: u16 = 6;
        let mut reader = Reader::new(rdata);
        reader.u16()?;
        let mut binding = Self { target: reader.whole_name()?, hints: Vec::new() };
        while !reader.is_at_end() {
            let (key, value) = reader.option()?;
            match key {
                IPV4_HINT => {
                    let (hints, rest) = value.as_chunks::<4>();
                    binding.hints.extend(hints.iter().map(|octets| IpAddr::from(*octets)));
                    rest.is_empty().then_some(())?;
                }
                IPV6_HINT => {
                    let (hints, rest) = value.as_chunks::<16>();
                    binding.hints.extend(hints.iter().map(|octets| IpAddr::from(*octets)));
                    rest.is_empty().then_some(())?;
                }
                _ => {}
            }
        }
        Some(binding)
    }
}

/// Appends an OPT record: our UDP size, the upper bits of `rcode`, DO, and an extended error if there is one.
pub(crate) fn write_opt(out: &mut Vec<u8>, rcode: Rcode, dnssec_ok: bool, error: Option<&ExtendedError>) {
    out.push(0);
    out.extend_from_slice(&rr_type::OPT.to_be_bytes());
    out.extend_from_slice(&UDP_SIZE.to_be_bytes());
    out.extend_from_slice(&[(rcode.0 >> 4) as u8, 0, if dnssec_ok { 0x80 } else { 0 }, 0]);
    let Some(error) = error else {
        out.extend_from_slice(&[0, 0]);
        return;
    };
    const EXTENDED_ERROR: u16 = 15;
    let text = error.text().as_bytes();
    let value_len = 2 + text.len() as u16;
    out.extend_from_slice(&(4 + value_len).to_be_bytes());
    out.extend_from_slice(&EXTENDED_ERROR.to_be_bytes());
    out.extend_from_slice(&value_len.to_be_bytes());
    out.extend_from_slice(&error.code.to_be_bytes());
    out.extend_from_slice(text);
}

/// Appends an option to the OPT record that begins at `start` and ends the message.
pub(crate) fn append_option(out: &mut Vec<u8>, start: usize, code: u16, value: &[u8]) {
    /// Where RDLENGTH stands behind the root label, TYPE, CLASS and TTL.
    const RDLENGTH: usize = 9;
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
    let len = (out.len() - start - RDLENGTH - 2) as u16;
    if let Some(place) = out.get_mut(start + RDLENGTH..start + RDLENGTH + 2) {
        place.copy_from_slice(&len.to_be_bytes());
    }
}

/// Appends a record whose owner is QNAME: a pointer to the question, which stands right behind the header.
pub(crate) fn write_record(out: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
    out.extend_from_slice(&[0xc0, HEADER_LEN as u8]);
    out.extend_from_slice(&rtype.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    out.extend_from_slice(rdata);
}

/// Appends a record of our own; without `owner` it is owned by QNAME.
pub(crate) fn write_owned(out: &mut Vec<u8>, owner: Option<&[u8]>, rtype: u16, ttl: u32, rdata: &[u8]) {
    let Some(owner) = owner else { return write_record(out, rtype, ttl, rdata) };
    let at = out.len();
    write_record(out, rtype, ttl, rdata);
    // In place of the pointer to the question.
    out.splice(at..at + 2, owner.iter().copied());
}

/// Appends the SOA record that lets a stub resolver keep a negative answer for `ttl` seconds (RFC 2308 §5).
pub(crate) fn write_soa(out: &mut Vec<u8>, ttl: u32) {
    write_record(out, rr_type::SOA, ttl, &soa(ttl));
}

/// RDATA of our SOA records; MINIMUM is `ttl`, seconds.
pub(crate) fn soa(ttl: u32) -> Vec<u8> {
    // MNAME and RNAME are names of this house only: a negative answer of ours must not pretend to be the zone's.
    let mut rdata = Vec::with_capacity(64);
    rdata.extend_from_slice(b"\x07sordino\x04home\x04arpa\x00");
    rdata.extend_from_slice(b"\x07nothing\x07sordino\x04home\x04arpa\x00");
    for number in [1, 3600, 600, 86_400, ttl] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}
