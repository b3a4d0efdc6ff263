//! One flight per question: however many wait for an answer, forwarders are asked once.
//!
//! That is politeness, and it is safety: every further question under way at the same time is another chance for a
//! forged answer (RFC 5452 §5). The key has no part of the asker in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::answer::{Answer, Question};

/// How a flight ended.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    /// What came of it, and which forwarder gave it; none when all failed.
    pub(crate) answer: Arc<Answer>,
    pub(crate) server: Option<Arc<str>>,
}

/// Questions that are under way.
#[derive(Debug)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<Question, watch::Receiver<Option<Landed>>>>,
    bound: usize,
    turned_away: AtomicU64,
}

impl Flights {
    pub(crate) fn new(bound: usize) -> Self {
        Self { under_way: Mutex::default(), bound, turned_away: AtomicU64::default() }
    }

    /// Joins the flight of `question`, or starts one with `fly`; none when too many are under way.
    ///
    /// The flight is a task of its own: it lands, and what it brings is cached, also when those who wait have been
    /// answered otherwise (RFC 8767 §5).
    pub(crate) fn join<F>(self: &Arc<Self>, question: &Question, fly: impl FnOnce() -> F) -> Option<Boarding>
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = under_way.get(question) {
            return Some(Boarding { flight: flight.clone(), joined: true });
        }
        if under_way.len() >= self.bound {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (land, flight) = watch::channel(None);
        under_way.insert(question.clone(), flight.clone());
        drop(under_way);
        let (arrival, fly) = (Arrival { flights: self.clone(), question: question.clone() }, fly());
        tokio::spawn(async move {
            let landed = fly.await;
            drop(arrival);
            land.send_replace(Some(landed));
        });
        Some(Boarding { flight, joined: false })
    }

    /// Whether there is more to do than what nobody waits for.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).len() > self.bound / 4
    }

    /// How many questions found too many others under way.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

/// A place on a flight.
pub(crate) struct Boarding {
    flight: watch::Receiver<Option<Landed>>,
    /// Whether the question was under way already.
    pub(crate) joined: bool,
}

impl Boarding {
    /// Waits for the landing; none if the flight was lost, as when its task panicked.
    pub(crate) async fn landing(&mut self) -> Option<Landed> {
        let landed = self.flight.wait_for(Option::is_some).await.ok()?;
        landed.clone()
    }
}

/// Takes the flight off the board, also when its task panics: else its question would never be asked again.
struct Arrival {
    flights: Arc<Flights>,
    question: Question,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.question);
    }
}
