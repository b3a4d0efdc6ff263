//! A block of the journal: many events in two values.
//!
//! Events of a house repeat themselves: the same few devices ask the same few hundred names and get the same kind of
//! answer. So a block has a dictionary of askers, questions and results, and columns that say for each event when it
//! came, which of them it was, and how long it took. They are two values: a search reads the small dictionary first and
//! leaves the columns of a block alone that cannot hold what is looked for.

use std::io;

use serde::{Deserialize, Serialize};

use super::columns::{Columns, took_code, took_of};
use super::dictionary::{Dictionary, Learning, Words};
use super::names::{NameTable, NewNames, SharedNames};
use super::search::Sieve;
use super::value::{Damaged, pack, plain, unpack, unwrap, wrap};
use super::{EventId, MAX_BLOCK_EVENTS};
use crate::event::Event;
use crate::time::Timestamp;

/// What stands in front of the dictionary. The place of the first event is not in it: it is the key of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) count: u32,
    pub(super) oldest: Timestamp,
    pub(super) newest: Timestamp,
    /// Whether there is more to come in its place: the block is not full yet.
    pub(super) tail: bool,
    dictionary_len: u32,
    columns_len: u32,
}

/// A block as it is written.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) header: Header,
    dictionary: Dictionary,
    columns: Vec<u8>,
}

impl Block {
    /// Packs `events`, at most [`MAX_BLOCK_EVENTS`] of them.
    pub(super) fn of<'a>(events: impl Iterator<Item = &'a Event>, tail: bool) -> io::Result<Self> {
        let mut learning = Learning::default();
        let mut columns = Columns::default();
        let (mut oldest, mut newest) = (Timestamp::from_millis(u64::MAX), Timestamp::default());
        for event in events {
            oldest = oldest.min(event.at);
            newest = newest.max(event.at);
            columns.at.push(event.at.millis());
            let (asker, question, result) = learning.places(event);
            columns.asker.push(asker);
            columns.question.push(question);
            columns.result.push(result);
            columns.took.push(took_code(event.took_us));
        }
        let count = u32::try_from(columns.at.len()).map_err(io::Error::other)?;
        let dictionary = learning.finish(&mut columns.question);
        let (columns, columns_len) = columns.encode()?;
        let header = Header { count, oldest, newest, tail, dictionary_len: 0, columns_len };
        Ok(Self { header, dictionary, columns })
    }

    /// Bytes it takes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.columns.len() + self.dictionary.bytes()
    }

    /// Its two values, with the names that `names` and `new` share, and whether it has others. Names that are to be shared
    /// from now on are put into `new`.
    pub(super) fn values(&self, names: &SharedNames, new: &mut NewNames) -> io::Result<(Vec<u8>, Vec<u8>, bool)> {
        let dictionary = self.dictionary.clone().share(names, new).map_err(io::Error::other)?;
        let has_own = dictionary.has_own();
        let (packed, dictionary_len) = pack(&dictionary)?;
        let mut payload = plain(&Header { dictionary_len, ..self.header })?;
        payload.extend(packed);
        Ok((wrap(&payload), wrap(&self.columns), has_own))
    }

    /// Like [`Reading::search`], for a block in memory.
    pub(super) fn search(
        &self,
        sieve: &Sieve,
        range: (EventId, EventId),
        limit: usize,
        found: &mut Vec<(EventId, Event)>,
    ) -> Result<(), Damaged> {
        let names = NameTable::default();
        let words = Words::new(self.dictionary.clone(), &names);
        search(&self.header, &words, &[], &mut || Ok(self.columns.clone()), sieve, range, limit, found)
    }
}

/// A block whose checksum holds, its columns not yet read.
pub(super) struct Reading<'a> {
    pub(super) header: Header,
    words: Words<'a>,
}

impl<'a> Reading<'a> {
    /// What stands in front of the dictionary.
    pub(super) fn header(value: &[u8]) -> Result<Header, Damaged> {
        split(value).map(|(header, _)| header)
    }

    /// Opens the value of the dictionary, given the names of its period.
    pub(super) fn open(value: &[u8], names: &'a NameTable) -> Result<Self, Damaged> {
        let (header, rest) = split(value)?;
        let dictionary: Dictionary = unpack(rest, header.dictionary_len)?;
        Ok(Self { header, words: Words::new(dictionary, names) })
    }

    /// Adds the events before `range.1` that `sieve` lets through to `found`, the latest first, until it holds `limit`.
    /// `range.0` is the place of the first; `shared` says which names of the period are looked for, and `columns` brings
    /// the other value where it is needed.
    ///
    /// # Errors
    /// When the block makes no sense; `found` then holds what came before that.
    pub(super) fn search(
        &self,
        sieve: &Sieve,
        shared: &[bool],
        columns: &mut dyn FnMut() -> Result<Vec<u8>, Damaged>,
        range: (EventId, EventId),
        limit: usize,
        found: &mut Vec<(EventId, Event)>,
    ) -> Result<(), Damaged> {
        let mut columns = || columns().and_then(|value| unwrap(&value).map(<[u8]>::to_vec));
        search(&self.header, &self.words, shared, &mut columns, sieve, range, limit, found)
    }

    /// All its events, given the other value.
    pub(super) fn events(&self, columns: &[u8]) -> Result<Vec<Event>, Damaged> {
        let columns = Columns::decode(unwrap(columns)?, self.header.columns_len, self.header.count as usize)?;
        (0..columns.at.len()).map(|place| event(&self.words, &columns, place)).collect()
    }
}

fn split(value: &[u8]) -> Result<(Header, &[u8]), Damaged> {
    let (header, rest) = postcard::take_from_bytes::<Header>(unwrap(value)?).map_err(|_| Damaged::Content)?;
    if header.count as usize <= MAX_BLOCK_EVENTS { Ok((header, rest)) } else { Err(Damaged::Content) }
}

fn event(words: &Words<'_>, columns: &Columns, place: usize) -> Result<Event, Damaged> {
    let places = (columns.asker[place], columns.question[place], columns.result[place]);
    words.event(Timestamp::from_millis(columns.at[place]), places, took_of(columns.took[place]))
}

#[allow(clippy::too_many_arguments)] // one function for blocks in memory and on disk
fn search(
    header: &Header,
    words: &Words<'_>,
    shared: &[bool],
    columns: &mut dyn FnMut() -> Result<Vec<u8>, Damaged>,
    sieve: &Sieve,
    (first, before): (EventId, EventId),
    limit: usize,
    found: &mut Vec<(EventId, Event)>,
) -> Result<(), Damaged> {
    if before <= first || found.len() >= limit || !sieve.passes_span(header.oldest, header.newest) {
        return Ok(());
    }
    let Some(wanted) = words.wanted(sieve, shared)? else { return Ok(()) };
    let columns = Columns::decode(&columns()?, header.columns_len, header.count as usize)?;
    let count = usize::try_from(before.0 - first.0).unwrap_or(usize::MAX).min(columns.at.len());
    for place in (0..count).rev() {
        let places = (columns.asker[place], columns.question[place], columns.result[place]);
        if wanted.holds(sieve, places)? && sieve.passes_moment(Timestamp::from_millis(columns.at[place])) {
            found.push((EventId(first.0 + place as u64), event(words, &columns, place)?));
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples::{any_event, any_filter};

    /// Its two values, and the names they share.
    fn written(events: &[Event]) -> (Vec<u8>, Vec<u8>, NameTable) {
        let mut new = NewNames::default();
        let block = Block::of(events.iter(), false).unwrap();
        let (dictionary, columns, _) = block.values(&SharedNames::default(), &mut new).unwrap();
        (dictionary, columns, new.table)
    }

    fn read(dictionary: &[u8], columns: &[u8], names: &NameTable) -> Result<Vec<Event>, Damaged> {
        Reading::open(dictionary, names)?.events(columns)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_block_reads_back_as_it_was(events in prop::collection::vec(any_event(), 1..200)) {
            let (dictionary, columns, names) = written(&events);
            prop_assert_eq!(read(&dictionary, &columns, &names).unwrap(), events);
        }

        #[test]
        fn a_changed_or_missing_byte_is_noticed(
            events in prop::collection::vec(any_event(), 1..40), place: prop::sample::Index, flip in 1u8..=255, cut: bool, first: bool,
        ) {
            let (mut dictionary, mut columns, names) = written(&events);
            let value = if first { &mut dictionary } else { &mut columns };
            let place = place.index(value.len());
            if cut { value.truncate(place) } else { value[place] ^= flip }
            prop_assert_eq!(read(&dictionary, &columns, &names), Err(Damaged::Checksum));
        }

        #[test]
        fn bytes_that_make_no_sense_are_an_error_and_no_panic(
            events in prop::collection::vec(any_event(), 1..40), place: prop::sample::Index, flip in 1u8..=255,
        ) {
            // Wrapped again, so that the checksum does not shield the decoder.
            let (dictionary, columns, names) = written(&events);
            for (value, first) in [(&dictionary, true), (&columns, false)] {
                let mut payload = unwrap(value).unwrap().to_vec();
                let place = place.index(payload.len());
                payload[place] ^= flip;
                for payload in [&payload[..], &payload[..place]] {
                    let changed = wrap(payload);
                    let _ = if first { read(&changed, &columns, &names) } else { read(&dictionary, &changed, &names) };
                }
            }
            // And with the names of another period.
            let _ = read(&dictionary, &columns, &NameTable::default());
        }

        #[test]
        fn a_search_finds_what_a_plain_one_finds(
            events in prop::collection::vec(any_event(), 1..200), filter in any_filter(), limit in 1usize..50,
        ) {
            let sieve = Sieve::new(&filter);
            let plain: Vec<_> = (1..).map(EventId).zip(events.clone()).filter(|(_, event)| sieve.passes(event)).collect();
            let plain: Vec<_> = plain.into_iter().rev().take(limit).collect();
            let range = (EventId(1), EventId(u64::MAX));
            let (dictionary, columns, names) = written(&events);
            let shared: Vec<bool> = names.iter().map(|name| sieve.passes_name(name)).collect();
            let mut found = Vec::new();
            let reading = Reading::open(&dictionary, &names).unwrap();
            reading.search(&sieve, &shared, &mut || Ok(columns.clone()), range, limit, &mut found).unwrap();
            prop_assert_eq!(&found, &plain);
            found.clear();
            Block::of(events.iter(), true).unwrap().search(&sieve, range, limit, &mut found).unwrap();
            prop_assert_eq!(found, plain);
        }
    }
}
