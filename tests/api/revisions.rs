//! Two people who change the same: who saw an older state is told.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sordino::api;

use crate::site::{Site, event};

const CHANGED: &str = "/problems/changed-meanwhile";

async fn read(site: &Site, browser: &Client, path: &str) -> (String, Value) {
    let response = browser.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    (tag, response.json().await.unwrap())
}

fn call(site: &Site, browser: &Client, method: Method, path: &str, tag: &str) -> RequestBuilder {
    let request = browser.request(method, site.url(path)).header("content-type", "application/json");
    if tag.is_empty() { request } else { request.header("if-match", tag) }
}

async fn assert_changed(response: Response) {
    assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED, "{}", response.url());
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], CHANGED);
}

fn rule(name: &str) -> Value {
    json!({"name": name, "subtree": true, "action": "block", "scope": "everyone"})
}

fn night() -> Value {
    json!({"days": [], "from": "21:00", "to": "07:00"})
}

fn quoted(revision: &Value) -> String {
    format!("\"{}\"", revision.as_str().unwrap())
}

#[tokio::test]
async fn a_rule_that_someone_else_changed_is_not_changed_again_unseen() {
    let site = Site::open().await;
    let (anna, bob) = (site.log_in().await, site.log_in().await);
    for name in ["a.example", "b.example"] {
        anna.post(site.url("/api/v1/rules")).json(&rule(name)).send().await.unwrap().error_for_status().unwrap();
    }
    let (all, rules) = read(&site, &anna, "/api/v1/rules").await;
    let (one, other) = (&rules[0], &rules[1]);
    let path = |rule: &Value| format!("/api/v1/rules/{}", rule["id"]);
    let seen = quoted(&one["revision"]);

    let first = call(&site, &bob, Method::PUT, &path(one), &seen).json(&rule("c.example")).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    assert_changed(call(&site, &anna, Method::PUT, &path(one), &seen).json(&rule("d.example")).send().await.unwrap())
        .await;
    assert_changed(call(&site, &anna, Method::DELETE, &path(one), &seen).send().await.unwrap()).await;
    assert_changed(call(&site, &anna, Method::DELETE, &path(one), &all).send().await.unwrap()).await;
    assert_changed(
        call(&site, &anna, Method::POST, "/api/v1/rules", &all).json(&rule("e.example")).send().await.unwrap(),
    )
    .await;
    let (_, now) = read(&site, &anna, "/api/v1/rules").await;
    assert_eq!((now[0]["name"].as_str(), now.as_array().unwrap().len()), (Some("c.example"), 2), "Bob's stands");

    // Another rule is another matter, its own tag still holds; and who looked again may go on.
    let untouched = quoted(&other["revision"]);
    let removed = call(&site, &anna, Method::DELETE, &path(other), &untouched).send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_changed(call(&site, &bob, Method::DELETE, &path(other), &untouched).send().await.unwrap()).await;
    let again = quoted(&now[0]["revision"]);
    let tags = format!("\"0\", {again}");
    let again = call(&site, &anna, Method::PUT, &path(one), &tags).json(&rule("d.example")).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    // Who does not say what was seen changes what is there, as ever.
    let careless = call(&site, &bob, Method::DELETE, &path(one), "").send().await.unwrap();
    assert_eq!(careless.status(), StatusCode::NO_CONTENT);
    site.close().await;
}

#[tokio::test]
async fn of_many_who_saw_the_same_one_alone_changes_it() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    anna.post(site.url("/api/v1/rules")).json(&rule("a.example")).send().await.unwrap();
    let (_, rules) = read(&site, &anna, "/api/v1/rules").await;
    let (path, seen) = (format!("/api/v1/rules/{}", rules[0]["id"]), quoted(&rules[0]["revision"]));
    let attempts = (0..24).map(|place| {
        let wished = rule(&format!("n{place}.example"));
        call(&site, &anna, Method::PUT, &path, &seen).json(&wished).send()
    });
    let answers = futures_util::future::join_all(attempts).await;
    let mut taken = Vec::new();
    for answer in answers {
        let answer = answer.unwrap();
        match answer.status() {
            StatusCode::OK => taken.push(answer.json::<Value>().await.unwrap()["name"].clone()),
            _ => assert_changed(answer).await,
        }
    }
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(read(&site, &anna, "/api/v1/rules").await.1[0]["name"], taken[0]);
    site.close().await;
}

#[tokio::test]
async fn a_device_has_a_tag_that_its_name_changes_and_its_queries_do_not() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    site.record([event("a.example", 1)]).await;
    let path = "/api/v1/devices/ip-192.168.1.7";
    let (seen, page) = read(&site, &anna, path).await;
    assert_eq!(seen, quoted(&page["device"]["revision"]));
    let (_, devices) = read(&site, &anna, "/api/v1/devices").await;
    assert_eq!(devices[0]["revision"], page["device"]["revision"]);

    site.record([event("b.example", 1)]).await;
    assert_eq!(read(&site, &anna, path).await.0, seen);
    let name = |name: &str| json!({"name": name});
    let named = call(&site, &anna, Method::PUT, path, &seen).json(&name("Phone")).send().await.unwrap();
    assert_eq!(named.status(), StatusCode::NO_CONTENT);
    assert_changed(call(&site, &anna, Method::PUT, path, &seen).json(&name("Tablet")).send().await.unwrap()).await;
    assert_eq!(read(&site, &anna, path).await.1["device"]["name"], "Phone");

    // The tag follows from what is said alone, so it is the same after a restart.
    let (named, _) = read(&site, &anna, path).await;
    let site = site.restart().await;
    let anna = site.log_in().await;
    assert_eq!(read(&site, &anna, path).await.0, named);
    site.close().await;
}

#[tokio::test]
async fn a_schedule_that_someone_else_changed_is_not_changed_again_unseen() {
    let site = Site::open().await;
    let (anna, bob) = (site.log_in().await, site.log_in().await);
    let (path, one) = ("/api/v1/schedules", "/api/v1/schedules/school");
    let (none, _) = read(&site, &anna, path).await;
    let school = json!({"name": "school", "slots": [night()]});
    let made = call(&site, &anna, Method::POST, path, &none).json(&school).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_changed(call(&site, &bob, Method::POST, path, &none).json(&school).send().await.unwrap()).await;
    let (_, timetable) = read(&site, &anna, path).await;
    let seen = quoted(&timetable["schedules"][0]["revision"]);
    let change = |from: &str| json!({"slots": [{"days": [], "from": from, "to": "07:00"}], "uses": []});

    let first = call(&site, &bob, Method::PUT, one, &seen).json(&change("20:00")).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    assert_changed(call(&site, &anna, Method::PUT, one, &seen).json(&change("22:00")).send().await.unwrap()).await;
    assert_changed(call(&site, &anna, Method::DELETE, one, &seen).send().await.unwrap()).await;
    let (all, now) = read(&site, &anna, path).await;
    assert_eq!(now["schedules"][0]["slots"][0]["from"], "20:00", "Bob's stands");
    assert_ne!(all, none);

    let again = quoted(&now["schedules"][0]["revision"]);
    let removed = call(&site, &anna, Method::DELETE, one, &again).send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    site.close().await;
}

#[tokio::test]
async fn a_pause_that_someone_else_made_again_is_not_ended_unseen() {
    let site = Site::open().await;
    let (anna, bob) = (site.log_in().await, site.log_in().await);
    let path = "/api/v1/pauses";
    let pause = |until: u64| json!({"scope": "everyone", "until": until});
    let made = call(&site, &anna, Method::POST, path, "").json(&pause(4_000_000_000_000)).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    let (all, pauses) = read(&site, &anna, path).await;
    assert_eq!(pauses, json!([made]));
    let one = format!("{path}/{}", made["id"]);
    assert_changed(call(&site, &bob, Method::DELETE, &one, "\"0\"").send().await.unwrap()).await;

    let again = call(&site, &bob, Method::POST, path, &all).json(&pause(4_100_000_000_000)).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_changed(call(&site, &anna, Method::DELETE, &one, &quoted(&made["revision"])).send().await.unwrap()).await;
    assert_changed(call(&site, &anna, Method::POST, path, &all).json(&pause(4_200_000_000_000)).send().await.unwrap())
        .await;
    let (_, now) = read(&site, &anna, path).await;
    assert_eq!(now[0]["until"], 4_100_000_000_000_u64, "Bob's stands");
    let ended = call(&site, &anna, Method::DELETE, &format!("{path}/{}", now[0]["id"]), &quoted(&now[0]["revision"]));
    assert_eq!(ended.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    site.close().await;
}

#[tokio::test]
async fn every_call_that_is_said_to_take_a_tag_refuses_a_stale_one() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let bodies = [
        ("/api/v1/addresses", json!({"address": "192.168.1.7", "apart": true})),
        ("/api/v1/devices/{id}", json!({"name": "Phone"})),
        ("/api/v1/devices/{id}/joined", json!({"to": null})),
        ("/api/v1/devices/{id}/profile", json!({"profile": null})),
        ("/api/v1/lists", json!({"name": "x", "source": "https://lists.example/x"})),
        ("/api/v1/lists/{name}", json!({"enabled": false})),
        ("/api/v1/local", json!({"name": "nas.home.arpa", "type": "A", "value": "192.168.1.4"})),
        ("/api/v1/pauses", json!({"scope": "everyone", "until": 4_000_000_000_000_u64})),
        ("/api/v1/profiles", json!({"name": "x"})),
        ("/api/v1/profiles/{name}", json!({"lists": {}})),
        ("/api/v1/rules", rule("a.example")),
        ("/api/v1/rules/{id}", rule("a.example")),
        ("/api/v1/schedules", json!({"name": "x", "slots": [night()]})),
        ("/api/v1/schedules/{name}", json!({"slots": [night()], "uses": []})),
    ];
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            if !parameters.iter().any(|parameter| parameter["name"] == "If-Match") {
                continue;
            }
            let id = if path.contains("/devices/") { "ip-192.168.1.7" } else { "7" };
            let target = path.replace("{id}", id).replace("{name}", "x").replace("{list}", "x");
            let mut request =
                call(&site, &anna, method.to_uppercase().parse().unwrap(), &target, "\"0123456789abcdef\"");
            if method != "delete"
                && let Some((_, body)) = bodies.iter().find(|(called, _)| called == path)
            {
                request = request.json(body);
            }
            assert_changed(request.send().await.unwrap()).await;
            tried += 1;
        }
    }
    assert_eq!(tried, 22, "calls that take a tag");
    assert!(!site.settings().exists(), "nothing was changed");
    site.close().await;
}
