//! Who asked: which address is which device of the house.
//!
//! A device is known by its hardware address where the kernel or the configuration tells one, so that it stays the same
//! device when its addresses change. [`Devices`] is put together anew by [`Devices::assemble`] whenever something about
//! it changes, and never changes afterwards. [`neighbour`] watches the kernel for who uses which address, [`files`] the
//! leases of DHCP servers, [`mdns`] what devices tell everyone, [`router`] asks the router for names; each [`Fact`] keeps who said it and since when.

mod assemble;
mod fact;
pub mod files;
mod guess;
mod lease;
mod lookout;
mod maker;
pub mod mdns;
pub mod neighbour;
pub mod router;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

pub use self::assemble::{Known, MAX_JOINS};
pub use self::fact::{Fact, Source, mac_in};
pub use self::guess::{Guess, guess};
pub use self::lookout::{AWAY, Lookout, Presence, SILENT_AFTER};
pub use self::maker::{DEFAULT_TABLE, Makers};
use crate::policy::{Asker, DeviceId, MacAddr, ProfileId};

/// A thing in the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Who it is, also after a restart.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Which lists apply to it.
    pub profile: ProfileId,
    /// AdGuard's device tags.
    pub tags: Vec<String>,
    /// Its hardware address, where it is known.
    pub mac: Option<MacAddr>,
    /// The addresses it is known to use now, in order.
    pub addresses: Vec<IpAddr>,
    /// Whether `config.toml` names it, so that the page must not.
    pub fixed: bool,
    /// Whether `config.toml` says its profile.
    pub profile_fixed: bool,
    /// Whether nothing of what it asks is kept.
    pub unlogged: bool,
    /// Whether its name is what it says of itself to everyone, which anyone may say.
    pub self_named: bool,
    /// Who made it, by its hardware address.
    pub maker: Option<Arc<str>>,
    /// Identities that the operator says are this device too.
    pub joined: Vec<DeviceId>,
    /// Why its addresses are taken for one device.
    pub facts: Vec<Fact>,
}

/// `[house]`: how it is found out who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lease and hosts files.
    pub files: files::Options,
    /// Whether multicast DNS is listened to.
    pub mdns: bool,
    /// Who is asked what addresses of the house are called, over UDP. Where there is none, the forwarders of private reverse
    /// zones are.
    pub router: Option<SocketAddr>,
    /// How long a device that is there may ask for nothing before that is told.
    pub silent_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { files: files::Options::default(), mdns: true, router: None, silent_after: SILENT_AFTER }
    }
}

/// One `[[device]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceOptions {
    /// Unique.
    pub name: String,
    /// Its hardware address.
    pub mac: Option<MacAddr>,
    /// What it calls itself when it asks over TLS, HTTPS or QUIC, in small letters. Unique.
    pub id: Option<String>,
    /// Its addresses and networks, as (address, prefix length).
    pub networks: Vec<(IpAddr, u8)>,
    /// Its profile, by name.
    pub profile: Option<String>,
    /// AdGuard's device tags.
    pub tags: Vec<String>,
    /// Whether nothing of what it asks is to be kept.
    pub unlogged: bool,
}

/// All devices that are known now. Immutable; a change makes a new one.
#[derive(Debug, Default)]
pub struct Devices {
    by_address: HashMap<IpAddr, Arc<Device>, RandomState>,
    by_id: HashMap<DeviceId, Arc<Device>, RandomState>,
    by_label: HashMap<String, Arc<Device>>,
    by_mac: HashMap<MacAddr, Arc<Device>, RandomState>,
    /// What an identity that was joined to another one counts as.
    joined: HashMap<DeviceId, DeviceId, RandomState>,
    /// The profile of devices that the configuration does not know.
    newcomers: ProfileId,
    /// Networks of the configuration, the longest prefix first.
    networks: Vec<(IpAddr, u8, Arc<Device>)>,
}

impl Devices {
    /// The device that uses `address`, the one whose hardware address stands in it, or the one whose network it lies in.
    pub fn identify(&self, address: IpAddr) -> Option<&Arc<Device>> {
        let address = address.to_canonical();
        self.by_address.get(&address).or_else(|| self.by_mac.get(&mac_in(address)?)).or_else(|| {
            let mut networks = self.networks.iter();
            networks.find(|(network, length, _)| covers(*network, *length, address)).map(|(_, _, device)| device)
        })
    }

    /// The device with this hardware address, told by somebody who is believed; a new one where none is known.
    pub fn with_mac(&self, mac: MacAddr) -> Arc<Device> {
        let id = DeviceId::Mac(mac);
        let known = self.by_mac.get(&mac).or_else(|| self.find(&id)).cloned();
        known.unwrap_or_else(|| Arc::new(Device { profile: self.newcomers, mac: Some(mac), ..Device::known_as(id) }))
    }

    /// The device with this identity, or the one it was joined to.
    pub fn find(&self, id: &DeviceId) -> Option<&Arc<Device>> {
        self.by_id.get(self.main(id))
    }

    /// The identity that `id` counts as: itself, unless the operator joined it to another device.
    pub fn main<'a>(&'a self, id: &'a DeviceId) -> &'a DeviceId {
        self.joined.get(id).unwrap_or(id)
    }

    /// Every identity that counts as the same device as `id`: its main one first, then those that were joined to it.
    ///
    /// What a device asked is written down under the identity that it had then. So whoever reads or forgets what one
    /// device asked means all of these, and when the operator splits them again, each has its own again.
    pub fn identities<'a>(&'a self, id: &'a DeviceId) -> impl Iterator<Item = &'a DeviceId> {
        let main = self.main(id);
        let joined = self.by_id.get(main).map(|device| device.joined.as_slice()).unwrap_or_default();
        std::iter::once(main).chain(joined)
    }

    /// The device that the configuration gives this `id`.
    pub fn labelled(&self, label: &str) -> Option<&Arc<Device>> {
        self.by_label.get(label)
    }

    /// The profile of devices that nobody gave one.
    pub fn newcomers(&self) -> ProfileId {
        self.newcomers
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.by_id.values()
    }
}

impl Device {
    /// This device as the policy sees it when it asks from `address`.
    pub fn asker(&self, address: IpAddr) -> Asker<'_> {
        let Self { id, joined, profile, name, tags, .. } = self;
        Asker { device: id, joined, profile: *profile, address, name, tags }
    }

    /// A device of which nothing but an address is known.
    pub fn unknown(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { name: address.to_string(), addresses: vec![address], ..Self::nameless(address) }
    }

    /// The same for whoever only wants to judge: nothing is written down that the identity does not say.
    pub fn nameless(address: IpAddr) -> Self {
        // A router in between hides the neighbour, and not what stands in the address.
        let mac = mac_in(address);
        let id = mac.map_or_else(|| DeviceId::Address(address.to_canonical()), DeviceId::Mac);
        Self { mac, ..Self::known_as(id) }
    }

    /// A device that is not here now: what its identity says of it, in the place of a name as well.
    pub fn absent(id: &DeviceId) -> Self {
        let (name, mac, addresses) = match id {
            DeviceId::Mac(mac) => (mac.to_string(), Some(*mac), Vec::new()),
            DeviceId::Address(address) => (address.to_string(), None, vec![*address]),
            DeviceId::Named(name) => (name.to_string(), None, Vec::new()),
        };
        Self { name, mac, addresses, ..Self::known_as(id.clone()) }
    }

    /// A device of which nothing but its identity is known.
    pub const fn known_as(id: DeviceId) -> Self {
        Self {
            id,
            name: String::new(),
            profile: ProfileId(0),
            tags: Vec::new(),
            mac: None,
            addresses: Vec::new(),
            fixed: false,
            profile_fixed: false,
            unlogged: false,
            self_named: false,
            maker: None,
            joined: Vec::new(),
            facts: Vec::new(),
        }
    }
}

/// Whether `address` lies in the network of `length` bits that `network` lies in. The two families never mix.
pub fn covers(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let length = u32::from(length);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).checked_shr(32_u32.saturating_sub(length)).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).checked_shr(128_u32.saturating_sub(length)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_covers_the_addresses_that_share_its_prefix() {
        for (network, length, address, covered) in [
            ("192.168.2.0", 24, "192.168.2.77", true),
            ("192.168.2.0", 24, "192.168.3.77", false),
            ("192.168.2.5", 32, "192.168.2.5", true),
            ("192.168.2.5", 32, "192.168.2.4", false),
            ("0.0.0.0", 0, "203.0.113.9", true),
            ("0.0.0.0", 0, "fd00::1", false),
            ("fd00::", 8, "fd12::1", true),
            ("fd00::", 64, "fd00:0:0:1::1", false),
            ("::", 0, "fe80::1", true),
        ] {
            let (network, address): (IpAddr, IpAddr) = (network.parse().unwrap(), address.parse().unwrap());
            assert_eq!(covers(network, length, address), covered, "{network}/{length} {address}");
        }
    }
}
