//! Where a forwarder is, read from the way the configuration writes it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// How a forwarder is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
    H3,
}

/// SHA-256 of a public key (RFC 7858 §4.2).
pub(super) type Pin = [u8; 32];

/// A forwarder's place: `udp://192.0.2.1`, `tls://dns.example`, `https://dns.example/dns-query`. Behind `#pin=` may stand
/// the pins of its keys, Base64, with a comma between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    /// Path of the resource, for HTTPS and HTTP/3.
    pub(super) path: String,
    /// Where there are any, its key must be one of them, and nobody need have signed for it.
    pub(super) pins: Vec<Pin>,
    written: String,
}

/// A host by address or by a name that has yet to be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    Name(String),
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 53,
            Self::Tls | Self::Quic => 853,
            Self::Https | Self::H3 => 443,
        }
    }

    pub(super) const fn is_encrypted(self) -> bool {
        !matches!(self, Self::Udp | Self::Tcp)
    }

    const fn has_path(self) -> bool {
        matches!(self, Self::Https | Self::H3)
    }
}

impl Endpoint {
    /// Reads an endpoint; an address without a scheme is plain DNS over UDP.
    ///
    /// # Errors
    /// One sentence on what is wrong with it and what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("{text:?} {what}"));
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Udp, text),
            Some(("udp", rest)) => (Scheme::Udp, rest),
            Some(("tcp", rest)) => (Scheme::Tcp, rest),
            Some(("tls", rest)) => (Scheme::Tls, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("quic", rest)) => (Scheme::Quic, rest),
            Some(("h3", rest)) => (Scheme::H3, rest),
            Some(_) => return wrong("begins with none of udp://, tcp://, tls://, https://, quic:// and h3://"),
        };
        // What it is called: people need not read its pins each time.
        let written = text.split_once('#').map_or(text, |(place, _)| place).into();
        let (rest, pins) = match rest.split_once('#') {
            None => (rest, Vec::new()),
            Some((_, _)) if !scheme.is_encrypted() => return wrong("has a pin, and is not encrypted"),
            Some((rest, fragment)) => match pins(fragment) {
                Some(pins) => (rest, pins),
                None => {
                    return wrong(
                        "has no pin behind its #; one is written #pin= and 44 characters, as sordino check shows it",
                    );
                }
            },
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if !path.is_empty() && path != "/" && !scheme.has_path() {
            return wrong("has a path, which only https:// and h3:// have");
        }
        let Some((host, port)) = split_port(authority, scheme.default_port()) else {
            return wrong("has no valid host and port; an IPv6 address with a port is written [2001:db8::1]:853");
        };
        let path = if path.len() > 1 { path } else { "/dns-query" };
        Ok(Self { scheme, host, port, path: path.into(), pins, written })
    }

    /// The socket addresses of this endpoint, given the addresses of its name.
    pub(super) fn at(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.port)
    }

    /// The name that its certificate must carry.
    pub(super) fn certificate_name(&self) -> String {
        match &self.host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.clone(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The pins in a fragment; none unless it is nothing but pins.
fn pins(fragment: &str) -> Option<Vec<Pin>> {
    let pin = |text: &str| BASE64_STANDARD.decode(text).ok()?.try_into().ok();
    fragment.strip_prefix("pin=")?.split(',').map(pin).collect()
}

fn split_port(authority: &str, default: u16) -> Option<(Host, u16)> {
    if let Ok(address) = authority.trim_start_matches('[').trim_end_matches(']').parse() {
        return Some((Host::Address(address), default));
    }
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return Some((Host::Address(address.ip()), address.port()));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    if let Ok(address) = host.parse() {
        return Some((Host::Address(address), port));
    }
    let name = crate::policy::Name::parse(host).ok()?;
    (!name.as_ref().is_root()).then(|| (Host::Name(name.to_string()), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_as_people_write_them() {
        for (text, scheme, host, port) in [
            ("9.9.9.9", Scheme::Udp, "9.9.9.9", 53),
            ("udp://127.0.0.1:5353", Scheme::Udp, "127.0.0.1", 5353),
            ("tcp://[2001:db8::1]:54", Scheme::Tcp, "2001:db8::1", 54),
            ("tls://2001:db8::1", Scheme::Tls, "2001:db8::1", 853),
            ("tls://dns.example", Scheme::Tls, "dns.example", 853),
            ("https://dns.example:8443/q", Scheme::Https, "dns.example", 8443),
            ("quic://dns.example", Scheme::Quic, "dns.example", 853),
            ("h3://192.0.2.1/q", Scheme::H3, "192.0.2.1", 443),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(
                (endpoint.scheme, endpoint.certificate_name().as_str(), endpoint.port),
                (scheme, host, port),
                "{text}"
            );
        }
        assert_eq!(Endpoint::parse("https://dns.example").unwrap().path, "/dns-query");
    }

    #[test]
    fn what_is_no_endpoint_is_said() {
        for text in
            ["", "udp://", "ftp://9.9.9.9", "quic://9.9.9.9/q", "udp://9.9.9.9:x", "tls://a..b", "udp://9.9.9.9/dns"]
        {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rfc7858_4_2_pins_stand_behind_the_place() {
        let (one, other) = (BASE64_STANDARD.encode([0xfb; 32]), BASE64_STANDARD.encode([1; 32]));
        assert!(one.contains('/') && one.contains('+'), "what a URL would read as something else");
        let endpoint = Endpoint::parse(&format!("https://dns.example/q#pin={one},{other}")).unwrap();
        assert_eq!((endpoint.path.as_str(), endpoint.pins), ("/q", vec![[0xfb; 32], [1; 32]]));
        assert_eq!(Endpoint::parse(&format!("tls://192.0.2.1#pin={one}")).unwrap().pins, [[0xfb; 32]]);
        for bad in ["tls://192.0.2.1#", "tls://192.0.2.1#pin=", "tls://192.0.2.1#pin=AAAA", "tls://192.0.2.1#other=1"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
        assert!(Endpoint::parse(&format!("udp://192.0.2.1#pin={one}")).is_err(), "nothing is encrypted by this key");
    }
}
