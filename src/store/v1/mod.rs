//! What layout 1 wrote: read once, to bring it into the layout of today.

pub(super) mod block;
pub(super) mod dictionary;
pub(super) mod row;

/// The format of its values.
pub(super) const VERSION: u8 = 1;
