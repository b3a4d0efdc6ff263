//! What forwarders said, kept for as long as they allow, and a while longer for the day on which none answers.
//!
//! It never holds what policy said: two devices with different profiles share it, and a reload flushes nothing.
//! It is bounded in bytes. Admission is quick_cache's S3-FIFO: a name asked once never pushes out one asked twice. Names
//! that do not exist have a part of their own, so that a flood of invented ones washes out nothing but its like.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache as Weighted;
use quick_cache::{Equivalent, Weighter};

use super::answer::{Answer, Question};
use crate::policy::NameRef;

/// How long after its TTL an answer may still be given when no forwarder answers (RFC 8767 §5: one to three days).
const MAX_STALE: Duration = Duration::from_secs(86_400);
/// After a failure, the shortest and the longest time until forwarders are asked again (RFC 9520 §3.2).
const FIRST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(30);
/// How long after that a failure still says that the next question may be in vain.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Times an answer was given from here until it is worth asking for again before it ends.
const POPULAR: u32 = 3;
/// The last of this many parts of its TTL is when that is done.
const LAST_PART: u32 = 10;
/// One part in this many is for names that do not exist, and for failures.
const ABSENT_PART: usize = 4;

/// Answers by question.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Of names that exist.
    present: Weighted<Question, Arc<Entry>, ByBytes>,
    /// Of names that do not, or of which nothing is known but that forwarders failed.
    absent: Weighted<Question, Arc<Entry>, ByBytes>,
}

/// What is known about a question.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The last answer that was good, and when it came in.
    good: Option<(Arc<Answer>, Instant)>,
    /// The last failure since then.
    failure: Option<Failure>,
    /// How often the answer was given from here.
    given: AtomicU32,
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
    /// The same, but of a popular name, and soon to end: worth asking for again.
    Waning(Arc<Answer>, u32),
    /// Forwarders failed moments ago and are left alone; the last good answer, if it may still be given, and what failed.
    Failing(Option<Arc<Answer>>, Arc<Answer>),
    /// An answer past its TTL that may be given if nothing better comes.
    Expired(Arc<Answer>),
    /// The same, and forwarders have failed to renew it: worth asking for again, and not worth another wait.
    Overdue(Arc<Answer>),
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
        let part = |bytes: usize| Weighted::with_weighter(bytes / USUAL_WEIGHT, bytes as u64, ByBytes);
        let absent = bytes / ABSENT_PART;
        Self { present: part(bytes - absent), absent: part(absent) }
    }

    /// What is known about `question` at `now`.
    pub(crate) fn find<Q: Hash + Equivalent<Question>>(&self, question: &Q, now: Instant) -> Found {
        let Some(entry) = self.entry(question) else { return Found::Absent };
        let usable = entry.good.as_ref().filter(|(answer, since)| {
            now.saturating_duration_since(*since) < Duration::from_secs(answer.ttl.into()) + MAX_STALE
        });
        if let Some((answer, since)) = usable {
            let age = now.saturating_duration_since(*since).as_secs();
            if age < u64::from(answer.ttl) {
                let popular = entry.given.fetch_add(1, Ordering::Relaxed) >= POPULAR;
                let failed = entry.failure.as_ref().is_some_and(|failure| now < failure.until);
                let waning = popular && !failed && age as u32 >= answer.ttl - answer.ttl / LAST_PART;
                let found = if waning { Found::Waning } else { Found::Fresh };
                return found(answer.clone(), age as u32);
            }
        }
        let usable = usable.map(|(answer, _)| answer.clone());
        match (&entry.failure, usable) {
            (Some(failure), usable) if now < failure.until => Found::Failing(usable, failure.answer.clone()),
            (Some(failure), Some(answer)) if now < failure.until + REMEMBERED => Found::Overdue(answer),
            (_, Some(answer)) => Found::Expired(answer),
            (_, None) => Found::Absent,
        }
    }

    /// Keeps a good answer, unless it may not be kept. What was known before is no longer so, in either case.
    pub(crate) fn keep(&self, question: Question, answer: Arc<Answer>, now: Instant) {
        if answer.ttl > 0 {
            self.put(question, Entry { good: Some((answer, now)), failure: None, given: AtomicU32::default() });
        } else {
            self.present.remove(&question);
            self.absent.remove(&question);
        }
    }

    /// Remembers that no forwarder gave a good answer; each failure in a row is held twice as long as the one before.
    pub(crate) fn keep_failure(&self, question: Question, answer: Arc<Answer>, now: Instant) {
        let before = self.entry(&question);
        let last = before.as_ref().and_then(|entry| entry.failure.as_ref());
        let hold = last.map_or(FIRST_HOLD, |failure| (failure.hold * 2).min(LONGEST_HOLD));
        let good = before.as_ref().and_then(|entry| entry.good.clone());
        let given = before.as_ref().map_or(0, |entry| entry.given.load(Ordering::Relaxed));
        let failure = Some(Failure { answer, hold, until: now + hold });
        self.put(question, Entry { good, failure, given: given.into() });
    }

    /// Remembers that forwarders take too long to renew what is known, before they have failed: who asks meanwhile need not
    /// find that out by waiting as well (RFC 8767 §5).
    pub(crate) fn keep_delay(&self, question: &Question, answer: Arc<Answer>, now: Instant) {
        if self.entry(question).is_some_and(|entry| entry.failure.is_none()) {
            self.keep_failure(question.clone(), answer, now);
        }
    }

    fn entry<Q: Hash + Equivalent<Question>>(&self, question: &Q) -> Option<Arc<Entry>> {
        self.present.get(question).or_else(|| self.absent.get(question))
    }

    fn put(&self, question: Question, entry: Entry) {
        let exists = entry.good.as_ref().is_some_and(|(answer, _)| !answer.is_nxdomain());
        let (part, other) = if exists { (&self.present, &self.absent) } else { (&self.absent, &self.present) };
        other.remove(&question);
        part.insert(question, Arc::new(entry));
    }

    /// Forgets what is known about `name`, with `subtree` also below it; without a name everything. Says how many answers.
    pub(crate) fn flush(&self, name: Option<NameRef<'_>>, subtree: bool) -> usize {
        let before = self.entries();
        for part in [&self.present, &self.absent] {
            match name {
                None => part.clear(),
                Some(name) => part.retain(|question, _| {
                    let asked = question.name.as_ref();
                    if subtree { !asked.is_in(name) } else { asked != name }
                }),
            }
        }
        before.saturating_sub(self.entries()) as usize
    }

    pub(crate) fn entries(&self) -> u64 {
        (self.present.len() + self.absent.len()) as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.present.weight() + self.absent.weight()
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.present.capacity() + self.absent.capacity()
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
        for ttl in [0, 60, 0] {
            cache.keep(question("a.example"), answer(ttl), now);
        }
        assert!(matches!(cache.find(&question("a.example"), now), Found::Absent), "nor is what it replaces");
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
        assert!(matches!(cache.find(&question("a.example"), now + seconds(21)), Found::Overdue(_)));
        assert!(matches!(cache.find(&question("a.example"), now + seconds(50)), Found::Overdue(_)));
        assert!(matches!(cache.find(&question("a.example"), now + seconds(51)), Found::Expired(_)), "long ago");
    }

    #[test]
    fn rfc8767_a_delay_is_found_out_once() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        cache.keep_delay(&question("a.example"), answer(0), now);
        assert!(matches!(cache.find(&question("a.example"), now), Found::Absent), "there is nothing to give meanwhile");
        cache.keep(question("a.example"), answer(10), now);
        // However many waited, it is one delay.
        (0..9).for_each(|_| cache.keep_delay(&question("a.example"), answer(0), now + seconds(20)));
        let find = |after| cache.find(&question("a.example"), now + seconds(after));
        assert!(matches!(find(20), Found::Failing(Some(_), _)));
        assert!(matches!(find(21), Found::Overdue(_)));
        cache.keep(question("a.example"), answer(10), now + seconds(22));
        assert!(matches!(find(23), Found::Fresh(..)) && matches!(find(32), Found::Expired(_)));
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
    fn d10_a_flood_of_invented_names_takes_a_quarter_and_pushes_out_no_name_that_exists() {
        let (cache, now) = (Cache::new(256 << 10), Instant::now());
        let known = || (0..100).map(|number| question(&format!("known{number}.example")));
        known().for_each(|question| cache.keep(question, answer(3600), now));
        for number in 0..20_000 {
            let name = question(&format!("x{number}.example"));
            let mut nothing = Answer::failure(Rcode::NAME_ERROR, ExtendedError::new(0, ""));
            nothing.ttl = 3600;
            match number % 2 {
                0 => cache.keep(name, Arc::new(nothing), now),
                _ => cache.keep_failure(name, Arc::new(nothing), now),
            }
        }
        assert!(cache.absent.weight() <= 64 << 10 && cache.bytes() <= 256 << 10);
        let left = known().filter(|question| matches!(cache.find(question, now), Found::Fresh(..))).count();
        assert_eq!(left, 100, "names asked for only once, and still there");
    }

    #[test]
    fn a_name_that_ends_or_begins_to_exist_is_kept_once() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        let mut nothing = Answer::failure(Rcode::NAME_ERROR, ExtendedError::new(0, ""));
        nothing.ttl = 60;
        let nothing = Arc::new(nothing);
        for kept in [&answer(60), &nothing, &answer(60)] {
            cache.keep(question("a.example"), kept.clone(), now);
            assert_eq!(cache.entries(), 1);
            assert!(
                matches!(cache.find(&question("a.example"), now), Found::Fresh(found, _) if found.rcode == kept.rcode)
            );
        }
    }

    #[test]
    fn c15_a_popular_answer_wanes_in_the_last_tenth_of_its_ttl() {
        let (cache, now) = (Cache::new(1 << 20), Instant::now());
        let find = |after| cache.find(&question("a.example"), now + seconds(after));
        cache.keep(question("a.example"), answer(60), now);
        assert!(matches!(find(55), Found::Fresh(_, 55)), "it was given once");
        (0..POPULAR).for_each(|_| drop(find(10)));
        assert!(matches!(find(53), Found::Fresh(_, 53)));
        assert!(matches!(find(54), Found::Waning(_, 54)));
        cache.keep_failure(question("a.example"), answer(0), now + seconds(55));
        assert!(matches!(find(55), Found::Fresh(_, 55)), "it has just failed");
        assert!(matches!(find(57), Found::Waning(_, 57)));
        assert!(matches!(find(60), Found::Overdue(_)));
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
