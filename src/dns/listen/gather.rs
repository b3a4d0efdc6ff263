//! When datagrams come densely: letting some of them gather before they are taken in.
//!
//! A loop that waits in the socket is woken for nearly every datagram, and under load the waking and the two system calls
//! cost more than the answer. Looking again only after a moment takes in, and sends, several at once.

use std::time::{Duration, Instant};

use super::batch::BATCH;

/// Datagrams a second on one socket from which on they may gather. No household comes near it; a rate at which a moment
/// gathers less than one of them would only be made late.
const DENSE: u64 = 5_000;
/// How long they gather: a hundredth of what anybody notices, and short enough that even a flood fills no more than a few
/// batches meanwhile, of the socket's thousands of places.
const MOMENT: Duration = Duration::from_micros(150);
/// How long a rate is measured: so long a flood goes on before it is taken for one, and so soon it is over again.
const WINDOW: Duration = Duration::from_millis(5);

/// How densely datagrams came in lately.
#[derive(Debug)]
pub(super) struct Gathering {
    since: Instant,
    came: u64,
    dense: bool,
}

impl Gathering {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, came: 0, dense: false }
    }

    /// Notes that `count` datagrams were taken in at `now`, and says how long the next should gather; none where each is
    /// waited for, or where a full batch says that more are there already.
    pub(super) fn moment(&mut self, count: usize, now: Instant) -> Option<Duration> {
        self.came += count as u64;
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= WINDOW {
            self.dense = u128::from(self.came) * 1_000_000 >= u128::from(DENSE) * elapsed.as_micros();
            (self.since, self.came) = (now, 0);
        }
        (self.dense && count < BATCH).then_some(MOMENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the batches of one datagram each were followed by a moment, at `rate` a second for `datagrams` of them.
    fn moments(gathering: &mut Gathering, now: &mut Instant, rate: u32, datagrams: u32) -> usize {
        let step = Duration::from_secs(1) / rate;
        let mut each = || {
            *now += step;
            gathering.moment(1, *now).is_some()
        };
        (0..datagrams).filter(|_| each()).count()
    }

    #[test]
    fn only_what_comes_densely_gathers_and_it_ends_by_itself() {
        let mut now = Instant::now();
        let mut gathering = Gathering::new(now);
        assert_eq!(moments(&mut gathering, &mut now, 1_000, 5_000), 0, "a busy house");
        let dense = moments(&mut gathering, &mut now, 20_000, 20_000);
        assert!((19_800..20_000).contains(&dense), "{dense}");
        // What came before the pause counts for nothing after it: the first datagram of a page is not made to wait.
        now += Duration::from_secs(1);
        assert_eq!(moments(&mut gathering, &mut now, 1_000, 1_000), 0);
    }

    #[test]
    fn a_page_that_asks_thirty_names_at_once_is_no_flood() {
        let mut now = Instant::now();
        let mut gathering = Gathering::new(now);
        for _ in 0..100 {
            now += Duration::from_secs(1);
            assert_eq!(moments(&mut gathering, &mut now, 3_000, 30), 0);
        }
    }

    #[test]
    fn what_is_there_already_is_not_left_to_gather() {
        let mut now = Instant::now();
        let mut gathering = Gathering::new(now);
        assert!(moments(&mut gathering, &mut now, 50_000, 1_000) > 0);
        assert_eq!(gathering.moment(BATCH, now), None);
        assert!(gathering.moment(BATCH - 1, now).is_some());
    }
}
