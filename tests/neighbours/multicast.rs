//! Devices tell their names and services to everyone (RFC 6762), and are believed about themselves.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::rdata::{A, PTR, SRV};
use hickory_proto::rr::{Name, RData, Record};
use serde_json::Value;

use crate::house::{House, Player, ip};
use crate::support::until;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PHONE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

fn name(labels: &[&str]) -> Name {
    Name::from_labels(labels.iter().map(|label| label.as_bytes())).unwrap()
}

/// What a television called `called` says at `address`.
fn answer(called: &str, address: Ipv4Addr) -> Vec<u8> {
    let service = name(&["_airplay", "_tcp", "local"]);
    let instance = name(&[called, "_airplay", "_tcp", "local"]);
    let host = name(&["tv-7", "local"]);
    let mut message = Message::response(0, OpCode::Query);
    message.metadata.authoritative = true;
    message.answers = vec![
        Record::from_rdata(service, 4500, RData::PTR(PTR(instance.clone()))),
        Record::from_rdata(instance, 120, RData::SRV(SRV::new(0, 0, 7000, host.clone()))),
        Record::from_rdata(host, 120, RData::A(A(address))),
    ];
    message.to_vec().unwrap()
}

#[test]
#[ignore = "the television; the test below starts it"]
fn answers_as_a_television() {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).unwrap();
    socket.join_multicast_v4(&GROUP, &PHONE).unwrap();
    // Asked from an address that is not on the link; nobody must listen to that.
    let elsewhere = UdpSocket::bind((Ipv4Addr::new(10, 99, 0, 1), 0)).unwrap();
    println!("\nlistening");
    std::io::stdout().flush().unwrap();
    let mut packet = [0; 9000];
    loop {
        let (len, from) = socket.recv_from(&mut packet).unwrap();
        let Ok(question) = Message::from_vec(&packet[..len]) else { continue };
        if from.ip() == PHONE || question.queries.is_empty() {
            continue;
        }
        let asks = |service: &str| question.queries.iter().any(|query| query.name().to_string() == service);
        assert!(asks("_services._dns-sd._udp.local.") && asks("_airplay._tcp.local."));
        let group = SocketAddrV4::new(GROUP, 5353);
        elsewhere
            .send_to(&answer("Off the link", Ipv4Addr::new(10, 99, 0, 1)), (Ipv4Addr::new(10, 77, 0, 1), 5353))
            .unwrap();
        socket.send_to(&answer("Liar", Ipv4Addr::new(10, 77, 0, 99)), group).unwrap();
        socket.send_to(&answer("Living Room", PHONE), group).unwrap();
    }
}

#[test]
fn a_television_is_called_what_it_says_and_nobody_else_is() {
    let Some(house) = House::build() else { return };
    for words in [
        &["-n", &house.phone, "address", "add", "10.99.0.1/32", "dev", "lan"][..],
        &["-n", &house.phone, "route", "add", "224.0.0.0/4", "dev", "lan", "src", "10.77.0.2"],
        &["-n", &house.server, "route", "add", "10.99.0.0/24", "via", "10.77.0.2"],
    ] {
        assert!(ip(words).status.success(), "ip {words:?}");
    }
    let mut television = Player::start(&house.phone, "multicast::answers_as_a_television");
    television.hear("listening");
    let sordino = house.setup().set("house", "mdns", "true").start();
    house.ask("10.77.0.2", "10.77.0.1");
    let jar = house.log_in(&sordino);
    let device = until("a television that says what it is called", || {
        house.devices(&jar).into_iter().find(|device| device["name"] == "Living Room")
    });
    assert_eq!((&device["id"], &device["guess"]["kind"]), (&"mac-02:00:5e:10:00:01".into(), &Value::Null), "{device}");
    let page = house.fetch(&jar, "/devices/mac-02:00:5e:10:00:01");
    let told: Vec<&Value> = page["facts"].as_array().unwrap().iter().filter(|fact| fact["source"] == "mdns").collect();
    assert_eq!(told.len(), 1, "{page}");
    assert_eq!((&told[0]["address"], &told[0]["services"][0]), (&"10.77.0.2".into(), &"_airplay._tcp".into()));
    assert!(told[0]["since"].as_u64().is_some_and(|since| since > 1_793_491_200_000));
    // What it says of itself to everyone makes no name of the house.
    let output = house.on_phone(&["dig", "+tries=1", "@10.77.0.1", "living-room.home.arpa"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("NXDOMAIN"), "{output:?}");
    let counters = house.fetch(&jar, "/status");
    let count = |name: &str| counters["counters"][name].as_u64().unwrap();
    assert!(count("mdns_read") >= 2 && count("mdns_refused") >= 1, "{counters}");
    assert!(!page.to_string().contains("Liar") && !page.to_string().contains("Off the link"));
}

#[test]
#[ignore = "the program that has the port for itself; the test below starts it"]
fn keeps_the_port_to_itself() {
    let _socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).unwrap();
    println!("\nlistening");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn where_the_port_is_taken_names_resolve_and_that_is_told() {
    let Some(house) = House::build() else { return };
    let mut other = Player::start(&house.server, "multicast::keeps_the_port_to_itself");
    other.hear("listening");
    let sordino = house.setup().set("house", "mdns", "true").start();
    house.ask("10.77.0.2", "10.77.0.1");
    let jar = house.log_in(&sordino);
    until("the trouble in the status", || {
        let status = house.fetch(&jar, "/status");
        status["problems"].as_array()?.iter().any(|problem| problem["kind"] == "mdns").then_some(())
    });
}
