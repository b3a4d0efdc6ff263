//! Who stands behind a forwarder of the house, such as the dnsmasq of a router: what it adds to a question of the device
//! that asked it. Only forwarders that the operator trusts are believed; anybody can write these options.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::wire::Reader;
use crate::policy::MacAddr;

/// EDNS options that are read.
mod option {
    /// RFC 7871; dnsmasq: `add-subnet=32,128`.
    pub(super) const CLIENT_SUBNET: u16 = 8;
    /// From the range for local use (RFC 6891 §9); dnsmasq: `add-mac`.
    pub(super) const MAC: u16 = 65_001;
}

/// What a question says of the device behind the one who sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Behind {
    /// Its hardware address.
    pub(crate) mac: Option<MacAddr>,
    /// Its address, where all of it is told.
    pub(crate) address: Option<IpAddr>,
}

impl Behind {
    /// Reads RDATA of an OPT record, which is known to be sound.
    pub(crate) fn read(rdata: &[u8]) -> Self {
        let mut behind = Self::default();
        let mut options = Reader::new(rdata);
        while let Some((code, value)) = options.option() {
            match code {
                option::MAC => behind.mac = behind.mac.or_else(|| mac(value)),
                option::CLIENT_SUBNET => behind.address = behind.address.or_else(|| address(value)),
                _ => {}
            }
        }
        behind
    }
}

/// All zeros stand for none, and the low bit of the first octet for a group (IEEE 802-2014 §8.2.2).
fn mac(value: &[u8]) -> Option<MacAddr> {
    let mac: [u8; 6] = value.try_into().ok()?;
    (mac != [0; 6] && mac[0] & 1 == 0).then_some(MacAddr(mac))
}

/// A part of an address is shared by many devices, so it tells nothing of one.
fn address(value: &[u8]) -> Option<IpAddr> {
    let address = match value {
        [0, 1, 32, _, address @ ..] => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        [0, 2, 128, _, address @ ..] => IpAddr::from(<[u8; 16]>::try_from(address).ok()?).to_canonical(),
        _ => return None,
    };
    let nobody =
        [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::BROADCAST), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    (!address.is_multicast() && !nobody.contains(&address)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[(u16, &[u8])]) -> Behind {
        let mut rdata = Vec::new();
        for (code, value) in options {
            rdata.extend(code.to_be_bytes());
            rdata.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            rdata.extend(*value);
        }
        Behind::read(&rdata)
    }

    #[test]
    fn the_device_is_told_by_its_hardware_address_and_its_whole_address() {
        let phone = [0x3c, 0x5a, 0xb4, 1, 2, 3];
        let both = read(&[(65_001, &phone), (8, &[0, 1, 32, 0, 192, 168, 1, 7])]);
        assert_eq!(both, Behind { mac: Some(MacAddr(phone)), address: Some([192, 168, 1, 7].into()) });
        let ipv6: IpAddr = "fd00::7".parse().unwrap();
        let IpAddr::V6(octets) = ipv6 else { panic!() };
        let subnet = [&[0, 2, 128, 0][..], &octets.octets()].concat();
        assert_eq!(read(&[(8, &subnet)]).address, Some(ipv6));
    }

    #[test]
    fn what_tells_of_no_single_device_tells_nothing() {
        for (code, value) in [
            (65_001, &[0; 6][..]),
            (65_001, &[1, 0, 0x5e, 0, 0, 1]),
            (65_001, b"02:00:5e:10:00:01"),
            (65_001, &[]),
            (8, &[0, 1, 24, 0, 192, 168, 1]),
            (8, &[0, 1, 0, 0]),
            (8, &[0, 1, 32, 0, 0, 0, 0, 0]),
            (8, &[0, 1, 32, 0, 224, 0, 0, 251]),
            (8, &[0, 1, 32, 0, 255, 255, 255, 255]),
        ] {
            assert_eq!(read(&[(code, value)]), Behind::default(), "{code} {value:?}");
        }
    }

    #[test]
    fn of_two_that_differ_the_first_counts() {
        let told = read(&[(65_001, &[2, 0, 0, 0, 0, 1]), (65_001, &[2, 0, 0, 0, 0, 2])]);
        assert_eq!(told.mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
    }
}
