//! Long lists, page by page.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;
use sordino::event::Event;
use sordino::policy::DeviceId;
use sordino::time::Clock;

use crate::site::{Site, event};

fn asked(address: &str, name: &str) -> Event {
    let address: IpAddr = address.parse().unwrap();
    Event { device: DeviceId::Address(address), address, ..event(name, 1) }
}

async fn read(site: &Site, browser: &Client, path: &str) -> (Option<String>, Value) {
    let response = browser.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    (link, response.json().await.unwrap())
}

#[tokio::test]
async fn devices_come_in_pages_for_who_asks_so() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let addresses: Vec<String> = (1..=7).map(|last| format!("192.168.7.{last}")).collect();
    site.record(addresses.iter().map(|address| asked(address, "a.example"))).await;

    let (link, all) = read(&site, &anna, "/api/v1/devices").await;
    assert_eq!((link, all.as_array().unwrap().len()), (None, 7), "old callers get all at once");

    let kept = format!("from={}", Clock::System.now().before(Duration::from_secs(3_600)).millis());
    let mut next = Some(format!("/api/v1/devices?limit=3&{kept}"));
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    while let Some(path) = next {
        let (link, page) = read(&site, &anna, &path).await;
        let page = page.as_array().unwrap();
        sizes.push(page.len());
        found.extend(page.iter().map(|device| device["id"].as_str().unwrap().to_owned()));
        next = link.map(|link| {
            let (path, rel) = link.split_once(">; ").unwrap();
            assert_eq!(rel, "rel=\"next\"");
            assert!(path.contains("limit=3") && path.contains(&kept), "{path}");
            path.trim_start_matches('<').to_owned()
        });
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(found, addresses.iter().map(|address| format!("ip-{address}")).collect::<Vec<_>>());
    for nonsense in ["limit=0", "limit=1001", "before=nobody"] {
        let response = anna.get(site.url(&format!("/api/v1/devices?{nonsense}"))).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{nonsense}");
    }
    site.close().await;
}

#[tokio::test]
async fn what_was_asked_first_comes_in_pages() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    site.record((0..5).map(|place| asked("192.168.7.1", &format!("n{place}.example")))).await;
    let (_, all) = read(&site, &anna, "/api/v1/firsts").await;
    assert_eq!((all["total"].as_u64(), &all["next"]), (Some(5), &Value::Null));

    let (mut found, mut before) = (Vec::new(), String::new());
    loop {
        let (_, page) = read(&site, &anna, &format!("/api/v1/firsts?limit=2{before}")).await;
        assert_eq!(page["total"], 5);
        found.extend(page["firsts"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(Value::Array(found), all["firsts"]);
    site.close().await;
}
