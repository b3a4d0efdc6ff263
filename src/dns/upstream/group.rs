//! Forwarders that stand in for each other, and the ladder by which a question climbs from one to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use tokio::time::Instant;

use super::options::Strategy;
use super::server::{LOOP, Server};
use crate::dns::answer::{self, Answer, Question};
use crate::dns::wire::{ExtendedError, Rcode};
use crate::policy::NameRef;

/// Rounds in which every forwarder is asked once (RFC 9520 §3.1: at most three tries).
const ROUNDS: usize = 3;

/// Forwarders, in the order of the configuration.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) servers: Vec<Arc<Server>>,
    strategy: Strategy,
    turn: AtomicUsize,
    pub(super) hedges: Hedges,
}

impl Group {
    pub(super) fn new(servers: Vec<Arc<Server>>, strategy: Strategy) -> Self {
        Self { servers, strategy, turn: AtomicUsize::default(), hedges: Hedges::default() }
    }

    /// Asks until a forwarder gives a good answer, all have failed in every round, or `deadline` has passed.
    ///
    /// The next forwarder is asked when the one before takes longer than usual or fails; those asked before are not
    /// given up, the first good answer wins. Of the answer no more is taken than the names that `belong` to this group.
    pub(super) async fn ask(
        &self,
        question: &Question,
        deadline: Instant,
        belongs: &(dyn Fn(NameRef<'_>) -> bool + Sync),
    ) -> Result<(Answer, Arc<str>), Answer> {
        let order = self.order();
        let mut waiting = order.iter().cycle().take(order.len() * ROUNDS);
        let mut asked = FuturesUnordered::new();
        let (mut worst, mut outshone) = (None, Vec::new());
        let mut hedge_at = self.first_hedge(&order);
        self.hedges.earn();
        'ladder: loop {
            let mut patience = deadline;
            match waiting.next() {
                Some(server) => {
                    let now = Instant::now();
                    patience = deadline.min(now + server.health.patience());
                    let left = deadline.saturating_duration_since(now);
                    asked.push(async move { (server, server.exchange(question, left).await) });
                }
                None if asked.is_empty() => break,
                None => {}
            }
            // Until the next rung: an answer, or the end of patience with those already asked.
            loop {
                let until = hedge_at.filter(|hedge| *hedge < patience).unwrap_or(patience);
                match tokio::time::timeout_at(until, asked.next()).await {
                    Ok(Some((server, Ok((response, took))))) => match judge(question, server, response, belongs) {
                        Ok(answer) => {
                            server.health.note_answer(took);
                            outshone.into_iter().for_each(Server::failed);
                            return Ok((answer, server.written.clone()));
                        }
                        Err(failure) => {
                            worst = Some(failure);
                            outshone.push(server);
                            continue 'ladder;
                        }
                    },
                    Ok(_) => continue 'ladder,
                    Err(_) if Instant::now() >= deadline => break 'ladder,
                    // It is only slow. A second one is asked, as long as that does not become a habit.
                    Err(_) if hedge_at.take().is_some_and(|hedge| hedge <= Instant::now()) => {
                        if self.hedges.spend() {
                            continue 'ladder;
                        }
                    }
                    Err(_) => continue 'ladder,
                }
            }
        }
        outshone.into_iter().for_each(|server| server.health.note_bad_answer());
        let now = std::time::Instant::now();
        if self.servers.iter().any(|server| server.looping.holds(question.name.as_ref(), now)) {
            const OTHER: u16 = 0;
            return Err(Answer::failure(Rcode::SERVER_FAILURE, ExtendedError::new(OTHER, LOOP)));
        }
        Err(worst.unwrap_or_else(|| {
            let nobody = ExtendedError::new(ExtendedError::NO_REACHABLE_AUTHORITY, "no forwarder answered");
            Answer::failure(Rcode::SERVER_FAILURE, nobody)
        }))
    }

    /// Who is asked, in this order: those that are down last, but asked all the same when nobody else is left.
    fn order(&self) -> Vec<&Arc<Server>> {
        let mut order: Vec<_> = self.servers.iter().collect();
        match self.strategy {
            Strategy::Failover => {}
            Strategy::Balance => {
                order.rotate_left(self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len());
            }
            // One that was never asked has rank 0 and is measured first.
            Strategy::Fastest => order.sort_by(|a, b| a.health.rank().total_cmp(&b.health.rank())),
        }
        order.sort_by_key(|server| server.health.is_down());
        if let Some((first, others)) = order.split_first() {
            first.health.note_first();
            others.iter().for_each(|server| server.health.note_passed_over());
        }
        order
    }

    /// When a second forwarder is asked because the first is slow; never where the order is the operator's wish.
    fn first_hedge(&self, order: &[&Arc<Server>]) -> Option<Instant> {
        let [first, second, ..] = order else { return None };
        let wanted = self.strategy == Strategy::Fastest && !second.health.is_down();
        wanted.then(|| Instant::now() + first.health.hedge_after())
    }
}

/// How often two forwarders may be asked at once without need: one question in ten.
#[derive(Debug)]
pub(super) struct Hedges {
    /// In tenths.
    saved: AtomicU32,
    pub(super) spent: AtomicU64,
}

impl Hedges {
    const PRICE: u32 = 10;
    /// What a quiet night can save up.
    const MOST: u32 = 10 * Self::PRICE;

    fn earn(&self) {
        let more = |saved: u32| (saved < Self::MOST).then_some(saved + 1);
        let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn spend(&self) -> bool {
        let less = |saved: u32| saved.checked_sub(Self::PRICE);
        let paid = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        self.spent.fetch_add(paid.into(), Ordering::Relaxed);
        paid
    }
}

impl Default for Hedges {
    /// Enough for the first questions: that is when nothing is known of anyone.
    fn default() -> Self {
        Self { saved: AtomicU32::new(3 * Self::PRICE), spent: AtomicU64::default() }
    }
}

/// Takes the answer out of a response, or says as a failure what is wrong with it.
fn judge(
    question: &Question,
    server: &Server,
    response: Message,
    belongs: &(dyn Fn(NameRef<'_>) -> bool + Sync),
) -> Result<Answer, Answer> {
    let rcode = response.metadata.response_code;
    let failed = answer::is_failure(rcode);
    let unusable = || {
        const INVALID_DATA: u16 = 24;
        Answer::failure(Rcode::SERVER_FAILURE, ExtendedError::new(INVALID_DATA, "no usable answer"))
    };
    // Whatever it came over: what is no response to a query is not believed.
    if response.metadata.message_type != MessageType::Response || response.metadata.op_code != OpCode::Query {
        return Err(unusable());
    }
    match Answer::from_response(question, response, server.is_trusted(), belongs) {
        Ok(answer) if !failed => Ok(answer),
        // What the forwarder says about its failure is passed on, as it may be DNSSEC's; a refusal is not the name's.
        Ok(answer) => {
            let unexplained = || ExtendedError::new(ExtendedError::NETWORK_ERROR, "the forwarder failed");
            let rcode = if rcode == ResponseCode::Refused { Rcode::REFUSED } else { Rcode::SERVER_FAILURE };
            Err(Answer::failure(rcode, answer.error.unwrap_or_else(unexplained)))
        }
        Err(reason) => {
            tracing::debug!(server = %server.endpoint, %reason, "a forwarder's response is not used");
            Err(unusable())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hedges_are_one_question_in_ten() {
        let hedges = Hedges::default();
        while hedges.spend() {}
        let spent = (0..1_000).filter(|_| {
            hedges.earn();
            hedges.spend()
        });
        assert_eq!(spent.count(), 100);
    }
}
