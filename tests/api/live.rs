//! Queries as they happen.

use futures_util::StreamExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::site::{self, Site, event, problem};

#[tokio::test]
async fn queries_arrive_live_and_whoever_is_too_slow_is_told() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let response = anna.get(site.url("/api/v1/queries/live")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut messages = site::messages(response);
    assert_eq!(messages.next().await.unwrap(), (String::new(), String::new()), "a comment opens the stream");

    site.tell(7, event("data.mistat.intl.xiaomi.com", 65));
    let (kind, data) = messages.next().await.unwrap();
    let query: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(kind, "query");
    assert_eq!((&query["id"], &query["name"]), (&json!("7"), &json!("data.mistat.intl.xiaomi.com")));
    assert_eq!((&query["qtype"], &query["rcode"]), (&json!("HTTPS"), &json!("NOERROR")));

    for id in 8..8 + 3 * site::LIVE_BOUND as u64 {
        site.tell(id, event("a.example", 1));
    }
    let (kind, data) = messages.next().await.unwrap();
    assert_eq!(kind, "lagged");
    assert!(serde_json::from_str::<Value>(&data).unwrap()["missed"].as_u64().unwrap() > 0);
    assert_eq!(messages.next().await.unwrap().0, "query", "and then it goes on");
    site.close().await;
}

#[tokio::test]
async fn live_streams_are_few_and_end_with_the_session() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        let response = anna.get(site.url("/api/v1/queries/live")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        streams.push(site::messages(response));
    }
    let one_more = anna.get(site.url("/api/v1/queries/live")).send().await.unwrap();
    assert_eq!(one_more.status(), StatusCode::SERVICE_UNAVAILABLE);
    problem(one_more).await;
    let status: Value = anna.get(site.url("/api/v1/status")).send().await.unwrap().json().await.unwrap();
    assert_eq!(status["counters"]["web_streams_refused"], 1);

    anna.post(site.url("/api/v1/logout")).json(&json!({})).send().await.unwrap();
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
    let anna = site.log_in().await;
    let response = anna.get(site.url("/api/v1/queries/live")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "the places are free again");
    site.close().await;
}
