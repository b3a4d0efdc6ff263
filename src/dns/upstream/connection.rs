//! Connections to forwarders, over each transport that has one. Encrypted ones are strict: a certificate that does not
//! fit the name ends it (RFC 8310 §5).

use std::net::SocketAddr;
use std::sync::Arc;

use hickory_net::NetError;
use hickory_net::h2::HttpsClientStream;
use hickory_net::h3::H3ClientStream;
use hickory_net::quic::QuicClientStream;
use hickory_net::runtime::{RuntimeProvider as _, Spawn as _, TokioRuntimeProvider};
use hickory_net::tcp::TcpClientStream;
use hickory_net::tls::tls_exchange;
use hickory_net::xfer::{DnsExchange, DnsRequestSender};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::LAST_WORD;
use super::endpoint::{Endpoint, Scheme};

/// Questions on one connection at the same time; hickory answers the next one with "busy".
const PIPELINED: usize = 256;

/// A connection on which questions can be asked. It lives in a task that ends with the last clone of `provider`.
pub(super) type Exchange = DnsExchange<TokioRuntimeProvider>;

/// Connects to `endpoint` at `address`. What is asked over UDP has its connection over TCP.
pub(super) async fn connect(
    endpoint: Endpoint,
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    provider: TokioRuntimeProvider,
) -> Result<Exchange, NetError> {
    let certificate = endpoint.certificate_name();
    let connect = async {
        match endpoint.scheme {
            Scheme::Udp | Scheme::Tcp => {
                TcpClientStream::exchange(address, None, LAST_WORD, Some(PIPELINED), provider).await
            }
            Scheme::Tls => {
                let name = ServerName::try_from(certificate).map_err(|_| NetError::from("not a host name"))?;
                tls_exchange(address, name, (*tls).clone(), LAST_WORD, Some(PIPELINED), provider).await
            }
            Scheme::Https => {
                let mut builder = HttpsClientStream::builder(tls, provider);
                builder.request_timeout(LAST_WORD);
                builder.exchange(address, certificate.into(), endpoint.path.into()).await
            }
            Scheme::Quic => {
                let builder = QuicClientStream::builder().crypto_config((*tls).clone()).request_timeout(LAST_WORD);
                Ok(carried_by(builder.build(address, certificate.into()).await?, &provider))
            }
            Scheme::H3 => {
                let builder = H3ClientStream::builder().crypto_config((*tls).clone()).request_timeout(LAST_WORD);
                Ok(carried_by(builder.build(address, certificate.into(), endpoint.path.into()).await?, &provider))
            }
        }
    };
    tokio::time::timeout(LAST_WORD, connect).await.map_err(|_| NetError::Timeout)?
}

fn carried_by(stream: impl DnsRequestSender, provider: &TokioRuntimeProvider) -> Exchange {
    let (exchange, background) = Exchange::from_stream(stream);
    provider.create_handle().spawn_bg(background);
    exchange
}
