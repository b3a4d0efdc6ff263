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
use super::memory::{Packing, Pending};
use super::period::Batch;
use super::privacy::Level;
use super::retention::Calendar;
use super::{EventId, Keeping, Store, kept_took};
use crate::device::Devices;
use crate::event::{Event, EventQueue, NoEvent};
use crate::policy::DeviceId;
use crate::snapshot::SnapshotCell;
use crate::time::Hour;

/// How long to wait before the disk is tried again.
const RETRY: Duration = Duration::from_secs(60);
/// Events that are taken in at once: readers of what is in memory wait meanwhile, some microseconds.
const BATCH: usize = 256;
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
    /// Whether the flush that is due was put off.
    put_off: bool,
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
            put_off: false,
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
            let waiting = full && {
                self.pack(true);
                self.store.journal() == Keeping::Disk && self.store.memory().is_heavy()
            };
            if waiting || due(self.retry_at) || (due(self.flush_at) && !self.puts_off()) {
                self.flush();
            }
            if self.expire_at <= now
                || (self.flush_at.is_none() && self.expired_in != Some(self.store.clock.now().hour()))
            {
                self.expire();
            }
        }
        // A last try, also where the next one is not due yet.
        self.retry_at = None;
        self.flush();
        let unflushed = self.store.memory().unflushed();
        if unflushed > 0 {
            tracing::warn!(unflushed, "the disk did not take the last queries; they are lost");
        }
    }

    fn deadline(&self) -> Instant {
        [self.flush_at, self.retry_at, self.settle_at].into_iter().flatten().fold(self.expire_at, Instant::min)
    }

    /// Takes `first` in, and what else has come, up to a batch or the end of the open block. Says whether that is full.
    fn take(&mut self, first: Event) -> bool {
        let (store, devices) = (self.store.clone(), self.snapshot.current().devices.clone());
        let watched = store.options.level.allows_journal() && self.live.receiver_count() > 0;
        let mut memory = store.memory();
        let (mut next, mut taken, mut full) = (Some(first), 0, false);
        while let Some(event) = next {
            if let Some(event) = self.admit(event, &devices) {
                let placed;
                (placed, full) = memory.push(event);
                if watched {
                    // Nobody may be listening any more.
                    let _ = self.live.send(placed);
                }
                if self.flush_at.is_none() {
                    self.flush_at = Some(store.clock.instant() + store.options.flush);
                }
            }
            taken += 1;
            next = if full || taken == BATCH { None } else { self.queue.waiting() };
        }
        full
    }

    /// The event as it is written down; none if it is not.
    ///
    /// A device's first query is often here before the neighbour table tells whose address that is. So strangers are
    /// looked up again before what they asked is written down.
    fn admit(&mut self, mut event: Event, devices: &Devices) -> Option<Event> {
        if matches!(event.device, DeviceId::Address(_))
            && let Some(device) = devices.identify(event.address)
        {
            event.device = device.id.clone();
        }
        if devices.find(&event.device).is_some_and(|device| device.unlogged) {
            return None;
        }
        let level = self.store.options.level;
        let stranger = matches!(event.device, DeviceId::Address(address) if !address.is_loopback());
        if stranger && level == Level::Everything && self.strangers.len() < MAX_STRANGERS {
            let now = self.store.clock.instant();
            self.strangers.entry(event.address).or_insert(now);
            self.settle_at.get_or_insert(now + SETTLE);
        }
        let mut event = level.redact(event)?;
        // As precise as on disk, so that a restart changes nothing that was seen.
        event.took_us = kept_took(event.took_us);
        Some(event)
    }

    /// Packs what is open and brings everything that is in memory to the disk, or notes why not.
    fn flush(&mut self) {
        self.flush_at = None;
        self.put_off = false;
        let store = self.store.clone();
        let _alone = store.writing();
        let instant = store.clock.instant();
        if self.retry_at.is_some_and(|at| at > instant) {
            self.pack(false);
            store.memory().bound(store.journal() == Keeping::Disk);
            return;
        }
        // Before anything is packed: a disk that is opened anew says what of it is there already.
        let disk = if store.writes() { self.working_disk().map(Some) } else { Ok(None) };
        let complete =
            disk.as_ref().is_ok_and(|disk| disk.as_ref().is_some_and(|disk| disk.is_complete(store.clock.now())));
        // A period that is complete ends with a full block and a tally, whatever else is due.
        self.pack(complete);
        match disk.and_then(|disk| disk.map_or(Ok(()), |disk| self.write(&disk, complete))) {
            Ok(()) => self.retry_at = None,
            Err(trouble) => {
                let trouble = trouble.to_string();
                tracing::warn!("{trouble}");
                store.notes().trouble = Some(trouble);
                self.retry_at = Some(instant + RETRY);
            }
        }
        store.memory().bound(store.journal() == Keeping::Disk);
    }

    /// Gives what strangers asked to the devices that they have turned out to be.
    fn settle(&mut self) {
        let devices = &self.snapshot.current().devices;
        self.store
            .memory()
            .identify(|event| devices.identify(event.address).map(|device| (device.id.clone(), device.unlogged)));
        let now = self.store.clock.instant();
        self.strangers.retain(|_, since| now.saturating_duration_since(*since) < SETTLE);
        self.settle_at = self.strangers.values().min().map(|since| *since + SETTLE);
    }

    /// Puts a flush that is due off for a moment where a stranger asked only now: in a moment it may have a name. Put off as
    /// a whole, because what is left of it would be a second flush.
    fn puts_off(&mut self) -> bool {
        self.settle();
        let (open, packed) = self.store.memory().open();
        let new = |placed: &Arc<(EventId, Event)>| self.strangers.contains_key(&placed.1.address);
        // Only once: a stranger that stays one, as behind a second router, must not keep everything in memory.
        self.put_off = !self.put_off && self.settle_at.is_some() && open.iter().skip(packed).any(new);
        if self.put_off {
            self.flush_at = self.settle_at;
        }
        self.put_off
    }

    /// Packs the open block. With `whole` it is closed, else only what was not packed yet goes into a tail of it.
    fn pack(&mut self, whole: bool) {
        self.settle();
        // Only this thread adds to the open block, so it may be packed while readers look at it.
        let (open, packed) = self.store.memory().open();
        let count = open.len();
        if count == 0 || (count == packed && !whole) {
            return;
        }
        let packing = match (self.store.journal(), whole) {
            (Keeping::Off, _) => Ok(Packing::Drop),
            (Keeping::Memory, false) => Ok(Packing::Count),
            (Keeping::Disk, false) => Pending::new(&open[packed..], true).map(Packing::Tail),
            (Keeping::Disk | Keeping::Memory, true) => Pending::new(&open, false).map(Packing::Close),
        };
        match packing {
            Ok(packing) => {
                let mut memory = self.store.memory();
                memory.pack(count, packing);
                // A journal on disk has what its tallies count, and both are as long as each other.
                if self.store.journal() != Keeping::Disk {
                    memory.bound_counts(self.store.options.counts_in_memory);
                }
            }
            Err(error) => {
                tracing::error!(%error, events = count, "queries could not be packed; they are left out");
                self.store.memory().drop_open(count);
            }
        }
    }

    fn write(&self, disk: &Disk, complete: bool) -> Result<(), Trouble> {
        let (store, journal) = (&self.store, self.store.journal());
        let now = store.clock.now();
        let (tally, span, last) = store.memory().tally();
        let blocks = if journal == Keeping::Disk { store.memory().pending() } else { Vec::new() };
        // With a journal on disk the tally of the running hour can be counted again from it.
        let past = tally.hours().is_some_and(|(oldest, _)| oldest < now.hour());
        let counted = !tally.is_empty() && (journal != Keeping::Disk || complete || past || tally.is_large());
        let batch =
            Batch { last, span: span.filter(|_| journal != Keeping::Disk), tally: counted.then_some(tally), blocks };
        let written = !batch.blocks.is_empty() || counted;
        if written {
            match disk.write(&batch, &store.home, now) {
                Ok(written) => {
                    let mut memory = store.memory();
                    disk.commit(written);
                    memory.flushed(last, counted, journal == Keeping::Memory);
                }
                Err(trouble) => {
                    // A disk that is merely full was not touched. After anything else sled takes nothing more.
                    if !matches!(trouble, Trouble::Full(_)) {
                        disk.give_up();
                    }
                    return Err(trouble);
                }
            }
        }
        if complete {
            let closed = disk.close().inspect_err(|_| disk.give_up())?;
            let _memory = store.memory();
            disk.commit(closed);
        }
        let bytes = store.home.bytes();
        let mut notes = store.notes();
        notes.trouble = None;
        notes.bytes = bytes;
        if written {
            notes.flushed = Some(now);
            notes.flushes += 1;
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
        let store = self.store.clone();
        let _alone = store.writing();
        let Some(disk) = store.disk().filter(|disk| !disk.is_given_up()) else { return };
        if !self.calendar.trusts(now, instant) {
            return;
        }
        let oldest_kept = now.before(self.store.options.keep_queries);
        if let Err(error) = disk.expire(oldest_kept, now.before(self.store.options.keep_tallies).hour(), now) {
            tracing::warn!(%error, "old queries could not be removed; sordino tries again in an hour");
        }
    }
}
