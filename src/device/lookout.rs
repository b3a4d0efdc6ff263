//! What the watchers of the house share with whoever shows it: who was seen when, and what keeps them from seeing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::Timestamp;

/// Addresses remembered at the same time; who was not seen for longest goes first.
const ADDRESSES_BOUND: usize = 4096;
/// Who was not seen for longer than this has been away, and is there anew when it comes back.
pub const AWAY: Duration = Duration::from_secs(2 * 3600);

/// How long a device that is there may ask for nothing before that is worth a word, unless the operator says otherwise.
pub const SILENT_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Who was seen when. Shared by all watchers.
#[derive(Debug)]
pub struct Lookout {
    silent_after: Duration,
    seen: Mutex<HashMap<IpAddr, Presence>>,
    mdns_problem: Mutex<Option<String>>,
    mdns_read: AtomicU64,
    mdns_refused: AtomicU64,
}

/// How long somebody has been there without going away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Since when.
    pub since: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
}

impl Default for Lookout {
    fn default() -> Self {
        Self::new(SILENT_AFTER)
    }
}

impl Lookout {
    /// Nobody was seen yet. A device that is there and asks for nothing for longer than `silent_after` is silent.
    pub fn new(silent_after: Duration) -> Self {
        Self {
            silent_after,
            seen: Mutex::default(),
            mdns_problem: Mutex::default(),
            mdns_read: AtomicU64::default(),
            mdns_refused: AtomicU64::default(),
        }
    }

    /// Since when a device with these `addresses`, which `asked` last at that time, asks for nothing although it is there;
    /// none while that is nothing special. What it did while it was away, or before sordino looked, is not held against it.
    pub fn silent_since(&self, addresses: &[IpAddr], asked: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let limit = now.before(self.silent_after);
        if asked > limit {
            return None;
        }
        let there = self.presence(addresses, now)?;
        (there.since <= limit).then_some(asked)
    }

    /// Notes that `address` showed a sign of life, other than by asking for a name.
    pub fn saw(&self, address: IpAddr, now: Timestamp) {
        let mut seen = self.seen();
        let presence = seen.entry(address.to_canonical()).or_insert(Presence { since: now, last: now });
        if presence.last < now.before(AWAY) {
            presence.since = now;
        }
        presence.last = presence.last.max(now);
        if seen.len() > ADDRESSES_BOUND {
            let oldest = seen.iter().min_by_key(|(_, presence)| presence.last).map(|(address, _)| *address);
            oldest.and_then(|address| seen.remove(&address));
        }
    }

    /// Since when one of `addresses` is there, if it still is.
    pub fn presence(&self, addresses: &[IpAddr], now: Timestamp) -> Option<Presence> {
        let seen = self.seen();
        let there =
            addresses.iter().filter_map(|address| seen.get(address)).filter(|there| there.last > now.before(AWAY));
        there.copied().reduce(|a, b| Presence { since: a.since.min(b.since), last: a.last.max(b.last) })
    }

    /// Whether `address` was seen since `then`.
    pub fn saw_since(&self, address: IpAddr, then: Timestamp) -> bool {
        self.seen().get(&address.to_canonical()).is_some_and(|presence| presence.last >= then)
    }

    /// One sentence on why multicast DNS is not heard; none when it is, or when it is switched off.
    pub fn mdns_problem(&self) -> Option<String> {
        self.mdns_problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was counted, by name.
    pub fn counters(&self) -> [(&'static str, u64); 2] {
        [("mdns_read", &self.mdns_read), ("mdns_refused", &self.mdns_refused)]
            .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }

    pub(super) fn set_mdns_problem(&self, problem: Option<String>) {
        *self.mdns_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// Counts a message that was read, or one that was not, because it came from elsewhere or there were too many.
    pub(super) fn count_mdns(&self, read: bool) {
        let counter = if read { &self.mdns_read } else { &self.mdns_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<IpAddr, Presence>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_away_is_there_anew() {
        let (lookout, start) = (Lookout::default(), Timestamp::from_millis(1_800_000_000_000));
        let (phone, other) = (IpAddr::from([10, 0, 0, 7]), IpAddr::from([10, 0, 0, 8]));
        let at = |minutes: u64| start.after(Duration::from_secs(minutes * 60));
        lookout.saw(phone, at(0));
        lookout.saw(phone, at(100));
        lookout.saw(other, at(90));
        assert_eq!(lookout.presence(&[phone, other], at(101)), Some(Presence { since: at(0), last: at(100) }));
        assert_eq!(lookout.presence(&[phone], at(300)), None);
        lookout.saw(phone, at(300));
        assert_eq!(lookout.presence(&[phone], at(301)), Some(Presence { since: at(300), last: at(300) }));
    }

    #[test]
    fn who_is_there_and_asks_for_nothing_is_silent() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        let hour = |hours: u64| start.after(Duration::from_secs(hours * 3600));
        let (lookout, tv) = (Lookout::default(), [IpAddr::from([10, 0, 0, 7])]);
        for hours in 0..48 {
            lookout.saw(tv[0], hour(hours));
        }
        assert_eq!(lookout.silent_since(&tv, hour(1), hour(48)), Some(hour(1)));
        // It asked; it has gone; it was away and has only just come back.
        assert_eq!(lookout.silent_since(&tv, hour(25), hour(48)), None);
        assert_eq!(lookout.silent_since(&tv, hour(1), hour(60)), None);
        lookout.saw(tv[0], hour(60));
        assert_eq!(lookout.silent_since(&tv, hour(1), hour(60)), None);
    }

    #[test]
    fn made_up_addresses_push_out_the_oldest() {
        let lookout = Lookout::default();
        for number in 0..=ADDRESSES_BOUND as u32 {
            let address = IpAddr::from((10_u32 << 24 | number).to_be_bytes());
            lookout.saw(address, Timestamp::from_millis(u64::from(number)));
        }
        assert_eq!(lookout.seen().len(), ADDRESSES_BOUND);
        assert!(!lookout.seen().contains_key(&IpAddr::from([10, 0, 0, 0])));
    }
}
