//! Forwarders that ask us what we ask them.
//!
//! It begins with a suspicion: the address of a forwarder asks what that forwarder is being asked. That alone proves
//! nothing, for a router is a forwarder and a device of the house as well. So the forwarder is asked for a name beside
//! it that nobody can guess; when that name comes back here, there is a loop, and only then.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::server::Server;
use crate::dns::answer::Question;
use crate::policy::{Name, NameRef};

/// Unguessable names that are under way at the same time.
const MOST_PROBES: usize = 16;
/// How long such a name can come back.
const PROBE_LIFE: Duration = Duration::from_secs(5);
/// How long a proven loop is believed in before it is looked for anew.
const LOOP_LIFE: Duration = Duration::from_secs(60);
/// Zones of one forwarder that are remembered to loop; beyond that all its names do.
const MOST_ZONES: usize = 32;

/// Names that were sent out to see whether they come back.
#[derive(Debug, Default)]
pub(super) struct Loops {
    /// How many are under way: in most houses none, ever, and then no query looks further.
    open: AtomicUsize,
    probes: Mutex<Vec<Probe>>,
}

#[derive(Debug)]
struct Probe {
    name: Name,
    zone: Name,
    server: Arc<Server>,
    until: Instant,
}

/// The zones that come back from one forwarder.
#[derive(Debug, Default)]
pub(super) struct Looping {
    zones: Mutex<Vec<(Name, Instant)>>,
    found: tokio::sync::Notify,
}

impl Loops {
    /// Sends a name beside that of `question` to `server`, unless one is under way.
    pub(super) fn look(self: &Arc<Self>, server: &Arc<Server>, question: &Question, now: Instant) {
        let Some((name, zone)) = beside(&question.name) else { return };
        {
            let mut probes = self.probes();
            probes.retain(|probe| now < probe.until);
            let under_way = probes.iter().any(|probe| probe.zone == zone && Arc::ptr_eq(&probe.server, server));
            if !under_way && probes.len() < MOST_PROBES {
                let (name, server) = (name.clone(), server.clone());
                probes.push(Probe { name, zone, server, until: now + PROBE_LIFE });
            } else {
                return;
            }
            self.open.store(probes.len(), Ordering::Relaxed);
        }
        const TXT: u16 = 16;
        let question = Question { name, qtype: TXT, dnssec_ok: false, checking_disabled: false };
        let (loops, server) = (self.clone(), server.clone());
        tokio::spawn(async move {
            // The answer does not matter, only whether the question comes back meanwhile.
            let _ = server.exchange(&question, PROBE_LIFE).await;
            let mut probes = loops.probes();
            probes.retain(|probe| probe.name != question.name);
            loops.open.store(probes.len(), Ordering::Relaxed);
        });
    }

    /// Whether `name` is one that was sent out. It proves the loop.
    pub(super) fn came_back(&self, name: NameRef<'_>, now: Instant) -> bool {
        if self.open.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let probes = self.probes();
        let Some(probe) = probes.iter().find(|probe| probe.name.as_ref() == name) else { return false };
        tracing::warn!(server = %probe.server.written, "a forwarder asks sordino what sordino asks it");
        probe.server.looping.add(probe.zone.clone(), now + LOOP_LIFE);
        true
    }

    fn probes(&self) -> MutexGuard<'_, Vec<Probe>> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looping {
    /// Whether a question about `name` would come back.
    pub(super) fn holds(&self, name: NameRef<'_>, now: Instant) -> bool {
        self.zones().iter().any(|(zone, until)| now < *until && name.is_in(zone.as_ref()))
    }

    /// Waits until it is known that a question about `name` would come back.
    pub(super) async fn found_for(&self, name: NameRef<'_>) {
        loop {
            let found = self.found.notified();
            if self.holds(name, Instant::now()) {
                return;
            }
            found.await;
        }
    }

    /// The zones that come back, in words.
    pub(super) fn in_words(&self, now: Instant) -> Vec<String> {
        self.zones().iter().filter(|(_, until)| now < *until).map(|(zone, _)| zone.to_string()).collect()
    }

    fn add(&self, zone: Name, until: Instant) {
        let mut zones = self.zones();
        zones.retain(|(other, end)| *other != zone && *end + LOOP_LIFE > until);
        let zone = if zones.len() < MOST_ZONES { zone } else { Name::root() };
        zones.push((zone, until));
        drop(zones);
        self.found.notify_waiters();
    }

    fn zones(&self) -> MutexGuard<'_, Vec<(Name, Instant)>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that nobody can guess beside `name`, and the zone that both are in.
fn beside(name: &Name) -> Option<(Name, Name)> {
    let zone = name.as_ref().parent()?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).ok()?;
    let label = format!("sordino-{:016x}", u64::from_ne_bytes(random));
    let mut wire = vec![label.len() as u8];
    wire.extend_from_slice(label.as_bytes());
    wire.extend_from_slice(zone.wire());
    Some((Name::from_wire(&wire).ok()?, zone.to_owned()))
}
