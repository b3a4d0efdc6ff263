//! Where a list is fetched from, and which addresses that may lead to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;

use crate::policy::Name;

/// Characters of a URL. Longer ones carry something else than a place.
const URL_CHARS_BOUND: usize = 2_000;

/// A URL that a list may be fetched from: `http` or `https`, a host, no user name and no password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListUrl(Url);

impl ListUrl {
    /// The place that `location`, as a server writes it, means from here.
    pub(super) fn join(&self, location: &str) -> Result<Self, String> {
        let next = self.0.join(location).map_err(|_| "the server sends elsewhere, to what is no URL".to_owned())?;
        let next = Self::checked(next).map_err(|why| format!("the server sends elsewhere, to a URL that {why}"))?;
        // What was asked for in secret is not fetched in the open because a server says so.
        match self.0.scheme() == "https" && next.0.scheme() == "http" {
            true => {
                Err("the server sends from https:// to http://, where anyone on the way could change the list".into())
            }
            false => Ok(next),
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The name of its server; none where the URL has an address in its place.
    pub fn server_name(&self) -> Option<Name> {
        let host = self.host();
        if host.parse::<IpAddr>().is_ok() { None } else { Name::parse(host).ok() }
    }

    /// The port, also where the URL leaves it to its scheme.
    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// Whether both name the same server.
    pub(super) fn is_at_the_server_of(&self, other: &Self) -> bool {
        self.host() == other.host() && self.port() == other.port()
    }

    /// Whether its host is written as an address of the house.
    pub fn names_an_inner_address(&self) -> bool {
        self.host().parse().is_ok_and(|address: IpAddr| reach(address) != Reach::Public) || self.host() == "localhost"
    }

    fn checked(url: Url) -> Result<Self, &'static str> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("begins with neither https:// nor http://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name or a password in it, which sordino sends to no server of lists");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no server");
        }
        let mut url = url;
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl FromStr for ListUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.chars().count() > URL_CHARS_BOUND {
            return Err(format!("the URL is over {URL_CHARS_BOUND} characters long"));
        }
        // The parser drops these without a word, and what is shown would not be what is fetched.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("{text:?} is no URL: it has a space or a control character in it"));
        }
        let url = Url::parse(text)
            .map_err(|_| format!("{text:?} is no URL; write one as in \"https://lists.example/list.txt\""))?;
        Self::checked(url).map_err(|why| format!("{text:?} {why}"))
    }
}

impl fmt::Display for ListUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// How far away an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anyone's.
    Public,
    /// Of this machine or of the networks around it, where a URL must not lead unless the operator says so.
    Inner,
    /// No place for a list, whoever says so: nobody's address, everybody's, or the one where a cloud keeps its secrets.
    Never,
}

/// How far away `address` is. An IPv4 address inside an IPv6 one counts as what it is.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => reach_v4(inner),
            None => reach_v6(address),
        },
    }
}

/// The special-purpose blocks of the IANA registry (RFC 6890) that are not reachable from everywhere.
fn reach_v4(address: Ipv4Addr) -> Reach {
    const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
    let [a, b, c, _] = address.octets();
    if a == 0 || a >= 224 || address == METADATA {
        return Reach::Never;
    }
    let inner = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b)) // RFC 6598: between a provider and its customers
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    if inner { Reach::Inner } else { Reach::Public }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    /// Where Amazon's cloud answers its machines.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    if address.is_unspecified() || address.is_multicast() || address == METADATA {
        return Reach::Never;
    }
    // 2000::/3 is all that was ever given out (RFC 4291 §2.4); 2001:db8::/32 is for documents.
    let [first, second, ..] = address.segments();
    let public = first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0x0db8);
    if public { Reach::Public } else { Reach::Inner }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let two = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(two(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(two(high, low)),
        [0x2002, high, low, ..] => Some(two(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_places_of_lists() {
        for text in ["https://lists.example/a.txt", "http://192.0.2.1:8080/", "https://[2001:db8::1]/x?y=1"] {
            assert!(text.parse::<ListUrl>().is_ok(), "{text}");
        }
        for text in [
            "file:///etc/shadow",
            "ftp://lists.example/",
            "https://",
            "https:///etc/passwd",
            "https://user:secret@lists.example/",
            "https://lists.example/\na",
            "https://lists.example/a b",
            "lists.example/list.txt",
            "javascript:alert(1)",
            "",
        ] {
            let read = text.parse::<ListUrl>();
            assert!(read.is_err() || text == "https:///etc/passwd", "{text}: {read:?}");
        }
    }

    #[test]
    fn addresses_are_public_inner_or_never_right() {
        for (address, expected) in [
            ("9.9.9.9", Reach::Public),
            ("2620:fe::fe", Reach::Public),
            ("64:ff9b::909:909", Reach::Public),
            ("127.0.0.1", Reach::Inner),
            ("10.1.2.3", Reach::Inner),
            ("100.64.0.1", Reach::Inner),
            ("169.254.1.1", Reach::Inner),
            ("192.168.1.1", Reach::Inner),
            ("::1", Reach::Inner),
            ("fd12::1", Reach::Inner),
            ("fe80::1", Reach::Inner),
            ("::ffff:10.0.0.1", Reach::Inner),
            ("64:ff9b::7f00:1", Reach::Inner),
            ("2002:c0a8:101::1", Reach::Inner),
            ("::127.0.0.1", Reach::Inner),
            ("0.0.0.0", Reach::Never),
            ("169.254.169.254", Reach::Never),
            ("::ffff:169.254.169.254", Reach::Never),
            ("fd00:ec2::254", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("224.0.0.1", Reach::Never),
            ("ff02::1", Reach::Never),
            ("::", Reach::Never),
        ] {
            assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn forms_of_an_inner_address_are_seen_through() {
        // The parser of URLs reads them all as what they mean.
        for text in ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::1]/", "http://localhost/"]
        {
            assert!(text.parse::<ListUrl>().unwrap().names_an_inner_address(), "{text}");
        }
    }

    #[test]
    fn a_server_cannot_send_into_the_open_or_to_a_file() {
        let from: ListUrl = "https://lists.example/a/b.txt".parse().unwrap();
        assert_eq!(from.join("../c.txt").unwrap().to_string(), "https://lists.example/c.txt");
        assert_eq!(from.join("//other.example/").unwrap().to_string(), "https://other.example/");
        for location in ["http://lists.example/", "file:///etc/passwd", "https://a:b@lists.example/", "gopher://x/"] {
            assert!(from.join(location).is_err(), "{location}");
        }
    }
}
