//! A response as it comes in, read by the codec as far as that can read it.
//!
//! The codec refuses a message for one record it cannot make sense of. But nobody need make sense of what is only passed on:
//! such a record is carried as octets (RFC 3597 §3), and left out where it answers nothing.

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{Name as WireName, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

use super::wire::{Binding, HEADER_LEN, Reader, rr_type};

/// Types whose RDATA may hold a name that leans on the rest of the message by compression (RFC 3597 §4). Their octets mean
/// nothing elsewhere.
const LEANING: [u16; 19] = [2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 17, 18, 21, 24, 26, 30, 33, 35];
/// Types that are judged by their RDATA, or read by ourselves: they are readable, or they are nothing.
const OURS: [u16; 3] = [rr_type::A, rr_type::AAAA, rr_type::OPT];

/// Reads a response; none where what answers the question cannot be had.
///
/// A signature that nobody can read is left out: whoever looks for it will miss it, and the others need not go without the
/// answer.
pub(super) fn read(packet: &[u8]) -> Option<Message> {
    Message::from_vec(packet).ok().or_else(|| read_piecewise(packet))
}

/// Reads record by record.
fn read_piecewise(packet: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(packet);
    let header = reader.header()?;
    let mut head = packet.to_vec();
    head[6..HEADER_LEN].fill(0);
    let mut message = Message::from_vec(&head).ok()?;
    for _ in 0..header.questions {
        reader.question()?;
    }
    for _ in 0..header.answers {
        match next(packet, &mut reader)? {
            Ok(record) => message.answers.push(record),
            Err(Unreadable::Signature) => {}
            Err(Unreadable::Data) => return None,
        }
    }
    for _ in 0..header.authorities {
        message.authorities.extend(next(packet, &mut reader)?);
    }
    for _ in 0..header.additionals {
        if let Ok(record) = next(packet, &mut reader)?
            && record.record_type() == RecordType::OPT
        {
            message.edns.get_or_insert_with(|| (&record).into());
        }
    }
    Some(message)
}

/// What stands where there is no record that could be passed on.
enum Unreadable {
    Signature,
    Data,
}

/// The record at which `reader` stands in `packet`; none where not even its envelope is sound.
fn next(packet: &[u8], reader: &mut Reader<'_>) -> Option<Result<Record, Unreadable>> {
    let start = u16::try_from(reader.position()).ok()?;
    let envelope = reader.record()?;
    let mut decoder = BinDecoder::new(packet).clone(start);
    // The codec takes an empty RDATA for a part of an UPDATE.
    if let Ok(record) = Record::read(&mut decoder)
        && (!envelope.rdata.is_empty() || envelope.rtype == rr_type::OPT)
    {
        return Some(Ok(record));
    }
    if envelope.rtype == rr_type::RRSIG {
        return Some(Err(Unreadable::Signature));
    }
    let carried = !LEANING.contains(&envelope.rtype) && !OURS.contains(&envelope.rtype);
    if !carried || (Binding::is_type(envelope.rtype) && Binding::read(envelope.rdata).is_none()) {
        return Some(Err(Unreadable::Data));
    }
    let name = WireName::read(&mut BinDecoder::new(packet).clone(start)).ok()?;
    let mut octets = NULL::new();
    octets.anything = envelope.rdata.into();
    let data = RData::Unknown { code: RecordType::from(envelope.rtype), rdata: octets };
    let mut record = Record::from_rdata(name, envelope.ttl, data);
    record.dns_class = envelope.class.into();
    Some(Ok(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response with an address of `a.example` behind a record of this type and RDATA.
    fn response(rtype: u16, rdata: &[u8]) -> Vec<u8> {
        let mut packet =
            b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01".to_vec();
        packet.extend(b"\xc0\x0c");
        packet.extend(rtype.to_be_bytes());
        packet.extend(b"\x00\x01\x00\x00\x00\x3c");
        packet.extend((rdata.len() as u16).to_be_bytes());
        packet.extend(rdata);
        packet.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01");
        packet
    }

    fn types(packet: &[u8]) -> Option<Vec<u16>> {
        Some(read(packet)?.answers.iter().map(|record| u16::from(record.record_type())).collect())
    }

    #[test]
    fn an_unreadable_signature_costs_nothing_but_itself() {
        let fixed = [0, 1, 13, 2, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 1, 0, 7];
        let whole = [&fixed[..], b"\x07example\x00", &[9; 64]].concat();
        assert_eq!(types(&response(rr_type::RRSIG, &whole)).unwrap(), [rr_type::RRSIG, 1]);
        for broken in [&whole[..5], &whole[..18], &whole[..22]] {
            assert_eq!(types(&response(rr_type::RRSIG, broken)).unwrap(), [1], "{broken:?}");
        }
    }

    #[test]
    fn rfc3597_3_what_the_codec_cannot_read_is_carried_as_octets() {
        // Of no known type and empty; NSEC3 with a hash of another kind; HTTPS with an ALPN that is no text.
        for (rtype, rdata) in
            [(65_280, &b""[..]), (10, b""), (50, b"\x02\0\0\0\0\x01h"), (65, b"\0\x01\0\0\x01\0\x03\x02\xca\xca")]
        {
            let message = read(&response(rtype, rdata)).unwrap();
            let RData::Unknown { code, rdata: octets } = &message.answers[0].data else { panic!("{message:?}") };
            assert_eq!((u16::from(*code), octets.anything.as_slice()), (rtype, rdata));
            assert_eq!(u16::from(message.answers[1].record_type()), 1);
        }
    }

    #[test]
    fn what_must_be_judged_must_be_readable() {
        assert_eq!(types(&response(1, &[192, 0, 2])), None);
        assert_eq!(types(&response(5, &[0xc0])), None);
        assert_eq!(types(&response(65, b"\0\x01\0\0\x04\0\x03\x01\x02\x03")), None, "a hint of three octets");
        let mut packet = response(16, b"\x01a");
        let last = packet.len() - 5;
        packet[last] = 3; // RDLENGTH of the address
        assert!(read(&packet).is_none());
    }

    #[test]
    fn what_answers_nothing_is_left_out_where_it_cannot_be_read() {
        let mut packet = response(28, &[0; 15]);
        // The broken record and the address become additional ones, and OPT without options comes behind them.
        packet.splice(6..12, [0, 0, 0, 0, 0, 3]);
        packet.extend(b"\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00");
        let message = read(&packet).unwrap();
        assert!(message.answers.is_empty() && message.additionals.is_empty());
        assert_eq!(message.edns.unwrap().rcode_high(), 1);
    }
}
