//! Own rules of all kinds, and pauses, as the page makes them.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::site::{Site, problem};

async fn post(site: &Site, anna: &Client, path: &str, body: Value) -> (StatusCode, Value) {
    let response = anna.post(site.url(path)).json(&body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn put(site: &Site, anna: &Client, id: &Value, body: Value) -> (StatusCode, Value) {
    let response = anna.put(site.url(&format!("/api/v1/rules/{id}"))).json(&body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn read(site: &Site, anna: &Client, path: &str) -> Value {
    anna.get(site.url(path)).send().await.unwrap().json().await.unwrap()
}

/// What is done with `name`, and by which rule.
async fn first(site: &Site, anna: &Client, name: &str, device: &str) -> (Value, Value, Value) {
    let path = format!("/api/v1/explain?name={name}{device}");
    let explanation = read(site, anna, &path).await["explanation"].take();
    let first = &explanation["matches"][0];
    (explanation["verdict"].clone(), first["list"].clone(), first["rule"].clone())
}

#[tokio::test]
async fn a_rule_may_be_a_wildcard_or_a_regular_expression_and_carry_a_comment() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    for (kind, name, rule, named) in [
        ("wildcard", "Ads*.example", "ads*.example", "ads12.cdn.example"),
        ("regex", "^metrics?[0-9]+\\.", "/^metrics?[0-9]+\\./", "metric7.example"),
        ("exact", "alone.example", "alone.example", "alone.example"),
        ("subtree", "all.example", "||all.example^", "a.all.example"),
    ] {
        let body = json!({"name": name, "kind": kind, "comment": "  Since the update ", "action": "block", "scope": "everyone"});
        let (status, made) = post(&site, &anna, "/api/v1/rules", body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert_eq!((&made["kind"], &made["subtree"]), (&json!(kind), &json!(kind == "subtree")));
        assert_eq!(made["comment"], "Since the update");
        assert_eq!(first(&site, &anna, named, "").await, (json!("block"), json!("own"), json!(rule)));
    }
    assert_eq!(first(&site, &anna, "below.alone.example", "").await.0, "pass");
    let rules = read(&site, &anna, "/api/v1/rules").await;
    assert_eq!((&rules[0]["name"], &rules[0]["active"]), (&json!("ads*.example"), &json!(true)));

    let site = site.restart().await;
    let anna = site.log_in().await;
    assert_eq!(read(&site, &anna, "/api/v1/rules").await, rules, "rules survive a restart");
    site.close().await;
}

#[tokio::test]
async fn what_no_rule_can_be_is_refused_in_words() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    for (change, word) in [
        (json!({"name": "*", "kind": "wildcard"}), "every name there is"),
        (json!({"name": "plain.example", "kind": "wildcard"}), "has a * in it"),
        (json!({"name": "(", "kind": "regex"}), "cannot be used"),
        (json!({"name": "a*", "kind": "regex"}), "every name there is"),
        (json!({"name": "a..b"}), "is not a name"),
        (json!({"comment": "two\nlines"}), "one line"),
        (json!({"comment": "x".repeat(201)}), "at most 200"),
        (json!({"until": 1}), "in the past"),
        (json!({"scope": {"profile": "nobody"}}), "no profile"),
    ] {
        let mut body = json!({"name": "a.example", "subtree": false, "action": "block", "scope": "everyone"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, said) = post(&site, &anna, "/api/v1/rules", body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(said["detail"].as_str().unwrap().contains(word), "{said}");
    }
    assert_eq!(read(&site, &anna, "/api/v1/rules").await, json!([]));
    site.close().await;
}

#[tokio::test]
async fn a_rule_is_changed_in_its_place() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let rule = |name: &str, action: &str| json!({"name": name, "subtree": true, "action": action, "scope": "everyone"});
    let (_, one) = post(&site, &anna, "/api/v1/rules", rule("one.example", "block")).await;
    let (_, two) = post(&site, &anna, "/api/v1/rules", rule("two.example", "block")).await;
    let (status, changed) = put(&site, &anna, &one["id"], rule("one.example", "watch")).await;
    assert_eq!((status, &changed["id"], &changed["action"]), (StatusCode::OK, &one["id"], &json!("watch")));
    assert_eq!(first(&site, &anna, "a.one.example", "").await.0, "watch");
    let (status, said) = put(&site, &anna, &one["id"], rule("two.example", "allow")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    // A page tells it in another language by these, and whoever follows the type reads what it means.
    let told = |said: &Value| (said["type"].clone(), said["what"].clone(), said["name"].clone());
    assert_eq!(told(&said), (json!("/problems/taken"), json!("rule"), json!("two.example")));
    let meant = reqwest::get(site.url("/problems/taken")).await.unwrap();
    assert_eq!(meant.headers()["content-type"], "text/plain; charset=utf-8");
    assert!(meant.text().await.unwrap().starts_with("taken (409): there is one of that `name`"));
    problem(reqwest::get(site.url("/problems/nothing")).await.unwrap()).await;
    assert_eq!(put(&site, &anna, &json!(7), rule("new.example", "block")).await.0, StatusCode::NOT_FOUND);
    let gone = anna.put(site.url("/api/v1/rules/seven")).json(&rule("new.example", "block")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    problem(gone).await;
    let (status, said) = put(&site, &anna, &two["id"], rule("..", "block")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(told(&said), (json!("/problems/not-a-name"), Value::Null, json!("..")));
    assert_eq!(first(&site, &anna, "two.example", "").await.0, "block");
    site.close().await;
}

#[tokio::test]
async fn a_pause_lets_everything_through_for_whom_it_is_and_survives_a_restart() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let block = json!({"name": "mine.example", "subtree": true, "action": "block", "scope": "everyone"});
    post(&site, &anna, "/api/v1/rules", block).await;
    let until = 32_503_680_000_000_u64;
    let pause = json!({"scope": {"device": "ip-192.168.1.7"}, "until": until});
    let (status, made) = post(&site, &anna, "/api/v1/pauses", pause).await;
    assert_eq!((status, &made["until"]), (StatusCode::CREATED, &json!(until)), "{made}");
    let site = site.restart().await;
    let anna = site.log_in().await;
    assert_eq!(read(&site, &anna, "/api/v1/pauses").await, json!([made]));
    for name in ["telemetry.example", "mine.example", "other.example"] {
        let (verdict, list, _) = first(&site, &anna, name, "&device=ip-192.168.1.7").await;
        assert_eq!((verdict, list), (json!("allow"), json!("pause")), "{name}");
    }
    assert_eq!(first(&site, &anna, "telemetry.example", "&device=ip-192.168.1.8").await.0, "block");
    assert_eq!(first(&site, &anna, "mine.example", "").await.1, "own");

    let path = format!("/api/v1/pauses/{}", made["id"]);
    assert_eq!(anna.delete(site.url(&path)).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(first(&site, &anna, "telemetry.example", "&device=ip-192.168.1.7").await.0, "block");
    let again = anna.delete(site.url(&path)).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    problem(again).await;
    for pause in [json!({"scope": "everyone", "until": 1}), json!({"scope": {"profile": "nobody"}, "until": until})] {
        assert_eq!(post(&site, &anna, "/api/v1/pauses", pause).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(read(&site, &anna, "/api/v1/pauses").await, json!([]));
    site.close().await;
}

#[tokio::test]
async fn an_explanation_says_who_made_an_own_rule_or_a_pause_since_when_and_until_when() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let until = 32_503_680_000_000_u64;
    let rule = json!({"name": "mine.example", "comment": "since the update", "action": "block", "scope": "everyone", "until": until});
    let (_, made) = post(&site, &anna, "/api/v1/rules", rule).await;
    let pause = json!({"scope": {"device": "ip-192.168.1.7"}, "until": until});
    let (_, paused) = post(&site, &anna, "/api/v1/pauses", pause).await;
    let why = read(&site, &anna, "/api/v1/explain?name=mine.example&device=ip-192.168.1.7").await;
    let [pause, rule] = &why["explanation"]["matches"].as_array().unwrap()[..] else { panic!("{why}") };
    assert_eq!((&rule["since"], &rule["until"]), (&made["since"], &json!(until)));
    assert_eq!(
        (&rule["comment"], &rule["kept"], &rule["or_earlier"]),
        (&json!("since the update"), &json!("you"), &json!(false))
    );
    assert_eq!((&pause["since"], &pause["until"], &pause["kept"]), (&paused["since"], &json!(until), &json!("you")));
    let listed = read(&site, &anna, "/api/v1/explain?name=telemetry.example").await;
    let found = &listed["explanation"]["matches"][0];
    assert_eq!(found["kept"], "config");
    assert!(found["since"].is_u64() && found["list_since"] == found["since"], "{found}");
    site.close().await;
}
