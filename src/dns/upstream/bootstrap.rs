//! Addresses of forwarders that are written by name. They cannot be asked of the forwarders themselves, so a few plain
//! servers, given by address, are asked for nothing else.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_net::NetError;
use hickory_proto::op::{DnsRequest, DnsRequestOptions, Query as WireQuery};
use hickory_proto::rr::{Name as WireName, RData, RecordType};

use super::datagram::{self, Spelling};
use super::endpoint::Host;

/// How long one bootstrap server is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// A found address is asked for again after its TTL, but not more often than this.
const MIN_AGE: Duration = Duration::from_secs(60);

/// Resolves the names of forwarders.
#[derive(Debug)]
pub(super) struct Bootstrap {
    servers: Vec<SocketAddr>,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    address: IpAddr,
    until: Instant,
}

impl Bootstrap {
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, known: Mutex::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// The address of `host`. When no bootstrap server answers, the one it last had.
    pub(super) async fn resolve(&self, host: &Host) -> Result<IpAddr, NetError> {
        let name = match host {
            Host::Address(address) => return Ok(*address),
            Host::Name(name) => name,
        };
        let known = self.known().get(name).copied();
        if let Some(known) = known.filter(|known| Instant::now() < known.until) {
            return Ok(known.address);
        }
        for server in &self.servers {
            for family in [RecordType::A, RecordType::AAAA] {
                if let Ok(Some((address, ttl))) = ask(*server, name, family).await {
                    let until = Instant::now() + ttl.max(MIN_AGE);
                    self.known().insert(name.clone(), Known { address, until });
                    return Ok(address);
                }
            }
        }
        known.map(|known| known.address).ok_or(NetError::NoConnections)
    }

    /// The address of `host`, if it is written or was found before.
    pub(super) fn known_address(&self, host: &Host) -> Option<IpAddr> {
        match host {
            Host::Address(address) => Some(*address),
            Host::Name(name) => self.known().get(name).map(|known| known.address),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(server: SocketAddr, name: &str, family: RecordType) -> Result<Option<(IpAddr, Duration)>, NetError> {
    let mut name = WireName::from_ascii(name)?;
    name.set_fqdn(true);
    let request = DnsRequest::from_query(WireQuery::query(name, family), DnsRequestOptions::default());
    let mismatches = AtomicU64::default();
    let exchange = datagram::exchange(server, &request, Spelling::Plain, &mismatches);
    let response = tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| NetError::Timeout)?;
    let response = response.map_err(|error| NetError::from(error.to_string()))?;
    let address = response.answers.iter().find_map(|record| {
        let address = match &record.data {
            RData::A(address) => IpAddr::V4(address.0),
            RData::AAAA(address) => IpAddr::V6(address.0),
            _ => return None,
        };
        Some((address, Duration::from_secs(record.ttl.into())))
    });
    Ok(address)
}
