//! Names of this house: the operator's own records and zones, and the devices under their names.

use std::net::IpAddr;

use super::query::Query;
use super::reply::{Owned, Reply};
use super::wire::{Rcode, rr_type};
use crate::device::{Device, Devices};
use crate::local::{self, Found, Rrset};
use crate::policy::{Name, NameRef, Rewrite};
use crate::snapshot::Snapshot;

/// TTL of what is said about devices, seconds: their addresses change.
const DEVICE_TTL: u32 = 60;
/// Where devices live (RFC 8375).
const HOME: &[u8] = b"\x04home\x04arpa\x00";

/// What the house knows about a name of its own.
pub(crate) enum Known {
    Reply(Reply),
    /// The name is an alias of one that is not ours; the TTL of the alias.
    Alias(Rewrite, u32),
}

/// What the house knows about the name of `query`; none where it is not one of its own.
pub(crate) fn find(query: &Query, snapshot: &Snapshot) -> Option<Known> {
    match snapshot.local.records.find(query.name.as_ref(), query.qtype) {
        Some(Found::Records(way)) => Some(Known::Reply(Reply::own(Rcode::NO_ERROR, owned(&way), None))),
        Some(Found::Negative(way, missing, soa)) => {
            let rcode = if missing { Rcode::NAME_ERROR } else { Rcode::NO_ERROR };
            Some(Known::Reply(Reply::own(rcode, owned(&way), soa.and_then(|(apex, set)| authority(apex, set)))))
        }
        Some(Found::Elsewhere(target, ttl)) => {
            Some(Known::Alias(Rewrite { alias: Some(target), ..Rewrite::default() }, ttl))
        }
        None => device(query, &snapshot.devices).map(Known::Reply),
    }
}

fn owned(way: &[(Option<Name>, &Rrset)]) -> Vec<Owned> {
    let records = way.iter().flat_map(|(owner, set)| {
        set.rdata.iter().map(|rdata| Owned {
            owner: owner.clone(),
            rtype: set.rtype,
            ttl: set.ttl,
            rdata: rdata.clone(),
        })
    });
    records.collect()
}

/// The SOA record of a negative answer, with the TTL that the answer may be kept (RFC 2308 §3).
fn authority(apex: &Name, set: &Rrset) -> Option<Owned> {
    let rdata = set.rdata.first()?;
    let minimum = u32::from_be_bytes(*rdata.last_chunk()?);
    Some(Owned { owner: Some(apex.clone()), rtype: rr_type::SOA, ttl: set.ttl.min(minimum), rdata: rdata.clone() })
}

/// A device by its name (`phone.home.arpa`, or `phone` alone), and its name by its address.
fn device(query: &Query, devices: &Devices) -> Option<Reply> {
    let name = query.name.as_ref();
    if let Some(address) = local::address_of(name) {
        let device = devices.identify(address).filter(|device| device.addresses.contains(&address))?;
        let target = Name::parse(&format!("{}.home.arpa", label(device)?)).ok()?;
        return Some(match query.qtype {
            rr_type::PTR => records(vec![(rr_type::PTR, target.as_ref().wire().into())]),
            _ => records(Vec::new()),
        });
    }
    // RFC 6761 §6.3: that name is this machine, whatever a device is called.
    let asked = device_label(name).filter(|label| *label != b"localhost")?;
    let mut there = false;
    let mut found: Vec<(u16, Box<[u8]>)> = Vec::new();
    for device in devices.iter().filter(|device| label(device).is_some_and(|label| label.as_bytes() == asked)) {
        there = true;
        found.extend(device.addresses.iter().filter_map(|address| match (address, query.qtype) {
            (IpAddr::V4(address), rr_type::A) => Some((rr_type::A, Box::from(address.octets()))),
            // A link-local address means nothing without the link it is on.
            (IpAddr::V6(address), rr_type::AAAA) if !address.is_unicast_link_local() => {
                Some((rr_type::AAAA, Box::from(address.octets())))
            }
            _ => None,
        }));
    }
    there.then(|| records(found))
}

fn records(found: Vec<(u16, Box<[u8]>)>) -> Reply {
    let owned = |(rtype, rdata)| Owned { owner: None, rtype, ttl: DEVICE_TTL, rdata };
    Reply::own(Rcode::NO_ERROR, found.into_iter().map(owned).collect(), None)
}

/// The only label of a name, or the only one in front of `home.arpa`.
fn device_label(name: NameRef<'_>) -> Option<&[u8]> {
    let parent = name.parent()?;
    (parent.is_root() || parent.wire() == HOME).then(|| name.labels().next()).flatten()
}

/// What people call the device, as a label: letters and digits, with a hyphen for whatever else is between them. None
/// for a device that is only known by its address, and for one whose name nobody but itself told: any device may say to
/// everyone that it is `wpad`, or the one with your files on it.
fn label(device: &Device) -> Option<String> {
    if device.self_named || device.name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let words = device.name.split(|c: char| !c.is_ascii_alphanumeric() && c != '\'' && c != '’');
    let words: Vec<String> =
        words.map(|word| word.replace(['\'', '’'], "").to_ascii_lowercase()).filter(|word| !word.is_empty()).collect();
    let label = words.join("-");
    (!label.is_empty() && label.len() <= crate::policy::MAX_LABEL_LEN).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_device_becomes_a_label() {
        let called = |name: &str| label(&Device { name: name.into(), ..Device::unknown([192, 168, 1, 7].into()) });
        for (name, expected) in [
            ("phone", Some("phone")),
            ("Anna's phone", Some("annas-phone")),
            ("  TV (living room) ", Some("tv-living-room")),
            ("Device 3c:21", Some("device-3c-21")),
            ("192.168.1.7", None),
            ("fd00::7", None),
            ("日本", None),
        ] {
            assert_eq!(called(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn only_whole_names_are_names_of_devices() {
        for (text, expected) in [
            ("phone", Some("phone")),
            ("phone.home.arpa", Some("phone")),
            ("x.phone.home.arpa", None),
            ("home.arpa", None),
            ("phone.example", None),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(device_label(name.as_ref()), expected.map(str::as_bytes), "{text}");
        }
    }
}
