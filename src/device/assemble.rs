//! From what is known about the house to the table that a query is looked up in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Device, DeviceOptions, Devices, Fact, Makers, Source, covers};
use crate::policy::{DeviceId, MacAddr, Policy, ProfileId};

/// Longest chain of joins that is followed. A chain that bites its tail ends here.
pub const MAX_JOINS: usize = 8;

/// Everything that is known of who is in the house.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// `[[device]]`, in the order of the file.
    pub configured: &'a [DeviceOptions],
    /// Names given in the page.
    pub names: &'a [(DeviceId, String)],
    /// Profiles given in the page, by name.
    pub profiles: &'a [(DeviceId, String)],
    /// Identities that the operator says are another device's: what is joined, and to what.
    pub joined: &'a [(DeviceId, DeviceId)],
    /// Addresses that the operator says are a device of their own, whatever their hardware address.
    pub split: &'a [IpAddr],
    /// The profile of devices that the configuration does not know.
    pub newcomers: ProfileId,
    /// What everybody else says.
    pub facts: &'a [Fact],
    /// Who made what, where that is known.
    pub makers: Option<&'a Makers>,
}

impl Devices {
    /// Puts together what the configuration says, what was decided in the page and what others say.
    ///
    /// An address belongs, in this order, to itself where the operator split it off, to the device that the
    /// configuration gives exactly this address, to the device with its MAC if the configuration knows that, to the
    /// device whose network it lies in (the longest prefix), and to its MAC. A device that is configured by address alone
    /// brings along the other addresses of its MAC: whoever names a phone by its IPv4 address means its IPv6 addresses
    /// too. Of two that tell different MACs of one address the one that stands first in [`Source`] is believed.
    pub fn assemble(known: &Known<'_>, policy: &Policy) -> Self {
        let mut facts: Vec<&Fact> = known.facts.iter().collect();
        facts.sort_by_key(|fact| fact.source);
        let mut draft = Draft { newcomers: known.newcomers, ..Draft::default() };
        for options in known.configured {
            draft.configure(options, policy);
        }
        let mut macs: BTreeMap<IpAddr, MacAddr> = BTreeMap::new();
        for fact in &facts {
            if let (Some(address), Some(mac)) = (fact.address, fact.mac) {
                macs.entry(address.to_canonical()).or_insert(mac);
            }
        }
        for address in known.split {
            macs.remove(&address.to_canonical());
            draft.split(address.to_canonical());
        }
        for (address, id) in &draft.owner_by_address {
            if let (Some(mac), DeviceId::Named(_)) = (macs.get(address), id) {
                draft.owner_by_mac.entry(*mac).or_insert_with(|| id.clone());
            }
        }
        for (&address, &mac) in &macs {
            draft.meet(address, mac);
        }
        for fact in &facts {
            draft.hear(fact, &macs);
        }
        for (id, name) in known.names {
            draft.name(id, name);
        }
        for (id, profile) in known.profiles {
            // One that is gone by now is nobody's.
            if let Some(profile) = policy.profile(profile) {
                draft.place(id, profile);
            }
        }
        draft.join(known.joined);
        for device in draft.devices.values_mut() {
            device.maker = device.mac.and_then(|mac| known.makers?.of(mac)).cloned();
        }
        draft.finish()
    }
}

#[derive(Default)]
struct Draft {
    devices: BTreeMap<DeviceId, Device>,
    owner_by_mac: BTreeMap<MacAddr, DeviceId>,
    owner_by_address: BTreeMap<IpAddr, DeviceId>,
    networks: Vec<(IpAddr, u8, DeviceId)>,
    labels: Vec<(String, DeviceId)>,
    newcomers: ProfileId,
    joined: HashMap<DeviceId, DeviceId, RandomState>,
}

impl Draft {
    fn configure(&mut self, options: &DeviceOptions, policy: &Policy) {
        let id = match options.mac {
            Some(mac) => DeviceId::Mac(mac),
            None => DeviceId::Named(options.name.as_str().into()),
        };
        self.labels.extend(options.id.iter().map(|label| (label.clone(), id.clone())));
        if let Some(mac) = options.mac {
            self.owner_by_mac.insert(mac, id.clone());
        }
        for &(network, length) in &options.networks {
            if is_single(network, length) {
                self.owner_by_address.insert(network.to_canonical(), id.clone());
            } else {
                self.networks.push((network, length, id.clone()));
                self.networks.sort_by_key(|(_, length, _)| std::cmp::Reverse(*length));
            }
        }
        let profile = options.profile.as_deref().and_then(|name| policy.profile(name)).unwrap_or_default();
        let device = Device {
            name: options.name.clone(),
            profile,
            profile_fixed: options.profile.is_some(),
            tags: options.tags.clone(),
            mac: options.mac,
            fixed: true,
            unlogged: options.unlogged,
            ..Device::known_as(id.clone())
        };
        self.devices.insert(id, device);
    }

    fn split(&mut self, address: IpAddr) {
        if !self.owner_by_address.contains_key(&address) {
            let device = Device {
                profile: self.newcomers,
                id: DeviceId::Address(address),
                mac: None,
                ..Device::unknown(address)
            };
            self.owner_by_address.insert(address, device.id.clone());
            self.devices.insert(device.id.clone(), device);
        }
    }

    fn meet(&mut self, address: IpAddr, mac: MacAddr) {
        let in_network = || {
            let mut networks = self.networks.iter();
            networks.find(|(network, length, _)| covers(*network, *length, address)).map(|(_, _, id)| id)
        };
        let owner = self.owner_by_address.get(&address).or_else(|| self.owner_by_mac.get(&mac)).or_else(in_network);
        let id = owner.cloned().unwrap_or(DeviceId::Mac(mac));
        let newcomers = self.newcomers;
        self.devices.entry(id.clone()).or_insert_with(|| Device { profile: newcomers, ..unnamed(mac) });
        self.owner_by_address.insert(address, id);
    }

    /// Keeps a fact with the device that it is about, and the name in it where that device has none from anyone better.
    fn hear(&mut self, fact: &Fact, macs: &BTreeMap<IpAddr, MacAddr>) {
        let address = fact.address.map(|address| address.to_canonical());
        if let Some(address) = address
            && !self.owner_by_address.contains_key(&address)
        {
            // A name without a hardware address: the address is all that is known of the device.
            let device = Device { profile: self.newcomers, ..Device::unknown(address) };
            self.owner_by_address.insert(address, device.id.clone());
            self.devices.entry(device.id.clone()).or_insert(device);
        }
        let by_mac = || fact.mac.and_then(|mac| self.owner_by_mac.get(&mac).cloned().or(Some(DeviceId::Mac(mac))));
        let Some(id) = address.and_then(|address| self.owner_by_address.get(&address).cloned()).or_else(by_mac) else {
            return;
        };
        let Some(device) = self.devices.get_mut(&id) else { return };
        // Somebody better says that this address is another device's by now.
        let outdated = address.is_some_and(|address| fact.mac.is_some() && macs.get(&address) != fact.mac.as_ref());
        if outdated {
            return;
        }
        if let Some(name) = &fact.name
            && !device.fixed
            && device.facts.iter().all(|earlier| earlier.name.is_none())
        {
            device.name.clone_from(name);
            device.self_named = fact.source == Source::Mdns;
        }
        if device.facts.len() < FACTS_BOUND {
            device.facts.push(fact.clone());
        }
    }

    fn name(&mut self, id: &DeviceId, name: &str) {
        if let Some(device) = self.decided(id)
            && !device.fixed
        {
            device.name = name.to_owned();
            device.self_named = false;
        }
    }

    fn place(&mut self, id: &DeviceId, profile: ProfileId) {
        if let Some(device) = self.decided(id)
            && !device.profile_fixed
        {
            device.profile = profile;
        }
    }

    /// The device that the page decides something about, which need not be here now.
    fn decided(&mut self, id: &DeviceId) -> Option<&mut Device> {
        let profile = self.newcomers;
        match id {
            DeviceId::Mac(mac) => {
                Some(self.devices.entry(id.clone()).or_insert_with(|| Device { profile, ..unnamed(*mac) }))
            }
            DeviceId::Address(address) => {
                self.owner_by_address.entry(*address).or_insert_with(|| id.clone());
                Some(self.devices.entry(id.clone()).or_insert_with(|| Device { profile, ..Device::unknown(*address) }))
            }
            DeviceId::Named(_) => self.devices.get_mut(id),
        }
    }

    fn join(&mut self, joined: &[(DeviceId, DeviceId)]) {
        let wanted: HashMap<&DeviceId, &DeviceId> = joined.iter().map(|(member, main)| (member, main)).collect();
        for (member, _) in joined {
            let mut main = member;
            for _ in 0..MAX_JOINS {
                let Some(next) = wanted.get(main) else { break };
                main = next;
            }
            if main == member
                || wanted.contains_key(main)
                || self.devices.get(member).is_some_and(|device| device.fixed)
            {
                continue;
            }
            let gone = self.devices.remove(member);
            let device = self.devices.entry(main.clone()).or_insert_with(|| absent(main));
            device.joined.push(member.clone());
            device.facts.extend(gone.into_iter().flat_map(|gone| gone.facts).take(FACTS_BOUND));
            let by_address = self.owner_by_address.values_mut();
            for owner in by_address.chain(self.owner_by_mac.values_mut()).filter(|owner| *owner == member) {
                owner.clone_from(main);
            }
            // Also the main one: whoever comes as it has what is joined to it.
            self.expect(main, main);
            self.expect(member, main);
            self.joined.insert(member.clone(), main.clone());
        }
    }

    /// Makes `id` lead to `main` also where nobody says now who uses its address, and where its MAC is told by nothing but
    /// the address itself.
    fn expect(&mut self, id: &DeviceId, main: &DeviceId) {
        match id {
            DeviceId::Mac(mac) => {
                self.owner_by_mac.entry(*mac).or_insert_with(|| main.clone());
            }
            DeviceId::Address(address) if !self.networks.iter().any(|net| covers(net.0, net.1, *address)) => {
                self.owner_by_address.entry(*address).or_insert_with(|| main.clone());
            }
            DeviceId::Address(_) | DeviceId::Named(_) => {}
        }
    }

    fn finish(mut self) -> Devices {
        for device in self.devices.values_mut() {
            device.addresses.clear();
        }
        for (address, id) in &self.owner_by_address {
            if let Some(device) = self.devices.get_mut(id) {
                device.addresses.push(*address);
            }
        }
        let by_id: HashMap<_, _, RandomState> =
            self.devices.into_iter().map(|(id, device)| (id, Arc::new(device))).collect();
        let shared = |id: &DeviceId| by_id.get(id).cloned();
        let by_address =
            self.owner_by_address.iter().filter_map(|(address, id)| Some((*address, shared(id)?))).collect();
        let networks = self.networks.iter().filter_map(|(network, length, id)| Some((*network, *length, shared(id)?)));
        let by_label = self.labels.iter().filter_map(|(label, id)| Some((label.clone(), shared(id)?))).collect();
        let networks = networks.collect();
        let by_own = by_id.values().filter_map(|device| Some((device.mac?, device.clone())));
        let by_mac = by_own.chain(self.owner_by_mac.iter().filter_map(|(mac, id)| Some((*mac, shared(id)?)))).collect();
        let newcomers = self.newcomers;
        Devices { by_address, networks, by_mac, by_label, by_id, joined: self.joined, newcomers }
    }
}

fn is_single(network: IpAddr, length: u8) -> bool {
    length == if network.is_ipv4() { 32 } else { 128 }
}

/// Facts that one device keeps. A house with more leases of one device than this has another problem.
const FACTS_BOUND: usize = 64;

/// A device that the page named and that is not here now.
fn absent(id: &DeviceId) -> Device {
    match id {
        DeviceId::Mac(mac) => unnamed(*mac),
        DeviceId::Address(address) => Device::unknown(*address),
        DeviceId::Named(name) => Device { name: name.to_string(), ..Device::known_as(id.clone()) },
    }
}

/// A device of which only the MAC is known. A made-up MAC is said to be one: it will be another one in the next network,
/// or tomorrow, and people should know why the list of devices grows.
fn unnamed(mac: MacAddr) -> Device {
    let kind = if mac.is_random() { "Private device" } else { "Device" };
    let [.., fifth, sixth] = mac.0;
    let name = format!("{kind} {fifth:02x}:{sixth:02x}");
    Device { name, mac: Some(mac), ..Device::known_as(DeviceId::Mac(mac)) }
}

#[cfg(test)]
mod tests;
