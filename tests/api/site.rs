//! A server for one test, and browsers to visit it with.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use sordino::control::{self, Control, ListOptions, State};
use sordino::device::DeviceOptions;
use sordino::event::{Event, Outcome, Transport};
use sordino::policy::{Action, DeviceId, Format, Verdict};
use sordino::snapshot::SnapshotCell;
use sordino::store::{EventId, Store};
use sordino::time::Clock;
use sordino::{api, dns, event, store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "correct horse";
/// Events that a reader may be behind.
pub(crate) const LIVE_BOUND: usize = 4;

static HASH: LazyLock<String> = LazyLock::new(|| api::hash_password(PASSWORD).unwrap());

pub(crate) struct Site {
    address: SocketAddr,
    live: broadcast::Sender<Arc<(EventId, Event)>>,
    store: Arc<Store>,
    snapshot: Arc<SnapshotCell>,
    password_hash: Option<String>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    writer: JoinHandle<()>,
    directory: tempfile::TempDir,
}

pub(crate) fn options(password_hash: Option<String>) -> api::Options {
    api::Options { listen: Some(([127, 0, 0, 1], 0).into()), password_hash, hosts: Vec::new() }
}

impl Site {
    /// A house with a password.
    pub(crate) async fn open() -> Self {
        Self::with(Some(HASH.clone())).await
    }

    /// A house that was never visited.
    pub(crate) async fn without_password() -> Self {
        Self::with(None).await
    }

    async fn with(password_hash: Option<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("noise.txt"), "telemetry.example\n").unwrap();
        Self::at(directory, password_hash).await
    }

    async fn at(directory: tempfile::TempDir, password_hash: Option<String>) -> Self {
        let (clock, stop) = (Clock::System, CancellationToken::new());
        let day = Duration::from_secs(86_400);
        let kept =
            store::Options { keep_queries: day, flush: day, ..store::Options::at(directory.path().join("data")) };
        let store = Store::open(kept, clock.clone());
        let mut state = State::load(house(&directory), store.settings());
        state.date(clock.now());
        let snapshot = Arc::new(SnapshotCell::new(state.snapshot()));
        let (control, writer) = Control::start(state, snapshot.clone(), store.clone(), clock.clone(), stop.clone());
        let (strangers, _) = mpsc::channel(1);
        let (sink, _) = event::queue(1);
        let resolver =
            dns::Resolver::new(&resolver_options(), snapshot.clone(), sink, strangers, clock.clone()).unwrap();
        let (live, _) = broadcast::channel(LIVE_BOUND);
        let options = options(password_hash.clone());
        let listener = api::bind(&options).await.unwrap();
        let address = listener.local_addr().unwrap();
        let parts = api::Parts {
            options,
            snapshot: snapshot.clone(),
            store: store.clone(),
            control,
            resolver,
            live: live.clone(),
            events_dropped: Arc::default(),
            lookout: Arc::default(),
            notices: Arc::default(),
            listen: vec![([127, 0, 0, 1], 5300).into()],
            clock,
            setup_code: "brass-mute-7".into(),
        };
        let server = tokio::spawn(api::serve(listener, parts, stop.clone()));
        let writer = tokio::spawn(writer);
        Self { address, live, store, snapshot, password_hash, stop, server, writer, directory }
    }

    /// The same house after sordino was stopped and started.
    pub(crate) async fn restart(self) -> Self {
        let Self { stop, server, writer, store, directory, password_hash, .. } = self;
        stop.cancel();
        server.await.unwrap();
        writer.await.unwrap();
        drop(store);
        Self::at(directory, password_hash).await
    }

    /// Lets the store write these events down.
    pub(crate) async fn record(&self, events: impl IntoIterator<Item = Event>) {
        let events: Vec<Event> = events.into_iter().collect();
        let (sink, queue) = event::queue(events.len());
        let recorder = self.store.record(queue, self.snapshot.clone(), self.live.clone()).unwrap();
        events.into_iter().for_each(|event| sink.hand_over(event));
        drop(sink);
        tokio::task::spawn_blocking(|| recorder.join()).await.unwrap().unwrap();
    }

    /// The file of the only list.
    pub(crate) fn list(&self) -> PathBuf {
        self.directory.path().join("noise.txt")
    }

    /// The file of what was set in the page.
    pub(crate) fn settings(&self) -> PathBuf {
        self.directory.path().join("data/settings.json")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A browser with a session.
    pub(crate) async fn log_in(&self) -> Client {
        let browser = browser();
        let login = browser.post(self.url("/api/v1/login")).json(&json!({"password": PASSWORD})).send().await.unwrap();
        assert_eq!(login.status(), 204);
        browser
    }

    pub(crate) async fn is_logged_in(&self, browser: &Client) -> bool {
        let session: Value = browser.get(self.url("/api/v1/session")).send().await.unwrap().json().await.unwrap();
        session["logged_in"] == true
    }

    /// Calls a route as the document names it, with something in the place of its variables.
    pub(crate) async fn call(&self, browser: &Client, method: &Method, path: &str) -> Response {
        let request = browser.request(method.clone(), self.url(&path.replace("{id}", "7")));
        let request = if *method == Method::GET { request } else { request.json(&json!({})) };
        request.send().await.unwrap()
    }

    /// Lets an event happen.
    pub(crate) fn tell(&self, id: u64, event: Event) {
        self.live.send(Arc::new((EventId(id), event))).unwrap();
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.server.await.unwrap();
    }
}

fn house(directory: &tempfile::TempDir) -> control::Options {
    control::Options {
        lists: vec![ListOptions {
            name: "noise".into(),
            path: directory.path().join("noise.txt"),
            action: Action::Block,
            format: Format::Names,
            trusted: false,
            tier: Default::default(),
            subscription: None,
            confirmed: Default::default(),
        }],
        profiles: Vec::new(),
        devices: vec![DeviceOptions {
            id: None,
            name: "television".into(),
            mac: None,
            networks: vec![([192, 168, 1, 9].into(), 32)],
            profile: None,
            tags: Vec::new(),
            unlogged: false,
        }],
        ..control::Options::default()
    }
}

fn resolver_options() -> dns::Options {
    dns::Options {
        listen: Vec::new(),
        allow_from: vec!["loopback".into()],
        trusted_forwarders: Vec::new(),
        upstream: dns::UpstreamOptions { servers: vec!["udp://127.0.0.1:9".into()], ..Default::default() },
        cache_size: 1 << 20,
        prefetch: true,
        dnssec: Default::default(),
        limits: dns::Limits::default(),
        encrypted: dns::Encrypted::default(),
    }
}

/// A browser: it keeps cookies.
pub(crate) fn browser() -> Client {
    // reqwest is built without a TLS provider of its own; whoever set one first set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().cookie_store(true).build().unwrap()
}

/// A browser on another machine.
pub(crate) fn browser_at(address: IpAddr) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().cookie_store(true).local_address(address).build().unwrap()
}

/// Every route of the document.
pub(crate) fn routes() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    routes.collect()
}

/// What anybody may call.
pub(crate) fn open_routes() -> [&'static str; 5] {
    ["/api/openapi.json", "/api/v1/health", "/api/v1/session", "/api/v1/setup", "/api/v1/login"]
}

/// Checks that a response is an RFC 9457 problem; its detail.
pub(crate) async fn problem(response: Response) -> String {
    let (url, status) = (response.url().clone(), response.status());
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{url}");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status.as_u16(), "{url}");
    assert!(problem["type"].is_string() && problem["title"].is_string(), "{url}: {problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with('.') && !detail.contains("serialize"), "{url}: {detail}");
    detail.to_owned()
}

/// The messages of a stream of server-sent events, as (event, data); a comment is two empty texts.
pub(crate) fn messages(response: Response) -> impl Stream<Item = (String, String)> + Unpin {
    let chunks = Box::pin(response.bytes_stream());
    Box::pin(futures_util::stream::unfold((chunks, String::new()), async |(mut chunks, mut text)| {
        loop {
            if let Some((message, rest)) = text.split_once("\n\n") {
                let field = |name| message.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                let message = (field("event:").trim().to_owned(), field("data:").trim().to_owned());
                return Some((message, (chunks, rest.to_owned())));
            }
            text.push_str(std::str::from_utf8(&chunks.next().await?.ok()?).unwrap());
        }
    }))
}

/// A muted query for `name`.
pub(crate) fn event(name: &str, qtype: u16) -> Event {
    let address = "192.168.1.7".parse().unwrap();
    Event {
        at: Clock::System.now(),
        device: DeviceId::Address(address),
        address,
        transport: Transport::Udp,
        name: name.parse().unwrap(),
        qtype,
        verdict: Verdict::Block,
        outcome: Outcome::Muted,
        rcode: 0,
        list: Some("xiaomi".into()),
        alias: None,
        upstream: None,
        took_us: 40,
    }
}

/// Whether the server closed the connection, rather than answer a request on it.
pub(crate) async fn is_closed(stream: &mut TcpStream) -> bool {
    let request = b"GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.is_err() || !matches!(stream.read(&mut [0; 64]).await, Ok(1..))
}

/// Asks for a large answer, over and over, and leaves it in the socket.
pub(crate) async fn ask_and_never_read(stream: &mut TcpStream) {
    let request = "GET /api/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200);
    stream.write_all(request.as_bytes()).await.unwrap();
}
