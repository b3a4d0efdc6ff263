use super::*;
use crate::device::Source;
use crate::policy::{PolicySources, Profile};
use crate::time::Timestamp;

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
    let facts: Vec<Fact> =
        neighbours.iter().map(|(address, mac)| fact(address, Some(*mac), None, Source::Neighbours)).collect();
    Devices::assemble(&Known { configured, names, facts: &facts, ..Known::default() }, &Policy::default())
}

fn fact(address: &str, mac: Option<MacAddr>, name: Option<&str>, source: Source) -> Fact {
    let since = Timestamp::default();
    Fact { mac, name: name.map(str::to_owned), ..Fact::of(ip(address), source, since) }
}

fn from_facts(facts: &[Fact]) -> Devices {
    Devices::assemble(&Known { facts, ..Known::default() }, &Policy::default())
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
    let neighbours = [("192.168.1.5", PHONE), ("192.168.1.6", PHONE), ("192.168.1.7", PRIVATE), ("10.0.0.7", PRIVATE)];
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
    let facts = [fact("10.0.0.9", Some(PRIVATE), None, Source::Lease)];
    let known = Known { configured: &[tablet], facts: &facts, newcomers: ProfileId(1), ..Known::default() };
    let devices = Devices::assemble(&known, &policy);
    assert_eq!(devices.find(&DeviceId::Mac(PHONE)).unwrap().profile, ProfileId(1));
    assert_eq!(devices.find(&DeviceId::Mac(PRIVATE)).unwrap().profile, ProfileId(1));
}

#[test]
fn a_lease_names_a_device_and_gives_way_to_what_the_kernel_saw() {
    let devices = from_facts(&[
        fact("192.168.1.7", Some(PHONE), Some("annas-phone"), Source::Lease),
        fact("192.168.1.8", Some(PHONE), Some("annas-phone"), Source::Lease),
        fact("192.168.1.8", Some(PRIVATE), None, Source::Neighbours),
        fact("192.168.1.5", None, Some("printer"), Source::Hosts),
    ]);
    assert_eq!(name_of(&devices, "192.168.1.7"), "annas-phone");
    // The address has moved on; the old lease says nothing about its new user.
    let visitor = devices.identify(ip("192.168.1.8")).unwrap();
    assert_eq!((visitor.name.as_str(), visitor.facts.len()), ("Private device 00:09", 1));
    assert_eq!(name_of(&devices, "192.168.1.5"), "printer");
    assert_eq!(devices.find(&DeviceId::Mac(PHONE)).unwrap().facts.len(), 1);
}

#[test]
fn an_address_with_a_known_hardware_address_in_it_is_that_device() {
    let devices = from_facts(&[fact("192.168.1.7", Some(PHONE), None, Source::Neighbours)]);
    assert_eq!(name_of(&devices, "2001:db8::3e5a:b4ff:fe01:3c21"), "Device 3c:21");
    assert_eq!(Device::nameless(ip("2001:db8::3e5a:b4ff:fe01:3c22")).id.to_string(), "mac-3c:5a:b4:01:3c:22");
}

#[test]
fn what_the_operator_joins_is_one_device_and_what_he_splits_off_another() {
    let facts = [
        fact("192.168.1.7", Some(PHONE), None, Source::Neighbours),
        fact("fd00::7", Some(PRIVATE), None, Source::Neighbours),
        fact("192.168.1.8", Some(PHONE), None, Source::Neighbours),
    ];
    let joined = [(DeviceId::Mac(PRIVATE), DeviceId::Mac(PHONE))];
    let split = [ip("192.168.1.8")];
    let known = Known { facts: &facts, joined: &joined, split: &split, ..Known::default() };
    let devices = Devices::assemble(&known, &Policy::default());
    let phone = devices.find(&DeviceId::Mac(PRIVATE)).unwrap();
    assert_eq!((&phone.id, phone.addresses.len()), (&DeviceId::Mac(PHONE), 2));
    assert!(Arc::ptr_eq(phone, devices.identify(ip("fd00::7")).unwrap()));
    assert_eq!(devices.identify(ip("192.168.1.8")).unwrap().id, DeviceId::Address(ip("192.168.1.8")));
    // Undone, all is as it was; a chain that bites its tail joins nothing.
    let known = Known { facts: &facts, ..Known::default() };
    assert_eq!(Devices::assemble(&known, &Policy::default()).iter().count(), 2);
    let tail = [joined[0].clone(), (DeviceId::Mac(PHONE), DeviceId::Mac(PRIVATE))];
    let known = Known { facts: &facts, joined: &tail, ..Known::default() };
    assert_eq!(Devices::assemble(&known, &Policy::default()).iter().count(), 2);
}

#[test]
fn what_is_joined_is_known_by_what_stands_in_its_address_and_while_it_is_away() {
    let router = MacAddr([0x3c, 0x5a, 0xb4, 0x01, 0x3c, 0x22]);
    let (away, elsewhere) = (DeviceId::Address(ip("192.168.1.30")), DeviceId::Address(ip("192.168.1.31")));
    let phone = DeviceId::Mac(PHONE);
    let joined = [&DeviceId::Mac(router), &away, &elsewhere].map(|member| (member.clone(), phone.clone()));
    let facts = [
        fact("192.168.1.7", Some(PHONE), None, Source::Neighbours),
        fact("192.168.1.31", Some(PRIVATE), None, Source::Neighbours),
    ];
    let devices = Devices::assemble(&Known { facts: &facts, joined: &joined, ..Known::default() }, &Policy::default());
    let who = |address: &str| devices.identify(ip(address)).map(|device| device.id.clone());
    assert_eq!(who("2001:db8::3e5a:b4ff:fe01:3c22"), Some(phone.clone()), "behind a router, by its MAC");
    assert_eq!(who("192.168.1.30"), Some(phone.clone()), "nobody else has its address");
    assert_eq!(who("192.168.1.31"), Some(DeviceId::Mac(PRIVATE)), "its address is another's by now");
    let strangers = [(elsewhere.clone(), away.clone())];
    let alone = Devices::assemble(&Known { joined: &strangers, ..Known::default() }, &Policy::default());
    assert_eq!(
        alone.identify(ip("192.168.1.30")).unwrap().joined,
        std::slice::from_ref(&elsewhere),
        "the main one is away too"
    );
    let of = |id: &DeviceId| devices.identities(id).cloned().collect::<Vec<_>>();
    let all = [phone.clone(), DeviceId::Mac(router), away.clone(), elsewhere];
    assert_eq!((of(&phone), of(&away)), (all.to_vec(), all.to_vec()));
    let stranger = DeviceId::Named("nobody".into());
    assert_eq!(of(&stranger), [stranger]);
}
