//! The sockets of DNS, and who has them when sordino cannot.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{fmt, fs, io};

use crate::dns::{BindError, Listeners, Options};

/// Binds what `options` names. On a machine without IPv6, IPv6 addresses are left out as long as another one remains, so
/// that one configuration serves both.
pub(super) fn bind(options: &mut Options) -> Result<Listeners, String> {
    let has_ipv6 = fs::read_to_string("/proc/net/if_inet6").is_ok_and(|interfaces| !interfaces.is_empty());
    if !has_ipv6 && options.listen.iter().any(SocketAddr::is_ipv4) {
        options.listen.retain(|address| {
            let kept = address.is_ipv4();
            if !kept {
                tracing::warn!("this machine has no IPv6, so sordino does not listen on {address}");
            }
            kept
        });
    }
    // Two programs that both ask to share a port can have it both, and the kernel deals the packets out between them.
    if let Some(taken) = taken(&options.listen, |bound, wanted| bound == wanted) {
        return Err(taken.to_string());
    }
    Listeners::bind(options).map_err(|error: BindError| {
        taken(&options.listen, overlaps).map_or_else(|| with_cure(&error), |taken| taken.to_string())
    })
}

/// Somebody else has an address that sordino wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What sordino wants.
    pub(crate) wanted: SocketAddr,
    protocol: &'static str,
    /// The name and the process ID of the program; none where the system does not tell.
    pub(crate) owner: Option<(String, u32)>,
}

/// Who has the first of `wanted` that cannot be had, where /proc tells.
pub(crate) fn who_has(wanted: &[SocketAddr]) -> Option<Taken> {
    taken(wanted, overlaps)
}

/// Whether a socket that is `bound` keeps others from `wanted`.
fn overlaps(bound: SocketAddr, wanted: SocketAddr) -> bool {
    let anywhere = bound.ip().is_unspecified() || wanted.ip().is_unspecified();
    let same_family = bound.is_ipv4() == wanted.is_ipv4() || bound.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    bound.port() == wanted.port() && (bound.ip() == wanted.ip() || anywhere && same_family)
}

fn with_cure(error: &BindError) -> String {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    let cure = match cause {
        Some(io::ErrorKind::PermissionDenied) => {
            "; give sordino the capability CAP_NET_BIND_SERVICE, or choose a port above 1023 in [dns] listen"
        }
        Some(io::ErrorKind::AddrNotAvailable) => {
            "; this machine does not have that address: choose one that it has in [dns] listen"
        }
        _ => "",
    };
    format!("{error}{}", cure.replace("[dns]", &format!("[{}]", error.section)))
}

/// Who has the first of `wanted` that is taken, where /proc tells.
fn taken(wanted: &[SocketAddr], conflict: impl Fn(SocketAddr, SocketAddr) -> bool) -> Option<Taken> {
    for (table, protocol) in [("udp", "UDP"), ("udp6", "UDP"), ("tcp", "TCP"), ("tcp6", "TCP")] {
        let bound = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for (bound, inode) in bound.lines().filter_map(|line| waiting_socket(line, protocol)) {
            let Some(wanted) = wanted.iter().find(|wanted| wanted.port() != 0 && conflict(bound, **wanted)) else {
                continue;
            };
            return Some(Taken { wanted: *wanted, protocol, owner: owner(inode) });
        }
    }
    None
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, protocol, owner } = self;
        let port = wanted.port();
        let (who, cure) = match owner {
            Some((name, id)) => (format!("{name} (process {id})"), cure(name)),
            None => (
                "a program of another user".to_owned(),
                format!("run `ss -lntup 'sport = :{port}'` as root to see which, stop it"),
            ),
        };
        write!(
            f,
            "{wanted} cannot be listened on, because {protocol} port {port} is taken by {who}; {cure}, or choose another address in [dns] listen"
        )
    }
}

fn cure(name: &str) -> String {
    match name {
        // The kernel cuts names off after 15 characters.
        "systemd-resolve" => {
            "set DNSStubListener=no in /etc/systemd/resolved.conf and run `systemctl restart systemd-resolved` (`sordino setup --apply` does)".into()
        }
        "sordino" => "stop that sordino".into(),
        _ => "stop it".into(),
    }
}

/// Name and process ID of a program that holds the socket. Those of other users are seen by root only.
fn owner(inode: u64) -> Option<(String, u32)> {
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(mut files) = fs::read_dir(process.path().join("fd")) else { continue };
        if files.any(|file| file.is_ok_and(|file| fs::read_link(file.path()).is_ok_and(|link| *link == *socket))) {
            let name = fs::read_to_string(process.path().join("comm")).ok()?;
            return Some((name.trim_end().to_owned(), id));
        }
    }
    None
}

/// Address and inode of the socket in a line of /proc/net/{udp,tcp}{,6} (proc(5)), if it waits for anyone to talk to it.
fn waiting_socket(line: &str, protocol: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    // TCP_LISTEN, and for UDP TCP_CLOSE, which means unconnected.
    if *state != if protocol == "TCP" { "0A" } else { "07" } {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // Words of the address as they lie in memory, printed as numbers of this machine.
    let word = |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let octets = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()
        }
        _ => return None,
    };
    Some((SocketAddr::new(address, port), inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn whoever_has_the_port_is_named() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        for (wanted, protocol) in [(tcp.local_addr().unwrap(), "TCP"), (udp.local_addr().unwrap(), "UDP")] {
            let sentence = taken(&[wanted], |bound, wanted| bound == wanted).unwrap().to_string();
            let expected = format!("{protocol} port {} is taken by ", wanted.port());
            assert!(sentence.contains(&expected), "{sentence}");
            assert!(sentence.contains(&format!("(process {})", std::process::id())), "{sentence}");
            drop(sentence);
        }
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(taken(&[free], |bound, wanted| bound == wanted), None);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_tables_of_the_kernel_are_understood() {
        let udp = "  351: 0100007F:14B4 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000 0 61183 2 0 0";
        assert_eq!(waiting_socket(udp, "UDP"), Some(("127.0.0.1:5300".parse().unwrap(), 61183)));
        let tcp6 = "   0: 00000000000000000000000001000000:14B4 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 7 1 0";
        assert_eq!(waiting_socket(tcp6, "TCP"), Some(("[::1]:5300".parse().unwrap(), 7)));
        let connected = udp.replace(" 07 ", " 01 ");
        assert_eq!(waiting_socket(&connected, "UDP"), None);
        assert_eq!(waiting_socket("  sl  local_address rem_address   st tx_queue", "UDP"), None);
    }
}
