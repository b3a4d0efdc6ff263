//! DNS over HTTPS on HTTP/1.1 and HTTP/2.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::support::PATIENCE;
use crate::support::forwarder::{Forwarder, a, soa, with_rcode};
use crate::support::forwarder::{Plan, answer};
use crate::support::secure::{NAME, Pair, Tls, client, trust};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

struct House {
    forwarder: Forwarder,
    sordino: Sordino,
    pair: Pair,
}

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

fn house() -> House {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).list("ads", "block", "muted.example\n");
    let pair = Pair::write(setup.dir(), 2099);
    let device = "\n[[device]]\nname = \"Anna's phone\"\nid = \"phone\"\n";
    let sordino = setup.table(&pair.way("https")).table(device).start();
    House { forwarder, sordino, pair }
}

impl House {
    /// What comes back for octets that are written as they are, where TLS agreed on HTTP/1.1.
    fn octets(&self, request: &[u8]) -> Vec<u8> {
        self.octets_over("http/1.1", request)
    }

    fn octets_over(&self, alpn: &str, request: &[u8]) -> Vec<u8> {
        let config = Arc::new(trust(&self.pair.certificate, &[alpn]));
        let mut stream = Tls::to(self.sordino.way("https"), NAME, &config).stream;
        // The answer may come before all was written.
        let _ = stream.write_all(request);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        said
    }

    /// One request over HTTP/1.1.
    #[track_caller]
    fn raw(&self, request: &[u8]) -> Answer {
        let said = self.octets(request);
        let end =
            said.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said:02x?}"));
        let head = String::from_utf8(said[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Answer { status: status.unwrap(), headers: headers.collect(), body: said[end + 4..].to_vec() }
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{fields}");
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.raw(&[head.as_bytes(), length.as_bytes(), b"\r\n", body].concat())
    }

    #[track_caller]
    fn get(&self, query: &Message) -> Answer {
        self.send("GET", &in_url("/dns-query", query), "", b"")
    }

    #[track_caller]
    fn post(&self, query: &Message) -> Answer {
        self.send("POST", "/dns-query", "Content-Type: application/dns-message\r\n", &query.wire())
    }

    fn counter(&self, name: &str) -> u64 {
        self.sordino.rest().read("/api/v1/status")["counters"][name].as_u64().expect("a counter")
    }
}

impl Answer {
    #[track_caller]
    fn message(&self) -> Message {
        assert_eq!((self.status, self.header("content-type")), (200, "application/dns-message"));
        Message::parse(&self.body).expect("a DNS message")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn in_url(path: &str, query: &Message) -> String {
    format!("{path}?dns={}", BASE64_URL_SAFE_NO_PAD.encode(query.wire()))
}

#[test]
fn rfc8484_4_1_get_and_post_ask_the_same() {
    let house = house();
    for (name, text) in [("muted.example", "A 0.0.0.0"), ("other.example", "A 192.0.2.1")] {
        let query = query(name, A);
        for answer in [house.get(&query), house.post(&query)] {
            let message = answer.message();
            assert_eq!((message.id, message.texts()), (query.id, vec![text.to_owned()]));
            assert!(answer.header("set-cookie").is_empty() && answer.header("server").is_empty());
        }
        let head = house.send("HEAD", &in_url("/dns-query", &query), "", b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), house.get(&query).body.len().to_string());
    }
    assert_eq!(house.sordino.rest().journal("other.example")["transport"], "https");
}

#[test]
fn rfc8484_4_2_1_the_status_speaks_of_http_and_the_rcode_of_dns() {
    let house = house();
    house.forwarder.fails("broken.example", SERVFAIL);
    assert_eq!(house.get(&query("broken.example", A)).message().rcode(), SERVFAIL);
    let mut two = query("two.example", A);
    two.questions.push(two.questions[0].clone());
    assert_eq!(house.post(&two).message().rcode(), FORMERR);
    let good = query("muted.example", A);
    let (dns, long) = ("Content-Type: application/dns-message\r\n", vec![0; 65_536]);
    let mut response = good.clone();
    response.flags |= QR;
    for (method, path, fields, body, status) in [
        ("GET", "/dns-query".to_owned(), "", &b""[..], 400),
        ("GET", "/dns-query?dns=@@@".into(), "", b"", 400),
        ("GET", "/dns-query?dns=AAAA".into(), "", b"", 400),
        ("GET", in_url("/dns-query", &response), "", b"", 400),
        ("POST", "/dns-query".into(), dns, b"short", 400),
        ("GET", in_url("/", &good), "", b"", 404),
        ("GET", in_url("/dns-query/", &good), "", b"", 404),
        ("GET", "/api/v1/health".into(), "", b"", 404),
        ("PUT", "/dns-query".into(), dns, &good.wire(), 405),
        ("DELETE", "/dns-query".into(), "", b"", 405),
        ("POST", "/dns-query".into(), dns, &long, 413),
        ("POST", "/dns-query".into(), "Content-Type: text/plain\r\n", &good.wire(), 415),
        ("POST", "/dns-query".into(), "", &good.wire(), 415),
        ("GET", in_url("/dns-query", &good), &format!("X-Long: {}\r\n", "x".repeat(9_000)), b"", 431),
    ] {
        let answer = house.send(method, &path, fields, body);
        assert_eq!(answer.status, status, "{method} {path} {}", String::from_utf8_lossy(&answer.body));
        assert!(answer.header("cache-control") == "no-store" || status == 431, "{method} {path}");
    }
    assert_eq!(house.send("PATCH", "/dns-query", "", b"").header("allow"), "GET, HEAD, POST");
}

#[test]
fn rfc8484_5_1_an_answer_is_kept_no_longer_than_its_records() {
    let house = house();
    house.forwarder.on("seven.example", |query, _| {
        Plan::Answer(answer(query, &[a(&query.asked(), 300, "192.0.2.1"), a(&query.asked(), 7, "192.0.2.2")]))
    });
    house.forwarder.on("gone.example", |query, _| {
        let mut reply = with_rcode(query, NXDOMAIN);
        reply.authority = vec![soa(900, 11)];
        Plan::Answer(reply)
    });
    house.forwarder.fails("broken.example", SERVFAIL);
    let age = |name: &str| {
        let answer = house.get(&query(name, A));
        let seconds =
            answer.header("cache-control").strip_prefix("private, max-age=").map(|text| text.parse::<u32>().unwrap());
        (seconds, answer)
    };
    let (first, _) = age("seven.example");
    assert_eq!(first, Some(7));
    let (negative, _) = age("gone.example");
    assert_eq!(negative, Some(11));
    let (muted, _) = age("muted.example");
    assert_eq!(muted, Some(10));
    let (later, answer) = age("seven.example");
    assert!(later.is_some_and(|later| later <= answer.message().ttl()), "{later:?}");
    let (broken, answer) = age("broken.example");
    assert_eq!((broken, answer.header("cache-control")), (None, "no-store"));
}

#[test]
fn a_device_is_known_by_its_path_and_by_nothing_that_it_says_of_others() {
    let house = house();
    let ask = |path: &str, name: &str| {
        house
            .send(
                "GET",
                &in_url(path, &query(name, A)),
                "X-Forwarded-For: 192.0.2.77\r\nForwarded: for=192.0.2.77\r\n",
                b"",
            )
            .message();
        let event = house.sordino.rest().journal(name);
        (event["device"].as_str().unwrap().to_owned(), event["address"].as_str().unwrap().to_owned())
    };
    assert_eq!(ask("/dns-query/Phone", "one.example"), ("name-Anna's phone".into(), "127.0.0.1".into()));
    assert_eq!(ask("/dns-query/tablet", "two.example").0, "name-tablet");
    let (device, address) = ask("/dns-query", "three.example");
    assert!(!device.starts_with("name-") && address == "127.0.0.1", "{device}");
}

#[test]
fn rfc8467_4_1_padding_is_answered_with_padding() {
    let house = house();
    let mut padded = query("muted.example", A);
    padded.opt.as_mut().unwrap().options.push((PADDING, vec![0; 60]));
    assert_eq!(house.post(&padded).body.len() % 468, 0);
    assert_eq!(house.post(&query("muted.example", A)).message().option(PADDING), None);
}

#[test]
fn rfc9112_3_2_a_request_names_its_host_once() {
    let house = house();
    let path = in_url("/dns-query", &query("muted.example", A));
    for (version, hosts, status) in
        [("1.1", "Host: a\r\n", 200), ("1.1", "", 400), ("1.1", "Host: a\r\nHost: b\r\n", 400), ("1.0", "", 200)]
    {
        let request = format!("GET {path} HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        assert_eq!(house.raw(request.as_bytes()).status, status, "{version} {hosts:?}");
    }
}

#[test]
fn nothing_is_upgraded_to_http_2_without_tls_agreeing() {
    let house = house();
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    let query = query("muted.example", A);
    let path = in_url("/dns-query", &query);
    let answer =
        house.raw(format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{upgrade}\r\n").as_bytes());
    assert_eq!(answer.message().texts(), ["A 0.0.0.0"], "answered as if it had not asked for more");
    // HTTP/2 without ALPN is no request.
    let said = house.octets(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(!said.starts_with(b"\0\0") && !said.starts_with(b"HTTP/1.1 2"), "{said:02x?}");
}

/// A client of HTTP/1.0 names that version in TLS, as curl does, and need not name the host.
#[test]
fn rfc7301_3_2_http_1_0_is_agreed_on_as_well() {
    let house = house();
    let request = format!("GET {} HTTP/1.0\r\n\r\n", in_url("/dns-query", &query("muted.example", A)));
    let said = house.octets_over("http/1.0", request.as_bytes());
    assert!(said.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&said));
}

/// CVE-2023-44487: streams that are opened and reset at once.
/// D11: who sends an octet now and then, and never a whole request, loses its seat; in the head and in the body alike.
#[test]
fn d11_a_request_that_drips_loses_its_seat() {
    let house = house();
    let server = house.sordino.way("https");
    let config = Arc::new(trust(&house.pair.certificate, &["http/1.1"]));
    let head = format!("POST /dns-query HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/dns-message\r\n");
    let body = query("muted.example", A).wire();
    let whole_head = format!("{head}content-length: {}\r\n\r\n", body.len());
    for (at_once, dripped) in [(String::new(), head.as_bytes()), (whole_head, &body[..])] {
        let mut tls = Tls::to(server, NAME, &config);
        tls.stream.write_all(at_once.as_bytes()).unwrap();
        tls.stream.sock.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let (mut octets, begin) = (dripped.iter(), Instant::now());
        loop {
            assert!(begin.elapsed() < PATIENCE && octets.len() > 1, "it still has its seat");
            // The other end may have closed; what it says is read next.
            let _ = octets.next().map(|octet| tls.stream.write_all(&[*octet]).and_then(|()| tls.stream.flush()));
            match tls.stream.read(&mut [0; 512]) {
                Ok(0) => break,
                // It is told why (408).
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
    }
    assert_eq!(house.get(&query("muted.example", A)).message().texts(), ["A 0.0.0.0"]);
}

#[test]
fn a_flood_of_resets_ends_the_connection_and_nothing_else() {
    let house = house();
    let (server, config) = (house.sordino.way("https"), Arc::new(trust(&house.pair.certificate, &["h2"])));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let opened = runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(server).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
        let tls = tokio_rustls::TlsConnector::from(config).connect(name, socket).await.unwrap();
        let (client, connection) = h2::client::handshake(tls).await.unwrap();
        let driver = tokio::spawn(connection);
        let (mut opened, mut sender) = (0_u32, Some(client));
        while opened < 20_000
            && let Some(client) = sender.take()
        {
            let Ok(mut ready) = client.ready().await else { break };
            let request = http::Request::get(format!("https://{NAME}/dns-query")).body(()).unwrap();
            let Ok((_, mut stream)) = ready.send_request(request, true) else { break };
            // The request goes out before the reset takes it back.
            tokio::task::yield_now().await;
            stream.send_reset(h2::Reason::CANCEL);
            opened += 1;
            sender = Some(ready);
        }
        drop(sender);
        let _ = driver.await;
        opened
    });
    assert!(opened < 20_000, "the flood was let through");
    assert_eq!(house.get(&query("muted.example", A)).message().texts(), ["A 0.0.0.0"]);
}

#[test]
fn clients_that_people_use_are_answered() {
    let house = house();
    let (server, ca) = (house.sordino.way("https"), house.pair.certificate.display().to_string());
    let (host, port) = (format!("@{}", server.ip()), server.port().to_string());
    let tls_ca = format!("+tls-ca={ca}");
    for way in ["+https", "+https-get"] {
        let kdig = [&host, "-p", &port, way, &tls_ca, "+tls-hostname=dns.example", "muted.example"];
        if let Some(said) = client("kdig", &kdig) {
            assert!(said.contains("0.0.0.0") && said.contains("HTTP/2"), "{said}");
        }
    }
    let resolve = format!("{NAME}:{}:{}", server.port(), server.ip());
    let url = format!("https://{NAME}:{}{}", server.port(), in_url("/dns-query", &query("muted.example", A)));
    for (version, word) in [("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200")] {
        let curl = ["-sS", "-D", "-", "-o", "/dev/null", version, "--cacert", &ca, "--resolve", &resolve, &url];
        if let Some(said) = client("curl", &curl) {
            let said = said.to_lowercase();
            assert!(said.contains(&word.to_lowercase()) && said.contains("max-age=10"), "{said}");
            assert!(said.contains("alt-svc: h3="), "{said}");
        }
        let long = format!("X-Long: {}", "x".repeat(9_000));
        let curl = [
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            version,
            "-H",
            &long,
            "--cacert",
            &ca,
            "--resolve",
            &resolve,
            &url,
        ];
        if let Some(said) = client("curl", &curl) {
            assert!(said.contains("431"), "{version}: {said}");
        }
    }
    // curl asks us for the address of a name that is muted, and cannot reach 0.0.0.0.
    let doh = format!("https://{}/dns-query", server);
    let curl = ["-sSv", "--connect-timeout", "3", "--cacert", &ca, "--doh-url", &doh, "http://muted.example:9/"];
    if let Some(said) = client("curl", &curl) {
        assert!(said.contains("0.0.0.0"), "{said}");
    }
    let queries = house.sordino.dir().join("queries");
    std::fs::write(&queries, "muted.example A\nother.example A\n").unwrap();
    let (queries, ip, uri) =
        (queries.display().to_string(), server.ip().to_string(), format!("https://{NAME}/dns-query"));
    let uri_option = format!("doh-uri={uri}");
    // One query at a time: of two answers in one TLS record, dnsperf 2.10 counts one only.
    for method in ["doh-method=GET", "doh-method=POST"] {
        let dnsperf = [
            "-m",
            "doh",
            "-O",
            &uri_option,
            "-O",
            method,
            "-s",
            &ip,
            "-p",
            &port,
            "-d",
            &queries,
            "-n",
            "10",
            "-q",
            "1",
        ];
        if let Some(said) = client("dnsperf", &dnsperf) {
            assert!(said.contains("Queries completed:    20 (100.00%)"), "{said}");
        }
    }
    assert!(house.counter("received") > 0);
}
