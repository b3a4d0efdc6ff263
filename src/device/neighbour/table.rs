//! What was heard of neighbours, and when.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::policy::MacAddr;

/// How long an address that was not heard of stays with its device: over night and over a day at work.
const MEMORY: Duration = Duration::from_secs(24 * 3600);
/// Addresses remembered at the same time. A device can make up IPv6 addresses without end; the oldest go first.
const ADDRESSES_BOUND: usize = 4096;

/// Addresses, who used them last, and when that was heard.
#[derive(Debug, Default)]
pub(super) struct Table {
    heard: HashMap<IpAddr, (MacAddr, Instant)>,
}

impl Table {
    /// Notes that `mac` uses `address`. Says whether that is news.
    pub(super) fn hear(&mut self, address: IpAddr, mac: MacAddr, now: Instant) -> bool {
        let known = self.heard.insert(address.to_canonical(), (mac, now));
        if self.heard.len() > ADDRESSES_BOUND {
            let oldest = self.heard.iter().min_by_key(|(_, (_, at))| *at).map(|(address, _)| *address);
            oldest.and_then(|address| self.heard.remove(&address));
        }
        known.is_none_or(|(before, _)| before != mac)
    }

    /// Forgets what was not heard of for too long. Says whether there was any.
    pub(super) fn forget(&mut self, now: Instant) -> bool {
        let before = self.heard.len();
        self.heard.retain(|_, (_, at)| now.saturating_duration_since(*at) < MEMORY);
        self.heard.len() < before
    }

    /// Whether somebody is known to use `address`.
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        self.heard.contains_key(&address.to_canonical())
    }

    /// Who uses which address.
    pub(super) fn pairs(&self) -> HashMap<IpAddr, MacAddr> {
        self.heard.iter().map(|(address, (mac, _))| (*address, *mac)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const PHONE: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const TV: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    #[test]
    fn only_what_was_not_known_is_news() {
        let mut table = Table::default();
        let (address, now) = ("192.0.2.1".parse().unwrap(), Instant::now());
        assert!(table.hear(address, PHONE, now));
        assert!(!table.hear(address, PHONE, now));
        assert!(table.hear(address, TV, now));
        assert_eq!(table.pairs(), HashMap::from([(address, TV)]));
    }

    #[test]
    fn a_sleeping_phone_is_remembered_for_a_day() {
        let mut table = Table::default();
        let (address, now) = ("192.0.2.1".parse().unwrap(), Instant::now());
        table.hear(address, PHONE, now);
        assert!(!table.forget(now + MEMORY - Duration::from_secs(1)));
        assert!(table.knows(address));
        assert!(table.forget(now + MEMORY));
        assert!(!table.knows(address));
    }

    #[test]
    fn made_up_addresses_push_out_the_oldest() {
        let mut table = Table::default();
        let start = Instant::now();
        for number in 0..=ADDRESSES_BOUND {
            let address = Ipv6Addr::from_bits(0xfd00 << 112 | number as u128).into();
            table.hear(address, PHONE, start + Duration::from_millis(number as u64));
        }
        assert_eq!(table.pairs().len(), ADDRESSES_BOUND);
        assert!(!table.knows("fd00::".parse().unwrap()));
        assert!(table.knows("fd00::1".parse().unwrap()));
    }
}
