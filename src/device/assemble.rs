//! From what is known about the house to the table that a query is looked up in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Device, DeviceOptions, Devices, covers};
use crate::policy::{DeviceId, MacAddr, Policy, ProfileId};

impl Devices {
    /// Puts together what the configuration says, the names that were given in the page and who uses which address now.
    ///
    /// An address belongs, in this order, to the device that the configuration gives exactly this address, to the device
    /// with its MAC if the configuration knows that, to the device whose network it lies in (the longest prefix), and to
    /// its MAC. A device that is configured by address alone brings along the other addresses of its MAC: whoever
    /// names a phone by its IPv4 address means its IPv6 addresses too.
    pub fn assemble(
        configured: &[DeviceOptions],
        names: &[(DeviceId, String)],
        neighbours: &HashMap<IpAddr, MacAddr>,
        policy: &Policy,
    ) -> Self {
        let mut draft = Draft::default();
        for options in configured {
            draft.configure(options, policy);
        }
        for (address, id) in &draft.owner_by_address {
            if let (Some(mac), DeviceId::Named(_)) = (neighbours.get(address), id) {
                draft.owner_by_mac.entry(*mac).or_insert_with(|| id.clone());
            }
        }
        for (&address, &mac) in neighbours {
            draft.meet(address.to_canonical(), mac);
        }
        for (id, name) in names {
            draft.name(id, name);
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
        self.devices.insert(
            id.clone(),
            Device {
                id,
                name: options.name.clone(),
                profile,
                tags: options.tags.clone(),
                mac: options.mac,
                addresses: Vec::new(),
                fixed: true,
                unlogged: options.unlogged,
            },
        );
    }

    fn meet(&mut self, address: IpAddr, mac: MacAddr) {
        let in_network = || {
            let mut networks = self.networks.iter();
            networks.find(|(network, length, _)| covers(*network, *length, address)).map(|(_, _, id)| id)
        };
        let owner = self.owner_by_address.get(&address).or_else(|| self.owner_by_mac.get(&mac)).or_else(in_network);
        let id = owner.cloned().unwrap_or(DeviceId::Mac(mac));
        self.devices.entry(id.clone()).or_insert_with(|| unnamed(mac));
        self.owner_by_address.insert(address, id);
    }

    fn name(&mut self, id: &DeviceId, name: &str) {
        let device = match (self.devices.get_mut(id), id) {
            (Some(device), _) => device,
            (None, DeviceId::Mac(mac)) => self.devices.entry(id.clone()).or_insert_with(|| unnamed(*mac)),
            (None, DeviceId::Address(address)) => {
                self.owner_by_address.entry(*address).or_insert_with(|| id.clone());
                self.devices.entry(id.clone()).or_insert_with(|| Device::unknown(*address))
            }
            (None, DeviceId::Named(_)) => return,
        };
        if !device.fixed {
            device.name = name.to_owned();
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
        let by_id: HashMap<_, _> = self.devices.into_iter().map(|(id, device)| (id, Arc::new(device))).collect();
        let shared = |id: &DeviceId| by_id.get(id).cloned();
        let by_address =
            self.owner_by_address.iter().filter_map(|(address, id)| Some((*address, shared(id)?))).collect();
        let networks = self.networks.iter().filter_map(|(network, length, id)| Some((*network, *length, shared(id)?)));
        let by_label = self.labels.iter().filter_map(|(label, id)| Some((label.clone(), shared(id)?))).collect();
        Devices { by_address, networks: networks.collect(), by_label, by_id }
    }
}

fn is_single(network: IpAddr, length: u8) -> bool {
    length == if network.is_ipv4() { 32 } else { 128 }
}

/// A device of which only the MAC is known. A made-up MAC is said to be one: it will be another one in the next network,
/// or tomorrow, and people should know why the list of devices grows.
fn unnamed(mac: MacAddr) -> Device {
    let kind = if mac.is_random() { "Private device" } else { "Device" };
    let [.., fifth, sixth] = mac.0;
    Device {
        id: DeviceId::Mac(mac),
        name: format!("{kind} {fifth:02x}:{sixth:02x}"),
        profile: ProfileId::default(),
        tags: Vec::new(),
        mac: Some(mac),
        addresses: Vec::new(),
        fixed: false,
        unlogged: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{PolicySources, Profile};

    const PHONE: MacAddr = MacAddr([0x3c, 0x5a, 0xb4, 0x01, 0x3c, 0x21]);
    const PRIVATE: MacAddr = MacAddr([0x3e, 0x5a, 0xb4, 0x01, 0x00, 0x09]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn options(name: &str, mac: Option<MacAddr>, networks: &[(&str, u8)]) -> DeviceOptions {
        DeviceOptions {
            name: name.into(),
            mac,
            id: None,
            networks: networks.iter().map(|(address, length)| (ip(address), *length)).collect(),
            profile: None,
            tags: vec![],
            unlogged: false,
        }
    }

    fn assemble(configured: &[DeviceOptions], names: &[(DeviceId, String)], neighbours: &[(&str, MacAddr)]) -> Devices {
        let neighbours = neighbours.iter().map(|(address, mac)| (ip(address), *mac)).collect();
        Devices::assemble(configured, names, &neighbours, &Policy::default())
    }

    fn name_of<'a>(devices: &'a Devices, address: &str) -> &'a str {
        devices.identify(ip(address)).map_or("nobody", |device| &device.name)
    }

    #[test]
    fn two_addresses_with_one_mac_are_one_device() {
        let devices = assemble(&[], &[], &[("192.168.1.7", PHONE), ("fd00::7", PHONE), ("192.168.1.9", PRIVATE)]);
        let phone = devices.identify(ip("192.168.1.7")).unwrap();
        assert!(Arc::ptr_eq(phone, devices.identify(ip("fd00::7")).unwrap()));
        assert!(Arc::ptr_eq(phone, devices.find(&DeviceId::Mac(PHONE)).unwrap()));
        assert_eq!((phone.name.as_str(), phone.mac), ("Device 3c:21", Some(PHONE)));
        assert_eq!(phone.addresses, [ip("192.168.1.7"), ip("fd00::7")]);
        assert_eq!(name_of(&devices, "192.168.1.9"), "Private device 00:09");
        assert_eq!(name_of(&devices, "192.168.1.8"), "nobody");
        assert_eq!(devices.iter().count(), 2);
    }

    #[test]
    fn an_address_that_came_over_an_ipv6_socket_is_the_ipv4_address_it_is() {
        let devices = assemble(&[], &[], &[("192.168.1.7", PHONE)]);
        assert_eq!(name_of(&devices, "::ffff:192.168.1.7"), "Device 3c:21");
    }

    #[test]
    fn the_exact_address_wins_over_the_mac_over_the_network_over_the_unnamed() {
        let configured = [
            options("phone", Some(PHONE), &[]),
            options("printer", None, &[("192.168.1.5", 32)]),
            options("guests", None, &[("192.168.1.0", 24)]),
            options("lab", None, &[("192.168.1.128", 25)]),
        ];
        let neighbours =
            [("192.168.1.5", PHONE), ("192.168.1.6", PHONE), ("192.168.1.7", PRIVATE), ("10.0.0.7", PRIVATE)];
        let devices = assemble(&configured, &[], &neighbours);
        for (address, name) in [
            ("192.168.1.5", "printer"),
            ("192.168.1.6", "phone"),
            ("192.168.1.7", "guests"),
            ("192.168.1.8", "guests"),
            ("192.168.1.200", "lab"),
            ("10.0.0.7", "Private device 00:09"),
        ] {
            assert_eq!(name_of(&devices, address), name, "{address}");
        }
        assert_eq!(devices.find(&DeviceId::Named("guests".into())).unwrap().addresses, [ip("192.168.1.7")]);
    }

    #[test]
    fn a_device_configured_by_address_brings_the_other_addresses_of_its_mac() {
        let configured = [options("tv", None, &[("192.168.1.5", 32)])];
        let devices = assemble(&configured, &[], &[("192.168.1.5", PHONE), ("fe80::5", PHONE)]);
        assert_eq!(name_of(&devices, "fe80::5"), "tv");
        assert!(devices.find(&DeviceId::Mac(PHONE)).is_none());
    }

    #[test]
    fn the_page_names_what_the_file_does_not() {
        let named = |id: &str, name: &str| (id.parse::<DeviceId>().unwrap(), name.to_owned());
        let names = [
            named("mac-3c:5a:b4:01:3c:21", "Anna"),
            named("mac-3e:5a:b4:01:00:09", "Visitor"),
            named("ip-10.0.0.3", "Camera"),
            named("name-gone", "Gone"),
        ];
        let devices = assemble(&[options("phone", Some(PHONE), &[])], &names, &[("192.168.1.7", PHONE)]);
        assert_eq!(name_of(&devices, "192.168.1.7"), "phone");
        assert_eq!(devices.find(&DeviceId::Mac(PRIVATE)).unwrap().name, "Visitor");
        assert_eq!(name_of(&devices, "10.0.0.3"), "Camera");
        assert_eq!(devices.iter().count(), 3);
    }

    #[test]
    fn a_device_has_the_profile_of_its_name() {
        let profile = |name: &str| Profile { name: name.into(), lists: vec![] };
        let policy = Policy::compile(PolicySources {
            profiles: vec![profile("default"), profile("children")],
            ..PolicySources::default()
        });
        let mut tablet = options("tablet", Some(PHONE), &[]);
        tablet.profile = Some("children".into());
        let devices = Devices::assemble(&[tablet], &[], &HashMap::new(), &policy);
        assert_eq!(devices.find(&DeviceId::Mac(PHONE)).unwrap().profile, ProfileId(1));
    }
}
