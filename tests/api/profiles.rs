//! Profiles made in the page, and which device has which.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::site::{Site, problem};

const PHONE: &str = "ip-192.168.1.8";

async fn call(site: &Site, anna: &Client, method: Method, path: &str, body: Value) -> StatusCode {
    let response = anna.request(method, site.url(path)).json(&body).send().await.unwrap();
    let status = response.status();
    if !status.is_success() {
        problem(response).await;
    }
    status
}

async fn read(site: &Site, anna: &Client, path: &str) -> Value {
    anna.get(site.url(path)).send().await.unwrap().json().await.unwrap()
}

async fn verdict(site: &Site, anna: &Client, device: &str) -> Value {
    let path = format!("/api/v1/explain?name=telemetry.example&device={device}");
    read(site, anna, &path).await["explanation"]["verdict"].clone()
}

#[tokio::test]
async fn a_profile_is_made_given_to_a_device_changed_and_taken_away() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    assert_eq!(read(&site, &anna, "/api/v1/profiles").await, json!([]));
    let guests = json!({"name": "guests", "lists": {"noise": "off"}});
    assert_eq!(call(&site, &anna, Method::POST, "/api/v1/profiles", guests.clone()).await, StatusCode::CREATED);
    assert_eq!(call(&site, &anna, Method::POST, "/api/v1/profiles", guests).await, StatusCode::CONFLICT);
    // Nobody has it yet: the house has the one that takes all lists as they are.
    assert_eq!(verdict(&site, &anna, PHONE).await, "block");
    let profiles = read(&site, &anna, "/api/v1/profiles").await;
    assert_eq!(
        (&profiles[0]["name"], &profiles[0]["usual"], &profiles[0]["fixed"]),
        (&json!("default"), &json!(true), &json!(true))
    );
    assert_eq!(
        (&profiles[1]["name"], &profiles[1]["lists"], &profiles[1]["fixed"]),
        (&json!("guests"), &json!({"noise": "off"}), &json!(false))
    );

    let place = |profile: Value| json!({"profile": profile});
    let path = format!("/api/v1/devices/{PHONE}/profile");
    assert_eq!(call(&site, &anna, Method::PUT, &path, place(json!("nobody"))).await, StatusCode::NOT_FOUND);
    assert_eq!(call(&site, &anna, Method::PUT, &path, place(json!("guests"))).await, StatusCode::NO_CONTENT);
    assert_eq!(
        (verdict(&site, &anna, PHONE).await, verdict(&site, &anna, "ip-192.168.1.9").await),
        (json!("pass"), json!("block"))
    );

    let site = site.restart().await;
    let anna = site.log_in().await;
    assert_eq!(verdict(&site, &anna, PHONE).await, "pass", "both survive a restart");
    assert_eq!(read(&site, &anna, "/api/v1/profiles").await[1]["devices"], 1);
    let change = |action: &str| json!({"lists": {"noise": action}});
    assert_eq!(
        call(&site, &anna, Method::PUT, "/api/v1/profiles/guests", change("watch")).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(verdict(&site, &anna, PHONE).await, "watch");

    // A rule that is for it would be for nobody.
    let rule = json!({"name": "a.example", "action": "block", "scope": {"profile": "guests"}});
    let made: Value = anna.post(site.url("/api/v1/rules")).json(&rule).send().await.unwrap().json().await.unwrap();
    let gone = anna.delete(site.url("/api/v1/profiles/guests")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::CONFLICT);
    assert!(problem(gone).await.contains("1 of your rules"));
    anna.delete(site.url(&format!("/api/v1/rules/{}", made["id"]))).send().await.unwrap();
    let gone = anna.delete(site.url("/api/v1/profiles/guests")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        (verdict(&site, &anna, PHONE).await, read(&site, &anna, "/api/v1/profiles").await),
        (json!("block"), json!([]))
    );
    site.close().await;
}

#[tokio::test]
async fn what_no_profile_can_be_is_refused_in_words() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    for (body, status) in [
        (json!({"name": " "}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"name": "x".repeat(65)}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"name": "a", "lists": {"nowhere": "off"}}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"name": "a", "lists": {"noise": "mute"}}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"name": "default"}), StatusCode::CONFLICT),
    ] {
        assert_eq!(call(&site, &anna, Method::POST, "/api/v1/profiles", body.clone()).await, status, "{body}");
    }
    let change = json!({"lists": {}});
    assert_eq!(call(&site, &anna, Method::PUT, "/api/v1/profiles/guests", change).await, StatusCode::NOT_FOUND);
    assert_eq!(read(&site, &anna, "/api/v1/profiles").await, json!([]));
    site.close().await;
}
