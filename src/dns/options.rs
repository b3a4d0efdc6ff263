//! What the configuration says about answering queries, and what the page shows of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::access::AllowFrom;
use super::serving::{Encrypted, ServingStatus};
use super::upstream::{UpstreamOptions, Upstreams};
use super::validate::check_anchor;

/// Everything the configuration says about answering queries.
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses to listen on, UDP and TCP on each. Port 0 takes a free one, the same for both.
    pub listen: Vec<SocketAddr>,
    /// Who may ask; everyone else is dropped in silence. As written: `loopback`, `private`, `any`, an address or a network.
    pub allow_from: Vec<String>,
    /// Forwarders of the house that are believed when they say which device asked them (EDNS options 65001 and 8). In the
    /// same words.
    pub trusted_forwarders: Vec<String>,
    /// Who is asked what is not known here.
    pub upstream: UpstreamOptions,
    /// Bytes the cache may hold.
    pub cache_size: usize,
    /// Whether answers are validated, and by which keys.
    pub dnssec: DnssecOptions,
    /// Whether popular answers are asked for again before they end.
    pub prefetch: bool,
    /// Bounds, by name.
    pub limits: Limits,
    /// Where and how queries are answered over TLS, HTTPS and QUIC.
    pub encrypted: Encrypted,
}

/// Validation of answers (RFC 4035).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnssecOptions {
    /// Whether answers are validated.
    pub validate: bool,
    /// A file of DNSKEY records that are trusted in place of the root's.
    pub trust_anchor: Option<PathBuf>,
}

/// Bounds of the hot path. Each has a counter of what it turned away.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Queries that wait for a forwarder at the same time.
    pub queries_in_flight: usize,
    /// Questions of one address that are asked of forwarders in a second; those beyond are told to come over TCP. Muted,
    /// local and cached names do not count, and neither does this machine.
    pub queries_per_second: usize,
    /// As many at once, after a time of silence.
    pub queries_burst: usize,
    /// Questions of one address that wait for a forwarder at the same time. This machine is one like any other: behind a
    /// proxy that runs here stands the whole house, so who has one raises this.
    pub waiting_per_address: usize,
    /// Questions that are under way to forwarders at the same time.
    pub flights: usize,
    /// Connections open at the same time, over TCP, TLS, HTTPS and QUIC together.
    #[serde(alias = "tcp_connections")]
    pub connections: usize,
    /// Connections of one address.
    #[serde(alias = "tcp_connections_per_address")]
    pub connections_per_address: usize,
    /// Handshakes of TLS and QUIC under way at the same time.
    pub handshakes: usize,
    /// Queries of one connection that are answered at the same time.
    pub tcp_pipelined: usize,
    /// Devices that are known by what they call themselves only.
    pub device_labels: usize,
    /// Events on their way to the recorder.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queries_in_flight: 1024,
            queries_per_second: 200,
            queries_burst: 1000,
            waiting_per_address: 256,
            flights: 512,
            connections: 256,
            connections_per_address: 32,
            handshakes: 20,
            tcp_pipelined: 32,
            device_labels: 64,
            events: 8192,
        }
    }
}

/// The most that a bound may be: places for what it bounds are made beforehand, and no house is larger.
const LARGEST_LIMIT: usize = 1_000_000;

/// A sentence on what in the options cannot be used: (key as in `upstream.servers`, what is wrong and what to do).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct BadOption {
    /// The key in the configuration file.
    pub key: &'static str,
    /// What is wrong and what to do.
    pub what: String,
}

impl Options {
    /// Checks that the certificates of the encrypted ways in can be shown.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check_certificates(&self) -> Result<(), BadOption> {
        self.encrypted.check()
    }

    /// Checks everything else that can be checked without opening a socket.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn check(&self) -> Result<(), BadOption> {
        self.admitted()?;
        self.trusted()?;
        self.upstreams()?;
        check_anchor(self.dnssec.trust_anchor.as_deref())?;
        let bounds = [
            ("queries_in_flight", self.limits.queries_in_flight),
            ("queries_per_second", self.limits.queries_per_second),
            ("queries_burst", self.limits.queries_burst),
            ("waiting_per_address", self.limits.waiting_per_address),
            ("flights", self.limits.flights),
            ("connections", self.limits.connections),
            ("connections_per_address", self.limits.connections_per_address),
            ("handshakes", self.limits.handshakes),
            ("tcp_pipelined", self.limits.tcp_pipelined),
            ("events", self.limits.events),
        ];
        if let Some((name, _)) = bounds.iter().find(|(_, bound)| *bound == 0) {
            let what = format!("a bound of 0 lets nothing through; write {name} = 1 or more");
            return Err(BadOption { key: "limits", what });
        }
        let labels = ("device_labels", self.limits.device_labels);
        if let Some((name, _)) = bounds.iter().chain([&labels]).find(|(_, bound)| *bound > LARGEST_LIMIT) {
            let what = format!("there is no room for so many; write {name} = {LARGEST_LIMIT} or less");
            return Err(BadOption { key: "limits", what });
        }
        Ok(())
    }

    pub(super) fn admitted(&self) -> Result<AllowFrom, BadOption> {
        AllowFrom::parse(&self.allow_from).map_err(|what| BadOption { key: "dns.allow_from", what })
    }

    pub(super) fn trusted(&self) -> Result<AllowFrom, BadOption> {
        let bad = |what| BadOption { key: "dns.trusted_forwarders", what };
        let trusted = AllowFrom::parse(&self.trusted_forwarders).map_err(bad)?;
        if trusted.is_open() {
            let what = "whoever is trusted can pass for any device; write the address of your router";
            return Err(bad(what.into()));
        }
        Ok(trusted)
    }

    pub(super) fn upstreams(&self) -> Result<Upstreams, BadOption> {
        Upstreams::new(&self.upstream)
    }
}

/// A forwarder as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct UpstreamStatus {
    /// As in the configuration.
    pub server: String,
    /// `up`, `down` or `unknown`.
    pub state: &'static str,
    /// Answers it gave.
    pub answered: u64,
    /// Questions it did not answer in time, or not well.
    pub failed: u64,
    /// Smoothed time to answer.
    pub latency_ms: Option<u32>,
    /// Of a hundred answers of forwarders, how many were its; none before the first.
    pub share_percent: Option<u8>,
    /// Datagrams that came from its address and did not match a question.
    pub mismatches: u64,
    /// Whether nobody on the way can read or change what it is asked.
    pub encrypted: bool,
    /// It does not keep the case of a question, so the case protects nothing.
    pub folds_case: bool,
    /// Zones that it asks us about in turn: a loop.
    pub loops: Vec<String>,
    /// The names it is asked about; empty when it is asked about everything that has no route.
    pub domains: Vec<String>,
}

/// How the hot path is doing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Status {
    /// Forwarders, in the order of the configuration.
    pub upstreams: Vec<UpstreamStatus>,
    /// Answers in the cache.
    pub cache_entries: u64,
    /// Bytes they weigh.
    pub cache_bytes: u64,
    /// Bytes they may weigh.
    pub cache_capacity: u64,
    /// What was counted since the start, by name.
    pub counters: Vec<(&'static str, u64)>,
    /// The encrypted ways in.
    pub encrypted: Vec<ServingStatus>,
    /// What is wrong with a certificate, and what to do.
    pub certificate_problems: Vec<String>,
}
