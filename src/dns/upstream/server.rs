//! One forwarder: its connection, its health, and one exchange with it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tcp::TcpClientStream;
use hickory_net::tls::tls_exchange;
use hickory_net::xfer::{DnsExchange, DnsHandle as _, FirstAnswer as _};
use hickory_net::{NetError, h2::HttpsClientStream};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query as WireQuery, ResponseCode};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::LAST_WORD;
use super::bootstrap::Bootstrap;
use super::datagram::{self, NoAnswer};
use super::endpoint::{Endpoint, Scheme};
use crate::dns::answer::{Question, wire_name};
use crate::dns::wire::UDP_SIZE;

/// Questions on one connection at the same time; hickory answers the next one with "busy".
const PIPELINED: usize = 256;
/// Failures in a row after which a forwarder is asked last.
const FAILURES_UNTIL_DOWN: u32 = 5;
/// How long a forwarder that choked on EDNS is asked without it (RFC 6891 §6.2.2).
const WITHOUT_EDNS: Duration = Duration::from_secs(15 * 60);

type Connection = Shared<BoxFuture<'static, Result<DnsExchange<TokioRuntimeProvider>, NetError>>>;

/// A forwarder.
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    tls: Arc<ClientConfig>,
    bootstrap: Arc<Bootstrap>,
    /// hickory's connections live in tasks that end with the last clone of their provider.
    provider: TokioRuntimeProvider,
    /// The connection, being made or made. A future that all who need it share: one handshake, however many wait.
    connection: Mutex<Option<Connection>>,
    pub(super) health: Health,
}

/// What was seen of a forwarder.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) answered: AtomicU64,
    pub(super) failed: AtomicU64,
    failures_in_a_row: AtomicU32,
    /// Smoothed time to answer, microseconds; 0 before the first.
    smoothed_us: AtomicU32,
    without_edns_until: Mutex<Option<Instant>>,
    probed: Mutex<Option<Instant>>,
}

impl Server {
    pub(super) fn new(endpoint: Endpoint, tls: Arc<ClientConfig>, bootstrap: Arc<Bootstrap>) -> Self {
        Self {
            endpoint,
            tls,
            bootstrap,
            provider: TokioRuntimeProvider::new(),
            connection: Mutex::default(),
            health: Health::default(),
        }
    }

    /// Asks `question` and gives the response, whatever its RCODE. What is truncated is asked again over TCP, who
    /// chokes on EDNS without it (RFC 6891 §7), and a connection that had died is made anew once.
    pub(super) async fn exchange(&self, question: &Question, patience: Duration) -> Result<Message, NetError> {
        let started = Instant::now();
        let attempt = Attempt { health: &self.health, started };
        let mut result = self.send(question, self.health.edns_is_welcome(started), patience).await;
        if let Ok(response) = &result {
            let choked = matches!(response.metadata.response_code, ResponseCode::FormErr | ResponseCode::NotImp);
            if choked && response.edns.is_none() && self.health.edns_is_welcome(started) {
                result = self.send(question, false, patience).await;
                let better = matches!(&result, Ok(again) if again.metadata.response_code == ResponseCode::NoError);
                if better {
                    self.health.avoid_edns(started + WITHOUT_EDNS);
                }
            }
        }
        match &result {
            Ok(_) => attempt.answered(),
            Err(_) => attempt.failed(),
        }
        result
    }

    async fn send(&self, question: &Question, edns: bool, patience: Duration) -> Result<Message, NetError> {
        let request = request(question, edns)?;
        if self.endpoint.scheme == Scheme::Udp {
            let address = self.address().await?;
            match tokio::time::timeout(patience, datagram::exchange(address, &request)).await {
                Ok(Ok(response)) if !response.metadata.truncation => return Ok(response),
                // Cut off, or drowned in guesses: what comes over TCP is whole, and harder to forge.
                Ok(Ok(_) | Err(NoAnswer::Guessed)) => {}
                Ok(Err(NoAnswer::Io(error))) => return Err(error.into()),
                Err(_) => return Err(NetError::Timeout),
            }
        }
        for last_try in [false, true] {
            let connection = self.connection();
            let response = match connection.clone().await {
                Ok(exchange) => exchange.send(request.clone()).first_answer().await.map(DnsResponse::into_message),
                Err(error) => Err(error),
            };
            match response {
                Err(NetError::Busy | NetError::Timeout) => return response,
                Err(_) => {
                    self.forget(&connection);
                    if last_try {
                        return response;
                    }
                }
                Ok(_) => return response,
            }
        }
        Err(NetError::NoConnections)
    }

    /// The connection there is, or else one that is now being made.
    fn connection(&self) -> Connection {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| self.connect().boxed().shared()).clone()
    }

    fn forget(&self, dead: &Connection) {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|connection| connection.ptr_eq(dead)) {
            *slot = None;
        }
    }

    fn connect(&self) -> impl Future<Output = Result<DnsExchange<TokioRuntimeProvider>, NetError>> + Send + 'static {
        let (endpoint, tls, bootstrap) = (self.endpoint.clone(), self.tls.clone(), self.bootstrap.clone());
        let provider = self.provider.clone();
        async move {
            let address = endpoint.at(bootstrap.resolve(&endpoint.host).await?);
            let certificate = endpoint.certificate_name();
            let connect = async {
                match endpoint.scheme {
                    Scheme::Udp | Scheme::Tcp => {
                        TcpClientStream::exchange(address, None, LAST_WORD, Some(PIPELINED), provider).await
                    }
                    Scheme::Tls => {
                        let name = ServerName::try_from(certificate).map_err(|_| NetError::from("not a host name"))?;
                        tls_exchange(address, name, (*tls).clone(), LAST_WORD, Some(PIPELINED), provider).await
                    }
                    Scheme::Https => {
                        let mut builder = HttpsClientStream::builder(tls, provider);
                        builder.request_timeout(LAST_WORD);
                        builder.exchange(address, certificate.into(), endpoint.path.into()).await
                    }
                }
            };
            tokio::time::timeout(LAST_WORD, connect).await.map_err(|_| NetError::Timeout)?
        }
    }

    async fn address(&self) -> Result<SocketAddr, NetError> {
        Ok(self.endpoint.at(self.bootstrap.resolve(&self.endpoint.host).await?))
    }

    /// Whether its AD bit can be believed: nobody on the way can have set it (RFC 6840 §5.8, RFC 4035 §4.9.3).
    pub(super) fn is_trusted(&self) -> bool {
        let loopback = |address: &IpAddr| address.to_canonical().is_loopback();
        let local = matches!(&self.endpoint.host, super::endpoint::Host::Address(address) if loopback(address));
        self.endpoint.scheme.is_encrypted() || local
    }
}

/// An exchange under way. When it is dropped because another forwarder was faster, a long wait counts as a failure:
/// else one that never answers would never be found out while its neighbour does.
struct Attempt<'a> {
    health: &'a Health,
    started: Instant,
}

impl Attempt<'_> {
    const LONG_WAIT: Duration = Duration::from_millis(250);

    fn answered(self) {
        self.health.note_answer(self.started.elapsed());
        std::mem::forget(self);
    }

    fn failed(self) {
        self.health.note_failure();
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.started.elapsed() >= Self::LONG_WAIT {
            self.health.note_failure();
        }
    }
}

impl Health {
    /// Whether a forwarder that is down should be tried beside the others, to see whether it is back.
    pub(super) fn probe_is_due(&self, now: Instant) -> bool {
        const BETWEEN_PROBES: Duration = Duration::from_secs(5);
        if !self.is_down() {
            return false;
        }
        let mut last = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= BETWEEN_PROBES);
        if due {
            *last = Some(now);
        }
        due
    }

    pub(super) fn is_down(&self) -> bool {
        self.failures_in_a_row.load(Ordering::Relaxed) >= FAILURES_UNTIL_DOWN
    }

    /// Smoothed time to answer; none before the first answer.
    pub(super) fn latency(&self) -> Option<Duration> {
        let micros = self.smoothed_us.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros.into()))
    }

    fn note_answer(&self, took: Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        // RFC 6298 §2: an eighth of the new sample. Two threads at once may lose one; an estimate does not mind.
        let smoothed = match self.smoothed_us.load(Ordering::Relaxed) {
            0 => took,
            old => old - old / 8 + took / 8,
        };
        self.smoothed_us.store(smoothed.max(1), Ordering::Relaxed);
    }

    fn note_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
    }

    fn edns_is_welcome(&self, now: Instant) -> bool {
        let until = self.without_edns_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| now >= until)
    }

    fn avoid_edns(&self, until: Instant) {
        *self.without_edns_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("endpoint", &self.endpoint).field("health", &self.health).finish_non_exhaustive()
    }
}

/// The question as it goes out: with an ID of its own and no option of the asker's (RFC 7871 §11.1).
fn request(question: &Question, edns: bool) -> Result<DnsRequest, NetError> {
    let mut query = WireQuery::new();
    query.set_name(wire_name(&question.name).map_err(|_| NetError::from("not a name"))?);
    query.set_query_type(question.qtype.into());
    let mut options = DnsRequestOptions::default();
    options.use_edns = edns;
    options.edns_payload_len = UDP_SIZE;
    options.edns_set_dnssec_ok = question.dnssec_ok;
    let (mut message, options) = DnsRequest::from_query(query, options).into_parts();
    message.metadata.checking_disabled = question.checking_disabled;
    // AD says that we understand AD in the response (RFC 6840 §5.7).
    message.metadata.authentic_data = true;
    Ok(DnsRequest::new(message, options))
}
