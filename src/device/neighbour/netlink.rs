//! The kernel's words for neighbours: netlink(7), rtnetlink(7), and `struct ndmsg` of linux/neighbour.h.
//!
//! One message of the dozens that routing netlink has is all that sordino reads, so it is read here. What the kernel
//! writes is still taken apart as if a stranger had: a length that lies ends a message and harms nothing.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, send, socket,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::policy::MacAddr;

/// Octets that are received at once. The kernel puts no more than 32 KiB of a table into one datagram.
const DATAGRAM: usize = 32 * 1024;
/// `struct nlmsghdr`: length, type, flags, sequence, port.
const HEADER: usize = 16;
/// `struct ndmsg`: family, padding, interface, state, flags, kind.
const ABOUT: usize = 12;
/// `struct rtattr`: length, type.
const ATTRIBUTE: usize = 4;

/// A socket on which the kernel tells of neighbours.
pub(super) struct Netlink {
    /// Not of UDP, but a socket of datagrams: tokio has no safe way to wait for any but its own kinds.
    socket: UdpSocket,
    buffer: Vec<u8>,
}

/// What the kernel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// This address is used by that device.
    Neighbour(Neighbour),
    /// The table that was asked for has been told.
    Whole,
    /// Something was not told, or has changed meanwhile: the table has to be asked for again.
    Missed,
    /// The table is not told, for this reason.
    Refused(Errno),
}

/// An address, and who the kernel saw using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub(super) address: IpAddr,
    pub(super) mac: MacAddr,
    /// Whether it answered a moment ago, and is not only remembered.
    pub(super) is_there: bool,
}

impl Netlink {
    /// Opens a socket that hears of every change, or (with `changes` false) only what is asked for. An error is the
    /// kernel's: one without netlink, or a sandbox that keeps it away.
    pub(super) fn open(changes: bool) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        let groups = if changes { libc::RTMGRP_NEIGH as u32 } else { 0 };
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        Ok(Self { socket: UdpSocket::from_std(socket.into())?, buffer: vec![0; DATAGRAM] })
    }

    /// Asks for the whole table. It comes in between what is told anyway, and ends with [`Told::Whole`].
    pub(super) async fn ask(&self) -> io::Result<()> {
        let mut request = Vec::with_capacity(HEADER + ABOUT);
        request.extend(((HEADER + ABOUT) as u32).to_ne_bytes());
        request.extend(libc::RTM_GETNEIGH.to_ne_bytes());
        request.extend(((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
        // No sequence number and no port, and every family of addresses.
        request.resize(HEADER + ABOUT, 0);
        let sending = || Ok(send(self.socket.as_raw_fd(), &request, MsgFlags::empty())?);
        self.socket.async_io(Interest::WRITABLE, sending).await.map(|_| ())
    }

    /// Waits for a datagram of the kernel's and gives what it tells. May be given up at any time without a loss.
    pub(super) async fn told(&mut self) -> io::Result<Vec<Told>> {
        let buffer = &mut self.buffer;
        let receiving = || match recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), buffer) {
            // Any process may write to a socket of netlink; only the kernel does so from port 0.
            Ok((length, Some(kernel))) if kernel.pid() == 0 => Ok(read(&buffer[..length])),
            Ok(_) => Ok(Vec::new()),
            // There was more than the socket could hold.
            Err(Errno::ENOBUFS) => Ok(vec![Told::Missed]),
            Err(error) => Err(error.into()),
        };
        self.socket.async_io(Interest::READABLE, receiving).await
    }
}

/// What the messages of `datagram` tell.
fn read(mut datagram: &[u8]) -> Vec<Told> {
    let mut told = Vec::new();
    while let Some((length, kind, flags)) = header(datagram) {
        let content = &datagram[HEADER..length];
        if flags & libc::NLM_F_DUMP_INTR as u16 != 0 {
            told.push(Told::Missed);
        }
        match i32::from(kind) {
            libc::NLMSG_DONE => told.push(Told::Whole),
            libc::NLMSG_OVERRUN => told.push(Told::Missed),
            libc::NLMSG_ERROR => told.extend(refusal(content)),
            kind if kind == i32::from(libc::RTM_NEWNEIGH) => told.extend(neighbour(content).map(Told::Neighbour)),
            _ => {}
        }
        datagram = datagram.get(aligned(length)..).unwrap_or_default();
    }
    told
}

/// Length with the header, type and flags of the first message, if it is there as a whole.
fn header(datagram: &[u8]) -> Option<(usize, u16, u16)> {
    let length = u32::from_ne_bytes(octets(datagram, 0)?) as usize;
    let (kind, flags) = (u16::from_ne_bytes(octets(datagram, 4)?), u16::from_ne_bytes(octets(datagram, 6)?));
    (HEADER..=datagram.len()).contains(&length).then_some((length, kind, flags))
}

/// Why the kernel does not tell; nothing where it only confirms. A table that is being told already needs no reason.
fn refusal(content: &[u8]) -> Option<Told> {
    let errno = Errno::from_raw(i32::from_ne_bytes(octets(content, 0)?).checked_neg()?);
    (errno != Errno::UnknownErrno && errno != Errno::EBUSY).then_some(Told::Refused(errno))
}

/// The address and the MAC in a message, if the kernel vouches for the pair.
fn neighbour(content: &[u8]) -> Option<Neighbour> {
    const VOUCHED_FOR: u16 =
        libc::NUD_REACHABLE | libc::NUD_STALE | libc::NUD_DELAY | libc::NUD_PROBE | libc::NUD_PERMANENT;
    let family = i32::from(*content.first()?);
    let state = u16::from_ne_bytes(octets(content, 8)?);
    let mut attributes = content.get(ABOUT..)?;
    let (mut address, mut mac) = (None, None);
    while let Some(length) = octets(attributes, 0).map(u16::from_ne_bytes).map(usize::from) {
        let Some(value) = attributes.get(ATTRIBUTE..length) else { break };
        match u16::from_ne_bytes(octets(attributes, 2)?) {
            libc::NDA_DST => address = ip(family, value),
            libc::NDA_LLADDR => mac = value.try_into().ok().map(MacAddr),
            _ => {}
        }
        attributes = attributes.get(aligned(length)..).unwrap_or_default();
    }
    let (address, mac) = (address?, mac?);
    // The low bit of the first octet marks a group and not a device (IEEE 802-2014 §8.2.2); all zeros stand for none.
    let is_device = mac.0[0] & 1 == 0 && mac.0 != [0; 6] && !address.is_multicast() && !address.is_unspecified();
    (is_device && state & VOUCHED_FOR != 0).then_some(Neighbour {
        address,
        mac,
        is_there: state == libc::NUD_REACHABLE,
    })
}

fn ip(family: i32, value: &[u8]) -> Option<IpAddr> {
    match family {
        libc::AF_INET => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        libc::AF_INET6 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

fn octets<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..at + N)?.try_into().ok()
}

/// Messages and attributes begin at multiples of four (`NLMSG_ALIGN`, `RTA_ALIGN`).
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PHONE: [u8; 6] = [0x3c, 0x5a, 0xb4, 1, 2, 3];

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut octets = [((ATTRIBUTE + value.len()) as u16).to_ne_bytes(), kind.to_ne_bytes()].concat();
        octets.extend(value);
        octets.resize(aligned(octets.len()), 0);
        octets
    }

    fn about(family: i32, state: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut content = vec![0; ABOUT];
        content[0] = family as u8;
        content[8..10].copy_from_slice(&state.to_ne_bytes());
        content.extend(attributes.concat());
        content
    }

    fn message(kind: u16, flags: u16, content: &[u8]) -> Vec<u8> {
        let mut octets = ((HEADER + content.len()) as u32).to_ne_bytes().to_vec();
        octets.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
        octets.resize(HEADER, 0);
        octets.extend(content);
        octets
    }

    fn seen(state: u16, address: &str, mac: &[u8]) -> Vec<u8> {
        let (family, destination) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (libc::AF_INET, v4.octets().to_vec()),
            IpAddr::V6(v6) => (libc::AF_INET6, v6.octets().to_vec()),
        };
        // The third is one that sordino does not read (`NDA_CACHEINFO`), of a length that is no multiple of four.
        let attributes =
            [attribute(3, &[7; 5]), attribute(libc::NDA_DST, &destination), attribute(libc::NDA_LLADDR, mac)];
        message(libc::RTM_NEWNEIGH, 0, &about(family, state, &attributes))
    }

    #[test]
    fn only_pairs_that_the_kernel_vouches_for_count() {
        let pair = |address: &str| Some((address.parse().unwrap(), MacAddr(PHONE)));
        for (state, address, mac, expected) in [
            (libc::NUD_REACHABLE, "192.0.2.7", &PHONE[..], pair("192.0.2.7")),
            (libc::NUD_STALE, "2001:db8::7", &PHONE, pair("2001:db8::7")),
            (libc::NUD_PERMANENT, "192.0.2.7", &PHONE, pair("192.0.2.7")),
            (libc::NUD_FAILED, "192.0.2.7", &PHONE, None),
            (libc::NUD_INCOMPLETE, "192.0.2.7", &PHONE, None),
            (libc::NUD_NOARP, "192.0.2.7", &PHONE, None),
            (libc::NUD_STALE, "ff02::1", &PHONE, None),
            (libc::NUD_STALE, "0.0.0.0", &PHONE, None),
            (libc::NUD_STALE, "192.0.2.7", &[0; 6], None),
            (libc::NUD_STALE, "192.0.2.7", &[1, 0, 0x5e, 0, 0, 1], None),
            (libc::NUD_STALE, "192.0.2.7", &[1, 2, 3, 4], None),
        ] {
            let told = read(&seen(state, address, mac));
            let found = told.iter().map(|told| match told {
                Told::Neighbour(seen) => (seen.address, seen.mac, seen.is_there),
                other => panic!("{other:?}"),
            });
            let is_there = state == libc::NUD_REACHABLE;
            let expected = expected.map(|(address, mac)| (address, mac, is_there));
            assert!(found.eq(expected), "{state:#x} {address} {mac:?}: {told:?}");
        }
    }

    #[test]
    fn a_datagram_of_many_messages_is_read_to_its_end() {
        let kind = |kind: i32| u16::try_from(kind).unwrap();
        let error = |errno: i32| message(kind(libc::NLMSG_ERROR), 0, &errno.to_ne_bytes());
        let datagram = [
            seen(libc::NUD_STALE, "192.0.2.7", &PHONE),
            message(libc::RTM_DELNEIGH, 0, &[0; ABOUT]),
            seen(libc::NUD_REACHABLE, "192.0.2.8", &PHONE),
            error(0),
            error(-libc::EBUSY),
            error(-libc::EPERM),
            message(kind(libc::NLMSG_DONE), kind(libc::NLM_F_DUMP_INTR), &[0; 4]),
        ]
        .concat();
        let of = |last: u8, is_there| {
            Told::Neighbour(Neighbour { address: [192, 0, 2, last].into(), mac: MacAddr(PHONE), is_there })
        };
        let expected = [of(7, false), of(8, true), Told::Refused(Errno::EPERM), Told::Missed, Told::Whole];
        assert_eq!(read(&datagram), expected);
    }

    proptest! {
        #[test]
        fn no_octets_do_harm(
            noise in prop::collection::vec(any::<u8>(), 0..200),
            at in 0..100_usize,
            cut in 0..100_usize,
        ) {
            read(&noise);
            let mut lying = [seen(libc::NUD_STALE, "192.0.2.7", &PHONE), noise].concat();
            lying.truncate(lying.len().saturating_sub(cut));
            if let Some(octet) = lying.get_mut(at) {
                *octet ^= 0xff;
            }
            read(&lying);
        }
    }

    #[tokio::test]
    async fn the_kernel_tells_its_table_to_the_end() {
        let Ok(mut netlink) = Netlink::open(false) else {
            eprintln!("skipped: this kernel has no netlink");
            return;
        };
        netlink.ask().await.unwrap();
        loop {
            let told = netlink.told().await.unwrap();
            assert!(!told.iter().any(|told| matches!(told, Told::Refused(_))), "{told:?}");
            if told.contains(&Told::Whole) {
                return;
            }
        }
    }
}
