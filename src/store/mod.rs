//! What is kept: the journal, the tallies and the settings. The only place that names sled.
//!
//! The journal and the tallies may lose the last flush interval in a crash. Settings never do: they are one file of
//! their own, replaced whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventQueue, Outcome};
use crate::policy::{DeviceId, Name, OwnRule, Verdict};
use crate::snapshot::SnapshotCell;
use crate::time::{Clock, Hour, Timestamp};

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
pub struct Store {/* … */}

/// Which events of the journal to read.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this device.
    pub device: Option<DeviceId>,
    /// Only names with this in them, as text, lower-cased.
    pub name: Option<String>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub to: Option<Timestamp>,
}

/// The place of an event in the journal. Later events have larger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// A page of the journal, the latest event first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events.
    pub events: Vec<(EventId, Event)>,
    /// Where to go on reading backwards; none at the end.
    pub next: Option<EventId>,
}

/// How often a device asked a name in an hour, with one verdict and outcome class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyRow {
    /// Who asked.
    pub device: DeviceId,
    /// In which hour.
    pub hour: Hour,
    /// For what.
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
    /// Names given to devices in the page.
    #[serde(default)]
    pub device_names: Vec<(DeviceId, String)>,
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
    /// Bytes on disk.
    pub bytes: u64,
}

impl Store {
    /// Opens the store, or sets a damaged one aside and starts afresh; only a path that cannot be used at all makes it
    /// keep everything in memory. Never fails: trouble here is told by [`health`](Self::health).
    pub fn open(_options: Options, _clock: Clock) -> Arc<Self> {
        Arc::new(Self {})
    }

    /// Starts the recorder: a thread that ends by itself, flushed, when the last sink of `queue` is gone.
    ///
    /// A device known by address only is looked up again in `snapshot`, which may know more by then. Every event that
    /// was taken in is also sent to `live`, if anyone listens.
    pub fn record(
        self: &Arc<Self>,
        _queue: EventQueue,
        _snapshot: Arc<SnapshotCell>,
        _live: tokio::sync::broadcast::Sender<Arc<(EventId, Event)>>,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        std::thread::Builder::new().name("recorder".into()).spawn(|| {})
    }

    /// Reads the journal backwards from before `before`, at most `limit` events. What is not flushed yet is included.
    pub fn events(&self, _filter: &Filter, _before: Option<EventId>, _limit: usize) -> Page {
        Page::default()
    }

    /// Calls `each` for every tally of the hours `from..to`, in no order. What is not flushed yet is included.
    pub fn tallies(&self, _device: Option<&DeviceId>, _from: Hour, _to: Hour, _each: &mut dyn FnMut(TallyRow)) {}

    /// First and last time each device was heard of.
    pub fn devices(&self) -> Vec<(DeviceId, Timestamp, Timestamp)> {
        Vec::new()
    }

    /// Hits per list since `from`.
    pub fn list_hits(&self, _from: Hour) -> Vec<(Arc<str>, u64)> {
        Vec::new()
    }

    /// How the store is doing.
    pub fn health(&self) -> Health {
        Health { problem: None, set_aside: None, flushed: None, unflushed: 0, bytes: 0 }
    }

    /// The settings, as they are on disk.
    pub fn settings(&self) -> Settings {
        Settings::default()
    }

    /// Puts `settings` on disk, whole, before it returns. Only `control` calls this.
    ///
    /// # Errors
    /// When the disk does not take it; the old settings are then still in force.
    pub fn save_settings(&self, _settings: &Settings) -> std::io::Result<()> {
        Ok(())
    }
}

#[allow(dead_code)]
fn _keep(_: Outcome) {}
