//! Spans of time in calls.

use std::time::Duration;

use serde::Deserialize;

use super::problem::Problem;
use crate::time::{Hour, Timestamp};

/// What is shown where nobody says which span.
const USUAL: Duration = Duration::from_secs(24 * 3600);
/// The longest span that one call may ask for: a year and some, an entry for each hour.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);
const HOUR_MILLIS: u64 = 3_600_000;
/// No time zone is further from UTC (UTC+14).
const MAX_OFFSET_MINUTES: u32 = 14 * 60;

/// A span of time, milliseconds since the epoch.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpanParams {
    /// Begin; a day before the end where it is not given, or what the call says.
    #[param(value_type = Option<u64>)]
    from: Option<Timestamp>,
    /// End; now where it is not given.
    #[param(value_type = Option<u64>)]
    to: Option<Timestamp>,
}

/// Where the night is.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NightParams {
    /// Minutes that the viewer's clock is ahead of UTC.
    #[param(minimum = -840, maximum = 840)]
    night_offset_minutes: Option<i32>,
}

/// A span of time that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Span {
    /// The hour behind the last one that this span touches.
    pub(crate) fn end_hour(self) -> Hour {
        Timestamp::from_millis(self.to.millis().saturating_add(HOUR_MILLIS - 1)).hour()
    }
}

impl SpanParams {
    pub(crate) const fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self { from, to }
    }

    pub(crate) fn resolve(self, now: Timestamp) -> Result<Span, Problem> {
        self.resolve_with(now, USUAL)
    }

    /// The same where a span without a begin is `usual` long.
    pub(crate) fn resolve_with(self, now: Timestamp, usual: Duration) -> Result<Span, Problem> {
        let to = self.to.unwrap_or(now);
        let from = self.from.unwrap_or_else(|| to.before(usual));
        if from > to {
            return Err(Problem::unusable("The span ends before it begins: \"from\" is after \"to\"."));
        }
        if from < to.before(LONGEST) {
            return Err(Problem::unusable("The span is longer than 400 days. Ask for a part of it."));
        }
        // Hours are counted in 32 bits; a moment this far away is a mistake of whoever asks.
        if to > now.after(LONGEST) {
            return Err(Problem::unusable("\"to\" lies more than 400 days ahead. Times are milliseconds since 1970."));
        }
        Ok(Span { from, to })
    }
}

impl NightParams {
    pub(crate) fn resolve(self) -> Result<i32, Problem> {
        let offset = self.night_offset_minutes.unwrap_or(0);
        if offset.unsigned_abs() > MAX_OFFSET_MINUTES {
            return Err(Problem::unusable("\"night_offset_minutes\" goes from -840 to 840."));
        }
        Ok(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn resolve(from: Option<u64>, to: Option<u64>) -> Option<(u64, u64)> {
        let params = SpanParams { from: from.map(Timestamp::from_millis), to: to.map(Timestamp::from_millis) };
        let span = params.resolve(Timestamp::from_millis(1_000_000 * HOUR)).ok()?;
        Some((span.from.millis(), span.to.millis()))
    }

    #[test]
    fn what_is_not_said_is_the_last_day() {
        assert_eq!(resolve(None, None), Some((999_976 * HOUR, 1_000_000 * HOUR)));
        assert_eq!(resolve(None, Some(100 * HOUR)), Some((76 * HOUR, 100 * HOUR)));
    }

    #[test]
    fn a_span_is_bounded_on_all_sides() {
        for (from, to) in [(Some(2), Some(1)), (Some(0), None), (None, Some(u64::MAX)), (Some(u64::MAX), None)] {
            assert_eq!(resolve(from, to), None, "{from:?} {to:?}");
        }
    }
}
