//! Fetching one list. Only `http` and `https`; the address is looked up past the policy, checked, and is the very one that is
//! connected to; so again after every redirect.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_util::bytes::Bytes;

use super::intake::{Intake, Temporary};
use super::place::{ListUrl, Reach, reach};
use super::{Stage, Told};
use crate::control::source::LIST_BYTES_BOUND;
use crate::dns::Lookup;
use crate::time::{BUILD_DATE, Clock};

/// How often a server may send elsewhere.
const REDIRECTS_BOUND: usize = 5;
/// How long one server is waited for until it takes the connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Chunks between the network and the disk. Each is one read of a socket, 16 kB or so.
const CHUNKS_BOUND: usize = 4;
/// Bytes of a header field that is remembered.
const FIELD_BYTES_BOUND: usize = 1024;

/// The way out: who is asked for addresses, and whom to believe.
#[derive(Clone, Debug)]
pub struct Web {
    /// Asked for the addresses of servers.
    pub lookup: Lookup,
    /// Whose certificates are believed.
    pub tls: ClientConfig,
    /// What time it is.
    pub clock: Clock,
}

/// What to fetch.
pub(super) struct Errand {
    pub(super) from: ListUrl,
    /// Whether the server that `from` names may have an inner address.
    pub(super) private_server: bool,
    /// What the server said of the copy that is there: ETag and Last-Modified.
    pub(super) known: (Option<String>, Option<String>),
    /// Where what comes is put first.
    pub(super) temporary: PathBuf,
    /// How long all of it may take.
    pub(super) patience: Duration,
}

/// What a server gave.
pub(super) enum Given {
    /// The copy that is there is up to date (304).
    Unchanged,
    /// Another state of the list.
    Body(Body),
}

/// The body of a response, and what belongs to it.
pub(super) struct Body {
    pub(super) temporary: Temporary,
    pub(super) content_type: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// Fetches, within the time that the errand has.
///
/// # Errors
/// One sentence on what went wrong; nothing of what the server sent is in it.
pub(super) async fn fetch(errand: &Errand, web: &Web, told: &Told) -> Result<Given, String> {
    let fetching = follow(errand, web, told);
    tokio::time::timeout(errand.patience, fetching).await.unwrap_or_else(|_| {
        let patience = humantime::format_duration(errand.patience);
        Err(format!("it took longer than {patience}, which is all the time a list has ([lists] fetch_timeout)"))
    })
}

async fn follow(errand: &Errand, web: &Web, told: &Told) -> Result<Given, String> {
    let mut place = errand.from.clone();
    for _ in 0..=REDIRECTS_BOUND {
        told(Stage::Resolving, 0);
        // The permission is for the server that the operator named, not for whatever that one points at.
        let inner_too = errand.private_server && place.is_at_the_server_of(&errand.from);
        let addresses = addresses(&place, inner_too, &web.lookup).await?;
        told(Stage::Fetching, 0);
        let response = ask(&place, addresses, errand, web).await?;
        match response.status() {
            StatusCode::OK => return body(response, errand, told).await.map(Given::Body),
            StatusCode::NOT_MODIFIED if errand.known != (None, None) => return Ok(Given::Unchanged),
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                place = place.join(location.ok_or("the server sends elsewhere without saying where")?)?;
            }
            status => return Err(format!("the server answered {status}")),
        }
    }
    Err(format!("the server sends elsewhere more than {REDIRECTS_BOUND} times"))
}

/// The addresses of the server that may be connected to.
async fn addresses(place: &ListUrl, inner_too: bool, lookup: &Lookup) -> Result<Vec<SocketAddr>, String> {
    let host = place.host();
    let found = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) if host == "localhost" => vec![Ipv4Addr::LOCALHOST.into()],
        Err(_) => {
            let found = lookup.addresses(host).await;
            found.map_err(|why| format!("the address of {host} could not be found: {why}"))?
        }
    };
    let may = |address: &IpAddr| match reach(*address) {
        Reach::Public => true,
        Reach::Inner => inner_too,
        Reach::Never => false,
    };
    let allowed: Vec<SocketAddr> = found.iter().filter(|one| may(one)).map(|one| (*one, place.port()).into()).collect();
    match found.first() {
        Some(first) if allowed.is_empty() => Err(match reach(*first) {
            Reach::Never => format!("{host} leads to {first}, where no list is"),
            _ => format!(
                "{host} leads to {first}, an address inside the house, where a list may only be fetched with private_server = true"
            ),
        }),
        _ => Ok(allowed),
    }
}

async fn ask(place: &ListUrl, addresses: Vec<SocketAddr>, errand: &Errand, web: &Web) -> Result<Response, String> {
    // A client for each request, because it knows only the addresses that were checked for this one.
    let client = Client::builder()
        .tls_backend_preconfigured(web.tls.clone())
        .dns_resolver(Arc::new(Checked(addresses)))
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .http1_only()
        .connect_timeout(CONNECT_PATIENCE)
        .user_agent(concat!("sordino/", env!("CARGO_PKG_VERSION")))
        .build();
    let client = client.map_err(|error| format!("sordino cannot speak HTTP: {error}"))?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let (etag, last_modified) = &errand.known;
    for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
        if let Some(Ok(value)) = value.as_deref().map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
    let response = client.get(place.url().clone()).headers(headers).send().await;
    response.map_err(|error| in_words(&error, &web.clock))
}

/// Gives back the addresses that were checked, whatever it is asked.
struct Checked(Vec<SocketAddr>);

impl Resolve for Checked {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

async fn body(mut response: Response, errand: &Errand, told: &Told) -> Result<Body, String> {
    let gzip = match field(&response, CONTENT_ENCODING).as_deref() {
        None | Some("" | "identity") => false,
        Some("gzip" | "x-gzip") => true,
        Some(_) => return Err("the server packed it in a way that was not asked for".into()),
    };
    if response.content_length().is_some_and(|bytes| bytes > LIST_BYTES_BOUND) {
        return Err(format!("it is larger than {} MB", LIST_BYTES_BOUND >> 20));
    }
    let (content_type, etag, last_modified) =
        (field(&response, CONTENT_TYPE), field(&response, ETAG), field(&response, LAST_MODIFIED));
    let (chunks, queue) = mpsc::channel(CHUNKS_BOUND);
    let (path, told) = (errand.temporary.clone(), told.clone());
    let taking = spawn_blocking(move || take(&path, gzip, queue, &told));
    let lost = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                // Whoever takes it has had enough, and says why.
                if chunks.send(Part::Chunk(chunk)).await.is_err() {
                    break false;
                }
            }
            Ok(None) => {
                let _ = chunks.send(Part::End).await;
                break false;
            }
            Err(_) => break true,
        }
    };
    drop(chunks);
    let taken = taking.await.map_err(|error| format!("it could not be written down ({error})"))?;
    if lost {
        return Err("the connection broke off in the middle".into());
    }
    Ok(Body { temporary: taken?, content_type, etag, last_modified })
}

/// Part of a body. Its end is said, so that a connection that breaks off is not taken for one.
enum Part {
    Chunk(Bytes),
    End,
}

fn take(path: &std::path::Path, gzip: bool, mut queue: mpsc::Receiver<Part>, told: &Told) -> Result<Temporary, String> {
    let begun = Intake::new(path, gzip);
    let mut intake = begun.map_err(|error| format!("{} cannot be written ({error})", path.display()))?;
    while let Some(part) = queue.blocking_recv() {
        match part {
            Part::Chunk(chunk) => told(Stage::Fetching, intake.take(&chunk)?),
            Part::End => return intake.finish().map(|(temporary, _)| temporary),
        }
    }
    Err("it was given up in the middle".into())
}

fn field(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    (value.len() <= FIELD_BYTES_BOUND).then(|| value.to_owned())
}

/// What went wrong on the way to a response.
fn in_words(error: &reqwest::Error, clock: &Clock) -> String {
    let mut cause = error.source();
    let mut last = String::new();
    while let Some(error) = cause {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error.downcast_ref::<rustls::Error>();
        let tls = tls.or_else(|| inside.and_then(|inside| inside.downcast_ref::<rustls::Error>()));
        if let Some(tls) = tls {
            return match clock.now() < BUILD_DATE {
                true => "the clock of this machine is years behind, so no certificate can be checked; set the clock, and sordino tries again by itself".into(),
                false => format!("the server's certificate is not good, or it speaks no TLS ({tls})"),
            };
        }
        last = error.to_string();
        cause = error.source();
    }
    match error.is_timeout() {
        true => "the server does not answer".into(),
        false if error.is_connect() => format!("the server cannot be reached ({last})"),
        false => format!("the server does not speak HTTP as it should ({last})"),
    }
}
