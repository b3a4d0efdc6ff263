//! Takes one message to a broker: MQTT 3.1.1, which every broker speaks, at least once (QoS 1).
//!
//! That is four small packets each way, and a connection for each message: there are twenty an hour at most. A client
//! crate keeps sessions, queues and subscriptions, and brings a TLS of its own; here the retries and the queue are the
//! courier's, and the TLS is that of the other receivers. Sections are those of the OASIS standard of 2014.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where messages go if no topic is written.
const TOPIC: &str = "sordino";
/// Octets of a topic.
const TOPIC_BOUND: usize = 256;
/// Octets of what an answer may hold beyond its two first: both that are waited for hold two.
const ANSWER_BOUND: u8 = 2;
/// Seconds of silence after which the broker may end the connection; sordino ends it before.
const KEEP_ALIVE: u16 = 60;
/// The only message of a connection (§2.3.1: any number but 0).
const PACKET: [u8; 2] = [0, 1];

/// A broker, and the topic to publish to.
#[derive(Clone, PartialEq, Eq)]
pub struct Broker {
    is_encrypted: bool,
    host: String,
    port: u16,
    topic: String,
}

/// What opens the broker, if it is locked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// Who sordino is there.
    pub user: String,
    /// And what proves it.
    pub password: Option<String>,
}

impl Broker {
    /// Its name or address, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Publishes `payload`, which was made at `at`, and returns when the broker has it. The error is part of a sentence.
    pub(super) async fn tell(
        &self,
        addresses: &[SocketAddr],
        tls: &ClientConfig,
        login: Option<&Login>,
        (at, payload): (u64, &[u8]),
    ) -> Result<(), String> {
        let stream = TcpStream::connect(addresses).await.map_err(|error| error.to_string())?;
        // At most 23 letters and digits (§3.1.3.1). A moment is enough: the session ends with the connection.
        let connect = connect(&format!("sordino{at:016x}"), login);
        let publish = publish(&self.topic, payload);
        if !self.is_encrypted {
            return talk(stream, &connect, &publish).await;
        }
        let mut tls = tls.clone();
        tls.alpn_protocols.clear();
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        let stream =
            TlsConnector::from(Arc::new(tls)).connect(name, stream).await.map_err(|error| error.to_string())?;
        talk(stream, &connect, &publish).await
    }
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, connect: &[u8], publish: &[u8]) -> Result<(), String> {
    const CONNACK: u8 = 0x20;
    const PUBACK: u8 = 0x40;
    const DISCONNECT: [u8; 2] = [0xe0, 0];
    let broken = |error: std::io::Error| format!("the connection broke: {error}");
    stream.write_all(connect).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let [_, code] = answer(&mut stream, CONNACK).await?;
    // §3.2.2.3
    match code {
        0 => {}
        1 => return Err("it does not speak MQTT 3.1.1".into()),
        3 => return Err("it says that it is not available now".into()),
        4 | 5 => return Err("it wants another mqtt_user or mqtt_password".into()),
        code => return Err(format!("it refuses the connection with code {code}")),
    }
    stream.write_all(publish).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    if answer(&mut stream, PUBACK).await? != PACKET {
        return Err("it acknowledged another message than it was sent".into());
    }
    // It has the message; how the connection ends changes nothing.
    let _ = stream.write_all(&DISCONNECT).await;
    let _ = stream.shutdown().await;
    Ok(())
}

/// Reads a packet, which must be of this kind.
async fn answer(stream: &mut (impl AsyncRead + Unpin), kind: u8) -> Result<[u8; 2], String> {
    let ended =
        |_| "it ended the connection without an answer, as brokers do that want a user name and a password".to_owned();
    let mut packet = [0; 4];
    stream.read_exact(&mut packet).await.map_err(ended)?;
    match packet {
        [first, ANSWER_BOUND, a, b] if first == kind => Ok([a, b]),
        _ => Err("what it answers is no MQTT".into()),
    }
}

/// §3.1
fn connect(client: &str, login: Option<&Login>) -> Vec<u8> {
    const CLEAN_SESSION: u8 = 0x02;
    const PASSWORD: u8 = 0x40;
    const USER: u8 = 0x80;
    let password = login.and_then(|login| login.password.as_deref());
    let flags = CLEAN_SESSION | login.map_or(0, |_| USER) | password.map_or(0, |_| PASSWORD);
    let mut body = Vec::new();
    push_text("MQTT", &mut body);
    body.extend([4, flags]);
    body.extend(KEEP_ALIVE.to_be_bytes());
    push_text(client, &mut body);
    login.iter().for_each(|login| push_text(&login.user, &mut body));
    password.iter().for_each(|password| push_text(password, &mut body));
    packet(0x10, &body)
}

/// §3.3
fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    const QOS_1: u8 = 0x02;
    let mut body = Vec::new();
    push_text(topic, &mut body);
    body.extend(PACKET);
    body.extend(payload);
    packet(0x30 | QOS_1, &body)
}

/// A packet: its first octet, its length seven bits at a time (§2.2.3), and the rest.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut left = body.len();
    loop {
        let more = if left > 0x7f { 0x80 } else { 0 };
        packet.push((left & 0x7f) as u8 | more);
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// §1.5.3. What comes here was measured when it was read.
fn push_text(text: &str, body: &mut Vec<u8>) {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    body.extend(len.to_be_bytes());
    body.extend(&text.as_bytes()[..usize::from(len)]);
}

impl FromStr for Broker {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written = "begins with neither mqtt:// nor mqtts://; write it as in \"mqtt://192.168.1.4/sordino\"";
        let (scheme, rest) = text.split_once("://").ok_or(written)?;
        let (is_encrypted, usual_port) = match scheme {
            "mqtt" => (false, 1883),
            "mqtts" => (true, 8883),
            _ => return Err(written),
        };
        let (server, topic) = rest.split_once('/').unwrap_or((rest, ""));
        let topic = if topic.is_empty() { TOPIC } else { topic };
        // §4.7: one topic, and not one of the broker's own.
        if topic.len() > TOPIC_BOUND
            || topic.starts_with('$')
            || topic.contains(['+', '#'])
            || topic.contains(char::is_control)
        {
            return Err("has a topic that is too long, or one with + or # in it, or of the broker's own");
        }
        // The port of HTTP would be taken for none written.
        let port = Url::parse(&format!("mqtt://{server}")).map(|url| url.port());
        let url = Url::parse(&format!("http://{server}")).map_err(|_| "names no server")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name or a password in it; put them into mqtt_user and mqtt_password");
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no server")?;
        let port = port.map_err(|_| "names no server")?.unwrap_or(usual_port);
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { is_encrypted, host, port, topic: topic.to_owned() })
    }
}

/// Only the server, as with other receivers.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

/// Nothing of it.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a login")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_a_server_and_a_topic() {
        let read = |text: &str| {
            let broker: Broker = text.parse().unwrap();
            (broker.is_encrypted, broker.host, broker.port, broker.topic)
        };
        assert_eq!(read("mqtt://10.0.0.4"), (false, "10.0.0.4".into(), 1883, "sordino".into()));
        assert_eq!(read("mqtt://broker.lan:80/a/b c?"), (false, "broker.lan".into(), 80, "a/b c?".into()));
        assert_eq!(read("mqtts://[fd00::4]:443/"), (true, "fd00::4".into(), 443, "sordino".into()));
        for wrong in [
            "10.0.0.4",
            "http://10.0.0.4",
            "mqtt://",
            "mqtt:///topic",
            "mqtt://u:p@host/t",
            "mqtt://h/$SYS/a",
            "mqtt://h/a/#",
            "mqtt://h:99999/",
        ] {
            assert!(wrong.parse::<Broker>().is_err(), "{wrong}");
        }
        assert_eq!(format!("{:?}", "mqtt://h/secret".parse::<Broker>().unwrap()), "h");
    }

    #[test]
    fn packets_are_as_the_standard_writes_them() {
        let login = Login { user: "me".into(), password: Some("pw".into()) };
        let expected =
            [&[0x10, 22, 0, 4][..], b"MQTT", &[4, 0xc2, 0, 60, 0, 2], b"id", &[0, 2], b"me", &[0, 2], b"pw"].concat();
        assert_eq!(connect("id", Some(&login)), expected);
        assert_eq!(connect("", None), [&[0x10, 12, 0, 4][..], b"MQTT", &[4, 2, 0, 60, 0, 0]].concat());
        let long = publish("t", &[7; 200]);
        assert_eq!((&long[..8], long.len()), (&[0x32, 0x80 | 77, 1, 0, 1, b't', 0, 1][..], 3 + 205));
    }
}
