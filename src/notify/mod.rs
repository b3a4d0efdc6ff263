//! Tells what happens in the house to whoever the operator names: a webhook, a topic of ntfy, or one of an MQTT broker.
//!
//! So far that is one thing: a device that was never here before. [`newcomers`] finds it, [`message`] says it, and a
//! [`courier`] for each receiver takes it there, again and again if need be. Nothing waits for any of it: queues are short, and
//! what does not fit is dropped and counted.

mod courier;
mod message;
mod mqtt;
mod newcomers;

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::mqtt::{Broker, Login};
use self::newcomers::Newcomers;
use crate::dns::Lookup;
use crate::policy::DeviceId;
use crate::snapshot::SnapshotCell;
use crate::store::Store;
use crate::time::Clock;

/// Messages that wait for one receiver.
pub const MESSAGES_BOUND: usize = 32;
/// How often is looked who has come.
const PACE: Duration = Duration::from_secs(3);
/// Characters of a URL.
const URL_CHARS_BOUND: usize = 2_000;

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Gets each event as JSON, by POST.
    pub webhook: Option<Place>,
    /// A topic of ntfy: gets each event as a sentence.
    pub ntfy: Option<Place>,
    /// What opens the topic, if it is locked.
    pub ntfy_token: Option<String>,
    /// A topic of an MQTT broker: gets each event as JSON.
    pub mqtt: Option<Broker>,
    /// Who sordino is to that broker, if it wants to know.
    pub mqtt_login: Option<Login>,
}

/// Where a receiver is. Any address will do, also inside the house: the operator chose it.
#[derive(Clone, PartialEq, Eq)]
pub struct Place(Url);

/// What becomes of messages, for the page.
#[derive(Debug, Default)]
pub struct Standing {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    problem: Mutex<Option<String>>,
}

/// What is needed to find out and to get there.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Knows who ever asked.
    pub store: Arc<Store>,
    /// Knows what they are called.
    pub snapshot: Arc<SnapshotCell>,
    /// Asked for the addresses of receivers, past the policy.
    pub lookup: Lookup,
    /// Whose certificates are believed.
    pub tls: ClientConfig,
    /// What time it is.
    pub clock: Clock,
    /// What becomes of messages.
    pub standing: Arc<Standing>,
}

/// Watches until `stop`, and tells. Those `known` were here before.
pub async fn watch(options: Options, parts: Parts, known: Vec<DeviceId>, stop: CancellationToken) {
    let mut couriers = Vec::new();
    let mut rounds = Vec::new();
    for target in courier::targets(options) {
        let (letters, waiting) = mpsc::channel(MESSAGES_BOUND);
        couriers.push(letters);
        rounds.push(courier::run(target, waiting, parts.clone()));
    }
    if couriers.is_empty() {
        return;
    }
    let looking = look(couriers, &parts, Newcomers::after(known.iter()));
    tokio::select! {
        () = stop.cancelled() => {}
        () = looking => {}
        _ = futures_util::future::join_all(rounds) => {}
    }
}

async fn look(couriers: Vec<mpsc::Sender<Arc<message::Message>>>, parts: &Parts, mut newcomers: Newcomers) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let (store, snapshot) = (parts.store.clone(), parts.snapshot.current());
        // Reads the disk.
        let Ok(heard_of) = tokio::task::spawn_blocking(move || store.devices(&snapshot.devices)).await else {
            continue;
        };
        let (snapshot, now) = (parts.snapshot.current(), parts.clock.now());
        let ids = heard_of.iter().map(|(id, _, _)| id);
        for device in newcomers.look(ids, &snapshot.devices, now) {
            let message = Arc::new(message::Message::new_device(&device, now));
            for courier in &couriers {
                if courier.try_send(message.clone()).is_err() {
                    parts.standing.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        parts.standing.dropped.fetch_add(newcomers.take_untold(), Ordering::Relaxed);
    }
}

impl Standing {
    /// One sentence on why receivers do not get what they should; none when they do.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was counted, by name.
    pub fn counters(&self) -> [(&'static str, u64); 3] {
        [("notify_sent", &self.sent), ("notify_failed", &self.failed), ("notify_dropped", &self.dropped)]
            .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }

    fn succeeded(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn failed(&self, problem: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text)
            .map_err(|_| "is no URL; write one as in \"http://192.168.1.4:8123/api/webhook/sordino\"")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("begins with neither http:// nor https://");
        }
        if url.host_str().is_none_or(str::is_empty) || text.len() > URL_CHARS_BOUND {
            return Err("names no server, or is longer than any URL");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name or a password in it; put what opens it into its path or into ntfy_token");
        }
        Ok(Self(url))
    }
}

/// Only the server: the rest of such a URL is often what opens it.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.host_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_a_url_and_what_opens_it_is_never_printed() {
        let place: Place = "http://192.168.1.4:8123/api/webhook/secret".parse().unwrap();
        assert_eq!(format!("{place:?}"), "192.168.1.4");
        for bad in ["", "mqtt://192.168.1.4", "file:///etc/passwd", "https://anna:secret@example.org/", "192.168.1.4"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
