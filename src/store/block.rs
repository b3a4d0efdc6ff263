//! A block of the journal: many events in one value.
//!
//! Events of a house repeat themselves: the same few devices ask the same few hundred names and get the same kind of
//! answer. So a block has a dictionary of askers, questions and results, and columns that say for each event when it
//! came, which of them it was, and how long it took. Dictionary and columns are compressed apart: a search reads the
//! dictionary first and skips the columns of a block that cannot hold what is looked for.

use std::io;

use serde::{Deserialize, Serialize};

use super::dictionary::{Dictionary, Learning, Words};
use super::search::Sieve;
use super::value::{Damaged, pack, plain, unpack, unwrap, wrap};
use super::{EventId, MAX_BLOCK_EVENTS};
use crate::event::Event;
use crate::time::Timestamp;

/// What stands in front of the compressed parts. The place of the first event is not in it: it is the key of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    count: u32,
    oldest: Timestamp,
    newest: Timestamp,
    dictionary_packed: u32,
    dictionary_len: u32,
    columns_len: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct Columns {
    /// Milliseconds since the event before; the first since the epoch.
    at: Vec<i64>,
    asker: Vec<u32>,
    question: Vec<u32>,
    result: Vec<u32>,
    took_us: Vec<u32>,
}

/// Packs `events`, at most [`MAX_BLOCK_EVENTS`] of them, into the value of a block.
pub(super) fn encode<'a>(events: impl Iterator<Item = &'a Event>) -> io::Result<Vec<u8>> {
    let mut learning = Learning::default();
    let mut columns = Columns::default();
    let mut previous = 0;
    let (mut oldest, mut newest) = (Timestamp::from_millis(u64::MAX), Timestamp::default());
    for event in events {
        oldest = oldest.min(event.at);
        newest = newest.max(event.at);
        let at = event.at.millis().cast_signed();
        columns.at.push(at.wrapping_sub(previous));
        previous = at;
        let (asker, question, result) = learning.places(event);
        columns.asker.push(asker);
        columns.question.push(question);
        columns.result.push(result);
        columns.took_us.push(event.took_us);
    }
    let count = u32::try_from(columns.at.len()).map_err(io::Error::other)?;
    let (dictionary, dictionary_len) = pack(&learning.finish(&mut columns.question))?;
    let (columns, columns_len) = pack(&columns)?;
    let dictionary_packed = u32::try_from(dictionary.len()).map_err(io::Error::other)?;
    let mut payload = plain(&Header { count, oldest, newest, dictionary_packed, dictionary_len, columns_len })?;
    payload.extend(dictionary);
    payload.extend(columns);
    Ok(wrap(&payload))
}

/// A block whose checksum holds, not yet unpacked.
#[derive(Debug)]
pub(super) struct Block<'a> {
    header: Header,
    first: EventId,
    dictionary: &'a [u8],
    columns: &'a [u8],
}

impl<'a> Block<'a> {
    /// Opens the value whose first event has the place `first`.
    pub(super) fn open(first: EventId, value: &'a [u8]) -> Result<Self, Damaged> {
        let (header, rest) = postcard::take_from_bytes::<Header>(unwrap(value)?).map_err(|_| Damaged::Content)?;
        let split = usize::try_from(header.dictionary_packed).map_err(|_| Damaged::Content)?;
        let (dictionary, columns) = rest.split_at_checked(split).ok_or(Damaged::Content)?;
        let sane = header.count as usize <= MAX_BLOCK_EVENTS && first.0.checked_add(header.count.into()).is_some();
        if sane { Ok(Self { header, first, dictionary, columns }) } else { Err(Damaged::Content) }
    }

    /// The earliest and the latest time of its events.
    pub(super) fn span(&self) -> (Timestamp, Timestamp) {
        (self.header.oldest, self.header.newest)
    }

    /// Adds the events before `before` that `sieve` lets through to `found`, the latest first, until it holds `limit`.
    ///
    /// # Errors
    /// When the block makes no sense; `found` then holds what came before that.
    pub(super) fn search(
        &self,
        sieve: &Sieve,
        before: EventId,
        limit: usize,
        found: &mut Vec<(EventId, Event)>,
    ) -> Result<(), Damaged> {
        if before <= self.first || found.len() >= limit || !sieve.passes_span(self.header.oldest, self.header.newest) {
            return Ok(());
        }
        let words = Words::new(unpack::<Dictionary>(self.dictionary, self.header.dictionary_len)?)?;
        let Some(wanted) = words.wanted(sieve)? else { return Ok(()) };
        let columns: Columns = unpack(self.columns, self.header.columns_len)?;
        columns.check_len(self.header.count as usize)?;
        let mut at = columns.at.iter().fold(0i64, |sum, step| sum.wrapping_add(*step));
        for place in (0..columns.at.len()).rev() {
            let id = EventId(self.first.0 + place as u64);
            let moment = Timestamp::from_millis(at.cast_unsigned());
            at = at.wrapping_sub(columns.at[place]);
            let places = (columns.asker[place], columns.question[place], columns.result[place]);
            if id < before && sieve.passes_moment(moment) && wanted.holds(places)? {
                found.push((id, words.event(moment, places, columns.took_us[place])?));
                if found.len() >= limit {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Columns {
    fn check_len(&self, count: usize) -> Result<(), Damaged> {
        let lengths = [self.at.len(), self.asker.len(), self.question.len(), self.result.len(), self.took_us.len()];
        if lengths.iter().all(|&len| len == count) { Ok(()) } else { Err(Damaged::Content) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Filter;
    use crate::store::samples::any_event;

    fn read(value: &[u8]) -> Result<Vec<Event>, Damaged> {
        let mut found = Vec::new();
        let sieve = Sieve::new(&Filter::default());
        Block::open(EventId(7), value)?.search(&sieve, EventId(u64::MAX), usize::MAX, &mut found)?;
        for (place, (id, _)) in found.iter().rev().enumerate() {
            assert_eq!(id.0, 7 + place as u64);
        }
        Ok(found.into_iter().rev().map(|(_, event)| event).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_block_reads_back_as_it_was(events in prop::collection::vec(any_event(), 1..200)) {
            let value = encode(events.iter()).unwrap();
            prop_assert_eq!(read(&value).unwrap(), events);
        }

        #[test]
        fn a_changed_or_missing_byte_is_noticed(
            events in prop::collection::vec(any_event(), 1..40), place: prop::sample::Index, flip in 1u8..=255, cut: bool,
        ) {
            let mut value = encode(events.iter()).unwrap();
            let place = place.index(value.len());
            if cut { value.truncate(place) } else { value[place] ^= flip }
            prop_assert_eq!(read(&value), Err(Damaged::Checksum));
        }

        #[test]
        fn bytes_that_make_no_sense_are_an_error_and_no_panic(
            events in prop::collection::vec(any_event(), 1..40), place: prop::sample::Index, flip in 1u8..=255,
        ) {
            // Wrapped again, so that the checksum does not shield the decoder.
            let value = encode(events.iter()).unwrap();
            let mut payload = unwrap(&value).unwrap().to_vec();
            let place = place.index(payload.len());
            payload[place] ^= flip;
            let _ = read(&wrap(&payload));
            let _ = read(&wrap(&payload[..place]));
        }

        #[test]
        fn a_search_finds_what_a_plain_one_finds(
            events in prop::collection::vec(any_event(), 1..200), filter in crate::store::samples::any_filter(), limit in 1usize..50,
        ) {
            let value = encode(events.iter()).unwrap();
            let mut found = Vec::new();
            Block::open(EventId(1), &value).unwrap().search(&Sieve::new(&filter), EventId(u64::MAX), limit, &mut found).unwrap();
            let sieve = Sieve::new(&filter);
            let plain: Vec<_> = (1..).map(EventId).zip(events).filter(|(_, event)| sieve.passes(event)).collect();
            prop_assert_eq!(found, plain.into_iter().rev().take(limit).collect::<Vec<_>>());
        }
    }
}
