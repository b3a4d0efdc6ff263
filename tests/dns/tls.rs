//! DNS over TLS, and what a connection over it may expect.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{HandshakeKind, version};

use crate::support::PATIENCE;
use crate::support::client::{Tcp, framed};
use crate::support::forwarder::{Forwarder, Hold, Plan, a, answer};
use crate::support::secure::{NAME, Pair, Tls, client, trust, trust_with};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

struct House {
    forwarder: Forwarder,
    sordino: Sordino,
    pair: Pair,
}

fn house() -> House {
    house_with("")
}

fn house_with(more: &str) -> House {
    let forwarder = Forwarder::plain();
    let setup =
        Setup::before(&forwarder).list("ads", "block", "muted.example\n").set("dns", "names", r#"["dns.example"]"#);
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way("tls")).table(more).start();
    House { forwarder, sordino, pair }
}

impl House {
    #[track_caller]
    fn tls(&self) -> Tls {
        Tls::to(self.sordino.way("tls"), NAME, &Arc::new(trust(&self.pair.certificate, &["dot"])))
    }

    fn counter(&self, name: &str) -> u64 {
        self.sordino.rest().read("/api/v1/status")["counters"][name].as_u64().expect("a counter")
    }
}

/// A padded query.
fn padded(name: &str) -> Message {
    let mut query = query(name, A);
    query.opt.as_mut().unwrap().options.push((PADDING, vec![0; 80]));
    query
}

#[test]
fn rfc7858_3_queries_are_answered_over_tls_1_2_and_1_3_with_and_without_alpn() {
    let house = house();
    let server = house.sordino.way("tls");
    for version in [&version::TLS12, &version::TLS13] {
        for alpn in [&["dot"][..], &[]] {
            let config = Arc::new(trust_with(&house.pair.certificate, alpn, &[version]));
            let mut tls = Tls::to(server, NAME, &config);
            assert_eq!(tls.ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"], "{version:?} {alpn:?}");
            assert_eq!(tls.ask(&query("other.example", A)).texts(), ["A 192.0.2.1"]);
            assert_eq!(tls.stream.conn.alpn_protocol(), alpn.first().map(|protocol| protocol.as_bytes()));
        }
    }
    let other = Arc::new(trust(&house.pair.certificate, &["h2"]));
    assert!(Tls::try_to(server, NAME, &other).is_none(), "another protocol is not this one");
    // The journal says how they came.
    let rest = house.sordino.rest();
    let event = rest.journal("other.example");
    assert_eq!(event["transport"], "tls", "{event}");
}

#[test]
fn rfc8446_2_2_a_session_is_resumed() {
    let house = house();
    for version in [&version::TLS12, &version::TLS13] {
        let config = Arc::new(trust_with(&house.pair.certificate, &["dot"], &[version]));
        let kinds: Vec<_> = (0..2)
            .map(|_| {
                let mut tls = Tls::to(house.sordino.way("tls"), NAME, &config);
                tls.ask(&query("muted.example", A));
                tls.stream.conn.handshake_kind()
            })
            .collect();
        assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)], "{version:?}");
    }
}

#[test]
fn rfc7858_3_1_plain_dns_on_the_port_of_tls_gets_no_answer() {
    let house = house();
    let mut tcp = TcpStream::connect(house.sordino.way("tls")).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(&framed(&query("muted.example", A).wire())).unwrap();
    let mut said = Vec::new();
    // An alert may come, and then it is over.
    let _ = tcp.read_to_end(&mut said);
    assert!(said.len() < 12, "{said:02x?}");
    assert!(house.forwarder.asked_all().is_empty());
    assert_eq!(house.counter("handshakes"), 1);
}

#[test]
fn rfc7858_3_3_answers_overtake_each_other_and_reach_who_has_closed_its_side() {
    let house = house();
    let hold = Hold::new();
    let kept = hold.clone();
    house.forwarder.on("slow.example", move |query, _| {
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &[a(&query.asked(), 60, "192.0.2.9")]))))
    });
    let mut tls = house.tls();
    let (slow, fast) = (query("slow.example", A), query("fast.example", A));
    tls.send(&slow.wire());
    house.forwarder.wait_for("slow.example");
    tls.send(&fast.wire());
    assert_eq!(tls.next().id, fast.id, "the slow answer holds nobody up");
    tls.stream.conn.send_close_notify();
    tls.stream.flush().unwrap();
    hold.release();
    assert_eq!(tls.next().texts(), ["A 192.0.2.9"]);
    assert_eq!(tls.next_packet(), None, "and then it closes");
}

#[test]
fn rfc8467_4_1_who_pads_gets_padded_answers_where_they_are_encrypted() {
    let house = house();
    let mut tls = house.tls();
    for name in ["muted.example", "a.example", "a-name-that-is-longer-than-the-others.example"] {
        let reply = tls.ask(&padded(name));
        assert_eq!(reply.size % 468, 0, "{name}: {} octets", reply.size);
        assert!(reply.option(PADDING).is_some_and(|padding| padding.iter().all(|octet| *octet == 0)));
        assert_eq!(tls.ask(&query(name, A)).option(PADDING), None, "who does not pad gets none");
        assert_eq!(house.sordino.udp().ask(&padded(name)).option(PADDING), None);
        assert_eq!(house.sordino.tcp().ask(&padded(name)).option(PADDING), None);
    }
}

#[test]
fn rfc7828_3_3_2_a_connection_tells_how_long_it_may_do_nothing() {
    let house = house();
    let mut asked = query("muted.example", A);
    asked.opt.as_mut().unwrap().options.push((KEEPALIVE, Vec::new()));
    let ten_seconds = Some(&[0, 100][..]);
    assert_eq!(house.tls().ask(&asked).option(KEEPALIVE), ten_seconds);
    assert_eq!(house.sordino.tcp().ask(&asked).option(KEEPALIVE), ten_seconds);
    assert_eq!(house.sordino.udp().ask(&asked).option(KEEPALIVE), None);
    assert_eq!(house.tls().ask(&query("muted.example", A)).option(KEEPALIVE), None, "who does not ask is not told");
}

#[test]
fn a_device_is_known_by_what_it_puts_in_front_of_the_name() {
    let device = "\n[[device]]\nname = \"Anna's phone\"\nid = \"Phone\"\n\n[limits]\ndevice_labels = 1\n";
    let house = house_with(device);
    let config = Arc::new(trust(&house.pair.certificate, &["dot"]));
    let ask = |name: &str, asked: &str| {
        Tls::to(house.sordino.way("tls"), name, &config).ask(&query(asked, A));
        let event = house.sordino.rest().journal(asked);
        event["device"].as_str().expect("a device").to_owned()
    };
    assert_eq!(ask("phone.dns.example", "one.example"), "name-Anna's phone");
    assert_eq!(ask("tablet.dns.example", "two.example"), "name-tablet");
    let by_address = ask(NAME, "three.example");
    assert!(!by_address.starts_with("name-"), "{by_address}");
    // One more than is believed.
    assert_eq!(ask("made-up.dns.example", "four.example"), by_address);
    assert_eq!(house.counter("device_labels"), 1);
}

#[test]
fn idle_connections_make_room_for_who_asks() {
    let house = house_with("\n[limits]\nconnections = 10\nconnections_per_address = 20\n");
    let mut idle: Vec<Tcp> = (0..8).map(|_| house.sordino.tcp()).collect();
    for tcp in &mut idle {
        tcp.ask(&query("muted.example", A));
    }
    // Four of five seats are taken; for one more, the one that has done nothing for the longest gives up its own.
    assert_eq!(house.tls().ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"]);
    assert_eq!(idle[0].next_packet(), None);
    assert_eq!(idle[7].ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"], "the others stay");
    assert_eq!(house.counter("connections_given_up"), 1);
}

#[test]
fn one_address_cannot_take_all_handshakes() {
    let house = house_with("\n[limits]\nhandshakes = 2\n");
    // Connections that never say anything hold the turns of their address only.
    let silent: Vec<TcpStream> = (0..6).map(|_| TcpStream::connect(house.sordino.way("tls")).unwrap()).collect();
    let server = house.sordino.way("tls");
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 7], 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let mut other = TcpStream::from(socket);
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = Arc::new(trust(&house.pair.certificate, &["dot"]));
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let mut connection = rustls::ClientConnection::new(config, name).unwrap();
    connection.complete_io(&mut other).expect("a handshake while others say nothing");
    drop(silent);
}

#[test]
fn strangers_are_not_let_in() {
    let house = house_with("");
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).set("dns", "allow_from", r#"["192.0.2.0/24"]"#);
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way("tls")).start();
    let config = Arc::new(trust(&pair.certificate, &["dot"]));
    assert!(Tls::try_to(sordino.way("tls"), NAME, &config).is_none());
    drop(house);
}

#[test]
fn clients_that_people_use_are_answered() {
    let house = house();
    let (server, ca) = (house.sordino.way("tls"), house.pair.certificate.display().to_string());
    let (host, port) = (format!("@{}", server.ip()), server.port().to_string());
    let (tls_ca, connect) = (format!("+tls-ca={ca}"), server.to_string());
    let kdig = [&host, "-p", &port, "+tls", &tls_ca, "+tls-hostname=dns.example", "+padding=128", "muted.example"];
    if let Some(said) = client("kdig", &kdig.map(|word: &str| word)) {
        assert!(said.contains("0.0.0.0") && said.contains("TLS session"), "{said}");
        assert!(said.contains("Received 468 B"), "{said}");
    }
    let openssl = ["s_client", "-connect", &connect, "-alpn", "dot", "-CAfile", &ca, "-verify_return_error"];
    if let Some(said) = client("openssl", &openssl) {
        assert!(said.contains("ALPN protocol: dot") && said.contains("Verify return code: 0 (ok)"), "{said}");
    }
    let queries = house.sordino.dir().join("queries");
    std::fs::write(&queries, "muted.example A\nother.example A\n").unwrap();
    let queries = queries.display().to_string();
    let (ip, port) = (server.ip().to_string(), server.port().to_string());
    let dnsperf = ["-m", "dot", "-s", &ip, "-p", &port, "-d", &queries, "-n", "50", "-c", "2"];
    if let Some(said) = client("dnsperf", &dnsperf) {
        assert!(said.contains("Queries completed:    100 (100.00%)"), "{said}");
    }
}
