//! A forwarder that does what a test tells it, name by name, and writes down what it was asked.
//!
//! Names without a script have the addresses 192.0.2.1 and 2001:db8::1, for 300 s, and nothing else.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};

use super::authority::Authority;
use super::wire::{self, Message, Opt, QR, RA, RD, Record, SOA, name_text, name_wire};
use super::{encrypted, until};

/// How a question came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
    H3,
}

/// What to do with a question.
pub enum Plan {
    Answer(Message),
    /// Octets as they are, one datagram or message each, in this order.
    Packets(Vec<Vec<u8>>),
    Silence,
    /// Not before the hold is released.
    Held(Hold, Box<Self>),
    /// Not before this time has passed: a forwarder that is far away.
    After(Duration, Box<Self>),
}

/// What the forwarder was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub over: Over,
    pub source: SocketAddr,
    pub query: Message,
}

type Script = Arc<dyn Fn(&Message, Over) -> Plan + Send + Sync>;

#[derive(Default)]
pub(super) struct State {
    scripts: Mutex<HashMap<Vec<u8>, Script>>,
    asked: Mutex<Vec<Asked>>,
    pub(super) headers: Mutex<Vec<http::HeaderMap>>,
    /// Seconds that its answers over HTTPS were in a cache of HTTP.
    pub(super) age: Mutex<u32>,
    /// What name each connection over TLS asked for.
    pub(super) names: Mutex<Vec<Option<String>>>,
    silent: Mutex<bool>,
}

/// The forwarder. Its sockets close when it goes.
pub struct Forwarder {
    state: Arc<State>,
    plain: SocketAddr,
    /// TLS, HTTPS, QUIC and HTTP/3.
    encrypted: Option<[SocketAddr; 4]>,
    _stop: mpsc::Sender<()>,
}

/// Keeps answers back until it is released.
#[derive(Clone)]
pub struct Hold(Arc<watch::Sender<bool>>);

impl Hold {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub fn release(&self) {
        self.0.send_replace(true);
    }
}

impl Forwarder {
    /// UDP and TCP on one port.
    pub fn plain() -> Self {
        Self::start(None, "127.0.0.1:0")
    }

    /// TLS, HTTPS, QUIC and HTTP/3 besides, with a certificate for 127.0.0.1 and dns.example.
    pub fn encrypted(authority: &Authority) -> Self {
        Self::start(Some(authority), "127.0.0.1:0")
    }

    /// UDP and TCP on an address that was used before.
    pub fn again(address: SocketAddr) -> Self {
        Self::start(None, &address.to_string())
    }

    fn start(authority: Option<&Authority>, address: &str) -> Self {
        let state = Arc::new(State::default());
        let (stop, mut stopped) = mpsc::channel(1);
        let (found, addresses) = std::sync::mpsc::sync_channel(1);
        let names = ["127.0.0.1", "dns.example"];
        let acceptors =
            authority.map(|ca| [&b"dot"[..], b"h2", b"doq", b"h3"].map(|alpn| ca.acceptor(&names, &[alpn])));
        let (shared, address) = (state.clone(), address.to_owned());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (udp, tcp) = both_on(&address).await;
                let plain = tcp.local_addr().unwrap();
                let mut encrypted = None;
                if let Some([dot, doh, doq, h3]) = acceptors {
                    let listeners = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
                    let [tls, https] = listeners.map(Result::unwrap);
                    let addresses = [tls.local_addr().unwrap(), https.local_addr().unwrap()];
                    tokio::spawn(encrypted::serve_tls(shared.clone(), tls, dot));
                    tokio::spawn(encrypted::serve_https(shared.clone(), https, doh));
                    let quic = [encrypted::serve_doq(shared.clone(), &doq), encrypted::serve_h3(shared.clone(), &h3)];
                    encrypted = Some([addresses[0], addresses[1], quic[0], quic[1]]);
                }
                tokio::spawn(serve_udp(shared.clone(), Arc::new(udp)));
                tokio::spawn(serve_tcp(shared, tcp));
                found.send((plain, encrypted)).unwrap();
                stopped.recv().await;
            });
        });
        let (plain, encrypted) = addresses.recv().unwrap();
        Self { state, plain, encrypted, _stop: stop }
    }

    pub fn address(&self) -> SocketAddr {
        self.plain
    }

    pub fn udp(&self) -> String {
        format!("udp://{}", self.plain)
    }

    pub fn tcp(&self) -> String {
        format!("tcp://{}", self.plain)
    }

    pub fn tls(&self) -> String {
        format!("tls://{}", self.behind_tls(0))
    }

    pub fn https(&self) -> String {
        format!("https://{}/dns-query", self.behind_tls(1))
    }

    pub fn quic(&self) -> String {
        format!("quic://{}", self.behind_tls(2))
    }

    pub fn h3(&self) -> String {
        format!("h3://{}/dns-query", self.behind_tls(3))
    }

    fn behind_tls(&self, place: usize) -> SocketAddr {
        self.encrypted.expect("an encrypted forwarder")[place]
    }

    /// The port of the encrypted transport, for a URL with a name in it.
    pub fn tls_port(&self) -> u16 {
        self.behind_tls(0).port()
    }

    /// What to do with questions for `name` and below it; the longest name counts.
    pub fn on(&self, name: &str, script: impl Fn(&Message, Over) -> Plan + Send + Sync + 'static) {
        self.state.scripts.lock().unwrap().insert(name_wire(&name.to_lowercase()), Arc::new(script));
    }

    /// Answers questions for `name` with those of `records` that are aliases or of the type asked.
    pub fn holds(&self, name: &str, records: Vec<Record>) {
        self.on(name, move |query, _| Plan::Answer(answer(query, &records)));
    }

    /// Answers questions for `name` with an RCODE and nothing else.
    pub fn fails(&self, name: &str, rcode: u16) {
        self.on(name, move |query, _| Plan::Answer(with_rcode(query, rcode)));
    }

    /// Reads, writes down, and does not answer: as a dead forwarder behind a live router.
    pub fn fall_silent(&self, silent: bool) {
        *self.state.silent.lock().unwrap() = silent;
    }

    /// What it was asked for `name`, in order.
    pub fn asked(&self, name: &str) -> Vec<Asked> {
        let name = name_wire(&name.to_lowercase());
        let all = self.state.asked.lock().unwrap();
        all.iter().filter(|asked| asked.query.questions[0].name.eq_ignore_ascii_case(&name)).cloned().collect()
    }

    /// Everything it was asked.
    pub fn asked_all(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Waits until it was asked for `name`.
    #[track_caller]
    pub fn wait_for(&self, name: &str) -> Asked {
        until(&format!("{name} asked upstream"), || self.asked(name).into_iter().next())
    }

    /// Says of its answers over HTTPS that they come from a cache of HTTP, and are this old.
    pub fn grow_old(&self, seconds: u32) {
        *self.state.age.lock().unwrap() = seconds;
    }

    /// The names that connections over TLS asked for (SNI).
    pub fn names(&self) -> Vec<Option<String>> {
        self.state.names.lock().unwrap().clone()
    }

    /// The header fields of the HTTPS requests that came in.
    pub fn headers(&self) -> Vec<http::HeaderMap> {
        self.state.headers.lock().unwrap().clone()
    }
}

/// Those of `records` that belong to the answer; an SOA where there is none.
pub fn answer(query: &Message, records: &[Record]) -> Message {
    let qtype = query.questions[0].qtype;
    let fits = |record: &&Record| record.rtype == qtype || record.rtype == wire::CNAME;
    let answers: Vec<Record> = records.iter().filter(fits).cloned().collect();
    let authority = if answers.is_empty() { vec![soa(300, 300)] } else { Vec::new() };
    Message { answers, authority, ..with_rcode(query, wire::NOERROR) }
}

/// A response with this RCODE; NXDOMAIN with its SOA.
pub fn with_rcode(query: &Message, rcode: u16) -> Message {
    let authority = if rcode == wire::NXDOMAIN { vec![soa(300, 300)] } else { Vec::new() };
    Message {
        id: query.id,
        flags: QR | RA | query.flags & RD | rcode,
        questions: query.questions.clone(),
        authority,
        opt: query.opt.as_ref().map(|_| Opt { payload: 1232, ..Opt::default() }),
        ..Message::default()
    }
}

pub fn a(name: &str, ttl: u32, address: &str) -> Record {
    Record::new(name, wire::A, ttl, address.parse::<Ipv4Addr>().unwrap().octets())
}

pub fn aaaa(name: &str, ttl: u32, address: &str) -> Record {
    Record::new(name, wire::AAAA, ttl, address.parse::<Ipv6Addr>().unwrap().octets())
}

pub fn cname(name: &str, ttl: u32, target: &str) -> Record {
    Record::new(name, wire::CNAME, ttl, name_wire(target))
}

/// An SVCB-compatible record with SvcParams in wire form (RFC 9460 §2.2).
pub fn https(name: &str, ttl: u32, priority: u16, target: &str, params: &[u8]) -> Record {
    let data = [&priority.to_be_bytes()[..], &name_wire(target), params].concat();
    Record::new(name, wire::HTTPS, ttl, data)
}

pub fn soa(ttl: u32, minimum: u32) -> Record {
    let numbers = [1, 3600, 600, 86_400, minimum].map(u32::to_be_bytes).concat();
    let data = [name_wire("ns.example"), name_wire("hostmaster.example"), numbers].concat();
    Record::new("example", SOA, ttl, data)
}

impl State {
    pub(super) fn plan(&self, packet: &[u8], over: Over, source: SocketAddr) -> Plan {
        let Some(query) = Message::parse(packet).filter(|query| !query.questions.is_empty()) else {
            panic!("sordino sent a forwarder what is no query: {packet:02x?}");
        };
        self.asked.lock().unwrap().push(Asked { over, source, query: query.clone() });
        if *self.silent.lock().unwrap() {
            return Plan::Silence;
        }
        let script = self.script(&query.questions[0].name.to_ascii_lowercase());
        script.map_or_else(|| default_plan(&query), |script| script(&query, over))
    }

    fn script(&self, name: &[u8]) -> Option<Script> {
        let scripts = self.scripts.lock().unwrap();
        let mut rest = name;
        loop {
            if let Some(script) = scripts.get(rest) {
                return Some(script.clone());
            }
            let len = usize::from(*rest.first().filter(|len| **len > 0)?);
            rest = &rest[1 + len..];
        }
    }
}

fn default_plan(query: &Message) -> Plan {
    let name = name_text(&query.questions[0].name);
    Plan::Answer(answer(query, &[a(&name, 300, "192.0.2.1"), aaaa(&name, 300, "2001:db8::1")]))
}

/// The packets of a plan, when their time has come.
pub(super) async fn carry_out(mut plan: Plan) -> Vec<Vec<u8>> {
    loop {
        match plan {
            Plan::Answer(message) => return vec![message.wire()],
            Plan::Packets(packets) => return packets,
            Plan::Silence => return Vec::new(),
            Plan::Held(hold, then) => {
                let _ = hold.0.subscribe().wait_for(|released| *released).await;
                plan = *then;
            }
            Plan::After(time, then) => {
                tokio::time::sleep(time).await;
                plan = *then;
            }
        }
    }
}

async fn both_on(address: &str) -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let Ok(tcp) = TcpListener::bind(address).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP at {address}");
}

async fn serve_udp(state: Arc<State>, socket: Arc<UdpSocket>) {
    let mut buffer = vec![0; 65_535];
    loop {
        let Ok((len, source)) = socket.recv_from(&mut buffer).await else { continue };
        let plan = state.plan(&buffer[..len], Over::Udp, source);
        let socket = socket.clone();
        tokio::spawn(async move {
            for packet in carry_out(plan).await {
                let _ = socket.send_to(&packet, source).await;
            }
        });
    }
}

async fn serve_tcp(state: Arc<State>, listener: TcpListener) {
    while let Ok((stream, source)) = listener.accept().await {
        tokio::spawn(serve_stream(state.clone(), stream, Over::Tcp, source));
    }
}

/// Answers the messages of one stream, each when its plan says so.
pub(super) async fn serve_stream(
    state: Arc<State>,
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    over: Over,
    source: SocketAddr,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(64);
    tokio::spawn(async move {
        while let Some(packet) = receiver.recv().await {
            let _ = writer.write_all(&super::client::framed(&packet)).await;
            let _ = writer.flush().await;
        }
    });
    while let Ok(len) = reader.read_u16().await {
        let mut packet = vec![0; usize::from(len)];
        if reader.read_exact(&mut packet).await.is_err() {
            return;
        }
        let (plan, sender) = (state.plan(&packet, over, source), sender.clone());
        tokio::spawn(async move {
            for packet in carry_out(plan).await {
                let _ = sender.send(packet).await;
            }
        });
    }
}
