//! The sockets of the encrypted ways in, and what answers behind each.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use super::tcp::Door;
use super::{BindError, stream, tcp_socket, tls};
use crate::certificate::{Certificates, HOUSE_NAME};
use crate::dns::serving::Encrypted;
use crate::event::Transport;

/// A bound socket of an encrypted way in.
#[derive(Debug)]
pub(super) struct Bound {
    /// `tls`, `https` or `quic`.
    pub(super) protocol: &'static str,
    pub(super) address: SocketAddr,
    names: tls::Names,
    sockets: Sockets,
}

#[derive(Debug)]
enum Sockets {
    Tls(TcpListener),
}

/// Why a way in cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum CannotOpen {
    #[error("it has no certificate")]
    NoCertificate,
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Socket(#[from] io::Error),
}

/// Binds every address of every way in that is on.
pub(super) fn bind(encrypted: &Encrypted) -> Result<Vec<Bound>, BindError> {
    let names: tls::Names = encrypted.names.iter().cloned().chain([HOUSE_NAME.to_owned()]).collect();
    let mut doors = Vec::new();
    for (protocol, way) in encrypted.ways() {
        let section = match protocol {
            "tls" => "dns.tls",
            "https" => "dns.https",
            _ => "dns.quic",
        };
        for &wanted in &way.listen {
            let fail = |protocol| move |source| BindError { section, address: wanted, protocol, source };
            let (address, sockets) = match protocol {
                "tls" => {
                    let listener = tcp_socket(wanted).map_err(fail("tcp"))?;
                    (listener.local_addr().map_err(fail("tcp"))?, Sockets::Tls(listener))
                }
                _ => continue,
            };
            doors.push(Bound { protocol, address, names: names.clone(), sockets });
        }
    }
    Ok(doors)
}

impl Bound {
    /// Begins to serve, in tasks of its own until the stop.
    pub(super) fn open(self, door: &Door, certificates: &Certificates) -> Result<(), CannotOpen> {
        let Self { protocol, names, sockets, .. } = self;
        let shown = certificates.shown(protocol).ok_or(CannotOpen::NoCertificate)?;
        match sockets {
            Sockets::Tls(listener) => {
                let acceptor = TlsAcceptor::from(Arc::new(tls::config(shown, &[b"dot"])?));
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::spawn(door.clone().accept(
                    listener,
                    Transport::Tls,
                    stream::IDLE,
                    move |stream, caller, stop| tls::serve(stream, caller, acceptor.clone(), names.clone(), stop),
                ));
            }
        }
        Ok(())
    }
}
