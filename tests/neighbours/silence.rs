//! A device that is there and asks for nothing may use another resolver: that is told.

use crate::house::House;
use crate::support::until;

#[test]
fn who_is_there_and_asks_for_nothing_is_told_until_it_asks_again() {
    let Some(house) = House::build() else { return };
    let sordino = house.setup().set("house", "silent_after", "\"3s\"").start();
    let jar = house.log_in(&sordino);
    house.ask("10.77.0.2", "10.77.0.1");
    // The page is looked at from the phone: it is there, and the kernel knows.
    let silent = until("a silent phone", || {
        let device = house.devices(&jar).into_iter().find(|device| device["silent_since"].is_u64())?;
        Some(device)
    });
    assert_eq!(silent["silent_since"], silent["last_seen"], "{silent}");
    let status = house.fetch(&jar, "/status");
    let told = status["problems"].as_array().unwrap().iter().find(|problem| problem["kind"] == "silent");
    let text = told.unwrap()["text"].as_str().unwrap();
    assert!(text.contains(silent["name"].as_str().unwrap()) && text.contains("another resolver"), "{text}");
    house.ask("10.77.0.2", "10.77.0.1");
    until("the phone asks again", || {
        let devices = house.devices(&jar);
        (!devices.is_empty() && devices.iter().all(|device| device["silent_since"].is_null())).then_some(())
    });
}
