//! How often a password may be tried. It slows down whoever guesses; it never touches those who are logged in already.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tries in a row that cost no wait.
const FREE_TRIES: u32 = 3;
/// The longest wait. One try a minute finds no password of eight characters, and whoever forgot theirs can live with it.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A source that did not try for so long has a clean slate.
const FORGIVEN: Duration = Duration::from_secs(15 * 60);
/// Sources that are remembered; one more forgets the one that tried longest ago.
const MAX_SOURCES: usize = 1024;
/// Tries a minute, of all sources together, from which on a source that failed before waits the longest wait at once.
///
/// A source that did not fail yet is heard even then: else a hundred guessing machines would keep the owner out.
const MANY_TRIES: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Tries of late, by source.
#[derive(Debug, Default)]
pub(crate) struct BackOff(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    sources: HashMap<IpAddr, Source>,
    minute: Option<Instant>,
    in_minute: u32,
}

#[derive(Debug)]
struct Source {
    tries: u32,
    last: Instant,
}

impl BackOff {
    /// Counts a try of `from`, or says how long to wait first; a try that has to wait is not counted.
    ///
    /// Counted before it is known whether the password is right: two hundred at once are two hundred tries.
    pub(crate) fn admit(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let from = source(from);
        let mut tries = self.locked();
        let tries = &mut *tries;
        if tries.minute.is_none_or(|begin| now.saturating_duration_since(begin) >= MINUTE) {
            (tries.minute, tries.in_minute) = (Some(now), 0);
        }
        tries.sources.retain(|_, source| now.saturating_duration_since(source.last) < FORGIVEN);
        let before = tries.sources.get(&from);
        let wait = before.map_or(Duration::ZERO, |source| {
            let wait = if tries.in_minute >= MANY_TRIES { LONGEST_WAIT } else { wait_after(source.tries) };
            wait.saturating_sub(now.saturating_duration_since(source.last))
        });
        if !wait.is_zero() {
            return Err(wait);
        }
        if before.is_none() && tries.sources.len() >= MAX_SOURCES {
            let stalest = tries.sources.iter().min_by_key(|(_, source)| source.last).map(|(address, _)| *address);
            stalest.map(|address| tries.sources.remove(&address));
        }
        let source = tries.sources.entry(from).or_insert(Source { tries: 0, last: now });
        (source.tries, source.last) = (source.tries.saturating_add(1), now);
        tries.in_minute = tries.in_minute.saturating_add(1);
        Ok(())
    }

    /// Gives `from` a clean slate: it knows the password.
    pub(crate) fn forgive(&self, from: IpAddr) {
        self.locked().sources.remove(&source(from));
    }

    fn locked(&self) -> MutexGuard<'_, Tries> {
        // Counters: what a panic left behind is off by one try at most.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait_after(tries: u32) -> Duration {
    match tries.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1 << doublings.min(16)).min(LONGEST_WAIT),
    }
}

/// Whoever has one IPv6 address has its whole /64 (RFC 4291 §2.5.1), so that is what counts as one source.
fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    #[test]
    fn a_source_gets_at_most_ten_tries_in_any_minute_after_its_first() {
        let (back_off, begin) = (BackOff::default(), Instant::now());
        let admitted: Vec<u64> = (0..600)
            .filter(|second| back_off.admit(address(1), begin + Duration::from_secs(*second)).is_ok())
            .collect();
        for window in admitted.windows(11) {
            assert!(window[10] - window[0] >= 60, "{admitted:?}");
        }
    }

    #[test]
    fn trying_while_one_has_to_wait_does_not_make_the_wait_longer() {
        let (back_off, now) = (BackOff::default(), Instant::now());
        let waits: Vec<_> = (0..100).filter_map(|_| back_off.admit(address(1), now).err()).collect();
        assert_eq!(waits, vec![Duration::from_secs(1); 97]);
    }

    #[test]
    fn whoever_did_not_fail_is_heard_whatever_others_do() {
        let (back_off, now) = (BackOff::default(), Instant::now());
        let admitted = (0..1_000).filter(|n| back_off.admit(address(n % 100), now).is_ok()).count();
        assert!(admitted < 200, "{admitted} of 1000 tries");
        assert_eq!(back_off.admit(address(101), now), Ok(()));
    }

    #[test]
    fn success_gives_a_clean_slate() {
        let (back_off, now) = (BackOff::default(), Instant::now());
        while back_off.admit(address(1), now).is_ok() {}
        back_off.forgive(address(1));
        assert_eq!(back_off.admit(address(1), now), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_are_one_source() {
        let (back_off, now) = (BackOff::default(), Instant::now());
        let admitted = (1..100).filter(|n| back_off.admit(format!("2001:db8::{n:x}").parse().unwrap(), now).is_ok());
        assert_eq!(admitted.count(), 3);
        assert_eq!(back_off.admit("2001:db8:0:1::1".parse().unwrap(), now), Ok(()));
    }

    #[test]
    fn memory_of_sources_is_bounded() {
        let (back_off, now) = (BackOff::default(), Instant::now());
        for n in 0..5_000 {
            assert_eq!(back_off.admit(address(n), now + Duration::from_millis(n.into())), Ok(()));
        }
        assert_eq!(back_off.locked().sources.len(), MAX_SOURCES);
    }
}
