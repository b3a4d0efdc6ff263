//! What is kept: the journal, the tallies and the settings. The only place that names sled.
//!
//! The journal and the tallies may lose the last flush interval in a crash. Settings never do: they are one file of
//! their own, replaced whole.
//!
//! From the queue to the disk: the `recorder` takes events in as far as `privacy` lets it, the `memory` holds them until a
//! `block` is full (it has a `dictionary`, whose `names` the blocks of a day share, and `columns`) and counts them in a
//! `tally`, which is kept as a `sheet`. A flush writes full blocks, a tail of the one that is not, and once an hour the
//! tally: the `disk` puts them into the `period` of the day and, when that is closed, its tallies and `firsts` into the
//! `archive`; both keep `value`s in a `database`. `reading` puts memory and disk together again, by `search` for a
//! `filter`, with the closed periods on a `shelf`. `retention` says when it is safe to expire, `forget` removes what
//! someone asks to be removed, `migration` reads what was written before. `home` is the directory all this is in, and
//! `settings` the file beside it, with `secrets` in it. A `backup` is all of that in one file.
//!
//! On disk, below the directory that `store.path` names:
//!
//! ```text
//! settings.json          what was set in the page
//! days/00000001/ ...     sled, one a day: blocks, their names, the tallies of the day, a summary
//! archive/               sled: the tallies of all closed days, devices, firsts, and which days there are
//! layout, lock           the format of the directory, and whose it is now
//! forgetting             what is being forgotten, until that is done
//! restored/              what came out of a backup, until it is in its place
//! NAME.damaged-MILLIS    what could not be read, set aside
//! ```

mod archive;
pub mod backup;
mod block;
mod columns;
mod database;
mod dictionary;
mod disk;
mod filter;
mod firsts;
mod forget;
mod held;
mod home;
mod interned;
mod memory;
mod migration;
mod names;
mod options;
mod period;
mod privacy;
mod reading;
mod recorder;
mod retention;
#[cfg(test)]
mod samples;
mod search;
mod secrets;
mod settings;
mod sheet;
mod shelf;
mod tally;
mod v1;
mod value;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use self::filter::{Filter, LabelTest, NameMatch, Term, What};
pub use self::held::Held;
pub use self::options::{COUNTS_IN_MEMORY, FLUSH, KEEP_QUERIES, KEEP_TALLIES, Options};
pub use self::privacy::{EVERYONE, Keeping, Level};
pub use self::search::Sieve;
pub use self::secrets::{AccessToken, SecondFactor, TokenScope};
pub use self::settings::{AddedList, AddedProfile, AddedSchedule, Settings};

use self::disk::Disk;
use self::home::{Home, Trouble};
use self::memory::Memory;
use self::recorder::Recorder;
use self::settings::SettingsFile;
use crate::device::Devices;
use crate::event::{Event, EventQueue};
use crate::policy::{DeviceId, Name, Verdict};
use crate::snapshot::SnapshotCell;
use crate::time::{BUILD_DATE, Clock, Hour, Timestamp};

/// Events in a full block of the journal.
pub const MAX_BLOCK_EVENTS: usize = 16_384;
/// The file of the settings, in the store's directory.
const SETTINGS: &str = "settings.json";

/// The store. Shared by the recorder, which writes, and the API, which reads; reading blocks, so never from the hot path.
#[derive(Debug)]
pub struct Store {
    options: Options,
    clock: Clock,
    home: Home,
    settings: SettingsFile,
    memory: Mutex<Memory>,
    /// None while nothing can be kept on disk.
    disk: Mutex<Option<Arc<Disk>>>,
    notes: Mutex<Notes>,
    /// Held by whoever changes what is on disk.
    writing: Mutex<()>,
}

/// What [`Health`] tells and nobody else holds.
#[derive(Debug, Default)]
struct Notes {
    trouble: Option<String>,
    set_aside: Option<PathBuf>,
    flushed: Option<Timestamp>,
    bytes: u64,
    flushes: u64,
    /// Whether the places of events go on from those on disk.
    numbered: bool,
}

/// The place of an event in the journal, counted from 1. Later events have larger ones, whatever the clock said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// A page of the journal, the latest event first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events.
    pub events: Vec<(EventId, Event)>,
    /// Where to go on reading backwards; none at the end.
    pub next: Option<EventId>,
}

/// How often a device asked a name, with one verdict, hour by hour. It is lent and not given: a month has more than a million
/// hours of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyRun<'a> {
    /// Who asked.
    pub device: &'a DeviceId,
    /// For what. The root name stands for all names beyond the bound of a device and hour.
    pub name: &'a Name,
    /// What the policy said.
    pub verdict: Verdict,
    /// How often in which hour, in the order of the hours, at least one.
    pub hours: &'a [(Hour, u64)],
}

impl TallyRun<'_> {
    /// How often in all its hours.
    pub fn count(&self) -> u64 {
        self.hours.iter().map(|(_, count)| count).sum()
    }
}

/// When a device first and last asked a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// Who asked.
    pub device: DeviceId,
    /// For what.
    pub name: Name,
    /// For the first time, to the second.
    pub first: Timestamp,
    /// For the last time, to the second.
    pub last: Timestamp,
    /// Whether no other device asked it before.
    pub new_in_house: bool,
}

/// How long a query took, as the journal keeps it: to an eighth.
pub fn kept_took(took_us: u32) -> u32 {
    columns::took_of(columns::took_code(took_us))
}

/// How the store is doing, for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// One sentence on what is wrong and what to do; none when all is well.
    pub problem: Option<String>,
    /// Where a damaged store was set aside at the start.
    pub set_aside: Option<PathBuf>,
    /// When the last flush reached the disk.
    pub flushed: Option<Timestamp>,
    /// Events that wait for the next flush.
    pub unflushed: u64,
    /// Events that were dropped from memory because the disk did not take them in time.
    pub lost: u64,
    /// Questions whose counts were dropped because there is no room for them in memory and they do not go to disk.
    pub uncounted: u64,
    /// Bytes on disk, as of the last flush.
    pub bytes: u64,
    /// Flushes that reached the disk since the start.
    pub flushes: u64,
}

impl Store {
    /// Opens the store, or sets a damaged one aside and starts afresh; only a path that cannot be used at all makes it
    /// keep everything in memory. Never fails: trouble here is told by [`health`](Self::health).
    pub fn open(options: Options, clock: Clock) -> Arc<Self> {
        let home = Home::new(options.path.clone());
        // Only whose directory it is may set anything in it aside.
        let ours = home.claim().is_ok();
        // Before the settings are read, which may be among what waits.
        let finished = if ours { backup::finish(&home, true) } else { Ok(()) };
        let store = Self {
            settings: SettingsFile::load(options.path.join(SETTINGS), ours, clock.now()),
            home,
            memory: Mutex::new(Memory::after(EventId(0))),
            disk: Mutex::default(),
            notes: Mutex::default(),
            writing: Mutex::default(),
            options,
            clock,
        };
        if let Err(error) = finished {
            store.notes().trouble = Some(Trouble::Unusable(store.home.dir().into(), error).to_string());
        }
        // Where nothing is to be written, nothing is opened either.
        if store.writes()
            && let Err(trouble) = store.open_disk(false)
        {
            store.notes().trouble = Some(trouble.to_string());
        }
        Arc::new(store)
    }

    /// Starts the recorder: a thread that ends by itself, flushed, when the last sink of `queue` is gone.
    ///
    /// A device known by address only is looked up again in `snapshot`, which may know more by then. Every event that
    /// was taken in is also sent to `live`, if anyone listens.
    pub fn record(
        self: &Arc<Self>,
        queue: EventQueue,
        snapshot: Arc<SnapshotCell>,
        live: tokio::sync::broadcast::Sender<Arc<(EventId, Event)>>,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        let recorder = Recorder::new(self.clone(), queue, snapshot, live);
        std::thread::Builder::new().name("recorder".into()).spawn(move || recorder.run())
    }

    /// Reads the journal backwards from before `before`, at most `limit` events. What is not flushed yet is included.
    ///
    /// Here and in all that is read below, `devices` says which identities count as one device: what is looked for by one
    /// of them is found under all of them, and what is found has the main one. What is kept has the identity that was
    /// known when it was asked, so each has its own history again when the operator splits them.
    pub fn events(&self, devices: &Devices, filter: &Filter, before: Option<EventId>, limit: usize) -> Page {
        reading::events(self, devices, filter, before, limit)
    }

    /// Calls `each` for every tally of the hours `from..to`, in no order, of all devices or of one; what is not flushed
    /// yet is included. The count of one device, hour, name and verdict may come in several parts.
    pub fn tallies(
        &self,
        devices: &Devices,
        of: Option<&DeviceId>,
        from: Hour,
        to: Hour,
        each: &mut dyn FnMut(TallyRun<'_>),
    ) {
        reading::tallies(self, devices, of, from, to, each);
    }

    /// First and last time each device was heard of.
    pub fn devices(&self, devices: &Devices) -> Vec<(DeviceId, Timestamp, Timestamp)> {
        reading::devices(self, devices)
    }

    /// Hits per list since `from`, by name.
    pub fn list_hits(&self, from: Hour) -> Vec<(Arc<str>, u64)> {
        reading::list_hits(self, from)
    }

    /// What devices asked since `since` for the first time, the newest first; of all devices, or of one.
    pub fn firsts(&self, devices: &Devices, of: Option<&DeviceId>, since: Timestamp) -> Vec<First> {
        reading::firsts(self, devices, of, since)
    }

    /// Forgets all that is known of a device, under each of its identities, or everything, in memory and on disk, and
    /// returns when no byte of it is left. Settings stay. Takes as long as reading and writing the history does.
    ///
    /// # Errors
    /// One sentence when that was not possible; it is tried again when the store is opened the next time.
    pub fn forget(&self, devices: &Devices, of: Option<&DeviceId>) -> Result<(), String> {
        let identities: Option<Vec<DeviceId>> = of.map(|id| devices.identities(id).cloned().collect());
        forget::forget(self, identities.as_deref()).map_err(|trouble| trouble.to_string())
    }

    /// How the store is doing.
    pub fn health(&self) -> Health {
        let (unflushed, lost, uncounted) = {
            let memory = self.memory();
            (memory.unflushed(), memory.lost(), memory.uncounted())
        };
        let unreadable = self.disk().map_or(0, |disk| disk.unreadable());
        let notes = self.notes();
        let unreadable = (unreadable > 0).then(|| {
            format!(
                "{unreadable} parts of the history in {} could not be read and are left out. Check the disk.",
                self.home.dir().display()
            )
        });
        let problem = notes.trouble.clone().or_else(|| self.settings.problem()).or(unreadable);
        Health {
            problem,
            set_aside: notes.set_aside.clone(),
            flushed: notes.flushed,
            unflushed,
            lost,
            uncounted,
            bytes: notes.bytes,
            flushes: notes.flushes,
        }
    }

    /// The settings, as they are on disk.
    pub fn settings(&self) -> Settings {
        self.settings.settings()
    }

    /// Makes sure that the store's directory is there and ours alone, for what others keep in it.
    ///
    /// # Errors
    /// One sentence on why it is not.
    pub fn claim(&self) -> std::io::Result<()> {
        self.home.claim().map_err(Trouble::into_io)
    }

    /// How much of a query is kept.
    pub fn level(&self) -> Level {
        self.options.level
    }

    /// Puts `settings` on disk, whole, before it returns. Only `control` calls this.
    ///
    /// # Errors
    /// When the disk does not take it; the old settings are then still in force.
    pub fn save_settings(&self, settings: &Settings) -> std::io::Result<()> {
        self.home.claim().map_err(Trouble::into_io)?;
        self.settings.save(settings)
    }

    /// Opens journal and archive. With `fresh`, what the disk has is read but not added to.
    fn open_disk(&self, fresh: bool) -> Result<Arc<Disk>, Trouble> {
        self.home.claim()?;
        let unfinished = |error| Trouble::Unusable(self.home.dir().into(), error);
        backup::finish(&self.home, false).map_err(unfinished)?;
        migration::bring_up(&self.home)?;
        forget::finish(&self.home)?;
        let mut aside = Vec::new();
        let opened = Disk::open(&self.home, self.clock.now(), fresh, &mut aside);
        let bytes = self.home.bytes();
        let mut notes = self.notes();
        notes.bytes = bytes;
        notes.set_aside = aside.pop().or_else(|| notes.set_aside.take());
        let disk = Arc::new(opened?);
        let numbered = std::mem::replace(&mut notes.numbered, true);
        drop(notes);
        let tail = if numbered { Ok(disk::Tail::default()) } else { disk.tail() };
        let tail = tail.unwrap_or_else(|_| {
            disk.note_unreadable(1);
            disk::Tail::default()
        });
        let mut memory = self.memory();
        // Places that go on from this disk say which events it already has; others were given without knowing it.
        if numbered {
            memory.start_anew(disk.last());
        } else {
            memory.take_up(disk.last(), tail.events, tail.tally);
        }
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = Some(disk.clone());
        Ok(disk)
    }

    /// Where single queries are kept, the level of privacy considered.
    fn journal(&self) -> Keeping {
        if self.options.level.allows_journal() { self.options.journal } else { Keeping::Off }
    }

    /// Whether anything is written to disk.
    fn writes(&self) -> bool {
        self.options.level != Level::Nothing
            && (self.journal() == Keeping::Disk || self.options.tallies == Keeping::Disk)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
