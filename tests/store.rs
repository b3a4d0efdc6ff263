//! The store through its front door: real sled, real directories.

#![allow(clippy::unwrap_used)] // tests fail by panicking

#[path = "store/faults.rs"]
mod faults;
#[path = "store/history.rs"]
mod history;
#[path = "store/house.rs"]
mod house;
