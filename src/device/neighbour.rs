//! Who uses which address, as the kernel saw it: its tables of ARP and NDP neighbours (rtnetlink(7), `RTM_GETNEIGH`).
//!
//! The kernel tells of changes and is asked for the whole table at the start, now and then, and when an address turns up
//! that nobody knows. What the kernel forgets is remembered for a day, so that a phone that slept is the same device
//! when it wakes up. Without netlink sordino goes on: devices are then told apart by address alone.

mod netlink;
mod table;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use self::netlink::{Neighbour, Netlink, Told};
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
/// How long the kernel may take to tell its table to who asks once.
const PATIENCE: Duration = Duration::from_secs(2);

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
    let mut netlink = match Netlink::open(true) {
        Ok(netlink) => netlink,
        Err(error) => return warn_blind(&error),
    };
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut table = Table::default();
    let mut review_at = Instant::now();
    let mut untold = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            told = netlink.told() => match told {
                Err(error) => return warn_blind(&error),
                Ok(told) => for told in told {
                    match told {
                        Told::Neighbour(seen) => {
                            untold |= table.hear(seen.address, seen.mac, Instant::now().into());
                            seen.tell(&lookout, &clock);
                        }
                        Told::Whole => {
                            untold |= table.forget(Instant::now().into());
                            look_for(table.pairs().into_keys(), &lookout, &clock);
                        }
                        Told::Missed => review_at = Instant::now(),
                        Told::Refused(reason) => return warn_blind(&reason),
                    }
                }
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
                    if let Err(error) = netlink.ask().await {
                        return warn_blind(&error);
                    }
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
    let mut table = HashMap::new();
    match timeout(PATIENCE, fill(&mut table)).await {
        Ok(Ok(())) => table,
        _ => HashMap::new(),
    }
}

async fn fill(table: &mut HashMap<IpAddr, MacAddr>) -> io::Result<()> {
    let mut netlink = Netlink::open(false)?;
    netlink.ask().await?;
    loop {
        for told in netlink.told().await? {
            match told {
                Told::Neighbour(seen) => drop(table.insert(seen.address, seen.mac)),
                Told::Whole => return Ok(()),
                Told::Missed => {}
                Told::Refused(reason) => return Err(reason.into()),
            }
        }
    }
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

fn warn_blind(error: &dyn std::fmt::Display) {
    tracing::warn!(
        "the kernel does not tell which hardware address uses which address ({error}); devices are told apart by address alone"
    );
}

impl Neighbour {
    fn tell(self, lookout: &Lookout, clock: &Clock) {
        if self.is_there {
            lookout.saw(self.address, clock.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_watcher_ends_when_it_is_told_to() {
        let (_hints, strangers) = mpsc::channel(STRANGERS_BOUND);
        let stop = CancellationToken::new();
        stop.cancel();
        watch(strangers, (Arc::default(), Clock::System), stop, async |_| true).await;
    }
}
