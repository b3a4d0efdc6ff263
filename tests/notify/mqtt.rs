//! An MQTT broker is told: a scripted one, and mosquitto where it is installed.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::support::forwarder::Forwarder;
use crate::support::secure::Pair;
use crate::support::sordino::Setup;
use crate::support::{PATIENCE, until};
use crate::{ask, start};

/// What a broker got: every packet, its first octet and the rest without the length.
type Packets = Vec<(u8, Vec<u8>)>;

/// What a broker does with a connection.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// Answers CONNECT with this code, and ends.
    Refuse(u8),
    /// Takes the message and ends without saying so.
    Swallow,
    /// Says another thing than MQTT.
    Babble,
    /// All that it should.
    Serve,
}

/// A broker that does these things with its connections, one after the other, and then serves.
fn broker(does: &'static [Does], tls: Option<Arc<ServerConfig>>) -> (SocketAddr, Receiver<Packets>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, packets) = sync_channel(64);
    std::thread::spawn(move || {
        let mut does = does.iter();
        for stream in listener.incoming().map_while(Result::ok) {
            let act = does.next().copied().unwrap_or(Does::Serve);
            let got = match &tls {
                None => serve(stream, act),
                Some(tls) => serve(StreamOwned::new(ServerConnection::new(tls.clone()).unwrap(), stream), act),
            };
            if sender.send(got).is_err() {
                return;
            }
        }
    });
    (address, packets)
}

fn serve(mut stream: impl Read + Write, does: Does) -> Packets {
    let mut got = Packets::new();
    while let Some((first, body)) = packet(&mut stream) {
        got.push((first, body.clone()));
        let answer: &[u8] = match (first, does) {
            (0x10, Does::Refuse(code)) => &[0x20, 2, 0, code],
            (0x10, Does::Babble) => b"HTTP/1.1 400 Bad Request\r\n\r\n",
            (0x10, _) => &[0x20, 2, 0, 0],
            (0x32, Does::Serve) => &[0x40, 2, 0, 1],
            _ => break,
        };
        let _ = stream.write_all(answer).and_then(|()| stream.flush());
        if matches!(does, Does::Refuse(_) | Does::Babble) {
            break;
        }
    }
    got
}

fn packet(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut octet = [0];
    stream.read_exact(&mut octet).ok()?;
    let (first, mut length) = (octet[0], 0);
    for shift in [0, 7, 14, 21] {
        stream.read_exact(&mut octet).ok()?;
        length |= usize::from(octet[0] & 0x7f) << shift;
        if octet[0] < 0x80 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((first, body))
}

/// Cuts a text off the front.
fn text<'a>(body: &mut &'a [u8]) -> &'a str {
    let (length, rest) = body.split_first_chunk().unwrap();
    let (text, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
    *body = rest;
    std::str::from_utf8(text).unwrap()
}

/// The topic and the event of a PUBLISH.
fn published((first, body): &(u8, Vec<u8>)) -> (String, Value) {
    let mut body = body.as_slice();
    assert_eq!(*first, 0x32, "PUBLISH, at least once, not to be kept");
    let topic = text(&mut body).to_owned();
    assert_eq!(body[..2], [0, 1], "a packet identifier");
    (topic, serde_json::from_slice(&body[2..]).unwrap())
}

#[test]
fn a_broker_is_told_of_a_new_device_until_it_says_that_it_knows() {
    let (address, connections) = broker(&[Does::Refuse(5), Does::Swallow], None);
    let forwarder = Forwarder::plain();
    let mqtt =
        format!("mqtt = \"mqtt://{address}/house/new device\"\nmqtt_user = \"me\"\nmqtt_password = \"zqxjkvbp\"\n");
    let sordino = start(&forwarder, &mqtt);
    ask(&sordino, "127.0.0.7");
    let refused = connections.recv_timeout(PATIENCE).unwrap();
    let [(0x10, connect)] = &refused[..] else { panic!("CONNECT alone, but {refused:02x?}") };
    let mut connect = connect.as_slice();
    assert_eq!(text(&mut connect), "MQTT");
    assert_eq!(connect[..2], [4, 0xc2], "3.1.1, a clean session, with user and password");
    connect = &connect[4..];
    let client = text(&mut connect);
    assert!(client.len() <= 23 && client.bytes().all(|octet| octet.is_ascii_alphanumeric()), "{client}");
    assert_eq!((text(&mut connect), text(&mut connect), connect), ("me", "zqxjkvbp", &[][..]));
    let rest = sordino.rest();
    let told = until("the trouble in the status", || {
        let status = rest.read("/api/v1/status");
        let problems = status["problems"].as_array()?;
        Some(problems.iter().find(|problem| problem["kind"] == "notify")?["text"].as_str()?.to_owned())
    });
    assert!(
        told.contains("check mqtt under [notify]") && told.contains("127.0.0.1") && !told.contains("zqx"),
        "{told}"
    );
    let swallowed = connections.recv_timeout(PATIENCE).unwrap();
    let served = connections.recv_timeout(PATIENCE).unwrap();
    let (topic, event) = published(&served[1]);
    assert_eq!((topic.as_str(), &event["event"]), ("house/new device", &"new_device".into()));
    assert_eq!(event["device"]["id"], "ip-127.0.0.7");
    assert_eq!(published(&swallowed[1]).1, event, "the same message, which was not acknowledged");
    assert_eq!(served[2..], [(0xe0, vec![])], "and a good-bye");
    until("told", || (rest.read("/api/v1/status")["counters"]["notify_sent"] == 1).then_some(()));
}

#[test]
fn what_is_no_broker_is_said_to_be_none() {
    let (address, _connections) = broker(&[Does::Babble, Does::Babble, Does::Babble], None);
    let forwarder = Forwarder::plain();
    let sordino = start(&forwarder, &format!("mqtt = \"mqtt://{address}\"\n"));
    ask(&sordino, "127.0.0.7");
    let rest = sordino.rest();
    let told = until("the trouble in the status", || {
        let status = rest.read("/api/v1/status");
        let problems = status["problems"].as_array()?;
        Some(problems.iter().find(|problem| problem["kind"] == "notify")?["text"].as_str()?.to_owned())
    });
    assert!(told.contains("is no MQTT"), "{told}");
}

#[test]
fn over_tls_a_broker_must_prove_who_it_is() {
    let files = tempfile::tempdir().unwrap();
    let pair = Pair::write(files.path(), 2099);
    let certificate = CertificateDer::from_pem_file(&pair.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let (address, connections) = broker(&[], Some(Arc::new(tls)));
    let forwarder = Forwarder::plain();
    let notify = format!("\n[notify]\nmqtt = \"mqtts://{address}/house\"\n");
    let house = || Setup::before(&forwarder).list("ads", "block", "ads.example\n");
    // Nobody vouches for it: it gets no message.
    let stranger = house().table(&notify).start();
    ask(&stranger, "127.0.0.7");
    assert!(connections.recv_timeout(PATIENCE).unwrap().is_empty());
    drop(stranger);
    let trusting = house().table(&format!("\n[lists]\nca = {:?}\n{notify}", pair.certificate)).start();
    ask(&trusting, "127.0.0.7");
    let served = until("what it is told", || connections.recv_timeout(PATIENCE).ok().filter(|got| !got.is_empty()));
    assert_eq!(published(&served[1]).0, "house");
}

/// A program that runs until this goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mosquitto_hands_it_on_to_who_listens() {
    let program = |name: &str| {
        ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
            .map(|dir| format!("{dir}/{name}"))
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
    };
    let (Some(mosquitto), Some(listener)) = (program("mosquitto"), program("mosquitto_sub")) else {
        println!("skipped: mosquitto and mosquitto_sub are not installed");
        return;
    };
    let files = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (config, passwords) = (files.path().join("mosquitto.conf"), files.path().join("passwords"));
    let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["me", "pw"]).status();
    assert!(made.unwrap().success());
    let text =
        format!("listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser root\n", passwords.display());
    std::fs::write(&config, text).unwrap();
    let _broker = Running(Command::new(mosquitto).arg("-c").arg(&config).stderr(Stdio::null()).spawn().unwrap());
    until("a broker that listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    // A first message, kept by the broker, says that the listener is there.
    let login =
        ["-h", "127.0.0.1", "-p", &port.to_string(), "-u", "me", "-P", "pw", "-t", "house/new"].map(str::to_owned);
    let kept = Command::new("mosquitto_pub").args(&login).args(["-r", "-m", "there"]).status().unwrap();
    assert!(kept.success());
    let mut heard =
        Running(Command::new(listener).args(&login).args(["-q", "1"]).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(heard.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "there");
    let forwarder = Forwarder::plain();
    let mqtt = format!("mqtt = \"mqtt://127.0.0.1:{port}/house/new\"\nmqtt_user = \"me\"\nmqtt_password = \"pw\"\n");
    let sordino = start(&forwarder, &mqtt);
    ask(&sordino, "127.0.0.7");
    let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(event["device"]["id"], "ip-127.0.0.7");
}
