//! Accepting connections, and DNS over TCP, which is nothing but a stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::caller::Caller;
use super::connections::Connections;
use super::reserve::{Reserve, is_out_of_descriptors};
use super::stream;
use crate::dns::resolver::Resolver;
use crate::event::Transport;

/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What every way in shares.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) resolver: Arc<Resolver>,
    pub(super) connections: Connections,
    pub(super) reserve: Arc<Reserve>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Door {
    /// Accepts connections until the stop, and serves each in a task of its own.
    pub(super) async fn accept<F, S>(self, listener: TcpListener, transport: Transport, idle: Duration, serve: F)
    where
        F: Fn(TcpStream, Caller, CancellationToken) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let resolver = self.resolver.clone();
                    if !resolver.admitted.admits(peer.ip()) {
                        resolver.counters.not_admitted.add_one();
                        continue;
                    }
                    let Some(seat) = self.connections.seat(peer.ip().to_canonical(), idle) else { continue };
                    // Responses are small and complete: waiting for more to send would only delay them.
                    let _ = stream.set_nodelay(true);
                    let caller = Caller { resolver, peer, transport, label: None, seat };
                    self.tasks.spawn(serve(stream, caller, self.stop.clone()));
                }
                Err(error) if is_out_of_descriptors(&error) => {
                    let turned_away = self.reserve.turn_away(&listener);
                    self.resolver.counters.descriptors.add(turned_away);
                    tracing::warn!(
                        "there are no file descriptors left; connections are turned away until some are free, and UDP goes on. \
                         Allow the service more of them (LimitNOFILE=)"
                    );
                    tokio::time::sleep(ACCEPT_REST).await;
                }
                // The peer is gone already, or something that passes as well.
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            }
        }
    }
}

/// Serves one connection over TCP.
pub(super) async fn serve(stream: TcpStream, caller: Caller, stop: CancellationToken) {
    let (reader, writer) = stream.into_split();
    stream::serve(reader, writer, caller, stop).await;
}
