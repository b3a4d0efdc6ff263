//! What the tallies mean, with a catalogue of three makers.

#![allow(clippy::unwrap_used)] // tests fail by panicking

use sordino::insight::{Counts, MAX_TOP_NAMES, MAX_UNLABELLED, exposure, overview};
use sordino::policy::{Action, DeviceId, Format, ListSource, MacAddr, Name, Policy, PolicySources, Tier, Verdict};
use sordino::store::TallyRun;
use sordino::time::{Hour, Timestamp};

const DAY: u32 = 20_778; // 2026-11-21

fn device(number: u8) -> DeviceId {
    DeviceId::Mac(MacAddr([2, 0, 0, 0, 0, number]))
}

/// What a device asked in an hour.
#[derive(Clone)]
struct Row(DeviceId, Name, Verdict, [(Hour, u64); 1]);

fn row(who: u8, hour: u32, name: &str, verdict: Verdict, count: u64) -> Row {
    Row(device(who), Name::parse(name).unwrap(), verdict, [(Hour::from_number(DAY * 24 + hour), count)])
}

fn tell(rows: impl IntoIterator<Item = Row>, each: &mut dyn FnMut(TallyRun<'_>)) {
    for Row(device, name, verdict, hours) in &rows.into_iter().collect::<Vec<_>>() {
        each(TallyRun { device, name, verdict: *verdict, hours });
    }
}

fn span() -> (Timestamp, Timestamp) {
    (Hour::from_number(DAY * 24).start(), Hour::from_number(DAY * 24 + 24).start())
}

fn counts(passed: u64, watched: u64, muted: u64, allowed: u64) -> Counts {
    Counts { passed, watched, muted, allowed }
}

fn a_day() -> Vec<Row> {
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
    let seen = overview(&policy, from, to, 0, |each| tell(a_day(), each));
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
    let seen = overview(&Policy::default(), from, to, 60, |each| tell(a_day(), each));
    assert_eq!(seen.top_names[0].at_night, 9, "23:00 UTC is midnight an hour further east");
}

#[test]
fn a_device_shows_what_it_asked_and_lists_are_bounded() {
    let (from, to) = span();
    let rows =
        (0..1_000).map(|number| row(1, number % 24, &format!("n{number}.test"), Verdict::Watch, 1 + u64::from(number)));
    let seen = exposure(&Policy::default(), from, to, 0, |each| tell(rows.clone(), each));
    assert_eq!(seen.totals.total(), (1..=1_000).sum::<u64>());
    assert_eq!(seen.unlabelled.len(), MAX_UNLABELLED);
    assert_eq!(seen.unlabelled[0].name.to_string(), "n999.test");
    assert!(seen.vendors.is_empty() && seen.at_night == 0, "nobody knows these names");
    let house = overview(&Policy::default(), from, to, 0, |each| tell(rows, each));
    assert_eq!((house.names, house.top_names.len()), (1_000, MAX_TOP_NAMES));
}

#[test]
fn an_empty_span_is_empty() {
    let (from, _) = span();
    let seen = overview(&Policy::default(), from, from, 0, |each| tell(a_day(), each));
    assert_eq!((seen.totals, seen.hours.len(), seen.names), (Counts::default(), 0, 0));
}

const CATALOGUE: &str = r#"
vendor = "Acme"
about = "Makes things."

[[product]]
name = "Stats"
purpose = "analytics"
sends = "What is used."
breaks = ""
names = [
  { block = "stats.acme.test", regions = ["SG"], sources = ["made up"] },
  { watch = "eu.acme.test", regions = ["EU"], sources = ["made up"] },
]

[[product]]
name = "Adverts"
purpose = "ads"
sends = "What is looked at."
breaks = ""
names = [{ block = "ads.acme.test", sources = ["made up"] }]
"#;

fn labelled() -> Policy {
    let list = ListSource {
        name: "telemetry".into(),
        action: Action::Block,
        format: Format::Catalogue,
        trusted: false,
        tier: Tier::default(),
        content: Ok(CATALOGUE.as_bytes().into()),
    };
    Policy::compile(PolicySources { lists: vec![list], ..PolicySources::default() })
}

#[test]
fn labels_say_who_hears_what() {
    let (from, to) = span();
    let policy = labelled();
    let rows = [
        row(1, 2, "stats.acme.test", Verdict::Block, 10),
        row(1, 12, "eu.acme.test", Verdict::Watch, 4),
        row(1, 12, "ads.acme.test", Verdict::Block, 20),
        row(1, 12, "plain.test", Verdict::Pass, 100),
    ];
    let seen = exposure(&policy, from, to, 0, |each| tell(rows.clone(), each));
    assert_eq!((seen.totals, seen.at_night), (counts(100, 4, 30, 0), 10));
    assert_eq!(seen.telemetry_hours[12].counts, counts(0, 4, 20, 0), "without what nobody has labelled");
    let [acme] = &seen.vendors[..] else { panic!("{:?}", seen.vendors) };
    assert_eq!(acme.about, "Makes things.");
    assert_eq!((acme.vendor.as_str(), acme.counts), ("Acme", counts(0, 4, 30, 0)));
    assert_eq!(acme.regions, ["EU", "SG"]);
    let products: Vec<_> = acme.products.iter().map(|product| (product.product.as_str(), product.counts)).collect();
    assert_eq!(products, [("Adverts", counts(0, 0, 20, 0)), ("Stats", counts(0, 4, 10, 0))]);
    let verdicts: Vec<_> = acme.products[1].names.iter().map(|name| (name.name.to_string(), name.verdict)).collect();
    let expected = [("stats.acme.test".to_owned(), Verdict::Block), ("eu.acme.test".to_owned(), Verdict::Watch)];
    assert_eq!(verdicts, expected, "what the policy says today");
    assert_eq!(seen.unlabelled.len(), 1);

    let more = rows.into_iter().chain([row(2, 12, "ads.acme.test", Verdict::Block, 1)]);
    let house = overview(&policy, from, to, 0, |each| tell(more, each));
    assert_eq!(house.makers_muted, 1);
    let groups = |groups: &[sordino::insight::GroupCounts]| -> Vec<_> {
        groups.iter().map(|group| (group.key.clone(), group.counts.total(), group.devices)).collect()
    };
    assert_eq!(groups(&house.vendors), [("Acme".to_owned(), 35, 2)]);
    assert_eq!(groups(&house.purposes), [("ads".to_owned(), 21, 2), ("analytics".to_owned(), 14, 1)]);
}
