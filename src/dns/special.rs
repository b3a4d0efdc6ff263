//! Names that have a meaning of their own and never leave the house.
//!
//! `test.` is forwarded although RFC 6761 §6.2 suggests not to: people who run a zone of that name in a laboratory have
//! a forwarder that knows it, and nothing leaks by it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::query::Query;
use super::reply::{Reply, minimal_any};
use super::wire::{self, CLASS_IN, Rcode, rr_type};
use crate::event::Outcome;
use crate::policy::NameRef;

/// TTL of what is said about these names, seconds. They do not change; an hour spares repeated questions.
const TTL: u32 = 3_600;

/// Names at the end of a name, rightmost label first, that no forwarder is asked about: NXDOMAIN.
const LOCAL_ZONES: &[&[&[u8]]] = &[
    &[b"invalid"],          // RFC 6761 §6.4
    &[b"onion"],            // RFC 7686 §2
    &[b"alt"],              // RFC 9476 §2
    &[b"local"],            // RFC 6762 §22.1
    &[b"arpa", b"home"],    // RFC 8375 §4
    &[b"arpa", b"service"], // RFC 9665
    &[b"lan"],              // RFC 6762 appendix G
    &[b"home"],             // RFC 6762 appendix G
    &[b"corp"],             // RFC 6762 appendix G
    &[b"intranet"],         // RFC 6762 appendix G
    &[b"private"],          // RFC 6762 appendix G
    &[b"internal"],         // reserved by ICANN in 2024
];

/// Reverse zones of addresses that mean nothing outside: first octet, and range of the second (RFC 6303 §4, RFC 7793,
/// RFC 6762 §12).
const PRIVATE_IPV4: [(&[u8], u8, u8); 7] = [
    (b"0", 0, 255),
    (b"10", 0, 255),
    (b"127", 0, 255),
    (b"100", 64, 127),
    (b"169", 254, 254),
    (b"172", 16, 31),
    (b"192", 168, 168),
];

/// The reply to a question about a special name; none if the name is like any other.
pub(crate) fn reply(query: &Query) -> Option<Reply> {
    reply_about(query.name.as_ref(), query.qtype)
}

/// Whether nobody outside is asked about `name`, unless the operator says whom.
pub(crate) fn stays_here(name: NameRef<'_>, qtype: u16) -> bool {
    reply_about(name, qtype).is_some()
}

fn reply_about(name: NameRef<'_>, qtype: u16) -> Option<Reply> {
    if is_like_any_other(name) {
        return None;
    }
    let labels = Labels::from_right(name);
    if labels.begin_with(&[b"localhost"]) {
        return Some(localhost(qtype));
    }
    // RFC 8375 §4: the insecure delegation must stay visible to validating stubs.
    if qtype == rr_type::DS && labels.are(&[b"arpa", b"home"]) {
        return None;
    }
    if labels.are(&[b"arpa", b"home"]) {
        return Some(zone(qtype));
    }
    if labels.begin_with(&[b"arpa", b"resolver"]) {
        // RFC 9462 §6.4: nothing below is asked of forwarders, and what we designate was said before.
        return Some(if labels.count == 2 { zone(qtype) } else { Reply::negative(Rcode::NO_ERROR, TTL) });
    }
    if LOCAL_ZONES.iter().any(|zone| labels.begin_with(zone)) {
        return Some(Reply::negative(Rcode::NAME_ERROR, TTL));
    }
    if labels.begin_with(&[b"arpa"]) && is_private_reverse(&labels) {
        let loopback = qtype == rr_type::PTR && is_loopback_reverse(&labels);
        return Some(if loopback {
            Reply::records(TTL, vec![(rr_type::PTR, Box::from(*b"\x09localhost\x00"))])
        } else if labels.count >= address_labels(&labels) {
            Reply::negative(Rcode::NAME_ERROR, TTL)
        } else if is_private_reverse(&labels.above()) {
            Reply::negative(Rcode::NO_ERROR, TTL)
        } else {
            zone(qtype)
        });
    }
    // A single label is the name of a thing in the house; nobody outside knows its address, or what is asked with it.
    let address = matches!(qtype, rr_type::A | rr_type::AAAA | rr_type::SVCB | rr_type::HTTPS);
    (address && labels.count == 1).then(|| Reply::negative(Rcode::NAME_ERROR, TTL))
}

/// The reply about a zone of ours itself (RFC 6303 §3). Devices have names below it, so it must never be said not to
/// exist: that would deny them as well (RFC 8020 §2).
fn zone(qtype: u16) -> Reply {
    match qtype {
        rr_type::SOA => Reply::records(TTL, vec![(qtype, wire::soa(TTL).into())]),
        _ => Reply::negative(Rcode::NO_ERROR, TTL),
    }
}

/// Whether it takes no more than a look at its end to see that `name` means nothing of its own, as for nearly every one.
fn is_like_any_other(name: NameRef<'_>) -> bool {
    let mut labels = name.labels();
    // A single label means something in itself.
    labels.next();
    let Some(last) = labels.last() else { return false };
    last != b"arpa" && last != b"localhost" && !LOCAL_ZONES.iter().any(|zone| zone.first() == Some(&last))
}

/// The reply to a question that is never forwarded, whatever its name.
pub(crate) fn not_forwarded(query: &Query) -> Option<(Outcome, Reply)> {
    let rcode = match query.qtype {
        _ if query.qclass != CLASS_IN => Rcode::REFUSED,
        rr_type::ANY => return Some((Outcome::Local, minimal_any())),
        // Zone transfers are between authorities (RFC 5936 §2.2).
        rr_type::AXFR | rr_type::IXFR => Rcode::REFUSED,
        rr_type::MAILA | rr_type::MAILB => Rcode::NOT_IMPLEMENTED,
        // Types that live in messages and never in zones (RFC 6895 §3.1); NXNAME lives in proofs only (RFC 9824).
        0 | rr_type::OPT | rr_type::NXNAME | rr_type::TKEY | rr_type::TSIG => Rcode::FORMAT_ERROR,
        _ => return None,
    };
    Some((Outcome::Refused, Reply::error(rcode)))
}

/// RFC 6761 §6.3.
fn localhost(qtype: u16) -> Reply {
    match qtype {
        rr_type::A => Reply::records(TTL, vec![(qtype, Box::from(Ipv4Addr::LOCALHOST.octets()))]),
        rr_type::AAAA => Reply::records(TTL, vec![(qtype, Box::from(Ipv6Addr::LOCALHOST.octets()))]),
        _ => Reply::negative(Rcode::NO_ERROR, TTL),
    }
}

/// 32 nibbles, `ip6` and `arpa`; a name with more labels is none of ours, whatever its end.
const MOST_LABELS: usize = 34;

/// The labels of a name from the right. The longest names that matter here are reverse names of IPv6.
struct Labels<'a> {
    labels: [&'a [u8]; MOST_LABELS],
    count: usize,
}

impl<'a> Labels<'a> {
    fn from_right(name: NameRef<'a>) -> Self {
        let count = name.labels().count();
        let mut labels = [&[] as &[u8]; MOST_LABELS];
        for (place, label) in name.labels().enumerate() {
            if let Some(slot) = labels.get_mut(count - 1 - place) {
                *slot = label;
            }
        }
        Self { labels, count }
    }

    fn begin_with(&self, zone: &[&[u8]]) -> bool {
        self.labels.starts_with(zone)
    }

    fn are(&self, name: &[&[u8]]) -> bool {
        self.count == name.len() && self.begin_with(name)
    }

    /// Those of the name above, where it is none of the longest.
    fn above(&self) -> Self {
        let (mut labels, count) = (self.labels, self.count.saturating_sub(1));
        labels.iter_mut().skip(count).for_each(|label| *label = &[]);
        Self { labels, count }
    }
}

/// How many labels the reverse name of one address has. Shorter ones stand above names that may exist.
fn address_labels(labels: &Labels<'_>) -> usize {
    if labels.labels[1] == b"ip6" { MOST_LABELS } else { 6 }
}

fn is_private_reverse(labels: &Labels<'_>) -> bool {
    let [_, family, first, second, third, ..] = &labels.labels;
    match *family {
        b"in-addr" => {
            // A whole network, such as 10.in-addr.arpa itself, has no second octet.
            let octet = std::str::from_utf8(second).ok().and_then(|text| text.parse::<u8>().ok());
            let within = |low, high| octet.map_or(low == 0 && high == 255, |octet| (low..=high).contains(&octet));
            // Documentation networks and the limited broadcast (RFC 6303 §4.2).
            const WHOLE: [[&[u8]; 3]; 3] = [[b"192", b"0", b"2"], [b"198", b"51", b"100"], [b"203", b"0", b"113"]];
            PRIVATE_IPV4.iter().any(|&(octet, low, high)| *first == octet && within(low, high))
                || WHOLE.contains(&[*first, *second, *third])
                || (labels.count == 6 && labels.labels[2..6] == [b"255"; 4])
        }
        b"ip6" => {
            let nibbles = &labels.labels[2..];
            let link_local = *first == b"f" && *second == b"e" && matches!(*third, b"8" | b"9" | b"a" | b"b");
            let unique_local = *first == b"f" && matches!(*second, b"c" | b"d");
            const DOCUMENTATION: [&[u8]; 8] = [b"2", b"0", b"0", b"1", b"0", b"d", b"b", b"8"];
            link_local || unique_local || nibbles.starts_with(&DOCUMENTATION) || is_unspecified_or_loopback(labels)
        }
        _ => false,
    }
}

fn is_loopback_reverse(labels: &Labels<'_>) -> bool {
    labels.are(&[b"arpa", b"in-addr", b"127", b"0", b"0", b"1"])
        || (is_unspecified_or_loopback(labels) && labels.labels[MOST_LABELS - 1] == b"1")
}

fn is_unspecified_or_loopback(labels: &Labels<'_>) -> bool {
    let nibbles = &labels.labels[2..];
    labels.count == MOST_LABELS
        && nibbles[..31].iter().all(|nibble| *nibble == b"0")
        && matches!(nibbles[31], b"0" | b"1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::wire::HEADER_LEN;
    use crate::policy::Name;

    fn rcode(name: &str, qtype: u16) -> Option<Rcode> {
        let mut packet = vec![0; HEADER_LEN];
        packet[5] = 1;
        packet.extend_from_slice(Name::parse(name).unwrap().as_ref().wire());
        packet.extend_from_slice(&qtype.to_be_bytes());
        packet.extend_from_slice(&[0, 1]);
        reply(&Query::parse(&packet).unwrap()).map(|reply| reply.rcode)
    }

    #[test]
    fn names_that_never_leave_the_house() {
        for name in [
            "x.invalid",
            "x.onion",
            "x.alt",
            "printer.local",
            "nas",
            "x.lan",
            "x.home.arpa",
            "77.1.168.192.in-addr.arpa",
            "1.0.31.172.in-addr.arpa",
            "1.0.64.100.in-addr.arpa",
            "1.2.0.192.in-addr.arpa",
            "255.255.255.255.in-addr.arpa",
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
        ] {
            assert_eq!(rcode(name, rr_type::A), Some(Rcode::NAME_ERROR), "{name}");
        }
        for name in ["home.arpa", "168.192.in-addr.arpa", "1.168.192.in-addr.arpa", "8.e.f.ip6.arpa", "0.d.f.ip6.arpa"]
        {
            assert_eq!(rcode(name, rr_type::A), Some(Rcode::NO_ERROR), "{name}");
        }
        for name in ["localhost", "foo.localhost", "1.0.0.127.in-addr.arpa"] {
            assert_eq!(rcode(name, rr_type::PTR), Some(Rcode::NO_ERROR), "{name}");
        }
    }

    #[test]
    fn names_like_any_other() {
        for name in [
            "example",
            "www.example.com",
            "ipv4only.arpa",
            "8.8.8.8.in-addr.arpa",
            "1.0.32.172.in-addr.arpa",
            "invalid.example",
            "a.test",
            "1.0.0.2.ip6.arpa",
        ] {
            assert_eq!(rcode(name, rr_type::PTR), None, "{name}");
        }
        assert_eq!(rcode("com", 2), None);
        assert_eq!(rcode(".", 2), None);
        assert_eq!(rcode("home.arpa", rr_type::DS), None);
    }
}
