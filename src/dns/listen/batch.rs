//! Datagrams by the batch: one system call takes in what has arrived, one sends what was answered.
//!
//! A socket that is bound to all addresses learns which one was asked, and answers from it (RFC 2181 §4.1); one that is
//! bound to a single address cannot do otherwise, and is spared the control messages.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd as _};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, sendmmsg, sendmsg,
    setsockopt, sockopt,
};

/// Datagrams of one batch.
pub(super) const BATCH: usize = 32;
/// Datagrams that are looked for at least.
const LEAST: usize = 4;
/// Octets of the longest datagram there is. Longer than any sound query, so that one that was cut off is never taken for
/// a whole one; pages that nothing was written to cost nothing.
const LONGEST_DATAGRAM: usize = 65_535;

/// A UDP socket, and whether it must be told which of our addresses to answer from.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    bound_to_all: bool,
}

/// To whom, and from which of our addresses, a response goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) asker: SocketAddr,
    /// The address that was asked, where the socket has more than one.
    asked: Option<IpAddr>,
}

/// Room for a batch that comes in.
pub(super) struct Incoming {
    headers: MultiHeaders<SockaddrStorage>,
    /// One piece, which the kernel gives page by page when something is written there.
    datagrams: Vec<u8>,
    received: Vec<(usize, Route)>,
    /// How many datagrams are looked for. Room for each must be described to the kernel anew, so it is as many as there
    /// were lately, and twice that when they were all there.
    wanted: usize,
}

/// Responses that wait to leave together.
pub(super) struct Outgoing {
    headers: MultiHeaders<SockaddrStorage>,
    bytes: Vec<u8>,
    responses: Vec<(Range<usize>, Route)>,
}

/// Has the kernel tell with each datagram which address was asked. Before the socket is bound: what arrives earlier
/// comes without.
pub(super) fn tell_asked_address(socket: &impl AsFd, bound_to: IpAddr) -> io::Result<()> {
    match bound_to {
        IpAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
        IpAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
    }
    Ok(())
}

/// Has the kernel never cut a response over IPv6 into fragments, which others could exchange (RFC 9715 §3.1). Nobody else may
/// there; and of IPv4 no safe interface tells it.
pub(super) fn never_fragment(socket: &impl AsFd) -> io::Result<()> {
    Ok(setsockopt(socket, sockopt::Ipv6DontFrag, &true)?)
}

impl Socket {
    /// A blocking socket: reading waits in the call itself, and sending never waits. One that is bound to all addresses
    /// was told to [`tell_asked_address`].
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let bound_to_all = socket.local_addr()?.ip().is_unspecified();
        Ok(Self { socket, bound_to_all })
    }

    /// Wakes whoever waits for a datagram; from now on none comes in. Responses may still leave.
    pub(super) fn stop_receiving(&self) {
        // It says that the socket is not connected, and does as it is told.
        let _ = socket2::SockRef::from(&self.socket).shutdown(std::net::Shutdown::Read);
    }

    /// Sends one response. A full buffer is the network's way to say "too much": it is an error.
    pub(super) fn send(&self, route: Route, response: &[u8]) -> io::Result<()> {
        let source = route.asked.map(Source::new);
        let source = source.as_ref().map(Source::control_message);
        let asker = SockaddrStorage::from(route.asker);
        let fd = self.socket.as_raw_fd();
        sendmsg(fd, &[IoSlice::new(response)], source.as_slice(), MsgFlags::MSG_DONTWAIT, Some(&asker))?;
        Ok(())
    }

    fn headers(&self) -> io::Result<MultiHeaders<SockaddrStorage>> {
        let room = match self.socket.local_addr()? {
            _ if !self.bound_to_all => None,
            SocketAddr::V4(_) => Some(nix::cmsg_space!(libc::in_pktinfo)),
            SocketAddr::V6(_) => Some(nix::cmsg_space!(libc::in6_pktinfo)),
        };
        Ok(MultiHeaders::preallocate(BATCH, room))
    }
}

impl Incoming {
    pub(super) fn new(socket: &Socket) -> io::Result<Self> {
        let datagrams = vec![0; LONGEST_DATAGRAM * BATCH];
        let (headers, received) = (socket.headers()?, Vec::with_capacity(BATCH));
        Ok(Self { headers, datagrams, received, wanted: BATCH })
    }

    /// Waits until something has arrived, and takes in all that has, up to a batch.
    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        self.received.clear();
        let mut room: Vec<[IoSliceMut<'_>; 1]> = self
            .datagrams
            .chunks_mut(LONGEST_DATAGRAM)
            .take(self.wanted)
            .map(|piece| [IoSliceMut::new(piece)])
            .collect();
        let fd = socket.socket.as_raw_fd();
        let arrived = recvmmsg(fd, &mut self.headers, room.iter_mut(), MsgFlags::MSG_WAITFORONE, None)?;
        for datagram in arrived {
            // Nothing to answer to: the socket is being shut down, or what came was meant for everyone.
            let route = Route::of(&datagram, socket.bound_to_all).unwrap_or(Route::NOWHERE);
            let len = if route == Route::NOWHERE { 0 } else { datagram.bytes };
            self.received.push((len, route));
        }
        let few = self.received.len() < self.wanted;
        let lately = (self.wanted + self.received.len()).div_ceil(2);
        self.wanted = if few { lately } else { self.wanted * 2 }.clamp(LEAST, BATCH);
        Ok(())
    }

    /// How many [`receive`](Self::receive) took in.
    pub(super) fn len(&self) -> usize {
        self.received.len()
    }

    /// What [`receive`](Self::receive) took in.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (&[u8], Route)> {
        let pieces = self.datagrams.chunks(LONGEST_DATAGRAM);
        pieces.zip(&self.received).map(|(piece, &(len, route))| (&piece[..len], route))
    }
}

impl Outgoing {
    pub(super) fn new(socket: &Socket) -> io::Result<Self> {
        let responses = Vec::with_capacity(BATCH);
        Ok(Self { headers: socket.headers()?, bytes: Vec::with_capacity(4096), responses })
    }

    /// Puts a response into the batch, which `write` appends to what it is given.
    pub(super) fn put(&mut self, route: Route, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.responses.push((start..self.bytes.len(), route));
    }

    /// Sends the batch. Says how many responses the kernel did not take.
    pub(super) fn send(&mut self, socket: &Socket) -> u64 {
        let mut unsent = 0;
        let mut rest = self.responses.as_slice();
        while let Some((_, first)) = rest.first() {
            let same_source = rest.iter().take_while(|(_, route)| route.asked == first.asked).count().min(BATCH);
            let (group, behind) = rest.split_at(same_source);
            let sent = match send_group(socket, &mut self.headers, &self.bytes, group) {
                Ok(sent) => sent,
                Err(Errno::EINTR) => 0,
                // Of the first of the group; whether the next can be sent is another question.
                Err(_) => {
                    unsent += 1;
                    1
                }
            };
            rest = if sent == group.len() { behind } else { &rest[sent..] };
        }
        self.responses.clear();
        self.bytes.clear();
        unsent
    }
}

/// Sends responses that all leave from one address; says how many of them, from the first on, have left.
fn send_group(
    socket: &Socket,
    headers: &mut MultiHeaders<SockaddrStorage>,
    bytes: &[u8],
    group: &[(Range<usize>, Route)],
) -> Result<usize, Errno> {
    let slices: Vec<[IoSlice<'_>; 1]> = group.iter().map(|(range, _)| [IoSlice::new(&bytes[range.clone()])]).collect();
    let askers: Vec<_> = group.iter().map(|(_, route)| Some(SockaddrStorage::from(route.asker))).collect();
    let source = group.first().and_then(|(_, route)| route.asked).map(Source::new);
    let source = source.as_ref().map(Source::control_message);
    let fd = socket.socket.as_raw_fd();
    let sent = sendmmsg(fd, headers, slices.iter(), &askers, source.as_slice(), MsgFlags::MSG_DONTWAIT)?;
    Ok(sent.count())
}

impl Route {
    /// Where nothing is sent: port 0 cannot be answered, and whoever admits packets knows.
    const NOWHERE: Self = Self { asker: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0), asked: None };

    /// Whether the datagram pretends to come from the socket that it came to, which is bound to `address`.
    pub(super) fn is_from(&self, address: SocketAddr) -> bool {
        let ours = self.asked.unwrap_or_else(|| address.ip()).to_canonical();
        self.asker.port() == address.port() && self.asker.ip().to_canonical() == ours
    }

    fn of(datagram: &RecvMsg<'_, '_, SockaddrStorage>, bound_to_all: bool) -> Option<Self> {
        let from = datagram.address.as_ref()?;
        let asker = match (from.as_sockaddr_in(), from.as_sockaddr_in6()) {
            (Some(from), _) => SocketAddr::V4((*from).into()),
            (_, Some(from)) => SocketAddr::V6((*from).into()),
            _ => return None,
        };
        let asked = if bound_to_all { Some(asked(datagram)?) } else { None };
        Some(Self { asker, asked })
    }
}

/// The address that was asked; none if the datagram was sent to more than one, or the kernel does not say.
fn asked(datagram: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<IpAddr> {
    datagram.cmsgs().ok()?.find_map(|message| match message {
        // Where the two differ the datagram was a broadcast, and an answer to one is how storms begin.
        ControlMessageOwned::Ipv4PacketInfo(info) if info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr => {
            Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            (!address.is_multicast()).then_some(address.into())
        }
        _ => None,
    })
}

/// One of our addresses, as the kernel wants to be told to send from it.
enum Source {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl Source {
    fn new(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let spec_dst = libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
                Self::V4(libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: spec_dst,
                    ipi_addr: libc::in_addr { s_addr: 0 },
                })
            }
            IpAddr::V6(address) => {
                let address = libc::in6_addr { s6_addr: address.octets() };
                Self::V6(libc::in6_pktinfo { ipi6_addr: address, ipi6_ifindex: 0 })
            }
        }
    }

    fn control_message(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo {
        socket: Socket,
        incoming: Incoming,
        outgoing: Outgoing,
    }

    impl Echo {
        fn on(address: [u8; 4]) -> Self {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
            tell_asked_address(&socket, address.into()).unwrap();
            socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
            let socket = Socket::new(socket.into()).unwrap();
            let (incoming, outgoing) = (Incoming::new(&socket).unwrap(), Outgoing::new(&socket).unwrap());
            Self { socket, incoming, outgoing }
        }

        fn at(&self, last: u8) -> SocketAddr {
            ([127, 0, 0, last], self.socket.socket.local_addr().unwrap().port()).into()
        }

        /// Echoes until `count` datagrams have come in; says in how many batches.
        fn echo(&mut self, count: usize) -> usize {
            let (mut seen, mut batches) = (0, 0);
            while seen < count {
                self.incoming.receive(&self.socket).unwrap();
                batches += 1;
                for (datagram, route) in self.incoming.datagrams() {
                    seen += 1;
                    self.outgoing.put(route, |out| out.extend_from_slice(datagram));
                }
                assert_eq!(self.outgoing.send(&self.socket), 0);
            }
            batches
        }
    }

    fn asker() -> UdpSocket {
        let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
        asker.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        asker
    }

    #[test]
    fn a_batch_goes_in_and_out_in_order_and_whole() {
        let (mut echo, asker) = (Echo::on([127, 0, 0, 1]), asker());
        for number in 0..BATCH + 8 {
            asker.send_to(&vec![number as u8; 1 + number * 30], echo.at(1)).unwrap();
        }
        assert_eq!(echo.echo(BATCH + 8), 2, "what had arrived was not taken in at once");
        let mut answer = [0; 2048];
        for number in 0..BATCH + 8 {
            let (len, from) = asker.recv_from(&mut answer).unwrap();
            assert_eq!((from, &answer[..len]), (echo.at(1), vec![number as u8; 1 + number * 30].as_slice()));
        }
    }

    #[test]
    fn rfc2181_the_answer_leaves_from_the_address_that_was_asked() {
        let (mut echo, asker) = (Echo::on([0; 4]), asker());
        // The later rounds find the control messages as the first has left them.
        for _ in 0..3 {
            for last in [2, 3, 3, 2] {
                asker.send_to(b"?", echo.at(last)).unwrap();
            }
            echo.echo(4);
            for last in [2, 3, 3, 2] {
                assert_eq!(asker.recv_from(&mut [0; 8]).unwrap(), (1, echo.at(last)));
            }
        }
    }

    #[test]
    fn rfc2181_so_does_one_that_comes_late() {
        let (mut echo, asker) = (Echo::on([0; 4]), asker());
        asker.send_to(b"?", echo.at(9)).unwrap();
        echo.incoming.receive(&echo.socket).unwrap();
        let (_, route) = echo.incoming.datagrams().next().unwrap();
        echo.socket.send(route, b"!").unwrap();
        assert_eq!(asker.recv_from(&mut [0; 8]).unwrap(), (1, echo.at(9)));
    }

    #[test]
    fn d2_a_datagram_that_pretends_to_come_from_our_own_port_is_known() {
        let all = SocketAddr::from(([0, 0, 0, 0], 53));
        let one = SocketAddr::from(([192, 168, 1, 1], 53));
        for (asker, asked, bound_to, ours) in [
            ("192.168.1.1:53", None, one, true),
            ("192.168.1.1:54", None, one, false),
            ("192.168.1.2:53", None, one, false),
            ("192.168.1.1:53", Some([192, 168, 1, 1]), all, true),
            ("192.168.1.2:53", Some([192, 168, 1, 1]), all, false),
        ] {
            let route = Route { asker: asker.parse().unwrap(), asked: asked.map(IpAddr::from) };
            assert_eq!(route.is_from(bound_to), ours, "{asker}");
        }
    }

    #[test]
    fn whoever_waits_is_woken_by_the_stop() {
        let socket = Echo::on([127, 0, 0, 1]).socket;
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Incoming::new(&socket).unwrap().receive(&socket));
            socket.stop_receiving();
            waiting.join().unwrap().unwrap();
        });
    }
}
