//! What the configuration says about forwarders.

use std::path::PathBuf;

use super::endpoint::{Endpoint, Host};
use crate::policy::Name;

/// Who is asked what is not known here, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamOptions {
    /// Forwarders, in the order of the configuration: `udp://192.0.2.1`, `tcp://`, `tls://name-or-address`,
    /// `https://name/dns-query`, `quic://`, `h3://`.
    pub servers: Vec<String>,
    /// Plain forwarders that resolve the names of the others.
    pub bootstrap: Vec<String>,
    /// PEM file of a private CA that may sign for the forwarders, besides the public ones.
    pub ca: Option<PathBuf>,
    /// Names that other forwarders are asked about. The longest domain that fits decides.
    pub routes: Vec<RouteOptions>,
    /// Which forwarder is asked first.
    pub strategy: Strategy,
    /// Whether the AD bit of plain forwarders is believed as well; that of encrypted ones and of those on this machine is.
    pub trust_ad: bool,
}

impl UpstreamOptions {
    /// What the forwarders are called, those of routes included; nothing for those that are written as addresses.
    pub fn names(&self) -> Vec<Name> {
        let servers = self.servers.iter().chain(self.routes.iter().flat_map(|route| &route.servers));
        let name = |server: &String| match Endpoint::parse(server).ok()?.host {
            Host::Name(name) => Name::parse(&name).ok(),
            Host::Address(_) => None,
        };
        servers.filter_map(name).collect()
    }
}

/// Forwarders for some names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOptions {
    /// The names, each with all below it.
    pub domains: Vec<Name>,
    /// Their forwarders, written as the others are.
    pub servers: Vec<String>,
}

/// Which forwarder is asked first; the others follow when it fails or takes too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// The one that answered soonest of late.
    #[default]
    Fastest,
    /// The first of the configuration that answers.
    Failover,
    /// Each in turn.
    Balance,
}
