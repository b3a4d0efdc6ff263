//! The scripted forwarder over encrypted transports: TLS, HTTPS (HTTP/2 and HTTP/3), QUIC.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::bytes::Buf as _;

use super::forwarder::{Over, State, carry_out, serve_stream};

/// Serves DNS over TLS.
pub(super) async fn serve_tls(state: Arc<State>, listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, source)) = listener.accept().await {
        let (state, acceptor) = (state.clone(), acceptor.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                state.names.lock().unwrap().push(stream.get_ref().1.server_name().map(str::to_owned));
                serve_stream(state, stream, Over::Tls, source).await;
            }
        });
    }
}

/// DNS over HTTPS with POST over HTTP/2 (RFC 8484 §4.1).
pub(super) async fn serve_https(state: Arc<State>, listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, source)) = listener.accept().await {
        let (state, acceptor) = (state.clone(), acceptor.clone());
        tokio::spawn(async move {
            let stream = acceptor.accept(stream).await.ok()?;
            let mut connection = h2::server::handshake(stream).await.ok()?;
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(serve_request(state.clone(), request, respond, source));
            }
            Some(())
        });
    }
}

async fn serve_request(
    state: Arc<State>,
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    source: SocketAddr,
) -> Option<()> {
    state.headers.lock().unwrap().push(request.headers().clone());
    let mut body = request.into_body();
    let mut packet = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        packet.extend_from_slice(&chunk);
    }
    let packets = carry_out(state.plan(&packet, Over::Https, source)).await;
    let packet = packets.into_iter().next()?;
    respond.send_response(head(&state)?, false).ok()?.send_data(packet.into(), true).ok()
}

fn head(state: &State) -> Option<http::Response<()>> {
    let age = *state.age.lock().unwrap();
    let head = http::Response::builder().header("content-type", "application/dns-message");
    head.header("age", age).body(()).ok()
}

/// Serves DNS over QUIC on a free port.
pub(super) fn serve_doq(state: Arc<State>, acceptor: &TlsAcceptor) -> SocketAddr {
    serve(acceptor, move |connection| {
        let state = state.clone();
        async move {
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                let (state, source) = (state.clone(), connection.remote_address());
                tokio::spawn(async move {
                    // RFC 9250 §4.2: a length in front, an end behind, and an ID of 0.
                    let framed = receive.read_to_end(65_537).await.ok()?;
                    let (length, packet) = framed.split_first_chunk::<2>()?;
                    assert_eq!(usize::from(u16::from_be_bytes(*length)), packet.len());
                    assert_eq!(packet[..2], [0, 0], "the ID of a question over QUIC");
                    for packet in carry_out(state.plan(packet, Over::Quic, source)).await {
                        send.write_all(&super::client::framed(&packet)).await.ok()?;
                    }
                    send.finish().ok()
                });
            }
        }
    })
}

/// Serves DNS over HTTP/3 on a free port.
pub(super) fn serve_h3(state: Arc<State>, acceptor: &TlsAcceptor) -> SocketAddr {
    serve(acceptor, move |connection| {
        let state = state.clone();
        async move {
            let source = connection.remote_address();
            let Ok(mut http) = h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(connection)).await
            else {
                return;
            };
            while let Ok(Some(resolver)) = http.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let (_, mut stream) = resolver.resolve_request().await.ok()?;
                    let mut packet = Vec::new();
                    while let Ok(Some(mut chunk)) = stream.recv_data().await {
                        while chunk.has_remaining() {
                            let part = chunk.chunk().to_vec();
                            chunk.advance(part.len());
                            packet.extend(part);
                        }
                    }
                    let packet = carry_out(state.plan(&packet, Over::H3, source)).await.into_iter().next()?;
                    stream.send_response(head(&state)?).await.ok()?;
                    stream.send_data(Bytes::from(packet)).await.ok()?;
                    stream.finish().await.ok()
                });
            }
        }
    })
}

fn serve<F>(acceptor: &TlsAcceptor, each: impl Fn(Connection) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let crypto = QuicServerConfig::try_from(acceptor.config().clone()).unwrap();
    let endpoint =
        Endpoint::server(ServerConfig::with_crypto(Arc::new(crypto)), "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            if let Ok(connection) = incoming.await {
                tokio::spawn(each(connection));
            }
        }
    });
    address
}
