//! sordino with a virtual household, so that every page has something true to show.
pub mod household;
pub mod internet;
mod residents;
