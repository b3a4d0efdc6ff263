//! `sordino firewall`: rules for the router that bring every device here, also those that know a server of their own.

mod check;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;

use clap::Args;

use crate::app::Failure;
use crate::config::Config;
use crate::device::DeviceOptions;
use crate::local::doh_providers;
use crate::policy::MacAddr;

/// What the rules are for.
#[derive(Debug, Args)]
pub struct Walls {
    /// For OpenWrt: rules for its own table, with where to put them.
    #[arg(long)]
    openwrt: bool,
    /// Say what is in force on this machine instead; exit code 1 if something is missing. Needs root.
    #[arg(long)]
    check: bool,
    /// A device that may ask whom it wants: its MAC address, its address, its network, or its name in the configuration. May
    /// be given several times.
    #[arg(long, value_name = "DEVICE", value_parser = exempt)]
    except: Vec<Exempt>,
    /// The interface that the devices are behind, where it is not all but the one to the internet.
    #[arg(long, value_name = "NAME", value_parser = interface)]
    interface: Option<String>,
    /// The port of this machine that devices are sent to, where it is not sordino's own: 53, where the router's dnsmasq takes
    /// their questions and asks sordino.
    #[arg(long, value_name = "PORT")]
    port: Option<NonZeroU16>,
    /// Where sordino is seen from the devices: its IPv4 or IPv6 address, for a sordino on another machine than the router.
    /// May be given once for each.
    #[arg(long, value_name = "ADDRESS")]
    server: Vec<IpAddr>,
}

/// A device that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exempt {
    Mac(MacAddr),
    /// A network, its prefix length written out.
    Network(IpAddr, u8),
    /// What the configuration calls it.
    Name(String),
}

fn exempt(text: &str) -> Result<Exempt, String> {
    if let Ok(mac) = text.parse() {
        return Ok(Exempt::Mac(mac));
    }
    let (address, len) = text.split_once('/').map_or((text, None), |(address, len)| (address, Some(len)));
    let refuse = || format!("{text:?} is neither a MAC address nor an address or a network such as 192.168.1.0/24");
    let Ok(address) = address.parse::<IpAddr>() else { return Ok(Exempt::Name(text.to_owned())) };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let len = len.map_or(Ok(most), |len| len.parse::<u8>().map_err(|_| refuse()))?;
    if len > most { Err(refuse()) } else { Ok(Exempt::Network(address, len)) }
}

fn interface(text: &str) -> Result<String, String> {
    // What the kernel takes for a name (IFNAMSIZ), and nothing that ends a quotation.
    let fits = (1..16).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no name of an interface")) }
}

/// The rules for the configuration at `path`, or what of them is in force, and the failure if something is missing.
pub(super) fn firewall(path: &Path, walls: &Walls) -> Result<(String, Result<(), Failure>), Failure> {
    let config = Config::read(path)?;
    if walls.check { check::check(&config) } else { Ok((rules(path, &config, walls)?, Ok(()))) }
}

fn rules(path: &Path, config: &Config, walls: &Walls) -> Result<String, Failure> {
    let except = walls.except.iter().map(|exempt| by_its_own(exempt, &config.control.devices));
    let except: Vec<Exempt> = except.collect::<Result<Vec<_>, _>>()?.concat();
    let port = |ipv4: bool| {
        if let Some(port) = walls.port {
            return Some(port.get());
        }
        let reachable = config.dns.listen.iter().filter(|address| !address.ip().to_canonical().is_loopback());
        reachable.into_iter().find(|address| address.is_ipv4() == ipv4).map(SocketAddr::port)
    };
    let by_family = |ipv4: bool| walls.server.iter().find(|address| address.is_ipv4() == ipv4).copied();
    let doors = [(true, port(true)), (false, port(false))];
    if walls.server.is_empty() && doors.iter().all(|(_, port)| port.is_none()) {
        return Err(Failure::Other(format!(
            "sordino listens to this machine only, so no device can be sent to it; write listen = [\"0.0.0.0:53\", \"[::]:53\"] \
             under [dns] in {}, name the machine it runs on with --server, or the port of a \
             dnsmasq in front of it with --port 53",
            path.display()
        )));
    }
    let mut text = String::new();
    // A String takes everything.
    let _ = write_all(&mut text, walls, &except, doors, by_family);
    Ok(text.trim_end().to_owned())
}

fn write_all(
    text: &mut String,
    walls: &Walls,
    except: &[Exempt],
    doors: [(bool, Option<u16>); 2],
    server: impl Fn(bool) -> Option<IpAddr>,
) -> std::fmt::Result {
    let family = if walls.openwrt { "fw4" } else { "sordino" };
    writeln!(
        text,
        "# Brings every question over port 53 to sordino, and closes the ways around it: DNS over TLS and QUIC (port"
    )?;
    writeln!(
        text,
        "# 853), and the addresses of well-known servers for DNS over HTTPS. Printed by `sordino firewall`."
    )?;
    if walls.openwrt {
        writeln!(text, "# Put this into /etc/nftables.d/90-sordino.nft, then: service firewall restart")?;
        writeln!(text, "# It becomes part of OpenWrt's table inet fw4.")?;
    } else {
        writeln!(
            text,
            "# Put this into a file and load it on the router with: nft -f FILE. Loading it again replaces it;"
        )?;
        writeln!(text, "# nft delete table inet {family} takes it away.")?;
        writeln!(text, "table inet {family}")?;
        writeln!(text, "delete table inet {family}")?;
        writeln!(text, "table inet {family} {{")?;
    }
    let all: BTreeSet<IpAddr> =
        doh_providers().iter().flat_map(|provider| provider.addresses.iter().copied()).collect();
    write_set(text, "sordino_doh4", "ipv4_addr", all.iter().filter(|address| address.is_ipv4()))?;
    write_set(text, "sordino_doh6", "ipv6_addr", all.iter().filter(|address| address.is_ipv6()))?;
    writeln!(text, "\tchain sordino_redirect {{")?;
    writeln!(text, "\t\ttype nat hook prerouting priority dstnat - 5; policy accept;")?;
    write_exceptions(text, walls, except, &server)?;
    for (ipv4, port) in doors {
        let word = if ipv4 { "ipv4" } else { "ipv6" };
        for protocol in ["udp", "tcp"] {
            match (server(ipv4), port) {
                (Some(IpAddr::V4(address)), _) => {
                    writeln!(text, "\t\tmeta nfproto {word} {protocol} dport 53 dnat ip to {address}")?;
                }
                (Some(IpAddr::V6(address)), _) => {
                    writeln!(text, "\t\tmeta nfproto {word} {protocol} dport 53 dnat ip6 to {address}")?;
                }
                (None, Some(port)) => {
                    writeln!(text, "\t\tmeta nfproto {word} {protocol} dport 53 redirect to :{port}")?;
                }
                (None, None) => {}
            }
        }
    }
    writeln!(text, "\t}}\n")?;
    writeln!(text, "\tchain sordino_refuse {{")?;
    writeln!(text, "\t\ttype filter hook forward priority filter - 5; policy accept;")?;
    write_exceptions(text, walls, except, &server)?;
    for (ipv4, port) in doors {
        if server(ipv4).is_none() && port.is_none() {
            let word = if ipv4 { "ipv4" } else { "ipv6" };
            writeln!(
                text,
                "\t\t# sordino does not listen on {word}: what it could not answer is refused, and devices ask it by the other."
            )?;
            writeln!(text, "\t\tmeta nfproto {word} meta l4proto {{ tcp, udp }} th dport 53 reject")?;
        }
    }
    writeln!(text, "\t\ttcp dport 853 reject with tcp reset")?;
    writeln!(text, "\t\tudp dport 853 reject")?;
    for (word, set) in [("ip", "sordino_doh4"), ("ip6", "sordino_doh6")] {
        writeln!(text, "\t\t{word} daddr @{set} tcp dport 443 reject with tcp reset")?;
        writeln!(text, "\t\t{word} daddr @{set} udp dport 443 reject")?;
    }
    writeln!(text, "\t}}")?;
    if !walls.openwrt {
        writeln!(text, "}}")?;
    }
    Ok(())
}

fn write_set<'a>(text: &mut String, name: &str, kind: &str, all: impl Iterator<Item = &'a IpAddr>) -> std::fmt::Result {
    writeln!(text, "\tset {name} {{\n\t\ttype {kind}\n\t\telements = {{")?;
    for address in all {
        writeln!(text, "\t\t\t{address},")?;
    }
    writeln!(text, "\t\t}}\n\t}}\n")
}

/// Who is left alone: exempt devices, other interfaces, and the machine of sordino itself, whose own questions must go out.
fn write_exceptions(
    text: &mut String,
    walls: &Walls,
    except: &[Exempt],
    server: &impl Fn(bool) -> Option<IpAddr>,
) -> std::fmt::Result {
    if let Some(interface) = &walls.interface {
        writeln!(text, "\t\tiifname != \"{interface}\" return")?;
    }
    for except in except {
        match except {
            Exempt::Mac(mac) => writeln!(text, "\t\tether saddr {mac} return")?,
            Exempt::Network(IpAddr::V4(address), len) => {
                writeln!(text, "\t\tip saddr {}/{len} return", masked4(*address, *len))?
            }
            Exempt::Network(IpAddr::V6(address), len) => {
                writeln!(text, "\t\tip6 saddr {}/{len} return", masked6(*address, *len))?
            }
            Exempt::Name(_) => {}
        }
    }
    for address in [server(true), server(false)].into_iter().flatten() {
        let word = if address.is_ipv4() { "ip" } else { "ip6" };
        writeln!(text, "\t\t{word} saddr {address} return\n\t\t{word} daddr {address} return")?;
    }
    Ok(())
}

/// What a device that is told by its name is told by in the kernel: its MAC address, else its addresses.
fn by_its_own(exempt: &Exempt, devices: &[DeviceOptions]) -> Result<Vec<Exempt>, Failure> {
    let Exempt::Name(name) = exempt else { return Ok(vec![exempt.clone()]) };
    let Some(device) = devices.iter().find(|device| device.name == *name) else {
        return Err(Failure::Other(format!(
            "{name:?} is neither a MAC address nor an address or a network such as 192.168.1.0/24, and no [[device]] is called so"
        )));
    };
    let networks = device.networks.iter().map(|&(address, len)| Exempt::Network(address, len));
    let own: Vec<Exempt> = device.mac.map(Exempt::Mac).into_iter().chain(networks).collect();
    if own.is_empty() {
        return Err(Failure::Other(format!(
            "{name} has neither mac nor ip in the configuration, and a router sees nothing else"
        )));
    }
    Ok(own)
}

fn masked4(address: Ipv4Addr, len: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0))
}

fn masked6(address: Ipv6Addr, len: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_exempt() {
        assert_eq!(exempt("192.168.1.7"), Ok(Exempt::Network([192, 168, 1, 7].into(), 32)));
        assert!(matches!(exempt("3c:5a:b4:01:02:03"), Ok(Exempt::Mac(_))));
        assert!(matches!(exempt("fd00::/64"), Ok(Exempt::Network(_, 64))));
        assert!(exempt("192.168.1.0/33").is_err());
        for text in ["", "phone", "10.0.0.1; flush ruleset"] {
            assert!(by_its_own(&exempt(text).unwrap(), &[]).is_err(), "{text}");
        }
        assert!(interface("br-lan").is_ok() && interface("a\" accept").is_err() && interface("").is_err());
        assert_eq!(masked4([192, 168, 1, 7].into(), 24), Ipv4Addr::new(192, 168, 1, 0));
        assert_eq!(masked4([192, 168, 1, 7].into(), 0), Ipv4Addr::UNSPECIFIED);
    }
}
