//! What comes in over the network, on its way to a file: unpacked, counted, and cut off when it is too much.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::MultiGzDecoder;

use super::record;
use crate::control::source::LIST_BYTES_BOUND;

/// How many times larger than what came in a list may be. Lists of names pack to a fifth of their size; what unpacks to a
/// hundred times was made to fill a disk.
const RATIO_BOUND: u64 = 100;
/// From which size on the ratio counts: a few kB of the same letter are no attack.
const RATIO_FROM: u64 = 1 << 20;

/// The body of a response on its way to the disk. What is not [finished](Self::finish) leaves no file behind.
pub(super) struct Intake {
    stream: Stream,
}

enum Stream {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

/// A file that is not yet in its place. It is removed when this goes.
#[derive(Debug)]
pub(super) struct Temporary {
    file: Option<File>,
    path: PathBuf,
}

/// A file of bounded size, written by something of known size.
struct Bounded {
    out: BufWriter<File>,
    temporary: Temporary,
    came: u64,
    written: u64,
}

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TooMuch {
    #[error("it is larger than {} MB", LIST_BYTES_BOUND >> 20)]
    Bytes,
    #[error("it unpacks to more than {RATIO_BOUND} times its size, which no list does")]
    Ratio,
}

impl Intake {
    /// Begins a file at `path`.
    pub(super) fn new(path: &Path, gzip: bool) -> io::Result<Self> {
        let file = record::create(path)?;
        let temporary = Temporary { file: Some(file.try_clone()?), path: path.to_owned() };
        let bounded = Bounded { out: BufWriter::new(file), temporary, came: 0, written: 0 };
        let stream = match gzip {
            true => Stream::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            false => Stream::Plain(bounded),
        };
        Ok(Self { stream })
    }

    /// Takes what came in; says how many bytes there are now, unpacked.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<u64, String> {
        let bounded = match &mut self.stream {
            Stream::Plain(bounded) => bounded,
            Stream::Gzip(gzip) => gzip.get_mut(),
        };
        bounded.came += chunk.len() as u64;
        let written = match &mut self.stream {
            Stream::Plain(bounded) => bounded.write_all(chunk),
            Stream::Gzip(gzip) => gzip.write_all(chunk),
        };
        written.map_err(|error| sentence(&error))?;
        Ok(match &self.stream {
            Stream::Plain(bounded) => bounded.written,
            Stream::Gzip(gzip) => gzip.get_ref().written,
        })
    }

    /// Nothing more comes. The file, and its size.
    pub(super) fn finish(self) -> Result<(Temporary, u64), String> {
        let bounded = match self.stream {
            Stream::Plain(bounded) => bounded,
            Stream::Gzip(gzip) => gzip.finish().map_err(|error| sentence(&error))?,
        };
        let Bounded { mut out, temporary, written, .. } = bounded;
        out.flush().map_err(|error| sentence(&error))?;
        Ok((temporary, written))
    }
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.written + buffer.len() as u64;
        if written > LIST_BYTES_BOUND {
            return Err(io::Error::other(TooMuch::Bytes));
        }
        if written > RATIO_FROM && written > self.came.saturating_mul(RATIO_BOUND) {
            return Err(io::Error::other(TooMuch::Ratio));
        }
        self.out.write_all(buffer)?;
        self.written = written;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Temporary {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it in the place of `path`, on disk when this returns.
    pub(super) fn keep(mut self, path: &Path) -> io::Result<()> {
        match self.file.take() {
            Some(file) => record::put_in_place(file, &self.path, path),
            None => Ok(()),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left under this name.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn sentence(error: &io::Error) -> String {
    if let Some(too_much) = error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>()) {
        return too_much.to_string();
    }
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".into(),
        io::ErrorKind::UnexpectedEof => "it ends in the middle".into(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            "it is said to be packed with gzip and is not".into()
        }
        _ => format!("the disk does not take it ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn taken(packed: &[u8], gzip: bool, chunk: usize) -> (Result<Vec<u8>, String>, usize) {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("a.new");
        let read = (|| {
            let mut intake = Intake::new(&path, gzip).unwrap();
            packed.chunks(chunk).try_for_each(|chunk| intake.take(chunk).map(drop))?;
            let (temporary, size) = intake.finish()?;
            let content = std::fs::read(temporary.path()).unwrap();
            assert_eq!(content.len() as u64, size);
            Ok(content)
        })();
        (read, std::fs::read_dir(house.path()).unwrap().count())
    }

    #[test]
    fn a_list_comes_out_as_it_was_packed_however_it_is_cut() {
        let text: String = (0..20_000).map(|n| format!("n{n}.example\n")).collect();
        let two = [packed(text.as_bytes()), packed(b"more.example\n")].concat();
        for chunk in [7, 4096, usize::MAX] {
            assert_eq!(taken(&packed(text.as_bytes()), true, chunk).0.unwrap(), text.as_bytes());
            assert_eq!(taken(&two, true, chunk).0.unwrap().len(), text.len() + 13);
            assert_eq!(taken(text.as_bytes(), false, chunk).0.unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn what_is_too_much_is_cut_off_and_leaves_nothing_behind() {
        let (bomb, left) = taken(&packed(&vec![0; 80 << 20]), true, 1000);
        assert!(bomb.unwrap_err().contains("100 times"));
        assert_eq!(left, 0);
        let (huge, left) = taken(&vec![b'a'; (64 << 20) + 1], false, 1 << 20);
        assert!(huge.unwrap_err().contains("larger than 64 MB"));
        assert_eq!(left, 0);
    }

    #[test]
    fn what_is_cut_short_or_no_gzip_is_not_taken() {
        let whole = packed("ads.example\n".repeat(100).as_bytes());
        for cut in [5, whole.len() / 2, whole.len() - 1] {
            assert!(taken(&whole[..cut], true, 4096).0.is_err(), "{cut}");
        }
        assert!(taken(b"ads.example\nnot packed at all\n", true, 4096).0.unwrap_err().contains("gzip"));
    }
}
