//! Identities that the operator joined are one device in all that is read, decided and forgotten, and several again when
//! they are split.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use support::client::Udp;
use support::files::files_with;
use support::forwarder::Forwarder;
use support::rest::Rest;
use support::sordino::{Setup, Sordino};
use support::until;
use support::wire::{A, query};

/// One phone under two addresses, of which the second was joined to the first, and a television.
const PHONE: &str = "ip-127.0.0.2";
const PRIVATE: &str = "ip-127.0.0.3";
const TELEVISION: &str = "ip-127.0.0.4";
const JSON: (&str, &str) = ("content-type", "application/json");

struct House {
    rest: Rest,
    sordino: Sordino,
    _forwarder: Forwarder,
}

impl House {
    /// Where the phone asked two names under each address, one of them under both, and the television one of its own.
    fn build() -> Self {
        let forwarder = Forwarder::plain();
        let sordino = Setup::before(&forwarder).list("noise", "block", "||tracker.example^\n||both.example^\n").start();
        let house = Self { rest: sordino.rest(), sordino, _forwarder: forwarder };
        let asked = [(2, "phone.example"), (2, "both.example"), (3, "both.example"), (3, "zqxjkvbp.tracker.example")];
        for (last, name) in asked.into_iter().chain([(4, "tv.example")]) {
            house.ask(last, name);
        }
        until("five queries in the journal", || (house.names("").len() == 5).then_some(()));
        house
    }

    fn joined() -> Self {
        let house = Self::build();
        house.join(PRIVATE, Some(PHONE));
        house
    }

    fn ask(&self, last: u8, name: &str) -> Vec<String> {
        Udp::from(([127, 0, 0, last], 0).into(), self.sordino.dns()).ask(&query(name, A)).texts()
    }

    fn join(&self, member: &str, to: Option<&str>) {
        self.put(&format!("/api/v1/devices/{member}/joined"), &json!({ "to": to }));
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) {
        let (status, text) = self.rest.request(Method::PUT, path, &[JSON], &body.to_string());
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {text}");
    }

    /// The names of the queries that a filter finds, in order.
    #[track_caller]
    fn names(&self, filter: &str) -> Vec<String> {
        names(&self.rest.read(&format!("/api/v1/queries?{filter}")))
    }
}

fn names(page: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        page["events"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

const OF_THE_PHONE: [&str; 4] = ["both.example", "both.example", "phone.example", "zqxjkvbp.tracker.example"];

#[test]
fn queries_are_found_by_each_identity_and_shown_under_the_main_one() {
    let house = House::joined();
    for id in [PHONE, PRIVATE] {
        let page = house.rest.read(&format!("/api/v1/queries?device={id}"));
        assert_eq!(names(&page), OF_THE_PHONE, "{id}");
        for row in page["events"].as_array().unwrap() {
            assert_eq!((&row["device"], &row["device_name"]), (&json!(PHONE), &json!("127.0.0.2")));
        }
        assert_eq!(house.names(&format!("not_device={id}")), ["tv.example"]);
        assert_eq!(house.names(&format!("device={id},{TELEVISION}")).len(), 5);
    }
    // Repeats of one device are one row, whichever identity it had.
    let page = house.rest.read(&format!("/api/v1/queries?collapse=true&device={PRIVATE}"));
    assert_eq!(names(&page), ["both.example", "phone.example", "zqxjkvbp.tracker.example"]);
    let both = page["events"].as_array().unwrap().iter().find(|row| row["name"] == "both.example").unwrap();
    assert_eq!(both["count"], 2);

    house.join(PRIVATE, None);
    assert_eq!(house.names(&format!("device={PRIVATE}")), ["both.example", "zqxjkvbp.tracker.example"]);
    assert_eq!(house.names(&format!("device={PHONE}")), ["both.example", "phone.example"]);
    assert_eq!(house.rest.read(&format!("/api/v1/queries?device={PRIVATE}"))["events"][0]["device"], PRIVATE);
}

#[test]
fn pages_go_backwards_through_all_identities_without_a_gap() {
    let house = House::joined();
    for collapse in [false, true] {
        let (mut found, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/queries?device={PHONE}&limit=1&collapse={collapse}{before}");
            let page = house.rest.read(&path);
            found.extend(names(&page));
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        found.sort_unstable();
        // Asked one behind the other, so they are one row although a page holds no more than one.
        if collapse {
            found.dedup();
            assert_eq!(found, ["both.example", "phone.example", "zqxjkvbp.tracker.example"]);
        } else {
            assert_eq!(found, OF_THE_PHONE);
        }
    }
}

#[test]
fn names_count_the_device_once() {
    let house = House::joined();
    let both = |filter: &str| {
        let page = house.rest.read(&format!("/api/v1/queries/names?{filter}"));
        let row = page["names"].as_array().unwrap().iter().find(|row| row["name"] == "both.example").cloned();
        row.map(|row| (row["count"].as_u64().unwrap(), row["devices"].as_u64().unwrap()))
    };
    assert_eq!(both(""), Some((2, 1)));
    assert_eq!(both(&format!("device={PRIVATE}")), Some((2, 1)));
    assert_eq!(both(&format!("not_device={PRIVATE}")), None);
    house.join(PRIVATE, None);
    assert_eq!(both(""), Some((2, 2)));
    assert_eq!(both(&format!("device={PRIVATE}")), Some((1, 1)));
}

#[test]
fn an_export_has_all_identities_under_the_main_one() {
    let house = House::joined();
    house.put(&format!("/api/v1/devices/{PHONE}"), &json!({ "name": "Anna's phone" }));
    let export = |query: &str| house.rest.request(Method::GET, &format!("/api/v1/queries/export?{query}"), &[], "").1;
    let lines = export(&format!("format=jsonl&device={PRIVATE}"));
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4, "{lines}");
    for row in rows {
        assert_eq!((&row["device"], &row["device_name"]), (&json!(PHONE), &json!("Anna's phone")));
    }
    let csv = export(&format!("format=csv&not_device={PRIVATE}"));
    assert_eq!((csv.lines().count(), csv.contains("tv.example")), (2, true), "{csv}");
}

#[test]
fn sums_and_ranks_are_of_the_device_and_not_of_its_identities() {
    let house = House::joined();
    let ranks = |overview: &Value| {
        let devices = overview["devices"].as_array().unwrap().iter();
        let figure = |row: &Value| row["muted"].as_u64().unwrap() + row["passed"].as_u64().unwrap();
        devices.map(|row| (row["id"].as_str().unwrap().to_owned(), figure(row))).collect::<Vec<_>>()
    };
    let overview = house.rest.read("/api/v1/overview");
    assert_eq!(ranks(&overview), [(PHONE.to_owned(), 4), (TELEVISION.to_owned(), 1)]);

    let all = house.rest.read("/api/v1/devices");
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    for id in [PHONE, PRIVATE] {
        let page = house.rest.read(&format!("/api/v1/devices/{id}"));
        assert_eq!((&page["device"]["id"], &page["device"]["joined"]), (&json!(PHONE), &json!([PRIVATE])));
        let totals = &page["exposure"]["totals"];
        assert_eq!((&totals["muted"], &totals["passed"]), (&json!(3), &json!(1)), "{id}");
    }
    house.join(PRIVATE, None);
    assert_eq!(ranks(&house.rest.read("/api/v1/overview")).len(), 3);
}

#[test]
fn what_if_and_hits_mean_all_identities() {
    let house = House::joined();
    let rule = json!({"name": "example", "subtree": true, "action": "allow", "scope": "everyone"});
    for id in [PHONE, PRIVATE] {
        let (_, effect) = house.rest.post("/api/v1/whatif", &json!({ "rule": rule, "device": id }));
        assert_eq!(effect["asked"], json!({ "names": 3, "queries": 4 }), "{effect}");
        assert_eq!(effect["let_through"], json!({ "names": 2, "queries": 3 }));
        assert_eq!(effect["devices"], json!([{"id": PHONE, "name": "127.0.0.2", "names": 2, "queries": 3}]));
        let hits = house.rest.read(&format!("/api/v1/hits?device={id}"));
        assert_eq!(hits["asked"], json!({ "names": 3, "queries": 4 }), "{hits}");
    }
    // A rule for one identity is tried on the whole device.
    let rule = json!({"name": "phone.example", "subtree": false, "action": "block", "scope": {"device": PRIVATE}});
    let (_, effect) = house.rest.post("/api/v1/whatif", &json!({ "rule": rule }));
    assert_eq!(effect["muted"], json!({ "names": 1, "queries": 1 }), "{effect}");
}

#[test]
fn rules_and_pauses_for_one_identity_are_for_the_device() {
    let house = House::build();
    let muted = vec!["A 0.0.0.0".to_owned()];
    let rule = json!({"name": "ads.example", "subtree": true, "action": "block", "scope": {"device": PRIVATE}});
    assert_eq!(house.rest.post("/api/v1/rules", &rule).0, StatusCode::CREATED);
    assert_ne!(house.ask(2, "ads.example"), muted);
    house.join(PRIVATE, Some(PHONE));
    assert_eq!(house.ask(2, "ads.example"), muted);
    assert_ne!(house.ask(4, "ads.example"), muted);
    let explained = house.rest.read(&format!("/api/v1/explain?name=ads.example&device={PHONE}"));
    assert_eq!(explained["explanation"]["verdict"], "block", "{explained}");

    let until = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 600_000;
    let pause = json!({"scope": {"device": PRIVATE}, "until": u64::try_from(until).unwrap()});
    assert_eq!(house.ask(2, "both.example"), muted);
    assert_eq!(house.rest.post("/api/v1/pauses", &pause).0, StatusCode::CREATED);
    assert_ne!(house.ask(2, "both.example"), muted);
    house.join(PRIVATE, None);
    assert_eq!(house.ask(2, "both.example"), muted);
}

#[test]
fn a_name_given_to_one_identity_is_the_device_s() {
    let house = House::joined();
    house.put(&format!("/api/v1/devices/{PRIVATE}"), &json!({ "name": "Anna's phone" }));
    assert_eq!(house.rest.read(&format!("/api/v1/devices/{PHONE}"))["device"]["name"], "Anna's phone");
}

#[test]
fn forgetting_the_device_forgets_what_all_its_identities_asked() {
    for id in [PHONE, PRIVATE] {
        let house = House::joined();
        let dir = house.sordino.dir().join("data");
        until("the marker on disk", || (!files_with(&dir, b"zqxjkvbp").is_empty()).then_some(()));
        // This may be in memory only.
        house.ask(3, "later.zqxjkvbp.example");
        until("it in the journal", || (house.names("name=later.zqxjkvbp").len() == 1).then_some(()));
        assert_eq!(house.rest.delete(&format!("/api/v1/history?device={id}")).0, StatusCode::NO_CONTENT);
        assert_eq!(files_with(&dir, b"zqxjkvbp"), Vec::<std::path::PathBuf>::new(), "{id}");
        assert_eq!(house.names(""), ["tv.example"]);
        let firsts = house.rest.read("/api/v1/firsts");
        assert_eq!((&firsts["total"], &firsts["firsts"][0]["name"]), (&json!(1), &json!("tv.example")));
        let devices = house.rest.read("/api/v1/devices");
        assert_eq!((devices.as_array().unwrap().len(), &devices[0]["id"]), (1, &json!(TELEVISION)));
        house.join(PRIVATE, None);
        assert_eq!(house.names(""), ["tv.example"], "nothing of it was only hidden");
    }
}

#[test]
fn live_queries_are_the_device_s() {
    let house = House::joined();
    let mut live = house.rest.live();
    house.ask(3, "now.example");
    let row = live.next();
    assert_eq!((&row["name"], &row["device"]), (&json!("now.example"), &json!(PHONE)));
}
