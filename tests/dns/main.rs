//! Behaviour on the wire: the real binary, in front of a scripted forwarder.
//!
//! A module per subject; a test is named after the RFC and the section that promises the behaviour.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod cache;
mod certificates;
mod ddr;
mod dnssec;
mod edns;
mod endless;
mod forged;
mod forwarding;
mod hostile;
mod https;
mod limits;
mod local;
mod loops;
mod message;
mod pins;
mod policy;
mod quic;
mod rebinding;
mod routes;
mod special;
mod strategies;
mod threads;
mod tls;
mod transport;
