//! The journal through the API: finding, collapsing, exporting, what is new, and forgetting.

use reqwest::{Client, Method};
use serde_json::Value;
use sordino::event::Event;
use sordino::policy::DeviceId;

use crate::site::{Site, event, problem};

fn asked(name: &str, qtype: u16, last: u8) -> Event {
    let address = std::net::IpAddr::from([192, 168, 1, last]);
    Event { address, device: DeviceId::Address(address), ..event(name, qtype) }
}

async fn read(site: &Site, browser: &Client, path: &str) -> Value {
    let response = browser.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

fn names(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn queries_are_found_by_what_they_have_and_by_what_they_have_not() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    site.record([
        asked("a.bank.example", 1, 7),
        asked("bank.example", 28, 8),
        asked("riverbank.example", 65, 7),
        asked("other.test", 1, 11),
    ])
    .await;
    for (query, found) in [
        ("name=bank.example&match=exact", vec!["bank.example"]),
        ("name=bank.example&match=subtree", vec!["bank.example", "a.bank.example"]),
        ("name=bank.example", vec!["riverbank.example", "bank.example", "a.bank.example"]),
        ("name=%5E(a%5C.)%3Fbank&match=regex", vec!["bank.example", "a.bank.example"]),
        ("type=A,AAAA&not_name=other", vec!["bank.example", "a.bank.example"]),
        ("not_type=A", vec!["riverbank.example", "bank.example"]),
        ("device=ip-192.168.1.8,ip-192.168.1.11", vec!["other.test", "bank.example"]),
        ("not_device=ip-192.168.1.7&transport=udp", vec!["other.test", "bank.example"]),
        ("vendor=nobody", vec![]),
        ("not_vendor=nobody&type=HTTPS", vec!["riverbank.example"]),
        ("rcode=NXDOMAIN", vec![]),
        ("list=no-such-list", vec![]),
    ] {
        assert_eq!(names(&read(&site, &anna, &format!("/api/v1/queries?{query}")).await), found, "{query}");
    }
    for wrong in ["type=QUAD", "rcode=perhaps", "transport=pigeon", "match=maybe", "name=(&match=regex", "device=x"] {
        problem(site.call(&anna, &Method::GET, &format!("/api/v1/queries?{wrong}")).await).await;
    }
    site.close().await;
}

#[tokio::test]
async fn repeats_become_one_row_and_names_are_listed_once() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let beacon = |_| asked("beacon.example", 1, 7);
    site.record((0..123).map(beacon).chain([asked("once.example", 1, 7), asked("beacon.example", 1, 7)])).await;
    let page = read(&site, &anna, "/api/v1/queries?collapse=true").await;
    assert_eq!(names(&page), ["beacon.example", "once.example"]);
    assert_eq!((&page["events"][0]["count"], &page["next"]), (&Value::from(124), &Value::Null));
    let first = read(&site, &anna, "/api/v1/queries?collapse=true&limit=1").await;
    let next = first["next"].as_str().unwrap();
    let second = read(&site, &anna, &format!("/api/v1/queries?collapse=true&limit=1&before={next}")).await;
    assert_eq!((names(&first), names(&second)), (vec!["beacon.example"], vec!["once.example"]));
    let unique = read(&site, &anna, "/api/v1/queries/names").await;
    let rows: Vec<_> = unique["names"].as_array().unwrap().iter().map(|row| (&row["name"], &row["count"])).collect();
    assert_eq!(rows, [(&"beacon.example".into(), &124.into()), (&"once.example".into(), &1.into())]);
    site.close().await;
}

#[tokio::test]
async fn an_export_has_every_query_and_no_formula() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let mut events: Vec<Event> = (0..4_500).map(|number| asked(&format!("n{number}.example"), 1, 7)).collect();
    events.push(asked("=cmd.example", 1, 7));
    events.push(asked("+plus,comma.example", 1, 7));
    site.record(events).await;
    let csv = anna.get(site.url("/api/v1/queries/export?format=csv")).send().await.unwrap();
    assert!(csv.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let csv = csv.text().await.unwrap();
    assert_eq!(csv.lines().count(), 4_503);
    assert!(
        csv.starts_with("at,time,device,")
            && csv.contains(",\"'=cmd.example\",")
            && csv.contains(",\"'+plus,comma.example\",")
    );
    let lines =
        anna.get(site.url("/api/v1/queries/export?format=jsonl&name=n7")).send().await.unwrap().text().await.unwrap();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() == 111 && rows.iter().all(|row| row["name"].as_str().unwrap().starts_with("n7")));
    problem(site.call(&anna, &Method::GET, "/api/v1/queries/export?format=xls").await).await;
    // One that is not read to its end makes room again.
    for _ in 0..6 {
        let response = anna.get(site.url("/api/v1/queries/export")).send().await.unwrap();
        drop(response);
        while anna.get(site.url("/api/v1/queries/export?limit=1")).send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    }
    site.close().await;
}

#[tokio::test]
async fn what_is_new_is_shown_and_what_is_forgotten_is_not() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    site.record([asked("new.example", 1, 7), asked("kept.example", 1, 8)]).await;
    let firsts = read(&site, &anna, "/api/v1/firsts").await;
    assert_eq!(firsts["total"], 2);
    let of_one = read(&site, &anna, "/api/v1/firsts?device=ip-192.168.1.7").await;
    assert_eq!(of_one["firsts"][0]["name"], "new.example");
    assert_eq!(of_one["firsts"][0]["new_in_house"], true);

    problem(anna.delete(site.url("/api/v1/history")).send().await.unwrap()).await;
    let forget = |query: &'static str| anna.delete(site.url(&format!("/api/v1/history?{query}"))).send();
    assert_eq!(forget("device=ip-192.168.1.7").await.unwrap().status(), 204);
    assert_eq!(names(&read(&site, &anna, "/api/v1/queries").await), ["kept.example"]);
    assert_eq!(read(&site, &anna, "/api/v1/firsts").await["total"], 1);
    assert_eq!(forget("all=true").await.unwrap().status(), 204);
    assert!(names(&read(&site, &anna, "/api/v1/queries").await).is_empty());
    assert_eq!(read(&site, &anna, "/api/v1/firsts").await["total"], 0);
    site.close().await;
}
