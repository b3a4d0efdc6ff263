//! `kill -9` at any moment: what had reached the disk is there, each query once, and the tallies agree.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sordino::event::Event;
use sordino::time::Clock;

use crate::house::*;

const DIR: &str = "SORDINO_TEST_STORE";
const FROM: &str = "SORDINO_TEST_FROM";
const SEED: &str = "SORDINO_TEST_SEED";
/// What the clock shows besides the time: milliseconds, forwards or back.
const JUMP: &str = "SORDINO_TEST_JUMP";
/// How often to kill; 30 times where nobody says.
const ROUNDS: &str = "SORDINO_TEST_KILLS";

/// Where the clock jumps to between two rounds: mostly nowhere, an hour, to 1970, ten years ahead.
const JUMPS: [i64; 8] = [0, 0, 0, 3_600_000, -3_600_000, i64::MIN, 10 * 365 * 86_400_000, 0];

/// The queries of all rounds in their order: the number stands in the time.
fn numbered(number: u64) -> Event {
    query(&mut Dice(number * 7_919), START.after(Duration::from_secs(number * 20)))
}

#[test]
#[ignore = "the process that is killed; the test below starts it"]
fn records_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let read = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (mut next, mut dice) = (read(FROM), Dice(read(SEED)));
    let jump: i64 = std::env::var(JUMP).unwrap().parse().unwrap();
    let shown = |number: u64| numbered(number).at.millis().saturating_add_signed(jump);
    let millis = Arc::new(AtomicU64::new(shown(next)));
    let mut options = options(&PathBuf::from(dir));
    options.flush = Duration::from_millis(dice.below(30));
    // Two hundred rounds go on for months by the clock on the wall; nothing is to be old by then.
    (options.keep_queries, options.keep_tallies) = (100 * 365 * 24 * HOUR, 100 * 365 * 24 * HOUR);
    let mut running = Running::start(options, Clock::Manual(millis.clone()));
    let mut out = std::io::stdout();
    loop {
        let count = 1 + dice.below(200);
        for number in next..next + count {
            running.sink.hand_over(numbered(number));
        }
        running.taken(usize::try_from(count).unwrap());
        next += count;
        millis.store(shown(next), std::sync::atomic::Ordering::Relaxed);
        let durable = next - running.store.health().unflushed;
        writeln!(out, "\ndurable {durable}").unwrap();
    }
}

#[test]
fn a_killed_process_loses_at_most_what_was_not_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(20_261_121);
    let rounds = std::env::var(ROUNDS).map_or(30, |rounds| rounds.parse::<u64>().unwrap());
    let mut known = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kills::records_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .env(FROM, known.to_string())
            .env(SEED, dice.below(1 << 30).to_string())
            .env(JUMP, JUMPS[usize::try_from(dice.below(JUMPS.len() as u64)).unwrap()].to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reports = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("durable ")?.parse::<u64>().ok());
        let moment = 1 + usize::try_from(dice.below(60)).unwrap();
        let durable = reports.take(moment).last().expect("the child records");
        child.kill().unwrap();
        child.wait().unwrap();

        let store = reopen(dir.path());
        let health = store.health();
        assert_eq!((health.problem, health.set_aside), (None, None), "round {round}");
        let events = consistent(&store);
        let now_known = events.len() as u64;
        assert!(now_known >= durable, "round {round}: {now_known} of {durable}");
        assert!((0..).zip(&events).all(|(number, event)| *event == numbered(number)), "each once, in order");
        known = now_known;
    }
    println!("{rounds} kills, {known} queries, all there");
}
