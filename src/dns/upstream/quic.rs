//! DNS over QUIC towards a forwarder (RFC 9250), and the connection that HTTP/3 needs as well.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hickory_net::NetError;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig, VarInt};

use super::connection::broken;

/// DOQ_PROTOCOL_ERROR (RFC 9250 §8.4).
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);

/// A connection on which `alpn` is spoken, from a port of its own. `unidirectional` is how many streams of one direction
/// the forwarder may open.
pub(super) async fn connect(
    address: SocketAddr,
    name: &str,
    tls: &rustls::ClientConfig,
    alpn: &[u8],
    unidirectional: u8,
) -> Result<Connection, NetError> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![alpn.into()];
    let crypto = QuicClientConfig::try_from(tls).map_err(broken)?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(unidirectional.into())
        .datagram_receive_buffer_size(None);
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    let any = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let endpoint = Endpoint::client(SocketAddr::new(any, 0))?;
    endpoint.connect_with(config, address, name).map_err(broken)?.await.map_err(broken)
}

/// Asks on a stream of its own. `query` has the ID 0 (RFC 9250 §4.2.1).
pub(super) async fn exchange(connection: &Connection, query: &[u8]) -> Result<Vec<u8>, NetError> {
    let length = u16::try_from(query.len()).map_err(broken)?;
    let (mut send, mut receive) = connection.open_bi().await.map_err(broken)?;
    send.write_all(&[&length.to_be_bytes()[..], query].concat()).await.map_err(broken)?;
    send.finish().map_err(broken)?;
    let mut length = [0; 2];
    receive.read_exact(&mut length).await.map_err(broken)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    receive.read_exact(&mut message).await.map_err(broken)?;
    if message.get(..2) != Some(&[0, 0]) {
        // RFC 9250 §4.3.3: fatal to the connection.
        connection.close(PROTOCOL_ERROR, b"");
        return Err("a response over QUIC has an ID of its own".into());
    }
    Ok(message)
}
