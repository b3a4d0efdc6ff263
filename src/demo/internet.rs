//! What the world answers, as far as the virtual household is concerned: a made-up internet in which every name exists.
//!
//! Addresses come from the ranges that are kept for documentation (RFC 5737, RFC 3849), so that nothing that is
//! answered here leads anywhere. Pure: the same question always has the same answer.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::household::{A, AAAA, HTTPS};
use crate::policy::{Name, NameRef, NotAName};

/// Aliases that real zones have, or that stand for a kind of name: (the name, its chain of aliases).
///
/// Some lead from a name on no list to one that is: a maker's relay behind a rented delivery network, and two sites
/// that hide a tracker in their own zone.
const ALIASES: &[(&str, &[&str])] = &[
    ("ams-onetrack-relay.intl.xiaomi.com", &["mistat.intl.xiaomi.com.ksyna.net", "ams1.ksyna.net"]),
    ("metrics.streekkrant.example", &["streekkrant.hotjar.com"]),
    ("s.schoenenhuis.example", &["shop.adjust.world", "lb.adjust.world"]),
    ("xp.apple.com", &["xp.v.aaplimg.com"]),
    ("idiagnostics.apple.com", &["idiagnostics.apple.com.akadns.net"]),
    ("gateway.icloud.com", &["gateway.fe2.apple-dns.net"]),
    ("v10.events.data.microsoft.com", &["win-global-asimov-leafs-events-data.trafficmanager.net"]),
    ("self.events.data.microsoft.com", &["self-events-data.trafficmanager.net"]),
    ("eu-teams.events.data.microsoft.com", &["teams-events-data.trafficmanager.net"]),
    ("outlook.office365.com", &["outlook.ha.office365.com", "outlook.ms-acdc.office.com"]),
    ("www.msftconnecttest.com", &["ncsi-geo.trafficmanager.net"]),
    ("api-global.netflix.com", &["api-global.geo.netflix.com"]),
    ("www.ikea.com", &["www.ikea.com.edgekey.net"]),
    ("www.bbc.com", &["bbc.map.fastly.net"]),
    ("www.theguardian.com", &["dualstack.guardian.map.fastly.net"]),
    ("www.reddit.com", &["reddit.map.fastly.net"]),
    ("i.scdn.co", &["scdnco.spotify.map.fastly.net"]),
    ("captive.apple.com", &["captive-cidr.origin-apple.com.akadns.net"]),
];

/// Zones in which nothing exists.
const EMPTY_ZONES: &[&str] = &["localdomain"];

/// Longest and shortest time until an answer comes, milliseconds.
const DELAY_MS: std::ops::Range<u64> = 4..45;

/// What some servers of a kind set as TTL, seconds.
const TTLS: [u32; 8] = [20, 60, 60, 120, 300, 300, 600, 3600];

/// The made-up internet.
#[derive(Debug)]
pub struct Internet {
    aliases: Vec<(Name, Vec<Name>)>,
    empty_zones: Vec<Name>,
}

/// What it says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// RCODE: NOERROR (0) or NXDOMAIN (3).
    pub rcode: u8,
    /// The chain of aliases, the first that of QNAME.
    pub aliases: Vec<Name>,
    /// What the last name of the chain has of the QTYPE.
    pub data: Data,
    /// TTL of all records, seconds; of a negative answer, for how long it holds (RFC 2308 §5).
    pub ttl: u32,
    /// How long the answer takes.
    pub delay: Duration,
}

/// The records of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// None.
    Nothing,
    /// A records.
    V4(Vec<Ipv4Addr>),
    /// AAAA records.
    V6(Vec<Ipv6Addr>),
    /// An HTTPS record in service mode that offers these protocols (RFC 9460 §7.1).
    Https(&'static [&'static str]),
}

impl Internet {
    /// The internet of the demo.
    ///
    /// # Errors
    /// When its tables hold something that is no name.
    pub fn new() -> Result<Self, NotAName> {
        let names = |texts: &[&str]| texts.iter().map(|text| Name::parse(text)).collect::<Result<Vec<_>, _>>();
        let aliases = ALIASES.iter().map(|(name, chain)| Ok((Name::parse(name)?, names(chain)?)));
        Ok(Self { aliases: aliases.collect::<Result<_, _>>()?, empty_zones: names(EMPTY_ZONES)? })
    }

    /// What the internet says of `name` and `qtype`.
    pub fn answer(&self, name: NameRef<'_>, qtype: u16) -> Answer {
        let dice = mix(name);
        let delay = Duration::from_millis(DELAY_MS.start + dice % (DELAY_MS.end - DELAY_MS.start));
        let ttl = TTLS[(dice >> 8) as usize % TTLS.len()];
        if self.empty_zones.iter().any(|zone| name.is_in(zone.as_ref())) {
            return Answer { rcode: 3, aliases: Vec::new(), data: Data::Nothing, ttl, delay };
        }
        let aliases = self.aliases.iter().find(|(alias, _)| alias.as_ref() == name);
        let aliases = aliases.map_or_else(Vec::new, |(_, chain)| chain.clone());
        let data = aliases.last().map_or_else(|| data_of(dice, qtype), |last| data_of(mix(last.as_ref()), qtype));
        Answer { rcode: 0, aliases, data, ttl, delay }
    }
}

fn data_of(dice: u64, qtype: u16) -> Data {
    let [_, count, kind, high, low, extra, ..] = dice.to_be_bytes();
    let count = 1 + count % 3;
    let hosts = (0..count).map(|step| 1 + (u16::from(low) + u16::from(step) * 16) % 254);
    match qtype {
        A => {
            let [a, b, c] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][usize::from(high) % 3];
            Data::V4(hosts.map(|host| Ipv4Addr::new(a, b, c, host as u8)).collect())
        }
        AAAA if kind < 160 => {
            let net = u16::from_be_bytes([high, extra]);
            Data::V6(hosts.map(|host| Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, host)).collect())
        }
        HTTPS if kind < 90 => Data::Https(if kind % 2 == 0 { &["h3", "h2"] } else { &["h2"] }),
        _ => Data::Nothing,
    }
}

/// FNV-1a over the wire form: a die that falls the same way for a name, in every build and on every machine.
fn mix(name: NameRef<'_>) -> u64 {
    let hash = name
        .wire()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    // Its upper bits alone are even enough to be cut into pieces.
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str, qtype: u16) -> Answer {
        Internet::new().unwrap().answer(Name::parse(text).unwrap().as_ref(), qtype)
    }

    #[test]
    fn addresses_are_those_of_documentation() {
        for number in 0..500 {
            let name = format!("host{number}.example");
            let Data::V4(addresses) = ask(&name, A).data else { panic!("{name} has no A") };
            assert!(
                !addresses.is_empty() && addresses.iter().all(|address| address.is_documentation()),
                "{addresses:?}"
            );
            if let Data::V6(addresses) = ask(&name, AAAA).data {
                assert!(addresses.iter().all(|address| address.segments()[..2] == [0x2001, 0xdb8]), "{addresses:?}");
            }
        }
    }

    #[test]
    fn some_names_have_ipv6_and_some_have_not() {
        let with = (0..500).filter(|number| ask(&format!("host{number}.example"), AAAA).data != Data::Nothing).count();
        assert!((200..450).contains(&with), "{with}");
    }

    #[test]
    fn a_relay_leads_to_a_listed_name_by_its_aliases() {
        let answer = ask("ams-onetrack-relay.intl.xiaomi.com", A);
        assert_eq!(answer.aliases[0], Name::parse("mistat.intl.xiaomi.com.ksyna.net").unwrap());
        assert!(matches!(answer.data, Data::V4(_)));
    }

    #[test]
    fn nothing_exists_in_an_empty_zone() {
        let answer = ask("wpad.localdomain", A);
        assert_eq!((answer.rcode, answer.data), (3, Data::Nothing));
        assert_eq!(ask("wpad.localdomain.example", A).rcode, 0);
    }
}
