//! One device has many addresses and one MAC: told by the kernel's neighbour table, in network namespaces of the test's own.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says why it is skipped

#[path = "neighbours/house.rs"]
mod house;
#[path = "neighbours/moving.rs"]
mod moving;
#[path = "neighbours/multicast.rs"]
mod multicast;
#[path = "neighbours/routers.rs"]
mod routers;
#[path = "neighbours/silence.rs"]
mod silence;
mod support;

use house::{House, PHONE, ip};
use serde_json::Value;
use support::until;

#[test]
fn a_phone_with_three_addresses_is_one_device() {
    let Some(house) = House::build() else { return };
    let sordino = house.start();
    for (from, server) in [("10.77.0.2", "10.77.0.1"), ("fd77::2", "fd77::1"), ("fd77::7ea5:1", "fd77::1")] {
        house.ask(from, server);
    }
    let jar = house.log_in(&sordino);
    let devices = until("one device with three addresses", || {
        let devices = house.devices(&jar);

        let whole = |device: &Value| device["addresses"].as_array().is_some_and(|known| known.len() == 3);
        (devices.len() == 1 && whole(&devices[0])).then_some(devices)
    });
    let phone = &devices[0];
    assert_eq!(phone["id"], format!("mac-{PHONE}"));
    assert_eq!((&phone["muted"], &phone["random_mac"]), (&3.into(), &true.into()), "{phone}");
    assert_eq!(phone["name"], "Private device 00:01");
}

#[test]
fn an_address_made_up_for_a_day_is_the_same_phone_and_its_history_stays() {
    let Some(house) = House::build() else { return };
    let sordino = house.start();
    let jar = house.log_in(&sordino);
    for day in 1..=3 {
        let address = format!("fd77::aaaa:{day}");
        assert!(
            ip(&["-n", &house.phone, "address", "add", &format!("{address}/64"), "dev", "lan", "nodad"])
                .status
                .success()
        );
        house.ask(&address, "fd77::1");
        assert!(ip(&["-n", &house.phone, "address", "del", &format!("{address}/64"), "dev", "lan"]).status.success());
    }
    let devices = until("all three days with one device", || {
        let devices = house.devices(&jar);
        (devices.len() == 1 && devices[0]["muted"] == 3).then_some(devices)
    });
    assert_eq!(devices[0]["id"], format!("mac-{PHONE}"));
    let page = house.fetch(&jar, &format!("/devices/mac-{PHONE}"));
    let said = page["facts"].as_array().unwrap().iter().filter(|fact| fact["source"] == "neighbours").count();
    assert!(said >= 3, "{page}");
}

#[test]
fn behind_a_second_router_a_lease_or_the_address_itself_tells_the_device() {
    let Some(house) = House::build() else { return };
    // The phone's cable leads to a router; behind it things ask with addresses that no neighbour has.
    for words in [
        &["-n", &house.phone, "address", "add", "10.88.0.5/32", "dev", "lo"][..],
        &["-n", &house.phone, "address", "add", "fd88::3e5a:b4ff:fe01:3c21/128", "dev", "lo"],
        &["-n", &house.phone, "link", "set", "lo", "up"],
        &["-n", &house.server, "route", "add", "10.88.0.0/24", "via", "10.77.0.2"],
        &["-n", &house.server, "route", "add", "fd88::/64", "via", "fd77::2"],
    ] {
        assert!(ip(words).status.success(), "ip {words:?}");
    }
    let files = tempfile::tempdir().unwrap();
    let leases = files.path().join("dnsmasq.leases");
    std::fs::write(&leases, "0 3c:5a:b4:01:3c:21 10.88.0.5 bedroom-tv *\n").unwrap();
    let sordino = house.start_with(&[leases.to_str().unwrap()]);
    let jar = house.log_in(&sordino);
    house.ask("10.88.0.5", "10.77.0.1");
    house.ask("fd88::3e5a:b4ff:fe01:3c21", "fd77::1");
    let devices = until("one device by its lease and its address", || {
        let devices = house.devices(&jar);
        (devices.len() == 1 && devices[0]["muted"] == 2).then_some(devices)
    });
    assert_eq!((&devices[0]["id"], &devices[0]["name"]), (&"mac-3c:5a:b4:01:3c:21".into(), &"bedroom-tv".into()));
    // The lease moves to another device; what it asks from now on is its own.
    std::fs::write(&leases, "0 3c:5a:b4:01:3c:99 10.88.0.5 kitchen-radio *\n").unwrap();
    let radio = until("the radio at the address that was the television's", || {
        house.ask("10.88.0.5", "10.77.0.1");
        house.devices(&jar).into_iter().find(|device| device["name"] == "kitchen-radio")
    });
    assert_eq!(radio["id"], "mac-3c:5a:b4:01:3c:99");
}
