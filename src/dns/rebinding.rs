//! Answers from outside that lead into the house are not given.
//!
//! A page from the internet may load what its own name points to. When that name is first an address outside and then
//! one inside (DNS rebinding), the page talks to the router, the printer and this machine as if it sat in the house.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::answer::Answer;
use super::query::Query;
use super::reply::Reply;
use super::wire::ExtendedError;
use crate::local::{Local, REBINDING};
use crate::policy::{Judgement, Verdict};

/// Where an answer leads: the worst of its addresses, hints included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leads {
    /// Out of the house, or nowhere that is an address.
    Outside,
    /// To 0.0.0.0 or `::`, by which a forwarder mutes a name.
    Nowhere,
    /// To this machine, or to another in the house.
    Inside,
}

/// What becomes of an answer from outside that does not lead outside.
pub(crate) enum Shielded {
    /// The forwarder muted the name. Linux takes 0.0.0.0 for this machine, so the null address goes no further; what the
    /// asker gets is as empty, and the journal does not count it as ours.
    Elsewhere(Reply),
    /// It is held back, and that is our doing.
    Here(Reply),
}

/// What is said in place of `answer`; none where it may be given as it is. An own rule that allows the name lifts this,
/// an exception of a list does not: lists come from outside, too.
pub(crate) fn shield(
    answer: &Answer,
    query: &Query,
    judgement: &Judgement,
    local: &Local,
    ttl: u32,
) -> Option<Shielded> {
    if answer.leads == Leads::Outside || local.rebinding.permits(query.name.as_ref()) {
        return None;
    }
    if judgement.verdict == Verdict::Allow && judgement.is_own() {
        return None;
    }
    let withheld = |code, text| Reply::withheld(ttl, ExtendedError::new(code, text)).keeping(answer.error.as_ref());
    Some(match answer.leads {
        Leads::Nowhere => Shielded::Elsewhere(withheld(ExtendedError::FILTERED, "forwarder")),
        _ => Shielded::Here(withheld(ExtendedError::BLOCKED, REBINDING)),
    })
}

impl Leads {
    /// Where the worst of `addresses` leads.
    pub(crate) fn of(addresses: &[IpAddr]) -> Self {
        addresses.iter().map(|&address| Self::to(address)).max().unwrap_or(Self::Outside)
    }

    fn to(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::to_ipv4(address),
            IpAddr::V6(address) => Self::to_ipv6(address),
        }
    }

    fn to_ipv4(address: Ipv4Addr) -> Self {
        let [a, b, c, d] = address.octets();
        let inside = match a {
            0 if address.is_unspecified() => return Self::Nowhere,
            // This network (RFC 1122 §3.2.1.3), RFC 1918, and loopback.
            0 | 10 | 127 => true,
            // Shared address space of providers (RFC 6598): routers of the house have addresses there.
            100 => (64..=127).contains(&b),
            169 => b == 254,
            172 => (16..=31).contains(&b),
            // 192.0.0.0/29 is DS-Lite's (RFC 6333 §5.7). The rest of 192.0.0.0/24 has ipv4only.arpa in it (RFC 7050).
            192 => b == 168 || (b == 0 && c == 0 && d < 8),
            255 => address.is_broadcast(),
            _ => false,
        };
        if inside { Self::Inside } else { Self::Outside }
    }

    fn to_ipv6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        let embedded = |high: u16, low: u16| Self::to_ipv4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
        match segments {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Nowhere,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Inside,
            // IPv4 mapped and, obsolete but still routed by some, compatible (RFC 4291 §2.5.5).
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => embedded(high, low),
            // NAT64: the well-known prefix (RFC 6052 §2.1), and the local one (RFC 8215) as /96 and as /48.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
            [0x64, 0xff9b, 1, high, middle, next, last_high, last_low] => {
                // RFC 6052 §2.2: around octet 8, which is zero.
                let at_48 = embedded(high, middle << 8 | next >> 8);
                at_48.max(embedded(last_high, last_low))
            }
            // 6to4 (RFC 3056 §2).
            [0x2002, high, low, ..] => embedded(high, low),
            // Link-local, the former site-local (RFC 3879), and unique local addresses.
            [0xfe80..=0xfeff | 0xfc00..=0xfdff, ..] => Self::Inside,
            _ => Self::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(text: &str) -> Leads {
        Leads::of(&[text.parse().unwrap()])
    }

    #[test]
    fn every_form_of_an_address_inside_is_known() {
        for text in [
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.0.1",
            "192.168.255.1",
            "127.0.0.1",
            "127.8.9.1",
            "169.254.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "0.1.2.3",
            "192.0.0.1",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "fdff::1",
            "::ffff:192.168.1.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::192.168.1.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::192.168.1.1",
            "64:ff9b:1:c0a8:1:100::",
            "2002:c0a8:101::1",
            "2002:7f00:1::",
        ] {
            assert_eq!(leads(text), Leads::Inside, "{text}");
        }
        for text in ["0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::"] {
            assert_eq!(leads(text), Leads::Nowhere, "{text}");
        }
    }

    #[test]
    fn their_neighbours_are_outside() {
        for text in [
            "9.255.255.255",
            "11.0.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.255.255",
            "192.169.0.1",
            "128.0.0.1",
            "126.255.255.255",
            "169.253.1.1",
            "169.255.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "192.0.0.170",
            "192.0.0.171",
            "192.0.2.1",
            "1.1.1.1",
            "2001:db8::1",
            "2606:4700::1111",
            "fbff::1",
            "fe00::1",
            "ff02::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(leads(text), Leads::Outside, "{text}");
        }
        assert_eq!(Leads::of(&[]), Leads::Outside);
    }

    #[test]
    fn the_worst_address_counts() {
        let all = ["192.0.2.1", "0.0.0.0", "192.168.1.1"].map(|text| text.parse().unwrap());
        assert_eq!((Leads::of(&all[..2]), Leads::of(&all)), (Leads::Nowhere, Leads::Inside));
    }
}
