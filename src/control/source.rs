//! A list's file, read from front to end with little memory, plain or packed with zstd.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use blake2::{Blake2b256, Digest};

use crate::policy::DETECTED_BYTES;

/// Bytes of a list; a larger one is refused. A million names are about 25 MB.
pub(super) const LIST_BYTES_BOUND: u64 = 64 << 20;
/// What a file that is packed with zstd begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// As a power of two, how far back a packed file may refer: 8 MB, which unpacking then takes.
const ZSTD_WINDOW: u32 = 23;

/// What tells one content from another.
pub(super) type Key = [u8; 32];

/// The content of the list at `path`, unpacked. The error is part of a sentence.
pub(super) fn open(path: &Path) -> Result<impl Read + use<>, String> {
    // Asked before it is opened: to open a pipe is to wait for its other end.
    let metadata = fs::metadata(path).map_err(|error| sentence(&error))?;
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    if metadata.len() > LIST_BYTES_BOUND {
        return Err(sentence(&too_large()));
    }
    let opened = File::open(path).and_then(|mut file| {
        let mut begin = Vec::with_capacity(ZSTD.len());
        file.by_ref().take(ZSTD.len() as u64).read_to_end(&mut begin)?;
        let packed = begin == ZSTD;
        let file = io::Cursor::new(begin).chain(file);
        if !packed {
            return Ok(Either::Plain(file));
        }
        let mut decoder = zstd::Decoder::new(file)?;
        decoder.window_log_max(ZSTD_WINDOW)?;
        Ok(Either::Packed(decoder))
    });
    opened.map(|inner| Bounded { inner, left: LIST_BYTES_BOUND }).map_err(|error| sentence(&error))
}

/// How the list at `path` begins: as much as its format is told from.
pub(super) fn begin(path: &Path) -> Result<Vec<u8>, String> {
    let mut begin = Vec::new();
    open(path)?.take(DETECTED_BYTES).read_to_end(&mut begin).map_err(|error| sentence(&error))?;
    Ok(begin)
}

/// All of it, for lists that are small by their kind.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    open(path)?.read_to_end(&mut content).map_err(|error| sentence(&error))?;
    Ok(content)
}

/// What tells the content of the list at `path` from any other.
pub(super) fn key(path: &Path) -> Result<Key, String> {
    let mut content = Summed::new(open(path)?);
    io::copy(&mut content, &mut io::sink()).map_err(|error| sentence(&error))?;
    Ok(content.key())
}

/// What tells `content` from any other.
pub(super) fn key_of(content: &[u8]) -> Key {
    Blake2b256::digest(content).into()
}

/// What went wrong, as the end of "… cannot be read:".
pub(super) fn sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "sordino is not allowed to".to_owned(),
        _ => error.to_string(),
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!("it is larger than {} MB", LIST_BYTES_BOUND >> 20))
}

enum Either<A, B> {
    Plain(A),
    Packed(B),
}

impl<A: Read, B: Read> Read for Either<A, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read(buffer),
            Self::Packed(packed) => packed.read(buffer),
        }
    }
}

/// Fails where more comes than may.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(len as u64).ok_or_else(too_large)?;
        Ok(len)
    }
}

/// Sums up what is read through it.
pub(super) struct Summed<R> {
    inner: R,
    sum: Blake2b256,
}

impl<R> Summed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, sum: Blake2b256::new() }
    }

    pub(super) fn key(self) -> Key {
        self.sum.finalize().into()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.sum.update(&buffer[..len]);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_list_is_the_same_list_and_a_bomb_is_none() {
        let house = tempfile::tempdir().unwrap();
        let (plain, packed, bomb) =
            (house.path().join("plain"), house.path().join("packed"), house.path().join("bomb"));
        fs::write(&plain, "a.example\n").unwrap();
        fs::write(&packed, zstd::encode_all(&b"a.example\n"[..], 3).unwrap()).unwrap();
        assert_eq!(key(&plain).unwrap(), key(&packed).unwrap());
        let endless = io::repeat(b'a').take(LIST_BYTES_BOUND + 1);
        fs::write(&bomb, zstd::encode_all(endless, 3).unwrap()).unwrap();
        assert!(fs::metadata(&bomb).unwrap().len() < 1 << 20);
        assert!(key(&bomb).unwrap_err().contains("larger than 64 MB"));
        assert_eq!(begin(&bomb).unwrap().len() as u64, DETECTED_BYTES);
    }
}
