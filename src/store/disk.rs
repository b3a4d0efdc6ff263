//! Journal and archive on disk: which periods there are, which one is written to, and which are forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::EventId;
use super::archive::Archive;
use super::database::DatabaseError;
use super::home::{Home, Trouble, make_dir, remove, set_aside};
use super::memory::Pending;
use super::period::{Period, PeriodId, Summary};
use super::search::Sieve;
use crate::event::Event;
use crate::time::{Hour, Timestamp};

/// Room that is left on the disk for others, and for sled, which writes some segments ahead.
const MIN_FREE_BYTES: u64 = 2 << 20;
/// sled writes a large value about three times before it has found its place.
const BYTES_WRITTEN_PER_BYTE: u64 = 4;
/// Closed periods that stay open for the next page of a search.
const MAX_READ_PERIODS: usize = 3;
/// Directories the journal may have. A day each, it takes a clock that jumps for years to get there.
const MAX_PERIODS: usize = 1_000;
const HOURS_PER_DAY: u64 = 24;

/// An open store on disk.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    journal_dir: PathBuf,
    pub(super) archive: Archive,
    periods: Mutex<Periods>,
    read: Mutex<VecDeque<Arc<Period>>>,
    unreadable: AtomicU64,
    given_up: AtomicBool,
}

#[derive(Clone, Debug)]
struct Periods {
    /// The one that is written to; the next write begins one where there is none.
    current: Option<Arc<Period>>,
    /// The others. Their tallies are in the archive.
    closed: BTreeMap<PeriodId, Summary>,
    last: EventId,
}

impl Disk {
    /// Opens what `home` has, or begins it. Damaged parts are set aside and added to `aside`. With `fresh`, no period
    /// that is there is written to again: the disk refused something there before.
    pub(super) fn open(home: &Home, now: Timestamp, fresh: bool, aside: &mut Vec<PathBuf>) -> Result<Self, Trouble> {
        home.claim()?;
        if home.room().map_err(|error| Trouble::Unusable(home.dir().into(), error))? < MIN_FREE_BYTES {
            return Err(Trouble::Full(home.dir().into()));
        }
        let opened = Self::open_claimed(home.dir(), now, fresh, aside);
        opened.map_err(|error| Trouble::Refused(home.dir().into(), error.to_string()))
    }

    fn open_claimed(dir: &Path, now: Timestamp, fresh: bool, aside: &mut Vec<PathBuf>) -> Result<Self, DatabaseError> {
        let journal_dir = dir.join("journal");
        let archive_dir = dir.join("tallies");
        for part in [&journal_dir, &archive_dir] {
            if part.symlink_metadata().is_ok() && !part.is_dir() {
                aside.push(set_aside(part, now).map_err(DatabaseError::Disk)?);
            }
            make_dir(part).map_err(DatabaseError::Disk)?;
        }
        let archive = match Archive::open(&archive_dir).and_then(|archive| Ok((archive.last()?, archive))) {
            Err(DatabaseError::Damaged(_)) => {
                aside.push(set_aside(&archive_dir, now).map_err(DatabaseError::Disk)?);
                make_dir(&archive_dir).map_err(DatabaseError::Disk)?;
                Archive::open(&archive_dir)?
            }
            opened => opened?.1,
        };
        let mut periods = Periods { current: None, closed: archive.periods()?, last: archive.last()? };
        let on_disk = list_periods(&journal_dir).map_err(DatabaseError::Disk)?;
        periods.closed.retain(|id, _| on_disk.contains(id));
        for &id in &on_disk {
            if periods.closed.contains_key(&id) {
                continue;
            }
            match Period::open(id, &journal_dir) {
                Ok(Some(period)) => {
                    let newest = on_disk.last() == Some(&id);
                    periods.last = periods.last.max(period.summary().last);
                    if newest && !fresh {
                        periods.current = Some(Arc::new(period));
                    } else {
                        archive.add(&period)?;
                        periods.closed.insert(id, period.summary());
                    }
                }
                Ok(None) => remove(&id.dir(&journal_dir)).map_err(DatabaseError::Disk)?,
                Err(DatabaseError::Damaged(_)) => {
                    aside.push(set_aside(&id.dir(&journal_dir), now).map_err(DatabaseError::Disk)?);
                }
                Err(error) => return Err(error),
            }
        }
        let (periods, dir) = (Mutex::new(periods), dir.to_owned());
        let (read, unreadable, given_up) = (Mutex::default(), AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { dir, journal_dir, archive, periods, read, unreadable, given_up })
    }

    /// Writes the closed blocks in `pending` that are not there yet, into the period of the day.
    pub(super) fn write(&self, pending: &[Arc<Pending>], home: &Home, now: Timestamp) -> Result<EventId, Trouble> {
        let bytes: usize = pending.iter().map(|block| block.value.len()).sum();
        self.make_room(home, MIN_FREE_BYTES + BYTES_WRITTEN_PER_BYTE * bytes as u64)?;
        self.write_with_room(pending, now).map_err(|error| Trouble::Refused(self.dir.clone(), error.to_string()))
    }

    fn write_with_room(&self, pending: &[Arc<Pending>], now: Timestamp) -> Result<EventId, DatabaseError> {
        let last = self.last();
        let new: Vec<_> = pending.iter().filter(|block| block.first > last).cloned().collect();
        if new.is_empty() {
            return Ok(last);
        }
        let period = self.period_of(now)?;
        period.write(&new)?;
        let last = period.summary().last;
        self.periods().last = last;
        Ok(last)
    }

    /// The period that is written to at `now`: another one begins with every day, by whatever the clock says.
    fn period_of(&self, now: Timestamp) -> Result<Arc<Period>, DatabaseError> {
        let day = u64::from(now.hour().number()) / HOURS_PER_DAY;
        let current = self.periods().current.clone();
        if let Some(period) = current {
            if period.summary().day == day {
                return Ok(period);
            }
            self.archive.add(&period)?;
            let mut periods = self.periods();
            periods.closed.insert(period.id, period.summary());
            periods.current = None;
            drop(periods);
            self.keep_for_reading(&mut self.reading(), period);
        }
        let (next, last) = {
            let periods = self.periods();
            (periods.closed.last_key_value().map_or(1, |(id, _)| id.0.saturating_add(1)), periods.last)
        };
        let begun = Arc::new(Period::begin(PeriodId(next), &self.journal_dir, day, last)?);
        self.periods().current = Some(begun.clone());
        Ok(begun)
    }

    /// Forgets the oldest periods until `bytes` can be written.
    fn make_room(&self, home: &Home, bytes: u64) -> Result<(), Trouble> {
        loop {
            let room = home.room().map_err(|error| Trouble::Unusable(self.dir.clone(), error))?;
            if room >= bytes {
                return Ok(());
            }
            let oldest = self.periods().closed.keys().next().copied();
            match oldest.map(|id| self.remove_period(id)) {
                Some(Ok(true)) => {}
                _ => return Err(Trouble::Full(self.dir.clone())),
            }
        }
    }

    /// Forgets the periods whose newest event is from before `oldest_kept`, and the tallies of hours before `oldest_hour`,
    /// but for those that count events which are still kept.
    ///
    /// Goes through them in the order in which they were written and stops at the first that is to stay. One whose times
    /// cannot be right (before sordino existed, or in the future) goes with the next one that can be judged.
    pub(super) fn expire(&self, oldest_kept: Timestamp, oldest_hour: Hour, now: Timestamp) -> io::Result<()> {
        let closed = self.periods().closed.clone();
        let mut expired = closed.len().saturating_sub(MAX_PERIODS);
        for (place, summary) in closed.values().enumerate() {
            let newest = summary.newest;
            if newest < super::BUILD_DATE || newest > now {
                continue;
            }
            if newest >= oldest_kept {
                break;
            }
            expired = expired.max(place + 1);
        }
        let mut gone = Vec::new();
        for (&id, _) in closed.iter().take(expired) {
            if !self.remove_period(id)? {
                break;
            }
            gone.push(id);
        }
        let periods = self.periods().clone();
        let kept = periods.current.map(|period| period.summary()).into_iter().chain(periods.closed.into_values());
        let end = kept.map(|summary| summary.oldest.hour()).fold(oldest_hour, Hour::min);
        self.archive.forget(&gone, end).map_err(|error| io::Error::other(error.to_string()))
    }

    /// Removes a closed period, unless someone reads it now.
    fn remove_period(&self, id: PeriodId) -> io::Result<bool> {
        let mut reading = self.reading();
        if reading.iter().any(|period| period.id == id && Arc::strong_count(period) > 1) {
            return Ok(false);
        }
        reading.retain(|period| period.id != id);
        remove(&id.dir(&self.journal_dir))?;
        self.periods().closed.remove(&id);
        Ok(true)
    }

    /// The period that is written to.
    pub(super) fn current(&self) -> Option<Arc<Period>> {
        self.periods().current.clone()
    }

    /// The last event on disk.
    pub(super) fn last(&self) -> EventId {
        self.periods().last
    }

    /// When the last event that is on disk was asked.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let periods = self.periods();
        let current = periods.current.as_ref().map(|period| period.summary());
        current.or_else(|| periods.closed.values().last().copied()).map(|summary| summary.newest)
    }

    /// Says that nothing more is to be written here, after sled refused something.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Whether it is only read any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Blocks and periods that could not be read since the start.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// Counts something that could not be read.
    pub(super) fn note_unreadable(&self, count: u64) {
        self.unreadable.fetch_add(count, Ordering::Relaxed);
    }

    /// Adds the events before `before` that `sieve` lets through, the latest first, until `found` holds `limit`.
    pub(super) fn search(&self, sieve: &Sieve, before: EventId, limit: usize, found: &mut Vec<(EventId, Event)>) {
        let (current, closed) = {
            let periods = self.periods();
            (periods.current.clone(), periods.closed.clone())
        };
        let mut search = |period: &Period| match period.search(sieve, before, limit, found) {
            Ok(unreadable) => {
                self.note_unreadable(unreadable);
                found.len() >= limit
            }
            Err(_) => {
                self.note_unreadable(1);
                false
            }
        };
        if current.is_some_and(|period| search(&period)) {
            return;
        }
        for (id, summary) in closed.into_iter().rev() {
            if summary.after >= before || !sieve.passes_span(summary.oldest, summary.newest) {
                continue;
            }
            match self.open_for_reading(id) {
                Ok(Some(period)) if search(&period) => return,
                Ok(_) => {}
                Err(_) => self.note_unreadable(1),
            }
        }
    }

    /// Opens a closed period; none when it was forgotten in the meantime.
    fn open_for_reading(&self, id: PeriodId) -> Result<Option<Arc<Period>>, DatabaseError> {
        let mut reading = self.reading();
        if let Some(period) = reading.iter().find(|period| period.id == id) {
            return Ok(Some(period.clone()));
        }
        if !self.periods().closed.contains_key(&id) {
            return Ok(None);
        }
        let Some(period) = Period::open(id, &self.journal_dir)? else { return Ok(None) };
        let period = Arc::new(period);
        self.keep_for_reading(&mut reading, period.clone());
        Ok(Some(period))
    }

    fn keep_for_reading(&self, reading: &mut VecDeque<Arc<Period>>, period: Arc<Period>) {
        reading.push_back(period);
        // One that is in use stays: it could not be opened a second time.
        while reading.len() > MAX_READ_PERIODS {
            let Some(idle) = reading.iter().position(|period| Arc::strong_count(period) == 1) else { break };
            reading.remove(idle);
        }
    }

    fn periods(&self) -> MutexGuard<'_, Periods> {
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self) -> MutexGuard<'_, VecDeque<Arc<Period>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The periods that have a directory, the oldest first.
fn list_periods(journal_dir: &Path) -> io::Result<Vec<PeriodId>> {
    let mut periods = Vec::new();
    for entry in fs::read_dir(journal_dir)? {
        periods.extend(entry?.file_name().to_str().and_then(PeriodId::from_dir));
    }
    periods.sort_unstable();
    Ok(periods)
}
