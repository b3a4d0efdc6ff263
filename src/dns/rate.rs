//! How much one address may ask of forwarders: a rate with a burst, and a number of questions that wait at the same time.
//!
//! Muted, local and cached names cost nobody anything and are answered however often they are asked. What is over the
//! rate is told over UDP to come again over TCP and never met with silence: behind one address there may be a whole
//! wireless network.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use foldhash::quality::RandomState;

use super::counters::Counters;
use super::options::Limits;
use super::query::Source;
use crate::event::Transport;

/// Addresses whose rate is known, in groups; in a full group the one that was quiet for longest is forgotten.
const GROUPS: usize = 1024;
const PER_GROUP: usize = 4;
/// Bits of a place that hold a time in microseconds: 8 years since the start. The others tell who it is.
const TIME_BITS: u32 = 48;

/// What one address may take of forwarders.
#[derive(Debug)]
pub(crate) struct Rations {
    rates: Rates,
    waiting: Waiting,
}

/// Somebody asks for more than is good for the others.
pub(crate) struct TooMuch;

impl Rations {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let rates = Rates::new(limits.queries_per_second, limits.queries_burst, now);
        Self { rates, waiting: Waiting::new(limits.waiting_per_address) }
    }

    /// A place among those that wait for forwarders, if one is needed.
    pub(crate) fn take(
        &self,
        needed: bool,
        source: &Source,
        counters: &Counters,
    ) -> Result<Option<Place<'_>>, TooMuch> {
        if !needed {
            return Ok(None);
        }
        // TCP slows down by itself: a bounded number of queries on a bounded number of connections.
        if source.transport == Transport::Udp && !self.rates.admits(source.address, source.arrived) {
            counters.queries_per_second.add_one();
            return Err(TooMuch);
        }
        let place = self.waiting.place(source.address);
        if place.is_none() {
            counters.waiting_per_address.add_one();
        }
        place.map(Some).ok_or(TooMuch)
    }
}

/// The rates of all addresses, in a room that does not grow.
#[derive(Debug)]
struct Rates {
    start: Instant,
    seed: RandomState,
    /// When an address that asked at exactly its rate would have asked last (GCRA): in the future by what it is ahead.
    places: Box<[[AtomicU64; PER_GROUP]]>,
    /// Microseconds between two questions at the rate.
    interval: u64,
    /// Microseconds by which one may be ahead.
    ahead: u64,
}

impl Rates {
    /// `rate` questions a second, and `burst` at once.
    fn new(rate: usize, burst: usize, now: Instant) -> Self {
        let interval = (1_000_000 / rate.max(1) as u64).max(1);
        let places = (0..GROUPS).map(|_| Default::default()).collect();
        Self { start: now, seed: RandomState::default(), places, interval, ahead: interval * burst as u64 }
    }

    /// Whether `address` may have one more question asked at `now`. This machine always may.
    fn admits(&self, address: IpAddr, now: Instant) -> bool {
        if address.is_loopback() {
            return true;
        }
        let hash = self.seed.hash_one(address);
        let tag = hash >> TIME_BITS;
        let group = &self.places[hash as usize % GROUPS];
        let now = now.saturating_duration_since(self.start).as_micros() as u64 & ((1 << TIME_BITS) - 1);
        let time = |place: u64| place & ((1 << TIME_BITS) - 1);
        let known = group.iter().find(|place| place.load(Ordering::Relaxed) >> TIME_BITS == tag);
        let place = known.or_else(|| group.iter().min_by_key(|place| time(place.load(Ordering::Relaxed))));
        let Some(place) = place else { return true };
        let taken = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            let last = if old >> TIME_BITS == tag { time(old) } else { 0 };
            let next = last.max(now) + self.interval;
            (next <= now + self.ahead).then_some(tag << TIME_BITS | next)
        });
        taken.is_ok()
    }
}

/// The questions of each address that wait for a forwarder. As many addresses as there are such questions.
#[derive(Debug)]
struct Waiting {
    by_address: Mutex<HashMap<IpAddr, usize>>,
    bound: usize,
}

/// A place among them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    waiting: &'a Waiting,
    address: IpAddr,
}

impl Waiting {
    fn new(bound: usize) -> Self {
        Self { by_address: Mutex::default(), bound }
    }

    /// A place for one more question of `address`; none where too many wait.
    fn place(&self, address: IpAddr) -> Option<Place<'_>> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = by_address.entry(address).or_default();
        if *waiting >= self.bound {
            return None;
        }
        *waiting += 1;
        Some(Place { waiting: self, address })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut by_address = self.waiting.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = by_address.get_mut(&self.address) {
            *waiting -= 1;
            if *waiting == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admitted(rates: &Rates, address: IpAddr, now: Instant, questions: usize) -> usize {
        (0..questions).filter(|_| rates.admits(address, now)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate_for_each_address_by_itself() {
        let start = Instant::now();
        let rates = Rates::new(200, 1000, start);
        let (one, other) = ([192, 168, 1, 1].into(), [192, 168, 1, 2].into());
        assert_eq!(admitted(&rates, one, start, 5_000), 1_000);
        assert_eq!(admitted(&rates, other, start, 10), 10);
        assert_eq!(admitted(&rates, one, start + Duration::from_secs(1), 5_000), 200);
        assert_eq!(admitted(&rates, one, start + Duration::from_secs(60), 5_000), 1_000);
        assert_eq!(admitted(&rates, [127, 0, 0, 1].into(), start, 5_000), 5_000);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_room_and_lets_newcomers_in() {
        let start = Instant::now();
        let rates = Rates::new(200, 1000, start);
        for number in 0..100_000_u32 {
            assert!(rates.admits(IpAddr::from((0x0a00_0000 + number).to_be_bytes()), start));
        }
    }

    #[test]
    fn places_are_bounded_by_address_and_given_back() {
        let waiting = Waiting::new(2);
        let (one, other) = ([192, 168, 1, 1].into(), [192, 168, 1, 2].into());
        let first = waiting.place(one);
        let second = waiting.place(one);
        assert!(first.is_some() && second.is_some() && waiting.place(one).is_none() && waiting.place(other).is_some());
        drop(first);
        assert!(waiting.place(one).is_some());
        drop(second);
        assert!(waiting.by_address.lock().unwrap().is_empty());
    }
}
