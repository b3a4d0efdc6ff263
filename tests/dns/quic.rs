//! DNS over QUIC, and DNS over HTTPS on HTTP/3.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, ReadToEndError, TransportConfig, VarInt};
use rustls::version::TLS13;
use tokio::runtime::Runtime;

use crate::support::client::framed;
use crate::support::forwarder::{Forwarder, Hold, Plan, a, answer};
use crate::support::secure::{NAME, Pair, client, trust_with};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

struct House {
    forwarder: Forwarder,
    sordino: Sordino,
    pair: Pair,
    runtime: Runtime,
}

fn house(protocol: &str, more: &str) -> House {
    let forwarder = Forwarder::plain();
    let setup =
        Setup::before(&forwarder).list("ads", "block", "muted.example\n").set("dns", "names", r#"["dns.example"]"#);
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way(protocol)).table(more).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    House { forwarder, sordino, pair, runtime }
}

impl House {
    fn config(&self, alpn: &str) -> ClientConfig {
        let mut tls = trust_with(&self.pair.certificate, &[alpn], &[&TLS13]);
        tls.enable_early_data = true;
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let mut transport = TransportConfig::default();
        transport.max_idle_timeout(Some(Duration::from_secs(20).try_into().unwrap()));
        config.transport_config(Arc::new(transport));
        config
    }

    fn counter(&self, name: &str) -> u64 {
        self.sordino.rest().read("/api/v1/status")["counters"][name].as_u64().expect("a counter")
    }

    /// Runs a client that is connected by `name` with `alpn`.
    fn with<T, F: Future<Output = T>>(
        &self,
        way: &str,
        name: &str,
        alpn: &str,
        run: impl FnOnce(Connection) -> F,
    ) -> T {
        let (server, config) = (self.sordino.way(way), self.config(alpn));
        self.runtime.block_on(async {
            let endpoint = endpoint();
            let connection = endpoint.connect_with(config, server, name).unwrap().await.expect("a QUIC connection");
            run(connection).await
        })
    }

    fn doq<T, F: Future<Output = T>>(&self, run: impl FnOnce(Connection) -> F) -> T {
        self.with("quic", NAME, "doq", run)
    }
}

fn endpoint() -> Endpoint {
    Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// A query as RFC 9250 §4.2.1 wants it.
fn zero(name: &str) -> Message {
    Message { id: 0, ..query(name, A) }
}

/// Sends octets on a stream of their own and ends it; what comes back.
async fn exchange(connection: &Connection, octets: &[u8]) -> Result<Vec<u8>, ReadToEndError> {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let _ = send.write_all(octets).await;
    let _ = send.finish();
    receive.read_to_end(70_000).await
}

async fn ask(connection: &Connection, query: &Message) -> Message {
    let said = exchange(connection, &framed(&query.wire())).await.expect("an answer");
    assert_eq!(usize::from(u16::from_be_bytes([said[0], said[1]])), said.len() - 2);
    Message::parse(&said[2..]).expect("a DNS message")
}

/// The code that the server closed with.
async fn code(connection: &Connection) -> u64 {
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
        other => panic!("{other}"),
    }
}

#[test]
fn rfc9250_4_2_a_stream_for_each_query() {
    let house = house("quic", "");
    let hold = Hold::new();
    let kept = hold.clone();
    house.forwarder.on("slow.example", move |query, _| {
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &[a(&query.asked(), 60, "192.0.2.9")]))))
    });
    house.doq(|connection| async move {
        let slow = {
            let connection = connection.clone();
            tokio::spawn(async move { ask(&connection, &zero("slow.example")).await })
        };
        let reply = ask(&connection, &zero("muted.example")).await;
        assert_eq!((reply.id, reply.texts()), (0, vec!["A 0.0.0.0".to_owned()]), "others are not held up");
        assert_eq!(ask(&connection, &zero("other.example")).await.texts(), ["A 192.0.2.1"]);
        hold.release();
        assert_eq!(slow.await.unwrap().texts(), ["A 192.0.2.9"]);
        let mut padded = zero("muted.example");
        padded.opt.as_mut().unwrap().options.push((PADDING, vec![0; 40]));
        assert_eq!(ask(&connection, &padded).await.size % 468, 0, "RFC 8467 §4.1");
    });
    assert_eq!(house.sordino.rest().journal("other.example")["transport"], "quic");
}

#[test]
fn rfc9250_4_3_3_what_is_against_the_protocol_ends_the_connection() {
    let house = house("quic", "");
    let good = framed(&zero("muted.example").wire());
    let mut with_id = zero("muted.example");
    with_id.id = 1;
    let mut keepalive = zero("muted.example");
    keepalive.opt.as_mut().unwrap().options.push((KEEPALIVE, Vec::new()));
    let mut response = zero("muted.example");
    response.flags |= QR;
    for (what, octets) in [
        ("an ID", framed(&with_id.wire())),
        ("two queries on a stream", [good.clone(), good.clone()].concat()),
        ("the end of the stream within a message", good[..good.len() - 3].to_vec()),
        ("the end of the stream within the length", good[..1].to_vec()),
        ("edns-tcp-keepalive", framed(&keepalive.wire())),
        ("a response", framed(&response.wire())),
        ("less than a header", framed(&[0; 5])),
    ] {
        house.doq(|connection| async move {
            assert!(exchange(&connection, &octets).await.is_err(), "{what}");
            assert_eq!(code(&connection).await, 2, "{what}");
        });
    }
    house.doq(|connection| async move {
        assert_eq!(ask(&connection, &zero("muted.example")).await.texts(), ["A 0.0.0.0"]);
    });
}

#[test]
fn rfc9250_4_2_the_end_of_the_stream_is_waited_for() {
    let house = house("quic", "");
    house.doq(|connection| async move {
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&framed(&zero("muted.example").wire())).await.unwrap();
        // Not finished: the stream is given up, the connection goes on.
        let said = receive.read_to_end(70_000).await;
        assert!(matches!(said, Err(ReadToEndError::Read(quinn::ReadError::Reset(_)))), "{said:?}");
        assert_eq!(ask(&connection, &zero("muted.example")).await.texts(), ["A 0.0.0.0"]);
    });
}

#[test]
fn rfc9250_4_5_early_data_is_not_taken() {
    let house = house("quic", "");
    let (server, config) = (house.sordino.way("quic"), house.config("doq"));
    house.runtime.block_on(async {
        let endpoint = endpoint();
        let first = endpoint.connect_with(config.clone(), server, NAME).unwrap().await.unwrap();
        // The ticket comes before the answer does.
        ask(&first, &zero("muted.example")).await;
        let second = endpoint.connect_with(config, server, NAME).unwrap();
        let second = second.into_0rtt().map(|_| ()).expect_err("the ticket allows none");
        assert_eq!(ask(&second.await.unwrap(), &zero("muted.example")).await.texts(), ["A 0.0.0.0"]);
    });
}

#[test]
fn rfc9250_4_3_1_a_query_that_is_cancelled_makes_room() {
    let house = house("quic", "");
    let hold = Hold::new();
    let kept = hold.clone();
    house.forwarder.on("held.example", move |query, _| {
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &[a(&query.asked(), 60, "192.0.2.9")]))))
    });
    house.doq(|connection| async move {
        let mut open = Vec::new();
        for number in 0..32 {
            let (mut send, receive) = connection.open_bi().await.unwrap();
            send.write_all(&framed(&zero(&format!("n{number}.held.example")).wire())).await.unwrap();
            send.finish().unwrap();
            open.push((send, receive));
        }
        for (_, receive) in &mut open {
            receive.stop(VarInt::from_u32(3)).unwrap();
        }
        // All streams there may be were open, and no answer has come.
        assert_eq!(ask(&connection, &zero("muted.example")).await.texts(), ["A 0.0.0.0"]);
    });
    hold.release();
}

#[test]
fn rfc9000_8_1_2_in_a_crowd_an_address_is_checked_first() {
    let house = house("quic", "\n[limits]\nconnections = 6\n");
    let (server, config) = (house.sordino.way("quic"), house.config("doq"));
    house.runtime.block_on(async {
        let endpoint = endpoint();
        let mut open = Vec::new();
        for _ in 0..5 {
            let connection = endpoint.connect_with(config.clone(), server, NAME).unwrap().await.unwrap();
            ask(&connection, &zero("muted.example")).await;
            open.push(connection);
        }
    });
    assert!(house.counter("quic_retries") > 0);
}

#[test]
fn strangers_hear_nothing() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).set("dns", "allow_from", r#"["192.0.2.0/24"]"#);
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way("quic")).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let house = House { forwarder, sordino, pair, runtime };
    let (server, mut config) = (house.sordino.way("quic"), house.config("doq"));
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(1).try_into().unwrap()));
    config.transport_config(Arc::new(transport));
    house.runtime.block_on(async {
        let refused = endpoint().connect_with(config, server, NAME).unwrap().await.unwrap_err();
        assert_eq!(refused, ConnectionError::TimedOut);
    });
    assert!(house.counter("not_admitted") > 0);
}

#[test]
fn a_device_is_known_by_what_it_puts_in_front_of_the_name() {
    let house = house("quic", "\n[[device]]\nname = \"Anna's phone\"\nid = \"phone\"\n");
    house.with("quic", "phone.dns.example", "doq", |connection| async move {
        ask(&connection, &zero("mine.example")).await;
    });
    assert_eq!(house.sordino.rest().journal("mine.example")["device"], "name-Anna's phone");
}

#[test]
fn rfc9114_the_same_answers_come_over_http_3() {
    let house = house("https", "");
    let dns = "application/dns-message";
    let good = query("muted.example", A);
    let in_url = {
        use base64::Engine;
        format!("/dns-query/tv?dns={}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(good.wire()))
    };
    let long = "x".repeat(9_000);
    house.with("https", NAME, "h3", |connection| async move {
        let (mut driver, mut requests) = h3::client::new(h3_quinn::Connection::new(connection)).await.unwrap();
        let driven = tokio::spawn(async move { poll_fn(|context| driver.poll_close(context)).await });
        for (method, path, fields, body, status) in [
            ("GET", in_url.as_str(), vec![], vec![], 200),
            ("POST", "/dns-query", vec![("content-type", dns)], good.wire(), 200),
            ("HEAD", &in_url, vec![], vec![], 200),
            ("GET", "/dns-query", vec![], vec![], 400),
            ("GET", "/", vec![], vec![], 404),
            ("PUT", "/dns-query", vec![("content-type", dns)], good.wire(), 405),
            ("POST", "/dns-query", vec![("content-type", dns)], vec![0; 65_536], 413),
            ("POST", "/dns-query", vec![], good.wire(), 415),
            ("GET", &in_url, vec![("x-long", long.as_str())], vec![], 431),
        ] {
            let mut request = http::Request::builder().method(method).uri(format!("https://{NAME}{path}"));
            for (name, value) in fields {
                request = request.header(name, value);
            }
            let mut stream = match requests.send_request(request.body(()).unwrap()).await {
                Ok(stream) => stream,
                // The client knows the server's bound and does not even try.
                Err(_) if status == 431 => continue,
                Err(error) => panic!("{method} {path}: {error}"),
            };
            // The answer may come before all was read.
            let _ = stream.send_data(Bytes::from(body)).await;
            let _ = stream.finish().await;
            let response = stream.recv_response().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
            assert_eq!(response.status(), status, "{method} {path}");
            let mut said = Vec::new();
            while let Ok(Some(mut piece)) = stream.recv_data().await {
                said.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
            }
            if status == 200 {
                assert_eq!(response.headers()["cache-control"], "private, max-age=10");
                let message = Message::parse(&said).map(|message| message.texts());
                assert_eq!(message, (method != "HEAD").then(|| vec!["A 0.0.0.0".to_owned()]), "{method} {path}");
            }
        }
        drop(requests);
        let _ = driven.await;
    });
    assert_eq!(house.sordino.rest().journal("muted.example")["transport"], "https");
}

/// Clients of other makes: kdig asks over QUIC, aioquic over QUIC and HTTP/3.
#[test]
fn clients_of_other_makes_are_answered_over_quic_and_http_3() {
    let house = house("quic", "");
    house.forwarder.holds("other.example", vec![a("other.example", 300, "192.0.2.7")]);
    let (quic, ca) = (house.sordino.way("quic"), house.pair.certificate.display().to_string());
    let (host, port) = (quic.ip().to_string(), quic.port().to_string());
    let (at, tls_ca) = (format!("@{host}"), format!("+tls-ca={ca}"));
    let kdig = [&at, "-p", &port, &tls_ca, "+tls-hostname=dns.example", "+quic", "muted.example"];
    if let Some(said) = client("kdig", &kdig) {
        assert!(said.contains("0.0.0.0") && said.contains("QUIC"), "{said}");
    }
    let Some(said) = aioquic("doq", quic, &ca, &["muted.example", "other.example", "muted.example"]) else { return };
    let answers: Vec<_> = said.lines().filter_map(|line| line.split(", ").nth(2)).collect();
    assert_eq!(answers, ["0.0.0.0", "192.0.2.7", "0.0.0.0"], "{said}");
    let said = aioquic("doq-id", quic, &ca, &["muted.example"]).expect("aioquic, which was there a moment ago");
    assert_eq!(said.trim(), "closed with 2", "RFC 9250 §4.2.1: DOQ_PROTOCOL_ERROR");
    let house = self::house("https", "");
    house.forwarder.holds("other.example", vec![a("other.example", 300, "192.0.2.7")]);
    let ca = house.pair.certificate.display().to_string();
    let said = aioquic("h3", house.sordino.way("https"), &ca, &["muted.example", "other.example"]).expect("the same");
    let answers: Vec<_> = said.lines().filter_map(|line| line.split(", ").nth(2)).collect();
    assert_eq!(answers, ["0.0.0.0", "0.0.0.0", "192.0.2.7", "192.0.2.7"], "{said}");
}

/// What aioquic says of an exchange; none, with a line, where it is not there.
fn aioquic(way: &str, server: SocketAddr, ca: &str, names: &[&str]) -> Option<String> {
    let project = env!("CARGO_MANIFEST_DIR");
    let (script, packages) =
        (format!("{project}/tests/dns/aioquic_client.py"), format!("{project}/test-output/python"));
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let arguments = [&[&*script, &packages, way, &host, &port, ca, NAME][..], names].concat();
    let said = client("python3", &arguments)?;
    if said.starts_with("skipped: ") {
        println!("{}", said.trim());
        return None;
    }
    Some(said)
}
