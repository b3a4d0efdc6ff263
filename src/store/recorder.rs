//! The recorder: a thread that takes events from the queue, and now and then flushes them.
//!
//! It never waits for anything but the queue and the disk, and the hot path never waits for it. Whatever the disk does,
//! the recorder goes on taking events in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::disk::Disk;
use super::home::Trouble;
use super::memory::Pending;
use super::retention::Calendar;
use super::{EventId, KEEP_TALLIES, Store};
use crate::event::{Event, EventQueue, NoEvent};
use crate::policy::DeviceId;
use crate::snapshot::SnapshotCell;
use crate::time::Hour;

/// How long to wait before the disk is tried again.
const RETRY: Duration = Duration::from_secs(60);
/// How often to look for what may be forgotten.
const EXPIRY: Duration = Duration::from_secs(3600);

/// How long it takes at most until the neighbour table tells whose a new address is: it is read once a second.
const SETTLE: Duration = Duration::from_secs(3);
/// Addresses that are looked up again; those of more strangers at once keep what they asked for themselves.
const MAX_STRANGERS: usize = 1024;

/// The thread's state.
pub(super) struct Recorder {
    store: Arc<Store>,
    queue: EventQueue,
    snapshot: Arc<SnapshotCell>,
    live: broadcast::Sender<Arc<(EventId, Event)>>,
    calendar: Calendar,
    /// Addresses that asked a moment ago and of which no device was known, and since when.
    strangers: HashMap<IpAddr, Instant>,
    /// When the oldest of them is looked up again.
    settle_at: Option<Instant>,
    /// Whether the last flush held queries back.
    holding: bool,
    /// When the events in memory are to be on disk; none while there are none.
    flush_at: Option<Instant>,
    /// When the disk is tried again; none while it does its work.
    retry_at: Option<Instant>,
    expire_at: Instant,
    /// The hour in which was last looked for what may be forgotten, by the wall clock.
    expired_in: Option<Hour>,
}

impl Recorder {
    pub(super) fn new(
        store: Arc<Store>,
        queue: EventQueue,
        snapshot: Arc<SnapshotCell>,
        live: broadcast::Sender<Arc<(EventId, Event)>>,
    ) -> Self {
        let now = store.clock.instant();
        let disk = store.disk();
        let calendar = Calendar::new(disk.as_ref().and_then(|disk| disk.newest()), now);
        let retry_at = disk.is_none().then(|| now + RETRY);
        let strangers = HashMap::new();
        Self {
            store,
            queue,
            snapshot,
            live,
            calendar,
            strangers,
            settle_at: None,
            holding: false,
            flush_at: None,
            retry_at,
            expire_at: now,
            expired_in: None,
        }
    }

    /// Runs until the last sink is gone.
    pub(super) fn run(mut self) {
        loop {
            let full = match self.queue.next(self.deadline()) {
                Ok(event) => self.take(event),
                Err(NoEvent::Deadline) => false,
                Err(NoEvent::Ended) => break,
            };
            let now = self.store.clock.instant();
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if due(self.settle_at) {
                self.settle();
            }
            if full || due(self.flush_at) || due(self.retry_at) {
                self.flush(!full);
            }
            if self.expire_at <= now
                || (self.flush_at.is_none() && self.expired_in != Some(self.store.clock.now().hour()))
            {
                self.expire();
            }
        }
        // A last try, also where the next one is not due yet.
        self.retry_at = None;
        self.flush(false);
        let unflushed = self.store.memory().unflushed();
        if unflushed > 0 {
            tracing::warn!(unflushed, "the disk did not take the last queries; they are lost");
        }
    }

    fn deadline(&self) -> Instant {
        [self.flush_at, self.retry_at, self.settle_at].into_iter().flatten().fold(self.expire_at, Instant::min)
    }

    /// Takes an event in. Says whether the open block is full.
    ///
    /// A device's first query is often here before the neighbour table tells whose address that is. So strangers are
    /// looked up again before what they asked is written down.
    fn take(&mut self, mut event: Event) -> bool {
        if matches!(event.device, DeviceId::Address(_))
            && let Some(device) = self.snapshot.current().devices.identify(event.address)
        {
            event.device = device.id.clone();
        }
        let stranger = matches!(event.device, DeviceId::Address(address) if !address.is_loopback());
        if stranger && self.strangers.len() < MAX_STRANGERS {
            let now = self.store.clock.instant();
            self.strangers.entry(event.address).or_insert(now);
            self.settle_at.get_or_insert(now + SETTLE);
        }
        let (placed, full) = self.store.memory().push(event);
        // Nobody may be listening.
        let _ = self.live.send(placed);
        if self.flush_at.is_none() {
            self.flush_at = Some(self.store.clock.instant() + self.store.options.flush);
        }
        full
    }

    /// Closes the open block and brings everything that is in memory to the disk, or notes why not.
    fn flush(&mut self, hold_back: bool) {
        self.flush_at = None;
        self.close_block(hold_back);
        let instant = self.store.clock.instant();
        if self.retry_at.is_some_and(|at| at > instant) {
            return;
        }
        match self.write() {
            Ok(()) => self.retry_at = None,
            Err(trouble) => {
                let trouble = trouble.to_string();
                tracing::warn!("{trouble}");
                self.store.notes().trouble = Some(trouble);
                self.retry_at = Some(instant + RETRY);
            }
        }
    }

    /// Gives what strangers asked to the devices that they have turned out to be.
    fn settle(&mut self) {
        let devices = &self.snapshot.current().devices;
        self.store.memory().identify(|event| devices.identify(event.address).map(|device| device.id.clone()));
        let now = self.store.clock.instant();
        self.strangers.retain(|_, since| now.saturating_duration_since(*since) < SETTLE);
        self.settle_at = self.strangers.values().min().map(|since| *since + SETTLE);
    }

    /// Packs the open block, up to the first query of a stranger that came only now: in a moment it may have a name.
    fn close_block(&mut self, hold_back: bool) {
        self.settle();
        // Only this thread adds to the open block, so it may be packed while readers look at it.
        let mut open = self.store.memory().open();
        let new = |placed: &Arc<(EventId, Event)>| self.strangers.contains_key(&placed.1.address);
        let held = open.iter().position(new).filter(|_| hold_back && !self.holding);
        if let Some(first) = held {
            open.truncate(first);
            self.flush_at = self.settle_at;
        }
        // Only once: a stranger that stays one, as behind a second router, must not keep everything in memory.
        self.holding = held.is_some();
        if open.is_empty() {
            return;
        }
        match Pending::new(&open) {
            Ok(block) => self.store.memory().close(block),
            Err(error) => {
                tracing::error!(%error, events = open.len(), "queries could not be packed; they are left out");
                self.store.memory().drop_open(open.len());
            }
        }
    }

    fn write(&self) -> Result<(), Trouble> {
        let disk = self.working_disk()?;
        let pending = self.store.memory().pending();
        let now = self.store.clock.now();
        if !pending.is_empty() {
            match disk.write(&pending, &self.store.home, now) {
                Ok(last) => self.store.memory().flushed(last),
                Err(trouble) => {
                    // A disk that is merely full was not touched. After anything else sled takes nothing more.
                    if !matches!(trouble, Trouble::Full(_)) {
                        disk.give_up();
                    }
                    return Err(trouble);
                }
            }
        }
        let bytes = self.store.home.bytes();
        let mut notes = self.store.notes();
        notes.trouble = None;
        notes.bytes = bytes;
        if !pending.is_empty() {
            notes.flushed = Some(now);
        }
        Ok(())
    }

    /// The disk, opened anew where it was given up. Until it can be, readers keep the old one.
    fn working_disk(&self) -> Result<Arc<Disk>, Trouble> {
        let disk = self.store.disk();
        let given_up = match disk {
            Some(disk) if !disk.is_given_up() => return Ok(disk),
            other => other.is_some(),
        };
        self.store.home.claim()?;
        *self.store.disk.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.store.open_disk(given_up)
    }

    fn expire(&mut self) {
        let instant = self.store.clock.instant();
        self.expire_at = instant + EXPIRY;
        let now = self.store.clock.now();
        self.expired_in = Some(now.hour());
        let Some(disk) = self.store.disk().filter(|disk| !disk.is_given_up()) else { return };
        if !self.calendar.trusts(now, instant) {
            return;
        }
        let oldest_kept = now.before(self.store.options.keep_queries);
        if let Err(error) = disk.expire(oldest_kept, now.before(KEEP_TALLIES).hour(), now) {
            tracing::warn!(%error, "old queries could not be removed; sordino tries again in an hour");
        }
    }
}
