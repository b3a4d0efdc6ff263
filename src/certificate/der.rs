//! The few fields of a certificate that are worth showing (RFC 5280 §4.1), read by hand: what checks signatures does not
//! tell when a certificate ends, and a library that does brings twenty others along.

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::time::Timestamp;

/// Tags (X.690 §8).
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `subjectAltName`, 2.5.29.17, and two of its forms.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

pub(super) struct Read<'a> {
    pub(super) expires: Timestamp,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    /// SubjectPublicKeyInfo, tag and length included.
    pub(super) public_key: &'a [u8],
}

pub(super) fn read(certificate: &[u8]) -> Option<Read<'_>> {
    let mut body = Der(Der(Der(certificate).take(SEQUENCE)?).take(SEQUENCE)?);
    body.skip_optional(VERSION);
    body.take(INTEGER)?; // serial number
    body.take(SEQUENCE)?; // algorithm
    body.take(SEQUENCE)?; // issuer
    let mut validity = Der(body.take(SEQUENCE)?);
    validity.next()?;
    let expires = validity.next().and_then(|element| moment(element.tag, element.content))?;
    body.take(SEQUENCE)?; // subject
    let public_key = body.next().filter(|element| element.tag == SEQUENCE)?.whole;
    let mut read = Read { expires, names: Vec::new(), addresses: Vec::new(), public_key };
    while let Some(element) = body.next() {
        if element.tag == EXTENSIONS {
            let mut extensions = Der(Der(element.content).take(SEQUENCE)?);
            while let Some(extension) = extensions.next() {
                read.extension(extension.content);
            }
        }
    }
    Some(read)
}

impl Read<'_> {
    /// Takes the names out of the extension that has them; an extension that is not understood is somebody else's.
    fn extension(&mut self, extension: &[u8]) -> Option<()> {
        let mut extension = Der(extension);
        if extension.take(OBJECT)? != SUBJECT_ALT_NAME {
            return None;
        }
        // `critical` may stand in between.
        let value = std::iter::from_fn(|| extension.next()).find(|element| element.tag == OCTETS)?;
        let mut forms = Der(Der(value.content).take(SEQUENCE)?);
        while let Some(form) = forms.next() {
            match form.tag {
                DNS_NAME => self.names.push(String::from_utf8_lossy(form.content).to_ascii_lowercase()),
                IP_ADDRESS => {
                    let ipv4 = <[u8; 4]>::try_from(form.content).map(IpAddr::from);
                    let address = ipv4.or_else(|_| <[u8; 16]>::try_from(form.content).map(IpAddr::from));
                    self.addresses.extend(address);
                }
                _ => {}
            }
        }
        Some(())
    }
}

/// RFC 5280 §4.1.2.5: `YYMMDDHHMMSSZ`, where 50 and more means 19.., or the same with four digits of the year.
fn moment(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let century = match tag {
        UTC_TIME if text.get(..1)? < "5" => "20",
        UTC_TIME => "19",
        GENERALIZED_TIME => "",
        _ => return None,
    };
    let text = format!("{century}{text}");
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let part = |from: usize| number(from, from + 2)?.try_into().ok();
    let civil = DateTime::new(number(0, 4)?, part(4)?, part(6)?, part(8)?, part(10)?, part(12)?, 0).ok()?;
    let moment = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    Some(Timestamp::from_millis(moment.try_into().unwrap_or(0)))
}

/// Elements one behind the other.
struct Der<'a>(&'a [u8]);

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let [tag, first, rest @ ..] = self.0 else { return None };
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81 => (usize::from(*rest.first()?), &rest[1..]),
            0x82 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), &rest[2..]),
            // Longer than any certificate, or without an end.
            _ => return None,
        };
        let content = rest.get(..length)?;
        let head = self.0.len() - rest.len();
        let (whole, behind) = self.0.split_at(head + length);
        self.0 = behind;
        Some(Element { tag: *tag, content, whole })
    }

    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.content)
    }

    fn skip_optional(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }
}
