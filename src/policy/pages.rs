//! Bytes in pages of their own, straight from the operating system.
//!
//! The names of a million-name list are nine megabytes that live until the next reload. Taken from the heap, they leave holes
//! there that are never given back: after three reloads the process was twice as large. Pages go back whole, and those
//! that were never written to do not count.

use std::io::{self, Read, Write};

use memmap2::MmapMut;

/// The least that is asked for, bytes.
const LEAST: usize = 1 << 20;

/// Bytes that can only grow.
#[derive(Debug, Default)]
pub(super) struct Pages {
    map: Option<MmapMut>,
    len: usize,
}

impl Pages {
    /// Nothing yet, with room for `len` octets. Room that is not used costs nothing; moving to a larger one costs both.
    pub(super) fn with_room(len: usize) -> io::Result<Self> {
        let mut pages = Self::default();
        pages.reserve(len)?;
        Ok(pages)
    }

    /// As much of `content` as comes, which is probably `len` octets.
    pub(super) fn read(content: &mut dyn Read, len: usize) -> io::Result<Self> {
        let mut pages = Self::with_room(len)?;
        io::copy(content, &mut pages)?;
        Ok(pages)
    }

    /// Forgets what stands behind the first `len` octets.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn reserve(&mut self, more: usize) -> io::Result<()> {
        let (needed, room) = (self.len + more, self.map.as_ref().map_or(0, |map| map.len()));
        if needed > room {
            let mut larger = MmapMut::map_anon(needed.max(2 * room).max(LEAST))?;
            larger[..self.len].copy_from_slice(self.as_ref());
            self.map = Some(larger);
        }
        Ok(())
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        self.map.as_ref().map_or(&[], |map| &map[..self.len])
    }
}

impl Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.reserve(bytes.len())?;
        if let Some(map) = &mut self.map {
            map[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        }
        self.len += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
