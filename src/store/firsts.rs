//! Firsts: when each device first and last asked each name. They outlive the journal and the tallies.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::sheet::split_names;
use super::tally::Seen;
use super::value::{Damaged, packed_value, unpacked_value};
use crate::policy::Name;
use crate::time::Timestamp;

/// Names whose times are kept for a device. One that asks more, as in a flood of made-up names, has no firsts for the rest.
pub(super) const MAX_FIRSTS: usize = 8192;

/// The names a device asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Firsts {
    pub(super) names: BTreeMap<Name, Seen>,
}

#[derive(Serialize, Deserialize)]
struct Packed {
    /// In wire form, one behind the other, in order.
    names: Vec<u8>,
    /// Seconds since the epoch.
    first: Vec<u64>,
    /// Seconds from the first time to the last; the clock may have gone backwards.
    span: Vec<i64>,
}

impl Firsts {
    /// Adds what is newer. Adding the same again changes nothing.
    pub(super) fn add(&mut self, name: &Name, seen: Seen) {
        if let Some(known) = self.names.get_mut(name) {
            *known = known.then(seen);
        } else if self.names.len() < MAX_FIRSTS {
            self.names.insert(name.clone(), seen);
        }
    }

    /// Adds what the same device asked under another identity. Its names are as many as those of two devices.
    pub(super) fn join(&mut self, other: Self) {
        for (name, seen) in other.names {
            self.names.entry(name).and_modify(|known| *known = known.and(seen)).or_insert(seen);
        }
    }

    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let seconds = |at: Timestamp| at.millis() / 1000;
        let span = |seen: &Seen| seconds(seen.last).cast_signed().wrapping_sub(seconds(seen.first).cast_signed());
        packed_value(&Packed {
            names: self.names.keys().flat_map(|name| name.as_ref().wire()).copied().collect(),
            first: self.names.values().map(|seen| seconds(seen.first)).collect(),
            span: self.names.values().map(span).collect(),
        })
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, Damaged> {
        let packed: Packed = unpacked_value(value)?;
        let names = split_names(&packed.names)?;
        if names.len() != packed.first.len() || names.len() != packed.span.len() {
            return Err(Damaged::Content);
        }
        let at = |seconds: u64| Timestamp::from_millis(seconds.saturating_mul(1000));
        let times = packed.first.iter().zip(&packed.span);
        let times = times.map(|(&first, &span)| Seen { first: at(first), last: at(first.wrapping_add_signed(span)) });
        Ok(Self { names: names.into_iter().zip(times).collect() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples::any_name;

    proptest! {
        #[test]
        fn firsts_read_back(names in prop::collection::vec((any_name(), 0u64..1 << 40, 0u64..1 << 40), 0..60)) {
            let mut firsts = Firsts::default();
            let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
            for (name, first, last) in &names {
                firsts.add(name, Seen { first: at(*first), last: at(*last) });
            }
            prop_assert_eq!(Firsts::decode(&firsts.encode().unwrap()), Ok(firsts));
        }
    }
}
