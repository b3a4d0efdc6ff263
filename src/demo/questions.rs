//! What the household asks over a span of time, one question after the other.
//!
//! Pure: the same house, span and seed give the same questions. Each activity draws from a random stream of its own, so
//! that adding one does not move the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::household::{Activity, Again, Household, SPREAD};
use crate::policy::Name;
use crate::time::Timestamp;

/// A question that a device asks at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// When it is asked.
    pub at: Timestamp,
    /// Who asks, by its place in [`Household::residents`].
    pub device: usize,
    /// QNAME.
    pub name: Name,
    /// QTYPE.
    pub qtype: u16,
    again: Again,
}

/// The questions of a span of time. Tell it which were [muted](Self::muted), and stubborn devices ask again.
#[derive(Debug)]
pub struct Questions {
    household: Arc<Household>,
    to: Timestamp,
    seed: u64,
    pace: u32,
    streams: Vec<Stream>,
    /// When each stream comes round next.
    occasions: BTreeSet<(Timestamp, usize)>,
    /// Questions of occasions that have begun; numbered, because several fall on one millisecond.
    due: BTreeMap<(Timestamp, u64), Question>,
    number: u64,
}

#[derive(Debug)]
struct Stream {
    device: usize,
    activity: &'static Activity,
    random: Rng,
}

impl Iterator for Questions {
    type Item = Question;

    fn next(&mut self) -> Option<Question> {
        loop {
            let due = self.due.first_key_value().map(|(&(at, _), _)| at);
            match self.occasions.first() {
                Some(&(at, stream)) if due.is_none_or(|due| at <= due) => {
                    self.occasions.pop_first();
                    self.take_place(at, stream);
                }
                _ => return self.due.pop_first().map(|(_, question)| question),
            }
        }
    }
}

impl Questions {
    /// The questions of `devices` from the first moment until before the second.
    pub(super) fn of(
        household: &Arc<Household>,
        devices: std::ops::Range<usize>,
        (from, to): (Timestamp, Timestamp),
        seed: u64,
        pace: u32,
    ) -> Self {
        let mut streams = Vec::new();
        let mut occasions = BTreeSet::new();
        for device in devices {
            for (place, activity) in household.residents()[device].activities.iter().enumerate() {
                let mut random =
                    Rng::with_seed(seed ^ (((device as u64) << 32) | (place as u64 + 1)).wrapping_mul(SPREAD));
                let first = random.u64(0..u64::from(activity.every) * 1000) / u64::from(pace);
                let first = from.after(Duration::from_millis(first));
                if first < to {
                    occasions.insert((first, streams.len()));
                }
                streams.push(Stream { device, activity, random });
            }
        }
        Self { household: household.clone(), to, seed, pace, streams, occasions, due: BTreeMap::new(), number: 0 }
    }

    /// The device that asked `question` was given an address that leads nowhere: if it is stubborn it asks again.
    pub fn muted(&mut self, question: &Question) {
        let Again { times: 1.., after } = question.again else { return };
        let pause = Duration::from_secs(after.into()) / self.pace;
        let again = Again { times: question.again.times - 1, after };
        self.ask(Question { at: question.at.after(pause), again, ..question.clone() });
    }

    fn take_place(&mut self, at: Timestamp, stream: usize) {
        let household = self.household.clone();
        let Stream { device, activity, ref mut random } = self.streams[stream];
        let next = activity.next_time(at, self.pace, random);
        if next < self.to {
            self.occasions.insert((next, stream));
        }
        if !household.suits(activity, device, at, self.seed, random) {
            return;
        }
        let mut questions = Vec::new();
        let mut moment = at;
        for text in activity.names(random) {
            let Some(name) = household.name(text) else { continue };
            for &(qtype, chance) in household.residents()[device].asks {
                if random.u8(0..100) < chance {
                    let at = moment.after(Duration::from_millis(random.u64(0..4)));
                    questions.push(Question { at, device, name: name.clone(), qtype, again: activity.again });
                }
            }
            moment = moment.after(Duration::from_millis(random.u64(20..400)));
        }
        questions.into_iter().for_each(|question| self.ask(question));
    }

    fn ask(&mut self, question: Question) {
        if question.at < self.to {
            self.due.insert((question.at, self.number), question);
            self.number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::household::{A, DAY_MS, HOUR_MS};
    use super::super::residents::RESIDENTS;
    use super::*;

    const FORTNIGHT: Duration = Duration::from_secs(14 * 24 * 3600);

    fn house(today: Timestamp) -> Arc<Household> {
        Arc::new(Household::new(today, 0).unwrap())
    }

    /// 2026-11-16 00:00 UTC, a Monday.
    fn today() -> Timestamp {
        Timestamp::from_millis(1_794_787_200_000)
    }

    fn fortnight(seed: u64) -> Vec<Question> {
        house(today()).questions(today().before(FORTNIGHT), today(), seed).collect()
    }

    #[test]
    fn a_seed_gives_the_same_questions_and_another_gives_others() {
        let first = fortnight(7);
        assert!(first == fortnight(7));
        assert!(first != fortnight(8));
    }

    #[test]
    fn a_fortnight_is_in_order_in_range_and_of_a_believable_size() {
        let questions = fortnight(7);
        assert!(questions.is_sorted_by_key(|question| question.at));
        assert!(questions.iter().all(|question| question.at >= today().before(FORTNIGHT) && question.at < today()));
        let busy_days: BTreeSet<u64> = questions.iter().map(|question| question.at.millis() / DAY_MS).collect();
        assert_eq!(busy_days.len(), 14);
        assert!((150_000..300_000).contains(&questions.len()), "{}", questions.len());
    }

    #[test]
    fn what_can_be_on_at_night_calls_home_every_hour_of_it_and_people_sleep() {
        let questions = fortnight(7);
        let phone = |from: u64, to: u64| {
            questions.iter().filter(move |question| {
                question.device == 0 && (from..to).contains(&(question.at.millis() % DAY_MS / HOUR_MS))
            })
        };
        let tracking = Name::parse("tracking.intl.miui.com").unwrap();
        for hour in 0..24 {
            let beacons =
                phone(hour, hour + 1).filter(|question| question.name == tracking && question.qtype == A).count();
            // Every five minutes on fourteen days: 168 times.
            assert!((150..190).contains(&beacons), "{hour} o'clock: {beacons}");
        }
        let news = Name::parse("www.bbc.com").unwrap();
        let read = |from, to| phone(from, to).filter(|question| question.name == news).count();
        assert_eq!(read(2, 5), 0);
        assert!(read(18, 22) > 0);
    }

    #[test]
    fn every_device_asks_by_its_own_types() {
        let questions = fortnight(7);
        for (device, resident) in RESIDENTS.iter().enumerate() {
            let asked: BTreeSet<u16> =
                questions.iter().filter(|question| question.device == device).map(|question| question.qtype).collect();
            assert_eq!(asked, resident.asks.iter().map(|&(qtype, _)| qtype).collect(), "{}", resident.name);
        }
    }

    #[test]
    fn a_stubborn_device_asks_again_until_it_has_had_enough() {
        let mut questions = house(today()).questions_of(5, today(), today().after(FORTNIGHT), 7, 1);
        let metrics = Name::parse("device-metrics-us.amazon.com").unwrap();
        let (mut first, mut asked) = (None, 0);
        while let Some(question) = questions.next() {
            // The next round comes after a quarter of an hour, the last attempt of this one after six minutes.
            let since = *first.get_or_insert(question.at);
            if question.name != metrics || question.qtype != A {
                first = first.filter(|_| asked > 0);
                continue;
            }
            if question.at > since.after(Duration::from_secs(600)) {
                break;
            }
            asked += 1;
            questions.muted(&question);
        }
        assert_eq!(asked, 7);
    }

    #[test]
    fn a_quicker_pace_asks_more_often_at_the_same_hours() {
        let house = house(today());
        let span = (today(), today().after(Duration::from_secs(24 * 3600)));
        let count = |pace| house.questions_of(4, span.0, span.1, 7, pace).count();
        let ratio = count(4) * 10 / count(1);
        assert!((33..47).contains(&ratio), "{ratio}");
    }

    #[test]
    fn something_is_new_this_week() {
        let unity = Name::parse("cdp.cloud.unity3d.com").unwrap();
        let questions = fortnight(7);
        let first = questions.iter().find(|question| question.name == unity).unwrap().at;
        assert!(first >= today().before(Duration::from_millis(4 * DAY_MS)));
    }

    #[test]
    fn addresses_and_names_of_devices_are_their_own() {
        let addresses: BTreeSet<_> = RESIDENTS.iter().map(|resident| resident.address).collect();
        let names: BTreeSet<_> = RESIDENTS.iter().map(|resident| resident.name).collect();
        assert_eq!((addresses.len(), names.len()), (6, 6));
        assert!(addresses.iter().all(Ipv4Addr::is_loopback));
    }
}
