//! Believable and unbelievable events for the tests of this module.

use std::net::IpAddr;

use proptest::option;
use proptest::prelude::*;

use super::{Filter, kept_took};
use crate::event::{Event, Outcome, Transport};
use crate::policy::{DeviceId, MacAddr, Name, Verdict};
use crate::time::Timestamp;

pub(super) fn any_name() -> impl Strategy<Value = Name> {
    let label = prop::collection::vec(any::<u8>(), 1..12);
    let odd = prop::collection::vec(label, 0..6).prop_map(|labels| {
        let mut wire: Vec<u8> =
            labels.iter().flat_map(|label| [&[label.len() as u8], label.as_slice()].concat()).collect();
        wire.push(0);
        Name::from_wire(&wire).unwrap()
    });
    let usual = "[a-c]{1,2}\\.(example|test)".prop_map(|text| Name::parse(&text).unwrap());
    prop_oneof![odd, usual]
}

fn any_device() -> impl Strategy<Value = DeviceId> {
    prop_oneof![
        (0u8..3).prop_map(|last| DeviceId::Mac(MacAddr([2, 0, 0, 0, 0, last]))),
        any::<IpAddr>().prop_map(DeviceId::Address),
        "[a-z ]{1,8}".prop_map(|name| DeviceId::Named(name.into())),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    use Outcome::{Cached, Failed, Forwarded, Local, Muted, Refused, Stale};
    prop::sample::select(vec![Muted, Cached, Forwarded, Stale, Local, Failed, Refused])
}

/// Times near each other, as they are, and any time at all, as a broken clock has it.
fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![9 => 1_795_000_000_000..1_795_000_100_000u64, 1 => any::<u64>()].prop_map(Timestamp::from_millis)
}

pub(super) fn any_event() -> impl Strategy<Value = Event> {
    use Transport::{Https, Quic, Tcp, Tls, Udp};
    let who = (any_time(), any_device(), any::<IpAddr>(), prop::sample::select(vec![Udp, Tcp, Tls, Https, Quic]));
    let what = (any_name(), any::<u16>(), any_verdict(), any_outcome(), any::<u16>());
    let how =
        (option::of("[a-z]{0,3}"), option::of(any_name()), option::of("udp://[0-9]"), any::<u32>().prop_map(kept_took));
    (who, what, how).prop_map(|((at, device, address, transport), (name, qtype, verdict, outcome, rcode), how)| {
        let (list, alias, upstream, took_us) = how;
        let (list, upstream) = (list.map(Into::into), upstream.map(Into::into));
        Event { at, device, address, transport, name, qtype, verdict, outcome, rcode, list, alias, upstream, took_us }
    })
}

/// A query like any other, at `millis`.
pub(super) fn plain(millis: u64, name: &str) -> Event {
    let address = IpAddr::from([192, 168, 1, 7]);
    Event {
        at: Timestamp::from_millis(millis),
        device: DeviceId::Address(address),
        address,
        transport: Transport::Udp,
        name: Name::parse(name).unwrap(),
        qtype: 1,
        verdict: Verdict::Pass,
        outcome: Outcome::Cached,
        rcode: 0,
        list: None,
        alias: None,
        upstream: None,
        took_us: 0,
    }
}

pub(super) fn any_filter() -> impl Strategy<Value = Filter> {
    let parts = (
        option::weighted(0.3, any_device()),
        option::weighted(0.3, "[A-Ca-c]{1,2}\\.?(ex)?"),
        option::weighted(0.3, any_verdict()),
        option::weighted(0.3, any_outcome()),
        option::weighted(0.3, any_time()),
        option::weighted(0.3, any_time()),
    );
    parts.prop_map(|(device, name, verdict, outcome, from, to)| Filter {
        device,
        name,
        verdict,
        outcome,
        from,
        to,
        ..Filter::default()
    })
}
