//! A bare UDP echo to measure against: receive, set QR, send back. A socket and a thread for each core, as sordino has
//! them, and nothing cleverer than what the standard library offers.
//!
//! Usage: echo ADDRESS

use std::io::{self, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::thread;

use socket2::{Domain, Socket, Type};

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
    let mut datagram = [0; 4096];
    loop {
        let (len, asker) = socket.recv_from(&mut datagram)?;
        datagram[2] |= QR;
        // A full buffer is counted by dnsperf, as lost.
        let _ = socket.send_to(&datagram[..len], asker);
    }
}
