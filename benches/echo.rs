//! A bare UDP echo to measure against: the calls of sordino's receive loop (poll, a batch in by recvmmsg, each response
//! out by sendmsg), with nothing in between but setting QR. A socket and a thread for each core, as there.
//!
//! Usage: echo ADDRESS

use std::io::{self, IoSliceMut, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Socket, Type};

const LONGEST_DATAGRAM: usize = 65_535;
/// The third octet of a DNS header holds QR in its highest bit.
const QR: u8 = 0x80;

fn main() -> io::Result<()> {
    let address: SocketAddr = std::env::args().nth(1).and_then(|text| text.parse().ok()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "give an address to listen on, such as 127.0.0.1:5301")
    })?;
    let cores = thread::available_parallelism()?.get();
    let sockets: Vec<UdpSocket> = (0..cores).map(|_| bind(address)).collect::<io::Result<_>>()?;
    writeln!(io::stdout(), "ready")?;
    let threads: Vec<_> = sockets.into_iter().map(|socket| thread::spawn(move || echo(&socket))).collect();
    for thread in threads {
        thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
    }
    Ok(())
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn echo(socket: &UdpSocket) -> io::Result<()> {
    let state = UdpSocketState::new(UdpSockRef::from(socket))?;
    let mut datagrams = vec![0; LONGEST_DATAGRAM * BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    loop {
        poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
        let mut slices: Vec<_> = datagrams.chunks_mut(LONGEST_DATAGRAM).map(IoSliceMut::new).collect();
        let received = match state.recv(UdpSockRef::from(socket), &mut slices, &mut metas) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            received => received?,
        };
        for (datagram, meta) in datagrams.chunks_mut(LONGEST_DATAGRAM).zip(&metas[..received]) {
            for contents in datagram[..meta.len].chunks_mut(meta.stride.max(1)) {
                if let Some(flags) = contents.get_mut(2) {
                    *flags |= QR;
                }
                let (destination, src_ip) = (meta.addr, meta.dst_ip);
                let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip };
                // A full buffer is counted by dnsperf, as lost.
                let _ = state.try_send(UdpSockRef::from(socket), &transmit);
            }
        }
    }
}
