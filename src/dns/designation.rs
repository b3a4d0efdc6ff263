//! Telling devices of the encrypted ways in when they ask (RFC 9462): SVCB records for `_dns.resolver.arpa`, and for `_dns.`
//! in front of our own names (RFC 9461).

use std::net::{IpAddr, SocketAddr};

use super::query::Query;
use super::reply::Reply;
use super::serving::Encrypted;
use super::wire::{Rcode, rr_type};
use crate::certificate::{Certificates, Own};
use crate::policy::Name;

/// TTL of a designation, seconds: after a change, a device has the old one for so long.
const TTL: u32 = 300;
/// The template of the one path over HTTPS (RFC 9461 §5).
const DNS_PATH: &[u8] = b"/dns-query{?dns}";

/// Keys of parameters (RFC 9460 §14.3.2, RFC 9461 §5), in the order in which they must stand.
mod key {
    pub(super) const ALPN: u16 = 1;
    pub(super) const PORT: u16 = 3;
    pub(super) const IPV4HINT: u16 = 4;
    pub(super) const IPV6HINT: u16 = 6;
    pub(super) const DOHPATH: u16 = 7;
}

/// What is told, and to which questions.
#[derive(Debug)]
pub(super) struct Designation {
    asked: Vec<Name>,
    /// The name that records point to.
    target: String,
    ways: Vec<Way>,
}

#[derive(Debug)]
struct Way {
    protocol: &'static str,
    parameters: Vec<u8>,
}

impl Designation {
    /// None if nothing is to be told: the ways in have no name by which a certificate could be told to be ours.
    pub(super) fn new(encrypted: &Encrypted, listen: &[(&'static str, SocketAddr)]) -> Option<Self> {
        let target = encrypted.names.first().filter(|_| encrypted.designate)?.clone();
        let names = encrypted.names.iter().map(|name| format!("_dns.{name}")).chain(["_dns.resolver.arpa".into()]);
        let asked = names.filter_map(|name| Name::parse(&name).ok()).collect();
        let mut ways: Vec<Way> = Vec::new();
        let mut told = Vec::new();
        for &(protocol, address) in listen {
            // Addresses of one port are hints of one record.
            if told.contains(&(protocol, address.port())) {
                continue;
            }
            told.push((protocol, address.port()));
            let same = listen.iter().filter(|(other, at)| *other == protocol && at.port() == address.port());
            let hints = Own { listen: same.map(|(_, at)| at.ip()).collect(), ..Own::default() }.all_addresses();
            ways.push(Way { protocol, parameters: parameters(protocol, encrypted.http3, address.port(), &hints) });
        }
        Some(Self { asked, target, ways })
    }

    /// The reply to a question about our designations; none if it is about something else.
    pub(super) fn reply(&self, query: &Query, certificates: &Certificates) -> Option<Reply> {
        if !query.name.as_ref().wire().starts_with(b"\x04_dns") || !self.asked.contains(&query.name) {
            return None;
        }
        let target = Name::parse(&self.target).ok()?;
        // A device refuses a way in whose certificate is for others (RFC 9462 §4.2), and is better not told of it.
        let covered =
            |way: &&Way| certificates.shown(way.protocol).is_some_and(|shown| shown.facts().covers(&self.target));
        let records: Vec<_> = (1_u16..)
            .zip(self.ways.iter().filter(covered))
            .map(|(priority, way)| {
                let rdata = [&priority.to_be_bytes(), target.as_ref().wire(), &way.parameters].concat();
                (rr_type::SVCB, rdata.into_boxed_slice())
            })
            .collect();
        Some(if query.qtype == rr_type::SVCB && !records.is_empty() {
            Reply::records(TTL, records)
        } else {
            Reply::negative(Rcode::NO_ERROR, TTL)
        })
    }
}

fn parameters(protocol: &str, http3: bool, port: u16, hints: &[IpAddr]) -> Vec<u8> {
    let alpn: &[&[u8]] = match protocol {
        "tls" => &[b"dot"],
        "https" if http3 => &[b"h3", b"h2"],
        "https" => &[b"h2"],
        _ => &[b"doq"],
    };
    let mut out = Vec::with_capacity(64);
    let mut put = |key: u16, value: &[u8]| {
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&(value.len() as u16).to_be_bytes());
        out.extend_from_slice(value);
    };
    let protocols: Vec<u8> = alpn.iter().flat_map(|id| [&[id.len() as u8], *id].concat()).collect();
    put(key::ALPN, &protocols);
    put(key::PORT, &port.to_be_bytes());
    let mut ipv4 = Vec::new();
    let mut ipv6 = Vec::new();
    for hint in hints {
        match hint {
            IpAddr::V4(address) => ipv4.extend(address.octets()),
            IpAddr::V6(address) => ipv6.extend(address.octets()),
        }
    }
    if !ipv4.is_empty() {
        put(key::IPV4HINT, &ipv4);
    }
    if !ipv6.is_empty() {
        put(key::IPV6HINT, &ipv6);
    }
    if protocol == "https" {
        put(key::DOHPATH, DNS_PATH);
    }
    out
}
