//! A list is fetched, kept, and fetched again; DNS goes on whatever happens.

use crate::server::{Page, Server};
use crate::support::authority::Authority;
use crate::support::forwarder::{Forwarder, a};
use crate::support::sordino::Setup;
use crate::support::until;
use crate::{done, failed, subscribed};

const MUTED: [&str; 1] = ["A 0.0.0.0"];
const ADDRESS: [&str; 1] = ["A 192.0.2.1"];

#[test]
fn a_list_is_fetched_and_its_names_are_muted() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "||ads.example^\n");
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    until("ads.example muted", || (house.resolve("x.ads.example") == MUTED).then_some(()));
    assert_eq!(house.resolve("other.example"), ADDRESS);
    let asked = server.wait_for("/list.txt", 1);
    assert_eq!(asked.headers["accept-encoding"], "gzip");
    for secret in ["cookie", "authorization", "referer"] {
        assert!(!asked.headers.contains_key(secret), "{asked:?}");
    }
}

#[test]
fn the_last_good_copy_is_in_force_after_a_restart_without_the_server() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "ads.example\n");
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    until("ads.example muted", || (house.resolve("ads.example") == MUTED).then_some(()));
    done(&house.rest(), "mine");
    drop(server);
    let house = house.kill_and_restart();
    // At the first question, without waiting for anything.
    assert_eq!(house.resolve("ads.example"), MUTED);
    let rest = house.rest();
    assert_eq!(rest.post("/api/v1/lists/mine/refresh", &serde_json::json!({})).0, 202);
    let failure = failed(&rest, "mine", 1);
    assert!(failure["trouble"].as_str().unwrap().contains("cannot be reached"), "{failure}");
    assert_eq!(house.resolve("ads.example"), MUTED);
}

#[test]
fn dns_does_not_wait_for_a_list_that_never_comes() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.on("/list.txt", Page::Stuck);
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    server.wait_for("/list.txt", 1);
    assert_eq!(house.resolve("ads.example"), ADDRESS);
    assert_eq!(crate::list(&house.rest(), "mine")["subscription"]["stage"], "fetching");
}

#[test]
fn a_list_that_did_not_change_is_not_sent_again() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.on("/list.txt", Page::Tagged("\"one\"", "ads.example\n".into()));
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    let rest = house.rest();
    let first = done(&rest, "mine");
    rest.post("/api/v1/lists/mine/refresh", &serde_json::json!({}));
    assert_eq!(server.wait_for("/list.txt", 2).headers["if-none-match"], "\"one\"");
    let second = until("another look", || Some(done(&rest, "mine")).filter(|now| now["checked"] != first["checked"]));
    assert_eq!(second["fetched"], first["fetched"]);
    server.on("/list.txt", Page::Tagged("\"two\"", "tv.example\n".into()));
    rest.post("/api/v1/lists/mine/refresh", &serde_json::json!({}));
    until("the new names", || (house.resolve("tv.example") == MUTED).then_some(()));
    assert_eq!(house.resolve("ads.example"), ADDRESS);
    assert_eq!(done(&rest, "mine")["sizes"].as_array().unwrap().len(), 2);
}

#[test]
fn no_list_mutes_a_server_of_lists_and_one_that_the_operator_mutes_is_asked_all_the_same() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    forwarder.holds("lists.example", vec![a("lists.example", 300, "127.0.0.1")]);
    server.holds("/list.txt", "||lists.example^\nads.example\n");
    let url = format!("http://lists.example:{}/list.txt", server.port());
    let house = subscribed(Setup::before(&forwarder), "mine", &url).start();
    until("ads.example muted", || (house.resolve("ads.example") == MUTED).then_some(()));
    let rest = house.rest();
    done(&rest, "mine");
    let decided = || {
        let explanation = rest.read("/api/v1/explain?name=lists.example")["explanation"].take();
        (explanation["verdict"].clone(), explanation["matches"][0]["list"].clone())
    };
    assert_eq!(decided(), ("allow".into(), "essential".into()));
    let rule = serde_json::json!({ "name": "lists.example", "subtree": false, "action": "block", "scope": "everyone" });
    rest.post("/api/v1/rules", &rule);
    assert_eq!(decided(), ("block".into(), "own".into()));
    server.holds("/list.txt", "lists.example\ntv.example\n");
    rest.post("/api/v1/lists/mine/refresh", &serde_json::json!({}));
    until("the next state of the list", || (house.resolve("tv.example") == MUTED).then_some(()));
}

#[test]
fn a_list_comes_over_https_from_whom_the_certificate_names() {
    let (authority, forwarder) = (Authority::new(), Forwarder::plain());
    let server = Server::encrypted(&authority);
    server.holds("/list.txt", "ads.example\n");
    for name in ["lists.example", "stranger.example"] {
        forwarder.holds(name, vec![a(name, 300, "127.0.0.1")]);
    }
    let url = |name: &str| format!("https://{name}:{}/list.txt", server.port());
    let setup = subscribed(Setup::before(&forwarder), "mine", &url("lists.example"));
    let setup = subscribed(setup, "strange", &url("stranger.example"));
    let house = setup.table(&format!("\n[lists]\nca = {:?}\n", authority.path())).start();
    let rest = house.rest();
    done(&rest, "mine");
    assert_eq!(house.resolve("ads.example"), MUTED);
    let failure = failed(&rest, "strange", 1);
    assert!(failure["trouble"].as_str().unwrap().contains("certificate"), "{failure}");
}

#[test]
fn a_reload_of_the_configuration_brings_a_list_and_takes_it() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "ads.example\n");
    let house = Setup::before(&forwarder).start();
    let config = house.dir().join("config.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    let list = format!("\n[[list]]\nname = \"mine\"\nsource = {:?}\nprivate_server = true\n", server.url("/list.txt"));
    std::fs::write(&config, format!("{before}{list}")).unwrap();
    house.signal("HUP");
    until("ads.example muted", || (house.resolve("ads.example") == MUTED).then_some(()));
    std::fs::write(&config, before).unwrap();
    house.signal("HUP");
    until("ads.example resolved", || (house.resolve("ads.example") == ADDRESS).then_some(()));
}
