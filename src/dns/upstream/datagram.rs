//! One question over UDP, and the wait for its answer.
//!
//! Not hickory's: there, a datagram with the right ID that cannot be read ends the wait, so that whoever can send one
//! decides the outcome. Here nothing but an answer that matches ends it (RFC 5452 §9.1).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType};
use tokio::net::UdpSocket;

use crate::dns::wire::Reader;

/// Responses from the right place that do not match, after which somebody is guessing: the question goes over TCP.
const MOST_MISMATCHES: usize = 16;
/// Free ports that are tried before the system may choose.
const PORT_TRIES: usize = 8;

/// Why there is no answer over UDP.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Too many responses did not match: they may be forged.
    #[error("{MOST_MISMATCHES} responses did not match the question")]
    Guessed,
}

/// Sends `query` to `server` from a port of its own, and waits for the response that matches. The caller bounds the wait.
pub(super) async fn exchange(server: SocketAddr, query: &Message) -> Result<Message, NoAnswer> {
    let packet = query.to_vec().map_err(|error| io::Error::other(error.to_string()))?;
    let socket = socket(server).await?;
    // Connected: the kernel lets nobody else through, and tells when nobody listens there.
    socket.connect(server).await?;
    socket.send(&packet).await?;
    let mut datagram = vec![0; 4096];
    for _ in 0..MOST_MISMATCHES {
        let len = socket.recv(&mut datagram).await?;
        if let Some(response) = matching(query, &packet, &datagram[..len]) {
            return Ok(response);
        }
    }
    Err(NoAnswer::Guessed)
}

/// The response, if it is one to this very query: ID, QR, and the whole question.
fn matching(query: &Message, packet: &[u8], datagram: &[u8]) -> Option<Message> {
    let (mut asked, mut told) = (Reader::new(packet), Reader::new(datagram));
    let (question, answer) = (asked.header()?, told.header()?);
    if answer.id != question.id || !answer.is_response() || answer.opcode() != 0 {
        return None;
    }
    // An error may come without the question: the forwarder could not read it (RFC 8906 §3.1.1).
    const FORMERR_OR_NOTIMP: [u16; 2] = [1, 4];
    if answer.questions == 0 && FORMERR_OR_NOTIMP.contains(&(answer.flags & 0xf)) {
        return Message::from_vec(datagram).ok();
    }
    let (question, answered) = (asked.question()?, told.question()?);
    let same = question.name.eq_ignore_ascii_case(answered.name)
        && question.qtype == answered.qtype
        && question.qclass == answered.qclass
        && answer.questions == 1;
    let response = Message::from_vec(datagram).ok().filter(|_| same)?;
    (response.metadata.message_type == MessageType::Response && response.id == query.id).then_some(response)
}

/// A socket on a port that cannot be guessed: one of all that are not reserved, and not only of the kernel's range
/// (RFC 5452 §9.2).
async fn socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    for _ in 0..PORT_TRIES {
        let mut random = [0; 2];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let port = u16::from_ne_bytes(random);
        if port >= 1024
            && let Ok(socket) = UdpSocket::bind(SocketAddr::new(any, port)).await
        {
            return Ok(socket);
        }
    }
    UdpSocket::bind(SocketAddr::new(any, 0)).await
}
