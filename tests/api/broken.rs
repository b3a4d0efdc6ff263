//! Something broke: what was muted, ranked, tried and taken back.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::site::{Site, event, problem};
use sordino::event::{Event, Outcome};
use sordino::policy::Verdict;
use sordino::time::Timestamp;

const DEVICE: &str = "ip-192.168.1.7";
const MINUTE: u64 = 60_000;

fn ago(minutes: u64, event: Event) -> Event {
    Event { at: Timestamp::from_millis(event.at.millis() - minutes * MINUTE), ..event }
}

async fn read(site: &Site, browser: &reqwest::Client, path: &str) -> Value {
    let response = browser.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

fn names(found: &Value) -> Vec<&str> {
    found["candidates"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_was_muted_is_ranked_allowed_for_a_while_and_taken_back() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let passed = Event { verdict: Verdict::Pass, outcome: Outcome::Failed, ..event("unanswered.example", 1) };
    let before = ago(60, event("telemetry.example", 1));
    // The list names telemetry.example only, so nothing else is muted any more.
    site.record([before, event("telemetry.example", 1), event("no.longer.example", 1), passed]).await;

    let path = format!("/api/v1/broken?device={DEVICE}");
    let found = read(&site, &anna, &path).await;
    assert_eq!(names(&found), ["telemetry.example"]);
    let signs = found["candidates"][0]["signs"].as_array().unwrap().clone();
    assert!(signs.contains(&json!("recent")), "{signs:?}");
    assert_eq!((&found["resolved"], &found["failed"]["queries"]), (&json!(1), &json!(1)));

    let until = Timestamp::from(std::time::SystemTime::now()).millis() + 10 * MINUTE;
    let rule = json!({"name": "telemetry.example", "action": "allow", "scope": {"device": DEVICE}, "until": until});
    let made = anna.post(site.url("/api/v1/rules")).json(&rule).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let id = made.json::<Value>().await.unwrap()["id"].as_u64().unwrap();
    let found = read(&site, &anna, &path).await;
    assert_eq!((names(&found), &found["resolved"]), (vec![], &json!(2)), "what is allowed is not what is missing");

    let gone = anna.delete(site.url(&format!("/api/v1/rules/{id}"))).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(names(&read(&site, &anna, &path).await), ["telemetry.example"]);
    site.close().await;
}

#[tokio::test]
async fn only_the_device_and_the_span_that_were_named_are_looked_at() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    site.record([ago(40, event("telemetry.example", 1))]).await;
    assert!(names(&read(&site, &anna, &format!("/api/v1/broken?device={DEVICE}")).await).is_empty());
    assert!(names(&read(&site, &anna, "/api/v1/broken?device=ip-192.168.1.8").await).is_empty());
    let from = Timestamp::from(std::time::SystemTime::now()).millis() - 60 * MINUTE;
    let found = read(&site, &anna, &format!("/api/v1/broken?device={DEVICE}&from={from}")).await;
    assert_eq!(names(&found), ["telemetry.example"]);
    for bad in ["/api/v1/broken", "/api/v1/broken?device=phone", "/api/v1/broken?device=ip-10.0.0.1&from=1"] {
        let response = anna.get(site.url(bad)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        problem(response).await;
    }
    site.close().await;
}
