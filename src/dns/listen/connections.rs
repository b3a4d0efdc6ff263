//! The connections that are open, over TCP, TLS, HTTPS and QUIC together, and who may open one more.
//!
//! When nearly all seats are taken, whoever does nothing is given less time, and a newcomer takes the seat of the one that
//! has done nothing for the longest: a flood of idle connections locks nobody out. Who is being served is not disturbed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::dns::counters::Counters;
use crate::dns::options::Limits;
use crate::dns::resolver::Resolver;

/// How long a connection may be open before its first query.
const FIRST_QUERY: Duration = Duration::from_secs(2);
/// How long it may do nothing when nearly all seats are taken.
const IDLE_IN_A_CROWD: Duration = Duration::from_secs(2);
/// How long the handshake of TLS or QUIC may take, waiting for its turn included.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection lives, whatever it does.
pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// Queries it may carry.
const MOST_QUERIES: u64 = 1_000;

/// The connections that are open, and by whom.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    resolver: Arc<Resolver>,
    seated: Mutex<Seated>,
    handshakes: Arc<Semaphore>,
    opened: Instant,
}

#[derive(Default)]
struct Seated {
    by_address: HashMap<IpAddr, Address>,
    seats: HashMap<u64, Arc<Rest>>,
    next: u64,
}

struct Address {
    seats: usize,
    /// Half of all: one address alone must not keep others from shaking hands.
    handshakes: Arc<Semaphore>,
}

/// A place among the connections, given back when it is dropped.
pub(super) struct Seat {
    connections: Connections,
    address: IpAddr,
    number: u64,
    handshakes: Arc<Semaphore>,
    /// Queries there were.
    asked: AtomicU64,
    /// How long it may do nothing.
    idle: Duration,
    rest: Arc<Rest>,
}

/// Whether a connection does anything.
struct Rest {
    /// Queries that are being answered.
    under_way: AtomicUsize,
    /// When the last answer was done, microseconds since the connections were opened.
    since: AtomicU64,
    given_up: CancellationToken,
}

/// A query that is being answered.
pub(super) struct Busy(Arc<Seat>);

impl Connections {
    pub(super) fn new(resolver: Arc<Resolver>) -> Self {
        let handshakes = Arc::new(Semaphore::new(resolver.limits.handshakes));
        Self(Arc::new(Shared { resolver, seated: Mutex::default(), handshakes, opened: Instant::now() }))
    }

    /// A seat for a connection from `address` that may do nothing for `idle`, if there is one.
    ///
    /// The newest is refused: those who are being served are not to suffer.
    pub(super) fn seat(&self, address: IpAddr, idle: Duration) -> Option<Arc<Seat>> {
        let Shared { resolver, seated, opened, .. } = &*self.0;
        let (limits, counters): (&Limits, &Counters) = (&resolver.limits, &resolver.counters);
        let mut seated = seated.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = seated.by_address.get(&address).map_or(0, |address| address.seats);
        if of_address >= limits.connections_per_address {
            counters.connections_per_address.add_one();
            return None;
        }
        if is_crowded(seated.seats.len() + 1, limits)
            && !give_one_up(&seated, counters)
            && seated.seats.len() >= limits.connections
        {
            counters.connections.add_one();
            return None;
        }
        // A seat that was given up is still held for the moment its connection needs to end; a few more than all.
        if seated.seats.len() >= limits.connections + limits.handshakes {
            counters.connections.add_one();
            return None;
        }
        let number = seated.next;
        seated.next += 1;
        let entry = seated.by_address.entry(address).or_insert_with(|| Address {
            seats: 0,
            handshakes: Arc::new(Semaphore::new(limits.handshakes.div_ceil(2))),
        });
        entry.seats += 1;
        let handshakes = entry.handshakes.clone();
        let rest = Arc::new(Rest {
            under_way: AtomicUsize::new(0),
            since: AtomicU64::new(micros(opened.elapsed())),
            given_up: CancellationToken::new(),
        });
        seated.seats.insert(number, rest.clone());
        let connections = self.clone();
        Some(Arc::new(Seat { connections, address, number, handshakes, asked: AtomicU64::new(0), idle, rest }))
    }

    /// How many are open, and how many may be.
    pub(super) fn fullness(&self) -> (usize, usize) {
        (self.0.seated.lock().unwrap_or_else(PoisonError::into_inner).seats.len(), self.0.resolver.limits.connections)
    }

    fn are_crowded(&self) -> bool {
        is_crowded(self.fullness().0, &self.0.resolver.limits)
    }
}

/// Over four of five seats are taken.
fn is_crowded(seats: usize, limits: &Limits) -> bool {
    seats * 5 > limits.connections * 4
}

/// Sends the one away that has done nothing for the longest; says whether there is one.
fn give_one_up(seated: &Seated, counters: &Counters) -> bool {
    let idle = seated.seats.values().filter(|rest| !rest.is_busy() && !rest.given_up.is_cancelled());
    let Some(oldest) = idle.min_by_key(|rest| rest.since.load(Ordering::Acquire)) else { return false };
    counters.connections_given_up.add_one();
    oldest.given_up.cancel();
    true
}

impl Rest {
    fn is_busy(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0
    }
}

impl Seat {
    /// Shakes hands when it is its turn, and within bounds of time; none if that fails.
    pub(super) async fn handshake<T, E>(&self, shake: impl Future<Output = Result<T, E>>) -> Option<T> {
        let counters = &self.connections.0.resolver.counters;
        let in_turn = async {
            let _own = self.handshakes.acquire().await.ok()?;
            let _all = self.connections.0.handshakes.acquire().await.ok()?;
            shake.await.ok()
        };
        let shaken = tokio::select! {
            shaken = timeout(HANDSHAKE, in_turn) => shaken.ok().flatten(),
            () = self.rest.given_up.cancelled() => None,
        };
        match shaken {
            Some(_) => self.rests(),
            None => counters.handshakes.add_one(),
        }
        shaken
    }

    /// Begins a query; none when this connection has asked all it may.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Busy> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if asked >= MOST_QUERIES {
            // What is under way ends well; nothing new begins.
            self.rest.given_up.cancel();
        }
        if asked > MOST_QUERIES {
            return None;
        }
        self.rest.under_way.fetch_add(1, Ordering::AcqRel);
        Some(Busy(self.clone()))
    }

    /// Waits until nothing has been under way for too long, or until another needs the seat more.
    pub(super) async fn left_alone(&self) {
        loop {
            let limit =
                if self.asked.load(Ordering::Relaxed) == 0 { FIRST_QUERY.min(self.idle) } else { self.patience() };
            let rested = self.since_opened().saturating_sub(self.rest.since.load(Ordering::Acquire));
            let busy = self.rest.is_busy();
            let left = limit.saturating_sub(Duration::from_micros(rested));
            if left.is_zero() && !busy {
                return;
            }
            // A crowd may come together in the meantime.
            let nap = if busy { IDLE_IN_A_CROWD } else { left.min(IDLE_IN_A_CROWD) };
            tokio::select! {
                () = sleep(nap) => {}
                () = self.rest.given_up.cancelled() => return,
            }
        }
    }

    /// How long it may do nothing now.
    pub(super) fn patience(&self) -> Duration {
        if self.connections.are_crowded() { IDLE_IN_A_CROWD.min(self.idle) } else { self.idle }
    }

    fn rests(&self) {
        self.rest.since.store(self.since_opened(), Ordering::Release);
    }

    fn since_opened(&self) -> u64 {
        micros(self.connections.0.opened.elapsed())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.rests();
        self.0.rest.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seated = self.connections.0.seated.lock().unwrap_or_else(PoisonError::into_inner);
        seated.seats.remove(&self.number);
        if let Some(address) = seated.by_address.get_mut(&self.address) {
            address.seats -= 1;
            if address.seats == 0 {
                seated.by_address.remove(&self.address);
            }
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
