//! Zone files, in the format of RFC 1035 §5.

use hickory_proto::rr::{DNSClass, Name as WireName, RData};
use hickory_proto::serialize::binary::{BinDecoder, BinEncodable, BinEncoder, NameEncoding, Restrict};
use hickory_proto::serialize::txt::Parser;

use super::Record;
use crate::policy::Name;

/// Octets of a zone file.
pub const MAX_ZONE_BYTES: u64 = 4 << 20;
/// TTL of records that have none and stand before any `$TTL`, seconds.
const USUAL_TTL: u32 = 3_600;
/// The longest TTL (RFC 8767 §4), seconds.
const MAX_TTL: u32 = 86_400;

/// Reads the records of the zone `origin` from `text`.
///
/// # Errors
/// One sentence on the first thing that is wrong.
pub fn parse(text: &str, origin: &Name) -> Result<Vec<Record>, String> {
    // Other files would be read wherever they lie, also while lists are only being checked.
    if text.lines().any(|line| line.trim_start().to_ascii_uppercase().starts_with("$INCLUDE")) {
        return Err("$INCLUDE is not read; write the records into this file".into());
    }
    let mut wire = WireName::from_labels(origin.as_ref().labels()).map_err(|error| error.to_string())?;
    wire.set_fqdn(true);
    let text = format!("$TTL {USUAL_TTL}\n{text}\n");
    let (_, sets) = Parser::new(text, None, Some(wire)).parse().map_err(|error| error.to_string())?;
    let mut records = Vec::new();
    for record in sets.into_values().flat_map(|set| set.into_parts().records) {
        let name = Name::from_labels(record.name.iter()).map_err(|_| format!("{} is no name", record.name))?;
        if record.dns_class != DNSClass::IN {
            return Err(format!("{name}: only records of class IN are served"));
        }
        if !name.as_ref().is_in(origin.as_ref()) {
            return Err(format!("{name} does not lie in the zone {origin}"));
        }
        let rdata = rdata(&record.data).ok_or_else(|| format!("{name}: a record cannot be written down"))?;
        let rtype = u16::from(record.record_type());
        records.push(Record { name, rtype, ttl: record.ttl.min(MAX_TTL), rdata });
    }
    Ok(records)
}

/// RDATA without compression: it is put into messages at any place.
fn rdata(data: &RData) -> Option<Box<[u8]>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(octets.into())
}

/// What [`rdata`] wrote, as it stands in a zone file.
pub(super) fn in_words(rtype: u16, rdata: &[u8]) -> Option<String> {
    let length = Restrict::new(u16::try_from(rdata.len()).ok()?);
    let data = RData::read(&mut BinDecoder::new(rdata), rtype.into(), length).ok()?;
    Some(data.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Record>, String> {
        parse(text, &Name::parse("lab.example").unwrap())
    }

    #[test]
    fn a_zone_file_is_read() {
        let records = read(
            "@ IN SOA ns hostmaster 1 3600 600 86400 60\n  NS ns\nns 60 A 192.168.1.2\n$TTL 120\nwww CNAME ns\n\
             t TXT \"two words\" more\n_x._tcp SRV 0 5 443 ns ; a comment\n",
        )
        .unwrap();
        let mut told: Vec<(String, u16, u32)> =
            records.iter().map(|record| (record.name.to_string(), record.rtype, record.ttl)).collect();
        told.sort();
        let row = |name: &str, rtype, ttl| (name.to_owned(), rtype, ttl);
        assert_eq!(
            told,
            [
                row("_x._tcp.lab.example", 33, 120),
                row("lab.example", 2, 3600),
                row("lab.example", 6, 3600),
                row("ns.lab.example", 1, 60),
                row("t.lab.example", 16, 120),
                row("www.lab.example", 5, 120),
            ]
        );
        let alias = records.iter().find(|record| record.rtype == 5).unwrap();
        assert_eq!(&*alias.rdata, b"\x02ns\x03lab\x07example\x00");
    }

    #[test]
    fn what_cannot_be_served_is_refused_in_a_sentence() {
        for text in
            ["www A 1.2.3", "www WHAT x", "www.other.test. A 192.0.2.1", "$INCLUDE /etc/passwd", "a CH TXT x", "("]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
