//! Who is asked what is not known here: forwarders, in groups. Names of a route have a group of their own, all others
//! share one.

mod bootstrap;
mod connection;
mod datagram;
mod endpoint;
mod group;
mod health;
mod https;
mod loops;
mod options;
mod quic;
mod request;
mod route;
mod server;
mod stream;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::Instant;

use self::bootstrap::Bootstrap;
use self::endpoint::{Endpoint, Host};
use self::group::Group;
use self::loops::Loops;
pub use self::options::{RouteOptions, Strategy, UpstreamOptions};
use self::route::Routes;
use self::server::Server;
use super::answer::{Answer, MAX_ALIASES, Question};
use super::options::{BadOption, UpstreamStatus};
use super::special;
use super::wire::{ExtendedError, Rcode};
use crate::certificate::believing;
use crate::policy::{Name, NameRef};

/// How long a question may take in all. Below the five seconds after which stub resolvers give up.
pub(crate) const LAST_WORD: Duration = Duration::from_millis(4_400);

/// The forwarders.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// Those of everything else, then those of each route.
    groups: Vec<Group>,
    routes: Routes,
    loops: Arc<Loops>,
}

/// A good answer, and who gave it.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) server: Arc<str>,
}

impl Upstreams {
    /// Asks until there is a good answer, all forwarders of the name have failed, or [`LAST_WORD`] has passed.
    ///
    /// Forwarders are believed about their own names only. Where an alias leads to names of another group, that group
    /// is asked about its target.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answered, Answer> {
        let deadline = Instant::now() + LAST_WORD;
        let (mut answer, server) = self.ask_group(question, deadline).await?;
        for _ in 0..MAX_ALIASES {
            let Some(target) = answer.leads_on.take() else { return Ok(Answered { answer, server }) };
            let next = Question { name: target.clone(), ..question.clone() };
            let rest = match self.stays_here(&next) {
                Some(nothing) => nothing,
                None => self.ask_group(&next, deadline).await?.0,
            };
            answer = answer.continued(question, &target, rest).map_err(|_| endless())?;
        }
        Err(endless())
    }

    async fn ask_group(&self, question: &Question, deadline: Instant) -> Result<(Answer, Arc<str>), Answer> {
        let group = self.routes.group_of(question.name.as_ref());
        let belongs = |name: NameRef<'_>| self.routes.group_of(name) == group;
        self.groups[group].ask(question, deadline, &belongs).await
    }

    /// That an alias leads nowhere, where it leads to a name that nobody outside is asked about: whoever answers for a
    /// route must not make us tell the names of the house to others.
    pub(crate) fn stays_here(&self, question: &Question) -> Option<Answer> {
        /// Seconds; the name means the same tomorrow, but the alias may not.
        const TTL: u32 = 60;
        let name = question.name.as_ref();
        (!self.covers(name) && special::stays_here(name, question.qtype)).then(|| Answer::nothing(TTL))
    }

    /// Whether the operator says who knows about `name`. Such a name is asked about even if nobody outside knows it.
    pub(crate) fn covers(&self, name: NameRef<'_>) -> bool {
        self.routes.covers(name)
    }

    /// Looks for a loop, if `address`, which asks what is under way already, is that of a forwarder of this question.
    pub(crate) fn suspect(&self, question: &Question, address: IpAddr, now: std::time::Instant) {
        let group = &self.groups[self.routes.group_of(question.name.as_ref())];
        if let Some(server) = group.servers.iter().find(|server| server.is_at(address)) {
            self.loops.look(server, question, now);
        }
    }

    /// Whether `name` was sent out to see whether it comes back.
    pub(crate) fn came_back(&self, name: NameRef<'_>, now: std::time::Instant) -> bool {
        self.loops.came_back(name, now)
    }

    /// Each forwarder as the page shows it, in the order of the configuration, those of routes last.
    pub(crate) fn status(&self) -> Vec<UpstreamStatus> {
        let servers = || self.groups.iter().flat_map(|group| &group.servers);
        let answered = |server: &Server| server.health.answered.load(Ordering::Relaxed);
        let now = std::time::Instant::now();
        let all: u64 = servers().map(|server| answered(server)).sum();
        let status = |server: &Arc<Server>| {
            let health = &server.health;
            let latency = health.latency();
            UpstreamStatus {
                server: server.written.to_string(),
                state: match (health.is_down(), health.is_known()) {
                    (true, _) => "down",
                    (false, true) => "up",
                    (false, false) => "unknown",
                },
                answered: answered(server),
                failed: health.failed.load(Ordering::Relaxed),
                latency_ms: latency.map(|latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX)),
                share_percent: (answered(server) * 100).checked_div(all).and_then(|share| u8::try_from(share).ok()),
                mismatches: health.mismatches.load(Ordering::Relaxed),
                encrypted: server.endpoint.scheme.is_encrypted(),
                folds_case: health.folds_case(),
                loops: server.looping.in_words(now),
                domains: self.domains_of(server),
            }
        };
        servers().map(status).collect()
    }

    /// What was counted, by name.
    pub(crate) fn counters(&self) -> [(&'static str, u64); 2] {
        let servers = self.groups.iter().flat_map(|group| &group.servers);
        let mismatches = servers.map(|server| server.health.mismatches.load(Ordering::Relaxed)).sum();
        let hedges = self.groups.iter().map(|group| group.hedges.spent.load(Ordering::Relaxed)).sum();
        [("upstream_mismatch", mismatches), ("upstream_hedges", hedges)]
    }

    fn domains_of(&self, server: &Arc<Server>) -> Vec<String> {
        let group = self.groups.iter().position(|group| group.servers.iter().any(|other| Arc::ptr_eq(other, server)));
        group.map_or_else(Vec::new, |group| self.routes.domains_of(group))
    }
}

fn endless() -> Answer {
    const INVALID_DATA: u16 = 24;
    Answer::failure(Rcode::SERVER_FAILURE, ExtendedError::new(INVALID_DATA, "aliases without end"))
}

impl Upstreams {
    /// Reads the forwarders of the configuration.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub(crate) fn new(options: &UpstreamOptions) -> Result<Self, BadOption> {
        let tls = believing(options.ca.as_deref()).map_err(|what| BadOption { key: "upstream.ca", what })?;
        let parts = Parts {
            tls: Arc::new(tls),
            bootstrap: Arc::new(Bootstrap::new(bootstrap_addresses(&options.bootstrap)?)),
            options,
        };
        let mut groups = vec![parts.group("upstream.servers", &options.servers, &Name::root())?];
        let mut domains = Vec::new();
        for route in &options.routes {
            let Some(first) = route.domains.first() else {
                let what = "a route names no domain; write domains = [\"corp.example\"]".into();
                return Err(BadOption { key: "upstream.route", what });
            };
            domains.extend(route.domains.iter().map(|domain| (domain.clone(), groups.len())));
            groups.push(parts.group("upstream.route", &route.servers, first)?);
        }
        Ok(Self { groups, routes: Routes::new(domains), loops: Arc::default() })
    }
}

/// What all forwarders are made with.
struct Parts<'a> {
    tls: Arc<ClientConfig>,
    bootstrap: Arc<Bootstrap>,
    options: &'a UpstreamOptions,
}

impl Parts<'_> {
    fn group(&self, key: &'static str, servers: &[String], probed_with: &Name) -> Result<Group, BadOption> {
        let bad = |what| BadOption { key, what };
        if servers.is_empty() {
            return Err(bad("no forwarder is named; write for example servers = [\"udp://9.9.9.9\"]".into()));
        }
        let server = |written: &String| {
            let endpoint = Endpoint::parse(written).map_err(bad)?;
            if matches!(endpoint.host, Host::Name(_)) && self.bootstrap.is_empty() {
                return Err(BadOption {
                    key: "upstream.bootstrap",
                    what: format!(
                        "{written:?} is given by name, and nobody is there to resolve it; write for example bootstrap = [\"9.9.9.9\"]"
                    ),
                });
            }
            let tls = match &*endpoint.pins {
                [] => self.tls.clone(),
                pins => Arc::new(tls::pinned(pins)?),
            };
            let bootstrap = self.bootstrap.clone();
            Ok(Arc::new(Server::new(endpoint, tls, bootstrap, probed_with.clone(), self.options.trust_ad)))
        };
        let servers = servers.iter().map(server).collect::<Result<_, _>>()?;
        Ok(Group::new(servers, self.options.strategy))
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
