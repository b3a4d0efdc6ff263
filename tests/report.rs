//! `sordino report DEVICE` and the report of the page: one device, as something to hand to someone.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::path::Path;

use reqwest::StatusCode;
use support::client::Udp;
use support::forwarder::Forwarder;
use support::sordino::{Setup, Sordino, run};
use support::until;
use support::wire::{A, query};

const HOSTILE: &str = "<script>alert(1)</script>";

fn house(forwarder: &Forwarder) -> Setup {
    let device = format!("\n[[device]]\nname = {HOSTILE:?}\nip = \"127.0.0.11\"\n");
    Setup::before(forwarder).catalogue().table(&device)
}

fn ask(sordino: &Sordino) {
    let device = Udp::from(([127, 0, 0, 11], 0).into(), sordino.dns());
    for name in ["data.mistat.intl.xiaomi.com", "www.example", "<img/src=x/onerror=alert(1)>.example"] {
        device.ask(&query(name, A));
    }
}

#[test]
fn a_report_says_who_heard_what_and_is_safe_to_open() {
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder).start();
    ask(&sordino);
    let rest = sordino.rest();
    rest.journal("www.example");
    let id = rest.read("/api/v1/devices")[0]["id"].as_str().unwrap().to_owned();
    let id: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = |format: &str| format!("/api/v1/devices/{id}/report?format={format}");

    let (status, page) = rest.get(&path("html"));
    let page = page.as_str().unwrap().to_owned();
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("Xiaomi") && page.contains("data.mistat.intl.xiaomi.com") && page.contains("What DNS cannot see")
    );
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains("<img"), "{page}");
    let (_, table) = rest.get(&path("csv"));
    let table = table.as_str().unwrap();
    assert!(table.lines().any(|row| row.contains("data.mistat.intl.xiaomi.com,0,0,1,0")), "{table}");
    let report = rest.read(&path("json"));
    assert_eq!(report["exposure"]["totals"]["muted"], 1);
    assert!(report["lists"].as_array().unwrap().iter().all(|list| list["names"].as_u64().unwrap() > 0));
    assert_eq!(report["compared"]["vendors"][0]["before"], 0);
    assert_eq!(rest.get(&path("pdf")).0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(rest.get("/api/v1/devices/ip-10.1.2.3/report").0, StatusCode::NOT_FOUND);

    let bundle = rest.read("/api/v1/support").to_string();
    for name in ["xiaomi", "example", "127.0.0", "<script", "mistat"] {
        assert!(!bundle.contains(name), "the bundle names {name}: {bundle}");
    }
}

#[test]
fn the_command_asks_the_sordino_that_runs_and_else_reads_the_disk() {
    let forwarder = Forwarder::plain();
    let setup = house(&forwarder);
    let sordino = setup.start();
    ask(&sordino);
    let rest = sordino.rest();
    rest.journal("www.example");
    let report = |sordino: &Path, device: &str, format: &str| {
        let config = sordino.join("config.toml");
        run(&["--config", config.to_str().unwrap(), "report", device, "--format", format])
    };
    let (code, said) = report(sordino.dir(), HOSTILE, "json");
    let read: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{code} {said}"));
    assert_eq!((code, &read["exposure"]["totals"]["muted"]), (0, &1.into()), "{said}");
    let (code, said) = report(sordino.dir(), "10.1.2.3", "html");
    assert!(code == 1 && said.contains("10.1.2.3 never asked for anything"), "{code} {said}");
    let (code, said) = run(&["--config", sordino.dir().join("config.toml").to_str().unwrap(), "lists"]);
    let xiaomi = said.lines().find(|line| line.starts_with("xiaomi ")).unwrap();
    assert!(code == 0 && xiaomi.ends_with(" 1"), "{code} {said}");

    until("what was asked is on disk", || (rest.read("/api/v1/status")["store"]["unflushed"] == 0).then_some(()));
    sordino.signal("TERM");
    let sordino = sordino.stopped();
    let (code, said) = report(sordino.dir(), HOSTILE, "csv");
    assert!(code == 0 && said.contains("data.mistat.intl.xiaomi.com"), "{code} {said}");
    let (code, said) = report(sordino.dir(), "nobody", "html");
    assert!(code == 1 && said.contains("no device"), "{code} {said}");
}
