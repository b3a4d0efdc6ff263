//! One forwarder, and one exchange with it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use hickory_net::NetError;
use hickory_proto::op::{Message, ResponseCode};
use rustls::ClientConfig;

use super::bootstrap::Bootstrap;
use super::connection::{self, Link};
use super::datagram::{self, NoAnswer, Spelling};
use super::endpoint::{Endpoint, Host, Scheme};
use super::health::Health;
use super::loops::Looping;
use super::request::request;
use crate::dns::answer::Question;
use crate::dns::response;
use crate::dns::wire::rr_type;
use crate::policy::Name;

/// How long a forwarder that choked on EDNS is asked without it (RFC 6891 §6.2.2).
const WITHOUT_EDNS: Duration = Duration::from_secs(15 * 60);
/// How long a forwarder is waited for that is asked only to see whether it is back.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);
/// The first and the longest pause between such questions.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a connection may leave a question unanswered until the next question gets another connection.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// Why a forwarder is not asked, or not waited for.
pub(super) const LOOP: &str = "forwarding loop";

type Connection = Shared<BoxFuture<'static, Result<Link, NetError>>>;

/// A forwarder.
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    /// As in the configuration.
    pub(super) written: Arc<str>,
    pub(super) health: Health,
    pub(super) looping: Looping,
    tls: Arc<ClientConfig>,
    bootstrap: Arc<Bootstrap>,
    /// The connection, being made or made. A future that all who need it share: one handshake, however many wait.
    connection: Mutex<Option<Connection>>,
    /// What it is asked to see whether it is back: the zone it is there for.
    probed_with: Name,
    trust_ad: bool,
}

impl Server {
    pub(super) fn new(
        endpoint: Endpoint,
        tls: Arc<ClientConfig>,
        bootstrap: Arc<Bootstrap>,
        probed_with: Name,
        trust_ad: bool,
    ) -> Self {
        Self {
            written: endpoint.to_string().into(),
            endpoint,
            health: Health::default(),
            looping: Looping::default(),
            tls,
            bootstrap,
            connection: Mutex::default(),
            probed_with,
            trust_ad,
        }
    }

    /// Asks `question` and gives the response, whatever its RCODE, and how long it took. What is truncated is asked
    /// again over TCP, who chokes on EDNS without it (RFC 6891 §7), and a connection that had died is made anew once.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        question: &Question,
        patience: Duration,
    ) -> Result<(Message, Duration), NetError> {
        let started = Instant::now();
        if self.looping.holds(question.name.as_ref(), started) {
            return Err(LOOP.into());
        }
        // Who waits for an answer that waits for us need not wait any longer once that is known.
        tokio::select! {
            exchanged = self.exchange_at(started, question, patience) => exchanged,
            () = self.looping.found_for(question.name.as_ref()) => Err(LOOP.into()),
        }
    }

    async fn exchange_at(
        self: &Arc<Self>,
        started: Instant,
        question: &Question,
        patience: Duration,
    ) -> Result<(Message, Duration), NetError> {
        let attempt = Attempt { server: self, started };
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
        match result {
            // Whether it is a good answer is for those to say who know what the others say.
            Ok(response) => {
                attempt.ended();
                Ok((response, started.elapsed()))
            }
            Err(error) => {
                attempt.ended();
                self.failed();
                Err(error)
            }
        }
    }

    async fn send(&self, question: &Question, edns: bool, patience: Duration) -> Result<Message, NetError> {
        let mut request = request(question, edns, self.endpoint.scheme.is_encrypted())?;
        if self.endpoint.scheme == Scheme::Udp {
            let address = self.address().await?;
            let spelling = if self.health.folds_case() { Spelling::Plain } else { Spelling::Random };
            let exchange = datagram::exchange(address, &request, spelling, &self.health.mismatches);
            match tokio::time::timeout(patience, exchange).await {
                Ok(Ok(response)) if !response.metadata.truncation => return Ok(response),
                // Cut off, or drowned in guesses: what comes over TCP is whole, and harder to forge.
                Ok(Ok(_) | Err(NoAnswer::Guessed)) => {}
                // From now on its case is not looked at; this one answer may be forged, so TCP says the truth.
                Ok(Err(NoAnswer::Folded)) => self.health.note_folded_case(),
                Ok(Err(NoAnswer::Io(error))) => return Err(error.into()),
                Err(_) => return Err(NetError::Timeout),
            }
        }
        request.metadata.id = 0;
        let query = request.to_vec()?;
        for last_try in [false, true] {
            let connection = self.connection();
            let unanswered = Unanswered { server: self, connection: &connection, since: Instant::now() };
            let response = match connection.clone().await {
                Ok(link) => link.exchange(query.clone()).await,
                Err(error) => Err(error),
            };
            match response {
                Ok(octets) => {
                    unanswered.ended();
                    return response::read(&octets).ok_or_else(|| "a response that cannot be read".into());
                }
                Err(NetError::Busy) => {
                    unanswered.ended();
                    return Err(NetError::Busy);
                }
                Err(NetError::Timeout) => {
                    self.forget(&connection);
                    return Err(NetError::Timeout);
                }
                Err(error) => {
                    self.forget(&connection);
                    if last_try {
                        return Err(error);
                    }
                }
            }
        }
        Err(NetError::NoConnections)
    }

    /// The connection there is, or else one that is now being made.
    fn connection(&self) -> Connection {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| self.connect().boxed().shared()).clone()
    }

    fn connect(&self) -> impl Future<Output = Result<Link, NetError>> + Send + 'static {
        let (endpoint, tls, bootstrap) = (self.endpoint.clone(), self.tls.clone(), self.bootstrap.clone());
        async move {
            let address = endpoint.at(bootstrap.resolve(&endpoint.host).await?);
            connection::connect(endpoint, address, tls).await
        }
    }

    fn forget(&self, dead: &Connection) {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|connection| connection.ptr_eq(dead)) {
            *slot = None;
        }
    }

    /// Whether it is at this address, as far as is known without asking.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        let known = self.bootstrap.known_address(&self.endpoint.host);
        known.is_some_and(|known| known.to_canonical() == address.to_canonical())
    }

    async fn address(&self) -> Result<SocketAddr, NetError> {
        Ok(self.endpoint.at(self.bootstrap.resolve(&self.endpoint.host).await?))
    }

    /// Whether its AD bit can be believed: nobody on the way can have set it (RFC 6840 §5.8, RFC 4035 §4.9.3).
    pub(super) fn is_trusted(&self) -> bool {
        let loopback = |address: &IpAddr| address.to_canonical().is_loopback();
        let local = matches!(&self.endpoint.host, Host::Address(address) if loopback(address));
        self.endpoint.scheme.is_encrypted() || local || self.trust_ad
    }

    /// Notes a failure. One that is down from now on is asked by itself, now and then, until it answers.
    pub(super) fn failed(self: &Arc<Self>) {
        if self.health.note_failure() {
            tracing::warn!(server = %self.written, "a forwarder is down and is asked last");
            tokio::spawn(watch_over(Arc::downgrade(self)));
        }
    }

    async fn probe(self: &Arc<Self>) {
        let question =
            Question { name: self.probed_with.clone(), qtype: rr_type::NS, dnssec_ok: false, checking_disabled: false };
        if let Ok((response, took)) = self.exchange(&question, PROBE_PATIENCE).await
            && matches!(response.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        {
            self.health.note_answer(took);
        }
    }
}

/// Asks a forwarder that is down, after 1, 2, 4 … 30 s, until it answers somebody.
async fn watch_over(server: std::sync::Weak<Server>) {
    let mut pause = FIRST_PAUSE;
    loop {
        // A quarter more or less, so that a house full of these does not ask all at once.
        tokio::time::sleep(pause.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
        let Some(server) = server.upgrade().filter(|server| server.health.is_down()) else { return };
        server.probe().await;
        if !server.health.is_down() {
            tracing::info!(server = %server.written, "a forwarder is back");
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A question on a connection. When it is given up after a long wait, the next one gets a connection of its own: this one
/// may be dead without anybody having said so, or drip an answer that never ends.
struct Unanswered<'a> {
    server: &'a Server,
    connection: &'a Connection,
    since: Instant,
}

impl Unanswered<'_> {
    fn ended(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if self.since.elapsed() >= STUCK_AFTER {
            self.server.forget(self.connection);
        }
    }
}

/// An exchange under way. When it is dropped because another forwarder was faster, a long wait counts as a failure:
/// else one that never answers would never be found out while its neighbour does.
struct Attempt<'a> {
    server: &'a Arc<Server>,
    started: Instant,
}

impl Attempt<'_> {
    fn ended(self) {
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let health = &self.server.health;
        if self.started.elapsed() >= health.hedge_after().min(health.patience()) {
            self.server.failed();
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("endpoint", &self.endpoint).field("health", &self.health).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::believing;

    /// C5: a plain forwarder elsewhere is believed only when the operator says so.
    #[test]
    fn rfc6840_5_8_ad_is_believed_from_this_machine_over_encryption_or_by_the_operators_word() {
        let tls = Arc::new(believing(None).unwrap());
        let server = |written: &str, trust_ad| {
            let (endpoint, bootstrap) = (Endpoint::parse(written).unwrap(), Arc::new(Bootstrap::new(Vec::new())));
            Server::new(endpoint, tls.clone(), bootstrap, Name::root(), trust_ad)
        };
        for (written, trusted) in [
            ("udp://9.9.9.9", false),
            ("tcp://9.9.9.9", false),
            ("udp://192.168.1.1", false),
            ("udp://[2620:fe::fe]", false),
            ("udp://127.0.0.1:5300", true),
            ("udp://[::1]:5300", true),
            ("tls://9.9.9.9", true),
            ("https://9.9.9.9/dns-query", true),
            ("quic://9.9.9.9", true),
            ("h3://9.9.9.9/dns-query", true),
        ] {
            assert_eq!(server(written, false).is_trusted(), trusted, "{written}");
            assert!(server(written, true).is_trusted(), "{written}");
        }
    }
}
