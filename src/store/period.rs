//! A period of the journal: the blocks of about a day, and what they add to the tallies, in a directory of its own.
//!
//! A directory, so that forgetting is removing it, on a full disk too, and damage stops at its edge. Periods are
//! numbered in the order in which they were begun, and never by the clock, which may be wrong. The last one is open for
//! writing; the tallies of all before it are in the archive as well.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::EventId;
use super::block::Block;
use super::database::{Database, DatabaseError};
use super::home::make_dir;
use super::ledger::Additions;
use super::memory::Pending;
use super::search::Sieve;
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
}

/// An open period.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) id: PeriodId,
    pub(super) database: Database,
    summary: Mutex<Summary>,
}

const SUMMARY: &[u8] = b"m";
const BLOCKS: u8 = b'b';

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
        let summary = database.read(SUMMARY)?.ok_or(Damaged::Content)?;
        Ok(Some(Self { id, summary: Mutex::new(value::decode(&summary)?), database }))
    }

    /// Begins a period for what comes after the event `last`.
    pub(super) fn begin(id: PeriodId, journal_dir: &Path, day: u64, last: EventId) -> Result<Self, DatabaseError> {
        let dir = id.dir(journal_dir);
        make_dir(&dir).map_err(DatabaseError::Disk)?;
        let (oldest, newest) = (Timestamp::from_millis(u64::MAX), Timestamp::default());
        let summary = Summary { day, after: last, last, oldest, newest };
        Ok(Self { id, database: Database::open(&dir)?, summary: Mutex::new(summary) })
    }

    pub(super) fn summary(&self) -> Summary {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `blocks` and what they add to the tallies, all or nothing.
    pub(super) fn write(&self, blocks: &[Arc<Pending>]) -> Result<(), DatabaseError> {
        let mut summary = self.summary();
        let mut additions = Additions::to(&self.database);
        let mut changes = Vec::new();
        for block in blocks {
            for (key, tally) in &block.counted.tallies {
                additions.tally(key.clone(), tally, block.first, block.last())?;
            }
            for (device, seen) in &block.counted.devices {
                additions.device(device.clone(), *seen)?;
            }
            let (oldest, newest) = Block::open(block.first, &block.value)?.span();
            summary.oldest = summary.oldest.min(oldest);
            summary.newest = summary.newest.max(newest);
            summary.last = block.last();
            changes.push((block_key(block.first), Some(block.value.clone())));
        }
        changes.extend(additions.into_changes().map_err(DatabaseError::Disk)?);
        changes.push((SUMMARY.to_vec(), Some(value::encode(&summary).map_err(DatabaseError::Disk)?)));
        self.database.write(changes)?;
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
        Ok(())
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
        let mut damaged = 0;
        self.database.scan_back(&[BLOCKS], &block_key(before), &mut |key, value| {
            let read = block_of(key).and_then(|first| Block::open(first, value)?.search(sieve, before, limit, found));
            damaged += u64::from(read.is_err());
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(damaged)
    }
}

fn block_key(first: EventId) -> Vec<u8> {
    let mut key = vec![BLOCKS];
    key.extend(first.0.to_be_bytes());
    key
}

fn block_of(key: &[u8]) -> Result<EventId, Damaged> {
    let number = key.get(1..).and_then(|number| number.try_into().ok()).ok_or(Damaged::Content)?;
    Ok(EventId(u64::from_be_bytes(number)))
}
