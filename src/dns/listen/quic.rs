//! QUIC: the endpoint that DNS over QUIC and HTTP/3 share, and DNS over QUIC (RFC 9250) itself.
//!
//! Early data is not taken at all: what may be replayed would have to be told apart (RFC 9250 §4.5), and a handshake in the
//! house takes a millisecond.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn::{
    Connection, Endpoint, EndpointConfig, IdleTimeout, ReadExactError, RecvStream, SendStream, ServerConfig,
    TokioRuntime, TransportConfig, VarInt,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Packet;
use super::caller::Caller;
use super::connections::{Busy, LONGEST_LIFE};
use super::doors::CannotOpen;
use super::https::STREAMS;
use super::stream::{WHOLE_MESSAGE, WRITE};
use super::tcp::Door;
use super::tls::{self, Names};
use crate::certificate::Shown;
use crate::dns::query::LONGEST_QUERY;
use crate::dns::wire::{HEADER_LEN, Rcode};
use crate::event::Transport;

/// How long a connection may do nothing.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// How long connections may take to say farewell at the stop.
const FAREWELL: Duration = Duration::from_millis(500);
/// Octets that a stream, and a connection, may send ahead.
const STREAM_WINDOW: u32 = 16_384;
const CONNECTION_WINDOW: u32 = 131_072;

/// Error codes of RFC 9250 §8.4.
const NO_ERROR: VarInt = VarInt::from_u32(0);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
const REQUEST_CANCELLED: VarInt = VarInt::from_u32(3);
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// An endpoint on `socket`. `unidirectional` is how many streams of one direction a client may open.
pub(super) fn endpoint(
    socket: UdpSocket,
    shown: Arc<Shown>,
    alpn: &[&[u8]],
    unidirectional: u8,
) -> Result<Endpoint, CannotOpen> {
    let crypto = QuicServerConfig::try_from(tls::config(shown, alpn)?).map_err(|_| CannotOpen::NoCipher)?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_concurrent_uni_streams(unidirectional.into())
        .max_idle_timeout(IdleTimeout::try_from(IDLE).ok())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(CONNECTION_WINDOW.into())
        .datagram_receive_buffer_size(None);
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    // Who may ask is told by the address, so a connection stays with the one it was opened from.
    config.transport_config(Arc::new(transport)).migration(false);
    Ok(Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?)
}

impl Door {
    /// Accepts QUIC connections until the stop, and serves each in a task of its own.
    pub(super) async fn accept_quic<F, S>(self, endpoint: Endpoint, transport: Transport, names: Names, serve: F)
    where
        F: Fn(Connection, Caller, CancellationToken) -> S + Clone + Send + 'static,
        S: Future<Output = ()> + Send,
    {
        loop {
            let incoming = tokio::select! {
                incoming = endpoint.accept() => incoming,
                () = self.stop.cancelled() => break,
            };
            let Some(incoming) = incoming else { break };
            let (resolver, peer) = (self.resolver.clone(), incoming.remote_address());
            if !resolver.admitted.admits(peer.ip()) {
                resolver.counters.not_admitted.add_one();
                incoming.ignore();
                continue;
            }
            // RFC 9000 §8.1.2: when half the seats are taken, an address must first show that it is one.
            let (open, most) = self.connections.fullness();
            if open * 2 > most && !incoming.remote_address_validated() && incoming.may_retry() {
                resolver.counters.quic_retries.add_one();
                let _ = incoming.retry();
                continue;
            }
            let Some(seat) = self.connections.seat(peer.ip().to_canonical(), IDLE) else {
                incoming.refuse();
                continue;
            };
            let (names, serve, stop) = (names.clone(), serve.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                let shake = async { incoming.accept()?.await };
                let Some(connection) = seat.handshake(shake).await else { return };
                let shaken = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
                let label = shaken.and_then(|data| tls::label(data.server_name.as_deref()?, &names));
                serve(connection, Caller { resolver, peer, transport, label, seat }, stop).await;
            });
        }
        // What was closed is said to the other side before the socket goes.
        let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
    }
}

/// Serves one connection of DNS over QUIC: a stream for each query.
pub(super) async fn serve(connection: Connection, caller: Caller, stop: CancellationToken) {
    let queries = TaskTracker::new();
    let mut life = std::pin::pin!(sleep(LONGEST_LIFE));
    let code = loop {
        let accepted = tokio::select! {
            accepted = connection.accept_bi() => accepted,
            () = caller.seat.left_alone() => break NO_ERROR,
            () = &mut life => break NO_ERROR,
            () = stop.cancelled() => break NO_ERROR,
        };
        // The other side has closed, or broke the rules of QUIC.
        let Ok((send, receive)) = accepted else { return };
        let Some(busy) = caller.seat.begin() else { break EXCESSIVE_LOAD };
        queries.spawn(one_query(connection.clone(), caller.clone(), send, receive, busy));
    };
    queries.close();
    let _ = timeout(WRITE, queries.wait()).await;
    connection.close(code, b"");
}

/// What is wrong with a stream.
enum Fault {
    /// It is against RFC 9250 §4.3.3, and ends the connection.
    Protocol,
    /// The other side does not want an answer any more.
    Gone,
    /// No query is so long.
    TooLong,
}

/// Reads the query of one stream and answers it. `busy` goes when the other side has the answer, or does not want it.
async fn one_query(connection: Connection, caller: Caller, mut send: SendStream, mut receive: RecvStream, busy: Busy) {
    let _under_way = busy;
    let message = match timeout(WHOLE_MESSAGE, read(&mut receive)).await {
        Ok(Ok(query)) => match answer(&caller, &query, &send).await {
            Ok(message) => message,
            Err(Fault::Protocol) => return connection.close(PROTOCOL_ERROR, b""),
            Err(_) => {
                let _ = send.reset(REQUEST_CANCELLED);
                return;
            }
        },
        Ok(Err(Fault::Protocol)) => return connection.close(PROTOCOL_ERROR, b""),
        Ok(Err(Fault::TooLong)) => {
            let _ = receive.stop(NO_ERROR);
            let mut message = vec![0; HEADER_LEN];
            (message[2], message[3]) = (0x80, 0x80 | Rcode::FORMAT_ERROR.0 as u8);
            message
        }
        Ok(Err(Fault::Gone)) => return,
        // The rest of the query, or the end of the stream, did not come.
        Err(_) => {
            let _ = receive.stop(REQUEST_CANCELLED);
            let _ = send.reset(REQUEST_CANCELLED);
            return;
        }
    };
    let mut out = (message.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(&message);
    let written = async {
        send.write_all(&out).await.ok()?;
        send.finish().ok()?;
        send.stopped().await.ok()
    };
    let _ = timeout(WRITE, written).await;
}

/// One message with its length in front, and the end of the stream (RFC 9250 §4.2).
async fn read(receive: &mut RecvStream) -> Result<Vec<u8>, Fault> {
    let early = |error| match error {
        ReadExactError::FinishedEarly(_) => Fault::Protocol,
        ReadExactError::ReadError(_) => Fault::Gone,
    };
    let mut length = [0; 2];
    receive.read_exact(&mut length).await.map_err(early)?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST_QUERY {
        return Err(Fault::TooLong);
    }
    let mut message = vec![0; length];
    receive.read_exact(&mut message).await.map_err(early)?;
    match receive.read(&mut [0; 1]).await {
        Ok(None) => Ok(message),
        // A second query on the same stream.
        Ok(Some(_)) => Err(Fault::Protocol),
        Err(_) => Err(Fault::Gone),
    }
}

/// The response, unless the other side stops waiting for it.
async fn answer(caller: &Caller, message: &[u8], send: &SendStream) -> Result<Vec<u8>, Fault> {
    // RFC 9250 §4.2.1: streams tell queries apart, so the ID must be 0.
    if message.get(..2) != Some(&[0, 0]) {
        return Err(Fault::Protocol);
    }
    let mut out = Vec::with_capacity(512);
    match caller.admit(message) {
        Packet::Silence => return Err(Fault::Protocol),
        Packet::Error(error) => error.write(&mut out),
        // RFC 9250 §5.5.2: QUIC has timers of its own.
        Packet::Query(query, _) if query.edns.is_some_and(|edns| edns.keepalive) => return Err(Fault::Protocol),
        Packet::Query(query, source) => {
            let (query, reply) = tokio::select! {
                answered = caller.answer(query, source) => answered,
                _ = send.stopped() => return Err(Fault::Gone),
            };
            caller.write(&query, &reply, &mut out);
        }
    }
    Ok(out)
}
