//! Addresses on hosts lines, in every spelling that a system's resolver takes.

use std::net::{IpAddr, Ipv4Addr};

/// Reads `0.0.0.0`, `::`, `fe80::1%lo0`, and what inet_aton takes: `0`, `127.1`, `0x7f000001`.
pub(super) fn parse(text: &str) -> Option<IpAddr> {
    let without_zone = text.split_once('%').map_or(text, |(address, _)| address);
    without_zone.parse().ok().or_else(|| inet_aton(text).map(IpAddr::V4))
}

/// Whether the line of `address` means that its names lead nowhere.
pub(super) fn leads_nowhere(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_unspecified() || address.is_loopback()
}

/// One to four numbers; the last fills what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let numbers = text.split('.').map(number).collect::<Option<Vec<u32>>>()?;
    let (&last, front) = numbers.split_last().filter(|(_, front)| front.len() < 4)?;
    let mut bits = 0;
    for &octet in front {
        bits = bits << 8 | u32::from(u8::try_from(octet).ok()?);
    }
    let room = 32 - 8 * front.len() as u32;
    let front = u64::from(bits) << room;
    (u64::from(last) < 1 << room).then(|| Ipv4Addr::from_bits((front | u64::from(last)) as u32))
}

/// A number as C writes it. A leading zero would mean octal, where some read decimal: taken only if both agree.
fn number(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).ok();
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimal = text.parse().ok()?;
    let octal = u32::from_str_radix(text, 8).ok();
    (!text.starts_with('0') || octal == Some(decimal)).then_some(decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_loopback_are_known_in_every_spelling() {
        for text in
            ["0", "0.0.0.0", "000.000.000.000", "127.1", "0x7f000001", "::", "0:0::0", "::1", "::ffff:127.0.0.1"]
        {
            assert!(parse(text).is_some_and(leads_nowhere), "{text}");
        }
        for text in ["999.1.2.3", "1.2.3.4.5", "name", "", "1..2", "0x", "010.0.0.1", "256.0"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
