//! Records as people make them in the page and in `config.toml`: a kind, and a value in words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Record, parse_zone, reverse_name};
use crate::policy::Name;

/// TTL of own records where nothing else is said, seconds.
pub const USUAL_TTL: u32 = 300;
/// Characters of a TXT record's text.
const LONGEST_TEXT: usize = 4_000;

/// A record that was made in the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRecord {
    /// A number that no other has.
    pub id: u64,
    /// Its owner.
    pub name: Name,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: RecordKind,
    /// An address, a name or a text.
    pub value: String,
    /// Seconds for which it may be kept.
    pub ttl: u32,
}

/// Types that can be made without knowing what RDATA is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name for a name.
    Cname,
    /// Text.
    Txt,
    /// The name of an address.
    Ptr,
}

impl OwnRecord {
    /// The record as it is served.
    ///
    /// # Errors
    /// One sentence on what is wrong with its value.
    pub fn record(&self) -> Result<Record, String> {
        if self.name.as_ref().is_root() {
            return Err("the root is no name of this house; give the record a name, as in \"nas.home.arpa\"".into());
        }
        let zone = format!("@ {} IN {}\n", self.ttl, self.kind.line(&self.value)?);
        let mut records = parse_zone(&zone, &self.name)?;
        records.pop().filter(|_| records.is_empty()).ok_or_else(|| "the value is more than one record".into())
    }
}

impl RecordKind {
    /// The owner that `written` means: for a PTR record also an address will do.
    ///
    /// # Errors
    /// One sentence on why it is no name.
    pub fn owner(self, written: &str) -> Result<Name, String> {
        let address = written.parse::<IpAddr>().ok().filter(|_| self == Self::Ptr);
        match address.and_then(reverse_name) {
            Some(name) => Ok(name),
            None => Name::parse(written)
                .map_err(|why| format!("{written:?} is no domain name: {why}; write one as in \"nas.home.arpa\"")),
        }
    }

    /// Type and value as they stand in a zone file.
    ///
    /// # Errors
    /// One sentence on what is wrong with `value`.
    pub fn line(self, value: &str) -> Result<String, String> {
        match self {
            Self::A => match value.parse::<Ipv4Addr>() {
                Ok(address) => Ok(format!("A {address}")),
                Err(_) => Err(format!("{value:?} is no IPv4 address; write one as in \"192.168.1.5\"")),
            },
            Self::Aaaa => match value.parse::<Ipv6Addr>() {
                Ok(address) => Ok(format!("AAAA {address}")),
                Err(_) => Err(format!("{value:?} is no IPv6 address; write one as in \"fd00::5\"")),
            },
            Self::Cname => Ok(format!("CNAME {}.", target(value)?)),
            Self::Ptr => Ok(format!("PTR {}.", target(value)?)),
            Self::Txt => Ok(format!("TXT {}", quoted(value)?)),
        }
    }
}

/// A name that means itself in a zone file as well, where `;`, `@`, `$` and brackets mean something else.
fn target(written: &str) -> Result<Name, String> {
    let name = RecordKind::Cname.owner(written)?;
    let octets = || name.as_ref().labels().flatten();
    if name.as_ref().is_root() || !octets().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(octet)) {
        return Err(format!(
            "{written:?} is no name of letters, digits, hyphens and dots; write one as in \"nas.home.arpa\""
        ));
    }
    Ok(name)
}

/// Character strings of at most 255 octets (RFC 1035 §3.3.14).
fn quoted(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !printable || text.contains(['"', '\\']) || text.len() > LONGEST_TEXT {
        return Err(format!(
            "a text is plain ASCII on one line, without quotation marks and backslashes, of at most {LONGEST_TEXT} characters; write anything else into a zone file"
        ));
    }
    let pieces: Vec<String> =
        text.as_bytes().chunks(255).map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece))).collect();
    Ok(if pieces.is_empty() { "\"\"".into() } else { pieces.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, kind: RecordKind, value: &str) -> Result<Record, String> {
        OwnRecord { id: 1, name: kind.owner(name)?, kind, value: value.into(), ttl: 60 }.record()
    }

    #[test]
    fn each_kind_is_read_from_words() {
        for (name, kind, value, rtype, rdata) in [
            ("nas.home.arpa", RecordKind::A, "192.168.1.5", 1, &[192, 168, 1, 5][..]),
            ("nas.home.arpa", RecordKind::Aaaa, "::1", 28, &1_u128.to_be_bytes()),
            ("www.home.arpa", RecordKind::Cname, "nas.home.arpa", 5, b"\x03nas\x04home\x04arpa\x00"),
            ("192.168.1.5", RecordKind::Ptr, "nas.home.arpa.", 12, b"\x03nas\x04home\x04arpa\x00"),
            ("t.home.arpa", RecordKind::Txt, "two words; one text", 16, b"\x13two words; one text"),
            ("t.home.arpa", RecordKind::Txt, "", 16, b"\x00"),
        ] {
            let record = made(name, kind, value).unwrap();
            assert_eq!((record.rtype, record.ttl, &*record.rdata), (rtype, 60, rdata), "{name} {kind:?} {value}");
        }
        assert_eq!(made("192.168.1.5", RecordKind::Ptr, "nas").unwrap().name.to_string(), "5.1.168.192.in-addr.arpa");
        let long = "x".repeat(600);
        assert_eq!(made("t.home.arpa", RecordKind::Txt, &long).unwrap().rdata.len(), 603);
    }

    #[test]
    fn what_is_no_record_is_refused_in_a_sentence() {
        let too_long = "x".repeat(LONGEST_TEXT + 1);
        for (name, kind, value) in [
            ("nas.home.arpa", RecordKind::A, "fd00::5"),
            ("nas.home.arpa", RecordKind::A, "192.168.1.5\nevil A 192.0.2.1"),
            ("nas.home.arpa", RecordKind::Aaaa, "192.168.1.5"),
            ("nas.home.arpa", RecordKind::Cname, "a..b"),
            ("nas.home.arpa", RecordKind::Cname, "a b"),
            ("nas.home.arpa", RecordKind::Cname, "a;b"),
            ("nas.home.arpa", RecordKind::Ptr, "."),
            ("nas.home.arpa", RecordKind::Txt, "a \"quotation\""),
            ("nas.home.arpa", RecordKind::Txt, "two\nlines"),
            ("nas.home.arpa", RecordKind::Txt, &too_long),
            (".", RecordKind::A, "192.168.1.5"),
            ("a..b", RecordKind::A, "192.168.1.5"),
        ] {
            assert!(made(name, kind, value).is_err_and(|why| why.contains(' ')), "{name} {kind:?} {value:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_more_than_one_record(value in ".{0,60}") {
            for kind in [RecordKind::A, RecordKind::Cname, RecordKind::Ptr, RecordKind::Txt] {
                if let Ok(record) = made("nas.home.arpa", kind, &value) {
                    proptest::prop_assert_eq!(record.name.to_string(), "nas.home.arpa");
                }
            }
        }
    }
}
