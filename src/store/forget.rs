//! Forgetting what someone asks to be forgotten: no byte of it stays in the directory.
//!
//! sled leaves old pages in its log until it needs their room. So what is to stay is written into fresh directories and
//! the old ones are removed. What is under way stands in a file, and is done again where the process ended in the midst.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::archive::Archive;
use super::database::DatabaseError;
use super::disk::{ARCHIVE, Disk, JOURNAL, list_periods};
use super::home::{Home, Trouble, is_set_aside, make_dir, remove, sync_dir, write_whole};
use super::memory::{Packing, Pending};
use super::period::{Batch, Period, PeriodId};
use super::tally::Tally;
use super::{Keeping, Store};
use crate::policy::DeviceId;

/// The file that says what is being forgotten: identities as a JSON array, or [`ALL`].
const INTENT: &str = "forgetting";
const ALL: &str = "*";
/// Where fresh directories are made.
const FRESH: &str = "fresh";
/// How long readers may take to let go of the history.
const READERS: (u32, Duration) = (1_000, Duration::from_millis(10));
/// Blocks that are written at once.
const BLOCKS_AT_ONCE: usize = 16;

pub(super) fn forget(store: &Store, gone: Option<&[DeviceId]>) -> Result<(), Trouble> {
    let _alone = store.writing();
    if !store.writes() {
        forget_in_memory(store, gone);
        return Ok(());
    }
    store.home.claim()?;
    let unusable = |error| Trouble::Unusable(store.home.dir().into(), error);
    let intent = gone.map_or_else(|| Ok(ALL.to_owned()), serde_json::to_string);
    let intent = intent.map_err(|error| unusable(error.into()))?;
    write_whole(&store.home.dir().join(INTENT), intent.as_bytes()).map_err(unusable)?;
    if gone.is_some() && store.journal() == Keeping::Disk {
        hand_to_disk(store)?;
    }
    forget_in_memory(store, gone);
    let disk = store.disk.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(disk) = disk {
        let_go(disk).map_err(unusable)?;
    }
    finish(&store.home)?;
    let opened = store.open_disk(false).map(drop);
    store.notes().set_aside = None;
    opened
}

/// Does what was begun.
pub(super) fn finish(home: &Home) -> Result<(), Trouble> {
    let refused = |error: DatabaseError| Trouble::Refused(home.dir().into(), error.to_string());
    let intent = home.dir().join(INTENT);
    match fs::read_to_string(&intent) {
        Ok(text) => {
            // What is neither is a file that was never written whole: nothing was acknowledged.
            match identities(text.trim()) {
                Some(gone) => without(home.dir(), &gone).map_err(refused)?,
                None if text.trim() == ALL => everything(home.dir()).map_err(DatabaseError::Disk).map_err(refused)?,
                None => {}
            }
            let done = remove(&intent).and_then(|()| sync_dir(home.dir()));
            done.map_err(DatabaseError::Disk).map_err(refused)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(DatabaseError::Disk(error))),
    }
}

/// Before devices could be joined there was one, and not in an array.
fn identities(intent: &str) -> Option<Vec<DeviceId>> {
    serde_json::from_str(intent).ok().or_else(|| Some(vec![intent.parse().ok()?]))
}

/// Writes the open block, so that it can be forgotten where all others are.
pub(super) fn hand_to_disk(store: &Store) -> Result<(), Trouble> {
    let Some(disk) = store.disk().filter(|disk| !disk.is_given_up()) else { return Ok(()) };
    let unpackable = |error: io::Error| Trouble::Refused(store.home.dir().into(), error.to_string());
    let mut memory = store.memory();
    let (open, _) = memory.open();
    if !open.is_empty() {
        let block = Pending::new(&open, false).map_err(unpackable)?;
        memory.pack(open.len(), Packing::Close(block));
    }
    let (tally, _, last) = memory.tally();
    let batch = Batch { blocks: memory.pending(), tally: Some(tally), last, span: None };
    let written = disk.write(&batch, &store.home, store.clock.now())?;
    disk.commit(written);
    memory.flushed(last, true, false);
    Ok(())
}

pub(super) fn forget_in_memory(store: &Store, gone: Option<&[DeviceId]>) {
    let mut memory = store.memory();
    match gone {
        Some(gone) => memory.forget_devices(gone),
        None => memory.forget(),
    }
}

/// Waits until nobody reads the history any more, and closes it.
pub(super) fn let_go(mut disk: Arc<Disk>) -> io::Result<()> {
    let (times, pause) = READERS;
    for _ in 0..times {
        match Arc::try_unwrap(disk) {
            Ok(disk) => return disk.shut(),
            Err(shared) => disk = shared,
        }
        std::thread::park_timeout(pause);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "the history is being read all the time"))
}

fn everything(dir: &Path) -> io::Result<()> {
    for name in [JOURNAL, ARCHIVE, FRESH, "journal", "tallies"] {
        remove_if_there(&dir.join(name))?;
    }
    remove_set_aside(dir)
}

fn without(dir: &Path, gone: &[DeviceId]) -> Result<(), DatabaseError> {
    let (journal_dir, fresh_dir) = (dir.join(JOURNAL), dir.join(FRESH));
    remove_if_there(&fresh_dir).map_err(DatabaseError::Disk)?;
    make_dir(&fresh_dir).map_err(DatabaseError::Disk)?;
    if journal_dir.is_dir() {
        for id in list_periods(&journal_dir).map_err(DatabaseError::Disk)? {
            match rewrite(id, &journal_dir, &fresh_dir, gone) {
                Ok(()) => replace(&id.dir(&journal_dir), &id.dir(&fresh_dir)).map_err(DatabaseError::Disk)?,
                // What cannot be read cannot be gone through either.
                Err(DatabaseError::Damaged(_)) => remove(&id.dir(&journal_dir)).map_err(DatabaseError::Disk)?,
                Err(error) => return Err(error),
            }
        }
        remove_set_aside(&journal_dir).map_err(DatabaseError::Disk)?;
    }
    let archive_dir = dir.join(ARCHIVE);
    if archive_dir.is_dir() {
        let fresh = fresh_dir.join(ARCHIVE);
        make_dir(&fresh).map_err(DatabaseError::Disk)?;
        Archive::open(&archive_dir)?.copy_without(gone, &Archive::open(&fresh)?)?;
        replace(&archive_dir, &fresh).map_err(DatabaseError::Disk)?;
    }
    remove_if_there(&fresh_dir).and_then(|()| remove_set_aside(dir)).map_err(DatabaseError::Disk)
}

/// Writes all of a period but what is of `gone` into a period below `fresh_dir`.
fn rewrite(id: PeriodId, journal_dir: &Path, fresh_dir: &Path, gone: &[DeviceId]) -> Result<(), DatabaseError> {
    let Some(old) = Period::open(id, journal_dir)? else { return Ok(()) };
    let summary = old.summary();
    let fresh = Period::begin(id, fresh_dir, summary.day, summary.after)?;
    let mut blocks = Vec::new();
    let mut written = Ok(());
    old.blocks(summary.after, &mut |first, _, mut events| {
        events.retain(|event| !gone.contains(&event.device));
        let placed: Vec<_> = (first.0..).map(super::EventId).zip(events).map(Arc::new).collect();
        if placed.is_empty() || written.is_err() {
            return;
        }
        match Pending::new(&placed, false) {
            Ok(block) => blocks.push(Arc::new(block)),
            Err(error) => written = Err(DatabaseError::Disk(error)),
        }
        if blocks.len() >= BLOCKS_AT_ONCE {
            written = fresh.write(&Batch { blocks: std::mem::take(&mut blocks), last: first, ..Batch::default() });
        }
    })?;
    written?;
    let mut tally = Tally::default();
    tally.merge(&old.tally()?.0.sheet(true).without(gone));
    let span = Some((summary.oldest, summary.newest));
    fresh.write(&Batch { blocks, tally: Some(Arc::new(tally)), last: summary.last, span })
}

/// Puts `fresh` in the place of `old`. In between there is neither: then there was nothing to keep, for `fresh` is made anew
/// from what is left when this is done again.
fn replace(old: &Path, fresh: &Path) -> io::Result<()> {
    if !fresh.exists() {
        return Ok(());
    }
    // One name for the old one that no reader looks for, so that the fresh one is in its place without delay.
    let gone = fresh.with_extension("gone");
    fs::rename(old, &gone)?;
    fs::rename(fresh, old)?;
    old.parent().map_or(Ok(()), sync_dir)?;
    remove(&gone)
}

fn remove_set_aside(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if is_set_aside(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok() { remove(path) } else { Ok(()) }
}
