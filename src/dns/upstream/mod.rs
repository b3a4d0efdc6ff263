//! The forwarders, and the ladder by which a question climbs from one to the next.

mod bootstrap;
mod datagram;
mod endpoint;
mod server;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hickory_proto::op::{Message, ResponseCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;

use self::bootstrap::Bootstrap;
use self::endpoint::{Endpoint, Host};
use self::server::Server;
use super::answer::{self, Answer, Question};
use super::options::{BadOption, UpstreamStatus};
use super::wire::{ExtendedError, Rcode};

/// How long a question may take in all. Below the five seconds after which stub resolvers give up.
pub(crate) const LAST_WORD: Duration = Duration::from_millis(4_400);
/// Rounds in which every forwarder is asked once (RFC 9520 §3.1: at most three tries).
const ROUNDS: usize = 3;
/// Bounds of the time given to one forwarder before the next is asked as well.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(300);
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);

/// The forwarders, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct Upstreams {
    servers: Vec<(Arc<Server>, Arc<str>)>,
}

/// A good answer, and who gave it.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) server: Arc<str>,
}

impl Upstreams {
    /// Reads the forwarders of the configuration.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub(crate) fn new(servers: &[String], bootstrap: &[String], ca: Option<&Path>) -> Result<Self, BadOption> {
        let tls = Arc::new(client_config(ca)?);
        let bootstrap = Arc::new(Bootstrap::new(bootstrap_addresses(bootstrap)?));
        let bad = |what| BadOption { key: "upstream.servers", what };
        if servers.is_empty() {
            return Err(bad("no forwarder is named; write for example servers = [\"udp://9.9.9.9\"]".into()));
        }
        let mut read = Vec::with_capacity(servers.len());
        for written in servers {
            let endpoint = Endpoint::parse(written).map_err(bad)?;
            if matches!(endpoint.host, Host::Name(_)) && bootstrap.is_empty() {
                return Err(BadOption {
                    key: "upstream.bootstrap",
                    what: format!(
                        "{written:?} is given by name, and nobody is there to resolve it; write for example bootstrap = [\"9.9.9.9\"]"
                    ),
                });
            }
            let server = Server::new(endpoint, tls.clone(), bootstrap.clone());
            read.push((Arc::new(server), Arc::from(written.as_str())));
        }
        Ok(Self { servers: read })
    }

    /// Asks until a forwarder gives a good answer, all have failed in every round, or [`LAST_WORD`] has passed.
    ///
    /// The next forwarder is asked when the one before takes longer than usual or fails; those asked before are not
    /// given up, the first good answer wins.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answered, Answer> {
        let deadline = Instant::now() + LAST_WORD;
        self.probe(question);
        let mut waiting = self.ladder().into_iter();
        let mut asked = FuturesUnordered::new();
        let mut worst = None;
        loop {
            let mut patience = deadline;
            if let Some((server, written)) = waiting.next() {
                patience = deadline.min(Instant::now() + patience_with(server));
                let left = deadline.saturating_duration_since(Instant::now());
                asked.push(async move { (server, written, server.exchange(question, left).await) });
            }
            if asked.is_empty() {
                break;
            }
            // Until the next rung: an answer, or the end of patience with those already asked.
            match tokio::time::timeout_at(patience, asked.next()).await {
                Ok(Some((server, written, Ok(response)))) => match judge(question, server, response) {
                    Ok(answer) => return Ok(Answered { answer, server: written.clone() }),
                    Err(failure) => worst = Some(failure),
                },
                Ok(_) => {}
                Err(_) if Instant::now() >= deadline => break,
                Err(_) => {}
            }
        }
        Err(worst.unwrap_or_else(|| {
            let nobody = ExtendedError::new(ExtendedError::NO_REACHABLE_AUTHORITY, "no forwarder answered");
            Answer::failure(Rcode::SERVER_FAILURE, nobody)
        }))
    }

    /// Asks those that are down as well, now and then, for nothing but their health.
    fn probe(&self, question: &Question) {
        for (server, _) in &self.servers {
            if server.health.probe_is_due(Instant::now().into_std()) {
                let (server, question) = (server.clone(), question.clone());
                tokio::spawn(async move { server.exchange(&question, LONGEST_PATIENCE).await.is_ok() });
            }
        }
    }

    /// How the forwarders are doing.
    pub(crate) fn status(&self) -> Vec<UpstreamStatus> {
        let status = |(server, written): &(Arc<Server>, Arc<str>)| {
            let answered = server.health.answered.load(Ordering::Relaxed);
            let failed = server.health.failed.load(Ordering::Relaxed);
            UpstreamStatus {
                server: written.to_string(),
                state: match (server.health.is_down(), answered + failed) {
                    (true, _) => "down",
                    (false, 0) => "unknown",
                    (false, _) => "up",
                },
                answered,
                failed,
                latency_ms: server.health.latency().map(|latency| latency.as_millis() as u32),
            }
        };
        self.servers.iter().map(status).collect()
    }

    /// Whom to ask in which order: every forwarder once a round, those that are down after the others.
    fn ladder(&self) -> Vec<&(Arc<Server>, Arc<str>)> {
        let (down, up): (Vec<_>, Vec<_>) = self.servers.iter().partition(|(server, _)| server.health.is_down());
        let round: Vec<_> = up.into_iter().chain(down).collect();
        round.iter().copied().cycle().take(round.len() * ROUNDS).collect()
    }
}

/// Four times the usual time to answer (RFC 6298 §2 adds four deviations), within bounds.
fn patience_with(server: &Server) -> Duration {
    let usual = server.health.latency().map_or(LONGEST_PATIENCE, |latency| latency * 4);
    usual.clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE)
}

/// Takes the answer out of a response, or says as a failure what is wrong with it.
fn judge(question: &Question, server: &Server, response: Message) -> Result<Answer, Answer> {
    let rcode = response.metadata.response_code;
    let failed = answer::is_failure(rcode);
    match Answer::from_response(question, response, server.is_trusted()) {
        Ok(answer) if !failed => Ok(answer),
        // What the forwarder says about its failure is passed on, as it may be DNSSEC's; a refusal is not the name's.
        Ok(answer) => {
            let unexplained = || ExtendedError::new(ExtendedError::NETWORK_ERROR, "the forwarder failed");
            let rcode = if rcode == ResponseCode::Refused { Rcode::REFUSED } else { Rcode::SERVER_FAILURE };
            Err(Answer::failure(rcode, answer.error.unwrap_or_else(unexplained)))
        }
        Err(reason) => {
            tracing::debug!(server = %server.endpoint, %reason, "a forwarder's response is not used");
            const INVALID_DATA: u16 = 24;
            Err(Answer::failure(Rcode::SERVER_FAILURE, ExtendedError::new(INVALID_DATA, "no usable answer")))
        }
    }
}

fn bootstrap_addresses(written: &[String]) -> Result<Vec<SocketAddr>, BadOption> {
    const DNS_PORT: u16 = 53;
    let read = |text: &String| {
        let plain = text.strip_prefix("udp://").unwrap_or(text);
        let address = plain.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
        address.or_else(|_| plain.parse()).map_err(|_| BadOption {
            key: "upstream.bootstrap",
            what: format!(
                "{text:?} is not an address; a bootstrap server is written like \"9.9.9.9\" or \"9.9.9.9:53\""
            ),
        })
    };
    written.iter().map(read).collect()
}

fn client_config(ca: Option<&Path>) -> Result<ClientConfig, BadOption> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let bad = |what: String| BadOption { key: "upstream.ca", what: format!("{}: {what}", path.display()) };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| BadOption { key: "upstream.servers", what: error.to_string() })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
