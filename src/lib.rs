//! sordino mutes what devices send home. It is a DNS server for a household: it resolves names normally, mutes or only
//! watches names on telemetry lists, knows which device asked, and shows in a browser what each device tells whom.
//!
//! One function answers a query ([`dns`]), one [`snapshot`] decides it, one [`event`] tells what happened. The program
//! itself, `main.rs`, is only flags, logging and an exit code.
//!
//! A **device** is a thing in the house, a **list** a named set of rules, a **verdict** what the rules say of a name: pass,
//! watch, block, allow. An **event** is one query and what became of it; events kept are the **journal**, events counted the
//! **tallies**. A **snapshot** is policy and devices as they stand for one query.
//!
//! In reading order, bottom up; a module uses only what stands above it in this list:
//!
//! - [`time`]: moments and clocks as values.
//! - [`policy`]: names, lists, rules, verdicts. Pure.
//! - [`device`]: who asked.
//! - [`local`]: what the house decides for itself.
//! - [`snapshot`]: policy and devices that belong together, and where the current pair is found.
//! - [`event`]: what happened to a query, and the queue out of the hot path.
//! - [`certificate`]: what is shown to who comes encrypted.
//! - [`dns`]: the hot path, from the packet that comes in to the packet that goes out.
//! - [`store`]: journal, tallies and settings on the disk.
//! - [`insight`]: what the tallies mean.
//! - [`control`]: the single writer of snapshots and settings.
//! - [`notify`]: who is told of what happens.
//! - [`api`]: the page and what other programs talk to.
//! - [`config`]: reads `config.toml`.
//! - [`app`]: starting, reloading, stopping.
//! - [`demo`]: a household to look at, where nobody lives.
//! - [`cli`]: the command line.

pub mod api;
pub mod app;
pub mod certificate;
pub mod cli;
pub mod config;
pub mod control;
pub mod demo;
pub mod device;
pub mod dns;
pub mod event;
pub mod insight;
pub mod local;
pub mod notify;
pub mod policy;
pub mod snapshot;
pub mod store;
pub mod time;
