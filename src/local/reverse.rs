//! The names of addresses (RFC 1035 §3.5, RFC 3596 §2.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::{Name, NameRef};

/// The name under which PTR records of `address` stand.
pub fn reverse_name(address: IpAddr) -> Option<Name> {
    let text = match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    };
    Name::parse(&text).ok()
}

/// The address that `name` is the reverse name of.
pub fn address_of(name: NameRef<'_>) -> Option<IpAddr> {
    let mut labels = name.labels();
    let wire = name.wire();
    if wire.ends_with(b"\x07in-addr\x04arpa\x00") {
        let mut octets = [0_u8; 4];
        for octet in octets.iter_mut().rev() {
            let text = std::str::from_utf8(labels.next()?).ok()?;
            *octet = text.parse().ok().filter(|_| !text.starts_with('+'))?;
        }
        return labels.eq([b"in-addr" as &[u8], b"arpa"]).then(|| Ipv4Addr::from(octets).into());
    }
    if !wire.ends_with(b"\x03ip6\x04arpa\x00") {
        return None;
    }
    let mut bits = 0_u128;
    for place in 0..32 {
        let [nibble] = labels.next()? else { return None };
        bits |= u128::from(char::from(*nibble).to_digit(16)?) << (4 * place);
    }
    labels.eq([b"ip6" as &[u8], b"arpa"]).then(|| Ipv6Addr::from(bits).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_from_its_reverse_name() {
        for text in ["192.168.1.7", "0.0.0.0", "255.255.255.255", "2001:db8::7", "fe80::a:b", "::"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(address_of(reverse_name(address).unwrap().as_ref()), Some(address), "{text}");
        }
        for text in [
            "in-addr.arpa",
            "1.168.192.in-addr.arpa",
            "0.7.1.168.192.in-addr.arpa",
            "x.0.0.10.in-addr.arpa",
            "256.0.0.10.in-addr.arpa",
            "1.ip6.arpa",
            "example",
        ] {
            assert_eq!(address_of(Name::parse(text).unwrap().as_ref()), None, "{text}");
        }
    }
}
