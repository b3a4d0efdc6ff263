//! DNS messages as bytes, written and read without the codec that sordino uses: a fault there must not hide itself.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const PTR: u16 = 12;
pub const HINFO: u16 = 13;
pub const MX: u16 = 15;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const OPT: u16 = 41;
pub const DS: u16 = 43;
pub const SVCB: u16 = 64;
pub const HTTPS: u16 = 65;
pub const IXFR: u16 = 251;
pub const AXFR: u16 = 252;
pub const ANY: u16 = 255;

pub const NOERROR: u16 = 0;
pub const FORMERR: u16 = 1;
pub const SERVFAIL: u16 = 2;
pub const NXDOMAIN: u16 = 3;
pub const NOTIMP: u16 = 4;
pub const REFUSED: u16 = 5;
pub const BADVERS: u16 = 16;

/// EDNS option codes.
pub const ECS: u16 = 8;
pub const COOKIE: u16 = 10;
pub const KEEPALIVE: u16 = 11;
pub const PADDING: u16 = 12;
pub const EDE: u16 = 15;

/// Header bits.
pub const QR: u16 = 0x8000;
pub const AA: u16 = 0x0400;
pub const TC: u16 = 0x0200;
pub const RD: u16 = 0x0100;
pub const RA: u16 = 0x0080;
pub const Z: u16 = 0x0040;
pub const AD: u16 = 0x0020;
pub const CD: u16 = 0x0010;

/// The DO bit of the OPT record.
pub const DO: u16 = 0x8000;

/// A message, in either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub flags: u16,
    pub questions: Vec<Question>,
    pub answers: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub opt: Option<Opt>,
    /// How long it was on the wire.
    pub size: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Wire form, case kept.
    pub name: Vec<u8>,
    pub qtype: u16,
    pub class: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Wire form, case kept.
    pub name: Vec<u8>,
    pub rtype: u16,
    pub class: u16,
    pub ttl: u32,
    /// RDATA, names in it decompressed.
    pub data: Vec<u8>,
}

/// The OPT record (RFC 6891).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opt {
    pub payload: u16,
    pub extended_rcode: u8,
    pub version: u8,
    pub flags: u16,
    pub options: Vec<(u16, Vec<u8>)>,
}

/// A query as a stub resolver sends it: RD, and EDNS with 1232 octets.
pub fn query(name: &str, qtype: u16) -> Message {
    Message { opt: Some(Opt { payload: 1232, ..Opt::default() }), ..plain_query(name, qtype) }
}

/// A query without EDNS.
pub fn plain_query(name: &str, qtype: u16) -> Message {
    let question = Question { name: name_wire(name), qtype, class: 1 };
    Message { id: fresh_id(), flags: RD, questions: vec![question], ..Message::default() }
}

fn fresh_id() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as u16
}

impl Message {
    pub fn rcode(&self) -> u16 {
        let high = self.opt.as_ref().map_or(0, |opt| u16::from(opt.extended_rcode));
        high << 4 | self.flags & 0xf
    }

    pub fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    pub fn has(&self, bit: u16) -> bool {
        self.flags & bit != 0
    }

    /// The answer section in words, as in `["CNAME b.example.", "A 192.0.2.1"]`.
    pub fn texts(&self) -> Vec<String> {
        self.answers.iter().map(Record::text).collect()
    }

    /// The name that is asked, in words and with its case.
    pub fn asked(&self) -> String {
        self.questions.first().map_or_else(String::new, |question| name_text(&question.name))
    }

    pub fn option(&self, code: u16) -> Option<&[u8]> {
        let options = &self.opt.as_ref()?.options;
        options.iter().find(|(found, _)| *found == code).map(|(_, data)| data.as_slice())
    }

    /// INFO-CODE and EXTRA-TEXT of the extended error (RFC 8914 §2).
    pub fn ede(&self) -> Option<(u16, String)> {
        let data = self.option(EDE)?;
        let (code, text) = data.split_first_chunk()?;
        Some((u16::from_be_bytes(*code), String::from_utf8_lossy(text).into_owned()))
    }

    /// The SOA of a negative answer: its TTL and its MINIMUM.
    pub fn soa(&self) -> Option<(u32, u32)> {
        let soa = self.authority.iter().find(|record| record.rtype == SOA)?;
        let minimum = soa.data.last_chunk()?;
        Some((soa.ttl, u32::from_be_bytes(*minimum)))
    }

    /// The smallest TTL of the answer section.
    pub fn ttl(&self) -> u32 {
        self.answers.iter().map(|record| record.ttl).min().expect("an answer with records")
    }

    pub fn wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let additional = self.additional.len() + usize::from(self.opt.is_some());
        let counts = [self.questions.len(), self.answers.len(), self.authority.len(), additional];
        out.extend(self.id.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        counts.iter().for_each(|count| out.extend((*count as u16).to_be_bytes()));
        for question in &self.questions {
            out.extend(&question.name);
            out.extend(question.qtype.to_be_bytes());
            out.extend(question.class.to_be_bytes());
        }
        for record in self.answers.iter().chain(&self.authority).chain(&self.additional) {
            record.write(&mut out);
        }
        if let Some(opt) = &self.opt {
            opt.record().write(&mut out);
        }
        out
    }

    /// Reads a message; none if it is not one from the first to the last octet.
    pub fn parse(wire: &[u8]) -> Option<Self> {
        let mut reader = Reader { wire, at: 0 };
        let mut message = Self { id: reader.u16()?, flags: reader.u16()?, size: wire.len(), ..Self::default() };
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        for _ in 0..counts[0] {
            let name = reader.name()?;
            message.questions.push(Question { name, qtype: reader.u16()?, class: reader.u16()? });
        }
        for _ in 0..counts[1] {
            message.answers.push(reader.record()?);
        }
        for _ in 0..counts[2] {
            message.authority.push(reader.record()?);
        }
        for _ in 0..counts[3] {
            let record = reader.record()?;
            if record.rtype != OPT {
                message.additional.push(record);
            } else if message.opt.replace(Opt::read(&record)?).is_some() {
                return None;
            }
        }
        (reader.at == wire.len()).then_some(message)
    }
}

impl Record {
    pub fn new(name: &str, rtype: u16, ttl: u32, data: impl Into<Vec<u8>>) -> Self {
        Self { name: name_wire(name), rtype, class: 1, ttl, data: data.into() }
    }

    /// Type and data in words.
    pub fn text(&self) -> String {
        let data = &self.data;
        match (self.rtype, data.len()) {
            (A, 4) => format!("A {}", Ipv4Addr::from(<[u8; 4]>::try_from(&data[..]).unwrap())),
            (AAAA, 16) => format!("AAAA {}", Ipv6Addr::from(<[u8; 16]>::try_from(&data[..]).unwrap())),
            (CNAME, _) => format!("CNAME {}", name_text(data)),
            (PTR, _) => format!("PTR {}", name_text(data)),
            (rtype, len) => {
                let hex = data.iter().fold(String::new(), |mut hex, octet| {
                    write!(hex, "{octet:02x}").unwrap();
                    hex
                });
                format!("TYPE{rtype} \\# {len} {hex}")
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(&self.name);
        out.extend(self.rtype.to_be_bytes());
        out.extend(self.class.to_be_bytes());
        out.extend(self.ttl.to_be_bytes());
        out.extend((self.data.len() as u16).to_be_bytes());
        out.extend(&self.data);
    }
}

impl Opt {
    pub fn record(&self) -> Record {
        let mut data = Vec::new();
        for (code, value) in &self.options {
            data.extend(code.to_be_bytes());
            data.extend((value.len() as u16).to_be_bytes());
            data.extend(value);
        }
        let ttl = u32::from_be_bytes([self.extended_rcode, self.version, (self.flags >> 8) as u8, self.flags as u8]);
        Record { name: vec![0], rtype: OPT, class: self.payload, ttl, data }
    }

    fn read(record: &Record) -> Option<Self> {
        let [extended_rcode, version, high, low] = record.ttl.to_be_bytes();
        let flags = u16::from_be_bytes([high, low]);
        let mut opt = Self { payload: record.class, extended_rcode, version, flags, options: Vec::new() };
        let mut reader = Reader { wire: &record.data, at: 0 };
        while reader.at < record.data.len() {
            let code = reader.u16()?;
            let len = usize::from(reader.u16()?);
            opt.options.push((code, reader.take(len)?.to_vec()));
        }
        (record.name == [0]).then_some(opt)
    }
}

struct Reader<'a> {
    wire: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let taken = self.wire.get(self.at..self.at + len)?;
        self.at += len;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn record(&mut self) -> Option<Record> {
        let (name, rtype, class) = (self.name()?, self.u16()?, self.u16()?);
        let ttl = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        let len = usize::from(self.u16()?);
        let end = self.at + len;
        // The types whose RDATA may hold compressed names (RFC 3597 §4).
        let (skipped, names) = match rtype {
            CNAME | NS | PTR => (0, 1),
            MX => (2, 1),
            SOA => (0, 2),
            _ => (0, 0),
        };
        let mut data = self.take(skipped)?.to_vec();
        for _ in 0..names {
            data.extend(self.name()?);
        }
        data.extend(self.take(end.checked_sub(self.at)?)?);
        Some(Record { name, rtype, class, ttl, data })
    }

    fn name(&mut self) -> Option<Vec<u8>> {
        let mut name = Vec::new();
        let mut at = self.at;
        let mut followed = false;
        loop {
            let len = *self.wire.get(at)?;
            match len {
                0 => break,
                1..=63 => {
                    name.extend(self.wire.get(at..=at + usize::from(len))?);
                    at += 1 + usize::from(len);
                }
                0xc0.. => {
                    let target = usize::from(len & 0x3f) << 8 | usize::from(*self.wire.get(at + 1)?);
                    if !followed {
                        self.at = at + 2;
                    }
                    // Only backwards, so that this ends.
                    at = (target < at).then_some(target)?;
                    followed = true;
                }
                _ => return None,
            }
            if name.len() > 254 {
                return None;
            }
        }
        if !followed {
            self.at = at + 1;
        }
        name.push(0);
        Some(name)
    }
}

/// Wire form of a name in words; `\.` and `\ddd` stand for octets.
pub fn name_wire(text: &str) -> Vec<u8> {
    let mut labels = vec![Vec::new()];
    let mut bytes = text.trim_end_matches('.').bytes();
    while let Some(byte) = bytes.next() {
        let octet = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => match bytes.next().expect("something after the backslash") {
                digit if digit.is_ascii_digit() => {
                    let rest = [bytes.next().unwrap(), bytes.next().unwrap()];
                    [digit, rest[0], rest[1]].iter().fold(0, |sum, digit| sum * 10 + (digit - b'0'))
                }
                byte => byte,
            },
            byte => byte,
        };
        labels.last_mut().unwrap().push(octet);
    }
    let mut wire = Vec::new();
    for label in labels.iter().filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend(label);
    }
    wire.push(0);
    wire
}

/// A name in words, with the dot at the end and the case it has.
pub fn name_text(wire: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = wire;
    while let Some((&len, tail)) = rest.split_first().filter(|(len, _)| **len > 0) {
        for &octet in &tail[..usize::from(len)] {
            match octet {
                b'.' | b'\\' => write!(text, "\\{}", char::from(octet)).unwrap(),
                b'!'..=b'~' => text.push(char::from(octet)),
                _ => write!(text, "\\{octet:03}").unwrap(),
            }
        }
        text.push('.');
        rest = &tail[usize::from(len)..];
    }
    if text.is_empty() { ".".into() } else { text }
}
