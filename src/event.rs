//! What happened to one query, and the bounded queue that carries it out of the hot path.
//!
//! Handing over never waits: when the queue is full the event is dropped and counted, and the page says how many were
//! not written down. An answer is worth more than a note about it.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::policy::{DeviceId, Name, Verdict};
use crate::time::Timestamp;

/// One query and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the query arrived.
    pub at: Timestamp,
    /// Who asked.
    pub device: DeviceId,
    /// The address it asked from.
    pub address: IpAddr,
    /// How the query came in.
    pub transport: Transport,
    /// QNAME, lower-cased.
    pub name: Name,
    /// QTYPE.
    pub qtype: u16,
    /// What the policy said.
    pub verdict: Verdict,
    /// What was done.
    pub outcome: Outcome,
    /// RCODE of the response.
    pub rcode: u16,
    /// The list that decided, `"own"` for an own rule of the operator, none where no rule matched.
    pub list: Option<Arc<str>>,
    /// The alias in the answer that was judged, where it was not QNAME itself.
    pub alias: Option<Name>,
    /// The forwarder that answered, as written in the configuration.
    pub upstream: Option<Arc<str>>,
    /// From arrival to response, microseconds.
    pub took_us: u32,
}

/// How a query reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
}

/// What was done with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Answered with the blocking answer.
    Muted,
    /// Answered from the cache.
    Cached,
    /// Answered by a forwarder.
    Forwarded,
    /// Answered from the cache after its TTL had run out, because no forwarder answered (RFC 8767).
    Stale,
    /// Answered from what we know ourselves: special names, own records, rewrites.
    Local,
    /// Answered with SERVFAIL: no forwarder gave an answer.
    Failed,
    /// Answered with an error because the query asks for what we do not serve.
    Refused,
}

/// The hot path's end of the queue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventSink {
    sender: SyncSender<Event>,
    dropped: Arc<AtomicU64>,
}

/// The recorder's end of the queue. It ends when the last [`EventSink`] is gone.
#[derive(Debug)]
pub struct EventQueue {
    receiver: Receiver<Event>,
    /// Whether an event came since the last nap.
    busy: Cell<bool>,
}

/// Why [`EventQueue::next`] has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEvent {
    /// None came before the deadline.
    Deadline,
    /// None will come any more.
    Ended,
}

/// The recorder has ended: it takes no more events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recorder has ended and takes no more events")]
pub struct Ended;

/// A queue that holds at most `bound` events.
pub fn queue(bound: usize) -> (EventSink, EventQueue) {
    let (sender, receiver) = sync_channel(bound);
    let dropped = Arc::default();
    (EventSink { sender, dropped }, EventQueue { receiver, busy: Cell::new(false) })
}

impl EventSink {
    /// Hands `event` to the recorder, or drops and counts it when the queue is full.
    pub fn hand_over(&self, event: Event) {
        match self.sender.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Hands `event` to the recorder and waits until there is room for it.
    ///
    /// For whoever has events at hand faster than the recorder takes them and may wait, as when a history is brought in.
    /// Never from the hot path, and never from an asynchronous task: it blocks the thread.
    ///
    /// # Errors
    /// When the recorder has ended.
    pub fn hand_over_waiting(&self, event: Event) -> Result<(), Ended> {
        self.sender.send(event).map_err(|_| Ended)
    }

    /// How many events were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The counter itself, for whoever shows it after this sink is gone: holding a sink would keep the queue open.
    pub fn dropped_counter(&self) -> Arc<AtomicU64> {
        self.dropped.clone()
    }
}

impl EventQueue {
    /// Waits for the next event until `deadline`.
    ///
    /// While events keep coming it naps between them instead of waiting in the channel: a waiting receiver costs the
    /// hot path a system call for every event, to wake it.
    pub fn next(&self, deadline: Instant) -> Result<Event, NoEvent> {
        const NAP: Duration = Duration::from_millis(10);
        loop {
            match self.receiver.try_recv() {
                Ok(event) => {
                    self.busy.set(true);
                    return Ok(event);
                }
                Err(TryRecvError::Disconnected) => return Err(NoEvent::Ended),
                Err(TryRecvError::Empty) => {}
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Err(NoEvent::Deadline);
            }
            if self.busy.replace(false) {
                std::thread::park_timeout(NAP.min(patience));
                continue;
            }
            match self.receiver.recv_timeout(patience) {
                Ok(event) => {
                    self.busy.set(true);
                    return Ok(event);
                }
                Err(RecvTimeoutError::Timeout) => return Err(NoEvent::Deadline),
                Err(RecvTimeoutError::Disconnected) => return Err(NoEvent::Ended),
            }
        }
    }

    /// The next event that is there already.
    pub fn waiting(&self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(qtype: u16) -> Event {
        let address = IpAddr::from([192, 0, 2, 1]);
        Event {
            at: Timestamp::default(),
            device: DeviceId::Address(address),
            address,
            transport: Transport::Udp,
            name: Name::root(),
            qtype,
            verdict: Verdict::Pass,
            outcome: Outcome::Cached,
            rcode: 0,
            list: None,
            alias: None,
            upstream: None,
            took_us: 0,
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (sink, queue) = queue(2);
        (0..5).for_each(|qtype| sink.hand_over(event(qtype)));
        assert_eq!(sink.dropped(), 3);
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!((queue.next(deadline).unwrap().qtype, queue.next(deadline).unwrap().qtype), (0, 1));
        assert_eq!(queue.next(Instant::now()), Err(NoEvent::Deadline));
    }

    #[test]
    fn the_queue_ends_with_its_last_sink_and_not_before_it_is_empty() {
        let (sink, queue) = queue(2);
        let second = sink.clone();
        drop(sink);
        second.hand_over(event(7));
        drop(second);
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(queue.next(deadline).unwrap().qtype, 7);
        assert_eq!(queue.next(deadline), Err(NoEvent::Ended));
    }
}
