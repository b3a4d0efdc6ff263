//! A server of lists that does what a test tells it, path by path, and writes down what it was asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::authority::Authority;
use crate::support::until;

/// What to answer.
#[derive(Clone)]
pub(crate) enum Page {
    /// Status, header fields, body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// This ETag and this text; 304 for whoever knows the ETag.
    Tagged(&'static str, String),
    /// The same line for ever.
    Endless,
    /// A head, and then nothing: the connection stays open.
    Stuck,
    /// Half of what was promised.
    CutShort,
}

/// What the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    pages: Mutex<HashMap<String, Page>>,
    asked: Mutex<Vec<Asked>>,
}

/// The server. Its socket closes when it goes.
pub(crate) struct Server {
    state: Arc<State>,
    address: SocketAddr,
    stopped: Arc<std::sync::atomic::AtomicBool>,
}

impl Server {
    /// HTTP on a free port of 127.0.0.1.
    pub(crate) fn plain() -> Self {
        Self::start(None)
    }

    /// HTTPS, with a certificate for lists.example.
    pub(crate) fn encrypted(authority: &Authority) -> Self {
        Self::start(Some(authority.acceptor(&["lists.example"], &[]).config().clone()))
    }

    fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, stopped) = (Arc::new(State::default()), Arc::new(std::sync::atomic::AtomicBool::new(false)));
        let (shared, stop) = (state.clone(), stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                let (state, tls) = (shared.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, stream), &state)
                    }
                    None => serve(stream, &state),
                });
            }
        });
        Self { state, address, stopped }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of `path` by address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What to answer to `path` from now on.
    pub(crate) fn on(&self, path: &str, page: Page) -> &Self {
        self.state.pages.lock().unwrap().insert(path.to_owned(), page);
        self
    }

    /// The list at `path` is this text from now on.
    pub(crate) fn holds(&self, path: &str, text: &str) -> &Self {
        self.on(path, Page::Whole(200, vec![("content-type", "text/plain".into())], text.as_bytes().to_vec()))
    }

    /// What it was asked for `path`, in order.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.state.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Waits until it was asked for `path` so many times.
    #[track_caller]
    pub(crate) fn wait_for(&self, path: &str, times: usize) -> Asked {
        until(&format!("{path} asked for {times} times"), || self.asked(path).get(times - 1).cloned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, std::sync::atomic::Ordering::Relaxed);
        // Wakes the one that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: impl Read + Write, state: &State) {
    let mut stream = BufReader::new(stream);
    let Some(asked) = read_head(&mut stream) else { return };
    let page = state.pages.lock().unwrap().get(&asked.path).cloned();
    let known = asked.headers.get("if-none-match").cloned();
    state.asked.lock().unwrap().push(asked);
    let stream = stream.get_mut();
    // Whoever asked may hang up at any time, which is what some tests are about.
    let _ = match page {
        None => whole(stream, 404, &[], b"nothing here"),
        Some(Page::Whole(status, headers, body)) => whole(stream, status, &headers, &body),
        Some(Page::Tagged(tag, _)) if known.as_deref() == Some(tag) => whole(stream, 304, &[("etag", tag.into())], b""),
        Some(Page::Tagged(tag, text)) => whole(stream, 200, &[("etag", tag.into())], text.as_bytes()),
        Some(Page::Endless) => endless(stream),
        Some(Page::Stuck) => stuck(stream),
        Some(Page::CutShort) => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nads.example\n"),
    };
    let _ = stream.flush();
}

fn read_head(stream: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => return Some(Asked { path, headers }),
        };
    }
}

fn whole(stream: &mut impl Write, status: u16, headers: &[(&str, String)], body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len())?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(body)
}

fn endless(stream: &mut impl Write) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let line = "ads.example\n".repeat(8 << 10);
    loop {
        write!(stream, "{:x}\r\n{line}\r\n", line.len())?;
    }
}

fn stuck(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nads.example\n")?;
    stream.flush()?;
    // Until the other end has had enough.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(drop)
}
