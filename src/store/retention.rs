//! When it is safe to forget: only while the clock can be believed.
//!
//! A Raspberry Pi has no battery clock. It starts in 1970 or on the day it was last on, and is told the time later; and a
//! clock that is ten years ahead for an hour would have everything forgotten that is kept.

use std::time::{Duration, Instant};

use super::BUILD_DATE;
use crate::time::Timestamp;

/// A difference between two clocks that drift and time zones do not explain.
const JUMP: Duration = Duration::from_secs(24 * 3600);
/// How long nothing is forgotten after a jump: long enough for someone to see a wrong clock.
const HOLD: Duration = Duration::from_secs(24 * 3600);

/// Watches the wall clock against the monotonic one.
#[derive(Debug)]
pub(super) struct Calendar {
    seen: Option<(Timestamp, Instant)>,
    hold_until: Option<Instant>,
}

impl Calendar {
    /// Starts at `instant`. `newest` is the time of the last event that was kept: where the clock is far from it, either
    /// sordino was off for long or one of the two is wrong, and waiting a day does no harm.
    pub(super) fn new(newest: Option<Timestamp>, instant: Instant) -> Self {
        Self { seen: newest.map(|newest| (newest, instant)), hold_until: None }
    }

    /// Whether `now` can be believed at `instant`.
    pub(super) fn trusts(&mut self, now: Timestamp, instant: Instant) -> bool {
        if let Some((wall, since)) = self.seen.replace((now, instant)) {
            let expected = wall.after(instant.saturating_duration_since(since));
            if now.millis().abs_diff(expected.millis()) > u64::try_from(JUMP.as_millis()).unwrap_or(u64::MAX) {
                self.hold_until = Some(instant + HOLD);
            }
        }
        now >= BUILD_DATE && self.hold_until.is_none_or(|until| instant >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_clock_that_jumped_is_believed_again_a_day_later() {
        let start = Instant::now();
        let mut calendar = Calendar::new(Some(BUILD_DATE), start);
        assert!(calendar.trusts(BUILD_DATE.after(HOUR), start + HOUR));
        assert!(calendar.trusts(BUILD_DATE.after(24 * HOUR), start + HOUR), "less than a day apart");
        let ahead = BUILD_DATE.after(100_000 * HOUR);
        assert!(!calendar.trusts(ahead, start + 2 * HOUR));
        assert!(!calendar.trusts(ahead.after(23 * HOUR), start + 25 * HOUR));
        assert!(calendar.trusts(ahead.after(24 * HOUR), start + 26 * HOUR));
    }

    #[test]
    fn a_clock_before_the_build_date_is_not_believed() {
        let mut calendar = Calendar::new(None, Instant::now());
        assert!(!calendar.trusts(Timestamp::from_millis(0), Instant::now()));
        assert!(!calendar.trusts(BUILD_DATE, Instant::now()), "it has just jumped from 1970");
    }
}
