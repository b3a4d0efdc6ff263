//! What was asked in a span, by name and device, the hours together: what questions about rules are answered from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;
use utoipa::ToSchema;

use crate::device::{Device, Devices};
use crate::policy::{DeviceId, Name};
use crate::store::TallyRun;

/// Pairs of a name and a device that are told apart. What comes beyond them is counted, and said.
pub const MAX_PAIRS: usize = 200_000;

/// How many names, and how many questions for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Share {
    /// Different names.
    pub names: u64,
    /// Questions for them.
    pub queries: u64,
}

/// Which device asked for which name, and how often. What was decided then does not matter here.
#[derive(Debug, Default)]
pub struct Asked {
    devices: Vec<DeviceId>,
    names: HashMap<Name, Vec<(u32, u64)>>,
    pairs: usize,
    beyond: u64,
}

impl Share {
    /// Counts one more name, asked for `queries` times; none at all is no name.
    pub(super) fn add(&mut self, queries: u64) {
        self.names += u64::from(queries > 0);
        self.queries += queries;
    }
}

impl Asked {
    /// Sums up. `runs` is called once, with what takes every tally of the span, in any order.
    pub fn sum(runs: impl FnOnce(&mut dyn FnMut(TallyRun<'_>))) -> Self {
        let mut asked = Self::default();
        let mut places: HashMap<DeviceId, u32> = HashMap::new();
        runs(&mut |run| {
            let place = places.get(run.device).copied().unwrap_or_else(|| {
                let next = asked.devices.len() as u32;
                asked.devices.push(run.device.clone());
                places.insert(run.device.clone(), next);
                next
            });
            asked.add(place, run.name, run.count());
        });
        asked
    }

    fn add(&mut self, device: u32, name: &Name, count: u64) {
        // The root stands for names that the store did not keep apart.
        let full = self.pairs >= MAX_PAIRS;
        if name.as_ref().is_root() {
            self.beyond += count;
            return;
        }
        let devices = match self.names.get_mut(name) {
            Some(known) => known,
            None if full => {
                self.beyond += count;
                return;
            }
            None => self.names.entry(name.clone()).or_insert_with(|| Vec::with_capacity(1)),
        };
        if let Some((_, sum)) = devices.iter_mut().find(|(known, _)| *known == device) {
            *sum += count;
        } else if full {
            self.beyond += count;
        } else {
            devices.push((device, count));
            self.pairs += 1;
        }
    }

    /// All that is told apart.
    pub fn total(&self) -> Share {
        let queries = self.names.values().flatten().map(|(_, count)| count).sum();
        Share { names: self.names.len() as u64, queries }
    }

    /// Questions for names that are not told apart, and so are in nothing that follows from this.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Who asked, as the house knows them now; a device that has left is one without profile and rules of its own.
    pub(super) fn devices(&self, known: &Devices) -> Vec<Device> {
        self.devices.iter().map(|id| known.find(id).map_or_else(|| Device::absent(id), |one| (**one).clone())).collect()
    }

    /// Each name with the places of the [`devices`](Self::devices) that asked for it, and how often each did.
    pub(super) fn names(&self) -> impl Iterator<Item = (&Name, &[(u32, u64)])> {
        self.names.iter().map(|(name, devices)| (name, devices.as_slice()))
    }
}

/// The address that rules for an address are held against: the first one the device is known to use.
pub(super) fn address_of(device: &Device) -> IpAddr {
    device.addresses.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Verdict;
    use crate::time::Hour;

    fn sum<'a>(asked: impl IntoIterator<Item = (u8, &'a str, u64)>) -> Asked {
        Asked::sum(|each| {
            for (device, name, count) in asked {
                let device = DeviceId::Address([10, 0, 0, device].into());
                let (name, hours) = (Name::parse(name).unwrap(), [(Hour::from_number(7), count)]);
                each(TallyRun { device: &device, name: &name, verdict: Verdict::Pass, hours: &hours });
            }
        })
    }

    #[test]
    fn hours_and_verdicts_are_summed_and_the_root_stands_apart() {
        let asked = sum([(1, "a.example", 2), (2, "a.example", 3), (1, "a.example", 5), (1, ".", 9)]);
        assert_eq!((asked.total(), asked.beyond()), (Share { names: 1, queries: 10 }, 9));
        let (_, devices) = asked.names().next().unwrap();
        assert_eq!(devices, [(0, 7), (1, 3)]);
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_said() {
        let names: Vec<String> = (0..MAX_PAIRS + 10).map(|number| format!("n{number}.example")).collect();
        let flood = names.iter().map(|name| (1, name.as_str(), 1));
        let asked = sum(flood.chain([(2, "n0.example", 1), (1, "n0.example", 1)]));
        assert_eq!((asked.total().names, asked.beyond()), (MAX_PAIRS as u64, 11));
        assert_eq!(asked.total().queries, MAX_PAIRS as u64 + 1, "what is known goes on being counted");
    }
}
