//! The house as the handlers see it, once someone is logged in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast};

use super::backup::Restoring;
use super::giveaways::Giveaways;
use super::problem::Problem;
use crate::control::{Control, Refusal};
use crate::device::Lookout;
use crate::dns::Resolver;
use crate::event::Event;
use crate::notify::Standing;
use crate::snapshot::{Snapshot, SnapshotCell};
use crate::store::{EventId, Store};
use crate::time::{Clock, Timestamp};

/// Reads of the store at the same time: a few cores and one disk are no faster with more, and each holds memory.
const READS: usize = 4;
/// How long a change may take before the page is told to look again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that only those see who are logged in.
pub(crate) struct House {
    pub(crate) snapshot: Arc<SnapshotCell>,
    pub(crate) store: Arc<Store>,
    pub(crate) control: Control,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) live: broadcast::Sender<Arc<(EventId, Event)>>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) lookout: Arc<Lookout>,
    pub(crate) notices: Arc<Standing>,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) password_unusable: bool,
    pub(crate) reads: Arc<Semaphore>,
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) giveaways: Giveaways,
    pub(crate) restoring: Arc<Restoring>,
}

/// What the API's bounds turned away, and what was lost before it.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) events_dropped: Arc<AtomicU64>,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) requests_refused: AtomicU64,
    pub(crate) streams_refused: AtomicU64,
    pub(crate) logins_failed: AtomicU64,
    pub(crate) logins_delayed: AtomicU64,
    pub(crate) turns_refused: AtomicU64,
}

/// Adds one to a counter.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl House {
    pub(crate) fn reads() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(READS))
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.current()
    }
}

/// Waits until a change was carried out, but not for ever.
pub(crate) async fn carried_out<T>(change: impl Future<Output = Result<T, Refusal>>) -> Result<T, Problem> {
    match tokio::time::timeout(PATIENCE, change).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Problem::busy(
            "The change takes longer than it should. It may still come into force; load the page again in a minute.",
            PATIENCE,
        )),
    }
}
