//! Which periods there are, and reading those that are closed.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::EventId;
use super::archive::Archive;
use super::database::DatabaseError;
use super::home::remove;
use super::period::{Period, PeriodId, Summary};
use super::search::Sieve;
use crate::event::Event;

/// Closed periods that stay open for the next page of a search.
const MAX_READ_PERIODS: usize = 3;

/// The periods at one moment. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Periods {
    /// The one that is written to; the next write begins one where there is none.
    pub(super) current: Option<Arc<Period>>,
    /// The tallies of the current one that are on disk.
    pub(super) counted: Arc<Vec<EventId>>,
    /// The others that have a journal.
    pub(super) closed: Arc<BTreeMap<PeriodId, Summary>>,
    /// Those whose tallies are in the archive.
    pub(super) archived: Arc<BTreeMap<PeriodId, Summary>>,
    pub(super) last: EventId,
}

/// Closed periods that are open for reading.
#[derive(Debug)]
pub(super) struct Shelf {
    journal_dir: PathBuf,
    open: Mutex<VecDeque<Arc<Period>>>,
}

impl Shelf {
    pub(super) fn new(journal_dir: PathBuf) -> Self {
        Self { journal_dir, open: Mutex::default() }
    }

    /// Adds the events before `before` that `sieve` lets through, the latest first, until `found` holds `limit`. Says how
    /// many parts could not be read.
    pub(super) fn search(
        &self,
        periods: &Periods,
        archive: &Archive,
        sieve: &Sieve,
        before: EventId,
        limit: usize,
        found: &mut Vec<(EventId, Event)>,
    ) -> u64 {
        let mut damaged = 0;
        if let Some(period) = &periods.current {
            damaged += period.search(sieve, before, limit, found).unwrap_or(1);
        }
        for (&id, summary) in periods.closed.iter().rev() {
            if found.len() >= limit {
                break;
            }
            if summary.after >= before || !sieve.passes_span(summary.oldest, summary.newest) {
                continue;
            }
            // Opening a period takes far longer than reading what it counts, and that longer than what it is about.
            if archive.about(id).is_ok_and(|sheet| sheet.is_some_and(|sheet| !sieve.may_be_about(&sheet)))
                || archive.sheet(id).is_ok_and(|sheet| sheet.is_some_and(|sheet| !sieve.may_pass(&sheet)))
            {
                continue;
            }
            damaged += match self.open(id) {
                Ok(Some(period)) => period.search(sieve, before, limit, found).unwrap_or(1),
                // It was forgotten in the meantime.
                Ok(None) => 0,
                Err(_) => 1,
            };
        }
        damaged
    }

    /// A closed period; none where it is forgotten by now.
    pub(super) fn open(&self, id: PeriodId) -> Result<Option<Arc<Period>>, DatabaseError> {
        let mut open = self.lock();
        if let Some(period) = open.iter().find(|period| period.id == id) {
            return Ok(Some(period.clone()));
        }
        if !id.dir(&self.journal_dir).exists() {
            return Ok(None);
        }
        let Some(period) = Period::open(id, &self.journal_dir)? else { return Ok(None) };
        let period = Arc::new(period);
        keep(&mut open, period.clone());
        Ok(Some(period))
    }

    /// Takes a period that is closed now.
    pub(super) fn take(&self, period: Arc<Period>) {
        keep(&mut self.lock(), period);
    }

    /// Removes a closed period, unless someone reads it now.
    pub(super) fn remove(&self, id: PeriodId) -> std::io::Result<bool> {
        let mut open = self.lock();
        if open.iter().any(|period| period.id == id && Arc::strong_count(period) > 1) {
            return Ok(false);
        }
        open.retain(|period| period.id != id);
        remove(&id.dir(&self.journal_dir))?;
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Period>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(open: &mut VecDeque<Arc<Period>>, period: Arc<Period>) {
    open.push_back(period);
    // One that is in use stays: it could not be opened a second time.
    while open.len() > MAX_READ_PERIODS {
        let Some(idle) = open.iter().position(|period| Arc::strong_count(period) == 1) else { break };
        open.remove(idle);
    }
}
