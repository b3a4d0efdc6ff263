//! Behaviour on the wire: the real binary, in front of a scripted forwarder.
//!
//! A module per subject; a test is named after the RFC and the section that promises the behaviour.

#[path = "../support/mod.rs"]
mod support;

mod message;
