//! What is not on disk yet: the open block of the journal, and blocks that the disk did not take.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::block::{self, Block};
use super::search::Sieve;
use super::tally::Counted;
use super::{EventId, MAX_BLOCK_EVENTS};
use crate::event::Event;
use crate::policy::DeviceId;

/// Bytes that blocks may take in memory while the disk does not take them: some hundred thousand queries.
pub(super) const MAX_PENDING_BYTES: usize = 8 << 20;
/// Memory a counted name takes, roughly: a wire form, four counts, its place in a table.
const COUNTED_NAME_BYTES: usize = 160;

/// Everything that would be lost if the process ended now. Readers copy handles out of it and then let go.
#[derive(Debug)]
pub(super) struct Memory {
    next: EventId,
    open: Vec<Arc<(EventId, Event)>>,
    pending: VecDeque<Arc<Pending>>,
    lost: u64,
}

/// A closed block that is not on disk, with what it adds to the tallies.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) first: EventId,
    pub(super) count: u32,
    pub(super) value: Vec<u8>,
    pub(super) counted: Counted,
}

/// What a reader sees of the memory: the same moment for journal and tallies.
#[derive(Debug)]
pub(super) struct View {
    open: Vec<Arc<(EventId, Event)>>,
    pending: Vec<Arc<Pending>>,
    next: EventId,
}

impl Memory {
    /// Nothing yet; the first event gets the place after `last`.
    pub(super) fn after(last: EventId) -> Self {
        Self { next: EventId(last.0 + 1), open: Vec::new(), pending: VecDeque::new(), lost: 0 }
    }

    /// Takes an event in. Says whether the open block is full and wants to be closed.
    pub(super) fn push(&mut self, event: Event) -> (Arc<(EventId, Event)>, bool) {
        let placed = Arc::new((self.next, event));
        self.next.0 += 1;
        self.open.push(placed.clone());
        (placed, self.open.len() >= MAX_BLOCK_EVENTS)
    }

    /// The events of the open block.
    pub(super) fn open(&self) -> Vec<Arc<(EventId, Event)>> {
        self.open.clone()
    }

    /// Gives the open events of devices that were known by address only, the devices that `known` now says they are.
    pub(super) fn identify(&mut self, known: impl Fn(&Event) -> Option<DeviceId>) {
        for placed in &mut self.open {
            if let (id, event @ Event { device: DeviceId::Address(_), .. }) = &**placed
                && let Some(device) = known(event)
            {
                *placed = Arc::new((*id, Event { device, ..event.clone() }));
            }
        }
    }

    /// Puts `block` in the place of the open events that it holds, the first ones. Drops the oldest blocks when there is no room.
    pub(super) fn close(&mut self, block: Pending) {
        self.open.drain(..block.count as usize);
        self.pending.push_back(Arc::new(block));
        while self.pending.len() > 1
            && self.pending.iter().map(|block| block.bytes()).sum::<usize>() > MAX_PENDING_BYTES
        {
            self.lost += self.pending.pop_front().map_or(0, |block| block.count.into());
        }
    }

    /// Drops the first `count` open events, which cannot be packed.
    pub(super) fn drop_open(&mut self, count: usize) {
        self.lost += count as u64;
        self.open.drain(..count);
    }

    /// The closed blocks, the oldest first.
    pub(super) fn pending(&self) -> Vec<Arc<Pending>> {
        self.pending.iter().cloned().collect()
    }

    /// Lets go of the closed blocks up to the event `last`, which are on disk.
    pub(super) fn flushed(&mut self, last: EventId) {
        self.pending.retain(|block| block.last() > last);
    }

    /// Moves everything behind `last`, the last event of a journal that was found only now.
    pub(super) fn move_behind(&mut self, last: EventId) {
        let first = self.pending.front().map(|block| block.first).or_else(|| self.open.first().map(|event| event.0));
        let shift = (last.0 + 1).saturating_sub(first.unwrap_or(self.next).0);
        if shift == 0 {
            return;
        }
        self.next.0 += shift;
        for event in &mut self.open {
            *event = Arc::new((EventId(event.0.0 + shift), event.1.clone()));
        }
        for block in &mut self.pending {
            let first = EventId(block.first.0 + shift);
            let (value, mut counted) = (block.value.clone(), block.counted.clone());
            counted.devices.values_mut().for_each(|seen| seen.shift(shift));
            *block = Arc::new(Pending { first, count: block.count, value, counted });
        }
    }

    /// Events that are in memory only.
    pub(super) fn unflushed(&self) -> u64 {
        self.open.len() as u64 + self.pending.iter().map(|block| u64::from(block.count)).sum::<u64>()
    }

    /// Events that were dropped because the disk did not take them in time.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn view(&self) -> View {
        View { open: self.open.clone(), pending: self.pending(), next: self.next }
    }
}

impl Pending {
    /// Packs and counts `events`; not an empty run.
    pub(super) fn new(events: &[Arc<(EventId, Event)>]) -> io::Result<Self> {
        let first = events.first().map_or(EventId(0), |event| event.0);
        let count = u32::try_from(events.len()).map_err(io::Error::other)?;
        let value = block::encode(events.iter().map(|event| &event.1))?;
        let counted = Counted::of(events.iter().map(|event| (event.0, &event.1)));
        Ok(Self { first, count, value, counted })
    }

    /// Its last event.
    pub(super) fn last(&self) -> EventId {
        EventId(self.first.0 + u64::from(self.count) - 1)
    }

    fn bytes(&self) -> usize {
        let names: usize = self.counted.tallies.values().map(|tally| 1 + tally.names.len()).sum();
        self.value.len() + names * COUNTED_NAME_BYTES
    }
}

impl View {
    /// The first event that is in memory: what the disk has from here on is the same again.
    pub(super) fn first(&self) -> EventId {
        let pending = self.pending.first().map(|block| block.first);
        pending.or_else(|| self.open.first().map(|event| event.0)).unwrap_or(self.next)
    }

    /// Adds the events before `before` that `sieve` lets through, the latest first, until `found` holds `limit`.
    pub(super) fn search(&self, sieve: &Sieve, before: EventId, limit: usize, found: &mut Vec<(EventId, Event)>) {
        let open = self.open.iter().rev().filter(|event| event.0 < before && sieve.passes(&event.1));
        found.extend(open.take(limit).map(|event| (event.0, event.1.clone())));
        for pending in self.pending.iter().rev() {
            let read =
                Block::open(pending.first, &pending.value).and_then(|block| block.search(sieve, before, limit, found));
            debug_assert!(read.is_ok(), "a block that was packed here can be read here");
        }
    }

    /// What the events in memory add to the tallies, by block: its first event, and what it counts.
    pub(super) fn counted(&self) -> Vec<(EventId, std::borrow::Cow<'_, Counted>)> {
        use std::borrow::Cow;
        let mut counted: Vec<_> = self.pending.iter().map(|p| (p.first, Cow::Borrowed(&p.counted))).collect();
        if let Some(first) = self.open.first() {
            let open = Counted::of(self.open.iter().map(|event| (event.0, &event.1)));
            counted.push((first.0, Cow::Owned(open)));
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::store::Filter;
    use crate::store::samples::any_event;

    fn some_event() -> Event {
        any_event().new_tree(&mut TestRunner::deterministic()).unwrap().current()
    }

    fn fill(memory: &mut Memory, events: usize) {
        for _ in 0..events {
            memory.push(some_event());
        }
    }

    fn close(memory: &mut Memory) {
        let block = Pending::new(&memory.open()).unwrap();
        memory.close(block);
    }

    #[test]
    fn what_the_disk_does_not_take_is_bounded_and_the_oldest_goes_first() {
        let mut memory = Memory::after(EventId(0));
        for _ in 0..5 {
            fill(&mut memory, 10);
            let mut block = Pending::new(&memory.open()).unwrap();
            block.value.resize(MAX_PENDING_BYTES / 3, 0);
            memory.close(block);
        }
        assert_eq!((memory.lost(), memory.unflushed()), (30, 20));
        assert_eq!(memory.view().first(), EventId(31));
    }

    #[test]
    fn everything_moves_behind_a_journal_that_is_found_late() {
        let mut memory = Memory::after(EventId(0));
        fill(&mut memory, 3);
        close(&mut memory);
        fill(&mut memory, 2);
        memory.move_behind(EventId(100));
        assert_eq!(memory.push(some_event()).0.0, EventId(106));
        let mut found = Vec::new();
        memory.view().search(&Sieve::new(&Filter::default()), EventId(u64::MAX), 10, &mut found);
        let places: Vec<u64> = found.iter().map(|(id, _)| id.0).collect();
        assert_eq!(places, [106, 105, 104, 103, 102, 101]);
        memory.move_behind(EventId(50));
        assert_eq!(memory.view().first(), EventId(101), "nothing moves that is behind already");
    }

    #[test]
    fn a_full_block_wants_to_be_closed() {
        let mut memory = Memory::after(EventId(0));
        fill(&mut memory, MAX_BLOCK_EVENTS - 1);
        assert!(memory.push(some_event()).1);
    }
}
