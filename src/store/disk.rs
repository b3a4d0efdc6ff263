//! Journal and archive on disk: which period is written to, when another one begins, and which are forgotten.
//!
//! A write is on disk when it returns, and readers see it when it is `committed`: the recorder does that in the moment in
//! which it takes the same things out of memory, so that nobody meets an event twice or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::EventId;
use super::archive::Archive;
use super::database::DatabaseError;
use super::home::{Home, Trouble, make_dir, remove, set_aside};
use super::period::{Batch, Period, PeriodId, Summary};
use super::search::Sieve;
use super::shelf::{Periods, Shelf};
use super::tally::Tally;
use crate::event::Event;
use crate::time::{Hour, Timestamp};

/// Room that is left on the disk for others, and for sled, which writes some segments ahead.
const MIN_FREE_BYTES: u64 = 2 << 20;
/// sled writes a value about once, and the tallies are not much more.
const BYTES_WRITTEN_PER_BYTE: u64 = 2;
/// Directories the journal may have. A day each, it takes a clock that jumps for years to get there.
const MAX_PERIODS: usize = 1_000;
/// Full blocks of a period: four million queries. A busy day has several periods.
const MAX_BLOCKS: u32 = 256;
const HOURS_PER_DAY: u64 = 24;
/// The directories of the periods and of the archive.
pub(super) const JOURNAL: &str = "days";
pub(super) const ARCHIVE: &str = "archive";

/// An open store on disk.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    journal_dir: PathBuf,
    pub(super) archive: Archive,
    periods: Mutex<Periods>,
    shelf: Shelf,
    unreadable: AtomicU64,
    given_up: AtomicBool,
}

/// A write that is on disk and that readers do not see yet.
#[derive(Debug)]
pub(super) struct Written(Periods);

/// Where the disk ends: what memory takes up again.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The events of the block that is not full.
    pub(super) events: Vec<Arc<(EventId, Event)>>,
    /// What the period counts beyond its tallies.
    pub(super) tally: Tally,
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
        let journal_dir = dir.join(JOURNAL);
        let archive_dir = dir.join(ARCHIVE);
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
        let archived = archive.periods()?;
        let on_disk = list_periods(&journal_dir).map_err(DatabaseError::Disk)?;
        let mut closed = archived.clone();
        closed.retain(|id, _| on_disk.contains(id));
        let last = archive.last()?;
        let periods = Periods { last, closed: Arc::new(closed), archived: Arc::new(archived), ..Periods::default() };
        let (shelf, unreadable, given_up) =
            (Shelf::new(journal_dir.clone()), AtomicU64::new(0), AtomicBool::new(false));
        let dir = dir.to_owned();
        let disk = Self { dir, journal_dir, archive, periods: Mutex::new(periods), shelf, unreadable, given_up };
        for &id in &on_disk {
            if disk.periods().closed.contains_key(&id) {
                continue;
            }
            match Period::open(id, &disk.journal_dir) {
                Ok(Some(period)) => {
                    let newest = on_disk.last() == Some(&id);
                    let counted = Arc::new(period.counted()?);
                    let mut periods = disk.periods().clone();
                    periods.last = periods.last.max(period.summary().last);
                    periods.current = Some(Arc::new(period));
                    periods.counted = counted;
                    if !newest || fresh {
                        periods = disk.archived(periods)?;
                    }
                    disk.commit(Written(periods));
                }
                Ok(None) => remove(&id.dir(&disk.journal_dir)).map_err(DatabaseError::Disk)?,
                Err(DatabaseError::Damaged(_)) => {
                    aside.push(set_aside(&id.dir(&disk.journal_dir), now).map_err(DatabaseError::Disk)?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(disk)
    }

    /// Where the period that is written to ends.
    pub(super) fn tail(&self) -> Result<Tail, DatabaseError> {
        let periods = self.snapshot();
        let Some(period) = periods.current else { return Ok(Tail::default()) };
        let mut tail = Tail::default();
        let after = periods.counted.last().copied().unwrap_or(EventId(0));
        let mut unreadable = period.count_after(after, &mut tail.tally)?;
        unreadable += period.blocks(period.last_full()?, &mut |first, header, events| {
            if header.tail {
                tail.events.extend((first.0..).map(EventId).zip(events).map(Arc::new));
            } else {
                tail.events.clear();
            }
        })?;
        self.note_unreadable(unreadable);
        Ok(tail)
    }

    /// Writes `batch` into the period that is written to.
    pub(super) fn write(&self, batch: &Batch, home: &Home, now: Timestamp) -> Result<Written, Trouble> {
        let bytes: usize = batch.blocks.iter().map(|block| block.block.bytes()).sum();
        self.make_room(home, MIN_FREE_BYTES + BYTES_WRITTEN_PER_BYTE * bytes as u64)?;
        self.write_with_room(batch, now).map_err(|error| Trouble::Refused(self.dir.clone(), error.to_string()))
    }

    fn write_with_room(&self, batch: &Batch, now: Timestamp) -> Result<Written, DatabaseError> {
        let mut periods = self.snapshot();
        let period = match &periods.current {
            Some(period) => period.clone(),
            None => {
                let known = periods.closed.last_key_value().into_iter().chain(periods.archived.last_key_value());
                let next = known.map(|(id, _)| id.0.saturating_add(1)).max().unwrap_or(1);
                Arc::new(Period::begin(PeriodId(next), &self.journal_dir, day_of(now), periods.last)?)
            }
        };
        period.write(batch)?;
        periods.last = period.summary().last;
        if batch.tally.as_ref().is_some_and(|tally| !tally.is_empty()) {
            Arc::make_mut(&mut periods.counted).push(periods.last);
        }
        periods.current = Some(period);
        Ok(Written(periods))
    }

    /// Whether another period is to be begun at `now`: one begins with every day, by whatever the clock says.
    pub(super) fn is_complete(&self, now: Timestamp) -> bool {
        let summary = self.periods().current.as_ref().map(|period| period.summary());
        summary.is_some_and(|summary| summary.day != day_of(now) || summary.blocks >= MAX_BLOCKS)
    }

    /// Puts what the period that was written to counts into the archive.
    pub(super) fn close(&self) -> Result<Written, Trouble> {
        let archived = self.archived(self.snapshot());
        archived.map(Written).map_err(|error| Trouble::Refused(self.dir.clone(), error.to_string()))
    }

    fn archived(&self, mut periods: Periods) -> Result<Periods, DatabaseError> {
        let Some(period) = periods.current.take() else { return Ok(periods) };
        let (tally, unreadable) = period.tally()?;
        self.note_unreadable(unreadable);
        let summary = period.summary();
        self.archive.add(period.id, &summary, &tally)?;
        Arc::make_mut(&mut periods.closed).insert(period.id, summary);
        Arc::make_mut(&mut periods.archived).insert(period.id, summary);
        periods.counted = Arc::default();
        self.shelf.take(period);
        Ok(periods)
    }

    /// Shows readers what was written.
    pub(super) fn commit(&self, written: Written) {
        *self.periods() = written.0;
    }

    /// The periods as readers see them now.
    pub(super) fn snapshot(&self) -> Periods {
        self.periods().clone()
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

    /// Forgets the periods whose newest event is from before `oldest_kept`, and the tallies of those that ended before
    /// `oldest_hour`, but for those whose events are still kept.
    pub(super) fn expire(&self, oldest_kept: Timestamp, oldest_hour: Hour, now: Timestamp) -> io::Result<()> {
        let closed = self.periods().closed.clone();
        for id in expired(&closed, oldest_kept, now) {
            if !self.remove_period(id)? {
                break;
            }
        }
        let archived = self.periods().archived.clone();
        let mut gone = expired(&archived, oldest_hour.start(), now);
        gone.retain(|id| !self.periods().closed.contains_key(id));
        self.archive.forget(&gone).map_err(|error| io::Error::other(error.to_string()))?;
        Arc::make_mut(&mut self.periods().archived).retain(|id, _| !gone.contains(id));
        Ok(())
    }

    /// A closed period; none where it is forgotten by now.
    pub(super) fn closed_period(&self, id: PeriodId) -> Result<Option<Arc<Period>>, DatabaseError> {
        self.shelf.open(id)
    }

    fn remove_period(&self, id: PeriodId) -> io::Result<bool> {
        if !self.shelf.remove(id)? {
            return Ok(false);
        }
        Arc::make_mut(&mut self.periods().closed).remove(&id);
        Ok(true)
    }

    /// The last event on disk.
    pub(super) fn last(&self) -> EventId {
        self.periods().last
    }

    /// When the last event that is on disk was asked.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let periods = self.periods();
        let current = periods.current.as_ref().map(|period| period.summary());
        current.or_else(|| periods.archived.values().last().copied()).map(|summary| summary.newest)
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

    /// Adds the events of `periods` before `before` that `sieve` lets through, the latest first, until `found` holds `limit`.
    pub(super) fn search(
        &self,
        periods: &Periods,
        sieve: &Sieve,
        before: EventId,
        limit: usize,
        found: &mut Vec<(EventId, Event)>,
    ) {
        self.note_unreadable(self.shelf.search(periods, &self.archive, sieve, before, limit, found));
    }

    /// Closes everything that is open here.
    pub(super) fn shut(self) -> io::Result<()> {
        let periods = self.periods.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = periods.current else { return Ok(()) };
        match Arc::try_unwrap(current) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(io::ErrorKind::ResourceBusy, "the history is being read")),
        }
    }

    fn periods(&self) -> MutexGuard<'_, Periods> {
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn day_of(now: Timestamp) -> u64 {
    u64::from(now.hour().number()) / HOURS_PER_DAY
}

/// The periods whose newest event is from before `oldest_kept`.
///
/// Goes through them in the order in which they were written and stops at the first that is to stay. One whose times
/// cannot be right (before sordino existed, or in the future) goes with the next one that can be judged.
fn expired(periods: &BTreeMap<PeriodId, Summary>, oldest_kept: Timestamp, now: Timestamp) -> Vec<PeriodId> {
    let mut expired = periods.len().saturating_sub(MAX_PERIODS);
    for (place, summary) in periods.values().enumerate() {
        let newest = summary.newest;
        if newest < super::BUILD_DATE || newest > now {
            continue;
        }
        if newest >= oldest_kept {
            break;
        }
        expired = expired.max(place + 1);
    }
    periods.keys().take(expired).copied().collect()
}

/// The periods that have a directory, the oldest first.
pub(super) fn list_periods(journal_dir: &Path) -> io::Result<Vec<PeriodId>> {
    let mut periods = Vec::new();
    for entry in fs::read_dir(journal_dir)? {
        periods.extend(entry?.file_name().to_str().and_then(PeriodId::from_dir));
    }
    periods.sort_unstable();
    Ok(periods)
}
