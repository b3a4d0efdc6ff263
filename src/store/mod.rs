//! What is kept: the journal, the tallies and the settings. The only place that names sled.
//!
//! The journal and the tallies may lose the last flush interval in a crash. Settings never do: they are one file of
//! their own, replaced whole.
//!
//! From the queue to the disk: the `recorder` takes events in, the `memory` holds them until a flush closes a
//! `block` (whose names are in a `dictionary`) and counts it (`tally`); the `disk` puts block and tallies into the
//! `period` of the day and, when that is closed, its tallies into the `archive`; both keep them in a `ledger`, in
//! `value`s of a `database`. `reading` puts memory and disk together again, by `search`. `retention` says when
//! it is safe to forget. `home` is the directory all this is in, and `settings` the file beside it.
//!
//! On disk, below the directory that `store.path` names:
//!
//! ```text
//! settings.json          what was set in the page
//! journal/00000001/ ...  sled, one a day: blocks, the tallies and devices of the day, a summary
//! tallies/               sled: the tallies and devices of all closed days, and which days there are
//! layout, lock           the format of the directory, and whose it is now
//! NAME.damaged-MILLIS    what could not be read, set aside
//! ```

mod archive;
mod block;
mod database;
mod dictionary;
mod disk;
mod home;
mod ledger;
mod memory;
mod period;
mod reading;
mod recorder;
mod retention;
#[cfg(test)]
mod samples;
mod search;
mod settings;
mod tally;
mod value;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::disk::Disk;
use self::home::{Home, Trouble};
use self::memory::Memory;
use self::recorder::Recorder;
use self::settings::SettingsFile;
use crate::event::{Event, EventQueue, Outcome};
use crate::policy::{Action, DeviceId, Format, GuardId, Name, OwnRule, Verdict};
use crate::snapshot::SnapshotCell;
use crate::time::{BUILD_DATE, Clock, Hour, Timestamp};

/// Events in a block of the journal; a full one is flushed at once.
pub const MAX_BLOCK_EVENTS: usize = 16_384;
/// How long tallies are kept.
pub const KEEP_TALLIES: Duration = Duration::from_secs(400 * 24 * 3600);
/// The file of the settings, in the store's directory.
const SETTINGS: &str = "settings.json";

/// Where and how long things are kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the store. Made if it is missing.
    pub path: PathBuf,
    /// How long the journal keeps single queries.
    pub keep_queries: Duration,
    /// How often what was counted is written to disk.
    pub flush: Duration,
}

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
}

/// What [`Health`] tells and nobody else holds.
#[derive(Debug, Default)]
struct Notes {
    trouble: Option<String>,
    set_aside: Option<PathBuf>,
    flushed: Option<Timestamp>,
    bytes: u64,
    /// Whether the places of events go on from those on disk.
    numbered: bool,
}

/// Which events of the journal to read.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this device.
    pub device: Option<DeviceId>,
    /// Only names with this in them, as text, lower-cased.
    pub name: Option<String>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub to: Option<Timestamp>,
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

/// How often a device asked a name in an hour, with one verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyRow {
    /// Who asked.
    pub device: DeviceId,
    /// In which hour.
    pub hour: Hour,
    /// For what. The root name stands for all names beyond the bound of a device and hour.
    pub name: Name,
    /// What the policy said.
    pub verdict: Verdict,
    /// How often.
    pub count: u64,
}

/// What the dashboard changed; everything in here survives a crash once it was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// PHC string of the dashboard's password.
    #[serde(default)]
    pub password_hash: Option<String>,
    /// Own rules made in the page.
    #[serde(default)]
    pub rules: Vec<OwnRule>,
    /// Guards of the catalogue that were switched off in the page.
    #[serde(default)]
    pub guards_off: Vec<GuardId>,
    /// Names given to devices in the page.
    #[serde(default)]
    pub device_names: Vec<(DeviceId, String)>,
    /// Lists from elsewhere that were added in the page.
    #[serde(default)]
    pub lists: Vec<AddedList>,
}

/// A list from elsewhere that was added in the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedList {
    /// Its name; unique.
    pub name: String,
    /// The URL it is fetched from.
    pub source: String,
    /// What it does.
    pub action: Action,
    /// How it is written.
    pub format: Format,
    /// Whether it is fetched and in force.
    pub enabled: bool,
    /// Whether its server may have an inner address.
    #[serde(default)]
    pub private_server: bool,
}

impl Settings {
    /// Reads the settings in the store at `path` without opening the store, which another process may hold. Where there
    /// is no store yet, there are no settings.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn read(path: &std::path::Path) -> std::io::Result<Self> {
        settings::read(&path.join(SETTINGS))
    }
}

/// The directory of a store that is held without the store being opened. Nobody else writes there until this goes.
#[derive(Debug)]
pub struct Held {
    _home: Home,
}

impl Held {
    /// Takes the directory at `path`; nothing where another process has it.
    ///
    /// # Errors
    /// When it cannot be used at all.
    pub fn take(path: &std::path::Path) -> std::io::Result<Option<Self>> {
        let home = Home::new(path.to_owned());
        match home.claim() {
            Ok(()) => Ok(Some(Self { _home: home })),
            Err(Trouble::Taken(_)) => Ok(None),
            Err(trouble) => Err(trouble.into_io()),
        }
    }
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
    /// Bytes on disk, as of the last flush.
    pub bytes: u64,
}

impl Store {
    /// Opens the store, or sets a damaged one aside and starts afresh; only a path that cannot be used at all makes it
    /// keep everything in memory. Never fails: trouble here is told by [`health`](Self::health).
    pub fn open(options: Options, clock: Clock) -> Arc<Self> {
        let home = Home::new(options.path.clone());
        // Only whose directory it is may set anything in it aside.
        let ours = home.claim().is_ok();
        let store = Self {
            settings: SettingsFile::load(options.path.join(SETTINGS), ours, clock.now()),
            home,
            memory: Mutex::new(Memory::after(EventId(0))),
            disk: Mutex::default(),
            notes: Mutex::default(),
            options,
            clock,
        };
        if let Err(trouble) = store.open_disk(false) {
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
    pub fn events(&self, filter: &Filter, before: Option<EventId>, limit: usize) -> Page {
        reading::events(self, filter, before, limit)
    }

    /// Calls `each` for every tally of the hours `from..to`, in no order; what is not flushed yet is included. The count
    /// of one device, hour, name and verdict may come in several parts.
    pub fn tallies(&self, device: Option<&DeviceId>, from: Hour, to: Hour, each: &mut dyn FnMut(TallyRow)) {
        reading::tallies(self, device, from, to, each);
    }

    /// First and last time each device was heard of.
    pub fn devices(&self) -> Vec<(DeviceId, Timestamp, Timestamp)> {
        reading::devices(self)
    }

    /// Hits per list since `from`, by name.
    pub fn list_hits(&self, from: Hour) -> Vec<(Arc<str>, u64)> {
        reading::list_hits(self, from)
    }

    /// How the store is doing.
    pub fn health(&self) -> Health {
        let (unflushed, lost) = {
            let memory = self.memory();
            (memory.unflushed(), memory.lost())
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
            bytes: notes.bytes,
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
        let mut aside = Vec::new();
        let opened = Disk::open(&self.home, self.clock.now(), fresh, &mut aside);
        let bytes = self.home.bytes();
        let mut notes = self.notes();
        notes.bytes = bytes;
        notes.set_aside = aside.pop().or_else(|| notes.set_aside.take());
        let disk = Arc::new(opened?);
        let mut memory = self.memory();
        // Places that go on from this disk say which events it already has; others were given without knowing it.
        if notes.numbered {
            memory.flushed(disk.last())
        } else {
            memory.move_behind(disk.last())
        }
        notes.numbered = true;
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = Some(disk.clone());
        Ok(disk)
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
