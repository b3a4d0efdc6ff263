//! `sordino update` and `sordino lists`, beside a sordino that runs and without one.

use crate::server::{Page, Server};
use crate::support::forwarder::Forwarder;
use crate::support::sordino::{Setup, run};
use crate::{done, subscribed};

#[test]
fn a_list_is_updated_without_a_sordino_that_runs() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.on("/list.txt", Page::Tagged("\"one\"", "ads.example\ntv.example\n".into()));
    let setup = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt"));
    let config = setup.write();
    let sordino = |words: &[&str]| run(&[&["--config", config.to_str().unwrap()], words].concat());
    let (code, text) = sordino(&["lists"]);
    assert!(code == 0 && text.contains("not fetched yet"), "{text}");
    let (code, text) = sordino(&["update"]);
    assert!(code == 0 && text.contains("mine  fetched, 2 names"), "{code} {text}");
    let (code, text) = sordino(&["update", "mine"]);
    assert!(code == 0 && text.contains("mine  up to date, 2 names"), "{code} {text}");
    server.holds("/list.txt", "");
    let (code, text) = sordino(&["update"]);
    assert!(code == 1 && text.contains("empty list") && text.contains("1 of 1 lists"), "{code} {text}");
    let (code, text) = sordino(&["lists"]);
    assert!(code == 0 && text.contains("mine  block         2"), "{text}");
    assert!(text.contains("1 in a row failed: the server gave an empty list"), "{text}");
    let (code, text) = sordino(&["update", "yours"]);
    assert!(code == 1 && text.contains("no list from elsewhere called yours"), "{code} {text}");
    let house = setup.start();
    assert_eq!(house.resolve("tv.example"), ["A 0.0.0.0"]);
}

#[test]
fn a_sordino_that_runs_is_asked_to_update() {
    let (forwarder, server) = (Forwarder::plain(), Server::plain());
    server.holds("/list.txt", "ads.example\n");
    let house = subscribed(Setup::before(&forwarder), "mine", &server.url("/list.txt")).start();
    done(&house.rest(), "mine");
    server.holds("/list.txt", "ads.example\ntv.example\n");
    let config = house.dir().join("config.toml");
    let (code, text) = run(&["--config", config.to_str().unwrap(), "update"]);
    assert!(code == 0 && text.contains("mine  fetched, 2 names"), "{code} {text}");
    done(&house.rest(), "mine");
    assert_eq!(house.resolve("tv.example"), ["A 0.0.0.0"]);
    let (code, text) = run(&["--config", config.to_str().unwrap(), "lists"]);
    assert!(code == 0 && text.contains("Hits: questions of the last seven days"), "{code} {text}");
}
