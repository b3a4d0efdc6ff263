//! Servers that mean harm, are broken, or send a page to log in: what is in force stays, and it is said why.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::server::{Page, Server};
use crate::support::forwarder::{Forwarder, a};
use crate::support::rest::Rest;
use crate::support::sordino::{Setup, Sordino};
use crate::{done, failed, list, subscribed};

const MUTED: [&str; 1] = ["A 0.0.0.0"];

/// A house with a hundred names from a list at /list.txt.
fn house(server: &Server, forwarder: &Forwarder) -> (Sordino, Rest) {
    server.holds("/list.txt", &names(100));
    let setup = subscribed(Setup::before(forwarder), "mine", &server.url("/list.txt"));
    let house = setup.table("\n[lists]\nfetch_timeout = \"2s\"\n").start();
    let rest = house.rest();
    done(&rest, "mine");
    assert_eq!(house.resolve("n7.example"), MUTED);
    (house, rest)
}

fn names(count: usize) -> String {
    (0..count).map(|n| format!("n{n}.example\n")).collect()
}

fn refresh(rest: &Rest) {
    let (status, answer) = rest.post("/api/v1/lists/mine/refresh", &json!({}));
    assert_eq!(status, 202, "{answer}");
}

/// What `page` brings in the place of the list; the copy must stay in force, and no file be left over.
fn refused(page: Page, said: &str, suspicious: bool) {
    let (server, forwarder) = (Server::plain(), Forwarder::plain());
    let (house, rest) = house(&server, &forwarder);
    server.on("/list.txt", page);
    refresh(&rest);
    let failure = failed(&rest, "mine", 1);
    let trouble = failure["trouble"].as_str().unwrap();
    assert!(trouble.contains(said), "{trouble}");
    assert!(!trouble.contains("secret"), "what the server sent is not shown: {trouble}");
    assert_eq!(failure["suspicious"], suspicious);
    assert_eq!(house.resolve("n7.example"), MUTED);
    assert_eq!(list(&rest, "mine")["names"], 100);
    let files = std::fs::read_dir(house.dir().join("data/lists")).unwrap().count();
    assert_eq!(files, 2, "the copy and what is remembered of it");
}

fn body(content_type: &str, body: &[u8]) -> Page {
    Page::Whole(200, vec![("content-type", content_type.into())], body.to_vec())
}

#[test]
fn an_empty_list_is_kept_out() {
    refused(body("text/plain", b""), "empty list", true);
}

#[test]
fn a_page_to_log_in_is_kept_out() {
    refused(body("text/plain", b"\n<!DOCTYPE html><title>secret</title>"), "web page", true);
}

#[test]
fn a_list_that_is_called_html_is_kept_out() {
    refused(body("text/html; charset=utf-8", names(100).as_bytes()), "web page", true);
}

#[test]
fn an_endless_list_is_cut_off() {
    refused(Page::Endless, "larger than 64 MB", false);
}

#[test]
fn a_list_that_stops_coming_is_given_up() {
    refused(Page::Stuck, "took longer than 2s", false);
}

#[test]
fn a_list_that_is_cut_short_is_not_taken() {
    refused(Page::CutShort, "broke off", false);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..40 {
        encoder.write_all(&[b'\n'; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let page = Page::Whole(200, vec![("content-encoding", "gzip".into())], bomb);
    refused(page, "100 times", false);
}

#[test]
fn a_status_that_is_no_list_is_said() {
    refused(Page::Whole(503, vec![], b"secret".to_vec()), "503", false);
    // Nothing was known that could be unchanged.
    refused(Page::Whole(304, vec![], vec![]), "304", false);
}

#[test]
fn a_redirect_to_another_place_in_the_house_is_refused() {
    let inside = Server::plain();
    inside.holds("/admin", "ads.example\n");
    let to = |location: String| Page::Whole(302, vec![("location", location)], Vec::new());
    refused(to(inside.url("/admin")), "an address inside the house", false);
    refused(to("http://169.254.169.254/latest/meta-data".into()), "where no list is", false);
    refused(to("file:///etc/passwd".into()), "neither https:// nor http://", false);
    assert!(inside.asked("/admin").is_empty());
}

#[test]
fn a_name_that_leads_into_the_house_is_refused() {
    let (server, forwarder) = (Server::plain(), Forwarder::plain());
    server.holds("/list.txt", "ads.example\n");
    forwarder.holds("lists.example", vec![a("lists.example", 300, "127.0.0.1")]);
    let url = format!("http://lists.example:{}/list.txt", server.port());
    let table = format!("\n[[list]]\nname = \"mine\"\nsource = {url:?}\n");
    let house = Setup::before(&forwarder).table(&table).start();
    let failure = failed(&house.rest(), "mine", 1);
    assert!(failure["trouble"].as_str().unwrap().contains("inside the house"), "{failure}");
    assert!(server.asked("/list.txt").is_empty());
}

#[test]
fn redirects_are_followed_five_times_and_no_further() {
    let (server, forwarder) = (Server::plain(), Forwarder::plain());
    let (house, rest) = house(&server, &forwarder);
    for hop in 0..6 {
        let next = format!("/hop{}", hop + 1);
        server.on(&format!("/hop{hop}"), Page::Whole(301, vec![("location", next)], Vec::new()));
    }
    server.holds("/hop6", &names(50));
    server.on("/list.txt", Page::Whole(307, vec![("location", "/hop1".into())], Vec::new()));
    refresh(&rest);
    assert!(failed(&rest, "mine", 1)["trouble"].as_str().unwrap().contains("more than 5 times"));
    server.on("/list.txt", Page::Whole(308, vec![("location", "/hop2".into())], Vec::new()));
    refresh(&rest);
    assert_eq!(done(&rest, "mine")["sizes"].as_array().unwrap().len(), 2);
    assert_eq!(house.resolve("n49.example"), MUTED);
}

#[test]
fn a_list_that_collapsed_is_kept_out_until_the_operator_takes_it() {
    let (server, forwarder) = (Server::plain(), Forwarder::plain());
    let (house, rest) = house(&server, &forwarder);
    server.holds("/list.txt", &names(5));
    refresh(&rest);
    let failure = failed(&rest, "mine", 1);
    assert_eq!(failure["suspicious"], true);
    assert!(failure["trouble"].as_str().unwrap().contains("from 100 to 5"), "{failure}");
    assert_eq!(house.resolve("n7.example"), MUTED);
    let (status, _) = rest.post("/api/v1/lists/mine/refresh", &json!({ "accept_smaller": true }));
    assert_eq!(status, 202);
    done(&rest, "mine");
    assert_eq!(house.resolve("n7.example"), ["A 192.0.2.1"]);
    assert_eq!(house.resolve("n3.example"), MUTED);
}

#[test]
fn what_a_list_from_elsewhere_may_not_say_is_a_mistake_in_the_configuration() {
    let server = Server::plain();
    for (lines, said) in [
        ("source = \"file:///etc/shadow\"", "neither https:// nor http://"),
        ("source = \"https://me:secret@lists.example/\"", "a user name or a password"),
        ("source = \"http://127.0.0.1:8053/api\"", "private_server = true"),
        ("source = \"https://lists.example/\"\ntrusted = true", "cannot be trusted"),
        ("source = \"https://lists.example/\"\nformat = \"catalogue\"", "read from files only"),
        ("source = \"https://lists.example/\"\nrefresh = \"1s\"", "shorter than an hour"),
        ("source = \"list.txt\"\nprivate_server = true", "for lists that are fetched"),
    ] {
        let table = format!("\n[[list]]\nname = \"mine\"\n{lines}\n");
        let (code, text) = Setup::new().server("udp://127.0.0.1:5399").table(&table).check();
        assert!(code == 2 && text.contains(said), "{lines}: {code} {text}");
    }
    let table = "\n[lists]\nfetch_timeout = \"1ms\"\n";
    let (code, text) = Setup::new().server("udp://127.0.0.1:5399").table(table).check();
    assert!(code == 2 && text.contains("fetch_timeout"), "{text}");
    assert!(server.asked("/api").is_empty());
}
