//! The receive loop of one UDP socket: a batch in, a batch out. What can be answered without waiting is answered here;
//! only what waits for a forwarder becomes a task.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::ReusableBoxFuture;
use tokio_util::task::TaskTracker;

use super::Packet;
use super::batch::{Incoming, Outgoing, Route, Socket};
use crate::dns::query::Query;
use crate::dns::reply::{Reply, udp_limit};
use crate::dns::resolver::Resolver;
use crate::event::Transport;

/// A running receive loop. It stops when this goes; what is under way is answered all the same.
pub(super) struct Loop {
    socket: Arc<Socket>,
    stopped: Arc<AtomicBool>,
}

type Pending = ReusableBoxFuture<'static, (Query, Reply)>;

impl Loop {
    pub(super) fn start(
        socket: UdpSocket,
        address: SocketAddr,
        resolver: Arc<Resolver>,
        in_flight: Arc<Semaphore>,
        tasks: TaskTracker,
    ) -> io::Result<Self> {
        let started = Self { socket: Arc::new(Socket::new(socket)?), stopped: Arc::default() };
        let (socket, stopped) = (started.socket.clone(), started.stopped.clone());
        let runtime = Handle::current();
        std::thread::Builder::new().name(format!("udp {address}")).spawn(move || {
            // Tasks and timers of the queries that wait live in the runtime.
            let _inside = runtime.enter();
            if let Err(error) = receive(&socket, address, &stopped, &resolver, &in_flight, &tasks) {
                tracing::error!(%address, %error, "the UDP socket cannot be read any more");
            }
        })?;
        Ok(started)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        self.socket.stop_receiving();
    }
}

fn receive(
    socket: &Arc<Socket>,
    address: SocketAddr,
    stopped: &AtomicBool,
    resolver: &Arc<Resolver>,
    in_flight: &Arc<Semaphore>,
    tasks: &TaskTracker,
) -> io::Result<()> {
    let (mut incoming, mut outgoing) = (Incoming::new(socket)?, Outgoing::new(socket)?);
    let mut pending = None;
    loop {
        let received = incoming.receive(socket);
        if stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        match received {
            Ok(()) => {}
            // Of an earlier response that nobody took; the next datagram is not to blame.
            Err(error) if is_passing(&error) => continue,
            Err(error) => return Err(error),
        }
        let now = resolver.now();
        resolver.counters.received.add(incoming.len() as u64);
        for (packet, route) in incoming.datagrams() {
            if route.is_from(address) {
                // From our own port: whoever forges that would have us talk to ourselves.
                resolver.counters.not_admitted.add_one();
                continue;
            }
            match resolver.admit(packet, route.asker, Transport::Udp, now) {
                Packet::Silence => {}
                Packet::Error(error) => outgoing.put(route, |out| error.write(out)),
                Packet::Query(query, source) => {
                    let answer = resolver.clone().answer(query, source);
                    let future = place(&mut pending, answer);
                    match future.poll(&mut Context::from_waker(Waker::noop())) {
                        Poll::Ready((query, reply)) => {
                            outgoing.put(route, |out| reply.write(&query, udp_limit(&query), out));
                        }
                        Poll::Pending => {
                            if let Some(future) = pending.take() {
                                wait_for(future, route, socket, resolver, in_flight, tasks);
                            }
                        }
                    }
                }
            }
        }
        resolver.counters.unsent.add(outgoing.send(socket));
    }
}

/// Puts the answer under way into the box of the one before, if that was not needed for longer.
fn place<F>(slot: &mut Option<Pending>, answer: F) -> &mut Pending
where
    F: Future<Output = (Query, Reply)> + Send + 'static,
{
    match slot {
        Some(pending) => {
            pending.set(answer);
            pending
        }
        None => slot.insert(ReusableBoxFuture::new(answer)),
    }
}

/// Lets a query that waits for a forwarder wait in a task, if not too many do.
fn wait_for(
    future: Pending,
    route: Route,
    socket: &Arc<Socket>,
    resolver: &Arc<Resolver>,
    in_flight: &Arc<Semaphore>,
    tasks: &TaskTracker,
) {
    let Ok(permit) = in_flight.clone().try_acquire_owned() else {
        resolver.counters.queries_in_flight.add_one();
        return;
    };
    let (socket, resolver) = (socket.clone(), resolver.clone());
    tasks.spawn(async move {
        let (query, reply) = future.await;
        let mut out = Vec::with_capacity(512);
        reply.write(&query, udp_limit(&query), &mut out);
        let turn = resolver.pace.turn(route.asker.ip().to_canonical()).await;
        if socket.send(route, &out).is_err() {
            resolver.counters.unsent.add_one();
        }
        drop(permit);
        turn.end().await;
    });
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, WouldBlock,
    };
    let kind = error.kind();
    matches!(
        kind,
        ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable | WouldBlock
    )
}
