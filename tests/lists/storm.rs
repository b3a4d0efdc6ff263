//! Reloads while dnsperf asks as fast as it is answered, 20,000 times a second at most.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::forwarder::Forwarder;
use crate::support::sordino::Setup;
use crate::{names, reload};

const RELOADS: usize = 10;
/// Names in a set, and names that are in none or in both.
const NAMES: usize = 2_000;
const FIXED: usize = 500;

#[test]
fn ten_reloads_under_dnsperf_lose_no_answer_and_each_is_right_by_the_old_or_the_new_set() {
    if Command::new("dnsperf").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("skipped: dnsperf is not here");
        return;
    }
    let forwarder = Forwarder::plain();
    let set = |which: usize| names(["a", "b"][which], NAMES) + &names("always", FIXED);
    let house = Setup::before(&forwarder).set("blocking", "answer", "\"nxdomain\"").list("ads", "block", &set(0));
    // One address asks for all, and most of it is cached after a moment.
    let house = house.table("\n[limits]\nqueries_per_second = 1000000\nqueries_burst = 1000000\n").start();
    let path = house.dir().join("ads.txt");
    let asked: String = [names("always", FIXED), names("never", FIXED), names("a", FIXED), names("b", FIXED)].concat();
    let questions = house.dir().join("questions");
    fs::write(&questions, asked.lines().map(|name| format!("{name} A\n")).collect::<String>()).unwrap();
    let port = house.dns().port().to_string();
    let run = |seconds: &str| {
        let mut command = Command::new("dnsperf");
        command.args(["-s", "127.0.0.1", "-p", &port, "-d"]).arg(&questions);
        command.args(["-Q", "20000", "-l", seconds, "-c", "4", "-T", "1", "-v"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let warm = run("1").wait_with_output().unwrap();
    assert!(warm.status.success());

    let mut asking = run("60");
    let mut out = asking.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut out, &mut said).unwrap();
        said
    });
    for round in 1..=RELOADS {
        fs::write(&path, set(round % 2)).unwrap();
        reload(&house);
        assert!(asking.try_wait().unwrap().is_none(), "reload {round} was not under load any more");
    }
    // It counts what it had by then, and ends.
    let interrupted = Command::new("sh").args(["-c", &format!("kill -INT {}", asking.id())]).status().unwrap();
    assert!(interrupted.success());
    asking.wait().unwrap();
    let said = reading.join().unwrap();
    let figure = |what: &str| said.lines().find_map(|line| line.trim().strip_prefix(what)).unwrap_or_default().trim();
    println!(
        "under {RELOADS} reloads: {} a second, completed {}",
        figure("Queries per second:"),
        figure("Queries completed:")
    );
    assert!(figure("Queries lost:").starts_with("0 "), "lost {}", figure("Queries lost:"));
    let mut answers = 0;
    // I is what was under way when it was interrupted.
    for line in said.lines().filter_map(|line| line.strip_prefix("> ")).filter(|line| !line.starts_with("I ")) {
        let mut words = line.split(' ');
        let (rcode, name) = (words.next().unwrap(), words.next().unwrap());
        let right = match name {
            name if name.starts_with("always") => rcode == "NXDOMAIN",
            name if name.starts_with("never") => rcode == "NOERROR",
            _ => rcode == "NXDOMAIN" || rcode == "NOERROR",
        };
        assert!(right, "{line}");
        answers += 1;
    }
    assert!(answers > 4 * FIXED, "only {answers} answers were told");
}
