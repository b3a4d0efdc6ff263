//! Options of a response that depend on how the query came in. They are put into the OPT record at the end of a message that
//! is written already, so that who writes messages need not know of connections.

use std::time::Duration;

use super::wire::{HEADER_LEN, Reader, rr_type};

/// EDNS option codes.
pub(crate) mod option {
    /// RFC 7828.
    pub(crate) const KEEPALIVE: u16 = 11;
    /// RFC 7830.
    pub(crate) const PADDING: u16 = 12;
}

/// Octets that the length of a padded response is a multiple of (RFC 8467 §4.1).
const BLOCK: usize = 468;
/// The longest message (RFC 1035 §4.2.2).
const LONGEST: usize = 65_535;

/// Whether RDATA of an OPT record, which is known to be sound, holds an option.
pub(crate) fn holds(rdata: &[u8], code: u16) -> bool {
    let mut options = Reader::new(rdata);
    std::iter::from_fn(|| options.option()).any(|(found, _)| found == code)
}

/// Tells how long the connection may do nothing (RFC 7828 §3.1, in units of 100 ms).
pub(crate) fn append_keepalive(out: &mut Vec<u8>, start: usize, idle: Duration) {
    let units = u16::try_from(idle.as_millis() / 100).unwrap_or(u16::MAX);
    append(out, start, option::KEEPALIVE, &units.to_be_bytes());
}

/// Fills the message that begins at `start` up to a whole number of blocks, or to the longest there is. Last of all
/// options.
pub(crate) fn append_padding(out: &mut Vec<u8>, start: usize) {
    const OPTION_HEAD: usize = 4;
    let bare = out.len() - start + OPTION_HEAD;
    let whole = bare.next_multiple_of(BLOCK).min(LONGEST);
    if let Some(padding) = whole.checked_sub(bare) {
        append(out, start, option::PADDING, &[0; BLOCK][..padding.min(BLOCK)]);
    }
}

/// Puts an option behind the last one of the OPT record, which stands at the end of our messages.
fn append(out: &mut Vec<u8>, start: usize, code: u16, value: &[u8]) {
    let Some((place, len)) = opt_len(&out[start..]) else { return };
    let grown = (4 + value.len()).checked_add(len.into()).and_then(|len| u16::try_from(len).ok());
    let Some(grown) = grown.filter(|_| out.len() - start + 4 + value.len() <= LONGEST) else { return };
    out[start + place..start + place + 2].copy_from_slice(&grown.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}

/// Where in a message the length of the OPT record's RDATA stands, and what it is.
fn opt_len(message: &[u8]) -> Option<(usize, u16)> {
    const RDLENGTH: usize = 2;
    let mut reader = Reader::new(message);
    let header = reader.header()?;
    for _ in 0..header.questions {
        reader.question()?;
    }
    let records = usize::from(header.answers) + usize::from(header.authorities) + usize::from(header.additionals);
    let last = (0..records).map_while(|_| reader.record()).last()?;
    let is_last = reader.is_at_end() && reader.position() > HEADER_LEN && last.rtype == rr_type::OPT;
    is_last.then(|| (message.len() - last.rdata.len() - RDLENGTH, last.rdata.len() as u16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::wire::{ExtendedError, Rcode, write_opt, write_record};

    /// Something in front, and a message of a question, a record and OPT behind it.
    fn message(rdata: &[u8]) -> Vec<u8> {
        let mut out = b"in front".to_vec();
        out.extend_from_slice(&[0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
        out.extend_from_slice(b"\x01a\x04test\x00\x00\x10\x00\x01");
        write_record(&mut out, 16, 60, rdata);
        write_opt(&mut out, Rcode::NO_ERROR, false, Some(&ExtendedError::new(15, "list")));
        out
    }

    fn options(message: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut reader = Reader::new(message);
        reader.header().unwrap();
        reader.question().unwrap();
        reader.record().unwrap();
        let mut options = Reader::new(reader.record().unwrap().rdata);
        assert!(reader.is_at_end());
        let found = std::iter::from_fn(|| options.option()).map(|(code, value)| (code, value.to_vec())).collect();
        assert!(options.is_at_end());
        found
    }

    #[test]
    fn rfc8467_4_1_a_padded_response_fills_whole_blocks() {
        for len in [0, 1, 100, 383, 384, 385, 388, 468, 900, 1_500] {
            let mut out = message(&vec![7; len]);
            append_keepalive(&mut out, 8, Duration::from_secs(10));
            append_padding(&mut out, 8);
            assert_eq!((out.len() - 8) % BLOCK, 0, "{len} octets");
            let options = options(&out[8..]);
            assert_eq!(options.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [15, 11, 12]);
            assert_eq!(options[1].1, [0, 100]);
            assert!(options[2].1.iter().all(|octet| *octet == 0));
        }
    }

    #[test]
    fn padding_never_makes_a_message_too_long() {
        let mut out = message(&vec![7; LONGEST - 80]);
        append_padding(&mut out, 8);
        assert!(out.len() - 8 <= LONGEST);
        let _ = options(&out[8..]);
    }

    #[test]
    fn a_message_without_opt_stays_as_it_is() {
        let mut out = vec![0; HEADER_LEN];
        append_padding(&mut out, 0);
        assert_eq!(out, [0; HEADER_LEN]);
    }
}
