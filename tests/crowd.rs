//! A hundred thousand addresses: memory stays bounded, and the top lists right.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says what it measured

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use support::client::Udp;
use support::forwarder::Forwarder;
use support::sordino::{Setup, Sordino};
use support::until;
use support::wire::{A, query};

/// Addresses that ask once each.
const CROWD: u32 = 100_000;
/// Devices that ask more than anyone of the crowd: the first 40 times as many as it has tenths of thousands, and so on.
const REGULARS: u32 = 10;
const EACH: u32 = 40;

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits((127 << 24) + (1 << 16) + number)
}

fn ask(sordino: &Sordino, from: Ipv4Addr, name: &str) {
    let client = Udp::from(SocketAddr::from((from, 0)), sordino.dns());
    client.ask(&query(name, A));
}

#[test]
fn a_hundred_thousand_addresses_leave_memory_bounded_and_the_top_lists_right() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "||ads.example^\n").start();
    let regulars: Vec<Ipv4Addr> = (0..REGULARS).map(|number| Ipv4Addr::new(127, 0, 1, number as u8 + 1)).collect();
    let mut halfway = 0;
    for number in 0..CROWD {
        ask(&sordino, address(number), "crowd.ads.example");
        // Spread over the whole time: who is dropped for room would be dropped with the crowd.
        if number % (CROWD / EACH) == 0 {
            for (place, regular) in regulars.iter().enumerate() {
                (0..=place).for_each(|_| ask(&sordino, *regular, &format!("r{place}.ads.example")));
            }
        }
        if number == CROWD / 2 {
            halfway = sordino.resident();
        }
    }
    let end = sordino.resident();
    println!("{CROWD} addresses: {halfway} KiB after the first half, {end} KiB after the second");
    let rest = sordino.rest();
    let regular_total: u64 = (1..=u64::from(REGULARS)).sum::<u64>() * u64::from(EACH);
    let all = u64::from(CROWD) + regular_total;
    let overview = until("all of it counted", || {
        let overview = rest.read("/api/v1/overview");
        (overview["totals"]["muted"].as_u64()? >= all).then_some(overview)
    });
    assert_eq!(overview["totals"]["muted"], all, "nothing is counted twice");
    let close = |found: &serde_json::Value, expected: u64, what: &str| {
        let found = found.as_u64().unwrap();
        assert!(found.abs_diff(expected) * 20 <= expected, "{what}: {found} in place of {expected}");
    };
    let devices = overview["devices"].as_array().unwrap();
    let names = overview["top_names"].as_array().unwrap();
    assert_eq!(names[0]["name"], "crowd.ads.example");
    close(&names[0]["muted"], u64::from(CROWD), "the name of the crowd");
    for (place, regular) in regulars.iter().enumerate() {
        let (expected, rank) = ((place as u64 + 1) * u64::from(EACH), REGULARS as usize - 1 - place);
        assert_eq!(devices[rank]["id"], format!("ip-{regular}"), "device of rank {rank}");
        close(&devices[rank]["muted"], expected, "a regular");
        assert_eq!(names[rank + 1]["name"], format!("r{place}.ads.example"));
        close(&names[rank + 1]["muted"], expected, "the name of a regular");
    }
    assert!(devices.len() < 2_000, "a page is no telephone book");
    let mut listed = serde_json::Value::Null;
    for path in ["/api/v1/overview", "/api/v1/devices"] {
        let begin = std::time::Instant::now();
        listed = rest.read(path);
        println!("{path}: {:?}", begin.elapsed());
    }
    assert!(listed.as_array().unwrap().len() <= 2_000, "nor is the list of devices");
    // Whoever comes after the first fifty thousand costs next to nothing.
    assert!(end < halfway + 32 * 1024, "{halfway} KiB, then {end} KiB");
}
