//! What the router calls the addresses of the house. It gave them out, so it knows; it is asked as anyone may ask it, for PTR
//! records (RFC 1035 §3.5).
//!
//! Only who the operator named is asked, and only about private addresses: what the house looks like inside is nothing for a
//! forwarder outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::fact::usable_name;
use super::{Fact, Source};
use crate::time::{Clock, Timestamp};

/// Addresses whose names are asked for.
const ADDRESSES_BOUND: usize = 512;
/// How often is looked whether there is something to ask.
const PACE: Duration = Duration::from_secs(5);
/// Questions in one go, one after the other.
const QUESTIONS_BOUND: usize = 16;
/// How long an answer is good for, also that there is no name. A lease of a guest does not last longer.
const GOOD_FOR: Duration = Duration::from_secs(3600);
/// How long is waited when nobody answers.
const RESTS: Duration = Duration::from_secs(300);

/// Nobody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered;

/// Asks until `stop` what each of `addresses` is called, and tells `publish` all names whenever one has changed. `publish` says
/// whether it took them; otherwise they are told again a moment later. `ask` gives the name of an address, if it has one.
pub async fn watch<A, F>(
    addresses: impl Fn() -> Vec<IpAddr>,
    ask: impl Fn(IpAddr) -> A,
    clock: Clock,
    stop: CancellationToken,
    publish: impl Fn(Vec<Fact>) -> F,
) where
    A: Future<Output = Result<Option<String>, Unanswered>>,
    F: Future<Output = bool>,
{
    let mut names = Names::default();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut untold, mut rests_until) = (false, Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        let now = Instant::now();
        untold |= names.keep(addresses());
        if now >= rests_until {
            for address in names.due(now) {
                let asked = tokio::select! {
                    () = stop.cancelled() => return,
                    asked = ask(address) => asked,
                };
                match asked {
                    Ok(name) => untold |= names.learn(address, name.as_deref(), clock.now(), now),
                    // What is known stays: a router that starts anew has not forgotten its house.
                    Err(Unanswered) => {
                        rests_until = now + RESTS;
                        break;
                    }
                }
            }
        }
        if untold {
            untold = !publish(names.facts()).await;
        }
    }
}

/// Whether an address means something inside this house only, so that its name may be asked for.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// What was answered.
#[derive(Debug, Default)]
struct Names {
    known: BTreeMap<IpAddr, Answered>,
}

#[derive(Debug, Default)]
struct Answered {
    name: Option<String>,
    since: Timestamp,
    asked: Option<Instant>,
}

impl Names {
    /// Forgets all but `addresses`. Says whether a name went.
    fn keep(&mut self, addresses: Vec<IpAddr>) -> bool {
        let wanted: BTreeSet<IpAddr> =
            addresses.into_iter().filter(|address| is_private(*address)).take(ADDRESSES_BOUND).collect();
        let names =
            |known: &BTreeMap<IpAddr, Answered>| known.values().filter(|answered| answered.name.is_some()).count();
        let before = names(&self.known);
        self.known.retain(|address, _| wanted.contains(address));
        let is_less = names(&self.known) < before;
        for address in wanted {
            self.known.entry(address).or_default();
        }
        is_less
    }

    /// What is to be asked next, who was never asked about first.
    fn due(&self, now: Instant) -> Vec<IpAddr> {
        let is_due = |answered: &Answered| answered.asked.is_none_or(|asked| now >= asked + GOOD_FOR);
        let mut due: Vec<_> = self.known.iter().filter(|(_, answered)| is_due(answered)).collect();
        due.sort_by_key(|(_, answered)| answered.asked);
        due.into_iter().take(QUESTIONS_BOUND).map(|(address, _)| *address).collect()
    }

    /// Notes the answer. Says whether it is news.
    fn learn(&mut self, address: IpAddr, name: Option<&str>, at: Timestamp, now: Instant) -> bool {
        let Some(answered) = self.known.get_mut(&address) else { return false };
        answered.asked = Some(now);
        let name = name.and_then(called);
        if answered.name == name {
            return false;
        }
        *answered = Answered { name, since: at, asked: answered.asked };
        true
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |(address, answered): (&IpAddr, &Answered)| {
            let name = answered.name.clone()?;
            Some(Fact { name: Some(name), ..Fact::of(*address, Source::Router, answered.since) })
        };
        self.known.iter().filter_map(fact).collect()
    }
}

/// The first label: the rest is the router's own. `home.arpa` is where sordino itself names devices; what a router that asks
/// sordino says of it was said here.
fn called(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.');
    if name.to_ascii_lowercase().ends_with(".home.arpa") {
        return None;
    }
    usable_name(name.split('.').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_private_addresses_are_asked_about_a_few_at_a_time_and_not_again_for_an_hour() {
        let (mut names, now) = (Names::default(), Instant::now());
        let mut addresses: Vec<IpAddr> = (0..20_u8).map(|last| IpAddr::from([192, 168, 1, last])).collect();
        addresses.extend([ip("203.0.113.7"), ip("2001:db8::1"), ip("fe80::1"), ip("fd00::1")]);
        assert!(!names.keep(addresses.clone()));
        let first = names.due(now);
        assert_eq!(first.len(), QUESTIONS_BOUND);
        first.iter().for_each(|address| assert!(!names.learn(*address, None, Timestamp::default(), now)));
        let rest = names.due(now);
        assert_eq!((rest.len(), rest.last()), (5, Some(&ip("fd00::1"))));
        rest.iter().for_each(|address| assert!(names.learn(*address, Some("x.lan."), Timestamp::default(), now)));
        assert!(names.due(now + GOOD_FOR - Duration::from_secs(1)).is_empty());
        assert_eq!(names.due(now + GOOD_FOR).len(), QUESTIONS_BOUND);
        assert_eq!(names.facts().len(), 5);
        assert!(names.keep(vec![ip("fd00::1")]));
        assert_eq!(names.facts().len(), 1);
    }

    #[test]
    fn a_name_is_cleaned_and_never_our_own() {
        for (said, expected) in [
            ("Annas-Phone.fritz.box.", Some("Annas-Phone")),
            ("nas", Some("nas")),
            ("phone.home.arpa.", None),
            ("a\u{7}b.lan", None),
            ("localhost.", None),
            ("", None),
        ] {
            assert_eq!(called(said).as_deref(), expected, "{said:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_left_alone_for_a_while() {
        let (asked, stop) = (std::sync::atomic::AtomicU32::new(0), CancellationToken::new());
        let ask = |_| {
            asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::future::ready(Err(Unanswered))
        };
        let addresses = || vec![ip("192.168.1.7"), ip("192.168.1.8")];
        let watching = watch(addresses, ask, Clock::System, stop.clone(), async |_| true);
        let ending = async {
            tokio::time::sleep(RESTS - PACE).await;
            assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
            tokio::time::sleep(2 * PACE).await;
            assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
            stop.cancel();
        };
        tokio::join!(watching, ending);
    }
}
