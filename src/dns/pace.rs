//! How many answers that waited leave for one address at once.
//!
//! Whoever makes a forwarder hold its answers back and then release them together could have us send them all in the same
//! moment to an address that never asked (DNSBomb, CVE-2024-33655). Answers that are ready at once are not concerned: one
//! leaves for one that came.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::counters::Counter;

/// Late answers that leave for one address within [`PACE`].
pub(crate) const LATE_AT_ONCE: usize = 64;
/// How long a turn is kept after the answer has left.
pub(crate) const PACE: Duration = Duration::from_millis(10);

/// A queue before the door for each address with late answers. As many addresses as there are such answers.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    queues: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    /// Answers that had to wait for their turn.
    pub(crate) paced: Counter,
}

/// The right to send an answer. It is kept for [`PACE`] after that: then no span of that length sees more answers than
/// there are turns, however late a timer fires.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pace: &'a Pace,
    address: IpAddr,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// Waits for a turn to send to `address`. This machine always has one.
    pub(crate) async fn turn(&self, address: IpAddr) -> Turn<'_> {
        let mut turn = Turn { pace: self, address, permit: None };
        if !address.is_loopback() {
            let queue = self.queue(address);
            if queue.available_permits() == 0 {
                self.paced.add_one();
            }
            // It is never closed.
            turn.permit = queue.acquire_owned().await.ok();
        }
        turn
    }

    fn queue(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(address).or_insert_with(|| Arc::new(Semaphore::new(LATE_AT_ONCE))).clone()
    }
}

impl Turn<'_> {
    /// Gives the turn back when its time has passed.
    pub(crate) async fn end(self) {
        if self.permit.is_some() {
            tokio::time::sleep(PACE).await;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queues = self.pace.queues.lock().unwrap_or_else(PoisonError::into_inner);
        self.permit = None;
        // Whoever waits or sends holds the queue as well.
        if queues.get(&self.address).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use tokio::task::JoinSet;

    use super::*;

    /// Drives what is ready, and says how many turns have been taken.
    async fn taken(left: &AtomicUsize) -> usize {
        tokio::task::yield_now().await;
        left.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn d4_no_span_of_ten_milliseconds_sees_more_than_its_share() {
        let (pace, left, mut turns) = (Arc::new(Pace::default()), Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..5_000 {
            let (pace, left) = (pace.clone(), left.clone());
            turns.spawn(async move {
                let turn = pace.turn([192, 168, 1, 2].into()).await;
                left.fetch_add(1, Ordering::Relaxed);
                turn.end().await;
            });
        }
        // Time stands still but for what is said here.
        let mut before = 0;
        for span in 1..=5_000_usize.div_ceil(LATE_AT_ONCE) {
            for _ in 0..200 {
                let now = taken(&left).await;
                assert!(now - before <= LATE_AT_ONCE, "{} at once", now - before);
            }
            before = taken(&left).await;
            assert_eq!(before, (span * LATE_AT_ONCE).min(5_000));
            // A little more: timers count whole milliseconds.
            tokio::time::advance(PACE + Duration::from_millis(1)).await;
        }
        while turns.join_next().await.is_some() {}
        assert!(pace.queues.lock().unwrap().is_empty());
        assert_eq!(pace.paced.total(), 5_000 - LATE_AT_ONCE as u64);
    }

    #[tokio::test]
    async fn addresses_do_not_wait_for_each_other_and_this_machine_never() {
        let pace = Pace::default();
        let mut kept = Vec::new();
        for _ in 0..LATE_AT_ONCE {
            kept.push(pace.turn([192, 168, 1, 2].into()).await);
        }
        kept.push(pace.turn([192, 168, 1, 3].into()).await);
        for _ in 0..LATE_AT_ONCE + 1 {
            kept.push(pace.turn([127, 0, 0, 1].into()).await);
        }
        {
            let one_more = std::pin::pin!(pace.turn([192, 168, 1, 2].into()));
            assert!(one_more.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(kept);
        assert!(pace.queues.lock().unwrap().is_empty());
    }
}
