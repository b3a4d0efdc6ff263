//! The demo: what its household asks against the catalogue that ships, and the whole of it through the front door.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use sordino::config::Config;
use sordino::control::State;
use sordino::demo::history::Past;
use sordino::demo::household::{A, Household};
use sordino::demo::internet::Internet;
use sordino::demo::{HISTORY, PASSWORD};
use sordino::event::{self, Event, Outcome};
use sordino::policy::{Name, Verdict};
use sordino::snapshot::Snapshot;
use sordino::store::Settings;
use sordino::time::Timestamp;

use support::rest::Rest;
use support::{repository, until, within};

/// How long the demo may take until it is ready, and to stop. Most of it is the history, in an unoptimized build.
const PATIENCE: Duration = Duration::from_secs(180);

/// 2026-11-16 00:00 UTC, a Monday.
const TODAY: Timestamp = Timestamp::from_millis(1_794_787_200_000);

fn household() -> Arc<Household> {
    Arc::new(Household::new(TODAY, 0).unwrap())
}

/// Policy and devices under the shipped catalogue.
fn snapshot(household: &Household) -> Snapshot {
    let lists = repository().join("blocklists");
    let mut text = format!(
        "[upstream]\nservers = [\"udp://127.0.0.1:5353\"]\n[[list]]\nname = \"catalogue\"\nsource = {}\n",
        json!(lists.to_str().unwrap())
    );
    for resident in household.residents() {
        text += &format!("[[device]]\nname = {}\nip = \"{}\"\n", json!(resident.name), resident.address);
    }
    let config = Config::parse(&text, Path::new("config.toml")).unwrap();
    State::load(config.control, Settings::default()).snapshot()
}

/// What the recorder is handed for the fortnight before [`TODAY`]; worked out once.
static PAST: LazyLock<Vec<Event>> = LazyLock::new(past);

fn past() -> Vec<Event> {
    let household = household();
    let (snapshot, internet) = (snapshot(&household), Internet::new().unwrap());
    // A small queue: whoever hands over has to wait again and again.
    let (sink, queue) = event::queue(64);
    let filling = std::thread::spawn(move || {
        let upstream = "udp://127.0.0.1:5353".into();
        let past = Past { household: &household, internet: &internet, snapshot: &snapshot, upstream };
        past.record(TODAY.before(HISTORY), TODAY, 7, &sink).unwrap()
    });
    let mut events = Vec::new();
    while let Ok(event) = queue.next(Instant::now() + PATIENCE) {
        events.push(event);
    }
    assert_eq!(filling.join().unwrap(), events.len() as u64);
    events
}

#[test]
fn every_device_asks_labelled_names_and_ordinary_ones() {
    let household = household();
    let Snapshot { policy, .. } = snapshot(&household);
    let mut names: BTreeMap<usize, BTreeSet<Name>> = BTreeMap::new();
    for question in household.questions(TODAY.before(HISTORY), TODAY, 7) {
        names.entry(question.device).or_default().insert(question.name);
    }
    for (device, resident) in household.residents().iter().enumerate() {
        let labelled = names[&device].iter().filter(|name| policy.label(name.as_ref()).is_some()).count();
        assert!(labelled >= 1, "{} asks nothing that the catalogue knows", resident.name);
        assert!(labelled < names[&device].len(), "{} asks nothing but telemetry", resident.name);
    }
}

#[test]
fn a_past_has_every_verdict_in_order_of_time_and_fits_its_size() {
    let events = &*PAST;
    assert!(events.is_sorted_by_key(|event| event.at));
    assert!((150_000..300_000).contains(&events.len()), "{}", events.len());
    for verdict in Verdict::ALL {
        let count = events.iter().filter(|event| event.verdict == verdict).count();
        let usual = match verdict {
            Verdict::Pass => 30..85,
            Verdict::Watch | Verdict::Block => 5..65,
            // The catalogue alone mutes nothing that it guards.
            Verdict::Allow => 0..1,
        };
        let share = (count * 100).div_ceil(events.len());
        assert!(usual.contains(&share), "{verdict}: {count}, {share} of a hundred");
    }
    for outcome in [Outcome::Muted, Outcome::Cached, Outcome::Forwarded] {
        assert!(events.iter().any(|event| event.outcome == outcome), "{outcome:?}");
    }
    let devices: BTreeSet<String> = events.iter().map(|event| event.device.to_string()).collect();
    assert!(devices.len() == 6 && devices.contains("name-Anna's phone"), "{devices:?}");
}

#[test]
fn a_past_mutes_a_name_for_its_alias_and_asks_a_muted_name_again() {
    let events = &*PAST;
    let relay = Name::parse("ams-onetrack-relay.intl.xiaomi.com").unwrap();
    let hidden = events.iter().find(|event| event.name == relay).unwrap();
    assert_eq!((hidden.verdict, hidden.outcome), (Verdict::Block, Outcome::Muted));
    assert_eq!(hidden.alias, Some(Name::parse("mistat.intl.xiaomi.com.ksyna.net").unwrap()));

    // Every quarter of an hour for two weeks, and three more times for each because it is muted.
    let mistat = Name::parse("data.mistat.intl.xiaomi.com").unwrap();
    let asked = events.iter().filter(|event| event.name == mistat && event.qtype == A).count();
    assert!((4 * 1200..4 * 1500).contains(&asked), "{asked}");
}

/// A demo that runs. It is killed when this goes.
struct Demo {
    child: Child,
    page: String,
}

impl Demo {
    #[track_caller]
    fn start(dir: &Path) -> Self {
        let lists = repository().join("blocklists");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sordino"));
        command.args(["demo", "--dns-port", "0", "--page-port", "0", "--path"]).arg(dir).arg("--lists").arg(lists);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = sync_channel(2);
        // Reads on to the end, so that a full pipe never holds the demo up.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.try_send(line);
            }
        });
        let mut demo = Self { child, page: String::new() };
        let ready = receiver.recv_timeout(PATIENCE).expect("the line ready");
        demo.page = ready.split(' ').find_map(|word| word.strip_prefix("page=")).expect("a page").to_owned();
        assert!(ready.starts_with("ready dns=127.0.0.1:"), "{ready}");
        let sentence = receiver.recv_timeout(PATIENCE).expect("a sentence on the page");
        assert!(sentence.contains(&demo.page) && sentence.contains(PASSWORD), "{sentence}");
        demo
    }

    #[track_caller]
    fn rest(&self) -> Rest {
        let rest = Rest::to(&self.page);
        let (status, answer) = rest.post("/api/v1/login", &json!({ "password": PASSWORD }));
        assert_eq!(status, 204, "{answer}");
        rest
    }

    #[track_caller]
    fn stop(mut self) -> ExitStatus {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
        within(PATIENCE, "the end of the demo", || self.child.try_wait().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The devices of the last two weeks, by name, with all that they asked.
#[track_caller]
fn devices(rest: &Rest) -> BTreeMap<String, u64> {
    let now = Timestamp::from(SystemTime::now());
    let devices = rest.read(&format!("/api/v1/devices?from={}&to={}", now.before(HISTORY).millis(), now.millis()));
    let count = |device: &Value| {
        ["passed", "watched", "muted", "allowed"].iter().map(|verdict| device[verdict].as_u64().unwrap()).sum()
    };
    devices.as_array().unwrap().iter().map(|device| (device["name"].as_str().unwrap().into(), count(device))).collect()
}

#[test]
fn six_devices_have_two_weeks_behind_them_and_live_on() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path());
    let rest = demo.rest();
    let before = devices(&rest);
    assert_eq!(before.len(), 6, "{before:?}");
    assert!(before.values().all(|asked| *asked > 5_000), "{before:?}");

    // What is asked from now on comes through real sockets, and shows.
    let started = Timestamp::from(SystemTime::now()).millis();
    let live = until("a question of a device", || {
        rest.read(&format!("/api/v1/queries?from={started}"))["events"].get(0).cloned()
    });
    assert!(live["address"].as_str().unwrap().starts_with("127.0.1."), "{live}");
    assert_eq!(live["transport"], "udp");
    let status = rest.read("/api/v1/status");
    assert_eq!(status["upstreams"].as_array().unwrap().len(), 1, "{status}");
    assert!(demo.stop().success());

    // Started again it knows all that, and does not live the two weeks a second time.
    let demo = Demo::start(dir.path());
    let after = devices(&demo.rest());
    for (name, asked) in &before {
        assert!(after[name] < asked + asked / 4, "{name}: {asked} before, {} after", after[name]);
        assert!(after[name] > asked - asked / 4, "{name}: {asked} before, {} after", after[name]);
    }
    assert!(demo.stop().success());
}

#[test]
fn a_second_demo_in_the_same_place_says_so_and_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path());
    let config = std::fs::read_to_string(dir.path().join("config.toml")).unwrap();
    let (code, said) = support::sordino::run(&[
        "demo",
        "--path",
        dir.path().to_str().unwrap(),
        "--lists",
        repository().join("blocklists").to_str().unwrap(),
    ]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("Another sordino"), "{said}");
    assert_eq!(std::fs::read_to_string(dir.path().join("config.toml")).unwrap(), config);
    assert!(demo.stop().success());
}
