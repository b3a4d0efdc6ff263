//! The file of a backup: a head, frames, and an end that vouches for all of them.
//!
//! ```text
//! head    "sordino backup\r\n", version (2 octets)
//! frame   kind (1), length of the content (4), content, CRC-32 of all that (4)
//! end     a frame with the number of frames before it (8) and SHA-256 of everything before it (32)
//! ```
//!
//! Numbers are big-endian. The line end in the head is for those who send files as text: it does not survive that.

use std::io::{self, Read, Write};

use ring::digest::{Context, SHA256};

use super::NoBackup;

/// The format of the file; a higher one is from a newer sordino.
const VERSION: u16 = 1;
const MAGIC: &[u8; 16] = b"sordino backup\r\n";
/// Octets of one frame: far more than a block of the journal or the tally of a day has.
const MAX_FRAME: u32 = 64 << 20;

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the file is: JSON. The first frame.
    About,
    /// The settings, as their own file has them.
    Settings,
    /// The entries that follow belong to the database of this name.
    Database,
    /// Length of the key (2), key, value.
    Entry,
    End,
}

/// Writes a backup, from its begin to its end.
pub(super) struct FrameWriter<W> {
    out: W,
    sum: Context,
    frames: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let mut begun = Self { out, sum: Context::new(&SHA256), frames: 0 };
        begun.put(MAGIC)?;
        begun.put(&VERSION.to_be_bytes())?;
        Ok(begun)
    }

    /// Writes a frame whose content is all `parts`, one behind the other.
    pub(super) fn write(&mut self, kind: Kind, parts: &[&[u8]]) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).ok().filter(|length| *length <= MAX_FRAME);
        let length = length.ok_or_else(|| io::Error::other("something is too large for a backup"))?;
        let head = [&[kind.octet()][..], &length.to_be_bytes()].concat();
        let mut checksum = crc32fast::Hasher::new();
        for part in std::iter::once(&head[..]).chain(parts.iter().copied()) {
            checksum.update(part);
            self.put(part)?;
        }
        self.put(&checksum.finalize().to_be_bytes())?;
        self.frames += 1;
        Ok(())
    }

    /// Frames that were written elsewhere, for this file.
    pub(super) fn splice(&mut self, mut frames: impl Read, count: u64) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match frames.read(&mut buffer)? {
                0 => break,
                length => self.put(&buffer[..length])?,
            }
        }
        self.frames += count;
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<W> {
        let sum = self.sum.clone().finish();
        let count = self.frames;
        self.write(Kind::End, &[&count.to_be_bytes(), sum.as_ref()])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Frames alone, to be spliced into a backup.
pub(super) struct LooseFrames<W>(FrameWriter<W>);

impl<W: Write> LooseFrames<W> {
    pub(super) fn new(out: W) -> Self {
        Self(FrameWriter { out, sum: Context::new(&SHA256), frames: 0 })
    }

    pub(super) fn writer(&mut self) -> &mut FrameWriter<W> {
        &mut self.0
    }

    /// Where they are, and how many.
    pub(super) fn into_parts(self) -> (W, u64) {
        (self.0.out, self.0.frames)
    }
}

/// Reads a backup frame by frame. Until the end came, nothing that was read is to be believed.
pub(super) struct FrameReader<R> {
    input: R,
    sum: Context,
    frames: u64,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn begin(input: R) -> Result<Self, NoBackup> {
        let mut begun = Self { input, sum: Context::new(&SHA256), frames: 0 };
        let mut head = [0; MAGIC.len() + 2];
        begun.take(&mut head).map_err(|error| match error {
            NoBackup::Cut => NoBackup::Foreign,
            other => other,
        })?;
        let (magic, version) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(NoBackup::Foreign);
        }
        if version != VERSION.to_be_bytes() {
            return Err(NoBackup::Newer);
        }
        Ok(begun)
    }

    /// The next frame; none behind the end, which then was right.
    pub(super) fn next(&mut self) -> Result<Option<(Kind, Vec<u8>)>, NoBackup> {
        let sum = self.sum.clone().finish();
        let mut head = [0; 5];
        self.take(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        let kind = Kind::of(kind).filter(|_| length <= MAX_FRAME).ok_or(NoBackup::Damaged)?;
        // Room is made as octets come, not as the length says.
        let mut content = Vec::new();
        let read = (&mut self.input).take(length.into()).read_to_end(&mut content).map_err(NoBackup::Unreadable)?;
        if read < length as usize {
            return Err(NoBackup::Cut);
        }
        self.sum.update(&content);
        let mut checksum = [0; 4];
        self.take(&mut checksum)?;
        let mut expected = crc32fast::Hasher::new();
        expected.update(&head);
        expected.update(&content);
        if expected.finalize().to_be_bytes() != checksum {
            return Err(NoBackup::Damaged);
        }
        if kind != Kind::End {
            self.frames += 1;
            return Ok(Some((kind, content)));
        }
        let vouched = [&self.frames.to_be_bytes()[..], sum.as_ref()].concat();
        let nothing_behind = self.input.read(&mut [0]).map_err(NoBackup::Unreadable)? == 0;
        if vouched == content && nothing_behind { Ok(None) } else { Err(NoBackup::Damaged) }
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<(), NoBackup> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => NoBackup::Cut,
            _ => NoBackup::Unreadable(error),
        })?;
        self.sum.update(buffer);
        Ok(())
    }
}

impl Kind {
    fn octet(self) -> u8 {
        match self {
            Self::About => b'A',
            Self::Settings => b'S',
            Self::Database => b'D',
            Self::Entry => b'V',
            Self::End => b'E',
        }
    }

    fn of(octet: u8) -> Option<Self> {
        [Self::About, Self::Settings, Self::Database, Self::Entry, Self::End]
            .into_iter()
            .find(|kind| kind.octet() == octet)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(frames: &[(Kind, Vec<u8>)]) -> Vec<u8> {
        let mut writer = FrameWriter::begin(Vec::new()).unwrap();
        frames.iter().for_each(|(kind, content)| writer.write(*kind, &[content]).unwrap());
        writer.end().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, NoBackup> {
        let mut reader = FrameReader::begin(bytes)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.next()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    fn frames() -> impl Strategy<Value = Vec<(Kind, Vec<u8>)>> {
        let kind = prop::sample::select(vec![Kind::About, Kind::Settings, Kind::Database, Kind::Entry]);
        prop::collection::vec((kind, prop::collection::vec(any::<u8>(), 0..300)), 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_was_written_is_read(frames in frames()) {
            prop_assert_eq!(read(&written(&frames)).unwrap(), frames);
        }

        #[test]
        fn a_cut_changed_or_longer_file_is_none(
            frames in frames(), place: prop::sample::Index, flip in 1u8..=255, way in 0..3,
        ) {
            let mut bytes = written(&frames);
            let place = place.index(bytes.len());
            match way {
                0 => bytes.truncate(place),
                1 => bytes[place] ^= flip,
                _ => bytes.push(flip),
            }
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn frames_that_change_places_or_go_missing_are_noticed(frames in frames(), gone: prop::sample::Index) {
            prop_assume!(!frames.is_empty());
            // Each frame is sound by itself; only the end tells.
            let whole = written(&frames);
            let mut fewer = frames.clone();
            fewer.remove(gone.index(frames.len()));
            let end = whole.len() - (5 + 40 + 4);
            let short = written(&fewer);
            let forged = [&short[..short.len() - (5 + 40 + 4)], &whole[end..]].concat();
            prop_assert!(read(&forged).is_err());
        }
    }

    #[test]
    fn the_file_is_the_same_on_every_machine() {
        let bytes = written(&[(Kind::About, b"{}".to_vec())]);
        assert_eq!(&bytes[..18], b"sordino backup\r\n\0\x01");
        assert_eq!(&bytes[18..25], b"A\0\0\0\x02{}");
    }
}
