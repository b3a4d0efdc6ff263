//! Ten million queries: what they take on disk, and how long it takes to find something among them.
//!
//! `cargo test --release --test store -- bench --ignored --nocapture`; SORDINO_BENCH_QUERIES says how many. `what_a_month` alone says what a what-if costs.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sordino::device::{Device, Devices};
use sordino::event::Event;
use sordino::insight::{self, Asked, Change, Language, Wanted};
use sordino::policy::{
    Action, DeviceId, Format, Kind, ListSource, OwnRule, OwnTarget, Policy, PolicySources, Scope, Tier, Trial,
};
use sordino::snapshot::Snapshot;
use sordino::store::{Filter, NameMatch, Options, Store, Term, What};
use sordino::time::Timestamp;

use crate::house::*;

/// Days that the queries are spread over.
const DAYS: u64 = 30;
/// Searches of each kind.
const SEARCHES: usize = 20;

pub(crate) fn of_this_process(file: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim_start_matches(':').split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Records `count` queries over `span` by the clock of the house, which is restarted `days` times. Says what was written.
fn fill(options: Options, count: u64, span: Duration, days: u64) -> (Arc<Store>, u64) {
    let (clock, millis) = manual_clock();
    let step = u64::try_from(span.as_millis()).unwrap() * 1_000 / count.max(1);
    let mut dice = Dice(20_261_121);
    let before = of_this_process("io", "write_bytes");
    let per_day = count / days;
    let mut running = Running::start(options.clone(), clock.clone());
    for number in 0..count {
        let at = START.after(Duration::from_micros(number * step));
        millis.store(at.millis(), std::sync::atomic::Ordering::Relaxed);
        running.sink.hand_over_waiting(query(&mut dice, at)).unwrap();
        // A day ends with all that was asked in it flushed.
        if number % per_day == per_day - 1 {
            running.stop();
            running = Running::start(options.clone(), clock.clone());
        }
    }
    let store = running.stop();
    (store, of_this_process("io", "write_bytes") - before)
}

#[test]
#[ignore = "takes minutes; says what a query costs"]
fn what_ten_million_queries_cost() {
    let count = std::env::var("SORDINO_BENCH_QUERIES").map_or(10_000_000, |count| count.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    println!("RSS before: {} kB", of_this_process("status", "VmRSS"));
    let begin = Instant::now();
    let (store, written) = fill(options(dir.path()), count, Duration::from_secs(DAYS * 86_400), DAYS);
    let kept = store.health().bytes;
    println!("filled in {:?}; RSS {} kB", begin.elapsed(), of_this_process("status", "VmRSS"));
    println!("kept {:.2} bytes a query, written {:.2}", kept as f64 / count as f64, written as f64 / count as f64);
    let scan = full_scan(dir.path());
    println!("a full scan with zstd -dc | wc -c of the same bytes: {scan:?}");

    let name =
        |what| Filter { terms: vec![Term { exclude: false, what: What::Name(vec![what]) }], ..Filter::default() };
    let kinds: [(&str, Filter); 7] = [
        ("all", Filter::default()),
        ("a match", name(NameMatch::Part("telemetry".into()))),
        ("a regex", name(NameMatch::Pattern(regex::Regex::new("^push.*[37]\\..*amazon").unwrap()))),
        ("no such name", name(NameMatch::Part("no such name".into()))),
        ("a regex without match", name(NameMatch::Pattern(regex::Regex::new("x{3}y+z$").unwrap()))),
        ("no such device", Filter { device: Some(DeviceId::Named("nobody".into())), ..Filter::default() }),
        (
            "no such type",
            Filter { terms: vec![Term { exclude: false, what: What::Qtype(vec![9_999]) }], ..Filter::default() },
        ),
    ];
    for (kind, filter) in kinds {
        let mut times: Vec<Duration> = (0..SEARCHES)
            .map(|_| {
                let begin = Instant::now();
                store.events(&Devices::default(), &filter, None, 100);
                begin.elapsed()
            })
            .collect();
        times.sort();
        let (middle, late) = (times[SEARCHES / 2], times[SEARCHES * 95 / 100]);
        println!("{kind}: p50 {middle:?}, p95 {late:?}, {:.3} of the scan", late.as_secs_f64() / scan.as_secs_f64());
    }
    let end = START.after(Duration::from_secs(DAYS * 86_400)).hour();
    for days in [1, 7, DAYS] {
        let begin = Instant::now();
        let mut rows = 0;
        store.tallies(
            &Devices::default(),
            None,
            START.after(Duration::from_secs((DAYS - days) * 86_400)).hour(),
            end,
            &mut |run| rows += run.hours.len(),
        );
        println!("tallies of {days} days: {rows} rows in {:?}", begin.elapsed());
    }
    let begin = Instant::now();
    println!("firsts: {} in {:?}", store.firsts(&Devices::default(), None, START).len(), begin.elapsed());
    println!("RSS after: {} kB", of_this_process("status", "VmRSS"));
}

#[test]
#[ignore = "takes a minute; says what ten minutes of two thousand queries a second write"]
fn what_two_thousand_a_second_write() {
    let dir = tempfile::tempdir().unwrap();
    // As fast as it goes, flushed as often as in ten minutes.
    let count = std::env::var("SORDINO_BENCH_QUERIES").map_or(1_200_000, |count| count.parse().unwrap());
    let begin = Instant::now();
    let (store, written) = fill(options(dir.path()), count, Duration::from_secs(600), 2);
    let kept = store.health().bytes;
    println!(
        "{count} queries in {:?}: kept {:.2} bytes a query, written {:.2}",
        begin.elapsed(),
        kept as f64 / count as f64,
        written as f64 / count as f64
    );
    println!("RSS {} kB, at most {} kB", of_this_process("status", "VmRSS"), of_this_process("status", "VmHWM"));
}

#[test]
#[ignore = "takes minutes; says how long a what-if over a month takes, reading the store included"]
fn what_a_month_costs_to_look_back_at() {
    let count = std::env::var("SORDINO_BENCH_QUERIES").map_or(3_000_000, |count| count.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    drop(fill(options(dir.path()), count, Duration::from_secs(DAYS * 86_400), DAYS));
    // Opened anew, so that nothing of it is in memory.
    let store = Running::start(options(dir.path()), manual_clock().0).stop();
    let source = |name: &str, format, content: Vec<u8>| ListSource {
        name: name.into(),
        action: Action::Block,
        format,
        trusted: false,
        tier: Tier::Careful,
        content: Ok(content.into()),
    };
    let catalogue = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/blocklists")).unwrap();
    let files =
        catalogue.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|it| it == "toml"));
    let lists = files.map(|path| {
        source(path.file_stem().unwrap().to_str().unwrap(), Format::Catalogue, std::fs::read(&path).unwrap())
    });
    let policy = Policy::compile(PolicySources { lists: lists.collect(), ..PolicySources::default() });
    let others: String = (0..100_000).map(|number| format!("||a{number}.example^\n")).collect();
    let trial = others + "||xiaomi.example^\n||metrics3.samsungcloud.example^\n";
    let rule = OwnRule {
        id: 1,
        target: OwnTarget::parse(Kind::Subtree, "xiaomi.example").unwrap(),
        comment: None,
        action: Action::Block,
        scope: Scope::Everyone,
        since: START,
        until: None,
    };
    let end = START.after(Duration::from_secs(DAYS * 86_400));
    reports(&store, &policy, end);
    for what in ["a rule", "a list of 100,000 names"] {
        let begin = Instant::now();
        let asked = Asked::sum(|each| store.tallies(&Devices::default(), None, START.hour(), end.hour(), each));
        let read = begin.elapsed();
        let change = match what {
            "a rule" => Change::rule(&policy, rule.clone(), |_| false),
            _ => Change::List(Trial::of_new(source("trial", Format::Auto, trial.clone().into()))),
        };
        let effect = insight::what_if(&asked, &policy, &Devices::default(), &change, end, &|| true).unwrap();
        let all = begin.elapsed();
        assert!(effect.muted.queries > 0 && effect.asked.queries + effect.beyond == count, "{:?}", effect.asked);
        println!("{what}: {all:?}, of which {read:?} for the store; {:?}, muted {:?}", effect.asked, effect.muted);
    }
}

/// What the views of the page over all that is there take: the house, and its busiest device.
fn reports(store: &Arc<Store>, policy: &Policy, end: Timestamp) {
    let nobody = Devices::default();
    let (from, to) = (START.hour(), end.hour());
    let overview = || insight::overview(policy, START, end, 60, |each| store.tallies(&nobody, None, from, to, each));
    let busiest = overview().devices[0].id.clone();
    let device = Device { id: busiest.clone(), ..Device::unknown([192, 0, 2, 1].into()) };
    let snapshot = Snapshot { policy: Arc::new(Policy::default()), devices: Arc::default(), local: Arc::default() };
    let report = || {
        let (device, snapshot, lists) = (&device, &snapshot, Vec::new());
        let language = Language::German;
        let wanted = Wanted {
            store,
            snapshot,
            device,
            from: START,
            to: end,
            utc_offset_minutes: 60,
            made: end,
            lists,
            language,
        };
        insight::report(wanted).unwrap().write(insight::ReportForm::Html)
    };
    let exposure =
        || insight::exposure(policy, START, end, 60, |each| store.tallies(&nobody, Some(&busiest), from, to, each));
    say("the overview of the month", || overview().totals.total());
    say("the exposure of one device", || exposure().totals.total());
    say("the report of one device as HTML", || report().len() as u64);
    say("firsts of the month", || store.firsts(&nobody, None, START).len() as u64);
    say("devices", || store.devices(&nobody).len() as u64);
    say("hits of the lists", || store.list_hits(from).len() as u64);
}

/// Prints how long `act` takes in the middle and at worst, of [`SEARCHES`] times.
fn say(what: &str, act: impl Fn() -> u64) {
    let mut found = 0;
    let mut times: Vec<Duration> = (0..SEARCHES)
        .map(|_| {
            let begin = Instant::now();
            found = act();
            begin.elapsed()
        })
        .collect();
    times.sort();
    println!("{what}: p50 {:?}, p95 {:?}; {found}", times[SEARCHES / 2], times[SEARCHES * 95 / 100]);
}

/// How long it takes to read all that is there, were it one compressed file.
fn full_scan(dir: &std::path::Path) -> Duration {
    let file = dir.join("all.zst");
    let packed = Command::new("sh")
        .args(["-c", "find \"$1\" -type f -name db -exec cat {} + | zstd -q -3 -c > \"$2\"", "sh"])
        .arg(dir)
        .arg(&file)
        .stdout(Stdio::null())
        .status();
    if !packed.is_ok_and(|status| status.success()) {
        println!("skipped the scan: there is no zstd here");
        return Duration::from_secs(1);
    }
    let begin = Instant::now();
    let read = Command::new("sh").args(["-c", "zstd -dc \"$1\" | wc -c", "sh"]).arg(&file).output().unwrap();
    print!("{} bytes; ", String::from_utf8_lossy(&read.stdout).trim());
    let took = begin.elapsed();
    std::fs::remove_file(file).unwrap();
    took
}

/// What the benches record is what a plain count says, at a size that is quick.
#[test]
fn a_small_bench_is_consistent() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = fill(options(dir.path()), 6_000, Duration::from_secs(3 * 86_400), 3);
    let events: Vec<Event> = consistent(&store);
    assert_eq!(events.len(), 6_000);
}
