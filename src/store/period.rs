//! A period of the journal: the blocks of about a day, and what they add to the tallies, in a directory of its own.
//!
//! A directory, so that forgetting is removing it, on a full disk too, and damage stops at its edge. Periods are
//! numbered in the order in which they were begun, and never by the clock, which may be wrong. The last one is open for
//! writing; the tallies of all before it are in the archive as well.
//!
//! A tally is written for an hour and not at every flush. What the blocks hold beyond the last one is counted again when
//! the period is opened: so journal and tallies agree whenever the process ends.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::EventId;
use super::block::{Header, Reading};
use super::database::{Change, Database, DatabaseError};
use super::home::make_dir;
use super::memory::Pending;
use super::names::{NameTable, NewNames, SharedNames};
use super::search::Sieve;
use super::sheet::Sheet;
use super::tally::Tally;
use super::value::{self, Damaged};
use crate::event::Event;
use crate::time::Timestamp;

/// Which period, counted from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct PeriodId(pub(super) u32);

/// What is known of a period without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary {
    /// The day by the wall clock when it was begun, counted from the epoch.
    pub(super) day: u64,
    /// The place before its first event.
    pub(super) after: EventId,
    pub(super) last: EventId,
    pub(super) oldest: Timestamp,
    pub(super) newest: Timestamp,
    /// Full blocks.
    pub(super) blocks: u32,
    /// Whether some names stand in the blocks only, because there was no room for them among the shared ones.
    pub(super) own_names: bool,
}

/// What is written at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// Blocks, the oldest first. One that is no tail takes the place of the tails before it.
    pub(super) blocks: Vec<Arc<Pending>>,
    /// The tally of all events up to `last` that no tally before counts.
    pub(super) tally: Option<Arc<Tally>>,
    /// The last event that is on disk after this, also where the journal is not.
    pub(super) last: EventId,
    /// The times of the events that are in no block, where only tallies are kept.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

/// An open period.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) id: PeriodId,
    pub(super) database: Database,
    summary: Mutex<Summary>,
    /// Only for a period that is written to.
    shared: Mutex<Option<Arc<SharedNames>>>,
    names: OnceLock<Arc<NameTable>>,
}

const SUMMARY: &[u8] = b"m";
const BLOCKS: u8 = b'b';
const COLUMNS: u8 = b'c';
const NAMES: u8 = b'n';
const TALLIES: u8 = b't';

impl PeriodId {
    /// Its directory in the journal's.
    pub(super) fn dir(self, journal_dir: &Path) -> PathBuf {
        journal_dir.join(format!("{:08}", self.0))
    }

    /// The period whose directory has this name.
    pub(super) fn from_dir(name: &str) -> Option<Self> {
        (name.len() == 8).then(|| name.parse().ok().map(Self)).flatten()
    }
}

impl Period {
    /// Opens a period; none when nothing was ever written to it.
    pub(super) fn open(id: PeriodId, journal_dir: &Path) -> Result<Option<Self>, DatabaseError> {
        let database = Database::open(&id.dir(journal_dir))?;
        if database.is_new()? {
            return Ok(None);
        }
        let summary: Summary = value::decode(&database.read(SUMMARY)?.ok_or(Damaged::Content)?)?;
        Ok(Some(Self::with(id, database, summary)))
    }

    /// Begins a period for what comes after the event `last`.
    pub(super) fn begin(id: PeriodId, journal_dir: &Path, day: u64, last: EventId) -> Result<Self, DatabaseError> {
        let dir = id.dir(journal_dir);
        make_dir(&dir).map_err(DatabaseError::Disk)?;
        let (oldest, newest) = (Timestamp::from_millis(u64::MAX), Timestamp::default());
        let summary = Summary { day, after: last, last, oldest, newest, blocks: 0, own_names: false };
        Ok(Self::with(id, Database::open(&dir)?, summary))
    }

    fn with(id: PeriodId, database: Database, summary: Summary) -> Self {
        Self { id, database, summary: Mutex::new(summary), shared: Mutex::default(), names: OnceLock::new() }
    }

    pub(super) fn summary(&self) -> Summary {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `batch`, all or nothing.
    pub(super) fn write(&self, batch: &Batch) -> Result<(), DatabaseError> {
        let mut summary = self.summary();
        let shared = self.shared()?;
        let mut new = NewNames::default();
        let mut changes = Vec::new();
        for block in &batch.blocks {
            let Header { oldest, newest, tail, .. } = block.block.header;
            if !tail {
                self.remove_tails(block.first, block.last(), &mut changes)?;
                summary.blocks += 1;
            }
            let (dictionary, columns, own) = block.block.values(&shared, &mut new).map_err(DatabaseError::Disk)?;
            summary.own_names |= own;
            summary.oldest = summary.oldest.min(oldest);
            summary.newest = summary.newest.max(newest);
            changes.push((key_of(BLOCKS, block.first), Some(dictionary)));
            changes.push((key_of(COLUMNS, block.first), Some(columns)));
        }
        if let Some((oldest, newest)) = batch.span {
            summary.oldest = summary.oldest.min(oldest);
            summary.newest = summary.newest.max(newest);
        }
        summary.last = summary.last.max(batch.last);
        if new.table.len() > 0 {
            let first = EventId(shared.table().len() as u64);
            let (packed, len) = value::pack(&new.table.text()).map_err(DatabaseError::Disk)?;
            let names = value::encode(&(len, packed)).map_err(DatabaseError::Disk)?;
            changes.push((key_of(NAMES, first), Some(names)));
        }
        if let Some(tally) = batch.tally.as_ref().filter(|tally| !tally.is_empty()) {
            let sheet = tally.sheet(true).encode().map_err(DatabaseError::Disk)?;
            changes.push((key_of(TALLIES, summary.last), Some(sheet)));
        }
        changes.push((SUMMARY.to_vec(), Some(value::encode(&summary).map_err(DatabaseError::Disk)?)));
        self.database.write(changes)?;
        let mut names = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        drop(shared);
        Arc::make_mut(names.get_or_insert_default()).add(new);
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
        Ok(())
    }

    /// The blocks that are not full, between the events `first` and `last`, go.
    fn remove_tails(&self, first: EventId, last: EventId, changes: &mut Vec<Change>) -> Result<(), DatabaseError> {
        let end = EventId(last.0.saturating_add(1));
        self.database.scan(&key_of(BLOCKS, first), &key_of(BLOCKS, end), &mut |key, _| {
            if let Ok(tail) = place_of(key) {
                changes.push((key_of(BLOCKS, tail), None));
                changes.push((key_of(COLUMNS, tail), None));
            }
            ControlFlow::Continue(())
        })
    }

    /// Adds the events before `before` that `sieve` lets through, the latest first, until `found` holds `limit`. Says how
    /// many blocks could not be read.
    pub(super) fn search(
        &self,
        sieve: &Sieve,
        before: EventId,
        limit: usize,
        found: &mut Vec<(EventId, Event)>,
    ) -> Result<u64, DatabaseError> {
        let names = self.names()?;
        let shared: Vec<bool> = match sieve.asks_for_names() {
            true => names.iter().map(|name| sieve.passes_name(name)).collect(),
            false => Vec::new(),
        };
        if sieve.asks_for_names() && !shared.contains(&true) && !self.summary().own_names {
            return Ok(0);
        }
        let mut damaged = 0;
        self.database.scan_back(&[BLOCKS], &key_of(BLOCKS, before), &mut |key, value| {
            let mut read = || -> Result<(), DatabaseError> {
                let first = place_of(key)?;
                let value = value.load()?;
                let header = Reading::header(&value)?;
                if !sieve.passes_span(header.oldest, header.newest) {
                    return Ok(());
                }
                let block = Reading::open(&value, &names)?;
                let mut columns = || self.columns(first).map_err(|_| Damaged::Content);
                Ok(block.search(sieve, &shared, &mut columns, (first, before), limit, found)?)
            };
            damaged += u64::from(read().is_err());
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(damaged)
    }

    fn columns(&self, first: EventId) -> Result<Vec<u8>, DatabaseError> {
        Ok(self.database.read(&key_of(COLUMNS, first))?.ok_or(Damaged::Content)?)
    }

    /// Calls `each` with the place of every block and its events, the oldest first, from the block on that holds the event
    /// after `after`. Says how many blocks could not be read.
    pub(super) fn blocks(
        &self,
        after: EventId,
        each: &mut dyn FnMut(EventId, Header, Vec<Event>),
    ) -> Result<u64, DatabaseError> {
        let names = self.names()?;
        let mut damaged = 0;
        let mut from = key_of(BLOCKS, EventId(0));
        let after_key = key_of(BLOCKS, EventId(after.0.saturating_add(1)));
        self.database.scan_back(&[BLOCKS], &after_key, &mut |key, _| {
            from = key.to_vec();
            ControlFlow::Break(())
        })?;
        self.database.scan(&from, &[BLOCKS + 1], &mut |key, value| {
            let mut read = || -> Result<(), DatabaseError> {
                let first = place_of(key)?;
                let value = value.load()?;
                let block = Reading::open(&value, &names)?;
                if first.0 + u64::from(block.header.count) > after.0.saturating_add(1) {
                    each(first, block.header, block.events(&self.columns(first)?)?);
                }
                Ok(())
            };
            damaged += u64::from(read().is_err());
            ControlFlow::Continue(())
        })?;
        Ok(damaged)
    }

    /// The last event that is in a full block; what comes after it is the tail.
    pub(super) fn last_full(&self) -> Result<EventId, DatabaseError> {
        let mut last = EventId(0);
        self.database.scan_back(&[BLOCKS], &[BLOCKS + 1], &mut |key, value| {
            let header = value.load().map_err(|_| Damaged::Content).and_then(|value| Reading::header(&value));
            if let (Ok(first), Ok(header)) = (place_of(key), header)
                && !header.tail
            {
                last = EventId((first.0 + u64::from(header.count)).saturating_sub(1));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(last)
    }

    /// The last event that each of its tallies counts, the oldest first.
    pub(super) fn counted(&self) -> Result<Vec<EventId>, DatabaseError> {
        let mut counted = Vec::new();
        self.database.scan(&[TALLIES], &[TALLIES + 1], &mut |key, _| {
            counted.extend(place_of(key));
            ControlFlow::Continue(())
        })?;
        Ok(counted)
    }

    /// The tally that counts up to the event `through`.
    pub(super) fn sheet(&self, through: EventId) -> Result<Sheet, DatabaseError> {
        let value = self.database.read(&key_of(TALLIES, through))?.ok_or(Damaged::Content)?;
        Ok(Sheet::decode(&value)?)
    }

    /// All it counts: its tallies, and the blocks that none of them counts. Says how many of them could not be read.
    pub(super) fn tally(&self) -> Result<(Tally, u64), DatabaseError> {
        let (mut tally, mut damaged) = (Tally::default(), 0);
        let counted = self.counted()?;
        for &through in &counted {
            match self.sheet(through) {
                Ok(sheet) => tally.merge(&sheet),
                Err(_) => damaged += 1,
            }
        }
        let after = counted.last().copied().unwrap_or(EventId(0));
        damaged += self.count_after(after, &mut tally)?;
        Ok((tally, damaged))
    }

    /// Counts the events after `after` that are in blocks.
    pub(super) fn count_after(&self, after: EventId, tally: &mut Tally) -> Result<u64, DatabaseError> {
        self.blocks(after, &mut |first, _, events| {
            let places = (first.0..).map(EventId).zip(&events);
            places.filter(|(place, _)| *place > after).for_each(|(_, event)| tally.count(event));
        })
    }

    fn names(&self) -> Result<Arc<NameTable>, DatabaseError> {
        if let Some(shared) = &*self.shared.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(shared.table());
        }
        if let Some(names) = self.names.get() {
            return Ok(names.clone());
        }
        let read = Arc::new(self.read_names()?);
        Ok(self.names.get_or_init(|| read).clone())
    }

    fn shared(&self) -> Result<Arc<SharedNames>, DatabaseError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_none() {
            *shared = Some(Arc::new(SharedNames::new(self.read_names()?)?));
        }
        Ok(shared.get_or_insert_default().clone())
    }

    fn read_names(&self) -> Result<NameTable, DatabaseError> {
        let mut names = NameTable::default();
        let mut read = Ok(());
        self.database.scan(&[NAMES], &[NAMES + 1], &mut |key, value| {
            read = (|| {
                // Blocks name them by their places: a gap would give events other names.
                if place_of(key)? != EventId(names.len() as u64) {
                    return Err(Damaged::Content.into());
                }
                let (len, packed): (u32, Vec<u8>) = value::decode(&value.load()?)?;
                names.append(&NameTable::read(value::unpack(&packed, len)?));
                Ok(())
            })();
            if read.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        read.map(|()| names)
    }
}

fn key_of(kind: u8, place: EventId) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(place.0.to_be_bytes());
    key
}

fn place_of(key: &[u8]) -> Result<EventId, Damaged> {
    let number = key.get(1..).and_then(|number| number.try_into().ok()).ok_or(Damaged::Content)?;
    Ok(EventId(u64::from_be_bytes(number)))
}
