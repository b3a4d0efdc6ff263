//! Four hundred days of a household: what they take on disk, what a day writes, and how long the whole of it takes to read.
//!
//! `cargo test --release --test store -- what_four_hundred --ignored --nocapture`; SORDINO_BENCH_QUERIES says how many a day.

use std::time::{Duration, Instant};

use sordino::device::Devices;
use sordino::store::{Options, Store};

use crate::bench::of_this_process;
use crate::house::*;

/// Files below `dir`.
fn files(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[test]
#[ignore = "takes minutes; says what four hundred days take on disk, and what a day writes"]
fn what_four_hundred_days_cost() {
    let a_day = std::env::var("SORDINO_BENCH_QUERIES").map_or(20_000, |count| count.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (clock, millis) = manual_clock();
    let mut dice = Dice(20_261_121);
    let mut flushes = 0;
    for day in 0..400_u64 {
        let before = of_this_process("io", "write_bytes");
        let options = Options { flush: sordino::store::FLUSH, ..options(dir.path()) };
        let running = Running::start(options, clock.clone());
        for number in 0..a_day {
            let at = START.after(Duration::from_millis(day * 86_400_000 + number * (86_400_000 / a_day)));
            millis.store(at.millis(), std::sync::atomic::Ordering::Relaxed);
            running.sink.hand_over_waiting(query(&mut dice, at)).unwrap();
        }
        let store = running.stop();
        flushes += store.health().flushes;
        let written = of_this_process("io", "write_bytes") - before;
        if day % 50 == 49 || day < 2 {
            let kept = store.health().bytes;
            println!(
                "day {}: written {written} bytes, kept {kept} in {} files, {flushes} flushes",
                day + 1,
                files(dir.path())
            );
            flushes = 0;
        }
        drop(store);
    }
    let begin = Instant::now();
    let store = Store::open(options(dir.path()), clock);
    println!("opened in {:?}; RSS {} kB", begin.elapsed(), of_this_process("status", "VmRSS"));
    for days in [30, 400] {
        let (begin, mut rows) = (Instant::now(), 0);
        let from = START.after(Duration::from_secs((400 - days) * 86_400)).hour();
        let to = START.after(Duration::from_secs(400 * 86_400)).hour();
        store.tallies(&Devices::default(), None, from, to, &mut |run| rows += run.hours.len());
        println!("tallies of {days} days: {rows} rows in {:?}", begin.elapsed());
    }
}
