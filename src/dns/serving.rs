//! The encrypted ways in: what the configuration says of them, and what becomes of it once the sockets are bound.

use std::net::SocketAddr;
use std::sync::Arc;

use super::designation::Designation;
use super::options::BadOption;
use super::query::Query;
use super::reply::Reply;
use crate::certificate::{CertificateStatus, Certificates, Files, Own};
use crate::time::Timestamp;

/// Where and how queries are answered over TLS, HTTPS and QUIC. By default, nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encrypted {
    /// Names by which devices know this server, in small letters. The first is the one it designates itself by.
    pub names: Vec<String>,
    /// Whether devices that ask for an encrypted way in are told of it (RFC 9462).
    pub designate: bool,
    /// DNS over TLS (RFC 7858).
    pub tls: Option<Way>,
    /// DNS over HTTPS (RFC 8484).
    pub https: Option<Way>,
    /// Whether the addresses of `https` answer over HTTP/3 as well, on the UDP port of the same number.
    pub http3: bool,
    /// DNS over QUIC (RFC 9250).
    pub quic: Option<Way>,
}

/// One encrypted way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Addresses to listen on. Port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// What it shows; none for a certificate of our own making.
    pub certificate: Option<Files>,
}

/// An encrypted way in, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ServingStatus {
    /// Where it listens.
    #[schema(value_type = Vec<String>)]
    pub listen: Vec<SocketAddr>,
    /// What it shows.
    #[serde(flatten)]
    pub certificate: CertificateStatus,
}

impl Encrypted {
    /// The ways in that are on, by their name in the configuration.
    pub fn ways(&self) -> Vec<(&'static str, &Way)> {
        let ways = [("tls", &self.tls), ("https", &self.https), ("quic", &self.quic)];
        ways.into_iter().filter_map(|(protocol, way)| Some((protocol, way.as_ref()?))).collect()
    }

    /// Where the certificate of each way in that is on is read from.
    pub fn files(&self) -> Vec<(&'static str, Option<Files>)> {
        self.ways().into_iter().map(|(protocol, way)| (protocol, way.certificate.clone())).collect()
    }

    /// What a certificate of our own making is for, kept in `dir`.
    pub fn own(&self, dir: std::path::PathBuf) -> Own {
        let listen = self.ways().into_iter().flat_map(|(_, way)| way.listen.iter().map(SocketAddr::ip)).collect();
        Own { dir, names: self.names.clone(), listen }
    }

    /// Whether `new` differs in more than in where certificates are read from.
    pub fn needs_restart(&self, new: &Self) -> bool {
        let places = |encrypted: &Self| {
            encrypted.ways().into_iter().map(|(protocol, way)| (protocol, way.listen.clone())).collect::<Vec<_>>()
        };
        (&self.names, self.designate, self.http3, places(self)) != (&new.names, new.designate, new.http3, places(new))
    }

    pub(super) fn check(&self) -> Result<(), BadOption> {
        for (protocol, way) in self.ways() {
            let key = match protocol {
                "tls" => "dns.tls.certificate",
                "https" => "dns.https.certificate",
                _ => "dns.quic.certificate",
            };
            if let Some(files) = &way.certificate {
                files.read().map_err(|bad| BadOption { key, what: bad.to_string() })?;
            }
        }
        Ok(())
    }
}

/// The encrypted ways in as they are served.
#[derive(Debug)]
pub(crate) struct Serving {
    certificates: Arc<Certificates>,
    /// Where each listens, with the real ports.
    listen: Vec<(&'static str, SocketAddr)>,
    designation: Option<Designation>,
}

impl Serving {
    pub(super) fn new(
        encrypted: &Encrypted,
        listen: Vec<(&'static str, SocketAddr)>,
        certificates: Arc<Certificates>,
    ) -> Self {
        Self { designation: Designation::new(encrypted, &listen), certificates, listen }
    }

    /// The reply to a question about how we can be asked over TLS, HTTPS and QUIC; none if it is about something else.
    pub(super) fn designate(&self, query: &Query) -> Option<Reply> {
        self.designation.as_ref()?.reply(query, &self.certificates)
    }

    pub(super) fn status(&self) -> Vec<ServingStatus> {
        let listen = |protocol: &str| {
            self.listen.iter().filter(|(known, _)| *known == protocol).map(|(_, address)| *address).collect()
        };
        let status = self.certificates.status().into_iter();
        status.map(|certificate| ServingStatus { listen: listen(certificate.protocol), certificate }).collect()
    }

    pub(super) fn problems(&self, now: Timestamp) -> Vec<String> {
        self.certificates.problems(now)
    }
}
