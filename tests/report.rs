//! `sordino report DEVICE` and the report of the page: one device, as something to hand to someone.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::path::Path;

use reqwest::StatusCode;
use support::client::Udp;
use support::forwarder::Forwarder;
use support::sordino::{Setup, Sordino, run, run_in};
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

/// What the template of an English report says and no other language does.
const ENGLISH: [&str; 34] = [
    "Report",
    "From ",
    " to ",
    "It asked",
    "questions",
    "known as telemetry",
    "muted",
    "midnight",
    "The device",
    "Hardware address",
    "Maker",
    "Addresses",
    "Profile<",
    "seen",
    "not known",
    "Who hears",
    "product, name",
    "Sends",
    "When",
    "Mon<",
    "Sun<",
    "Compared",
    "Before",
    "Let through",
    "answered",
    "first time",
    "Lists",
    "What it does",
    "mutes",
    "As of",
    "a file",
    "DNS cannot see",
    "Names only",
    "Written",
];

#[test]
fn a_report_is_wholly_in_the_language_asked_for() {
    const QUESTIONS: u64 = 1_205;
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder).start();
    let device = Udp::from(([127, 0, 0, 11], 0).into(), sordino.dns());
    // One that is watched, so that something is let through.
    device.ask(&query("api.browser.intl.miui.com", A));
    for _ in 2..QUESTIONS {
        device.ask(&query("data.mistat.intl.xiaomi.com", A));
    }
    device.ask(&query("www.example", A));
    let rest = sordino.rest();
    rest.journal("www.example");
    let id = rest.read("/api/v1/devices")[0]["id"]
        .as_str()
        .unwrap()
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('/', "%2F");
    let path = |more: &str| format!("/api/v1/devices/{id}/report?{more}");

    let page = |more: &str, accepted: &str| {
        let (status, headers, page) = rest.headed(&path(more), &[("accept-language", accepted)]);
        assert_eq!(status, StatusCode::OK, "{page}");
        (headers["content-language"].to_str().unwrap().to_owned(), page)
    };
    let (language, english) = page("lang=en", "de");
    assert_eq!(language, "en");
    assert!(
        english.contains("<html lang=en>") && english.contains("It asked 1,205 times. 1,204 questions, for 1 maker,"),
        "{english}"
    );
    for word in ENGLISH {
        assert!(english.contains(word), "{word:?} is no word of the template any more");
    }
    let first = |lang: &str, text: &str| {
        let (language, page) = page(&format!("lang={lang}"), "en");
        assert_eq!(language, lang);
        assert!(page.contains(&format!("<html lang={lang}>")) && page.contains(text), "{page}");
        let left: Vec<_> = ENGLISH.into_iter().filter(|word| page.contains(word)).collect();
        assert!(left.is_empty(), "{left:?} stands in the report in {lang}: {page}");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.matches("lang=").count() == 1, "something was left in another language: {page}");
        page
    };
    let german =
        first("de", "Es hat 1.205\u{2011}mal gefragt. 1.204 Fragen an 1 Hersteller sind als Telemetrie bekannt");
    assert!(
        german.contains("<td class=n>1.204<td class=n>1.203")
            && german.contains("Sendet: ")
            && german.contains("<th>Mo<")
    );
    let dutch = first("nl", "Het vroeg 1.205 keer iets. 1.204 vragen, aan 1 fabrikant, staan bekend als telemetrie");
    assert!(
        dutch.contains("<td class=n>1.204<td class=n>1.203") && dutch.contains("Stuurt: ") && dutch.contains("<th>ma<")
    );

    assert_eq!(page("format=html", "fr, nl;q=0.8, de;q=0.4").0, "nl");
    assert_eq!(page("format=html", "fr").0, "en");
    let (_, table) = page("lang=de&format=csv", "en");
    assert!(
        table.starts_with("from,to,device,vendor,product,purpose,sends,") && table.contains(",analytics,"),
        "{table}"
    );
    let json: serde_json::Value = serde_json::from_str(&page("lang=nl&format=json", "en").1).unwrap();
    let label = &json["exposure"]["vendors"][0]["products"][0]["names"][0]["label"];
    assert!(dutch.contains(label["sends"].as_str().unwrap()), "{label}");
    for wrong in ["lang=fr", "lang=", "lang=DE"] {
        assert_eq!(rest.get(&path(wrong)).0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[test]
fn the_command_writes_in_the_language_of_the_environment_or_the_one_it_is_told() {
    let forwarder = Forwarder::plain();
    let sordino = house(&forwarder).start();
    ask(&sordino);
    sordino.rest().journal("www.example");
    let config = sordino.dir().join("config.toml");
    let report = |environment: &[(&str, &str)], more: &[&str]| {
        let mut args = vec!["--config", config.to_str().unwrap(), "report", HOSTILE];
        args.extend(more);
        let (code, said) = run_in(environment, &args);
        assert_eq!(code, 0, "{said}");
        said
    };
    let none = [("LC_ALL", ""), ("LC_MESSAGES", ""), ("LANG", "")];
    assert!(report(&none, &[]).contains("<html lang=en>"));
    assert!(
        report(&[("LC_ALL", ""), ("LC_MESSAGES", "de_AT.UTF-8"), ("LANG", "nl_NL.UTF-8")], &[])
            .contains("<html lang=de>")
    );
    assert!(report(&none, &["--lang", "nl"]).contains("<html lang=nl>"));
    let (code, said) = run(&["--config", config.to_str().unwrap(), "report", HOSTILE, "--lang", "fr"]);
    assert!(code == 2 && said.contains("--lang"), "{code} {said}");
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
