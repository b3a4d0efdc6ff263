//! The envelope of every value on disk: a format version, a checksum of our own, the payload.
//!
//! sled checks its pages, but a value may also have been written by another version, or by a program that is not
//! sordino: nothing is decoded before this envelope says that it is ours and whole.

use std::io::Read as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format of everything that is written now.
pub(super) const VERSION: u8 = 2;
const ENVELOPE_LEN: usize = 5;
/// No value is anywhere near this long when unpacked; what claims to be is damaged.
pub(super) const MAX_UNPACKED_BYTES: usize = 32 << 20;
/// zstd's own default is 3; a block is packed once and read often, and past 9 packing takes longer and gains nothing.
const ZSTD_LEVEL: i32 = 9;

/// Why a value cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damaged {
    /// Bytes are missing or changed.
    #[error("its checksum does not match")]
    Checksum,
    /// Whole, but in a format that is not ours.
    #[error("it has format {0}, which this sordino does not know")]
    Format(u8),
    /// Whole and in our format, and yet it makes no sense.
    #[error("its content makes no sense")]
    Content,
}

/// Puts `payload` into an envelope.
pub(super) fn wrap(payload: &[u8]) -> Vec<u8> {
    wrap_version(payload, VERSION)
}

/// Puts `payload` into the envelope of a version.
pub(super) fn wrap_version(payload: &[u8], version: u8) -> Vec<u8> {
    let mut value = Vec::with_capacity(ENVELOPE_LEN + payload.len());
    value.push(version);
    value.extend_from_slice(&checksum(version, payload).to_be_bytes());
    value.extend_from_slice(payload);
    value
}

/// Takes the payload out of its envelope.
pub(super) fn unwrap(value: &[u8]) -> Result<&[u8], Damaged> {
    unwrap_version(value, VERSION)
}

/// Takes the payload out of the envelope of another version's value.
pub(super) fn unwrap_version(value: &[u8], wanted: u8) -> Result<&[u8], Damaged> {
    let (&version, rest) = value.split_first().ok_or(Damaged::Checksum)?;
    let (sum, payload) = rest.split_first_chunk::<4>().ok_or(Damaged::Checksum)?;
    if checksum(version, payload) != u32::from_be_bytes(*sum) {
        return Err(Damaged::Checksum);
    }
    if version != wanted {
        return Err(Damaged::Format(version));
    }
    Ok(payload)
}

fn checksum(version: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[version]);
    hasher.update(payload);
    hasher.finalize()
}

/// A small thing as a value.
pub(super) fn encode<T: Serialize>(content: &T) -> std::io::Result<Vec<u8>> {
    Ok(wrap(&plain(content)?))
}

/// A small thing out of its value.
pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, Damaged> {
    postcard::from_bytes(unwrap(value)?).map_err(|_| Damaged::Content)
}

/// `content` in postcard's layout.
pub(super) fn plain<T: Serialize>(content: &T) -> std::io::Result<Vec<u8>> {
    postcard::to_stdvec(content).map_err(std::io::Error::other)
}

/// `content` compressed, and how long it was before.
pub(super) fn pack<T: Serialize>(content: &T) -> std::io::Result<(Vec<u8>, u32)> {
    let plain = plain(content)?;
    let len = u32::try_from(plain.len()).map_err(std::io::Error::other)?;
    Ok((compress(&plain)?, len))
}

/// A value that is `content`, compressed.
pub(super) fn packed_value<T: Serialize>(content: &T) -> std::io::Result<Vec<u8>> {
    let (packed, len) = pack(content)?;
    let mut payload = plain(&len)?;
    payload.extend(packed);
    Ok(wrap(&payload))
}

/// What [`packed_value`] made a value of.
pub(super) fn unpacked_value<T: DeserializeOwned>(value: &[u8]) -> Result<T, Damaged> {
    let (len, packed) = postcard::take_from_bytes::<u32>(unwrap(value)?).map_err(|_| Damaged::Content)?;
    unpack(packed, len)
}

/// What the content of a [`packed_value`] begins with. No more is unpacked than that takes, give or take.
pub(super) fn beginning<T: DeserializeOwned>(value: &[u8]) -> Result<T, Damaged> {
    const AT_FIRST: usize = 64 << 10;
    let (len, packed) = postcard::take_from_bytes::<u32>(unwrap(value)?).map_err(|_| Damaged::Content)?;
    let len = usize::try_from(len).ok().filter(|&len| len <= MAX_UNPACKED_BYTES).ok_or(Damaged::Content)?;
    let mut unpacking = zstd::Decoder::with_buffer(packed).map_err(|_| Damaged::Content)?;
    let (mut plain, mut enough) = (Vec::new(), AT_FIRST.min(len));
    loop {
        let more = (enough - plain.len()) as u64;
        unpacking.by_ref().take(more).read_to_end(&mut plain).map_err(|_| Damaged::Content)?;
        // Less than all of it never looks like all of it: every part says how long it is.
        if let Ok((beginning, _)) = postcard::take_from_bytes(&plain) {
            return Ok(beginning);
        }
        if plain.len() < enough || enough == len {
            return Err(Damaged::Content);
        }
        enough = (4 * enough).min(len);
    }
}

/// `plain` as zstd packs it.
pub(super) fn compress(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::bulk::compress(plain, ZSTD_LEVEL)
}

/// What [`pack`] made into `packed`, given how long it was.
pub(super) fn unpack<T: DeserializeOwned>(packed: &[u8], len: u32) -> Result<T, Damaged> {
    let len = usize::try_from(len).ok().filter(|&len| len <= MAX_UNPACKED_BYTES).ok_or(Damaged::Content)?;
    let plain = zstd::bulk::decompress(packed, len).map_err(|_| Damaged::Content)?;
    postcard::from_bytes(&plain).map_err(|_| Damaged::Content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_read_however_long_it_is_and_damage_is_noticed() {
        for len in [0, 1, 65_000, 70_000, 400_000] {
            let first: Vec<u32> = (0..len).map(|number: u32| number.wrapping_mul(2_654_435_761)).collect();
            let content = (first, "second".to_owned(), vec![7u64; 100_000]);
            let value = packed_value(&content).unwrap();
            assert_eq!(beginning(&value), Ok((content.0.clone(), content.1.clone())), "{len}");
            assert_eq!(beginning::<(Vec<u32>, String, Vec<u64>, String)>(&value), Err(Damaged::Content), "{len}");
            let cut = &unwrap(&value).unwrap()[..value.len() / 3];
            assert_eq!(beginning::<(Vec<u32>, String, Vec<u64>)>(&wrap(cut)), Err(Damaged::Content), "{len}");
        }
    }
}
