//! The leases of DHCP servers and the lines of hosts files: who was given which address, and what it calls itself.
//!
//! Four servers are read, told apart by how they write: dnsmasq, odhcpd (OpenWrt), ISC dhcpd and Kea. What cannot be read
//! is passed over: the file belongs to another program, and a line it leaves half written is whole a moment later.

use std::net::IpAddr;
use std::str::SplitWhitespace;

use super::fact::{Fact, Source, usable_name};
use crate::policy::MacAddr;
use crate::time::Timestamp;

/// Leases or lines that are read of one file.
const ENTRIES_BOUND: usize = 4096;

/// What a lease file says at `now`; it was written at `since`.
pub(super) fn read_leases(content: &str, since: Timestamp, now: Timestamp) -> Vec<Fact> {
    let first = content.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let leases: Vec<Lease> = if first.starts_with("address,") {
        kea(content)
    } else if content.lines().any(|line| line.trim_start().starts_with("lease ") && line.trim_end().ends_with('{')) {
        isc(content)
    } else {
        content.lines().filter_map(|line| if line.starts_with("# ") { odhcpd(line) } else { dnsmasq(line) }).collect()
    };
    let alive = |lease: &Lease| lease.ends.is_none_or(|ends| ends * 1000 > now.millis());
    let facts = leases.into_iter().filter(alive).filter_map(|lease| lease.fact(since));
    facts.take(ENTRIES_BOUND).collect()
}

/// What a hosts file, written at `since`, says about addresses of the house.
pub(super) fn read_hosts(content: &str, since: Timestamp) -> Vec<Fact> {
    let lines = content.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse::<IpAddr>().ok()?.to_canonical();
        let name = usable_name(words.next()?)?;
        let everywhere = address.is_loopback() || address.is_multicast() || address.is_unspecified();
        (!everywhere).then_some(Fact { name: Some(name), ..Fact::of(address, Source::Hosts, since) })
    });
    lines.take(ENTRIES_BOUND).collect()
}

#[derive(Debug, Default)]
struct Lease {
    address: Option<IpAddr>,
    mac: Option<MacAddr>,
    name: Option<String>,
    /// Seconds since the epoch; none if it never ends, or nothing is said of it.
    ends: Option<u64>,
}

impl Lease {
    fn fact(self, since: Timestamp) -> Option<Fact> {
        let address = self.address?.to_canonical();
        (self.mac.is_some() || self.name.is_some()).then_some(Fact {
            mac: self.mac,
            name: self.name,
            ..Fact::of(address, Source::Lease, since)
        })
    }
}

/// `ends MAC address name client-id`, and for IPv6 `ends IAID address name DUID`; 0 never ends.
fn dnsmasq(line: &str) -> Option<Lease> {
    let mut words = line.split_whitespace();
    let ends: u64 = words.next()?.parse().ok()?;
    let (hardware, address) = (words.next()?, words.next()?.parse().ok()?);
    let name = words.next().and_then(usable_name);
    let mac = hardware.parse().ok().or_else(|| mac_in_duid(&words.next()?.replace(':', "")));
    Some(Lease { address: Some(address), mac, name, ends: (ends > 0).then_some(ends) })
}

/// `# interface DUID IAID name ends assigned length address/length …`; for IPv4 the MAC stands for the DUID and `ipv4` for
/// the IAID.
fn odhcpd(line: &str) -> Option<Lease> {
    let mut words: SplitWhitespace<'_> = line.strip_prefix("# ")?.split_whitespace();
    let (_, hardware, kind, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let ends = words.next()?.parse::<u64>().ok();
    let address = words.nth(2)?.split('/').next()?.parse().ok()?;
    let mac = if kind == "ipv4" { mac_in_hex(hardware) } else { mac_in_duid(hardware) };
    Some(Lease { address: Some(address), mac, name: usable_name(name), ends: ends.filter(|&ends| ends > 0) })
}

/// Blocks of `lease ADDRESS { … }`, of which the last one about an address counts. Their times are not read: a lease
/// that has ended is not `active`.
fn isc(content: &str) -> Vec<Lease> {
    let mut leases: Vec<Lease> = Vec::new();
    let mut open: Option<(Lease, bool)> = None;
    for line in content.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("lease ").and_then(|rest| rest.strip_suffix('{')) {
            open =
                address.trim().parse().ok().map(|address| (Lease { address: Some(address), ..Lease::default() }, true));
        } else if line == "}" {
            if let Some((lease, active)) = open.take() {
                leases.retain(|earlier| earlier.address != lease.address);
                if active && leases.len() < ENTRIES_BOUND {
                    leases.push(lease);
                }
            }
        } else if let Some((lease, active)) = &mut open {
            let statement = line.trim_end_matches(';');
            if let Some(mac) = statement.strip_prefix("hardware ethernet ") {
                lease.mac = mac.trim().parse().ok();
            } else if let Some(name) = statement.strip_prefix("client-hostname ") {
                lease.name = usable_name(name.trim().trim_matches('"'));
            } else if let Some(state) = statement.strip_prefix("binding state ") {
                *active = state.trim() == "active";
            }
        }
    }
    leases
}

/// Kea's memfile: comma-separated, the first line names the columns, the last line about an address counts.
fn kea(content: &str) -> Vec<Lease> {
    let mut lines = content.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |column: &str| columns.iter().position(|named| *named == column);
    let places = ["address", "hwaddr", "duid", "hostname", "expire", "state"].map(place);
    let mut leases: Vec<Lease> = Vec::new();
    for line in lines {
        let values: Vec<&str> = line.split(',').collect();
        let [address, hwaddr, duid, name, ends, state] = places.map(|place| place.and_then(|place| values.get(place)));
        let Some(address) = address.and_then(|text| text.parse().ok()) else { continue };
        leases.retain(|earlier| earlier.address != Some(address));
        // 0 is assigned; 1 and 2 are declined and reclaimed.
        if state.is_none_or(|state| *state == "0") && leases.len() < ENTRIES_BOUND {
            let mac = hwaddr.and_then(|text| text.parse().ok());
            leases.push(Lease {
                address: Some(address),
                mac: mac.or_else(|| mac_in_duid(&duid?.replace(':', ""))),
                name: name.and_then(|name| usable_name(name)),
                ends: ends.and_then(|text| text.parse().ok()),
            });
        }
    }
    leases
}

/// The hardware address in a DUID made of one: DUID-LLT and DUID-LL of Ethernet (RFC 8415 §11.2 and §11.4).
fn mac_in_duid(hex: &str) -> Option<MacAddr> {
    let mac = match hex.get(..8)? {
        "00010001" => hex.get(16..)?,
        "00030001" => hex.get(8..)?,
        _ => return None,
    };
    mac_in_hex(mac)
}

fn mac_in_hex(hex: &str) -> Option<MacAddr> {
    if hex.len() != 12 || !hex.is_ascii() {
        return None;
    }
    let mut octets = [0; 6];
    for (place, octet) in octets.iter_mut().enumerate() {
        *octet = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(MacAddr(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Vec<String> {
        let now = Timestamp::from_millis(1_000_000_000);
        let facts = read_leases(content, Timestamp::default(), now);
        let written = |fact: Fact| {
            let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
            let (address, mac) = (fact.address.map(|a| a.to_string()), fact.mac.map(|mac| mac.to_string()));
            format!("{} {} {}", text(address), text(mac), text(fact.name))
        };
        facts.into_iter().map(written).collect()
    }

    #[test]
    fn dnsmasq_leases_are_read_for_both_families() {
        let leases = "1000001 3c:5a:b4:01:02:03 192.168.1.7 phone 01:3c:5a:b4:01:02:03\n\
                      0 3c:5a:b4:01:02:04 192.168.1.8 * *\n999999 3c:5a:b4:01:02:05 192.168.1.9 gone *\n\
                      duid 00:01:00:01:2a:bb:cc:dd:00:11:22:33:44:55\n\
                      1000001 12345 fd00::7 phone 00:01:00:01:2a:2b:2c:2d:3c:5a:b4:01:02:03\nhalf a li";
        let expected = [
            "192.168.1.7 3c:5a:b4:01:02:03 phone",
            "192.168.1.8 3c:5a:b4:01:02:04 -",
            "fd00::7 3c:5a:b4:01:02:03 phone",
        ];
        assert_eq!(read(leases), expected);
    }

    #[test]
    fn odhcpd_leases_are_read_for_both_families() {
        let leases = "# br-lan 3c5ab4010203 ipv4 phone 1000001 7 32 192.168.1.7/32\n\
                      # br-lan 000300013c5ab4010204 deadbeef - -1 a 128 fd00::a/128\nfd00::b\tstray\n";
        assert_eq!(read(leases), ["192.168.1.7 3c:5a:b4:01:02:03 phone", "fd00::a 3c:5a:b4:01:02:04 -"]);
    }

    #[test]
    fn isc_leases_count_by_their_last_block_and_only_while_active() {
        let block = |address: &str, state: &str, mac: &str| {
            format!(
                "lease {address} {{\n  starts 4 2026/11/19 10:00:00;\n  binding state {state};\n  next binding state free;\n  \
                 hardware ethernet {mac};\n  client-hostname \"phone\";\n}}\n"
            )
        };
        let leases = [
            block("192.168.1.7", "active", "3c:5a:b4:01:02:99"),
            block("192.168.1.7", "active", "3c:5a:b4:01:02:03"),
            block("192.168.1.8", "active", "3c:5a:b4:01:02:04"),
            block("192.168.1.8", "free", "3c:5a:b4:01:02:04"),
        ];
        assert_eq!(read(&leases.concat()), ["192.168.1.7 3c:5a:b4:01:02:03 phone"]);
    }

    #[test]
    fn kea_leases_are_read_by_the_names_of_their_columns() {
        let v4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n\
                  192.168.1.7,3c:5a:b4:01:02:03,,3600,1000001,1,0,0,phone.lan.,0,\n\
                  192.168.1.8,3c:5a:b4:01:02:04,,3600,1000001,1,0,0,,0,\n192.168.1.8,,,3600,1000001,1,0,0,,2,\n";
        assert_eq!(read(v4), ["192.168.1.7 3c:5a:b4:01:02:03 phone.lan"]);
        let v6 = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,\
                  hostname,hwaddr,state\nfd00::7,00:03:00:01:3c:5a:b4:01:02:03,1,1000001,1,1,0,1,128,0,0,tab,,0\n";
        assert_eq!(read(v6), ["fd00::7 3c:5a:b4:01:02:03 tab"]);
    }

    #[test]
    fn hosts_lines_name_addresses_of_the_house_and_nothing_else() {
        let hosts = "127.0.0.1 localhost\n192.168.1.5 printer printer.lan # in the hall\n::1 ip6-localhost\nnonsense\n#10.0.0.1 x\n";
        let facts = read_hosts(hosts, Timestamp::default());
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].name.as_deref(), Some("printer"));
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_the_readers_fall(content in "[ -~\n]{0,400}|(# |lease |address,|0 )[ -~\n]{0,200}") {
            read_leases(&content, Timestamp::default(), Timestamp::default());
            read_hosts(&content, Timestamp::default());
        }
    }
}
