//! What the tallies mean, with a catalogue of three makers.

#![allow(clippy::unwrap_used)] // tests fail by panicking

use sordino::insight::{Counts, MAX_TOP_NAMES, MAX_UNLABELLED, exposure, overview};
use sordino::policy::{DeviceId, MacAddr, Name, Policy, Verdict};
use sordino::store::TallyRow;
use sordino::time::{Hour, Timestamp};

const DAY: u32 = 20_778; // 2026-11-21

fn device(number: u8) -> DeviceId {
    DeviceId::Mac(MacAddr([2, 0, 0, 0, 0, number]))
}

fn row(who: u8, hour: u32, name: &str, verdict: Verdict, count: u64) -> TallyRow {
    let hour = Hour::from_number(DAY * 24 + hour);
    TallyRow { device: device(who), hour, name: Name::parse(name).unwrap(), verdict, count }
}

fn span() -> (Timestamp, Timestamp) {
    (Hour::from_number(DAY * 24).start(), Hour::from_number(DAY * 24 + 24).start())
}

fn counts(passed: u64, watched: u64, muted: u64, allowed: u64) -> Counts {
    Counts { passed, watched, muted, allowed }
}

fn a_day() -> Vec<TallyRow> {
    vec![
        row(1, 3, "a.test", Verdict::Block, 5),
        row(1, 3, "a.test", Verdict::Block, 2),
        row(1, 9, "a.test", Verdict::Watch, 1),
        row(1, 9, "b.test", Verdict::Pass, 50),
        row(2, 23, "b.test", Verdict::Pass, 7),
        row(2, 23, "c.test", Verdict::Watch, 9),
        row(3, 0, "d.test", Verdict::Allow, 3),
        row(3, 24, "a.test", Verdict::Block, 1_000),
    ]
}

#[test]
fn the_house_adds_up() {
    let (from, to) = span();
    let policy = Policy::default();
    let seen = overview(&policy, from, to, 0, |each| a_day().into_iter().for_each(each));
    assert_eq!(seen.totals, counts(57, 10, 7, 3), "what lies behind the span is left out");
    assert_eq!(seen.names, 4);
    assert_eq!(seen.hours.len(), 24);
    assert_eq!(seen.hours[0].hour, from);
    assert_eq!(seen.hours[3].counts, counts(0, 0, 7, 0));
    let sum = seen.hours.iter().fold(Counts::default(), |sum, hour| sum.and(hour.counts));
    assert_eq!(sum, seen.totals);
    let devices: Vec<_> = seen.devices.iter().map(|device| (device.id.clone(), device.counts)).collect();
    let expected = [(device(2), counts(7, 9, 0, 0)), (device(1), counts(50, 1, 7, 0)), (device(3), counts(0, 0, 0, 3))];
    assert_eq!(devices, expected, "the most muted and watched first");
    let names: Vec<_> = seen.top_names.iter().map(|name| (name.name.to_string(), name.counts, name.at_night)).collect();
    let expected = [("c.test".to_owned(), counts(0, 9, 0, 0), 0), ("a.test".to_owned(), counts(0, 1, 7, 0), 7)];
    assert_eq!(names, expected, "only names that were muted or watched");
    assert_eq!(seen.top_names[1].last_hour, Hour::from_number(DAY * 24 + 9).start());
}

#[test]
fn the_night_is_where_the_viewer_is() {
    let (from, to) = span();
    let seen = overview(&Policy::default(), from, to, 60, |each| a_day().into_iter().for_each(each));
    assert_eq!(seen.top_names[0].at_night, 9, "23:00 UTC is midnight an hour further east");
}

#[test]
fn a_device_shows_what_it_asked_and_lists_are_bounded() {
    let (from, to) = span();
    let rows =
        (0..1_000).map(|number| row(1, number % 24, &format!("n{number}.test"), Verdict::Watch, 1 + u64::from(number)));
    let seen = exposure(&Policy::default(), from, to, 0, |each| rows.clone().for_each(each));
    assert_eq!(seen.totals.total(), (1..=1_000).sum::<u64>());
    assert_eq!(seen.unlabelled.len(), MAX_UNLABELLED);
    assert_eq!(seen.unlabelled[0].name.to_string(), "n999.test");
    assert!(seen.vendors.is_empty() && seen.at_night == 0, "nobody knows these names");
    let house = overview(&Policy::default(), from, to, 0, |each| rows.for_each(each));
    assert_eq!((house.names, house.top_names.len()), (1_000, MAX_TOP_NAMES));
}

#[test]
fn an_empty_span_is_empty() {
    let (from, _) = span();
    let seen = overview(&Policy::default(), from, from, 0, |each| a_day().into_iter().for_each(each));
    assert_eq!((seen.totals, seen.hours.len(), seen.names), (Counts::default(), 0, 0));
}
