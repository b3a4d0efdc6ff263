//! Whether sordino answers, as anybody would find out: by asking it. The watchdog of the service and `sordino health` do.
//!
//! The question takes the way of every question, through the socket, the policy's neighbours and back, but leaves no event: a
//! journal must not fill with what sordino asks itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use super::access::AllowFrom;
use super::options::Options;
use super::wire::{HEADER_LEN, rr_type};
use crate::policy::NameRef;

/// `alive.localhost`: RFC 6761 §6.3 keeps it in every house.
const NAME: &[u8] = b"\x05alive\x09localhost\x00";

/// Whether nobody but a pulse asks for this name.
pub(crate) fn is_pulse(name: NameRef<'_>) -> bool {
    name.wire() == NAME
}

/// Where this machine can ask a sordino that serves with `options` and listens on `listen`: the first address on which it is
/// admitted; none if this machine may not ask at all.
pub fn own_door(options: &Options, listen: &[SocketAddr]) -> Option<SocketAddr> {
    let admitted = AllowFrom::parse(&options.allow_from).ok()?;
    let doors = listen.iter().map(|address| {
        let ip = match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, address.port())
    });
    // Whoever asks one of its own addresses asks from the same.
    doors.into_iter().find(|door| admitted.admits(door.ip()))
}

/// Asks `door` for a name of its own, and waits for the answer for `patience` at most.
///
/// # Errors
/// When it cannot be asked, does not answer in time, or answers something else.
pub async fn pulse(door: SocketAddr, patience: Duration) -> io::Result<()> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let from: IpAddr = if door.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((from, 0)).await?;
    socket.connect(door).await?;
    // RD, one question: an A record of class IN.
    let mut query = [&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], NAME].concat();
    query.extend(rr_type::A.to_be_bytes());
    query.extend([0, 1]);
    socket.send(&query).await?;
    let mut answer = [0; 512];
    let answered = tokio::time::timeout(patience, socket.recv(&mut answer)).await;
    let len = answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // Our question, answered without an error.
    let fits = len > HEADER_LEN && answer[..2] == id && answer[2] & 0x80 != 0 && answer[3] & 0xf == 0;
    if fits { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidData)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Name;

    #[test]
    fn the_name_is_what_it_says() {
        assert_eq!(Name::from_wire(NAME).unwrap().to_string(), "alive.localhost");
        assert!(is_pulse(Name::parse("alive.localhost").unwrap().as_ref()));
        assert!(!is_pulse(Name::parse("localhost").unwrap().as_ref()));
    }
}
