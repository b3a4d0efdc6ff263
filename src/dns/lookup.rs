//! Addresses that sordino itself needs, as those of the servers that lists come from. They are asked of the forwarders, past
//! cache, policy and listeners: a list that mutes the name of its own server must not keep it from being mended, and no
//! listener has to be up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::rr::RData;

use super::answer::{Answer, Question, Ttl};
use super::options::{BadOption, Options};
use super::upstream::{RouteOptions, UpstreamOptions, Upstreams};
use super::wire::{HEADER_LEN, rr_type};
use crate::local::reverse_name;
use crate::policy::Name;

/// Asks the forwarders for addresses, past the policy.
#[derive(Clone, Debug)]
pub struct Lookup(Arc<Upstreams>);

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// It is no name, or one without addresses.
    #[error("the name has no address")]
    None,
    /// Nobody could be asked.
    #[error("no forwarder answered")]
    Unreachable,
}

impl Lookup {
    /// With the forwarders of `options`, over connections of its own.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn new(options: &Options) -> Result<Self, BadOption> {
        Ok(Self(Arc::new(options.upstreams()?)))
    }

    /// All addresses of `name`, IPv4 and IPv6, in the order of the answers.
    ///
    /// # Errors
    /// When there are none, or when no forwarder answers.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
        let name = Name::parse(name).map_err(|_| NoAddress::None)?;
        let (ipv4, ipv6) = tokio::join!(self.of_type(&name, rr_type::A), self.of_type(&name, rr_type::AAAA));
        let failed = ipv4.is_err() && ipv6.is_err();
        let addresses: Vec<IpAddr> = [ipv4, ipv6].into_iter().flatten().flatten().collect();
        match addresses.is_empty() {
            false => Ok(addresses),
            true if failed => Err(NoAddress::Unreachable),
            true => Err(NoAddress::None),
        }
    }

    /// Asks `router` what the addresses of the house are called, and nobody anything else.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn of_router(options: &Options, router: SocketAddr) -> Result<Self, BadOption> {
        let zones = ["in-addr.arpa", "ip6.arpa"];
        let domains = zones.iter().filter_map(|zone| Name::parse(zone).ok()).collect();
        let servers = vec![format!("udp://{router}")];
        let route = RouteOptions { domains, servers: servers.clone() };
        let upstream = UpstreamOptions { servers, routes: vec![route], ..options.upstream.clone() };
        Self::new(&Options { upstream, ..options.clone() })
    }

    /// What `address` is called by whoever the operator routes its reverse name to; nobody else is asked, and without a
    /// route it has no name.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn name_of(&self, address: IpAddr) -> Result<Option<String>, NoAddress> {
        let Some(name) = reverse_name(address) else { return Ok(None) };
        if !self.0.covers(name.as_ref()) {
            return Ok(None);
        }
        let question = Question { name, qtype: rr_type::PTR, dnssec_ok: false, checking_disabled: false };
        let answered = self.0.ask(&question).await.map_err(|_| NoAddress::Unreachable)?;
        let name = data_in(&question, &answered.answer).into_iter().find_map(|data| match data {
            RData::PTR(name) => Some(name.0.to_utf8()),
            _ => None,
        });
        Ok(name)
    }

    async fn of_type(&self, name: &Name, qtype: u16) -> Result<Vec<IpAddr>, NoAddress> {
        let question = Question { name: name.clone(), qtype, dnssec_ok: false, checking_disabled: false };
        let answered = self.0.ask(&question).await.map_err(|_| NoAddress::Unreachable)?;
        Ok(addresses_in(&question, &answered.answer))
    }
}

fn addresses_in(question: &Question, answer: &Answer) -> Vec<IpAddr> {
    let address = |data: RData| match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    };
    data_in(question, answer).into_iter().filter_map(address).collect()
}

/// The records of an answer lean on its question by compression, so that is put in front again.
fn data_in(question: &Question, answer: &Answer) -> Vec<RData> {
    let mut message = vec![0; HEADER_LEN];
    message[5] = 1;
    message.extend_from_slice(question.name.as_ref().wire());
    message.extend_from_slice(&question.qtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    let (answers, _) = answer.write_records(&mut message, Ttl::Fixed(0));
    // Those of the authority section behind them are of no use here.
    message[6..8].copy_from_slice(&answers.to_be_bytes());
    let Ok(message) = Message::from_vec(&message) else { return Vec::new() };
    message.answers.into_iter().map(|record| record.data).collect()
}
