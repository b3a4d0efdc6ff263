//! What is kept, for how long, and what is not: privacy, firsts, forgetting.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sordino::device::{DeviceOptions, Devices, Known};
use sordino::event::Event;
use sordino::policy::{DeviceId, Name};
use sordino::store::{EVERYONE, Filter, Keeping, Level, Options, Store};
use sordino::time::Timestamp;

use crate::files::files_with;
use crate::house::*;

fn record_with(options: Options, events: &[Event]) -> Arc<Store> {
    let running = Running::start(options, manual_clock().0);
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    running.stop()
}

fn files_below(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    files.sort();
    files
}

/// A query of a device that nobody else is mistaken for.
fn marked(device: &DeviceId, number: usize) -> Event {
    let mut event = household(1, 99).remove(0);
    event.device = device.clone();
    event.at = START.after(Duration::from_secs(number as u64));
    event.name = Name::parse(&format!("zqxjkvbp{number}.marker.example")).unwrap();
    event
}

#[test]
fn a_journal_in_memory_leaves_no_query_on_disk_and_the_tallies_there() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(40_000, 1);
    let options = Options { journal: Keeping::Memory, ..options(dir.path()) };
    let store = record_with(options.clone(), &events);
    assert_eq!(events_of(&store), events, "it is shown while sordino runs");
    assert_eq!(tallies(&store), count(&events));
    drop(store);
    let store = Store::open(options, manual_clock().0);
    assert!(events_of(&store).is_empty());
    assert_eq!(tallies(&store), count(&events), "tallies stay");
}

#[test]
fn with_tallies_in_memory_too_nothing_is_written_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(3_000, 2);
    let options = Options { journal: Keeping::Memory, tallies: Keeping::Memory, ..options(dir.path()) };
    let store = record_with(options, &events);
    assert_eq!(consistent(&store), events);
    assert_eq!(store.health().problem, None);
    assert_eq!(files_below(dir.path()), ["layout", "lock"]);
}

#[test]
fn counts_in_memory_are_bounded_and_the_oldest_hours_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, tallies) = (Keeping::Off, Keeping::Memory);
    let options = Options { journal, tallies, counts_in_memory: 4_000, ..options(dir.path()) };
    let mut events: Vec<Event> = household(60_000, 5);
    // Three days of them, and a stranger for every tenth.
    for (number, event) in events.iter_mut().enumerate() {
        event.at = START.after(Duration::from_secs(number as u64 * 4));
        if number % 10 == 0 {
            event.device = DeviceId::Address([10, 0, (number >> 8) as u8, number as u8].into());
        }
    }
    let store = record_with(options, &events);
    let sums = crate::house::tallies(&store);
    let (counted, uncounted) = (sums.values().sum::<u64>(), store.health().uncounted);
    assert!(uncounted > 0 && sums.len() <= 4_000, "{uncounted} uncounted, {} counts", sums.len());
    assert_eq!(counted + uncounted, 60_000, "each question is counted or said to be dropped");
    // The hours that are left are whole.
    let oldest = sums.keys().map(|(_, hour, ..)| *hour).min().unwrap();
    assert_eq!(sums, count(events.iter().filter(|event| event.at.hour() >= oldest)));
    assert!(store.firsts(&Devices::default(), None, Timestamp::default()).len() <= 4_000);
    assert!(store.devices(&Devices::default()).len() <= 4_000);
}

#[test]
fn a_journal_that_is_off_shows_no_query_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(3_000, 3);
    let store = record_with(Options { journal: Keeping::Off, ..options(dir.path()) }, &events);
    assert!(events_of(&store).is_empty());
    assert_eq!(tallies(&store), count(&events));
}

#[test]
fn each_level_keeps_what_it_says_and_no_more() {
    let events = household(2_000, 4);
    let everyone = DeviceId::Named(EVERYONE.into());
    for level in [Level::Names, Level::Counts, Level::Nothing] {
        let dir = tempfile::tempdir().unwrap();
        let store = record_with(Options { level, ..options(dir.path()) }, &events);
        let kept = events_of(&store);
        let mut sums = tallies(&store);
        match level {
            Level::Names => {
                assert_eq!(kept.len(), events.len());
                assert!(kept.iter().all(|event| event.device == everyone && event.address.is_unspecified()));
                assert!(kept.iter().zip(&events).all(|(kept, event)| kept.name == event.name));
            }
            Level::Counts => {
                assert!(kept.is_empty());
                assert!(sums.keys().all(|(device, _, name, _)| *device == everyone && name.as_ref().is_root()));
                assert_eq!(sums.values().sum::<u64>(), 2_000);
            }
            _ => {
                assert!(kept.is_empty() && sums.is_empty());
                assert_eq!(files_below(dir.path()), ["layout", "lock"]);
            }
        }
        sums.retain(|(device, ..), _| *device != everyone);
        assert!(sums.is_empty(), "nobody is told apart");
    }
}

/// Nothing is kept of what 192.168.1.10 asks.
pub(crate) fn with_one_that_is_not_logged() -> Devices {
    let quiet = DeviceOptions {
        name: "quiet".into(),
        mac: None,
        id: None,
        networks: vec![([192, 168, 1, 10].into(), 32)],
        profile: None,
        tags: vec![],
        unlogged: true,
    };
    Devices::assemble(&Known { configured: &[quiet], ..Known::default() }, &Default::default())
}

#[test]
fn a_device_that_is_not_logged_is_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let devices = with_one_that_is_not_logged();
    let events: Vec<Event> = household(2_000, 5)
        .into_iter()
        .map(|event| {
            let device =
                devices.identify(event.address).map_or_else(|| event.device.clone(), |device| device.id.clone());
            Event { device, ..event }
        })
        .collect();
    let quiet = |event: &&Event| event.address == std::net::IpAddr::from([192, 168, 1, 10]);
    assert!(events.iter().any(|event| quiet(&event)));
    let running = Running::start_with(options(dir.path()), manual_clock().0, devices);
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    let store = running.stop();
    let rest: Vec<Event> = events.iter().filter(|event| !quiet(event)).cloned().collect();
    assert_eq!(consistent(&store), rest);
}

#[test]
fn a_forgotten_device_leaves_no_byte_behind() {
    for days in [1, 3] {
        let dir = tempfile::tempdir().unwrap();
        let (clock, millis) = manual_clock();
        let gone = ["zqxjkvbp-device", "another-zqxjkvbp"].map(|name| DeviceId::Named(name.into()));
        let joined = [(gone[1].clone(), gone[0].clone())];
        let devices =
            || Devices::assemble(&Known { joined: &joined, ..Known::default() }, &sordino::policy::Policy::default());
        let mut all = Vec::new();
        for day in 0..days {
            let mut events = household(1_500, day);
            events.extend((0..80).map(|number| marked(&gone[number % 2], number)));
            let shift = Duration::from_secs(day * 86_400);
            events.iter_mut().for_each(|event| event.at = event.at.after(shift));
            drop(record_at(dir.path(), &events, clock.clone()));
            all.extend(events);
            if day + 1 < days {
                turn(&millis, 24 * HOUR);
            }
        }
        assert!(!files_with(dir.path(), b"zqxjkvbp").is_empty(), "the marker can be found while it is there");

        // What is in memory only is forgotten too, whichever identity is named.
        let mut running = Running::start_with(options(dir.path()), clock.clone(), devices());
        gone.iter().for_each(|gone| running.sink.hand_over(marked(gone, 77)));
        running.taken(2);
        running.store.forget(&devices(), Some(&gone[1])).unwrap();
        let store = running.stop();
        assert_eq!(store.health().problem, None);
        all.retain(|event| !gone.contains(&event.device));
        assert_eq!(consistent(&store), all);
        assert!(store.devices(&Devices::default()).iter().all(|(device, ..)| !gone.contains(device)));
        assert!(store.firsts(&devices(), Some(&gone[0]), Timestamp::default()).is_empty());
        drop(store);
        assert_eq!(files_with(dir.path(), b"zqxjkvbp"), Vec::<PathBuf>::new());
        assert_eq!(consistent(&Store::open(options(dir.path()), clock)), all);
    }
}

#[test]
fn everything_can_be_forgotten_and_recording_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let device = DeviceId::Named("zqxjkvbp-device".into());
    drop(record(dir.path(), &(0..60).map(|number| marked(&device, number)).collect::<Vec<_>>()));
    let damaged = dir.path().join("days.damaged-1");
    fs::create_dir(&damaged).unwrap();
    fs::write(damaged.join("db"), "zqxjkvbp").unwrap();
    let mut running = Running::start(options(dir.path()), manual_clock().0);
    running.store.forget(&Devices::default(), None).unwrap();
    assert!(consistent(&running.store).is_empty());
    assert_eq!(files_with(dir.path(), b"zqxjkvbp"), Vec::<PathBuf>::new());
    let events = household(500, 1);
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    running.taken(events.len());
    let store = running.stop();
    assert_eq!(consistent(&store), events);
    drop(store);
    assert_eq!(consistent(&reopen(dir.path())), events);
}

#[test]
fn forgetting_that_was_cut_short_is_done_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let gone = DeviceId::Named("zqxjkvbp-device".into());
    let mut events = household(300, 1);
    events.extend((0..40).map(|number| marked(&gone, number)));
    drop(record(dir.path(), &events));
    let other = events[0].device.clone();
    // As it was written before devices could be joined, and as it is now.
    for (intent, gone) in [(gone.to_string(), &gone), (format!("[\"{other}\",\"name-nobody\"]"), &other)] {
        fs::write(dir.path().join("forgetting"), intent).unwrap();
        let store = reopen(dir.path());
        events.retain(|event| event.device != *gone);
        assert_eq!(consistent(&store), events);
        drop(store);
        assert_eq!(files_with(dir.path(), b"zqxjkvbp"), Vec::<PathBuf>::new());
    }
}

#[test]
fn firsts_are_known_for_longer_than_the_journal_and_by_device() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, millis) = manual_clock();
    let (tv, phone) = (DeviceId::Named("tv".into()), DeviceId::Named("phone".into()));
    let ask = |device: &DeviceId, name: &str, at: Timestamp| {
        let mut event = household(1, 1).remove(0);
        (event.device, event.name, event.at) = (device.clone(), Name::parse(name).unwrap(), at);
        event
    };
    let options = Options { keep_queries: 2 * 24 * HOUR, ..options(dir.path()) };
    for day in 0..6 {
        let now = clock.now();
        let mut events = vec![ask(&tv, "always.example", now), ask(&tv, "always.example", now.after(HOUR))];
        if day == 4 {
            events.push(ask(&tv, "new.example", now.after(HOUR)));
            events.push(ask(&phone, "always.example", now.after(HOUR)));
        }
        let running = Running::start(options.clone(), clock.clone());
        events.into_iter().for_each(|event| running.sink.hand_over(event));
        running.stop();
        turn(&millis, 24 * HOUR);
    }
    let store = Store::open(options, clock);
    assert!(events_of(&store)[0].at > START, "the journal has forgotten the first day");
    let firsts = store.firsts(&Devices::default(), None, Timestamp::default());
    let row = |device: &DeviceId, name: &str| {
        let name = Name::parse(name).unwrap();
        firsts.iter().find(|first| first.device == *device && first.name == name).unwrap()
    };
    let day = |number: u64| START.after(Duration::from_secs(number * 86_400));
    let always = row(&tv, "always.example");
    assert_eq!((always.first, always.last, always.new_in_house), (day(0), day(5).after(HOUR), true));
    assert!(row(&tv, "new.example").new_in_house);
    assert!(!row(&phone, "always.example").new_in_house, "the television asked it before");
    let new: Vec<String> =
        store.firsts(&Devices::default(), Some(&tv), day(4)).iter().map(|first| first.name.to_string()).collect();
    assert_eq!(new, ["new.example"]);
}

#[test]
fn terms_are_combined_and_can_be_turned_round() {
    use sordino::store::{LabelTest, NameMatch, Term, What};
    let dir = tempfile::tempdir().unwrap();
    let events = household(5_000, 6);
    let store = record(dir.path(), &events);
    let term = |exclude, what| Term { exclude, what };
    type Check = Box<dyn Fn(&Event) -> bool>;
    let cases: Vec<(Filter, Check)> = vec![
        (
            Filter { terms: vec![term(false, What::Qtype(vec![28, 65]))], ..Filter::default() },
            Box::new(|event| event.qtype != 1),
        ),
        (
            Filter {
                terms: vec![
                    term(true, What::Rcode(vec![3])),
                    term(false, What::List(vec!["xiaomi".into()])),
                    term(false, What::Name(vec![NameMatch::Subtree("xiaomi.example".into())])),
                ],
                ..Filter::default()
            },
            Box::new(|event| event.rcode != 3 && event.list.as_deref() == Some("xiaomi")),
        ),
        (
            Filter {
                terms: vec![term(
                    false,
                    What::Name(vec![NameMatch::Pattern(regex::Regex::new("^api[0-4]\\.").unwrap())]),
                )],
                ..Filter::default()
            },
            Box::new(|event| (0..5).any(|number| event.name.to_string().starts_with(&format!("api{number}.")))),
        ),
        (
            Filter {
                terms: vec![term(true, What::Upstream(vec!["udp://127.0.0.1:5353".into()]))],
                ..Filter::default()
            },
            Box::new(|event| event.upstream.is_none()),
        ),
        (
            Filter {
                labels: Some(LabelTest {
                    label: Arc::new(|name| name.to_string().contains("icloud").then_some(true)),
                    unlabelled: false,
                }),
                ..Filter::default()
            },
            Box::new(|event| event.name.to_string().contains("icloud")),
        ),
    ];
    for (filter, wanted) in cases {
        let found: Vec<_> = store
            .events(&Devices::default(), &filter, None, 10_000)
            .events
            .into_iter()
            .map(|(_, event)| event)
            .collect();
        let plain: Vec<_> = events.iter().rev().filter(|event| wanted(event)).cloned().collect();
        assert!(!plain.is_empty());
        assert_eq!(found, plain, "{filter:?}");
    }
}
