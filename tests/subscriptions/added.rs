//! Lists that are added in the page.

use reqwest::Method;
use serde_json::json;

use crate::server::{Page, Server};
use crate::support::forwarder::Forwarder;
use crate::support::rest::Rest;
use crate::support::sordino::Setup;
use crate::support::until;
use crate::{done, list, subscribed};

const MUTED: [&str; 1] = ["A 0.0.0.0"];
const ADDRESS: [&str; 1] = ["A 192.0.2.1"];

fn put(rest: &Rest, path: &str, body: &serde_json::Value) -> u16 {
    rest.request(Method::PUT, path, &[("content-type", "application/json")], &body.to_string()).0.as_u16()
}

#[test]
fn a_list_is_added_switched_off_and_taken_away() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "ads.example\n");
    let house = Setup::before(&forwarder).start();
    let rest = house.rest();
    let new = json!({ "name": "mine", "source": server.url("/list.txt"), "private_server": true });
    assert_eq!(rest.post("/api/v1/lists", &new).0, 201);
    done(&rest, "mine");
    assert_eq!(list(&rest, "mine")["fixed"], false);
    assert_eq!(house.resolve("ads.example"), MUTED);
    assert_eq!(rest.post("/api/v1/lists", &new).0, 409, "a second one of the name");
    let why = rest.read("/api/v1/explain?name=ads.example")["explanation"]["matches"][0].clone();
    assert_eq!(
        (&why["kept"], &why["list_since"], &why["or_earlier"]),
        (&json!("keeper"), &why["since"], &json!(false))
    );
    assert!(
        why["since"].is_u64() && why["changed_by"].as_str().unwrap().starts_with("whoever keeps the list"),
        "{why}"
    );
    // It survives a power cut.
    let house = house.kill_and_restart();
    assert_eq!(house.resolve("ads.example"), MUTED);
    let rest = house.rest();
    assert_eq!(put(&rest, "/api/v1/lists/mine", &json!({ "action": "watch" })), 204);
    assert_eq!(house.resolve("ads.example"), ADDRESS);
    assert_eq!(list(&rest, "mine")["action"], "watch");
    assert_eq!(put(&rest, "/api/v1/lists/mine", &json!({ "action": "block", "enabled": false })), 204);
    assert_eq!(house.resolve("ads.example"), ADDRESS);
    assert_eq!(list(&rest, "mine")["subscription"]["enabled"], false);
    assert_eq!(rest.post("/api/v1/lists/mine/refresh", &json!({})).0, 404, "it is switched off");
    assert_eq!(put(&rest, "/api/v1/lists/mine", &json!({ "enabled": true })), 204);
    assert_eq!(house.resolve("ads.example"), MUTED);
    assert_eq!(rest.delete("/api/v1/lists/mine").0, 204);
    assert_eq!(house.resolve("ads.example"), ADDRESS);
    assert_eq!(rest.delete("/api/v1/lists/mine").0, 404);
    let lists = house.dir().join("data/lists");
    until("the copy gone", || (std::fs::read_dir(&lists).unwrap().count() == 0).then_some(()));
}

#[test]
fn a_list_of_the_configuration_can_be_fetched_but_not_changed() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "ads.example\n");
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    let rest = house.rest();
    done(&rest, "mine");
    assert_eq!(list(&rest, "mine")["fixed"], true);
    assert_eq!(put(&rest, "/api/v1/lists/mine", &json!({ "action": "allow" })), 409);
    assert_eq!(rest.delete("/api/v1/lists/mine").0, 409);
    let taken = json!({ "name": "mine", "source": "https://lists.example/" });
    assert_eq!(rest.post("/api/v1/lists", &taken).0, 409);
    rest.post("/api/v1/lists/mine/refresh", &json!({}));
    server.wait_for("/list.txt", 2);
}

#[test]
fn what_is_under_way_can_be_stopped() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.on("/list.txt", Page::Stuck);
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    let rest = house.rest();
    until("bytes that came", || (list(&rest, "mine")["subscription"]["bytes"] == 12).then_some(()));
    assert_eq!(rest.delete("/api/v1/lists/mine/refresh").0, 204);
    let stopped = crate::failed(&rest, "mine", 0);
    assert!(stopped["trouble"].as_str().unwrap().contains("stopped"), "{stopped}");
    assert_eq!(rest.delete("/api/v1/lists/mine/refresh").0, 404, "nothing is under way any more");
}

#[test]
fn what_is_no_list_is_not_added() {
    let forwarder = Forwarder::plain();
    let house = Setup::before(&forwarder).start();
    let rest = house.rest();
    let long = "a".repeat(65);
    for name in ["", " a", "a\nb", "a\u{0}b", "a\rb", &long, &"x".repeat(20_000)] {
        let (status, answer) = rest.post("/api/v1/lists", &json!({ "name": name, "source": "https://lists.example/" }));
        assert_eq!(status, 422, "{name:?}: {answer}");
    }
    for source in [
        "file:///etc/shadow",
        "http://127.0.0.1:8053/api",
        "http://169.254.169.254/",
        "https://a:b@lists.example/",
        "$(id)",
        "../../etc/passwd",
    ] {
        let (status, answer) = rest.post("/api/v1/lists", &json!({ "name": "mine", "source": source }));
        assert_eq!(status, 422, "{source:?}: {answer}");
    }
    for name in ["catalogue", "own"] {
        assert_eq!(rest.post("/api/v1/lists", &json!({ "name": name, "source": "https://lists.example/" })).0, 409);
    }
    assert_eq!(
        rest.post("/api/v1/lists", &json!({ "name": "mine", "source": "https://lists.example/", "trusted": true })).0,
        422
    );
    assert_eq!(rest.read("/api/v1/lists"), json!([]));
}

#[test]
fn names_that_mean_something_elsewhere_are_only_names() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "ads.example\n");
    let house = Setup::before(&forwarder).start();
    let rest = house.rest();
    for name in ["../../evil", "$(id)", "a\"b", "<script>", ".."] {
        let new = json!({ "name": name, "source": server.url("/list.txt"), "private_server": true });
        assert_eq!(rest.post("/api/v1/lists", &new).0, 201, "{name}");
        done(&rest, name);
    }
    let files = std::fs::read_dir(house.dir().join("data/lists")).unwrap().count();
    assert_eq!(files, 10, "a copy and a record of each, all in their place");
    let house = house.kill_and_restart();
    assert_eq!(house.rest().read("/api/v1/lists").as_array().unwrap().len(), 5);
}

#[test]
fn known_lists_can_be_chosen_from_and_none_is_fetched_unasked() {
    let forwarder = Forwarder::plain();
    let house = Setup::before(&forwarder).start();
    let known = house.rest().read("/api/v1/lists/catalogue");
    assert!(known.as_array().unwrap().iter().any(|list| list["name"] == "hagezi-xiaomi"), "{known}");
    assert!(forwarder.asked_all().is_empty(), "nobody was looked up");
}
