//! Where people find the page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::certificate;

/// The address to tell people for a page that listens on `bound`. One that listens everywhere is found at the address
/// with which this machine speaks to others; what no interface tells stays as it is written.
pub(super) fn told(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let found = best(&certificate::reached_at(bound.ip()), outward(bound.ip()));
    found.map_or(bound, |address| SocketAddr::new(address, bound.port()))
}

/// A router's way out is no way in for the house, so a private address goes before a public one; among private ones those
/// of bridges for containers come after the one that leads outward.
fn best(own: &[IpAddr], outward: Option<IpAddr>) -> Option<IpAddr> {
    let is_inner = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    };
    let outward = outward.filter(|address| own.contains(address));
    let inner = own.iter().copied().find(is_inner);
    outward.filter(is_inner).or(inner).or(outward).or_else(|| own.first().copied())
}

/// From which of its addresses this machine would write to the internet. Nothing is sent: a UDP socket that is connected
/// has only asked the kernel for the route. The addresses are those of documentation (RFC 5737, RFC 3849).
fn outward(like: IpAddr) -> Option<IpAddr> {
    let far = if like.is_ipv4() {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))
    };
    let socket = UdpSocket::bind((like, 0)).ok()?;
    socket.connect((far, 53)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_the_house_can_use_is_told() {
        let [bridge, home, public] = ["10.88.0.1", "192.168.1.2", "203.0.113.7"].map(|text| text.parse().unwrap());
        for (own, outward, told) in [
            (vec![bridge, home], Some(home), Some(home)),
            (vec![home, public], Some(public), Some(home)),
            (vec![bridge, home], None, Some(bridge)),
            (vec![public], Some(public), Some(public)),
            (vec![public], None, Some(public)),
            (vec![home], Some(bridge), Some(home)),
            (vec![], Some(home), None),
        ] {
            assert_eq!(best(&own, outward), told, "{own:?} {outward:?}");
        }
    }

    #[test]
    fn an_address_that_was_chosen_is_told_as_it_is() {
        for text in ["127.0.0.1:8053", "[::1]:8053", "192.168.1.2:80"] {
            let bound: SocketAddr = text.parse().unwrap();
            assert_eq!(told(bound), bound);
        }
    }
}
