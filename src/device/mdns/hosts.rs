//! What was said, by the address that said it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::said::{SERVICES_BOUND, Said};
use crate::device::{Fact, Source};
use crate::time::Timestamp;

/// Addresses remembered at the same time. A device can make up addresses without end; who was silent longest goes first.
const HOSTS_BOUND: usize = 512;
/// How long who was not heard of stays. The house is asked every hour; what sleeps over the weekend says all of it again
/// when it wakes up.
const MEMORY: Duration = Duration::from_secs(48 * 3600);

/// Who said what of itself.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    heard: BTreeMap<IpAddr, Host>,
}

#[derive(Debug)]
struct Host {
    said: Said,
    /// When it was first heard under this name.
    since: Timestamp,
    last: Timestamp,
}

impl Hosts {
    /// Notes what `address` said of itself. Says whether that is news.
    pub(super) fn hear(&mut self, address: IpAddr, said: Said, now: Timestamp) -> bool {
        if said.gone {
            return self.heard.remove(&address).is_some();
        }
        let Some(host) = self.heard.get_mut(&address).filter(|host| host.said.host.eq_ignore_ascii_case(&said.host))
        else {
            self.heard.insert(address, Host { said, since: now, last: now });
            if self.heard.len() > HOSTS_BOUND {
                let oldest = self.heard.iter().min_by_key(|(_, host)| host.last).map(|(address, _)| *address);
                oldest.and_then(|address| self.heard.remove(&address));
            }
            return true;
        };
        host.last = now;
        let before = host.said.clone();
        for service in said.services {
            if host.said.services.len() < SERVICES_BOUND && !host.said.services.contains(&service) {
                host.said.services.push(service);
            }
        }
        host.said.name = said.name.or_else(|| host.said.name.take());
        host.said.model = said.model.or_else(|| host.said.model.take());
        host.said != before
    }

    /// Forgets who was not heard of for too long. Says whether there was any.
    pub(super) fn forget(&mut self, now: Timestamp) -> bool {
        let (before, oldest) = (self.heard.len(), now.before(MEMORY));
        self.heard.retain(|_, host| host.last > oldest);
        self.heard.len() < before
    }

    /// The name on the link that `address` said it has.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.heard.get(&address).map(|host| host.said.host.as_str())
    }

    /// All that is known.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let fact = |(address, Host { said, since, .. }): (&IpAddr, &Host)| Fact {
            name: Some(said.name.as_ref().unwrap_or(&said.host).clone()),
            services: said.services.clone(),
            model: said.model.clone(),
            ..Fact::of(*address, Source::Mdns, *since)
        };
        self.heard.iter().map(fact).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(host: &str, service: &str) -> Said {
        Said { host: host.into(), services: vec![service.into()], ..Said::default() }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).after(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_said_adds_up_and_another_name_begins_anew() {
        let (mut hosts, tv) = (Hosts::default(), IpAddr::from([10, 0, 0, 7]));
        assert!(hosts.hear(tv, said("tv", "_airplay._tcp"), at(0)));
        assert!(!hosts.hear(tv, said("TV", "_airplay._tcp"), at(1)));
        assert!(hosts.hear(tv, said("tv", "_raop._tcp"), at(2)));
        let [fact] = &hosts.facts()[..] else { panic!() };
        assert_eq!((fact.services.len(), fact.since, fact.name.as_deref()), (2, at(0), Some("tv")));
        // Another device has the address now.
        assert!(hosts.hear(tv, said("lamp", "_hue._tcp"), at(3)));
        assert_eq!((hosts.name_of(tv), hosts.facts()[0].services.len()), (Some("lamp"), 1));
        assert!(hosts.hear(tv, Said { gone: true, ..said("lamp", "") }, at(4)));
        assert!(hosts.facts().is_empty());
    }

    #[test]
    fn who_is_silent_is_forgotten_and_made_up_addresses_push_out_the_oldest() {
        let mut hosts = Hosts::default();
        for number in 0..=HOSTS_BOUND as u32 {
            let address = IpAddr::from((10_u32 << 24 | number).to_be_bytes());
            hosts.hear(address, said("x", "_smb._tcp"), at(u64::from(number)));
        }
        assert_eq!(hosts.facts().len(), HOSTS_BOUND);
        assert_eq!(hosts.name_of([10, 0, 0, 0].into()), None);
        assert!(!hosts.forget(at(0).after(MEMORY)));
        assert!(hosts.forget(at(5).after(MEMORY)));
        assert_eq!(hosts.facts().len(), HOSTS_BOUND - 5);
    }
}
