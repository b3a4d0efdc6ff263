//! Who asked: which address is which device of the house.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

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
    /// The addresses it is known to use now.
    pub addresses: Vec<IpAddr>,
    /// Whether `config.toml` names it, so that the page must not.
    pub fixed: bool,
}

/// All devices that are known now. Immutable; a change makes a new one.
#[derive(Debug, Default)]
pub struct Devices {
    by_address: HashMap<IpAddr, Arc<Device>>,
}

impl Devices {
    /// The device that uses `address`.
    pub fn identify(&self, address: IpAddr) -> Option<&Arc<Device>> {
        self.by_address.get(&address.to_canonical())
    }

    /// The device with this identity.
    pub fn find(&self, id: &DeviceId) -> Option<&Arc<Device>> {
        self.by_address.values().find(|device| device.id == *id)
    }
}

impl Device {
    /// This device as the policy sees it when it asks from `address`.
    pub fn asker(&self, address: IpAddr) -> Asker<'_> {
        Asker { device: &self.id, profile: self.profile, address, name: &self.name, tags: &self.tags }
    }

    /// A device of which nothing but an address is known.
    pub fn unknown(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self {
            id: DeviceId::Address(address),
            name: address.to_string(),
            profile: ProfileId::default(),
            tags: Vec::new(),
            mac: None,
            addresses: vec![address],
            fixed: false,
        }
    }
}
