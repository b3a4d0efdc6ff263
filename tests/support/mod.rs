//! What the tests that go through the front door share: the real binary, a scripted forwarder, and a small DNS codec.
#![allow(dead_code, unreachable_pub)] // every test binary uses another part of this
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

pub mod authority;
pub mod client;
mod encrypted;
pub mod files;
pub mod forwarder;
pub mod rest;
pub mod secure;
pub mod sordino;
pub mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen at all. Generous: a slow machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` finds something, and fails with `what` when nothing came.
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

/// As [`until`], with a deadline that is part of the promise under test.
#[track_caller]
pub fn within<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < deadline, "{what}: not within {deadline:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The directory of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cases that are kept beside the repository; none, with a line that says so, where they are not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("SORDINO_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let found = base.join(path);
    if found.exists() {
        return Some(found);
    }
    println!("skipped: {} is not here", found.display());
    None
}
