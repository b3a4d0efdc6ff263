//! sordino with a virtual household, so that every page has something true to show.
pub mod forwarder;
pub mod household;
pub mod internet;
mod residents;
