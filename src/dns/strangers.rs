//! Hints about addresses that no device is known for. Whoever watches the neighbours looks there once more.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use tokio::sync::mpsc;

/// How long a hint is good for: an address that stays unknown is told again after this.
const REPEAT: Duration = Duration::from_secs(10);
/// Addresses that are remembered as told. Two that share a place are told more often, which does no harm.
const PLACES: usize = 256;

/// Tells about strangers, each one seldom: a hint wakes another thread, and a stranger may ask a thousand times a second.
#[derive(Debug)]
pub(crate) struct Strangers {
    hints: mpsc::Sender<IpAddr>,
    start: Instant,
    seed: RandomState,
    told: Box<[AtomicU64]>,
}

impl Strangers {
    pub(crate) fn new(hints: mpsc::Sender<IpAddr>, now: Instant) -> Self {
        let told = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { hints, start: now, seed: RandomState::default(), told }
    }

    /// Gives a hint about `address`, unless one was given lately or too many wait: then it will ask again.
    pub(crate) fn tell(&self, address: IpAddr, now: Instant) {
        let hash = self.seed.hash_one(address);
        let period = now.saturating_duration_since(self.start).as_secs() / REPEAT.as_secs() + 1;
        // The address by most of its hash, and the period it was told in, in one word that needs no lock.
        let mark = (hash & !0xffff_ffff) | (period & 0xffff_ffff);
        let place = &self.told[hash as usize % PLACES];
        // Read before it is written: nearly always it is there, and what all cores write to is not free.
        if place.load(Ordering::Relaxed) != mark && place.swap(mark, Ordering::Relaxed) != mark {
            let _ = self.hints.try_send(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_told_once_in_a_while() {
        let (sender, mut hints) = mpsc::channel(64);
        let now = Instant::now();
        let strangers = Strangers::new(sender, now);
        let address = IpAddr::from([192, 0, 2, 1]);
        (0..1000).for_each(|_| strangers.tell(address, now));
        assert_eq!(hints.try_recv(), Ok(address));
        assert!(hints.try_recv().is_err());
        strangers.tell(address, now + REPEAT);
        assert_eq!(hints.try_recv(), Ok(address));
    }
}
