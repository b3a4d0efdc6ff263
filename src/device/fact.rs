//! What is known of who is in the house, who says so, and since when: the page shows it, so that nobody has to believe
//! that two addresses are one device.

use std::net::IpAddr;

use serde::Serialize;

use crate::policy::MacAddr;
use crate::time::Timestamp;

/// Characters of a name that a device gives itself.
const MAX_NAME_CHARS: usize = 64;

/// Something that somebody said about the house: that what stands in it belongs together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fact {
    /// An address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// The hardware address behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
    /// What it is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Types of services that it offers, as in `_airplay._tcp`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// What model it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Who says so.
    pub source: Source,
    /// Since when it is known, or when the file that says so was written: milliseconds since the epoch.
    pub since: Timestamp,
}

/// Who says so. What stands first is believed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The kernel's table of neighbours (ARP, NDP).
    Neighbours,
    /// A hosts file, which the operator writes.
    Hosts,
    /// The leases of a DHCP server.
    Lease,
    /// The router, asked which name an address has (PTR).
    Router,
    /// The device itself, to everyone on the link (multicast DNS, RFC 6762).
    Mdns,
    /// The address itself, which holds the hardware address (RFC 4291 appendix A).
    Eui64,
}

impl Fact {
    /// That `source` knows of `address` since then; what else it says is yet to be filled in.
    pub const fn of(address: IpAddr, source: Source, since: Timestamp) -> Self {
        Self { address: Some(address), mac: None, name: None, services: Vec::new(), model: None, source, since }
    }
}

/// A name that a device gave itself, as far as it may be shown; none if there is nothing to it.
pub(super) fn usable_name(name: &str) -> Option<String> {
    let name = name.trim().trim_end_matches('.');
    // What DHCP servers write where a device has told no name.
    if matches!(name, "" | "*" | "-" | "localhost") || name.chars().any(char::is_control) {
        return None;
    }
    Some(name.chars().take(MAX_NAME_CHARS).collect())
}

/// The hardware address that an address was made of, if it was: `ff:fe` in its middle and the universal bit turned over
/// (RFC 4291 §2.5.1 and appendix A).
pub fn mac_in(address: IpAddr) -> Option<MacAddr> {
    let IpAddr::V6(address) = address.to_canonical() else { return None };
    let [.., a, b, c, 0xff, 0xfe, d, e, f] = address.octets() else { return None };
    let mac = MacAddr([a ^ 0b10, b, c, d, e, f]);
    // A group address belongs to no device, and one that was made up for privacy never stands in an address.
    (a & 1 == 0 && !mac.is_random()).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4291_the_hardware_address_is_read_where_it_stands_in_the_address() {
        let read = |text: &str| mac_in(text.parse().unwrap()).map(|mac| mac.to_string());
        assert_eq!(read("fe80::3e5a:b4ff:fe01:3c21").as_deref(), Some("3c:5a:b4:01:3c:21"));
        assert_eq!(read("2001:db8:1:2:3e5a:b4ff:fe01:3c21").as_deref(), Some("3c:5a:b4:01:3c:21"));
        // A random interface identifier (RFC 8981), a locally administered one, a group, and no IPv6 at all.
        for none in
            ["2001:db8::1c2d:3e4f:5a6b:7c8d", "fe80::5a:b4ff:fe01:3c21", "fe80::3f5a:b4ff:fe01:3c21", "10.0.0.1"]
        {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_is_short_and_a_name() {
        assert_eq!(usable_name(" phone.lan. ").as_deref(), Some("phone.lan"));
        assert_eq!(usable_name(&"x".repeat(300)).map(|name| name.len()), Some(64));
        for none in ["", "*", "-", "a\nb", "localhost"] {
            assert_eq!(usable_name(none), None, "{none:?}");
        }
    }
}
