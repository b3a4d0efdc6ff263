//! What this house decides for itself, whatever lists and forwarders say.
//!
//! It comes from the configuration, is put together anew at a reload, and never changes in between.

mod rebinding;

pub use self::rebinding::{REBINDING, Rebinding};

/// What the configuration says of the house itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which answers from outside may lead into the house.
    pub rebinding: Rebinding,
}

/// What the house decides for itself. Immutable, shared by all queries.
#[derive(Debug, Default)]
pub struct Local {
    /// Which answers from outside may lead into the house.
    pub rebinding: Rebinding,
}

impl Local {
    /// Puts together what `options` say.
    pub fn assemble(options: &Options) -> Self {
        Self { rebinding: options.rebinding.clone() }
    }
}
