//! sordino with a virtual household, so that every page has something true to show.
pub mod forwarder;
pub mod history;
pub mod household;
pub mod internet;
pub mod live;
pub mod questions;
mod residents;
