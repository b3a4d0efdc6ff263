//! What the configuration says about the store.

use std::path::PathBuf;
use std::time::Duration;

use super::privacy::{Keeping, Level};

/// How long the journal is kept where nobody says.
pub const KEEP_QUERIES: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long tallies are kept where nobody says.
pub const KEEP_TALLIES: Duration = Duration::from_secs(400 * 24 * 3600);
/// How often is flushed where nobody says: six times an hour, and not at all while nobody asks.
pub const FLUSH: Duration = Duration::from_secs(600);

/// Counts of a device, name, verdict and hour that are held where tallies do not go to disk and nobody says: some ten
/// megabytes, and some days of a busy household.
pub const COUNTS_IN_MEMORY: usize = 200_000;

/// Where and how long things are kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the store. Made if it is missing.
    pub path: PathBuf,
    /// How long the journal keeps single queries.
    pub keep_queries: Duration,
    /// How long tallies are kept.
    pub keep_tallies: Duration,
    /// How often what was counted is written to disk.
    pub flush: Duration,
    /// Where the journal is kept.
    pub journal: Keeping,
    /// Where tallies and firsts are kept. A journal on disk brings them along.
    pub tallies: Keeping,
    /// Counts that are held in memory while nothing else has them. The oldest hours make room.
    pub counts_in_memory: usize,
    /// How much of a query is kept at all.
    pub level: Level,
}

impl Options {
    /// A store at `path` with everything else as it usually is.
    pub fn at(path: PathBuf) -> Self {
        Self {
            path,
            keep_queries: KEEP_QUERIES,
            keep_tallies: KEEP_TALLIES,
            flush: FLUSH,
            journal: Keeping::Disk,
            tallies: Keeping::Disk,
            counts_in_memory: COUNTS_IN_MEMORY,
            level: Level::Everything,
        }
    }
}
