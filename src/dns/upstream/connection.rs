//! Connections to forwarders, over each transport that has one. Encrypted ones are strict: a certificate that does not
//! fit the name ends it (RFC 8310 §5).
//!
//! They carry octets. hickory's read what comes themselves, and refuse a whole message for one record that they cannot read.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_net::NetError;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LAST_WORD;
use super::endpoint::{Endpoint, Scheme};
use super::https::{Http2, Http3};
use super::quic;
use super::stream::Stream;

/// A connection on which questions can be asked, many at the same time. It ends with the last clone of this.
#[derive(Clone)]
pub(super) enum Link {
    Stream(Stream),
    Http2(Http2),
    Http3(Http3),
    Quic(quinn::Connection),
}

impl Link {
    /// Asks, and gives what is answered, whatever that is. `query` has the ID 0: where streams tell questions apart, it
    /// stays (RFC 8484 §4.1, RFC 9250 §4.2.1).
    pub(super) async fn exchange(&self, query: Vec<u8>) -> Result<Vec<u8>, NetError> {
        let exchange = async {
            match self {
                Self::Stream(stream) => stream.exchange(&query).await,
                Self::Http2(http) => http.exchange(query).await,
                Self::Http3(http) => http.exchange(query).await,
                Self::Quic(connection) => quic::exchange(connection, &query).await,
            }
        };
        timeout(LAST_WORD, exchange).await.map_err(|_| NetError::Timeout)?
    }
}

/// Connects to `endpoint` at `address`. What is asked over UDP has its connection over TCP.
pub(super) async fn connect(endpoint: Endpoint, address: SocketAddr, tls: Arc<ClientConfig>) -> Result<Link, NetError> {
    let connect = async {
        Ok(match endpoint.scheme {
            Scheme::Udp | Scheme::Tcp => Link::Stream(Stream::over(tcp(address).await?)),
            Scheme::Tls => Link::Stream(Stream::over(encrypted(&endpoint, address, tls, &[]).await?)),
            Scheme::Https => {
                Link::Http2(Http2::over(encrypted(&endpoint, address, tls, &[b"h2"]).await?, &endpoint).await?)
            }
            Scheme::Quic => Link::Quic(quic::connect(address, &endpoint.certificate_name(), &tls, b"doq", 0).await?),
            Scheme::H3 => Link::Http3(Http3::connect(&endpoint, address, &tls).await?),
        })
    };
    timeout(LAST_WORD, connect).await.map_err(|_| NetError::Timeout)?
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, NetError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn encrypted(
    endpoint: &Endpoint,
    address: SocketAddr,
    mut tls: Arc<ClientConfig>,
    alpn: &[&[u8]],
) -> Result<TlsStream<TcpStream>, NetError> {
    let name = ServerName::try_from(endpoint.certificate_name()).map_err(|_| NetError::from("not a host name"))?;
    Arc::make_mut(&mut tls).alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsConnector::from(tls).connect(name, tcp(address).await?).await?)
}

/// An error of a transport, in its own words.
pub(super) fn broken(error: impl Display) -> NetError {
    error.to_string().into()
}
