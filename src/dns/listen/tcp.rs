//! DNS over TCP: pipelined, answered in the order in which answers are ready (RFC 7766 §6.2.1.1, §7), and bounded in
//! every direction.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Packet;
use crate::dns::options::Limits;
use crate::dns::resolver::Resolver;
use crate::event::Transport;

/// How long a connection may stay silent between two messages, and how long one message may take to come in.
const IDLE: Duration = Duration::from_secs(10);
const FIRST_OCTET: Duration = Duration::from_secs(2);
const WHOLE_MESSAGE: Duration = Duration::from_secs(3);
/// How long the other side may take to read a response.
const WRITE: Duration = Duration::from_secs(5);
/// The life of a connection: its queries, and its time.
const MOST_QUERIES: usize = 1_000;
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// The largest response, octets: what the length field can say (RFC 1035 §4.2.2).
const MESSAGE_SIZE: usize = 65_535;

/// The connections that are open, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    free: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address: usize,
}

/// A place among the connections, given back when it is dropped.
struct Seat {
    connections: Connections,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

/// Accepts connections until the stop.
pub(super) async fn accept(
    listener: TcpListener,
    resolver: Arc<Resolver>,
    connections: Connections,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if !resolver.admitted.admits(peer.ip()) {
                    resolver.counters.not_admitted.add_one();
                    continue;
                }
                // The newest is refused: those who are being served are not to suffer.
                let Some(seat) = connections.seat(peer.ip().to_canonical(), &resolver) else { continue };
                tasks.spawn(serve(stream, peer, resolver.clone(), seat, stop.clone()));
            }
            // Out of file descriptors, or the peer is gone already: either passes.
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

/// Serves one connection to its end. Responses to queries that came in before the other side closed are still sent.
async fn serve(stream: TcpStream, peer: SocketAddr, resolver: Arc<Resolver>, seat: Seat, stop: CancellationToken) {
    // Responses are small and complete: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let pipelined = Arc::new(Semaphore::new(resolver.limits.tcp_pipelined));
    let (responses, outbox) = mpsc::channel(resolver.limits.tcp_pipelined);
    let reading = async {
        let read = read_queries(reader, peer, &resolver, pipelined, responses);
        tokio::select! {
            _ = timeout(LONGEST_LIFE, read) => {}
            () = stop.cancelled() => {}
        }
    };
    // The outbox ends when the reader and every query under way have let go of their end.
    let ((), _) = tokio::join!(reading, write_responses(writer, outbox));
    drop(seat);
}

async fn read_queries(
    mut reader: OwnedReadHalf,
    peer: SocketAddr,
    resolver: &Arc<Resolver>,
    pipelined: Arc<Semaphore>,
    responses: mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut patience = FIRST_OCTET;
    for _ in 0..MOST_QUERIES {
        // Not reading is how TCP says "slower".
        let Ok(permit) = pipelined.clone().acquire_owned().await else { break };
        let mut length = [0; 2];
        timeout(patience, reader.read_exact(&mut length[..1])).await??;
        patience = IDLE;
        let mut message = Vec::new();
        let rest = async {
            reader.read_exact(&mut length[1..]).await?;
            message.resize(u16::from_be_bytes(length).into(), 0);
            reader.read_exact(&mut message).await
        };
        timeout(WHOLE_MESSAGE, rest).await??;
        match resolver.admit(&message, peer, Transport::Tcp, resolver.now()) {
            // Whoever sends what is not even a header, or responses, does not speak DNS.
            Packet::Silence => break,
            Packet::Error(error) => {
                let mut out = vec![0; 2];
                error.write(&mut out);
                send(&responses, out).await;
            }
            Packet::Query(query, source) => {
                let (resolver, responses) = (resolver.clone(), responses.clone());
                tokio::spawn(async move {
                    let (query, reply) = resolver.answer(*query, source).await;
                    let mut out = vec![0; 2];
                    reply.write(&query, MESSAGE_SIZE, &mut out);
                    send(&responses, out).await;
                    drop(permit);
                });
            }
        }
    }
    Ok(())
}

/// Puts the length in front and the message into the outbox, so that both leave in one write (RFC 7766 §8).
async fn send(responses: &mpsc::Sender<Vec<u8>>, mut message: Vec<u8>) {
    let length = (message.len() - 2) as u16;
    message[..2].copy_from_slice(&length.to_be_bytes());
    // Nobody takes it when the other side is gone.
    let _ = responses.send(message).await;
}

async fn write_responses(mut writer: OwnedWriteHalf, mut outbox: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(message) = outbox.recv().await {
        timeout(WRITE, writer.write_all(&message)).await??;
    }
    writer.shutdown().await
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limits.tcp_connections)),
            by_address: Arc::default(),
            per_address: limits.tcp_connections_per_address,
        }
    }

    fn seat(&self, address: IpAddr, resolver: &Resolver) -> Option<Seat> {
        let Ok(permit) = self.free.clone().try_acquire_owned() else {
            resolver.counters.tcp_connections.add_one();
            return None;
        };
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let open = by_address.entry(address).or_default();
        if *open >= self.per_address {
            resolver.counters.tcp_connections_per_address.add_one();
            return None;
        }
        *open += 1;
        Some(Seat { connections: self.clone(), address, _permit: permit })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut by_address = self.connections.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = by_address.get_mut(&self.address) {
            *open -= 1;
            if *open == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
