//! What is not on disk yet, and the block that is not full yet.
//!
//! The events of the open block stay here until it is full, also those that were flushed as a tail: so a block is packed
//! once, from all its events. What was packed is counted in a running tally, until that is written down.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::block::Block;
use super::search::Sieve;
use super::tally::Tally;
use super::{EventId, MAX_BLOCK_EVENTS};
use crate::event::Event;
use crate::policy::DeviceId;
use crate::time::Timestamp;

/// Bytes that blocks may take in memory while the disk does not take them, or where the journal is to stay in memory: a
/// million queries.
pub(super) const MAX_PENDING_BYTES: usize = 6 << 20;

/// Bytes of full blocks that wait for the next flush: a quarter of a million queries.
const MAX_WAITING_BYTES: usize = 1 << 20;

/// Everything that would be lost if the process ended now, and the rest of the open block. Readers copy handles out of it
/// and then let go.
#[derive(Debug)]
pub(super) struct Memory {
    next: EventId,
    open: Vec<Arc<(EventId, Event)>>,
    /// How many of the open events were packed: they are counted, and on disk in tails, or in no block.
    packed: usize,
    pending: VecDeque<Arc<Pending>>,
    /// Counts what was packed and is in no tally on disk.
    tally: Arc<Tally>,
    /// The times of what `tally` counts.
    span: Option<(Timestamp, Timestamp)>,
    /// The last event that was packed.
    last_packed: EventId,
    /// The last event that the disk has or need not have.
    safe: EventId,
    lost: u64,
    uncounted: u64,
}

/// What becomes of open events once they are counted.
#[derive(Debug)]
pub(super) enum Packing {
    /// They stay open.
    Count,
    /// They stay open, and are in this block for the time being.
    Tail(Pending),
    /// They are in this block for good.
    Close(Pending),
    /// They are not kept.
    Drop,
}

/// A packed block.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) first: EventId,
    pub(super) block: Block,
}

/// What a reader sees of the memory: the same moment for journal and tallies.
#[derive(Debug)]
pub(super) struct View {
    open: Vec<Arc<(EventId, Event)>>,
    packed: usize,
    pending: Vec<Arc<Pending>>,
    tally: Arc<Tally>,
    next: EventId,
}

impl Memory {
    /// Nothing yet; the first event gets the place after `last`.
    pub(super) fn after(last: EventId) -> Self {
        Self {
            next: EventId(last.0 + 1),
            open: Vec::new(),
            packed: 0,
            pending: VecDeque::new(),
            tally: Arc::default(),
            span: None,
            last_packed: last,
            safe: last,
            lost: 0,
            uncounted: 0,
        }
    }

    /// Takes up where the disk ends: its open block, and what its tallies do not count yet.
    pub(super) fn take_up(&mut self, last: EventId, tail: Vec<Arc<(EventId, Event)>>, tally: Tally) {
        self.move_behind(last);
        self.safe = last;
        self.last_packed = self.last_packed.max(last);
        let mut known = tally;
        known.merge(&self.tally.sheet(true));
        self.tally = Arc::new(known);
        // Blocks that were closed meanwhile come after the tail, which can then not grow any more.
        if self.pending.is_empty() {
            self.packed += tail.len();
            self.open.splice(0..0, tail);
        }
    }

    /// Takes an event in. Says whether the open block is full and wants to be closed.
    pub(super) fn push(&mut self, event: Event) -> (Arc<(EventId, Event)>, bool) {
        let placed = Arc::new((self.next, event));
        self.next.0 += 1;
        self.open.push(placed.clone());
        (placed, self.open.len() >= MAX_BLOCK_EVENTS)
    }

    /// The events of the open block, and how many of them were packed before.
    pub(super) fn open(&self) -> (Vec<Arc<(EventId, Event)>>, usize) {
        (self.open.clone(), self.packed)
    }

    /// Gives the open events of devices that were known by address only, the devices that `known` now says they are, and
    /// drops those of a device of which nothing is to be kept.
    pub(super) fn identify(&mut self, known: impl Fn(&Event) -> Option<(DeviceId, bool)>) {
        let mut dropped = 0;
        let mut place = self.packed;
        while place < self.open.len() {
            let (id, event) = &*self.open[place];
            let found = if matches!(event.device, DeviceId::Address(_)) { known(event) } else { None };
            if let Some((_, true)) = found {
                self.open.remove(place);
                dropped += 1;
                continue;
            }
            // The events of a block have places without gaps.
            if found.is_some() || dropped > 0 {
                let device = found.map_or_else(|| event.device.clone(), |(device, _)| device);
                let moved = (EventId(id.0 - dropped), Event { device, ..event.clone() });
                self.open[place] = Arc::new(moved);
            }
            place += 1;
        }
        self.next.0 -= dropped;
    }

    /// Counts the first `count` open events, as far as they are not counted yet, and does with them what `packing` says.
    pub(super) fn pack(&mut self, count: usize, packing: Packing) {
        let tally = Arc::make_mut(&mut self.tally);
        for placed in &self.open[self.packed.min(count)..count] {
            tally.count(&placed.1);
            let (oldest, newest) = self.span.get_or_insert((placed.1.at, placed.1.at));
            (*oldest, *newest) = ((*oldest).min(placed.1.at), (*newest).max(placed.1.at));
        }
        if let Some(last) = count.checked_sub(1).and_then(|last| self.open.get(last)) {
            self.last_packed = last.0;
        }
        match packing {
            Packing::Count => self.packed = count,
            Packing::Tail(block) => {
                self.packed = count;
                self.pending.push_back(Arc::new(block));
            }
            Packing::Drop => drop(self.open.drain(..count)),
            Packing::Close(block) => {
                self.open.drain(..count);
                // It holds the events of the tails before it.
                self.pending.retain(|tail| tail.first < block.first);
                self.pending.push_back(Arc::new(block));
            }
        }
        self.packed = self.packed.min(self.open.len());
        if self.open.is_empty() {
            self.packed = 0;
        }
    }

    /// Drops the oldest blocks, as far as they are over the bound. What the disk did not take is lost, and not counted.
    pub(super) fn bound(&mut self, lossy: bool) {
        while self.pending.len() > 1
            && self.pending.iter().map(|block| block.block.bytes()).sum::<usize>() > MAX_PENDING_BYTES
        {
            let Some(oldest) = self.pending.pop_front() else { break };
            if lossy {
                self.lost += u64::from(oldest.block.header.count);
                let tally = Arc::make_mut(&mut self.tally);
                oldest.events().iter().for_each(|(_, event)| tally.take_back(event));
            }
        }
    }

    /// Drops the counts of the oldest hours where there are more than `most`.
    pub(super) fn bound_counts(&mut self, most: usize) {
        if let Some((rest, uncounted)) = self.tally.within(most) {
            self.tally = Arc::new(rest);
            self.uncounted += uncounted;
        }
    }

    /// Drops the first `count` open events, which cannot be packed.
    pub(super) fn drop_open(&mut self, count: usize) {
        self.lost += count.saturating_sub(self.packed) as u64;
        self.open.drain(..count);
        self.packed = self.packed.saturating_sub(count);
    }

    /// The packed blocks, the oldest first.
    pub(super) fn pending(&self) -> Vec<Arc<Pending>> {
        self.pending.iter().cloned().collect()
    }

    /// Whether it holds so much that it should be written down before it is due: blocks, or counts of more devices and names
    /// than a house has.
    pub(super) fn is_heavy(&self) -> bool {
        self.tally.is_large() || self.pending.iter().map(|block| block.block.bytes()).sum::<usize>() > MAX_WAITING_BYTES
    }

    /// The running tally, the times of what it counts, and the last event it counts.
    pub(super) fn tally(&self) -> (Arc<Tally>, Option<(Timestamp, Timestamp)>, EventId) {
        (self.tally.clone(), self.span, self.last_packed)
    }

    /// Lets go of what is on disk: events up to `last`, the tally where `counted`. Where the journal is to stay in memory
    /// its blocks do.
    pub(super) fn flushed(&mut self, last: EventId, counted: bool, keep_blocks: bool) {
        self.safe = self.safe.max(last);
        if !keep_blocks {
            self.pending.retain(|block| block.last() > last);
        }
        if counted {
            self.tally = Arc::default();
            self.span = None;
        }
    }

    /// Keeps only what came after `last`: the disk has the rest and counts it.
    pub(super) fn start_anew(&mut self, last: EventId) {
        self.open.retain(|placed| placed.0 > last);
        self.packed = 0;
        self.pending.retain(|block| !block.block.header.tail && block.last() > last);
        let mut tally = Tally::default();
        for block in &self.pending {
            block.events().iter().for_each(|(_, event)| tally.count(event));
        }
        self.tally = Arc::new(tally);
        self.safe = last;
    }

    /// Moves everything behind `last`, the last event of a journal that was found only now.
    pub(super) fn move_behind(&mut self, last: EventId) {
        let first = self.pending.front().map(|block| block.first).or_else(|| self.open.first().map(|event| event.0));
        let shift = (last.0 + 1).saturating_sub(first.unwrap_or(self.next).0);
        if shift == 0 {
            return;
        }
        self.next.0 += shift;
        self.last_packed.0 += shift;
        for event in &mut self.open {
            *event = Arc::new((EventId(event.0.0 + shift), event.1.clone()));
        }
        for block in &mut self.pending {
            *block = Arc::new(Pending { first: EventId(block.first.0 + shift), block: block.block.clone() });
        }
    }

    /// Forgets all events and counts, and gives no place twice.
    pub(super) fn forget(&mut self) {
        let (lost, uncounted) = (self.lost, self.uncounted);
        *self = Self { lost, uncounted, ..Self::after(EventId(self.next.0 - 1)) };
    }

    /// Forgets what is known of `gone`.
    pub(super) fn forget_devices(&mut self, gone: &[DeviceId]) {
        let pending: Vec<_> = self.pending.drain(..).filter(|block| !block.block.header.tail).collect();
        for block in pending {
            let mut events = block.events();
            events.retain(|(_, event)| !gone.contains(&event.device));
            events.reverse();
            let placed: Vec<_> =
                (block.first.0..).map(EventId).zip(events).map(|(id, (_, event))| Arc::new((id, event))).collect();
            let packed = Pending::new(&placed, false).ok().filter(|_| !placed.is_empty());
            self.pending.extend(packed.map(Arc::new));
        }
        // What is left moves to the end: the places of a block have no gaps.
        let before: Vec<bool> = self.open.iter().map(|placed| !gone.contains(&placed.1.device)).collect();
        self.packed = before[..self.packed].iter().filter(|kept| **kept).count();
        let mut kept: Vec<Event> = Vec::with_capacity(self.open.len());
        kept.extend(
            self.open.drain(..).filter(|placed| !gone.contains(&placed.1.device)).map(|placed| placed.1.clone()),
        );
        let first = self.next.0 - kept.len() as u64;
        self.open = (first..).map(EventId).zip(kept).map(Arc::new).collect();
        let mut tally = Tally::default();
        tally.merge(&self.tally.sheet(true).without(gone));
        self.tally = Arc::new(tally);
    }

    /// Events that are in memory only.
    pub(super) fn unflushed(&self) -> u64 {
        (self.next.0 - 1).saturating_sub(self.safe.0).min(
            self.open.len() as u64 + self.pending.iter().map(|block| u64::from(block.block.header.count)).sum::<u64>(),
        )
    }

    /// Events that were dropped because the disk did not take them in time.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Questions whose counts were dropped.
    pub(super) fn uncounted(&self) -> u64 {
        self.uncounted
    }

    pub(super) fn view(&self) -> View {
        View {
            open: self.open.clone(),
            packed: self.packed,
            pending: self.pending(),
            tally: self.tally.clone(),
            next: self.next,
        }
    }
}

impl Pending {
    /// Packs `events`; not an empty run.
    pub(super) fn new(events: &[Arc<(EventId, Event)>], tail: bool) -> io::Result<Self> {
        let first = events.first().map_or(EventId(0), |event| event.0);
        Ok(Self { first, block: Block::of(events.iter().map(|event| &event.1), tail)? })
    }

    /// Its events, the latest first.
    fn events(&self) -> Vec<(EventId, Event)> {
        let (mut events, all) = (Vec::new(), Sieve::new(&super::Filter::default()));
        let read = self.block.search(&all, (self.first, EventId(u64::MAX)), usize::MAX, &mut events);
        debug_assert!(read.is_ok(), "a block that was packed here can be read here");
        events
    }

    /// Its last event.
    pub(super) fn last(&self) -> EventId {
        EventId(self.first.0 + u64::from(self.block.header.count.saturating_sub(1)))
    }
}

impl View {
    /// The first event that is in memory: what the disk has from here on is the same again.
    pub(super) fn first(&self) -> EventId {
        let pending = self.pending.first().map(|block| block.first);
        let open = self.open.first().map(|event| event.0);
        pending.into_iter().chain(open).min().unwrap_or(self.next)
    }

    /// Adds the events before `before` that `sieve` lets through, the latest first, until `found` holds `limit`.
    pub(super) fn search(&self, sieve: &Sieve, before: EventId, limit: usize, found: &mut Vec<(EventId, Event)>) {
        let open = self.open.iter().rev().filter(|event| event.0 < before && sieve.passes(&event.1));
        found.extend(open.take(limit).map(|event| (event.0, event.1.clone())));
        // Tails hold events that are open still.
        let first_open = self.open.first().map_or(self.next, |event| event.0);
        for pending in self.pending.iter().rev().filter(|block| block.first < first_open) {
            let read = pending.block.search(sieve, (pending.first, before), limit, found);
            debug_assert!(read.is_ok(), "a block that was packed here can be read here");
        }
    }

    /// What memory counts and the disk does not: the running tally, and the events that were not packed yet.
    pub(super) fn counted(&self) -> [Arc<Tally>; 2] {
        let mut open = Tally::default();
        self.open[self.packed..].iter().for_each(|event| open.count(&event.1));
        [self.tally.clone(), Arc::new(open)]
    }
}
