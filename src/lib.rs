//! sordino
pub mod control;
pub mod device;
pub mod dns;
pub mod event;
pub mod insight;
pub mod policy;
pub mod snapshot;
pub mod store;
pub mod time;
