//! The sockets of the encrypted ways in, and what answers behind each.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use hyper::header::HeaderValue;
use socket2::{Domain, Protocol, Socket, Type};
use tokio_rustls::TlsAcceptor;

use super::tcp::Door;
use super::{BindError, h3, https, quic, stream, tcp_socket, tls};
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
    /// And the one of HTTP/3, where it is on.
    Https(TcpListener, Option<UdpSocket>),
    Quic(UdpSocket),
}

/// Why a way in cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum CannotOpen {
    #[error("it has no certificate")]
    NoCertificate,
    #[error("TLS has no cipher that QUIC begins with")]
    NoCipher,
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
                "quic" => {
                    let socket = quic_socket(wanted).map_err(fail("udp"))?;
                    (socket.local_addr().map_err(fail("udp"))?, Sockets::Quic(socket))
                }
                "https" => {
                    let (address, listener, socket) =
                        https_sockets(wanted, encrypted.http3).map_err(|error| fail(error.0)(error.1))?;
                    (address, Sockets::Https(listener, socket))
                }
                _ => {
                    let listener = tcp_socket(wanted).map_err(fail("tcp"))?;
                    (listener.local_addr().map_err(fail("tcp"))?, Sockets::Tls(listener))
                }
            };
            doors.push(Bound { protocol, address, names: names.clone(), sockets });
        }
    }
    Ok(doors)
}

type HttpsSockets = (SocketAddr, TcpListener, Option<UdpSocket>);

/// TCP, and UDP with the same port.
fn https_sockets(wanted: SocketAddr, http3: bool) -> Result<HttpsSockets, (&'static str, io::Error)> {
    /// A free TCP port may be taken for UDP; then another is tried.
    const TRIES: usize = 16;
    let mut tries_left = TRIES;
    loop {
        let listener = tcp_socket(wanted).map_err(|error| ("tcp", error))?;
        let address = listener.local_addr().map_err(|error| ("tcp", error))?;
        if !http3 {
            return Ok((address, listener, None));
        }
        tries_left -= 1;
        match quic_socket(address) {
            Ok(socket) => return Ok((address, listener, Some(socket))),
            Err(error) if wanted.port() == 0 && tries_left > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(("udp", error)),
        }
    }
}

fn quic_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

impl Bound {
    /// Begins to serve, in tasks of its own until the stop.
    pub(super) fn open(self, door: &Door, certificates: &Certificates) -> Result<(), CannotOpen> {
        let Self { protocol, address, names, sockets } = self;
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
            Sockets::Https(listener, socket) => {
                let elsewhere = socket
                    .as_ref()
                    .and_then(|_| HeaderValue::try_from(format!("h3=\":{}\"; ma=3600", address.port())).ok());
                if let Some(socket) = socket {
                    let endpoint = quic::endpoint(socket, shown.clone(), &[b"h3"], h3::UNIDIRECTIONAL)?;
                    let accept = door.clone().accept_quic(endpoint, Transport::Https, names.clone(), h3::serve);
                    door.tasks.spawn(accept);
                }
                let acceptor = TlsAcceptor::from(Arc::new(tls::config(shown, &[b"h2", b"http/1.1", b"http/1.0"])?));
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::spawn(door.clone().accept(
                    listener,
                    Transport::Https,
                    https::IDLE,
                    move |stream, caller, stop| {
                        https::serve(stream, caller, acceptor.clone(), names.clone(), elsewhere.clone(), stop)
                    },
                ));
            }
            Sockets::Quic(socket) => {
                let endpoint = quic::endpoint(socket, shown, &[b"doq"], 0)?;
                door.tasks.spawn(door.clone().accept_quic(endpoint, Transport::Quic, names, quic::serve));
            }
        }
        Ok(())
    }
}
