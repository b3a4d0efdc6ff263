//! Runs: keys in order with what is said of each, as bytes that are written and read from front to end.
//!
//! A list of a million names is sorted thirty thousand at a time; each such run is written out, and all runs of all lists are
//! merged in one pass that holds one key of each. So neither a list nor all of them together ever lie sorted in memory.
//! In a run a key is written as what it does not share with the one before, which is half of it or less.

use std::io::{self, BufRead, Write};

use super::pages::Pages;

/// Keys that are sorted at a time: what they take stays in the processor's cache, and two reloads at once take little more
/// than none. Few in the unit tests, so that these merge runs, too.
const RUN_KEYS: usize = if cfg!(test) { 4 } else { 30_000 };
/// Bytes of keys that are sorted at a time; thirty thousand of the usual length stay below.
const RUN_BYTES: usize = 2 << 20;
/// Longest key: the labels of a name and an octet between each two of them.
const MAX_KEY: usize = 255;
/// Octets in front of a key where it waits to be sorted: what is said of it, and its length.
const BEFORE_KEY: usize = 8 + 1;

/// Keys in the order they came, in one run of bytes. These are pages, because a megabyte that comes and goes with every list
/// leaves holes in the heap.
#[derive(Debug, Default)]
pub(super) struct Unsorted {
    bytes: Pages,
    /// Where each key begins, with what stands before it.
    starts: Vec<u32>,
    key: Vec<u8>,
}

impl Unsorted {
    /// Takes the key that `write` appends. Says whether it is time to [`sort_into`](Self::sort_into) a run.
    pub(super) fn push(&mut self, said: u64, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<bool> {
        self.key.clear();
        self.key.extend_from_slice(&said.to_le_bytes());
        self.key.push(0);
        write(&mut self.key);
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a key is too long");
        self.key[BEFORE_KEY - 1] = u8::try_from(self.key.len() - BEFORE_KEY).map_err(too_long)?;
        let start = self.bytes.as_ref().len();
        self.bytes.write_all(&self.key)?;
        self.starts.push(start as u32);
        Ok(self.starts.len() >= RUN_KEYS || start >= RUN_BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Writes what was pushed as a run, each statement once, and is empty afterwards.
    pub(super) fn sort_into(&mut self, out: &mut impl Write) -> io::Result<()> {
        let bytes = self.bytes.as_ref();
        let statement = |&start: &u32| {
            let (said, rest) = bytes[start as usize..].split_first_chunk().unwrap_or((&[0; 8], &[0][..]));
            (&rest[1..=usize::from(rest[0])], u64::from_le_bytes(*said))
        };
        self.starts.sort_unstable_by(|a, b| statement(a).cmp(&statement(b)));
        self.starts.dedup_by(|a, b| statement(a) == statement(b));
        let mut last: &[u8] = &[];
        let mut record = Vec::with_capacity(MAX_KEY + 32);
        for start in &self.starts {
            let (key, said) = statement(start);
            let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
            record.clear();
            push_number(shared as u64, &mut record);
            push_number((key.len() - shared) as u64, &mut record);
            record.extend_from_slice(&key[shared..]);
            push_number(said, &mut record);
            out.write_all(&record)?;
            last = key;
        }
        self.bytes.truncate(0);
        self.starts.clear();
        Ok(())
    }
}

/// Reads a run.
#[derive(Debug)]
struct Run<R> {
    bytes: R,
    key: Vec<u8>,
    said: u64,
    /// Whose run it is, as the caller of [`Merge::new`] counts them.
    owner: usize,
}

impl<R: BufRead> Run<R> {
    /// Goes on to the next statement; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.bytes.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let shared = self.number()? as usize;
        let rest = self.number()? as usize;
        if shared > self.key.len() || shared + rest > MAX_KEY {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a run is damaged"));
        }
        self.key.resize(shared + rest, 0);
        self.bytes.read_exact(&mut self.key[shared..])?;
        self.said = self.number()?;
        Ok(true)
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut octet = [0];
            self.bytes.read_exact(&mut octet)?;
            number |= u64::from(octet[0] & 0x7f) << shift;
            if octet[0] < 0x80 {
                return Ok(number);
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "a run is damaged"))
    }
}

/// All statements of many runs, in the order of their keys. A heap by hand, because the standard one would want each key owned.
#[derive(Debug)]
pub(super) struct Merge<R> {
    runs: Vec<Run<R>>,
    /// Places of the runs that have a key, as a binary heap with the least key on top.
    heap: Vec<usize>,
}

impl<R: BufRead> Merge<R> {
    /// Takes runs, each with a number of its owner.
    pub(super) fn new(runs: impl IntoIterator<Item = (usize, R)>) -> io::Result<Self> {
        let mut merge = Self { runs: Vec::new(), heap: Vec::new() };
        for (owner, bytes) in runs {
            let mut run = Run { bytes, key: Vec::with_capacity(MAX_KEY), said: 0, owner };
            if run.advance()? {
                merge.heap.push(merge.runs.len());
                merge.runs.push(run);
            }
        }
        for place in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(place);
        }
        Ok(merge)
    }

    /// Puts the next key into `key` and tells all that is said of it, with its owner; false when there is none.
    pub(super) fn next(&mut self, key: &mut Vec<u8>, mut said: impl FnMut(usize, u64)) -> io::Result<bool> {
        let Some(&first) = self.heap.first() else {
            return Ok(false);
        };
        key.clear();
        key.extend_from_slice(&self.runs[first].key);
        while let Some(&top) = self.heap.first()
            && self.runs[top].key == *key
        {
            let run = &mut self.runs[top];
            said(run.owner, run.said);
            if !run.advance()? {
                self.heap.swap_remove(0);
            }
            self.sift_down(0);
        }
        Ok(true)
    }

    /// The key of the run at `place` of the heap.
    fn key(&self, place: usize) -> Option<&[u8]> {
        self.heap.get(place).map(|&run| self.runs[run].key.as_slice())
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let Some(of_left) = self.key(left) else {
                return;
            };
            let least = if self.key(right).is_some_and(|of_right| of_right < of_left) { right } else { left };
            if self.key(least) >= self.key(place) {
                return;
            }
            self.heap.swap(place, least);
            place = least;
        }
    }
}

fn push_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merged_runs_say_what_was_pushed_in_order(
            pushed in proptest::collection::vec(("[a-c]{0,4}", 0usize..3, 0u64..300), 0..60),
        ) {
            let mut expected: BTreeMap<Vec<u8>, Vec<(usize, u64)>> = BTreeMap::new();
            let mut runs = Vec::new();
            for owner in 0..3 {
                let mut unsorted = Unsorted::default();
                for (key, _, said) in pushed.iter().filter(|(_, of, _)| *of == owner) {
                    let full = unsorted.push(*said, |keys| keys.extend_from_slice(key.as_bytes())).unwrap();
                    expected.entry(key.clone().into_bytes()).or_default().push((owner, *said));
                    if full {
                        let mut run = Vec::new();
                        unsorted.sort_into(&mut run).unwrap();
                        runs.push((owner, io::Cursor::new(run)));
                    }
                }
                let mut run = Vec::new();
                unsorted.sort_into(&mut run).unwrap();
                runs.push((owner, io::Cursor::new(run)));
            }
            let mut merge = Merge::new(runs).unwrap();
            let (mut key, mut said, mut merged) = (Vec::new(), Vec::new(), Vec::new());
            while merge.next(&mut key, |owner, what| said.push((owner, what))).unwrap() {
                said.sort_unstable();
                said.dedup();
                merged.push((key.clone(), std::mem::take(&mut said)));
            }
            for said in expected.values_mut() {
                said.sort_unstable();
                said.dedup();
            }
            prop_assert_eq!(merged, expected.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_damaged_run_is_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut merge) = Merge::new([(0, io::Cursor::new(bytes))]) {
                let mut key = Vec::new();
                while let Ok(true) = merge.next(&mut key, |_, _| ()) {
                    prop_assert!(key.len() <= MAX_KEY);
                }
            }
        }
    }
}
