//! Who is here for the first time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::device::{Device, Devices};
use crate::policy::DeviceId;
use crate::time::Timestamp;

/// How long is waited after a device was first heard of: until then its address is known to be one of a device that is here
/// already, or it has a name.
const SETTLES: Duration = Duration::from_secs(5);
/// Identities that are remembered. A house that had more has one visitor with a new address for every question.
const KNOWN_BOUND: usize = 20_000;
/// Newcomers that are told in an [`HOUR`]. Who makes up addresses does not make the phone ring all night.
const TOLD_BOUND: usize = 20;
const HOUR: Duration = Duration::from_secs(3600);

/// Who is known, and who is not yet.
#[derive(Debug)]
pub(super) struct Newcomers {
    known: HashSet<DeviceId>,
    waiting: HashMap<DeviceId, Timestamp>,
    /// When newcomers were told lately.
    told: Vec<Timestamp>,
    untold: u64,
}

impl Newcomers {
    /// Where `known` were here before.
    pub(super) fn after<'a>(known: impl Iterator<Item = &'a DeviceId>) -> Self {
        let known = known.take(KNOWN_BOUND).cloned().collect();
        Self { known, waiting: HashMap::new(), told: Vec::new(), untold: 0 }
    }

    /// Who of those that `asked` is new, once it is clear who it is.
    pub(super) fn look<'a>(
        &mut self,
        asked: impl Iterator<Item = &'a DeviceId>,
        devices: &Devices,
        now: Timestamp,
    ) -> Vec<Arc<Device>> {
        for id in asked {
            if self.known.len() + self.waiting.len() < KNOWN_BOUND && !self.known.contains(id) {
                self.waiting.entry(id.clone()).or_insert(now);
            }
        }
        let settled = |since: Timestamp| since.after(SETTLES) <= now || since > now;
        let due: Vec<DeviceId> =
            self.waiting.iter().filter(|(_, since)| settled(**since)).map(|(id, _)| id.clone()).collect();
        let mut new = Vec::new();
        for id in due {
            self.waiting.remove(&id);
            let device = resolved(&id, devices);
            let is_new = !self.known.contains(&device.id) && !device.joined.iter().any(|id| self.known.contains(id));
            self.known.extend([id, device.id.clone()]);
            if is_new {
                new.push(device);
            }
        }
        new.sort_by(|a, b| a.id.cmp(&b.id));
        self.told.retain(|at| at.after(HOUR) > now && *at <= now);
        let room = TOLD_BOUND.saturating_sub(self.told.len()).min(new.len());
        self.untold += (new.len() - room) as u64;
        new.truncate(room);
        self.told.extend(new.iter().map(|_| now));
        new
    }

    /// How many were not told since this was asked last, because there were too many.
    pub(super) fn take_untold(&mut self) -> u64 {
        std::mem::take(&mut self.untold)
    }
}

/// The device that an identity counts as now.
fn resolved(id: &DeviceId, devices: &Devices) -> Arc<Device> {
    let by_address = || match id {
        DeviceId::Address(address) => devices.identify(*address).cloned(),
        DeviceId::Mac(_) | DeviceId::Named(_) => None,
    };
    devices.find(id).cloned().or_else(by_address).unwrap_or_else(|| {
        Arc::new(match id {
            DeviceId::Address(address) => Device::unknown(*address),
            DeviceId::Mac(mac) => Device { mac: Some(*mac), name: mac.to_string(), ..Device::known_as(id.clone()) },
            DeviceId::Named(name) => Device { name: name.to_string(), ..Device::known_as(id.clone()) },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Fact, Known, Source};
    use crate::policy::Policy;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).after(Duration::from_secs(seconds))
    }

    fn id(text: &str) -> DeviceId {
        text.parse().unwrap()
    }

    fn names(new: &[Arc<Device>]) -> Vec<&str> {
        new.iter().map(|device| device.name.as_str()).collect()
    }

    #[test]
    fn a_new_device_is_told_once_and_under_the_name_it_has_by_then() {
        let (phone, tablet) = (id("mac-3c:5a:b4:01:02:03"), id("mac-3c:5a:b4:01:02:04"));
        let mut newcomers = Newcomers::after([phone.clone()].iter());
        let nobody = Devices::default();
        let asked = [phone, id("ip-10.0.0.7"), id("ip-10.0.0.8")];
        assert!(newcomers.look(asked.iter(), &nobody, at(0)).is_empty());
        // One address turned out to be the phone's, the other a tablet's.
        let fact = |address: [u8; 4], mac: &str, name: Option<&str>| Fact {
            mac: mac.parse().ok(),
            name: name.map(str::to_owned),
            ..Fact::of(address.into(), Source::Lease, at(0))
        };
        let facts =
            [fact([10, 0, 0, 7], "3c:5a:b4:01:02:03", None), fact([10, 0, 0, 8], "3c:5a:b4:01:02:04", Some("tablet"))];
        let devices = Devices::assemble(&Known { facts: &facts, ..Known::default() }, &Policy::default());
        assert_eq!(names(&newcomers.look(asked.iter(), &devices, at(5))), ["tablet"]);
        let asked = [id("ip-10.0.0.7"), id("ip-10.0.0.8"), tablet];
        assert!(newcomers.look(asked.iter(), &devices, at(60)).is_empty());
        assert!(newcomers.look(asked.iter(), &devices, at(66)).is_empty());
    }

    #[test]
    fn made_up_addresses_do_not_ring_all_night() {
        let mut newcomers = Newcomers::after([].iter());
        let asked: Vec<DeviceId> =
            (0..100_u32).map(|number| DeviceId::Address((10 << 24 | number).to_be_bytes().into())).collect();
        newcomers.look(asked.iter(), &Devices::default(), at(0));
        assert_eq!(newcomers.look(asked.iter(), &Devices::default(), at(5)).len(), TOLD_BOUND);
        assert_eq!((newcomers.take_untold(), newcomers.take_untold()), (80, 0));
        let more = [id("ip-192.0.2.1")];
        newcomers.look(more.iter(), &Devices::default(), at(10));
        assert!(newcomers.look(more.iter(), &Devices::default(), at(20)).is_empty());
        let later = [id("ip-192.0.2.2")];
        newcomers.look(later.iter(), &Devices::default(), at(4000));
        assert_eq!(newcomers.look(later.iter(), &Devices::default(), at(4005)).len(), 1);
    }
}
