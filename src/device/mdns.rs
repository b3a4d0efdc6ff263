//! What devices say of themselves to everyone on the link: names and services by multicast DNS (RFC 6762, RFC 6763).
//!
//! It is listened to all the time and asked for seldom. Who speaks is believed about its own address only, and nothing it
//! says makes two addresses one device: a name is a name, the hardware address is the kernel's to tell. [`said`] reads a
//! message, [`hosts`] remembers, [`links`] says which interfaces lead into the house. Where the port is taken, sordino goes
//! on without.

mod hosts;
mod links;
mod said;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::hosts::Hosts;
use self::links::Links;
use super::{Fact, Lookout};
use crate::time::Clock;

/// Octets of a message (RFC 6762 §17).
const LONGEST_MESSAGE: usize = 9000;
/// How often what has changed is told, and how long messages are counted together.
const PACE: Duration = Duration::from_secs(2);
/// Messages read in a [`PACE`]. A house says a few dozen when it is loud; more are dropped and counted.
const MESSAGES_BOUND: u32 = 400;
/// How often interfaces are looked at.
const REVIEW: Duration = Duration::from_secs(60);
/// When the house is asked after the start and after an interface came up, and from then on how often. Two questions,
/// because one may be lost (RFC 6762 §5.2).
const ASKED_AFTER: [Duration; 3] = [Duration::from_millis(120), Duration::from_secs(3), Duration::from_secs(3600)];
/// How long is waited before the port is tried again.
const TAKEN: Duration = Duration::from_secs(300);

/// Services that are asked for: those that tell what kind of thing a device is.
const SERVICES: [&str; 20] = [
    "_services._dns-sd._udp",
    "_airplay._tcp",
    "_androidtvremote2._tcp",
    "_amzn-wplay._tcp",
    "_apple-mobdev2._tcp",
    "_companion-link._tcp",
    "_device-info._tcp",
    "_googlecast._tcp",
    "_hap._tcp",
    "_home-assistant._tcp",
    "_hue._tcp",
    "_ipp._tcp",
    "_ipps._tcp",
    "_miio._udp",
    "_printer._tcp",
    "_raop._tcp",
    "_rtsp._tcp",
    "_smb._tcp",
    "_sonos._tcp",
    "_spotify-connect._tcp",
];

/// Listens and asks until `stop`, and tells `publish` all that is known whenever that has changed. `publish` says whether it
/// took it; otherwise it is told again a moment later.
pub async fn watch<F: Future<Output = bool>>(
    clock: Clock,
    lookout: &Lookout,
    stop: CancellationToken,
    publish: impl Fn(Vec<Fact>) -> F,
) {
    loop {
        match Ears::open() {
            Ok(ears) => {
                lookout.set_mdns_problem(None);
                return listen(ears, &clock, lookout, &stop, publish).await;
            }
            Err(error) => {
                let problem = format!(
                    "names that devices tell by multicast cannot be heard: UDP port 5353 cannot be listened on ({error}); stop \
                     the program that has it for itself, or write mdns = false under [house] in config.toml"
                );
                tracing::warn!("{problem}");
                lookout.set_mdns_problem(Some(problem));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TAKEN) => {}
        }
    }
}

async fn listen<F: Future<Output = bool>>(
    mut ears: Ears,
    clock: &Clock,
    lookout: &Lookout,
    stop: &CancellationToken,
    publish: impl Fn(Vec<Fact>) -> F,
) {
    let mut hosts = Hosts::default();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut review_at, mut asked, mut ask_at) = (Instant::now(), 0, None);
    let (mut untold, mut read) = (false, 0);
    let mut v4 = vec![0; LONGEST_MESSAGE];
    let mut v6 = vec![0; LONGEST_MESSAGE];
    loop {
        let asking = async {
            match ask_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => pending().await,
            }
        };
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = receive(ears.v4.as_ref(), &mut v4) => heard.map(|(len, from)| (&v4[..len], from)),
            heard = receive(ears.v6.as_ref(), &mut v6) => heard.map(|(len, from)| (&v6[..len], from)),
            () = asking => {
                ears.ask().await;
                asked = (asked + 1).min(ASKED_AFTER.len() - 1);
                ask_at = Some(Instant::now() + ASKED_AFTER[asked]);
                continue;
            }
            _ = pace.tick() => {
                read = 0;
                if review_at <= Instant::now() {
                    review_at = Instant::now() + REVIEW;
                    if ears.look_around() {
                        (asked, ask_at) = (0, Some(Instant::now() + ASKED_AFTER[0]));
                    }
                    untold |= hosts.forget(clock.now());
                }
                if untold {
                    untold = !publish(hosts.facts()).await;
                }
                continue;
            }
        };
        // What was not read is no reason to stop listening: ICMP says such things of questions that nobody took.
        let Some((message, from)) = heard else { continue };
        read += 1;
        if read > MESSAGES_BOUND || !ears.links.lead_to(from.ip()) {
            lookout.count_mdns(false);
            continue;
        }
        lookout.count_mdns(true);
        if let Some(said) = said::read(message, from.ip(), hosts.name_of(from.ip())) {
            lookout.saw(from.ip(), clock.now());
            untold |= hosts.hear(from.ip(), said, clock.now());
        }
    }
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(buffer).await.ok(),
        None => pending().await,
    }
}

/// The sockets, and where they listen.
struct Ears {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    links: Links,
}

impl Ears {
    fn open() -> io::Result<Self> {
        let v4 = links::socket_v4()?;
        // A machine without IPv6 has half the ears and is not deaf.
        Ok(Self { v4: Some(v4), v6: links::socket_v6().ok(), links: Links::default() })
    }

    /// Listens on interfaces that have come up. Says whether there are any.
    fn look_around(&mut self) -> bool {
        self.links.look_around(self.v4.as_ref(), self.v6.as_ref())
    }

    async fn ask(&self) {
        let question = question();
        self.links.tell_everyone(self.v4.as_ref(), self.v6.as_ref(), &question).await;
    }
}

/// One message that asks for all [`SERVICES`]; answers to it go to everyone (RFC 6762 §5.3).
fn question() -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, SERVICES.len() as u8, 0, 0, 0, 0, 0, 0];
    for service in SERVICES {
        for label in service.split('.').chain(["local"]) {
            message.push(label.len() as u8);
            message.extend(label.bytes());
        }
        // The end of the name, PTR, IN.
        message.extend([0, 0, 12, 0, 1]);
    }
    message
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, MessageType};
    use hickory_proto::rr::RecordType;

    use super::*;

    #[test]
    fn rfc6762_5_3_all_services_are_asked_for_in_one_message() {
        let message = Message::from_vec(&question()).unwrap();
        assert_eq!((message.metadata.id, message.metadata.message_type), (0, MessageType::Query));
        assert_eq!(message.queries.len(), SERVICES.len());
        assert!(message.queries.iter().all(|query| query.query_type() == RecordType::PTR));
        assert_eq!(message.queries[0].name().to_string(), "_services._dns-sd._udp.local.");
        assert!(question().len() < 1400, "it fits a packet");
    }
}
