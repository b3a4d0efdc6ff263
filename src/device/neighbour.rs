//! Who uses which address, as the kernel saw it: its tables of ARP and NDP neighbours (rtnetlink(7), `RTM_GETNEIGH`).
//!
//! The kernel tells of changes and is asked for the whole table at the start, now and then, and when an address turns up
//! that nobody knows. What the kernel forgets is remembered for a day, so that a phone that slept is the same device
//! when it wakes up. Without netlink sordino goes on: devices are then told apart by address alone.

mod table;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::{Handle, MulticastGroup, new_connection, new_multicast_connection};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::table::Table;
use super::Lookout;
use crate::policy::MacAddr;
use crate::time::Clock;

/// How many addresses of strangers may wait for the watcher; more are dropped, they will ask again.
pub const STRANGERS_BOUND: usize = 64;
/// How often the kernel's table is read at most, and how long a change may wait to be told.
const PACE: Duration = Duration::from_secs(1);
/// How often the kernel's table is read although nothing called for it: what was missed is found again.
const REVIEW: Duration = Duration::from_secs(300);

/// Who was not seen for longer than this is looked for.
const LOOKED_FOR_AFTER: Duration = Duration::from_secs(1800);
/// Addresses that are looked for in one review.
const LOOKED_FOR_BOUND: usize = 64;

/// Watches until `stop`, and tells `publish` the whole table whenever it has changed. `publish` says whether it took it;
/// otherwise it is told again a moment later. `strangers` are addresses that nobody knows. Who is seen is noted with the
/// lookout.
pub async fn watch<F: Future<Output = bool>>(
    mut strangers: mpsc::Receiver<IpAddr>,
    (lookout, clock): (Arc<Lookout>, Clock),
    stop: CancellationToken,
    publish: impl Fn(HashMap<IpAddr, MacAddr>) -> F,
) {
    let (connection, handle, messages) = match new_multicast_connection(&[MulticastGroup::Neigh]) {
        Ok(connected) => connected,
        Err(error) => return warn_blind(&error),
    };
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let mut messages = pin!(messages);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut table = Table::default();
    let mut review_at = Instant::now();
    let mut untold = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            message = messages.next() => match message.map(|(message, _)| message.payload) {
                None => return warn_blind(&"the netlink socket was closed"),
                Some(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(message))) => {
                    if let Some(seen) = read(&message) {
                        untold |= table.hear(seen.address, seen.mac, Instant::now().into());
                        seen.tell(&lookout, &clock);
                    }
                }
                // Messages were lost, or this is none that tells of a neighbour.
                Some(NetlinkPayload::Overrun(_)) => review_at = Instant::now(),
                Some(_) => {}
            },
            Some(stranger) = strangers.recv() => {
                if !stranger.is_loopback() && !table.knows(stranger) {
                    review_at = Instant::now();
                }
            }
            _ = pace.tick() => {
                let now = Instant::now();
                if review_at <= now {
                    review_at = now + REVIEW;
                    match dump(&handle).await {
                        Ok(all) => for seen in all {
                            untold |= table.hear(seen.address, seen.mac, now.into());
                            seen.tell(&lookout, &clock);
                        },
                        Err(error) => return warn_blind(&error),
                    }
                    untold |= table.forget(now.into());
                    look_for(table.pairs().into_keys(), &lookout, &clock);
                }
                if untold {
                    untold = !publish(table.pairs()).await;
                }
            }
        }
    }
}

/// Who uses which address at this moment; empty where the kernel does not tell.
pub async fn once() -> HashMap<IpAddr, MacAddr> {
    let Ok((connection, handle, _)) = new_connection() else {
        return HashMap::new();
    };
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    dump(&handle).await.unwrap_or_default().into_iter().map(|seen| (seen.address, seen.mac)).collect()
}

/// Has the kernel look whether those of `addresses` are there that were not seen for long: it asks on the link for whom it
/// has something to send to. What is sent is empty, and goes to the port that throws away what comes (RFC 863).
fn look_for(addresses: impl Iterator<Item = IpAddr>, lookout: &Lookout, clock: &Clock) {
    const DISCARD: u16 = 9;
    let then = clock.now().before(LOOKED_FOR_AFTER);
    let reachable = |address: &IpAddr| !matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let missed = addresses.filter(|address| reachable(address) && !lookout.saw_since(*address, then));
    for address in missed.take(LOOKED_FOR_BOUND) {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        // Whoever cannot be sent anything is not seen, and that is all there is to it.
        let _ = UdpSocket::bind((any, 0)).and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.send_to(&[], (address, DISCARD))
        });
    }
}

async fn dump(handle: &Handle) -> Result<Vec<Neighbour>, rtnetlink::Error> {
    let messages = pin!(handle.neighbours().get().execute());
    messages.try_filter_map(async |message| Ok(read(&message))).try_collect().await
}

fn warn_blind(error: &dyn std::fmt::Display) {
    tracing::warn!(
        "the kernel does not tell which hardware address uses which address ({error}); devices are told apart by address alone"
    );
}

/// An address, and who the kernel saw using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Neighbour {
    address: IpAddr,
    mac: MacAddr,
    /// Whether it answered a moment ago, and is not only remembered.
    is_there: bool,
}

impl Neighbour {
    fn tell(self, lookout: &Lookout, clock: &Clock) {
        if self.is_there {
            lookout.saw(self.address, clock.now());
        }
    }
}

/// The address and the MAC in `message`, if the kernel vouches for the pair.
fn read(message: &NeighbourMessage) -> Option<Neighbour> {
    use NeighbourState::{Delay, Permanent, Probe, Reachable, Stale};
    if !matches!(message.header.state, Reachable | Stale | Delay | Probe | Permanent) {
        return None;
    }
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => address = Some(IpAddr::V4(*v4)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => address = Some(IpAddr::V6(*v6)),
            NeighbourAttribute::LinkLayerAddress(octets) => mac = octets.as_slice().try_into().ok().map(MacAddr),
            _ => {}
        }
    }
    let (address, mac) = (address?, mac?);
    // The low bit of the first octet marks a group and not a device (IEEE 802-2014 §8.2.2); all zeros stand for none.
    let is_device = mac.0[0] & 1 == 0 && mac.0 != [0; 6];
    let is_there = message.header.state == Reachable;
    (is_device && !address.is_multicast() && !address.is_unspecified()).then_some(Neighbour { address, mac, is_there })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(state: NeighbourState, address: &str, octets: &[u8]) -> NeighbourMessage {
        let address: IpAddr = address.parse().unwrap();
        let mut message = NeighbourMessage::default();
        message.header.state = state;
        message.attributes = vec![
            NeighbourAttribute::Destination(address.into()),
            NeighbourAttribute::LinkLayerAddress(octets.to_vec()),
        ];
        message
    }

    #[test]
    fn only_pairs_that_the_kernel_vouches_for_count() {
        let phone = [0x3c, 0x5a, 0xb4, 1, 2, 3];
        let pair = Some(("192.0.2.7".parse().unwrap(), MacAddr(phone)));
        for (state, address, octets, expected) in [
            (NeighbourState::Reachable, "192.0.2.7", &phone[..], pair),
            (NeighbourState::Stale, "192.0.2.7", &phone, pair),
            (NeighbourState::Permanent, "192.0.2.7", &phone, pair),
            (NeighbourState::Failed, "192.0.2.7", &phone, None),
            (NeighbourState::Incomplete, "192.0.2.7", &phone, None),
            (NeighbourState::Noarp, "192.0.2.7", &phone, None),
            (NeighbourState::Stale, "ff02::1", &phone, None),
            (NeighbourState::Stale, "192.0.2.7", &[0; 6], None),
            (NeighbourState::Stale, "192.0.2.7", &[1, 0, 0x5e, 0, 0, 1], None),
            (NeighbourState::Stale, "192.0.2.7", &[1, 2, 3, 4], None),
        ] {
            let found = read(&message(state, address, octets));
            assert_eq!(found.map(|seen| (seen.address, seen.mac)), expected, "{state:?} {address} {octets:?}");
            assert!(found.is_none_or(|seen| seen.is_there == (state == NeighbourState::Reachable)), "{state:?}");
        }
    }

    #[tokio::test]
    async fn the_watcher_ends_when_it_is_told_to() {
        let (_hints, strangers) = mpsc::channel(STRANGERS_BOUND);
        let stop = CancellationToken::new();
        stop.cancel();
        watch(strangers, (Arc::default(), Clock::System), stop, async |_| true).await;
    }
}
