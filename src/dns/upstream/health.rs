//! What was seen of a forwarder, and what follows from it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which a forwarder is asked last.
const FAILURES_UNTIL_DOWN: u32 = 5;
/// Questions that are looked back on; when more than half of them failed, it is asked last as well.
const LOOKED_BACK: u32 = 20;
/// Times to answer that are kept to tell what is unusual.
const LATENCIES: usize = 32;
/// Bounds of the time given to one forwarder before the next is asked because this one failed.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(300);
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);
/// Bounds of the time after which a second one is asked only because this one is slower than usual.
const SOONEST_HEDGE: Duration = Duration::from_millis(100);
const LATEST_HEDGE: Duration = Duration::from_millis(400);

/// What was seen of a forwarder.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) answered: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Datagrams from the right place that did not match the question.
    pub(super) mismatches: AtomicU64,
    /// It answers in a case of its own, so the case of a question says nothing.
    folds_case: AtomicBool,
    down: AtomicBool,
    failures_in_a_row: AtomicU32,
    /// Smoothed time to answer, microseconds; 0 before the first.
    smoothed_us: AtomicU32,
    /// Questions that others were asked first since this one was.
    passed_over: AtomicU32,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// A bit for each of the last questions, the latest lowest; 1 is a failure.
    failures: u32,
    questions: u32,
    latencies: [u32; LATENCIES],
    measured: usize,
    without_edns_until: Option<Instant>,
}

impl Health {
    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Whether anything was ever heard of it, good or bad.
    pub(super) fn is_known(&self) -> bool {
        self.answered.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed) > 0
    }

    /// Smoothed time to answer; none before the first answer.
    pub(super) fn latency(&self) -> Option<Duration> {
        let micros = self.smoothed_us.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros.into()))
    }

    /// Four times the usual time to answer (RFC 6298 §2 adds four deviations), within bounds.
    pub(super) fn patience(&self) -> Duration {
        let usual = self.latency().map_or(LONGEST_PATIENCE, |latency| latency * 4);
        usual.clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE)
    }

    /// Twice the time within which it answered nineteen of twenty questions, within bounds.
    pub(super) fn hedge_after(&self) -> Duration {
        let seen = self.seen();
        let measured = seen.measured.min(LATENCIES);
        let mut sorted = seen.latencies;
        sorted[..measured].sort_unstable();
        let unusual = measured.checked_sub(1).map(|last| sorted[last * 19 / 20]);
        let after = unusual.map_or(LATEST_HEDGE, |micros| Duration::from_micros(u64::from(micros) * 2));
        after.clamp(SOONEST_HEDGE, LATEST_HEDGE)
    }

    /// By what the fastest is found: the less the better. Failures make it slower; being passed over makes it look
    /// faster again, little by little, so that one that has become fast is found out.
    pub(super) fn rank(&self) -> f64 {
        let failures = self.seen().failures.count_ones();
        let passed_over = self.passed_over.load(Ordering::Relaxed).min(10_000);
        f64::from(self.smoothed_us.load(Ordering::Relaxed))
            * f64::from(1 + failures)
            * 0.99_f64.powi(i32::try_from(passed_over).unwrap_or(i32::MAX))
    }

    pub(super) fn note_first(&self) {
        self.passed_over.store(0, Ordering::Relaxed);
    }

    pub(super) fn note_passed_over(&self) {
        self.passed_over.fetch_add(1, Ordering::Relaxed);
    }

    /// A good answer came after `took`.
    pub(super) fn note_answer(&self, took: Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        // RFC 6298 §2: an eighth of the new sample. Two threads at once may lose one; an estimate does not mind.
        let smoothed = match self.smoothed_us.load(Ordering::Relaxed) {
            0 => took,
            old => old - old / 8 + took / 8,
        };
        self.smoothed_us.store(smoothed.max(1), Ordering::Relaxed);
        let mut seen = self.seen();
        let place = seen.measured % LATENCIES;
        seen.latencies[place] = took;
        seen.measured += 1;
        if self.down.swap(false, Ordering::Relaxed) {
            // What it did before it went away says nothing about it now.
            (seen.failures, seen.questions) = (0, 0);
        }
        seen.note(false);
    }

    /// No answer came, or a bad one where another forwarder had a good one. Says whether it is down from now on.
    pub(super) fn note_failure(&self) -> bool {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let in_a_row = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        let mut seen = self.seen();
        seen.note(true);
        let often = seen.questions >= LOOKED_BACK && seen.failures.count_ones() > LOOKED_BACK / 2;
        (in_a_row >= FAILURES_UNTIL_DOWN || often) && !self.down.swap(true, Ordering::Relaxed)
    }

    /// It said that it failed, and so did everyone else: that is the name's fault, as far as anyone can tell.
    pub(super) fn note_bad_answer(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn edns_is_welcome(&self, now: Instant) -> bool {
        self.seen().without_edns_until.is_none_or(|until| now >= until)
    }

    pub(super) fn avoid_edns(&self, until: Instant) {
        self.seen().without_edns_until = Some(until);
    }

    pub(super) fn folds_case(&self) -> bool {
        self.folds_case.load(Ordering::Relaxed)
    }

    pub(super) fn note_folded_case(&self) {
        self.folds_case.store(true, Ordering::Relaxed);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn note(&mut self, failure: bool) {
        self.failures = (self.failures << 1 | u32::from(failure)) & ((1 << LOOKED_BACK) - 1);
        self.questions = self.questions.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn five_failures_in_a_row_are_down_and_one_answer_is_up() {
        let health = Health::default();
        assert!((0..4).all(|_| !health.note_failure()));
        assert!(health.note_failure() && health.is_down());
        assert!(!health.note_failure(), "it is told once");
        health.note_answer(millis(10));
        assert!(!health.is_down());
        assert!(!health.note_failure() && !health.is_down(), "what was before is forgotten");
    }

    #[test]
    fn more_than_half_of_the_last_twenty_failed_is_down() {
        let health = Health::default();
        for _ in 0..10 {
            health.note_answer(millis(10));
            assert!(!health.note_failure());
        }
        assert!(!health.is_down(), "ten of twenty are not more than half");
        assert!(health.note_failure() && health.is_down());
    }

    #[test]
    fn patience_and_hedge_follow_the_usual_time_within_bounds() {
        let health = Health::default();
        assert_eq!((health.patience(), health.hedge_after()), (LONGEST_PATIENCE, LATEST_HEDGE));
        (0..40).for_each(|_| health.note_answer(millis(80)));
        assert!((millis(300)..millis(330)).contains(&health.patience()), "{:?}", health.patience());
        assert_eq!(health.hedge_after(), millis(160));
        let fast = Health::default();
        (0..40).for_each(|_| fast.note_answer(millis(2)));
        assert_eq!((fast.patience(), fast.hedge_after()), (SHORTEST_PATIENCE, SOONEST_HEDGE));
    }

    #[test]
    fn who_was_passed_over_often_enough_is_asked_again() {
        let (fast, slow) = (Health::default(), Health::default());
        fast.note_answer(millis(10));
        slow.note_answer(millis(30));
        assert!(fast.rank() < slow.rank());
        let turns = (0..1_000).take_while(|_| {
            slow.note_passed_over();
            fast.rank() < slow.rank()
        });
        let turns = turns.count();
        assert!((50..200).contains(&turns), "{turns}");
        slow.note_first();
        assert!(fast.rank() < slow.rank());
    }
}
