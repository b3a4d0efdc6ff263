//! What a change would do, asked before it is made.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::site::{Site, browser, event, problem};

async fn ask(site: &Site, browser: &Client, question: Value) -> Value {
    let response = browser.post(site.url("/api/v1/whatif")).json(&question).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{question}");
    response.json().await.unwrap()
}

async fn hits(site: &Site, browser: &Client) -> Value {
    browser.get(site.url("/api/v1/hits")).send().await.unwrap().json().await.unwrap()
}

/// A house that asked for a name on its list twice, and for two others.
async fn house() -> (Site, Client) {
    let site = Site::open().await;
    let names = ["telemetry.example", "telemetry.example", "a.shop.example", "b.shop.example", "b.shop.example"];
    site.record(names.map(|name| event(name, 1))).await;
    let anna = site.log_in().await;
    (site, anna)
}

#[tokio::test]
async fn a_rule_is_tried_before_it_is_made() {
    let (site, anna) = house().await;
    let rule = json!({"name": "shop.example", "subtree": true, "action": "block", "scope": "everyone"});
    let effect = ask(&site, &anna, json!({"rule": rule})).await;
    assert_eq!((&effect["names"], &effect["queries"]), (&json!(2), &json!(3)), "{effect}");
    assert_eq!(effect["muted"], json!({"names": 2, "queries": 3}));
    assert_eq!(effect["asked"], json!({"names": 3, "queries": 5}));
    assert_eq!(effect["devices"], json!([{"id": "ip-192.168.1.7", "name": "192.168.1.7", "names": 2, "queries": 3}]));
    let first = &effect["top"][0];
    assert_eq!(
        (&first["name"], &first["queries"], &first["then"]),
        (&json!("b.shop.example"), &json!(2), &json!("block"))
    );
    assert_eq!(effect["top"].as_array().unwrap().len(), 2);

    let allow = json!({"name": "telemetry.example", "subtree": false, "action": "allow", "scope": "everyone"});
    let effect = ask(&site, &anna, json!({"rule": allow})).await;
    assert_eq!((&effect["let_through"]["queries"], &effect["muted"]["queries"]), (&json!(2), &json!(0)));
    let elsewhere = ask(&site, &anna, json!({"rule": allow, "device": "ip-192.168.1.8"})).await;
    assert_eq!((&elsewhere["queries"], &elsewhere["asked"]["queries"]), (&json!(0), &json!(0)));
    let before = ask(&site, &anna, json!({"rule": allow, "from": 1_000, "to": 2_000})).await;
    assert_eq!((&before["from"], &before["to"], &before["queries"]), (&json!(1_000), &json!(2_000), &json!(0)));

    // It was a question: nothing changed.
    let explained = anna.get(site.url("/api/v1/explain?name=a.shop.example")).send().await.unwrap();
    assert_eq!(explained.json::<Value>().await.unwrap()["explanation"]["verdict"], "pass");
    site.close().await;
}

#[tokio::test]
async fn a_list_is_tried_as_text_and_one_that_is_there_with_another_action() {
    let (site, anna) = house().await;
    let list = json!({"text": "# mine\n||shop.example^\ntelemetry.example\nno name at all\n"});
    let effect = ask(&site, &anna, json!({"list": list})).await;
    assert_eq!((&effect["muted"]["queries"], &effect["already"]["queries"]), (&json!(3), &json!(2)), "{effect}");
    assert_eq!((&effect["read"]["names"], &effect["read"]["rejected"]), (&json!(2), &json!(1)));
    let already = &effect["top"][2];
    assert_eq!(
        (&already["name"], &already["already"], &already["by"]),
        (&json!("telemetry.example"), &json!(true), &json!("noise"))
    );

    let watched = ask(&site, &anna, json!({"subscription": "noise", "action": "watch"})).await;
    assert_eq!((&watched["let_through"]["queries"], &watched["queries"]), (&json!(2), &json!(2)), "{watched}");
    let muted = ask(&site, &anna, json!({"subscription": "noise"})).await;
    assert_eq!((&muted["queries"], &muted["already"]["queries"]), (&json!(0), &json!(2)));
    site.close().await;
}

#[tokio::test]
async fn lists_tell_what_they_decide_and_what_others_do_as_well() {
    let (site, anna) = house().await;
    let own = json!({"name": "telemetry.example", "subtree": false, "action": "block", "scope": "everyone"});
    let work = hits(&site, &anna).await;
    let noise = &work["lists"][0];
    assert_eq!((&noise["list"], &noise["standing"]), (&json!("noise"), &json!("needed")));
    assert_eq!(noise["alone"], json!({"names": 1, "queries": 2}));
    assert_eq!(noise["rules"][0], json!({"rule": "telemetry.example", "verdict": "block", "names": 1, "queries": 2}));
    assert_eq!((&work["lists"][1]["list"], &work["lists"][1]["standing"]), (&json!("own"), &json!("idle")));

    let made = anna.post(site.url("/api/v1/rules")).json(&own).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let work = hits(&site, &anna).await;
    let noise = &work["lists"][0];
    assert_eq!((&noise["standing"], &noise["decided"]["queries"]), (&json!("redundant"), &json!(0)));
    assert_eq!((&noise["mutes"]["queries"], &noise["alone"]["queries"]), (&json!(2), &json!(0)));
    assert_eq!(work["overlaps"], json!([{"a": "noise", "b": "own", "names": 1, "queries": 2}]));
    site.close().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_says_why() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let rule = json!({"name": "a.example", "subtree": true, "action": "block", "scope": "everyone"});
    let browsers = "example.org##.advert\n".repeat(200);
    for (question, status) in [
        (json!({}), 422),
        (json!({"rule": rule, "subscription": "noise"}), 422),
        (json!({"subscription": "nobody"}), 404),
        (json!({"list": {"text": browsers}}), 422),
        (json!({"list": {"text": "vendor = 7", "format": "catalogue"}}), 422),
        (json!({"list": {"text": "", "format": "parchment"}}), 422),
        (json!({"subscription": "noise", "from": 2, "to": 1}), 422),
        (json!({"subscription": "noise", "extra": 1}), 422),
        (json!({"list": {"text": "x".repeat(6 << 20)}}), 413),
    ] {
        let response = anna.post(site.url("/api/v1/whatif")).json(&question).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{:.80}", question.to_string());
        problem(response).await;
    }
    // A list of a few megabytes is what this call is for.
    let list: String = (0..150_000).map(|number| format!("n{number}.example\n")).collect();
    assert!(list.len() > 2 << 20);
    let effect = ask(&site, &anna, json!({"list": {"text": list, "format": "names"}})).await;
    assert_eq!(effect["read"]["names"], 150_000);
    site.close().await;
}

#[tokio::test]
async fn prometheus_reads_the_counters_and_no_names() {
    let (site, anna) = house().await;
    let metrics = async |browser: &Client, forwarded: bool| {
        let mut request = browser.get(site.url("/metrics"));
        if forwarded {
            request = request.header("x-forwarded-for", "192.0.2.7");
        }
        request.send().await.unwrap()
    };
    let nobody = metrics(&browser(), true).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    problem(nobody).await;
    assert_eq!(metrics(&anna, true).await.status(), StatusCode::OK);

    let here = metrics(&browser(), false).await;
    assert_eq!(here.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = here.text().await.unwrap();
    assert!(text.contains("\nsordino_lists_names 1\n"), "{text}");
    assert!(text.contains("\nsordino_upstream_answered_total{server=\"udp://127.0.0.1:9\"} 0\n"), "{text}");
    assert!(!text.contains("example"), "{text}");
    let mut families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let counted = families.len();
    families.sort_unstable();
    families.dedup();
    assert!(counted > 20 && families.len() == counted, "each family once: {text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    site.close().await;
}
