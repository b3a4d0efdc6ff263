//! What devices that were joined asked for the first time, and what they ask now.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use sordino::event::Event;
use sordino::policy::DeviceId;
use sordino::time::{Clock, Timestamp};

use crate::site::{Site, event, messages};

const PHONE: &str = "mac-3c:5a:b4:01:3c:21";
const PRIVATE: &str = "mac-3e:5a:b4:01:00:09";
const TELEVISION: &str = "name-television";

/// A whole second, from which times are told.
fn now() -> Timestamp {
    Timestamp::from_millis(Clock::System.now().millis() / 1_000 * 1_000)
}

/// A query of so many seconds before `now`.
fn asked(now: Timestamp, device: &str, name: &str, seconds: u64) -> Event {
    let event = event(name, 1);
    let device: DeviceId = device.parse().unwrap();
    let address = IpAddr::from([192, 168, 1, if device.to_string() == TELEVISION { 9 } else { 7 }]);
    Event { at: now.before(Duration::from_secs(seconds)), device, address, ..event }
}

async fn read(site: &Site, browser: &Client, path: &str) -> Value {
    let response = browser.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

async fn join(site: &Site, browser: &Client, to: Option<&str>) {
    let path = site.url(&format!("/api/v1/devices/{PRIVATE}/joined"));
    assert_eq!(browser.put(path).json(&json!({ "to": to })).send().await.unwrap().status(), 204);
}

/// Who asked what first and last, seconds before `now`, and whether that was the first time in the house; by name.
async fn firsts(site: &Site, browser: &Client, now: Timestamp, query: &str) -> Vec<(String, String, u64, u64, bool)> {
    let page = read(site, browser, &format!("/api/v1/firsts?{query}")).await;
    let ago = |value: &Value| (now.millis() - value.as_u64().unwrap()) / 1_000;
    let row = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        (text("device"), text("name"), ago(&row["first"]), ago(&row["last"]), row["new_in_house"] == true)
    };
    let mut rows: Vec<_> = page["firsts"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(page["total"], rows.len());
    rows.sort();
    rows
}

#[tokio::test]
async fn firsts_of_a_device_are_those_of_all_its_identities() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let now = now();
    site.record([
        asked(now, PRIVATE, "both.example", 3_000),
        asked(now, TELEVISION, "shared.example", 2_000),
        asked(now, PHONE, "both.example", 1_000),
        asked(now, PHONE, "shared.example", 900),
        asked(now, PRIVATE, "private.example", 800),
    ])
    .await;
    let row = |device: &str, name: &str, first, last, new| (device.to_owned(), name.to_owned(), first, last, new);
    let since = now.millis() - 1_500_000;

    let mut alone = firsts(&site, &anna, now, &format!("since={since}&device={PHONE}")).await;
    assert_eq!(alone, [row(PHONE, "both.example", 1_000, 1_000, false), row(PHONE, "shared.example", 900, 900, false)]);
    join(&site, &anna, Some(PHONE)).await;
    for id in [PHONE, PRIVATE] {
        // What the phone asked long ago under its other address is not new.
        let new = firsts(&site, &anna, now, &format!("since={since}&device={id}")).await;
        let shared = row(PHONE, "shared.example", 900, 900, false);
        assert_eq!(new, [row(PHONE, "private.example", 800, 800, true), shared.clone()], "{id}");
        let all = firsts(&site, &anna, now, &format!("since=0&device={id}")).await;
        let both = row(PHONE, "both.example", 3_000, 1_000, true);
        assert_eq!(all, [both, row(PHONE, "private.example", 800, 800, true), shared], "{id}");
    }
    assert_eq!(firsts(&site, &anna, now, "since=0").await.len(), 4);
    join(&site, &anna, None).await;
    assert_eq!(firsts(&site, &anna, now, "since=0").await.len(), 5);
    alone.retain(|(_, name, ..)| name == "both.example");
    let of_one = firsts(&site, &anna, now, &format!("since={since}&device={PHONE}")).await;
    assert_eq!(of_one[0], alone[0], "each has its own again");
    site.close().await;
}

#[tokio::test]
async fn a_device_was_heard_of_first_and_last_by_any_of_its_identities() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let now = now();
    let (early, late) = (asked(now, PRIVATE, "a.example", 3_000), asked(now, PRIVATE, "b.example", 100));
    let (first, last) = (early.at.millis(), late.at.millis());
    site.record([early, asked(now, PHONE, "a.example", 2_000), asked(now, PHONE, "b.example", 1_000), late]).await;
    join(&site, &anna, Some(PHONE)).await;
    let devices = read(&site, &anna, "/api/v1/devices").await;
    assert_eq!(devices.as_array().unwrap().len(), 1, "{devices}");
    let phone = &devices[0];
    assert_eq!((&phone["id"], &phone["muted"]), (&json!(PHONE), &json!(4)));
    assert_eq!((&phone["first_seen"], &phone["last_seen"]), (&json!(first), &json!(last)));
    site.close().await;
}

/// The id and the device of a message.
fn told(message: Option<(String, String)>) -> (Value, Value) {
    let query: Value = serde_json::from_str(&message.unwrap().1).unwrap();
    (query["id"].clone(), query["device"].clone())
}

#[tokio::test]
async fn live_queries_are_looked_for_and_shown_by_the_device() {
    use futures_util::StreamExt as _;
    let site = Site::open().await;
    let anna = site.log_in().await;
    let open = async |query: &str| {
        let live = anna.get(site.url(&format!("/api/v1/queries/live?{query}"))).send().await.unwrap();
        assert_eq!(live.status(), 200);
        messages(live).filter(|(event, _)| std::future::ready(event == "query"))
    };
    let (mut all, mut phone) = (open("").await, open(&format!("device={PHONE}")).await);
    let mut others = open(&format!("not_device={PHONE}&name=now")).await;
    for (joined, shown) in [(None, PRIVATE), (Some(PHONE), PHONE)] {
        join(&site, &anna, joined).await;
        site.tell(1, asked(now(), PRIVATE, "now.example", 0));
        assert_eq!(told(all.next().await).1, shown);
    }
    site.tell(2, asked(now(), TELEVISION, "other.example", 0));
    site.tell(3, asked(now(), TELEVISION, "now.example", 0));
    // It counts as the phone while it is joined, and not before; a stream that is open learns of that.
    assert_eq!(told(phone.next().await), (json!("1"), json!(PHONE)));
    assert_eq!(told(others.next().await), (json!("1"), json!(PRIVATE)));
    assert_eq!(told(others.next().await), (json!("3"), json!(TELEVISION)));
    let wrong = anna.get(site.url("/api/v1/queries/live?type=QUAD")).send().await.unwrap();
    assert_eq!(wrong.status(), 422);
    drop((all, phone, others));
    site.close().await;
}
