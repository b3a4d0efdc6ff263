//! The columns of a block: for each event when it came, who asked, what, what became of it, and how long it took.
//!
//! A house repeats itself, so a column says as little as it can: a question as "the one that followed the last time", an
//! asker and a result as "the same as for this question before". What cannot be foretold stands as a number, and numbers
//! stand as planes of bytes, all low bytes first: zstd then sees the few values that are frequent.

use std::io;

use super::value::{Damaged, MAX_UNPACKED_BYTES, compress};

/// Entries of one block, unpacked: all vectors are as long as the block has events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Milliseconds since the epoch.
    pub(super) at: Vec<u64>,
    pub(super) asker: Vec<u32>,
    pub(super) question: Vec<u32>,
    pub(super) result: Vec<u32>,
    /// A code: see [`took_code`].
    pub(super) took: Vec<u8>,
}

/// Steps that an octave of time is told apart in.
const STEPS: u32 = 8;

/// How long something took, as one byte: exact below 16 µs, then in steps of an eighth of an octave. Nobody needs to know
/// more, and the rest would be the most expensive thing in the journal.
pub(super) fn took_code(took_us: u32) -> u8 {
    if took_us < 2 * STEPS {
        return took_us as u8;
    }
    let octave = took_us.ilog2() - STEPS.ilog2();
    u8::try_from(octave * STEPS + (took_us >> octave)).unwrap_or(u8::MAX)
}

/// The time that stands for `code`: the shortest that has it.
pub(super) fn took_of(code: u8) -> u32 {
    let code = u32::from(code);
    if code < 2 * STEPS {
        return code;
    }
    let octave = code / STEPS - 1;
    (code - octave * STEPS).checked_shl(octave).unwrap_or(u32::MAX)
}

impl Columns {
    /// Packs them, and says how long they were before.
    pub(super) fn encode(&self) -> io::Result<(Vec<u8>, u32)> {
        let mut plain = Vec::with_capacity(self.at.len() * 8);
        let mut before = 0u64;
        let steps = self.at.iter().map(|&at| {
            let step = at.wrapping_sub(before).cast_signed();
            before = at;
            zigzag(step)
        });
        put_planes(&mut plain, &steps.collect::<Vec<_>>());
        let mut followers = Memory::default();
        let mut last = 0;
        let questions = self.question.iter().map(|&question| {
            let code = followers.code(last, question);
            last = question;
            code
        });
        put_planes(&mut plain, &questions.collect::<Vec<_>>());
        for column in [&self.asker, &self.result] {
            let mut known = Memory::default();
            let codes = self.question.iter().zip(column).map(|(&question, &entry)| known.code(question, entry));
            put_planes(&mut plain, &codes.collect::<Vec<_>>());
        }
        plain.extend(&self.took);
        let len = u32::try_from(plain.len()).map_err(io::Error::other)?;
        Ok((compress(&plain)?, len))
    }

    /// Unpacks the columns of `count` events; `len` is what [`encode`](Self::encode) said.
    pub(super) fn decode(packed: &[u8], len: u32, count: usize) -> Result<Self, Damaged> {
        let len = usize::try_from(len).ok().filter(|&len| len <= MAX_UNPACKED_BYTES).ok_or(Damaged::Content)?;
        let plain = zstd::bulk::decompress(packed, len).map_err(|_| Damaged::Content)?;
        let mut rest = plain.as_slice();
        let mut before = 0u64;
        let mut at = take_planes(&mut rest, count)?;
        for step in &mut at {
            before = before.wrapping_add(unzigzag(*step).cast_unsigned());
            *step = before;
        }
        let mut followers = Memory::default();
        let mut last = 0;
        let mut question = Vec::with_capacity(count);
        for code in take_planes(&mut rest, count)? {
            last = followers.entry(last, code)?;
            question.push(last);
        }
        let mut by_question = || -> Result<Vec<u32>, Damaged> {
            let mut known = Memory::default();
            let codes = take_planes(&mut rest, count)?;
            question.iter().zip(codes).map(|(&question, code)| known.entry(question, code)).collect()
        };
        let (asker, result) = (by_question()?, by_question()?);
        if rest.len() != count {
            return Err(Damaged::Content);
        }
        Ok(Self { at, asker, question, result, took: rest.to_vec() })
    }
}

/// What came last where: foretells the next entry.
#[derive(Default)]
struct Memory(Vec<Option<u32>>);

impl Memory {
    fn last(&mut self, place: u32) -> &mut Option<u32> {
        let place = place as usize;
        if place >= self.0.len() {
            self.0.resize(place + 1, None);
        }
        &mut self.0[place]
    }

    /// 0 for what was foretold, else the entry and one more.
    fn code(&mut self, place: u32, entry: u32) -> u64 {
        if self.last(place).replace(entry) == Some(entry) { 0 } else { u64::from(entry) + 1 }
    }

    fn entry(&mut self, place: u32, code: u64) -> Result<u32, Damaged> {
        // No table of a block has more entries than this; a larger number would only cost memory.
        if place > MAX_PLACE {
            return Err(Damaged::Content);
        }
        let last = self.last(place);
        let entry = match code {
            0 => last.ok_or(Damaged::Content)?,
            code => u32::try_from(code - 1).map_err(|_| Damaged::Content)?,
        };
        *last = Some(entry);
        Ok(entry)
    }
}

const MAX_PLACE: u32 = 1 << 20;

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// The width in bytes, then all first bytes, all second bytes, and so on.
fn put_planes(plain: &mut Vec<u8>, numbers: &[u64]) {
    let widest = numbers.iter().fold(0, |all, number| all | number);
    let width = (u64::BITS - widest.leading_zeros()).div_ceil(8);
    plain.push(width as u8);
    for plane in 0..width {
        plain.extend(numbers.iter().map(|number| (number >> (8 * plane)) as u8));
    }
}

fn take_planes(rest: &mut &[u8], count: usize) -> Result<Vec<u64>, Damaged> {
    let (&width, planes) = rest.split_first().ok_or(Damaged::Content)?;
    let len = count.checked_mul(width.into()).filter(|_| width <= 8).ok_or(Damaged::Content)?;
    let (planes, after) = planes.split_at_checked(len).ok_or(Damaged::Content)?;
    *rest = after;
    let mut numbers = vec![0; count];
    for (plane, bytes) in planes.chunks_exact(count.max(1)).enumerate() {
        for (number, byte) in numbers.iter_mut().zip(bytes) {
            *number |= u64::from(*byte) << (8 * plane);
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn columns_read_back(rows in prop::collection::vec((any::<u64>(), 0u32..9, 0u32..700, 0u32..5, any::<u8>()), 0..300)) {
            let mut columns = Columns::default();
            for (at, asker, question, result, took) in rows {
                columns.at.push(at);
                columns.asker.push(asker);
                columns.question.push(question);
                columns.result.push(result);
                columns.took.push(took);
            }
            let (packed, len) = columns.encode().unwrap();
            prop_assert_eq!(Columns::decode(&packed, len, columns.at.len()), Ok(columns));
        }

        #[test]
        fn a_time_is_kept_to_an_eighth_and_a_code_for_good(took_us: u32) {
            let kept = took_of(took_code(took_us));
            prop_assert!(kept <= took_us && took_us - kept <= took_us / 8);
            prop_assert_eq!(took_code(kept), took_code(took_us));
        }
    }
}
