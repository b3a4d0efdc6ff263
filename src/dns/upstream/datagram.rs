//! One question over UDP, and the wait for its answer.
//!
//! Not hickory's: there, a datagram with the right ID that cannot be read ends the wait, so that whoever can send one
//! decides the outcome. Here nothing but an answer that matches ends it (RFC 5452 §9.1).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use hickory_proto::op::Message;
use tokio::net::UdpSocket;

use crate::dns::response;
use crate::dns::wire::{HEADER_LEN, Reader};

/// Responses from the right place that do not match, after which somebody is guessing: the question goes over TCP.
const MOST_MISMATCHES: usize = 16;
/// Free ports that are tried before the system may choose.
const PORT_TRIES: usize = 8;

/// How QNAME is spelled on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// Each letter in a case of its own (draft-vixie-dnsext-dns0x20): whoever forges an answer must guess that as well.
    Random,
}

/// Why there is no answer over UDP.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Too many responses did not match: they may be forged.
    #[error("{MOST_MISMATCHES} responses did not match the question")]
    Guessed,
    /// All matched but the case of QNAME.
    #[error("the response does not keep the case of the question")]
    Folded,
}

/// Sends `query` to `server` from a port of its own, and waits for the response that matches; others are counted in
/// `mismatches`. The caller bounds the wait.
pub(super) async fn exchange(
    server: SocketAddr,
    query: &Message,
    spelling: Spelling,
    mismatches: &AtomicU64,
) -> Result<Message, NoAnswer> {
    let plain = query.to_vec().map_err(|error| io::Error::other(error.to_string()))?;
    let mut packet = plain.clone();
    if spelling == Spelling::Random {
        spell_at_random(&mut packet)?;
    }
    let socket = socket(server).await?;
    // Connected: the kernel lets nobody else through, and tells when nobody listens there.
    socket.connect(server).await?;
    socket.send(&packet).await?;
    let mut datagram = vec![0; 4096];
    for _ in 0..MOST_MISMATCHES {
        let len = socket.recv(&mut datagram).await?;
        match matching(query, &packet, &datagram[..len]) {
            Match::Exact => {
                // The case was a password, and nobody further on should see it.
                let question = HEADER_LEN..question_end(&plain).min(len);
                datagram[question.clone()].copy_from_slice(&plain[question]);
                if let Some(response) = response::read(&datagram[..len]) {
                    return Ok(response);
                }
            }
            Match::Bare => {
                if let Some(response) = response::read(&datagram[..len]) {
                    return Ok(response);
                }
            }
            Match::Folded => {
                mismatches.fetch_add(1, Ordering::Relaxed);
                return Err(NoAnswer::Folded);
            }
            Match::No => {}
        }
        mismatches.fetch_add(1, Ordering::Relaxed);
    }
    Err(NoAnswer::Guessed)
}

/// How a datagram fits a query.
enum Match {
    Exact,
    /// An error without a question.
    Bare,
    /// In everything but case.
    Folded,
    No,
}

/// Whether `datagram` is a response to this very `packet`: ID, QR, and the whole question.
fn matching(query: &Message, packet: &[u8], datagram: &[u8]) -> Match {
    let (mut asked, mut told) = (Reader::new(packet), Reader::new(datagram));
    let (Some(_), Some(answer)) = (asked.header(), told.header()) else { return Match::No };
    if answer.id != query.id || !answer.is_response() || answer.opcode() != 0 {
        return Match::No;
    }
    // An error may come without the question: the forwarder could not read it (RFC 8906 §3.1.1).
    const FORMERR_OR_NOTIMP: [u16; 2] = [1, 4];
    if answer.questions == 0 && FORMERR_OR_NOTIMP.contains(&(answer.flags & 0xf)) {
        return Match::Bare;
    }
    let (Some(question), Some(answered)) = (asked.question(), told.question()) else { return Match::No };
    let same = question.name.eq_ignore_ascii_case(answered.name)
        && question.qtype == answered.qtype
        && question.qclass == answered.qclass
        && answer.questions == 1;
    match same {
        true if question.name == answered.name => Match::Exact,
        true => Match::Folded,
        false => Match::No,
    }
}

/// Where the first question ends.
fn question_end(packet: &[u8]) -> usize {
    let mut reader = Reader::new(packet);
    reader.header().and_then(|_| reader.question()).map_or(HEADER_LEN, |_| reader.position())
}

/// Turns each letter of QNAME over with a chance of one half. Length octets are below 64, and no letters.
fn spell_at_random(packet: &mut [u8]) -> io::Result<()> {
    const CASE: u8 = 0x20;
    let end = question_end(packet).saturating_sub(4);
    let mut random = [0; crate::policy::MAX_WIRE_LEN];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let name = packet.get_mut(HEADER_LEN..end).unwrap_or_default();
    for (octet, random) in name.iter_mut().zip(random) {
        if octet.is_ascii_alphabetic() {
            *octet ^= random & CASE;
        }
    }
    Ok(())
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
