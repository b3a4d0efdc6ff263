//! Who is told that a new device asks for names: a webhook, a topic of ntfy, an MQTT broker, again until they listen.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking

#[path = "notify/mqtt.rs"]
mod mqtt;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::Value;
use support::PATIENCE;
use support::client::Udp;
use support::forwarder::Forwarder;
use support::sordino::{Setup, Sordino};
use support::until;
use support::wire::{A, query};

/// What came.
struct Letter {
    head: String,
    body: String,
}

/// An HTTP server that answers with these codes, one after the other, and then with 200.
fn receiver(codes: &'static [u16]) -> (SocketAddr, Receiver<Letter>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, letters) = sync_channel(64);
    std::thread::spawn(move || {
        let mut codes = codes.iter();
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|len| len > 2) {
                head.push_str(&std::mem::take(&mut line));
            }
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let code = codes.next().copied().unwrap_or(200);
            let answer = format!("HTTP/1.1 {code} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = reader.get_mut().write_all(answer.as_bytes());
            if sender.send(Letter { head, body: String::from_utf8(body).unwrap() }).is_err() {
                return;
            }
        }
    });
    (address, letters)
}

fn ask(sordino: &Sordino, from: &str) {
    let client = Udp::from(format!("{from}:0").parse().unwrap(), sordino.dns());
    assert_eq!(client.ask(&query("ads.example", A)).texts(), ["A 0.0.0.0"]);
}

fn start(forwarder: &Forwarder, notify: &str) -> Sordino {
    Setup::before(forwarder).list("ads", "block", "ads.example\n").table(&format!("\n[notify]\n{notify}")).start()
}

#[test]
fn a_webhook_is_told_of_a_new_device_until_it_listens_and_only_once() {
    let (address, letters) = receiver(&[503, 500]);
    let forwarder = Forwarder::plain();
    let sordino = start(&forwarder, &format!("webhook = \"http://{address}/hook/secret\"\n"));
    ask(&sordino, "127.0.0.7");
    let tries: Vec<Letter> = (0..3).map(|_| letters.recv_timeout(PATIENCE).unwrap()).collect();
    assert!(tries[0].head.starts_with("POST /hook/secret HTTP/1.1\r\n"), "{}", tries[0].head);
    assert!(tries[0].head.to_lowercase().contains("content-type: application/json"));
    assert!(tries.iter().all(|letter| letter.body == tries[0].body));
    let event: Value = serde_json::from_str(&tries[0].body).unwrap();
    assert_eq!((&event["event"], &event["device"]["id"]), (&"new_device".into(), &"ip-127.0.0.7".into()), "{event}");
    assert!(event["text"].as_str().unwrap().contains("127.0.0.7"));
    // The next one is the next device, not the same again.
    ask(&sordino, "127.0.0.7");
    ask(&sordino, "127.0.0.8");
    let next: Value = serde_json::from_str(&letters.recv_timeout(PATIENCE).unwrap().body).unwrap();
    assert_eq!(next["device"]["id"], "ip-127.0.0.8");
    let rest = sordino.rest();
    let counted = until("both told", || {
        let status = rest.read("/api/v1/status");
        (status["counters"]["notify_sent"] == 2).then_some(status)
    });
    assert_eq!(counted["counters"]["notify_failed"], 2);
    assert!(counted["problems"].as_array().unwrap().iter().all(|problem| problem["kind"] != "notify"));
}

#[test]
fn ntfy_gets_a_sentence_and_what_opens_the_topic() {
    let (address, letters) = receiver(&[]);
    let forwarder = Forwarder::plain();
    let sordino = start(&forwarder, &format!("ntfy = \"http://{address}/my-house\"\nntfy_token = \"tk_abc\"\n"));
    ask(&sordino, "127.0.0.9");
    let letter = letters.recv_timeout(PATIENCE).unwrap();
    assert!(letter.head.starts_with("POST /my-house HTTP/1.1\r\n"), "{}", letter.head);
    assert!(letter.head.to_lowercase().contains("authorization: bearer tk_abc"), "{}", letter.head);
    assert_eq!(letter.body, "A new device asks for names: 127.0.0.9.");
}

#[test]
fn a_receiver_that_is_not_there_stops_nothing_and_is_told_without_its_secret() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let forwarder = Forwarder::plain();
    let sordino = start(&forwarder, &format!("webhook = \"http://{closed}/hook/secret\"\n"));
    ask(&sordino, "127.0.0.7");
    let rest = sordino.rest();
    let text = until("the trouble in the status", || {
        ask(&sordino, "127.0.0.7");
        let status = rest.read("/api/v1/status");
        let told = status["problems"].as_array()?.iter().find(|problem| problem["kind"] == "notify")?.clone();
        Some(told["text"].as_str()?.to_owned())
    });
    assert!(text.contains("webhook under [notify]") && !text.contains("secret"), "{text}");
}

#[test]
fn who_was_here_before_a_restart_is_not_new() {
    let (address, letters) = receiver(&[]);
    let forwarder = Forwarder::plain();
    let sordino = start(&forwarder, &format!("webhook = \"http://{address}/\"\n"));
    ask(&sordino, "127.0.0.7");
    letters.recv_timeout(PATIENCE).unwrap();
    sordino.signal("TERM");
    let sordino = sordino.start_again();
    ask(&sordino, "127.0.0.7");
    ask(&sordino, "127.0.0.8");
    let event: Value = serde_json::from_str(&letters.recv_timeout(PATIENCE).unwrap().body).unwrap();
    assert_eq!(event["device"]["id"], "ip-127.0.0.8");
}
