//! Time as a value. Nothing below `app` asks the operating system what time it is: a [`Clock`] is handed in, and tests turn it by hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// No clock that shows an earlier time can be right: a router without a battery begins at 1970.
pub const BUILD_DATE: Timestamp = Timestamp::from_millis(1_793_491_200_000); // 2026-11-01

/// A moment in wall-clock time: milliseconds since 1970-01-01 00:00 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The hour this moment lies in.
    pub const fn hour(self) -> Hour {
        Hour((self.0 / Hour::MILLIS) as u32)
    }

    /// This moment and `duration` more, at most the end of time.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(duration)))
    }

    /// This moment less `duration`, at least the epoch.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(duration)))
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock set before 1970 reads as the epoch itself.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, millis_of))
    }
}

/// A whole hour of UTC, counted from the epoch: the grain of the tallies.
///
/// Hours of people's days are the viewer's business: a page shifts by its own time zone.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Hour(u32);

impl Hour {
    const MILLIS: u64 = 3_600_000;

    /// The `number`th hour since the epoch.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// How many whole hours passed since the epoch.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The first moment of this hour.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as u64 * Self::MILLIS)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hour {}", self.0)
    }
}

fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Where wall-clock time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The operating system's clock.
    #[default]
    System,
    /// A clock that stands still until a test moves it: milliseconds since the epoch.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The present moment by the wall clock. It may jump; never measure a span with it.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => SystemTime::now().into(),
            Self::Manual(millis) => Timestamp(millis.load(Ordering::Relaxed)),
        }
    }

    /// The present moment by the monotonic clock, for ages and timeouts.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }
}
