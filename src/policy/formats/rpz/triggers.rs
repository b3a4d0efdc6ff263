//! Owners of a response policy zone that are about addresses and not about names.
//!
//! `24.0.2.0.192.rpz-ip` is 192.0.2.0/24: the length of the prefix, and the address backwards. In an IPv6 address `zz`
//! stands for the longest run of zeros.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::super::addresses::Network;
use super::super::super::glob::{Front, Glob};
use super::super::super::rule::{Client, Mistake, Refused, Rule, Target, shown};
use super::super::width;
use super::unsupported;

/// Reads what stands in front of `.rpz-ip` or `.rpz-client-ip`, and what becomes of it.
pub(super) fn read(labels: &str, trigger: &str, rrtype: &str, data: &str, trusted: bool) -> Result<Rule, Refused> {
    if !matches!(trigger, "rpz-ip" | "rpz-client-ip") {
        return Err(unsupported(format!("triggers of the kind {trigger} are not supported")));
    }
    let exception = match (rrtype, data.to_ascii_lowercase().as_str()) {
        ("CNAME", "." | "*." | "rpz-drop.") => false,
        ("CNAME", "rpz-passthru.") => true,
        _ => return Err(unsupported(format!("an address can be blocked or let pass, but not by {}", shown(data)))),
    };
    let network = network(labels)
        .ok_or_else(|| Refused::new(Mistake::BadAddress, format!("{} is no network backwards", shown(labels))))?;
    width::check(labels, &Target::Network(network), trusted)?;
    let mut rule = Rule::about(Target::Network(network));
    if trigger == "rpz-client-ip" {
        // Whatever that device asks for, as `||*^$client=…` says it. A list from elsewhere may not free a device of all
        // other lists.
        if exception && !trusted {
            return Err(Refused::new(
                Mistake::NotTrusted,
                "only a list marked trusted may let a device pass everywhere",
            ));
        }
        let (address, len) = network.parts();
        rule = Rule::about(Target::Glob(Glob { front: Front::Open, pieces: Box::default(), ends: false }));
        rule.conditions.clients.only.push(Client::Network(address, len));
    }
    rule.exception = exception;
    Ok(rule)
}

fn network(labels: &str) -> Option<Network> {
    let (len, backwards) = labels.split_once('.')?;
    let len: u8 = len.parse().ok()?;
    let mut parts: Vec<&str> = backwards.split('.').collect();
    parts.reverse();
    let address = match parts.as_slice() {
        [_, _, _, _] if parts.iter().all(|part| part.parse::<u8>().is_ok()) => {
            IpAddr::V4(parts.join(".").parse::<Ipv4Addr>().ok()?)
        }
        _ => {
            let text = parts.join(":");
            let text = match parts.iter().filter(|part| part.eq_ignore_ascii_case("zz")).count() {
                0 => text,
                1 => text.replace("zz", ":").replace(":::", "::").replace(":::", "::"),
                _ => return None,
            };
            IpAddr::V6(text.parse::<Ipv6Addr>().ok()?)
        }
    };
    Network::new(address, len).filter(|network| network.parts() == (address, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_written_backwards() {
        for (labels, text) in [
            ("24.0.2.0.192", "192.0.2.0/24"),
            ("32.7.2.0.192", "192.0.2.7"),
            ("128.1.zz.db8.2001", "2001:db8::1"),
            ("48.zz.1.db8.2001", "2001:db8:1::/48"),
            ("128.57.zz", "::57"),
            ("128.8.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:8"),
        ] {
            assert_eq!(network(labels), Network::parse(text), "{labels}");
            assert!(network(labels).is_some(), "{labels}");
        }
        for labels in ["", "24", "24.0.2.0", "33.1.2.0.192", "24.7.2.0.192", "24.0.2.0.256", "128.zz.1.zz", "x.1.2.3.4"]
        {
            assert_eq!(network(labels), None, "{labels}");
        }
    }

    #[test]
    fn what_may_become_of_an_address() {
        let refused = |labels, trigger, data, trusted| {
            read(labels, trigger, "CNAME", data, trusted).err().map(|refused| refused.mistake)
        };
        assert_eq!(refused("24.0.2.0.192", "rpz-ip", ".", false), None);
        assert_eq!(refused("24.0.2.0.192", "rpz-ip", "rpz-passthru.", false), None);
        assert_eq!(refused("24.0.2.0.192", "rpz-ip", "garden.example.", true), Some(Mistake::UnsupportedLine));
        assert_eq!(refused("24.0.2.0.192", "rpz-nsip", ".", true), Some(Mistake::UnsupportedLine));
        assert_eq!(refused("0.0.0.0.0", "rpz-ip", ".", false), Some(Mistake::TooWide));
        assert_eq!(refused("32.7.1.168.192", "rpz-client-ip", "rpz-passthru.", false), Some(Mistake::NotTrusted));
        assert_eq!(refused("32.7.1.168.192", "rpz-client-ip", ".", false), None);
    }
}
