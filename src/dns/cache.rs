//! What forwarders said, kept for as long as they allow, and a while longer for the day on which none answers.
//!
//! It never holds what policy said: two devices with different profiles share it, and a reload flushes nothing.
//! It is bounded in bytes. Admission is quick_cache's S3-FIFO: a name asked once never pushes out one asked twice, so a
//! flood of random names passes through without washing it out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache as Weighted;

use super::answer::{Answer, Question};
use crate::policy::NameRef;

/// How long after its TTL an answer may still be given when no forwarder answers (RFC 8767 §5: one to three days).
const MAX_STALE: Duration = Duration::from_secs(86_400);
/// After a failure, the shortest and the longest time until forwarders are asked again (RFC 9520 §3.2).
const FIRST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// Answers by question.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: Weighted<Question, Arc<Entry>, ByBytes>,
}

/// What is known about a question.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The last answer that was good, and when it came in.
    good: Option<(Arc<Answer>, Instant)>,
    /// The last failure since then.
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
struct Failure {
    answer: Arc<Answer>,
    hold: Duration,
    until: Instant,
}

/// What the cache has for a question.
#[derive(Debug)]
pub(crate) enum Found {
    /// An answer within its TTL, and its age in seconds.
    Fresh(Arc<Answer>, u32),
    /// Forwarders failed moments ago and are left alone; the last good answer, if it may still be given, and what failed.
    Failing(Option<Arc<Answer>>, Arc<Answer>),
    /// An answer past its TTL that may be given if nothing better comes.
    Expired(Arc<Answer>),
    /// Nothing.
    Absent,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Question, Arc<Entry>> for ByBytes {
    fn weight(&self, question: &Question, entry: &Arc<Entry>) -> u64 {
        const BOOKKEEPING: usize = 64;
        let good = entry.good.as_ref().map_or(0, |(answer, _)| answer.weight());
        let failure = entry.failure.as_ref().map_or(0, |failure| failure.answer.weight());
        let key = size_of::<Question>() + question.name.as_ref().wire().len();
        (BOOKKEEPING + key + size_of::<Entry>() + good + failure) as u64
    }
}

impl Cache {
    /// A cache for `bytes` of answers.
    pub(crate) fn new(bytes: usize) -> Self {
        /// What an answer weighs in a household, for the size of the first allocation only.
        const USUAL_WEIGHT: usize = 512;
        Self { entries: Weighted::with_weighter(bytes / USUAL_WEIGHT, bytes as u64, ByBytes) }
    }

    /// What is known about `question` at `now`.
    pub(crate) fn find(&self, question: &Question, now: Instant) -> Found {
        let Some(entry) = self.entries.get(question) else { return Found::Absent };
        let usable = entry.good.as_ref().filter(|(answer, since)| {
            now.saturating_duration_since(*since) < Duration::from_secs(answer.ttl.into()) + MAX_STALE
        });
        if let Some((answer, since)) = usable {
            let age = now.saturating_duration_since(*since).as_secs();
            if age < u64::from(answer.ttl) {
                return Found::Fresh(answer.clone(), age as u32);
            }
        }
        let usable = usable.map(|(answer, _)| answer.clone());
        match (&entry.failure, usable) {
            (Some(failure), usable) if now < failure.until => Found::Failing(usable, failure.answer.clone()),
            (_, Some(answer)) => Found::Expired(answer),
            (_, None) => Found::Absent,
        }
    }

    /// Keeps a good answer, unless it may not be kept.
    pub(crate) fn keep(&self, question: Question, answer: Arc<Answer>, now: Instant) {
        if answer.ttl > 0 {
            self.entries.insert(question, Arc::new(Entry { good: Some((answer, now)), failure: None }));
        }
    }

    /// Remembers that no forwarder gave a good answer; each failure in a row is held twice as long as the one before.
    pub(crate) fn keep_failure(&self, question: Question, answer: Arc<Answer>, now: Instant) {
        let before = self.entries.get(&question);
        let last = before.as_ref().and_then(|entry| entry.failure.as_ref());
        let hold = last.map_or(FIRST_HOLD, |failure| (failure.hold * 2).min(LONGEST_HOLD));
        let good = before.as_ref().and_then(|entry| entry.good.clone());
        let failure = Some(Failure { answer, hold, until: now + hold });
        self.entries.insert(question, Arc::new(Entry { good, failure }));
    }

    /// Forgets what is known about `name`, with `subtree` also below it; without a name everything. Says how many answers.
    pub(crate) fn flush(&self, name: Option<NameRef<'_>>, subtree: bool) -> usize {
        let before = self.entries.len();
        match name {
            None => self.entries.clear(),
            Some(name) => self.entries.retain(|question, _| {
                let asked = question.name.as_ref();
                if subtree { !asked.is_in(name) } else { asked != name }
            }),
        }
        before.saturating_sub(self.entries.len())
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.entries.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::wire::{ExtendedError, Rcode};
    use crate::policy::Name;

    fn question(name: &str) -> Question {
        Question { name: Name::parse(name).unwrap(), qtype: 1, dnssec_ok: false, checking_disabled: false }
    }

    fn answer(ttl: u32) -> Arc<Answer> {
        let mut answer = Answer::failure(Rcode::NO_ERROR, ExtendedError::new(0, ""));
        answer.ttl = ttl;
        Arc::new(answer)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_answer_is_fresh_for_its_ttl_and_then_usable_for_a_day() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        cache.keep(question("a.example"), answer(60), now);
        let find = |after| cache.find(&question("a.example"), now + seconds(after));
        assert!(matches!(find(59), Found::Fresh(_, 59)));
        assert!(matches!(find(60), Found::Expired(_)));
        assert!(matches!(find(86_459), Found::Expired(_)));
        assert!(matches!(find(86_460), Found::Absent));
    }

    #[test]
    fn rfc1034_a_ttl_of_zero_is_not_cached() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        cache.keep(question("a.example"), answer(0), now);
        assert!(matches!(cache.find(&question("a.example"), now), Found::Absent));
    }

    #[test]
    fn rfc9520_failures_are_held_ever_longer_up_to_a_bound() {
        let (cache, start) = (Cache::new(1 << 20), Instant::now());
        let mut now = start;
        for hold in [1, 2, 4, 8, 16, 30, 30] {
            cache.keep_failure(question("a.example"), answer(0), now);
            let find = |at| cache.find(&question("a.example"), at);
            assert!(matches!(find(now + seconds(hold) - Duration::from_millis(1)), Found::Failing(None, _)), "{hold}");
            now += seconds(hold);
            assert!(matches!(find(now), Found::Absent), "{hold}");
        }
    }

    #[test]
    fn rfc8767_a_failure_leaves_the_stale_answer_usable() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        cache.keep(question("a.example"), answer(10), now);
        cache.keep_failure(question("a.example"), answer(0), now + seconds(20));
        assert!(matches!(cache.find(&question("a.example"), now + seconds(20)), Found::Failing(Some(_), _)));
        assert!(matches!(cache.find(&question("a.example"), now + seconds(21)), Found::Expired(_)));
    }

    #[test]
    fn it_stays_within_its_bytes_and_a_flood_does_not_wash_it_out() {
        let (cache, now) = (Cache::new(256 << 10), Instant::now());
        cache.keep(question("popular.example"), answer(3600), now);
        for _ in 0..4 {
            assert!(matches!(cache.find(&question("popular.example"), now), Found::Fresh(..)));
        }
        for number in 0..20_000 {
            cache.keep(question(&format!("x{number}.example")), answer(3600), now);
        }
        assert!(cache.bytes() <= 256 << 10);
        assert!(matches!(cache.find(&question("popular.example"), now), Found::Fresh(..)));
    }

    #[test]
    fn a_flush_forgets_a_name_a_subtree_or_all() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        let fill =
            || ["example", "a.example", "b.a.example", "other"].map(|n| cache.keep(question(n), answer(60), now));
        let flush = |name: &str, subtree| cache.flush(Some(Name::parse(name).unwrap().as_ref()), subtree);
        fill();
        assert_eq!(flush("a.example", false), 1);
        fill();
        assert_eq!(flush("a.example", true), 2);
        fill();
        assert_eq!(cache.flush(None, false), 4);
    }
}
