//! DNS over TLS (RFC 7858): a handshake, and then a stream like any other. Who speaks plain DNS here fails the handshake.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::stream;
use crate::certificate::Shown;
use crate::dns::labels::DeviceLabel;

/// Names by which devices know this server; what stands in front of one is what a device calls itself.
pub(super) type Names = Arc<[String]>;

/// Our end of TLS for one protocol.
///
/// ALPN is optional for the client; who offers only other protocols is refused. Sessions are resumed by tickets, which
/// take no memory here. Early data is not taken: it can be replayed by who records it (RFC 8446 §8).
///
/// # Errors
/// When the system gives no random numbers.
pub(super) fn config(shown: Arc<Shown>, alpn: &[&[u8]]) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// Shakes hands and finds out what the device calls itself.
pub(super) async fn greet(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    caller: &mut Caller,
    names: &[String],
) -> Option<TlsStream<TcpStream>> {
    let stream = caller.seat.handshake(acceptor.accept(stream)).await?;
    caller.label = stream.get_ref().1.server_name().and_then(|name| label(name, names));
    Some(stream)
}

/// Serves one connection over TLS.
pub(super) async fn serve(
    stream: TcpStream,
    mut caller: Caller,
    acceptor: TlsAcceptor,
    names: Names,
    stop: CancellationToken,
) {
    let Some(stream) = greet(stream, &acceptor, &mut caller, &names).await else { return };
    let (reader, writer) = tokio::io::split(stream);
    stream::serve(reader, writer, caller, stop).await;
}

/// What a device calls itself in the name it asked for: the label in front of one of ours.
pub(super) fn label(asked: &str, names: &[String]) -> Option<DeviceLabel> {
    let asked = asked.to_ascii_lowercase();
    let front = names.iter().find_map(|name| asked.strip_suffix(name.as_str())?.strip_suffix('.'))?;
    DeviceLabel::parse(front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_in_front_of_our_name() {
        let names = ["dns.example".to_owned(), "sordino.home.arpa".to_owned()];
        for (asked, device) in [
            ("phone.dns.example", Some("phone")),
            ("Annas-TV.Sordino.Home.arpa", Some("annas-tv")),
            ("dns.example", None),
            ("phonedns.example", None),
            ("a.phone.dns.example", None),
            ("phone.dns.example.org", None),
            ("-phone.dns.example", None),
        ] {
            assert_eq!(label(asked, &names).as_ref().map(DeviceLabel::as_str), device, "{asked}");
        }
    }
}
