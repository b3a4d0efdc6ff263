//! A stub resolver that can also misbehave: raw octets over UDP, pipelined queries over TCP.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::PATIENCE;
use super::wire::Message;

/// Queries over UDP from a port of its own.
pub struct Udp {
    socket: UdpSocket,
}

impl Udp {
    pub fn to(server: SocketAddr) -> Self {
        let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        Self::from(any.parse().unwrap(), server)
    }

    /// From an address of the test's choice; all of 127.0.0.0/8 is ours.
    pub fn from(source: SocketAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(source).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket }
    }

    #[track_caller]
    pub fn ask(&self, query: &Message) -> Message {
        self.send(&query.wire());
        let reply = self.next();
        assert_eq!(reply.id, query.id, "the response carries the query's ID");
        reply
    }

    /// Sends octets as they are. A refused connection is the server's matter, and shows in the next answer.
    pub fn send(&self, packet: &[u8]) {
        match self.socket.send(packet) {
            Ok(sent) => assert_eq!(sent, packet.len()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}"),
        }
    }

    #[track_caller]
    pub fn next(&self) -> Message {
        let packet = self.next_packet(PATIENCE).expect("an answer, but there was silence");
        Message::parse(&packet).unwrap_or_else(|| panic!("a well-formed response, but it was {packet:02x?}"))
    }

    /// The next datagram, none if it does not come in time.
    pub fn next_packet(&self, patience: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_535];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        match self.socket.recv(&mut buffer) {
            Ok(len) => Some(buffer[..len].to_vec()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) => panic!("the server is gone: {error}"),
        }
    }
}

/// Queries over one connection, as many at once as wanted, each with its length in front (RFC 1035 §4.2.2).
pub struct Connected<S> {
    pub stream: S,
}

/// Over TCP without encryption.
pub type Tcp = Connected<TcpStream>;

impl Tcp {
    #[track_caller]
    pub fn to(server: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&server, PATIENCE).expect("a TCP connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Says that no more queries come; answers may still.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

impl<S: Read + Write> Connected<S> {
    #[track_caller]
    pub fn ask(&mut self, query: &Message) -> Message {
        self.send(&query.wire());
        let reply = self.next();
        assert_eq!(reply.id, query.id, "the response carries the query's ID");
        reply
    }

    /// Sends one message, in one write.
    pub fn send(&mut self, message: &[u8]) {
        self.send_raw(&framed(message));
    }

    /// Sends octets as they are.
    pub fn send_raw(&mut self, octets: &[u8]) {
        // The other end may have closed; what matters is what it says next.
        let _ = self.stream.write_all(octets);
    }

    #[track_caller]
    pub fn next(&mut self) -> Message {
        let packet = self.next_packet().expect("an answer, but the connection was closed");
        Message::parse(&packet).unwrap_or_else(|| panic!("a well-formed response, but it was {packet:02x?}"))
    }

    /// The next message; none when the server closes.
    #[track_caller]
    pub fn next_packet(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        self.fill(&mut length)?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut packet)?;
        Some(packet)
    }

    #[track_caller]
    fn fill(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the server neither answers nor closes")
            }
            Err(_) => None,
        }
    }
}

pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}
