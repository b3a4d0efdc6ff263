//! Answers given by a rule, and how `$dnsrewrite` writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::rrtype;
use super::rule::{Mistake, Refused, shown};

/// An answer given by a rule (`$dnsrewrite`, or an address in a trusted hosts list).
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Rewrite {
    /// RCODE of the response.
    pub rcode: u8,
    /// The name to resolve instead, answered with a CNAME in front.
    pub alias: Option<Name>,
    /// Records: type and uncompressed RDATA. Only those of the type that was asked are given.
    pub records: Vec<(u16, Box<[u8]>)>,
}

/// RCODEs by name (RFC 6895 §2.3) that fit into the header.
const RCODES: [(&str, u8); 11] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
];

impl Rewrite {
    /// Answers with `address`, and with nothing for the other family.
    pub(super) fn address(address: IpAddr) -> Self {
        Self { records: vec![address_record(address)], ..Self::default() }
    }

    /// Resolves `alias` instead.
    pub(super) fn alias(alias: Name) -> Self {
        Self { alias: Some(alias), ..Self::default() }
    }

    /// Whether there is nothing in the answer: in effect a block of another form.
    pub fn is_negative(&self) -> bool {
        self.alias.is_none() && self.records.is_empty()
    }

    /// Reads the value of `$dnsrewrite`: an address, a name, an RCODE, or `RCODE;TYPE;DATA`.
    pub(super) fn parse(value: &str) -> Result<Self, Refused> {
        let mut parts = value.splitn(3, ';');
        match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
            (short, None, _) => parse_short(short),
            (rcode, Some(rrtype), data) => parse_full(rcode, rrtype, data.unwrap_or_default()),
        }
    }
}

fn parse_short(value: &str) -> Result<Rewrite, Refused> {
    if let Ok(address) = value.parse() {
        return Ok(Rewrite::address(address));
    }
    if let Some(rcode) = rcode_named(value) {
        return Ok(Rewrite { rcode, ..Rewrite::default() });
    }
    // A word in capitals was meant as an RCODE; read as a name, a slip would send people to a host of that name.
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(bad(format!("{} is no RCODE", shown(value))));
    }
    target_name(value).map(Rewrite::alias)
}

fn parse_full(rcode: &str, rrtype: &str, data: &str) -> Result<Rewrite, Refused> {
    let code = rcode_named(rcode).ok_or_else(|| bad(format!("{} is no RCODE", shown(rcode))))?;
    if code != 0 || (rrtype.is_empty() && data.is_empty()) {
        return Ok(Rewrite { rcode: code, ..Rewrite::default() });
    }
    let number = rrtype::parse(rrtype).ok_or_else(|| bad(format!("{} is no record type", shown(rrtype))))?;
    if number == rrtype::CNAME {
        return target_name(data).map(Rewrite::alias);
    }
    let rdata = encode(number, data).ok_or_else(|| bad(format!("{} is no data of type {rrtype}", shown(data))))?;
    Ok(Rewrite { records: vec![(number, rdata.into())], ..Rewrite::default() })
}

fn rcode_named(name: &str) -> Option<u8> {
    RCODES.iter().find(|(known, _)| *known == name).map(|&(_, code)| code)
}

fn target_name(text: &str) -> Result<Name, Refused> {
    let name = Name::parse(text).ok().filter(|name| !name.as_ref().is_root() && !text.contains('\\'));
    name.ok_or_else(|| bad(format!("{} is neither an address nor a name nor an RCODE", shown(text))))
}

fn bad(why: String) -> Refused {
    Refused::new(Mistake::BadModifierValue, format!("$dnsrewrite: {why}"))
}

/// RDATA in wire form from its presentation form; none where it cannot be read or the type is not known here.
pub(super) fn encode(rrtype: u16, data: &str) -> Option<Vec<u8>> {
    match rrtype {
        rrtype::A => data.parse::<Ipv4Addr>().ok().map(|address| address.octets().to_vec()),
        rrtype::AAAA => data.parse::<Ipv6Addr>().ok().map(|address| address.octets().to_vec()),
        rrtype::PTR => wire_name(data),
        rrtype::TXT => encode_text(data),
        rrtype::MX => encode_numbers_and_name(data, 1),
        rrtype::SRV => encode_numbers_and_name(data, 3),
        rrtype::SVCB | rrtype::HTTPS => encode_service(data),
        _ => None,
    }
}

/// The record that answers with `address`.
pub(super) fn address_record(address: IpAddr) -> (u16, Box<[u8]>) {
    match address {
        IpAddr::V4(v4) => (rrtype::A, v4.octets().into()),
        IpAddr::V6(v6) => (rrtype::AAAA, v6.octets().into()),
    }
}

fn wire_name(text: &str) -> Option<Vec<u8>> {
    Name::parse(text).ok().map(|name| name.as_ref().wire().to_vec())
}

/// Character strings of at most 255 octets each (RFC 1035 §3.3.14); quotes around the whole are not part of it.
fn encode_text(data: &str) -> Option<Vec<u8>> {
    const MOST: usize = 4096;
    let data = data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(data);
    if data.len() > MOST {
        return None;
    }
    let mut rdata = Vec::with_capacity(data.len() + 1);
    if data.is_empty() {
        rdata.push(0);
    }
    for part in data.as_bytes().chunks(255) {
        rdata.push(u8::try_from(part.len()).ok()?);
        rdata.extend_from_slice(part);
    }
    Some(rdata)
}

/// MX (RFC 1035 §3.3.9) and SRV (RFC 2782): 16-bit numbers and a name behind them.
fn encode_numbers_and_name(data: &str, numbers: usize) -> Option<Vec<u8>> {
    let mut words = data.split_whitespace();
    let mut rdata = Vec::new();
    for _ in 0..numbers {
        rdata.extend_from_slice(&words.next()?.parse::<u16>().ok()?.to_be_bytes());
    }
    rdata.extend_from_slice(&wire_name(words.next()?)?);
    words.next().is_none().then_some(rdata)
}

/// SVCB and HTTPS (RFC 9460 §2.2): priority, target, and parameters in the order of their numbers.
fn encode_service(data: &str) -> Option<Vec<u8>> {
    let mut words = data.split_whitespace();
    let priority = words.next()?.parse::<u16>().ok()?;
    let mut rdata = priority.to_be_bytes().to_vec();
    rdata.extend_from_slice(&wire_name(words.next()?)?);
    let mut parameters = words.map(encode_parameter).collect::<Option<Vec<_>>>()?;
    parameters.sort();
    if parameters.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return None;
    }
    for (key, value) in parameters {
        rdata.extend_from_slice(&key.to_be_bytes());
        rdata.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        rdata.extend_from_slice(&value);
    }
    Some(rdata)
}

/// One parameter (RFC 9460 §7). Keys whose values need an encoding of their own, as ech does, are not offered.
fn encode_parameter(word: &str) -> Option<(u16, Vec<u8>)> {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    let value = value.trim_matches('"');
    let list = || value.split(',');
    let encoded = match key {
        "alpn" => {
            let mut wire = Vec::new();
            for id in list().filter(|id| !id.is_empty()) {
                wire.push(u8::try_from(id.len()).ok()?);
                wire.extend_from_slice(id.as_bytes());
            }
            (!wire.is_empty()).then_some((1, wire))?
        }
        "no-default-alpn" => value.is_empty().then_some((2, Vec::new()))?,
        "port" => (3, value.parse::<u16>().ok()?.to_be_bytes().to_vec()),
        "ipv4hint" => {
            (4, list().map(|one| Some(one.parse::<Ipv4Addr>().ok()?.octets())).collect::<Option<Vec<_>>>()?.concat())
        }
        "ipv6hint" => {
            (6, list().map(|one| Some(one.parse::<Ipv6Addr>().ok()?.octets())).collect::<Option<Vec<_>>>()?.concat())
        }
        "dohpath" => (7, value.as_bytes().to_vec()),
        _ => return None,
    };
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_rewrite_are_read() {
        assert_eq!(Rewrite::parse("198.51.100.1").unwrap().records, [(1, Box::from([198, 51, 100, 1]))]);
        assert_eq!(Rewrite::parse("NXDOMAIN").unwrap().rcode, 3);
        assert_eq!(Rewrite::parse("REFUSED;;").unwrap(), Rewrite { rcode: 5, ..Rewrite::default() });
        assert_eq!(Rewrite::parse("NOERROR;CNAME;new.example").unwrap(), Rewrite::parse("new.example").unwrap());
        let mx = Rewrite::parse("NOERROR;MX;10 m.example").unwrap();
        assert_eq!(mx.records, [(15, Box::from(&b"\x00\x0a\x01m\x07example\x00"[..]))]);
        let https = Rewrite::parse("NOERROR;HTTPS;1 . alpn=h3,h2 port=8443").unwrap();
        assert_eq!(https.records[0].1.as_ref(), b"\x00\x01\x00\x00\x01\x00\x06\x02h3\x02h2\x00\x03\x00\x02\x20\xfb");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for value in [
            "",
            "a b",
            "NOPE;A;192.0.2.1",
            "NOERROR;A;::1",
            "NOERROR;NOTYPE;x",
            "NOERROR;MX;m.example",
            ".",
            "NXDOMIAN",
        ] {
            assert!(Rewrite::parse(value).is_err(), "{value:?}");
        }
    }
}
