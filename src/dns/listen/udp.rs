//! The receive loop of one UDP socket: a batch in, a batch out. What can be answered without waiting is answered here;
//! only what waits for a forwarder becomes a task.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::ReusableBoxFuture;
use tokio_util::task::TaskTracker;

use super::Packet;
use crate::dns::query::Query;
use crate::dns::reply::{Reply, udp_limit};
use crate::dns::resolver::Resolver;
use crate::event::Transport;

/// Octets of the longest datagram there is. Longer than any sound query, so that one that was cut off is never taken for
/// a whole one; pages that nothing was written to cost nothing.
const LONGEST_DATAGRAM: usize = 65_535;

/// A running receive loop.
pub(super) struct Loop {
    wake: OwnedFd,
}

/// A socket that answers from the address that was asked (RFC 2181 §4.1), also when it is bound to all of them.
struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
}

/// To whom, and from which of our addresses, a response goes.
#[derive(Clone, Copy)]
struct Route {
    destination: SocketAddr,
    source: Option<IpAddr>,
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
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let socket = Arc::new(Socket { socket, state });
        // A pipe whose other end is dropped at the stop: closing it is what the loop waits for.
        let (stopped, wake) = nix::unistd::pipe()?;
        let runtime = Handle::current();
        let name = format!("udp {address}");
        std::thread::Builder::new().name(name).spawn(move || {
            // Tasks and timers of the queries that wait live in the runtime.
            let _inside = runtime.enter();
            if let Err(error) = receive(&socket, &stopped, &resolver, &in_flight, &tasks) {
                tracing::error!(%address, %error, "the UDP socket cannot be read any more");
            }
        })?;
        Ok(Self { wake })
    }

    pub(super) fn stop(self) {
        drop(self.wake);
    }
}

fn receive(
    socket: &Arc<Socket>,
    stopped: &OwnedFd,
    resolver: &Arc<Resolver>,
    in_flight: &Arc<Semaphore>,
    tasks: &TaskTracker,
) -> io::Result<()> {
    // One piece, which the kernel gives page by page when something is written there.
    let mut datagrams = vec![0; LONGEST_DATAGRAM * BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    let mut out = Vec::with_capacity(4096);
    let mut pending = None;
    loop {
        let mut ready =
            [PollFd::new(socket.socket.as_fd(), PollFlags::POLLIN), PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if ready[1].revents().is_some_and(|events| !events.is_empty()) {
            return Ok(());
        }
        let mut slices: Vec<_> = datagrams.chunks_mut(LONGEST_DATAGRAM).map(IoSliceMut::new).collect();
        let received = match socket.state.recv(UdpSockRef::from(&socket.socket), &mut slices, &mut metas) {
            Ok(received) => received,
            // Of an earlier response that nobody took; the next datagram is not to blame.
            Err(error) if is_passing(&error) => continue,
            Err(error) => return Err(error),
        };
        for (datagram, meta) in datagrams.chunks(LONGEST_DATAGRAM).zip(&metas[..received]) {
            let route = Route { destination: meta.addr, source: meta.dst_ip };
            // The kernel may join datagrams of one sender; they have one length, the last may be shorter.
            for packet in datagram[..meta.len].chunks(meta.stride.max(1)) {
                match resolver.admit(packet, meta.addr, Transport::Udp) {
                    Packet::Silence => {}
                    Packet::Error(error) => {
                        out.clear();
                        error.write(&mut out);
                        socket.send(route, &out, resolver);
                    }
                    Packet::Query(query, source) => {
                        let answer = resolver.clone().answer(*query, source);
                        let future = place(&mut pending, answer);
                        match future.poll(&mut Context::from_waker(Waker::noop())) {
                            Poll::Ready((query, reply)) => {
                                out.clear();
                                reply.write(&query, udp_limit(&query), &mut out);
                                socket.send(route, &out, resolver);
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
        }
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
        socket.send(route, &out, &resolver);
        drop(permit);
    });
}

impl Socket {
    /// Sends a response, or counts that it could not be sent: a full buffer is the network's way to say "too much".
    fn send(&self, route: Route, contents: &[u8], resolver: &Resolver) {
        let Route { destination, source } = route;
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: source };
        if self.state.try_send(UdpSockRef::from(&self.socket), &transmit).is_err() {
            resolver.counters.unsent.add_one();
        }
    }
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
