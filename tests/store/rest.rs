//! How seldom the disk is written to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sordino::event::Event;
use sordino::policy::DeviceId;
use sordino::store::Options;
use sordino::time::Clock;

use crate::house::*;
use crate::keeping::with_one_that_is_not_logged;

/// Every file below `dir`, with its length and when it was last written to.
fn written(dir: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let (path, about) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
        if about.is_dir() {
            files.extend(written(&path));
        } else {
            files.push((path, about.len(), about.modified().unwrap()));
        }
    }
    files.sort();
    files
}

/// The recorder is kept awake by a device of which nothing is kept, for a hundred times as long as a flush waits, and
/// through twenty hours of the clock on the wall.
#[test]
fn what_was_asked_is_flushed_once_and_a_silent_house_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let defaults = Options::at(dir.path().to_owned());
    assert!(Duration::from_secs(3_600).as_secs() / defaults.flush.as_secs() <= 10, "flushes of an hour");
    let flush = Duration::from_millis(20);
    let (clock, millis) = manual_clock();
    // From the first hour of a day, so that it stays one day.
    millis.store(START.millis() / 86_400_000 * 86_400_000, std::sync::atomic::Ordering::Relaxed);
    let options = Options { flush, ..defaults };
    let running = Running::start_narrow(options, clock, with_one_that_is_not_logged(), 1);
    let unlogged = Event {
        address: [192, 168, 1, 10].into(),
        device: DeviceId::Named("quiet".into()),
        ..household(1, 3).remove(0)
    };
    let awake = |times: usize| {
        let begin = std::time::Instant::now();
        let mut sent = 0;
        while sent < times || begin.elapsed() < flush * 5 {
            running.sink.hand_over_waiting(unlogged.clone()).unwrap();
            sent += 1;
        }
    };
    awake(10);
    assert_eq!(running.store.health().flushes, 0, "nobody asked");
    assert!(!dir.path().join("days/00000001").exists());
    household(200, 4).into_iter().for_each(|event| running.sink.hand_over_waiting(event).unwrap());
    let begin = std::time::Instant::now();
    while running.store.health().unflushed > 0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", running.store.health());
        awake(1);
    }
    let (flushes, before) = (running.store.health().flushes, written(dir.path()));
    assert!(flushes > 0);
    for _ in 0..20 {
        turn(&millis, HOUR);
        awake(5);
    }
    assert_eq!(running.store.health().flushes, flushes, "nobody asked any more");
    assert_eq!(written(dir.path()), before);
}

/// One that asks in the moment in which a flush is due puts it off for its name, and does not make two of it.
#[test]
fn a_stranger_in_the_moment_of_a_flush_makes_no_second_one() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { flush: Duration::from_millis(20), ..Options::at(dir.path().to_owned()) };
    let running = Running::start(options, Clock::System);
    let events: Vec<Event> =
        household(50, 5).into_iter().map(|event| Event { at: Clock::System.now(), ..event }).collect();
    let address = std::net::IpAddr::from([192, 0, 2, 7]);
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    running.sink.hand_over(Event { device: DeviceId::Address(address), address, ..events[0].clone() });
    let begin = std::time::Instant::now();
    while running.store.health().flushes == 0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", running.store.health());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(running.store.health().unflushed, 0, "the first flush has all of it");
    assert_eq!(running.stop().health().flushes, 1);
}
