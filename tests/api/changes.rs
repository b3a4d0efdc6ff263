//! What the page changes, and what it sees of the change.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::site::{Site, browser, event, problem};

async fn read(site: &Site, browser: &Client, path: &str) -> Value {
    let response = browser.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

async fn set_up(site: &Site, body: Value) -> (StatusCode, Client) {
    let browser = browser();
    let response = browser.post(site.url("/api/v1/setup")).json(&body).send().await.unwrap();
    (response.status(), browser)
}

async fn log_in(site: &Site, password: &str) -> StatusCode {
    let login = browser().post(site.url("/api/v1/login")).json(&json!({"password": password}));
    login.send().await.unwrap().status()
}

#[tokio::test]
async fn the_first_password_is_set_once_and_survives_a_restart() {
    let site = Site::without_password().await;
    assert_eq!(read(&site, &browser(), "/api/v1/session").await["setup_needed"], true);
    let (status, anna) = set_up(&site, json!({"password": "long enough"})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(site.is_logged_in(&anna).await);
    assert_eq!(set_up(&site, json!({"password": "mine from now on"})).await.0, StatusCode::CONFLICT);
    assert_eq!(log_in(&site, "mine from now on").await, StatusCode::UNAUTHORIZED);

    let site = site.restart().await;
    assert_eq!(read(&site, &browser(), "/api/v1/session").await["setup_needed"], false);
    assert!(!site.is_logged_in(&anna).await, "sessions do not survive a restart");
    assert_eq!(log_in(&site, "long enough").await, StatusCode::NO_CONTENT);
    site.close().await;
}

#[tokio::test]
async fn from_another_machine_the_code_opens_the_set_up() {
    let site = Site::without_password().await;
    let body = json!({"password": "long enough", "code": "brass-mute-7"});
    let setup = browser().post(site.url("/api/v1/setup")).header("x-forwarded-for", "192.0.2.7").json(&body);
    assert_eq!(setup.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    site.close().await;
}

#[tokio::test]
async fn another_password_ends_all_other_sessions() {
    let site = Site::without_password().await;
    let (_, anna) = set_up(&site, json!({"password": "long enough"})).await;
    let bob = browser();
    bob.post(site.url("/api/v1/login")).json(&json!({"password": "long enough"})).send().await.unwrap();
    assert!(site.is_logged_in(&bob).await);
    let change = |current: &str| json!({"current": current, "password": "another one"});
    let wrong = anna.put(site.url("/api/v1/password")).json(&change("not this")).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(site.is_logged_in(&bob).await);
    let right = anna.put(site.url("/api/v1/password")).json(&change("long enough")).send().await.unwrap();
    assert_eq!(right.status(), StatusCode::NO_CONTENT);
    assert!(site.is_logged_in(&anna).await && !site.is_logged_in(&bob).await);
    assert_eq!(log_in(&site, "another one").await, StatusCode::NO_CONTENT);
    site.close().await;
}

#[tokio::test]
async fn a_rule_holds_at_once_and_can_be_taken_back() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let rule =
        json!({"name": "Noise.example", "subtree": true, "action": "block", "scope": {"device": "ip-192.168.1.7"}});
    let response = anna.post(site.url("/api/v1/rules")).json(&rule).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let made: Value = response.json().await.unwrap();
    assert_eq!((&made["name"], &made["scope"]), (&json!("noise.example"), &json!({"device": "ip-192.168.1.7"})));
    let rules = read(&site, &anna, "/api/v1/rules").await;
    assert_eq!((&rules[0]["id"], &rules[0]["active"]), (&made["id"], &json!(true)));

    let verdict = async |query: &str| {
        let path = format!("/api/v1/explain?name=a.noise.example{query}");
        read(&site, &anna, &path).await["explanation"]["verdict"].clone()
    };
    assert_eq!(verdict("&device=ip-192.168.1.7").await, "block");
    assert_eq!(verdict("&device=ip-192.168.1.8").await, "pass");
    assert_eq!(verdict("").await, "pass");

    let path = format!("/api/v1/rules/{}", made["id"]);
    assert_eq!(anna.delete(site.url(&path)).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(verdict("&device=ip-192.168.1.7").await, "pass");
    let again = anna.delete(site.url(&path)).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    problem(again).await;
    site.close().await;
}

#[tokio::test]
async fn what_was_asked_is_shown_by_query_device_and_house() {
    let site = Site::open().await;
    site.record([event("noise.example", 1), event("b.noise.example", 28), event("other.example", 1)]).await;
    let anna = site.log_in().await;

    let first = read(&site, &anna, "/api/v1/queries?limit=2&verdict=block").await;
    let names = |page: &Value| page["events"].as_array().unwrap().iter().map(|e| e["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), ["other.example", "b.noise.example"]);
    let next = first["next"].as_str().unwrap();
    let second = read(&site, &anna, &format!("/api/v1/queries?limit=2&before={next}")).await;
    assert_eq!(names(&second), ["noise.example"]);
    assert_eq!(names(&read(&site, &anna, "/api/v1/queries?name=NOISE").await).len(), 2);
    assert_eq!(names(&read(&site, &anna, "/api/v1/queries?outcome=cached").await).len(), 0);
    assert_eq!(names(&read(&site, &anna, "/api/v1/queries?device=ip-192.168.1.8").await).len(), 0);

    let devices = read(&site, &anna, "/api/v1/devices").await;
    let device = &devices[0];
    assert_eq!((&device["id"], &device["muted"], &device["passed"]), (&json!("ip-192.168.1.7"), &json!(3), &json!(0)));
    assert!(device["first_seen"].as_u64() <= device["last_seen"].as_u64());
    let shown = read(&site, &anna, "/api/v1/devices/ip-192.168.1.7").await;
    assert_eq!(&shown["device"], device);
    assert_eq!(shown["exposure"]["totals"]["muted"], 3);
    let overview = read(&site, &anna, "/api/v1/overview?night_offset_minutes=60").await;
    assert_eq!((&overview["totals"]["muted"], &overview["names"]), (&json!(3), &json!(3)));

    let nobody = anna.get(site.url("/api/v1/devices/ip-192.168.1.8")).send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    problem(nobody).await;
    site.close().await;
}

#[tokio::test]
async fn a_device_is_called_as_the_page_says_unless_the_configuration_does() {
    let site = Site::open().await;
    site.record([event("noise.example", 1)]).await;
    let anna = site.log_in().await;
    let rename = async |id: &str, name: Value| {
        let call = anna.put(site.url(&format!("/api/v1/devices/{id}"))).json(&json!({"name": name}));
        call.send().await.unwrap().status()
    };
    assert_eq!(rename("ip-192.168.1.7", json!("Anna's phone")).await, StatusCode::NO_CONTENT);
    assert_eq!(read(&site, &anna, "/api/v1/devices").await[0]["name"], "Anna's phone");
    assert_eq!(read(&site, &anna, "/api/v1/queries").await["events"][0]["device_name"], "Anna's phone");
    assert_eq!(rename("ip-192.168.1.7", json!(null)).await, StatusCode::NO_CONTENT);
    assert_eq!(read(&site, &anna, "/api/v1/devices").await[0]["name"], "192.168.1.7");
    assert_eq!(rename("name-television", json!("TV")).await, StatusCode::CONFLICT);
    assert_eq!(rename("ip-192.168.1.7", json!("")).await, StatusCode::UNPROCESSABLE_ENTITY);
    site.close().await;
}

#[tokio::test]
async fn lists_are_shown_with_what_is_wrong_with_them() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let lists = read(&site, &anna, "/api/v1/lists").await;
    let list = &lists[0];
    assert_eq!((&list["name"], &list["group"], &list["fixed"]), (&json!("noise"), &json!("noise"), &json!(true)));
    assert_eq!((&list["action"], &list["trusted"], &list["names"]), (&json!("block"), &json!(false), &json!(1)));
    assert_eq!(list["source"], site.list().to_str().unwrap());
    assert_eq!((&list["problem"], &list["hits"]), (&Value::Null, &json!(0)));
    assert_eq!(read(&site, &anna, "/api/v1/status").await["lists_names"], 1);

    std::fs::remove_file(site.list()).unwrap();
    let reload = anna.post(site.url("/api/v1/reload")).json(&json!({})).send().await.unwrap();
    let problems: Value = reload.json().await.unwrap();
    let problem = problems["problems"][0].as_str().unwrap();
    assert!(problem.contains("noise"), "{problem}");
    assert!(read(&site, &anna, "/api/v1/lists").await[0]["problem"].is_string());
    let status = read(&site, &anna, "/api/v1/status").await;
    assert!(status["problems"].as_array().unwrap().iter().any(|trouble| trouble["kind"] == "list"), "{status}");
    site.close().await;
}

#[tokio::test]
async fn the_cache_forgets_and_says_how_much() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    for query in ["", "?name=noise.example", "?name=noise.example&subtree=true"] {
        let response = anna.delete(site.url(&format!("/api/v1/cache{query}"))).send().await.unwrap();
        assert_eq!(response.json::<Value>().await.unwrap(), json!({"removed": 0}), "{query}");
    }
    site.close().await;
}
