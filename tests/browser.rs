//! A real Chromium: it logs in, watches a muted query arrive, allows it, and sees it resolve; then it looks at every page.
//!
//! The screenshots are for a person: they stand in `test-output/screens`. `SORDINO_SKIP_BROWSER=1` leaves all this out.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use support::client::Udp;
use support::forwarder::{Forwarder, a};
use support::rest::PASSWORD;
use support::sordino::{Setup, Sordino};
use support::wire::{A, AAAA, HTTPS, query};
use support::{repository, until};

const HOUSE: &str = r#"
[[device]]
name = "Anna's phone"
ip = "127.0.0.11"
[[device]]
name = "Television"
ip = "127.0.0.12"
[[device]]
name = "Laptop"
ip = "127.0.0.13"
"#;

/// A phone with two addresses, and the one before it.
const LEASES: &str = "\
0 3c:5a:b4:01:3c:21 127.0.0.21 anna-phone *
0 3c:5a:b4:01:3c:21 127.0.0.22 anna-phone *
0 3c:5a:b4:01:3c:23 127.0.0.23 old-phone *
";

/// What the devices of the house ask for: the last octet of an address, and names.
const HABITS: [(u8, &[&str]); 3] = [
    (
        11,
        &[
            "data.mistat.intl.xiaomi.com",
            "tracking.miui.com",
            "account.xiaomi.com",
            "www.example",
            "app-measurement.com",
        ],
    ),
    (12, &["log.example", "cdn.video.example", "ads.example", "www.google-analytics.com"]),
    (13, &["www.example", "mail.example", "news.example", "docs.example", "watched.example"]),
];

/// Whose turn it is to have a browser.
static TURN: Mutex<()> = Mutex::new(());
/// Devices of a large house.
const CROWD: u8 = 200;
/// A catalogue of the house's own, which nobody translates.
const OWN_CATALOGUE: &str = r#"
vendor = "Cat flap"
about = "A door for a cat."
[[product]]
name = "Flap log"
purpose = "other"
sends = "When the cat comes home."
breaks = ""
names = [{ block = "flap.example", sources = ["the manual"] }]
"#;
/// How long the page is left open in the suite, minutes.
const LEFT_OPEN: &str = "1";

fn house(forwarder: &Forwarder) -> Sordino {
    let setup = Setup::before(forwarder).catalogue().list("ads", "block", "||ads.example^\nlog.example\n");
    setup.list("curious", "watch", "watched.example\n").table(HOUSE).start()
}

/// Runs a script of `web/e2e` to its end.
fn node(script: &str, arguments: &[&str]) {
    node_with(script, arguments, &[]);
}

/// The same with variables of the environment.
fn node_with(script: &str, arguments: &[&str], environment: &[(&str, &str)]) {
    let web = repository().join("web");
    assert!(web.join("dist/index.html").exists(), "the page is not built; run `make web`");
    let mut command = Command::new("node");
    command
        .arg(format!("e2e/{script}.mjs"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(web)
        .stdin(Stdio::null());
    // One browser at a time: some of what is walked through has a second to take effect, and machines have two cores.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let output = command.output().expect("node");
    drop(turn);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{script}: {said}");
    println!("{script}: {}", said.lines().last().unwrap_or_default());
}

fn skipped() -> bool {
    let skip = std::env::var("SORDINO_SKIP_BROWSER").is_ok_and(|value| value == "1");
    if skip {
        println!("skipped: SORDINO_SKIP_BROWSER is set");
    }
    skip
}

fn screens() -> PathBuf {
    repository().join("test-output/screens")
}

#[test]
fn a_muted_query_arrives_is_allowed_and_resolves() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    forwarder.holds("router.example", vec![a("router.example", 300, "192.168.1.1")]);
    let sordino = house(&forwarder);
    let (dns, screens) = (sordino.dns().to_string(), screens());
    node("walk", &[sordino.page().trim_end_matches('/'), PASSWORD, &dns, screens.to_str().unwrap()]);
}

#[test]
fn settings_are_walked_through_from_a_token_to_a_backup_put_back() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder);
    node("settings", &[sordino.page().trim_end_matches('/'), PASSWORD, screens().to_str().unwrap()]);
}

#[test]
fn hours_for_a_list_are_saved_at_once_and_never_over_those_of_somebody_else() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).catalogue().list("ads", "block", "||ads.example^\n");
    let sordino = setup.table("[time]\nzone = \"Europe/Berlin\"\n").start();
    // It sets the password on the way.
    drop(sordino.rest());
    node("schedules", &[sordino.page().trim_end_matches('/'), PASSWORD, screens().to_str().unwrap()]);
}

#[test]
fn what_the_catalogue_says_is_read_in_german_and_dutch() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).catalogue();
    let own = setup.dir().join("flap.toml");
    std::fs::write(&own, OWN_CATALOGUE).unwrap();
    let sordino = setup.list_at("flap", "block", &own).table(HOUSE).start();
    for name in ["tracking.miui.com", "flap.example"] {
        Udp::from(([127, 0, 0, 11], 0).into(), sordino.dns()).ask(&query(name, A));
    }
    let rest = sordino.rest();
    let device = until("the device", || {
        let devices = rest.read("/api/v1/devices");
        Some(devices.as_array()?.iter().find(|device| device["name"] == "Anna's phone")?["id"].as_str()?.to_owned())
    });
    let (page, screens) = (sordino.page().trim_end_matches('/'), screens());
    node("words", &[page, PASSWORD, &device, screens.to_str().unwrap()]);
}

#[test]
fn a_list_is_added_and_changed_and_never_over_what_somebody_else_made_of_it() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder);
    // It sets the password on the way.
    drop(sordino.rest());
    node("lists", &[sordino.page().trim_end_matches('/'), PASSWORD, screens().to_str().unwrap()]);
}

#[test]
fn a_device_is_renamed_joined_and_split_and_put_back() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder);
    let leases = setup.dir().join("leases");
    std::fs::write(&leases, LEASES).unwrap();
    let sordino = setup.set("house", "leases", &format!("[{leases:?}]")).start();
    // It sets the password on the way.
    drop(sordino.rest());
    let dns = sordino.dns().to_string();
    node("devices", &[sordino.page().trim_end_matches('/'), PASSWORD, &dns, screens().to_str().unwrap()]);
}

#[test]
fn one_of_two_hundred_devices_is_found_and_read_by_keyboard() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder);
    for host in 1..=CROWD {
        Udp::from(([127, 0, 1, host], 0).into(), sordino.dns()).ask(&query("log.example", A));
    }
    let rest = sordino.rest();
    until("the crowd", || {
        let devices = rest.read("/api/v1/devices");
        (devices.as_array()?.len() >= usize::from(CROWD)).then_some(())
    });
    node("crowd", &[sordino.page().trim_end_matches('/'), PASSWORD, screens().to_str().unwrap()]);
}

/// For an hour by hand: `LEFT_OPEN=60 cargo test --test browser left_open -- --nocapture`.
#[test]
fn a_page_left_open_with_live_queries_does_not_grow() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder);
    // It sets the password on the way.
    drop(sordino.rest());
    let dns = sordino.dns().to_string();
    let minutes = std::env::var("LEFT_OPEN").unwrap_or_else(|_| LEFT_OPEN.to_owned());
    node("hour", &[sordino.page().trim_end_matches('/'), PASSWORD, &dns, "ads.example", &minutes]);
}

#[test]
fn every_page_is_seen_and_accessible() {
    if skipped() {
        return;
    }
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder);
    let (page, screens) = (sordino.page().trim_end_matches('/'), screens());
    let walked = [page, PASSWORD, screens.to_str().unwrap()];
    node_with("pages", &walked, &[("ONLY", "setup")]);
    for (host, names) in HABITS {
        let device = Udp::from(([127, 0, 0, host], 0).into(), sordino.dns());
        for (number, name) in names.iter().enumerate() {
            for qtype in [A, AAAA, HTTPS].into_iter().cycle().take(2 + 3 * number) {
                device.ask(&query(name, qtype));
            }
        }
    }
    let rest = sordino.rest();
    until("what the devices asked", || {
        let devices = rest.read("/api/v1/devices");
        (devices.as_array()?.len() >= HABITS.len()).then_some(())
    });
    // What only somebody who lives there brings in.
    for (call, brought) in [
        ("rules", json!({"name": "account.xiaomi.com", "subtree": true, "action": "allow", "scope": "everyone"})),
        ("profiles", json!({"name": "guests", "lists": {"ads": "watch"}})),
        ("schedules", json!({"name": "nights", "slots": [{"days": [], "from": "22:00", "to": "06:00"}]})),
    ] {
        let (status, answer) = rest.post(&format!("/api/v1/{call}"), &brought);
        assert!(status.is_success(), "{call}: {answer}");
    }
    node("pages", &walked);
}
