//! A response as it comes in over UDP, read by the codec.

use hickory_proto::op::Message;

use crate::dns::wire::Reader;

/// RRSIG (RFC 4034 §3).
const RRSIG: u16 = 46;
/// A type that no zone has and no question asks for (RFC 6895 §3.1).
const RESERVED: u16 = 65_535;

/// Reads a response. A signature that nobody can read is left out: whoever looks for it will miss it, and the others need
/// not go without the answer. The codec would refuse all of it.
pub(super) fn read(packet: &[u8]) -> Option<Message> {
    Message::from_vec(packet).ok().or_else(|| Message::from_vec(&without_unreadable_signatures(packet)?).ok())
}

/// `packet` with another type in place of RRSIG where that cannot be read; none where there is no such place.
fn without_unreadable_signatures(packet: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(packet);
    let header = reader.header()?;
    for _ in 0..header.questions {
        reader.question()?;
    }
    let mut changed = None;
    let records: usize = [header.answers, header.authorities, header.additionals].map(usize::from).iter().sum();
    for _ in 0..records {
        let record = reader.record()?;
        if record.rtype == RRSIG && !is_signature(record.rdata) {
            // In front of the TTL stand TYPE and CLASS.
            let place = record.ttl_offset.checked_sub(4)?;
            let changed = changed.get_or_insert_with(|| packet.to_vec());
            changed.get_mut(place..place + 2)?.copy_from_slice(&RESERVED.to_be_bytes());
        }
    }
    changed
}

/// Whether `rdata` has the fixed fields, a signer that is written out, and a signature (RFC 4034 §3.1).
fn is_signature(rdata: &[u8]) -> bool {
    const FIXED: usize = 18;
    let mut rest = rdata.get(FIXED..).unwrap_or_default();
    while let Some((&len @ 0..=63, tail)) = rest.split_first() {
        match len {
            0 => return !tail.is_empty(),
            len => rest = tail.get(usize::from(len)..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response with an address of `a.example` and a signature with this RDATA.
    fn signed(rdata: &[u8]) -> Vec<u8> {
        let mut packet =
            b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01".to_vec();
        packet.extend(b"\xc0\x0c\x00\x2e\x00\x01\x00\x00\x00\x3c");
        packet.extend((rdata.len() as u16).to_be_bytes());
        packet.extend(rdata);
        packet.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01");
        packet
    }

    #[test]
    fn an_unreadable_signature_costs_nothing_but_itself() {
        let fixed = [0, 1, 13, 2, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 1, 0, 7];
        let whole = [&fixed[..], b"\x07example\x00", &[9; 64]].concat();
        let types = |rdata: &[u8]| {
            let message = read(&signed(rdata)).expect("the address can be read");
            message.answers.iter().map(|record| u16::from(record.record_type())).collect::<Vec<_>>()
        };
        assert_eq!(types(&whole), [RRSIG, 1]);
        for broken in [&whole[..5], &whole[..18], &whole[..22]] {
            assert_eq!(types(broken), [RESERVED, 1], "{broken:?}");
        }
    }

    #[test]
    fn what_is_otherwise_unreadable_stays_so() {
        let mut packet = signed(&[0; 4]);
        let last = packet.len() - 5;
        packet[last] = 3; // RDLENGTH of the address
        assert!(read(&packet).is_none());
    }
}
