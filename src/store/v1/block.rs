//! A block of the journal in layout 1: dictionary and columns in one value.

use serde::{Deserialize, Serialize};

use super::super::EventId;
use super::super::value::{Damaged, unpack, unwrap_version};
use super::dictionary::{Dictionary, Words};
use crate::event::Event;
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
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

/// The events of a block, the oldest first.
pub(in super::super) fn events(value: &[u8]) -> Result<Vec<Event>, Damaged> {
    let payload = unwrap_version(value, super::VERSION)?;
    let (header, rest) = postcard::take_from_bytes::<Header>(payload).map_err(|_| Damaged::Content)?;
    let split = usize::try_from(header.dictionary_packed).map_err(|_| Damaged::Content)?;
    let (dictionary, columns) = rest.split_at_checked(split).ok_or(Damaged::Content)?;
    let words = Words::new(unpack::<Dictionary>(dictionary, header.dictionary_len)?)?;
    let columns: Columns = unpack(columns, header.columns_len)?;
    let lengths = [columns.asker.len(), columns.question.len(), columns.result.len(), columns.took_us.len()];
    if lengths.iter().any(|&len| len != columns.at.len()) {
        return Err(Damaged::Content);
    }
    let mut at = 0i64;
    let mut events = Vec::with_capacity(columns.at.len());
    for (place, step) in columns.at.iter().enumerate() {
        at = at.wrapping_add(*step);
        let places = (columns.asker[place], columns.question[place], columns.result[place]);
        events.push(words.event(Timestamp::from_millis(at.cast_unsigned()), places, columns.took_us[place])?);
    }
    Ok(events)
}

/// The first place after that of the first event: what an event's place is counted from.
pub(in super::super) fn first_of(key: &[u8]) -> Option<EventId> {
    let number = key.get(1..).and_then(|number| number.try_into().ok())?;
    Some(EventId(u64::from_be_bytes(number)))
}

/// A block as layout 1 wrote it, but that nothing is said only once.
#[cfg(test)]
pub(in super::super) fn value(events: &[Event]) -> Vec<u8> {
    use super::super::value::{pack, plain, wrap_version};
    let mut columns = Columns::default();
    let mut before = 0i64;
    for (event, place) in events.iter().zip(0u32..) {
        let at = event.at.millis().cast_signed();
        columns.at.push(at.wrapping_sub(before));
        before = at;
        columns.asker.push(place);
        columns.question.push(place);
        columns.result.push(place);
        columns.took_us.push(event.took_us);
    }
    let (dictionary, dictionary_len) = pack(&Dictionary::of(events)).unwrap();
    let (packed, columns_len) = pack(&columns).unwrap();
    let times = events.iter().map(|event| event.at);
    let header = Header {
        count: events.len() as u32,
        oldest: times.clone().min().unwrap(),
        newest: times.max().unwrap(),
        dictionary_packed: dictionary.len() as u32,
        dictionary_len,
        columns_len,
    };
    wrap_version(&[plain(&header).unwrap(), dictionary, packed].concat(), super::VERSION)
}
