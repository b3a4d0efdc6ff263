//! The sockets: bound at the start, read until the stop.

mod batch;
mod caller;
mod connections;
mod doh;
mod doors;
mod h3;
mod https;
mod quic;
mod reserve;
mod stream;
mod tcp;
mod tls;
mod udp;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connections::Connections;
use self::doors::{Bound, CannotOpen};
use self::reserve::Reserve;
use self::tcp::Door;
use super::forwarded::Behind;
use super::options::Options;
use super::query::{CookieQuery, ErrorReply, Query, Source, Unanswerable};
use super::resolver::Resolver;
use super::serving::{Encrypted, Serving};
use super::wire::Rcode;
use crate::certificate::Certificates;
use crate::event::Transport;
use crate::time::Timestamp;

/// The largest response, octets: what the length field can say (RFC 1035 §4.2.2).
const MESSAGE_SIZE: usize = 65_535;

/// Why a socket could not be had: which one, and what the system says.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} over {protocol}: {source}")]
pub struct BindError {
    /// The table of the configuration, such as `dns` or `dns.tls`.
    pub section: &'static str,
    /// The address that was asked for.
    pub address: SocketAddr,
    /// `udp` or `tcp`.
    pub protocol: &'static str,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

/// The sockets, bound and not yet read.
#[derive(Debug)]
pub struct Listeners {
    places: Vec<Place>,
    doors: Vec<Bound>,
    encrypted: Encrypted,
}

/// One address: a UDP socket for each core, and a TCP listener.
#[derive(Debug)]
struct Place {
    address: SocketAddr,
    udp: Vec<UdpSocket>,
    tcp: TcpListener,
}

impl Listeners {
    /// Binds UDP and TCP on every address of `options.listen`, and what `options.encrypted` names. Port 0 takes a free
    /// port, the same for both.
    ///
    /// # Errors
    /// When one cannot be bound.
    pub fn bind(options: &Options) -> Result<Self, BindError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let places = options.listen.iter().map(|&address| Place::bind(address, cores));
        let encrypted = options.encrypted.clone();
        Ok(Self { places: places.collect::<Result<_, _>>()?, doors: doors::bind(&encrypted)?, encrypted })
    }

    /// Where the encrypted ways in listen, with the real ports.
    pub fn encrypted(&self) -> Vec<(&'static str, SocketAddr)> {
        self.doors.iter().map(|door| (door.protocol, door.address)).collect()
    }

    /// Where plain DNS is answered, with the real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.places.iter().map(|place| place.address).collect()
    }
}

impl Place {
    fn bind(wanted: SocketAddr, cores: usize) -> Result<Self, BindError> {
        /// A free TCP port may be taken for UDP; then another is tried.
        const TRIES: usize = 16;
        let fail = |protocol| move |source| BindError { section: "dns", address: wanted, protocol, source };
        for tries_left in (0..TRIES).rev() {
            // TCP first: SO_REUSEPORT would let a second sordino join the UDP port without a word, and take queries
            // from the first until it fails on TCP.
            let tcp = tcp_socket(wanted).map_err(fail("tcp"))?;
            let address = tcp.local_addr().map_err(fail("tcp"))?;
            match (0..cores).map(|_| udp_socket(address)).collect::<io::Result<Vec<_>>>() {
                Ok(udp) => return Ok(Self { address, udp, tcp }),
                Err(error) if wanted.port() == 0 && tries_left > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(fail("udp")(error)),
            }
        }
        Err(BindError { section: "dns", address: wanted, protocol: "udp", source: io::ErrorKind::AddrInUse.into() })
    }
}

/// A socket of its own for each core: the kernel spreads the askers over them (SO_REUSEPORT).
fn udp_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    /// Room for a burst of some thousand queries while the core is busy elsewhere. The kernel gives what it allows.
    const RECEIVE_BUFFER: usize = 1 << 20;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        batch::never_fragment(&socket)?;
    }
    socket.set_reuse_port(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    if address.ip().is_unspecified() {
        batch::tell_asked_address(&socket, address.ip())?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn tcp_socket(address: SocketAddr) -> io::Result<TcpListener> {
    /// Connections that the kernel completes before they are accepted.
    const BACKLOG: i32 = 128;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the last run; a living listener still keeps the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why sockets that are bound cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CannotServe {
    /// Nobody would read this address: a thread for it is missing.
    #[error(
        "the operating system gives no thread to read {address} over udp ({source}); raise the limit on processes and \
         threads (ulimit -u, TasksMax= of the service, or pids.max of the cgroup)"
    )]
    NoThread {
        /// The address, with its real port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Something else is missing.
    #[error("{address} cannot be served over {protocol}: {what}")]
    Unusable {
        /// The address, with its real port.
        address: SocketAddr,
        /// `tcp`, or the way in as the configuration calls it.
        protocol: &'static str,
        /// What the system says.
        what: String,
    },
}

/// Begins to serve. What it returns serves until `stop`, and then lets queries under way end within `grace`. `certificates`
/// has one for each encrypted way in.
///
/// # Errors
/// When a socket could not be read. Those before it may be served by then, until the program ends.
pub fn serve(
    listeners: Listeners,
    resolver: Arc<Resolver>,
    certificates: Arc<Certificates>,
    stop: CancellationToken,
    grace: Duration,
) -> Result<impl Future<Output = ()> + Send + 'static, CannotServe> {
    let tasks = TaskTracker::new();
    let in_flight = Arc::new(Semaphore::new(resolver.limits.queries_in_flight));
    let serving = Serving::new(&listeners.encrypted, listeners.encrypted(), certificates.clone());
    if resolver.serving.set(serving).is_err() {
        tracing::error!("one resolver is served by two sets of listeners");
    }
    let door = Door {
        resolver: resolver.clone(),
        connections: Connections::new(resolver.clone()),
        reserve: Arc::new(Reserve::new()),
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    let (mut loops, mut streams) = (Vec::new(), Vec::new());
    for Place { address, udp, tcp } in listeners.places {
        for socket in udp {
            let started = udp::Loop::start(socket, address, resolver.clone(), in_flight.clone(), tasks.clone());
            loops.push(started.map_err(|source| CannotServe::NoThread { address, source })?);
        }
        let listener = tokio::net::TcpListener::from_std(tcp);
        let unusable = |error: io::Error| CannotServe::Unusable { address, protocol: "tcp", what: error.to_string() };
        streams.push(listener.map_err(unusable)?);
    }
    for listener in streams {
        tokio::spawn(door.clone().accept(listener, Transport::Tcp, stream::IDLE, tcp::serve));
    }
    for bound in listeners.doors {
        let (protocol, address) = (bound.protocol, bound.address);
        let unusable = |error: CannotOpen| CannotServe::Unusable { address, protocol, what: error.to_string() };
        bound.open(&door, &certificates).map_err(unusable)?;
    }
    Ok(async move {
        stop.cancelled().await;
        drop(loops);
        tasks.close();
        if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!("some queries were still waiting for forwarders at the stop");
        }
    })
}

/// A packet that was admitted: a query, an error to send back, or nothing to say.
enum Packet {
    Query(Query, Source),
    Error(ErrorReply),
    Silence,
}

impl Resolver {
    /// Admits a packet that came in at `now` and reads it. It is not looked at before it is known that its sender may ask;
    /// who takes packets in has counted it.
    fn admit(&self, packet: &[u8], sender: SocketAddr, transport: Transport, now: (Timestamp, Instant)) -> Packet {
        let address = sender.ip().to_canonical();
        // Port 0 cannot be answered; the small services that talk back to anyone are how loops are started.
        const REFLECTING_PORTS: [u16; 5] = [0, 7, 13, 17, 19];
        if !self.admitted.admits(address) || REFLECTING_PORTS.contains(&sender.port()) {
            self.counters.not_admitted.add_one();
            return Packet::Silence;
        }
        match Query::parse(packet) {
            Ok(query) => {
                let (at, arrived) = now;
                let behind = if self.trusted.admits(address) { query.behind } else { Behind::default() };
                let sender = address;
                let (address, mac) = (behind.address.unwrap_or(sender), behind.mac);
                Packet::Query(query, Source { address, sender, mac, transport, at, arrived, label: None })
            }
            Err(Unanswerable::Error(reply)) => {
                self.counters.malformed.add_one();
                Packet::Error(reply)
            }
            Err(Unanswerable::CookieAlone(query)) => Packet::Error(self.cookie_alone(query, address, now.0)),
            Err(Unanswerable::Short | Unanswerable::Response) => {
                self.counters.not_a_query.add_one();
                Packet::Silence
            }
        }
    }

    /// The answer to who wants a cookie only: one, and whether the one it has is good. Questions are answered without that.
    fn cookie_alone(&self, query: CookieQuery, address: IpAddr, now: Timestamp) -> ErrorReply {
        let CookieQuery { reply, client, ours } = query;
        let good = ours.is_none_or(|ours| self.cookies.knows(client, ours, address, now));
        let rcode = if good { Rcode::NO_ERROR } else { Rcode::BAD_COOKIE };
        ErrorReply { rcode, cookie: Some(self.cookies.bake(client, address, now)), ..reply }
    }
}
