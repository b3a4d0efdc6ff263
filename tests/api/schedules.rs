//! Schedules made in the page.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::site::{Site, problem};

const PHONE: &str = "ip-192.168.1.8";

async fn call(site: &Site, anna: &Client, method: Method, path: &str, body: Value) -> (StatusCode, String) {
    let response = anna.request(method, site.url(&format!("/api/v1{path}"))).json(&body).send().await.unwrap();
    let status = response.status();
    let detail = if status.is_success() { String::new() } else { problem(response).await };
    (status, detail)
}

async fn read(site: &Site, anna: &Client, path: &str) -> Value {
    anna.get(site.url(&format!("/api/v1{path}"))).send().await.unwrap().json().await.unwrap()
}

async fn verdict(site: &Site, anna: &Client, device: &str) -> Value {
    let path = format!("/explain?name=telemetry.example&device={device}");
    read(site, anna, &path).await["explanation"]["verdict"].clone()
}

/// A day that is neither today nor beside it, whatever happens at midnight while this runs.
fn another_day() -> String {
    let day = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date() + 3.days();
    day.strftime("%a").to_string().to_lowercase()
}

#[tokio::test]
async fn a_schedule_is_made_put_to_use_changed_and_taken_away() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    assert_eq!(read(&site, &anna, "/schedules").await, json!({"zone": "UTC", "schedules": []}));
    let always = json!([{"days": [], "from": "00:00", "to": "24:00"}]);
    let later = json!([{"days": [another_day()], "from": "10:00", "to": "11:00"}]);
    let night = json!({"name": "night", "slots": later, "uses": [{"list": "noise"}]});
    assert_eq!(call(&site, &anna, Method::POST, "/schedules", night.clone()).await.0, StatusCode::CREATED);
    assert_eq!(call(&site, &anna, Method::POST, "/schedules", night).await.0, StatusCode::CONFLICT);
    assert_eq!(verdict(&site, &anna, PHONE).await, "pass", "it is out of force at this hour");
    let row = read(&site, &anna, "/schedules").await["schedules"][0].clone();
    assert_eq!((&row["fixed"], &row["holds"]), (&json!(false), &json!(false)));
    assert_eq!((&row["slots"], &row["uses"]), (&later, &json!([{"list": "noise", "profile": null}])));
    assert!(row["changes_at"].is_u64(), "{row}");

    let site = site.restart().await;
    let anna = site.log_in().await;
    assert_eq!(verdict(&site, &anna, PHONE).await, "pass", "it survives a restart");
    let change = json!({"slots": always, "uses": [{"list": "noise"}]});
    assert_eq!(call(&site, &anna, Method::PUT, "/schedules/night", change).await.0, StatusCode::NO_CONTENT);
    assert_eq!(verdict(&site, &anna, PHONE).await, "block");
    let change = json!({"slots": later, "uses": [{"list": "noise"}]});
    assert_eq!(call(&site, &anna, Method::PUT, "/schedules/night", change).await.0, StatusCode::NO_CONTENT);
    assert_eq!(verdict(&site, &anna, PHONE).await, "pass");
    assert_eq!(call(&site, &anna, Method::DELETE, "/schedules/night", json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(verdict(&site, &anna, PHONE).await, "block", "at all hours again");
    assert_eq!(call(&site, &anna, Method::DELETE, "/schedules/night", json!({})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_profile_of_the_page_has_hours_of_its_own_and_takes_them_along_when_it_goes() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let kids = json!({"name": "kids", "lists": {}});
    assert_eq!(call(&site, &anna, Method::POST, "/profiles", kids).await.0, StatusCode::CREATED);
    let place = json!({"profile": "kids"});
    assert_eq!(
        call(&site, &anna, Method::PUT, &format!("/devices/{PHONE}/profile"), place).await.0,
        StatusCode::NO_CONTENT
    );
    let slots = json!([{"days": [another_day()], "from": "10:00", "to": "11:00"}]);
    let homework = json!({"name": "homework", "slots": slots, "uses": [{"list": "noise", "profile": "kids"}]});
    assert_eq!(call(&site, &anna, Method::POST, "/schedules", homework).await.0, StatusCode::CREATED);
    let both = (verdict(&site, &anna, PHONE).await, verdict(&site, &anna, "ip-192.168.1.9").await);
    assert_eq!(both, (json!("pass"), json!("block")));
    let again = json!({"name": "more", "slots": slots, "uses": [{"list": "noise", "profile": "kids"}]});
    let (status, detail) = call(&site, &anna, Method::POST, "/schedules", again).await;
    assert!(status == StatusCode::CONFLICT && detail.contains("homework"), "{status} {detail}");
    assert_eq!(call(&site, &anna, Method::DELETE, "/profiles/kids", json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(read(&site, &anna, "/schedules").await["schedules"][0]["uses"], json!([]));
}

#[tokio::test]
async fn a_schedule_that_makes_no_sense_is_refused_with_the_reason() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let slot = json!({"days": ["mon"], "from": "21:00", "to": "07:00"});
    for (schedule, why) in [
        (json!({"name": "x", "slots": []}), "1 to 32 slots"),
        (json!({"name": "x", "slots": vec![&slot; 33]}), "1 to 32 slots"),
        (json!({"name": "x", "slots": [{"days": ["monday"], "from": "21:00", "to": "07:00"}]}), "monday"),
        (json!({"name": "x", "slots": [{"from": "25:00", "to": "07:00"}]}), "25:00"),
        (json!({"name": "x", "slots": [&slot], "uses": [{"list": "nothing"}]}), "no list called nothing"),
        (json!({"name": "x", "slots": [&slot], "uses": [{"list": "noise", "profile": "y"}]}), "no profile called y"),
        (json!({"name": "x", "slots": [&slot], "uses": [{"list": "noise"}, {"list": "noise"}]}), "twice"),
        (json!({"name": " x", "slots": [&slot]}), "64 characters"),
    ] {
        let (status, detail) = call(&site, &anna, Method::POST, "/schedules", schedule.clone()).await;
        assert!(status.is_client_error() && detail.contains(why), "{schedule}: {status} {detail}");
    }
    let always = json!({"name": "always", "slots": [&slot]});
    assert_eq!(call(&site, &anna, Method::POST, "/schedules", always).await.0, StatusCode::CONFLICT);
    assert_eq!(read(&site, &anna, "/schedules").await["schedules"], json!([]));
}
