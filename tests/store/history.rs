//! What was recorded is there again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sordino::device::Devices;
use sordino::event::Event;
use sordino::policy::{DeviceId, GuardId, Verdict};
use sordino::store::{Filter, MAX_BLOCK_EVENTS, Options, Settings, Store};
use sordino::time::{Clock, Timestamp};

use crate::house::*;

#[test]
fn a_restart_shows_the_same_history() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(3_000, 1);
    let store = record(dir.path(), &events);
    assert_eq!(consistent(&store), events);
    let (devices, hits) = (store.devices(&Devices::default()), store.list_hits(START.hour()));
    assert!(devices.len() > 5 && hits.len() > 3, "{devices:?} {hits:?}");
    drop(store);

    let store = reopen(dir.path());
    assert_eq!(store.health().problem, None);
    assert_eq!(store.health().unflushed, 0);
    assert_eq!(consistent(&store), events);
    assert_eq!(store.devices(&Devices::default()), devices);
    assert_eq!(store.list_hits(START.hour()), hits);
    let listed = events.iter().filter(|event| event.list.is_some()).count() as u64;
    assert_eq!(hits.iter().map(|(_, count)| count).sum::<u64>(), listed);
    for (device, first, last) in devices {
        let mut times = events.iter().filter(|event| event.device == device).map(|event| event.at);
        assert_eq!((Some(first), Some(last)), (times.next(), times.next_back().or(Some(first))));
    }
    drop(store);

    let more = household(500, 2);
    let store = record(dir.path(), &more);
    assert_eq!(consistent(&store), [events, more].concat());
}

#[test]
fn what_is_not_flushed_is_shown_and_not_twice() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(MAX_BLOCK_EVENTS + 500, 3);
    let mut running = Running::start(options(dir.path()), manual_clock().0);
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    running.taken(events.len());
    assert_eq!(consistent(&running.store), events);
    let health = running.store.health();
    assert!(health.unflushed >= 500, "the second block is open: {health:?}");
    let store = running.stop();
    assert_eq!(store.health().unflushed, 0);
    assert_eq!(store.health().flushed, Some(START));
    assert_eq!(consistent(&store), events);
}

#[test]
fn filters_find_what_a_plain_search_finds() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(5_000, 4);
    let store = record(dir.path(), &events);
    let middle = events[2_500].at;
    let filters = [
        Filter { device: Some(events[7].device.clone()), ..Filter::default() },
        Filter { name: Some("Telemetry".into()), ..Filter::default() },
        Filter { name: Some("no such name".into()), ..Filter::default() },
        Filter { verdict: Some(Verdict::Watch), from: Some(middle), ..Filter::default() },
        Filter { outcome: Some(sordino::event::Outcome::Cached), to: Some(middle), ..Filter::default() },
        Filter { device: Some(DeviceId::Named("nobody".into())), ..Filter::default() },
    ];
    for filter in filters {
        let wanted = events.iter().rev().filter(|event| {
            filter.device.as_ref().is_none_or(|device| *device == event.device)
                && filter.name.as_ref().is_none_or(|name| event.name.to_string().contains(&name.to_lowercase()))
                && filter.verdict.is_none_or(|verdict| verdict == event.verdict)
                && filter.outcome.is_none_or(|outcome| outcome == event.outcome)
                && filter.from.is_none_or(|from| event.at >= from)
                && filter.to.is_none_or(|to| event.at < to)
        });
        let page = store.events(&Devices::default(), &filter, None, 10_000);
        let found: Vec<_> = page.events.iter().map(|(_, event)| event).collect();
        assert_eq!(found, wanted.collect::<Vec<_>>(), "{filter:?}");
        assert_eq!(page.next, None);
    }
}

#[test]
fn a_device_is_looked_up_again_and_tallies_can_be_asked_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let events = household(1_000, 5);
    let store = record(dir.path(), &events);
    let device = &events[0].device;
    let (from, to) = (events[0].at.hour(), events[999].at.hour());
    let mut sum = 0;
    store.tallies(&Devices::default(), Some(device), from, to, &mut |run| {
        assert_eq!(run.device, device);
        assert!(!run.hours.is_empty() && run.hours.iter().all(|(hour, _)| (from..to).contains(hour)));
        sum += run.count();
    });
    let wanted = events.iter().filter(|event| event.device == *device && event.at.hour() < to).count();
    assert_eq!(sum, wanted as u64);
}

#[test]
fn settings_are_whole_and_survive() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/place");
    let store = reopen(&path);
    assert_eq!(store.settings(), Settings::default());
    let settings = Settings {
        guards_off: vec![GuardId { list: "maker".into(), name: "login.example".into() }],
        password_hash: Some("$argon2id$made-up".into()),
        device_names: vec![(household(1, 1)[0].device.clone(), "Anna's phone".into())],
        ..Settings::default()
    };
    store.save_settings(&settings).unwrap();
    assert_eq!(store.settings(), settings);
    drop(store);
    assert_eq!(reopen(&path).settings(), settings);

    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("settings.json")), 0o600);
}

#[test]
fn a_day_goes_when_its_time_has_come_and_the_tallies_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, millis) = manual_clock();
    let mut all = Vec::new();
    let mut dice = Dice(6);
    for _ in 0..40 {
        let now = clock.now();
        let events: Vec<_> = (0..50).map(|_| query(&mut dice, now)).collect();
        let mut running = Running::start(options(dir.path()), clock.clone());
        events.iter().cloned().for_each(|event| running.sink.hand_over(event));
        running.taken(events.len());
        running.stop();
        all.extend(events);
        turn(&millis, 23 * HOUR);
    }
    let store = Store::open(options(dir.path()), clock);
    let kept = events_of(&store);
    let oldest = kept.first().unwrap().at;
    let bound = Timestamp::from_millis(millis.load(Ordering::Relaxed)).before(33 * 24 * HOUR);
    assert!(oldest >= bound, "{oldest:?} is too old for {bound:?}");
    assert_eq!(kept, all[all.len() - kept.len()..]);
    assert!(kept.len() >= 50 * 30, "and nothing went too early: {}", kept.len());
    assert_eq!(tallies(&store), count(&all), "tallies are kept for longer");
    let directories = std::fs::read_dir(dir.path().join("days")).unwrap().count();
    assert!(directories <= 34, "what is forgotten is gone: {directories}");
}

#[test]
fn nothing_is_forgotten_while_the_clock_cannot_be_believed() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let mut all = Vec::new();
    let year = 365 * 24 * HOUR;
    let hour = Duration::from_secs(3_600);
    let times = [
        START,
        START.after(hour),
        Timestamp::from_millis(0),
        START.after(10 * year),
        START.before(hour),
        START.after(2 * hour),
        START.before(year),
        START.after(3 * hour),
    ];
    for now in times {
        let events: Vec<_> = (0..20).map(|_| query(&mut dice, now)).collect();
        all.extend(events.clone());
        let clock = Clock::Manual(Arc::new(now.millis().into()));
        let store = record_at(dir.path(), &events, clock);
        assert_eq!(store.health().problem, None);
        assert_eq!(consistent(&store), all, "in the order in which they came, at {now:?}");
        for (device, first, last) in store.devices(&Devices::default()) {
            let times = || all.iter().filter(|event| event.device == device).map(|event| event.at);
            let believable = times().filter(|at| at.millis() > START.before(HOUR * 48).millis()).min();
            assert_eq!(first, believable.or_else(|| times().min()).unwrap());
            assert_eq!(Some(last), times().next_back());
        }
    }
}

#[test]
fn a_query_takes_few_bytes() {
    const COUNT: usize = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let events = household(COUNT, 8);
    let store = record(dir.path(), &events);
    let bytes = store.health().bytes;
    let raw: usize = events.iter().map(|event| format!("{event:?}").len().min(120)).sum();
    let days = std::fs::read_dir(dir.path().join("days")).unwrap().count();
    println!("{COUNT} queries: {bytes} bytes on disk in {days} periods, {:.1} a query", bytes as f64 / COUNT as f64);
    assert!(bytes < raw as u64 / 2, "{bytes} of {raw}");
    assert_eq!(events_of(&store).len(), COUNT);
}

/// What a stranger asks is held back for a moment, until the neighbour table may tell who it is. Strangers that stay
/// strangers, as behind a second router, must not hold the flush back for ever.
#[test]
fn strangers_that_ask_all_the_time_do_not_keep_the_flush_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(Options { flush: Duration::from_secs(1), ..options(dir.path()) }, Clock::System);
    let begin = std::time::Instant::now();
    let mut sent = 0;
    let stranger = |last: u8| {
        let address = std::net::IpAddr::from([192, 0, 2, last]);
        let event = query(&mut Dice(u64::from(last)), Clock::System.now());
        Event { device: DeviceId::Address(address), address, ..event }
    };
    // The second comes when the first is half settled, so that one of them is always new.
    while sent - running.store.health().unflushed < 400 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} of {sent} wait", running.store.health().unflushed);
        for last in [1, 2] {
            if last == 1 || begin.elapsed() > Duration::from_millis(1_500) {
                running.sink.hand_over(stranger(last));
                sent += 1;
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    running.stop();
}
