//! Which interfaces lead into the house, and the sockets on them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use crate::device::covers;

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// Interfaces that are listened on. A router with more networks than this has someone who looks after them.
const LINKS_BOUND: usize = 32;

/// An interface.
#[derive(Debug, Default)]
struct Link {
    /// Addresses of this machine on it, each with the length of its prefix.
    networks: Vec<(IpAddr, u8)>,
}

/// The interfaces that lead into the house, by their index.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<u32, Link>);

impl Links {
    /// Whether `sender` is another machine on one of the links (RFC 6762 §11).
    pub(super) fn lead_to(&self, sender: IpAddr) -> bool {
        let sender = sender.to_canonical();
        let networks = || self.0.values().flat_map(|link| &link.networks);
        let is_own = networks().any(|(own, _)| *own == sender);
        let is_local = matches!(sender, IpAddr::V6(address) if address.is_unicast_link_local());
        !is_own && (is_local || networks().any(|&(own, length)| covers(own, length, sender)))
    }

    /// Looks at the interfaces anew, and joins the group on those that have come up. Says whether there are any.
    pub(super) fn look_around(&mut self, v4: Option<&UdpSocket>, v6: Option<&UdpSocket>) -> bool {
        // What cannot be told now stays as it was.
        let Ok(found) = of_the_house() else { return false };
        let mut is_more = false;
        for index in found.keys().filter(|index| !self.0.contains_key(index)) {
            is_more = true;
            // An interface that was joined before and went away in between says so; others are silent links.
            if let Some(socket) = v4 {
                let _ = SockRef::from(socket).join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(*index));
            }
            if let Some(socket) = v6 {
                let _ = SockRef::from(socket).join_multicast_v6(&GROUP_V6, *index);
            }
        }
        self.0 = found;
        is_more
    }

    /// Sends `message` to the group on every link. What cannot be sent is not: it is asked again later.
    pub(super) async fn tell_everyone(&self, v4: Option<&UdpSocket>, v6: Option<&UdpSocket>, message: &[u8]) {
        for (index, link) in &self.0 {
            let own = link.networks.iter().find_map(|(own, _)| match own {
                IpAddr::V4(own) => Some(*own),
                IpAddr::V6(_) => None,
            });
            if let (Some(socket), Some(own)) = (v4, own)
                && SockRef::from(socket).set_multicast_if_v4(&own).is_ok()
            {
                let _ = socket.send_to(message, SocketAddr::from((GROUP_V4, PORT))).await;
            }
            if let Some(socket) = v6
                && SockRef::from(socket).set_multicast_if_v6(*index).is_ok()
            {
                let _ = socket.send_to(message, SocketAddr::from((GROUP_V6, PORT))).await;
            }
        }
    }
}

/// The interfaces that are up, have neighbours, and are not the internet: none that has a public IPv4 address, or none that
/// is private.
fn of_the_house() -> io::Result<BTreeMap<u32, Link>> {
    let wanted = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
    let unwanted = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT;
    let mut links: BTreeMap<u32, Link> = BTreeMap::new();
    for interface in getifaddrs()? {
        let flags = interface.flags;
        let Some(own) = interface.address.as_ref().and_then(ip) else { continue };
        if !flags.contains(wanted) || flags.intersects(unwanted) {
            continue;
        }
        let Ok(index) = if_nametoindex(interface.interface_name.as_str()) else { continue };
        let length = interface.netmask.as_ref().and_then(ip).map_or(u8::MAX, ones);
        links.entry(index).or_default().networks.push((own, length));
    }
    links.retain(|_, link| is_of_the_house(&link.networks));
    Ok(links.into_iter().take(LINKS_BOUND).collect())
}

fn is_of_the_house(networks: &[(IpAddr, u8)]) -> bool {
    let mut is_private = false;
    for (own, _) in networks {
        match own {
            IpAddr::V4(own) if own.is_private() || own.is_link_local() => is_private = true,
            IpAddr::V4(_) => return false,
            IpAddr::V6(own) => is_private |= own.is_unique_local(),
        }
    }
    is_private
}

fn ip(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

/// How many bits of a network mask are set.
fn ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    };
    ones as u8
}

/// The port is shared with whoever else on this machine listens to multicast DNS (RFC 6762 §15.1).
pub(super) fn socket_v4() -> io::Result<UdpSocket> {
    let socket = shared(Domain::IPV4)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_ttl_v4(255)?;
    bound(socket, (Ipv4Addr::UNSPECIFIED, PORT).into())
}

pub(super) fn socket_v6() -> io::Result<UdpSocket> {
    let socket = shared(Domain::IPV6)?;
    socket.set_only_v6(true)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_hops_v6(255)?;
    bound(socket, (Ipv6Addr::UNSPECIFIED, PORT).into())
}

fn shared(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn bound(socket: Socket, address: SocketAddr) -> io::Result<UdpSocket> {
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<(IpAddr, u8)> {
        let network = |text: &&str| {
            let (address, length) = text.split_once('/').unwrap();
            (address.parse().unwrap(), length.parse().unwrap())
        };
        texts.iter().map(network).collect()
    }

    #[test]
    fn rfc6762_11_only_others_on_the_link_are_believed() {
        let link = Link { networks: networks(&["192.168.1.2/24", "fd00::2/64", "fe80::2/64"]) };
        let links = Links(BTreeMap::from([(2, link)]));
        for (sender, believed) in [
            ("192.168.1.7", true),
            ("192.168.1.2", false),
            ("192.168.2.7", false),
            ("203.0.113.7", false),
            ("fd00::7", true),
            ("fe80::7", true),
            ("fe80::2", false),
            ("2001:db8::7", false),
        ] {
            assert_eq!(links.lead_to(sender.parse().unwrap()), believed, "{sender}");
        }
    }

    #[test]
    fn the_way_to_the_internet_is_not_of_the_house() {
        for (texts, house) in [
            (&["192.168.1.2/24", "fe80::2/64", "2001:db8::2/64"][..], true),
            (&["fd00::2/64"], true),
            (&["203.0.113.7/24", "fe80::2/64"], false),
            (&["fe80::2/64", "2001:db8::2/64"], false),
        ] {
            assert_eq!(is_of_the_house(&networks(texts)), house, "{texts:?}");
        }
    }
}
