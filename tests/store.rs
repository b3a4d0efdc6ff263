//! The store through its front door: real sled, real directories.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // tests fail by panicking, and say what they skip

#[path = "store/bench.rs"]
mod bench;
#[path = "store/faults.rs"]
mod faults;
#[path = "support/files.rs"]
#[allow(unreachable_pub)] // shared with the tests of the whole program
mod files;
#[path = "store/history.rs"]
mod history;
#[path = "store/house.rs"]
mod house;
#[path = "store/keeping.rs"]
mod keeping;
#[path = "store/kills.rs"]
mod kills;
#[path = "store/rest.rs"]
mod rest;
#[path = "store/settings.rs"]
mod settings;
#[path = "store/year.rs"]
mod year;
