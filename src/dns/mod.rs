//! The hot path: from the packet that comes in to the packet that goes out. Read [`resolver`] first; it is the story.
//!
//! It never touches the disk, never waits on a queue, never logs a name. It is joined to the rest at three doors: the
//! snapshot comes in, events go out, and hints about addresses that nobody knows go out.

mod access;
mod answer;
mod cache;
mod cookie;
mod counters;
mod designation;
mod edns;
mod flight;
mod forwarded;
mod inspect;
mod labels;
mod listen;
mod local;
mod lookup;
mod options;
mod pace;
pub mod probe;
mod pulse;
mod query;
mod rate;
mod rebinding;
mod reply;
mod resolver;
mod response;
mod serving;
mod special;
mod strangers;
mod upstream;
mod validate;
mod wire;

pub use listen::{BindError, CannotServe, Listeners, serve};
pub use lookup::{Lookup, NoAddress};
pub use options::{BadOption, DnssecOptions, Limits, Options, Status, UpstreamStatus};
pub use pulse::{own_door, pulse};
pub use resolver::Resolver;
pub use serving::{Encrypted, ServingStatus, Way};
pub use upstream::{RouteOptions, Strategy, UpstreamOptions};
