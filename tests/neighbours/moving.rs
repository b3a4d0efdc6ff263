//! Addresses come and go; devices stay who they are.

use std::time::Instant;

use serde_json::Value;

use crate::house::{House, PHONE, ip};
use crate::support::{PATIENCE, until};

const OTHER: &str = "02:00:5e:10:00:99";

fn muted(devices: &[Value], id: &str) -> u64 {
    devices.iter().find(|device| device["id"] == id).map_or(0, |device| device["muted"].as_u64().unwrap())
}

#[test]
fn a_phone_with_ipv4_link_local_and_two_privacy_addresses_that_rotate_is_one_device_with_one_history() {
    let Some(house) = House::build() else { return };
    let sordino = house.start();
    let jar = house.log_in(&sordino);
    let link_local = {
        let output = ip(&["-n", &house.phone, "-6", "-o", "address", "show", "dev", "lan", "scope", "link"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().find_map(|word| word.strip_suffix("/64")).unwrap().to_owned()
    };
    house.ask("10.77.0.2", "10.77.0.1");
    // With no other address of the family the link-local one is what it asks from (RFC 6724 §5).
    for words in [
        &["address", "del", "fd77::2/64", "dev", "lan"][..],
        &["address", "del", "fd77::7ea5:1/64", "dev", "lan"],
        &["-6", "route", "replace", "fd77::/64", "dev", "lan"],
    ] {
        assert!(ip(&[&["-n", &house.phone], words].concat()).status.success(), "ip {words:?}");
    }
    let output = house.on_phone(&["dig", "+short", "+tries=1", "@fd77::1", "ads.example"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0.0.0.0", "{output:?}");
    for day in 1..=3 {
        let addresses = [format!("fd77::aaaa:{day}"), format!("fd77::bbbb:{day}")];
        for address in &addresses {
            let added = ["-n", &house.phone, "address", "add", &format!("{address}/64"), "dev", "lan", "nodad"];
            assert!(ip(&added).status.success());
            house.ask(address, "fd77::1");
        }
        for address in &addresses {
            let gone = ["-n", &house.phone, "address", "del", &format!("{address}/64"), "dev", "lan"];
            assert!(ip(&gone).status.success());
        }
    }
    let devices = until("all of it with one device", || {
        let devices = house.devices(&jar);
        (devices.len() == 1 && devices[0]["muted"] == 8).then_some(devices)
    });
    assert_eq!(devices[0]["id"], format!("mac-{PHONE}"));
    assert!(devices[0]["addresses"].as_array().unwrap().contains(&Value::from(link_local)), "{}", devices[0]);
    let journal = house.fetch(&jar, &format!("/queries?device=mac-{PHONE}"));
    assert_eq!(journal["events"].as_array().map(Vec::len), Some(8), "one history");
}

#[test]
fn an_address_that_another_device_gets_is_that_device_from_then_on() {
    let Some(house) = House::build() else { return };
    let sordino = house.start();
    let jar = house.log_in(&sordino);
    let phone = house.phone.as_str();
    assert!(ip(&["-n", phone, "address", "add", "10.77.0.50/24", "dev", "lan"]).status.success());
    house.ask("10.77.0.50", "10.77.0.1");
    until("the first device", || (muted(&house.devices(&jar), &format!("mac-{PHONE}")) == 1).then_some(()));
    // Another device comes and is given both addresses; the page is looked at from the other one. Like any device that
    // joins, it says who it is with each of them (RFC 5227 §2.3). Without that the server goes on sending what is for the
    // page's address to the first device for up to a minute: it notices a cable that was out for less than a second only
    // now and then, and asks nobody whom it heard from a moment ago.
    let announce = ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/lan/arp_notify"];
    let announced = house.on_phone(&announce);
    assert!(announced.status.success(), "{announced:?}");
    for words in
        [&["link", "set", "lan", "down"][..], &["link", "set", "lan", "address", OTHER], &["link", "set", "lan", "up"]]
    {
        assert!(ip(&[&["-n", phone], words].concat()).status.success(), "ip {words:?}");
    }
    let id = format!("mac-{OTHER}");
    let (begin, mut tries) = (Instant::now(), Vec::new());
    loop {
        let words = ["dig", "+short", "+tries=1", "+time=1", "-b", "10.77.0.50", "@10.77.0.1", "ads.example"];
        let answer = house.on_phone(&words);
        let devices = house.devices(&jar);
        if muted(&devices, &id) > 0 {
            break;
        }
        tries.push(format!(
            "after {:?} dig said {:?}, and the page {:?}",
            begin.elapsed(),
            String::from_utf8_lossy(&answer.stdout).trim(),
            devices.iter().map(|device| (&device["id"], &device["muted"])).collect::<Vec<_>>()
        ));
        assert!(begin.elapsed() < PATIENCE, "no second device:\n{}\n{}", tries.join("\n"), house.beliefs());
    }
    let before = house.devices(&jar);
    let (first, second) = (muted(&before, &format!("mac-{PHONE}")), muted(&before, &id));
    (0..3).for_each(|_| house.ask("10.77.0.50", "10.77.0.1"));
    let after = until("what the second device asked", || {
        let devices = house.devices(&jar);
        (muted(&devices, &id) == second + 3).then_some(devices)
    });
    assert_eq!(muted(&after, &format!("mac-{PHONE}")), first, "the first device keeps its history and gets no more");
}
