//! When a list is fetched next. A function of what happened, the time and a number drawn by chance.

use std::time::Duration;

use crate::time::Timestamp;

/// How long to wait after the first, second … failure in a row; the last one for all that follow.
pub(super) const LADDER: [Duration; 4] = [minutes(1), minutes(5), minutes(15), minutes(60)];
/// The share of a wait, in percent, by which chance makes it longer: the houses of a power cut do not all ask at once.
const JITTER_PERCENT: u64 = 10;

/// What happened to a list so far, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// When it was last tried.
    pub(super) tried: Option<Timestamp>,
    /// Failures in a row since.
    pub(super) failures: u32,
}

/// When the next try is due. `refresh` is how long a good copy is good for; `chance` is any number.
pub(super) fn next_try(tries: Tries, refresh: Duration, now: Timestamp, chance: u32) -> Timestamp {
    let Some(tried) = tries.tried else { return now };
    // The clock was ahead then, or is behind now; either way its word on the last try is worth nothing.
    if tried > now {
        return now;
    }
    let wait = match tries.failures {
        0 => refresh,
        failures => LADDER[(failures as usize).min(LADDER.len()) - 1],
    };
    tried.after(wait + jitter(wait, chance))
}

fn jitter(wait: Duration, chance: u32) -> Duration {
    let most = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) / 100 * JITTER_PERCENT;
    Duration::from_millis((u128::from(most) * u128::from(chance) / u128::from(u32::MAX)) as u64)
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = minutes(24 * 60);
    const THEN: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn wait(failures: u32, chance: u32) -> u64 {
        let tries = Tries { tried: Some(THEN), failures };
        (next_try(tries, DAY, THEN, chance).millis() - THEN.millis()) / 1000
    }

    #[test]
    fn failures_climb_the_ladder_and_stay_on_its_last_rung() {
        let waits: Vec<u64> = (1..=6).map(|failures| wait(failures, 0) / 60).collect();
        assert_eq!(waits, [1, 5, 15, 60, 60, 60]);
        assert_eq!(wait(0, 0), DAY.as_secs());
    }

    #[test]
    fn chance_only_adds_and_adds_a_tenth_at_most() {
        for failures in 0..6 {
            let (least, most) = (wait(failures, 0), wait(failures, u32::MAX));
            assert!(least < most && most <= least + least / 10, "{failures}: {least} {most}");
        }
    }

    #[test]
    fn what_was_never_tried_is_due_and_so_is_what_was_tried_in_the_future() {
        assert_eq!(next_try(Tries::default(), DAY, THEN, 7), THEN);
        let ahead = Tries { tried: Some(THEN.after(DAY)), failures: 3 };
        assert_eq!(next_try(ahead, DAY, THEN, 7), THEN);
    }

    #[test]
    fn a_clock_that_jumps_from_1970_makes_a_failed_list_due() {
        let tries = Tries { tried: Some(Timestamp::from_millis(5_000)), failures: 1 };
        assert!(next_try(tries, DAY, Timestamp::from_millis(6_000), 0) > Timestamp::from_millis(6_000));
        assert!(next_try(tries, DAY, THEN, u32::MAX) < THEN);
    }
}
