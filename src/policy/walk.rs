//! A walk through a transducer, read straight from its octets.
//!
//! The crate that builds and checks it (fst) takes a node apart as a whole before it looks for the one transition that is
//! wanted. Every question walks through a node for each octet of its name, so here nothing is read but what that transition
//! needs. The format is the crate's third, and it refuses all others; a property holds both to the same answers.

use fst::raw::Fst;

/// Where a key ends that nothing goes on from.
const LAST: usize = 0;
/// From this many transitions on a node has an index of them.
const INDEXED_FROM: usize = 33;
const INDEX_LEN: usize = 256;

/// Octets that stand in a node's state in place of themselves, by their number there less one.
const FREQUENT: &[u8; 63] = b"te/oasripcnw.hlm-du012g=:bf3y5&_4v9678k%?xCDASFIBEjPTzRNM+LOqHG";

/// A place in a transducer, and what the way there adds up to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    octets: &'a [u8],
    node: usize,
    sum: u64,
}

/// What a node with any number of transitions consists of, from its end to its begin: its state, how many transitions
/// there are, the sizes of numbers, an index, the inputs, the addresses, the outputs, and its own output where a key ends.
struct Branches {
    ends_a_key: bool,
    count: usize,
    /// The end of the index, or of the inputs where there is none.
    index_end: usize,
    inputs_at: usize,
    address_size: usize,
    output_size: usize,
}

impl<'a> Walk<'a> {
    /// At the begin of all keys.
    pub(super) fn begin<D: AsRef<[u8]>>(fst: &'a Fst<D>) -> Self {
        Self { octets: fst.as_bytes(), node: fst.root().addr(), sum: 0 }
    }

    /// Goes on by `octet`; none where no key does.
    pub(super) fn step(&mut self, octet: u8) -> Option<()> {
        if self.node == LAST {
            return None;
        }
        let state = *self.octets.get(self.node)?;
        if state & 0x80 == 0 {
            return self.branch(state, octet);
        }
        // One transition. Its input stands in the state or in front of it.
        let (input, at) = match usize::from(state & 0x3f) {
            0 => (*self.octets.get(self.node - 1)?, self.node - 1),
            frequent => (FREQUENT[frequent - 1], self.node),
        };
        if input != octet {
            return None;
        }
        if state & 0x40 != 0 {
            // To the node that was written before this one.
            self.node = at.checked_sub(1)?;
            return Some(());
        }
        let sizes = *self.octets.get(at.checked_sub(1)?)?;
        let (address_size, output_size) = (usize::from(sizes >> 4), usize::from(sizes & 0xf));
        let address_at = at.checked_sub(1 + address_size)?;
        let begin = address_at.checked_sub(output_size)?;
        self.sum += self.number(begin, output_size)?;
        self.node = self.address(address_at, address_size, begin)?;
        Some(())
    }

    /// What stands for the key that ends here, if one does.
    pub(super) fn value(&self) -> Option<u64> {
        if self.node == LAST {
            return Some(self.sum);
        }
        let state = *self.octets.get(self.node)?;
        if state & 0xc0 != 0x40 {
            return None;
        }
        let branches = self.branches(state)?;
        Some(self.sum + self.number(branches.begin()?, branches.output_size)?)
    }

    fn branch(&mut self, state: u8, octet: u8) -> Option<()> {
        let branches = self.branches(state)?;
        let Branches { count, inputs_at, address_size, output_size, .. } = branches;
        // Everything stands in the reverse order.
        let place = if count < INDEXED_FROM {
            let inputs = self.octets.get(inputs_at..inputs_at + count)?;
            count.checked_sub(1 + inputs.iter().position(|input| *input == octet)?)?
        } else {
            let index_at = branches.index_end.checked_sub(INDEX_LEN)?;
            usize::from(*self.octets.get(index_at + usize::from(octet))?)
        };
        if place >= count {
            return None;
        }
        let outputs_end = inputs_at.checked_sub(count * address_size)?;
        self.sum += self.number(outputs_end.checked_sub((place + 1) * output_size)?, output_size)?;
        let address_at = inputs_at.checked_sub((place + 1) * address_size)?;
        self.node = self.address(address_at, address_size, branches.begin()?)?;
        Some(())
    }

    fn branches(&self, state: u8) -> Option<Branches> {
        let (count, at) = match usize::from(state & 0x3f) {
            // One is told otherwise, and 256 are one more than an octet can say.
            0 => match usize::from(*self.octets.get(self.node.checked_sub(1)?)?) {
                1 => (256, self.node - 1),
                count => (count, self.node - 1),
            },
            count => (count, self.node),
        };
        let index_end = at.checked_sub(1)?;
        let sizes = *self.octets.get(index_end)?;
        let index_len = if count < INDEXED_FROM { 0 } else { INDEX_LEN };
        Some(Branches {
            ends_a_key: state & 0x40 != 0,
            count,
            index_end,
            inputs_at: index_end.checked_sub(index_len + count)?,
            address_size: usize::from(sizes >> 4),
            output_size: usize::from(sizes & 0xf),
        })
    }

    /// Where a transition leads: so many octets in front of the begin of its node.
    fn address(&self, at: usize, size: usize, begin: usize) -> Option<usize> {
        match usize::try_from(self.number(at, size)?).ok()? {
            0 => Some(LAST),
            back => begin.checked_sub(back),
        }
    }

    /// A number of `size` octets, the least first. Behind every node stand more octets than are read here in vain.
    fn number(&self, at: usize, size: usize) -> Option<u64> {
        let octets = self.octets.get(at..)?.first_chunk::<8>()?;
        let unwanted = 64_u32.saturating_sub(8 * size as u32);
        Some(u64::from_le_bytes(*octets) & u64::MAX.checked_shr(unwanted).unwrap_or(0))
    }
}

impl Branches {
    /// The first octet of the node, where its own output stands if it has one.
    fn begin(&self) -> Option<usize> {
        let outputs = self.count + usize::from(self.ends_a_key);
        self.inputs_at.checked_sub(self.count * self.address_size + outputs * self.output_size)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fst::Map;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    fn found(map: &Map<Vec<u8>>, key: &[u8]) -> Option<u64> {
        let mut walk = Walk::begin(map.as_fst());
        key.iter().try_for_each(|octet| walk.step(*octet))?;
        walk.value()
    }

    fn agree(keys: &BTreeMap<Vec<u8>, u64>, others: &[Vec<u8>]) {
        let map = Map::from_iter(keys.iter().map(|(key, value)| (key, *value))).unwrap();
        let prefixes = keys.keys().flat_map(|key| (0..=key.len()).map(|len| key[..len].to_vec()));
        for key in prefixes.chain(others.iter().cloned()) {
            assert_eq!(found(&map, &key), map.get(&key), "{key:?}");
        }
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        // Few letters share much, all octets make wide nodes.
        prop_oneof![vec(prop::sample::select(&b"abcom\0"[..]), 0..12), vec(any::<u8>(), 0..4)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_key_has_the_value_that_its_builder_reads(
            keys in btree_map(key(), prop_oneof![Just(0), 0..300_u64, any::<u64>()].prop_map(|value| value >> 1), 1..200),
            others in vec(key(), 0..50),
        ) {
            agree(&keys, &others);
        }
    }

    #[test]
    fn nodes_of_every_width_are_read() {
        for width in [1, 2, 31, 32, 33, 63, 64, 65, 255, 256] {
            let keys = (0..width).map(|octet| (vec![b'x', octet as u8, b'y'], octet as u64 * 70_000)).collect();
            agree(&keys, &[b"x".to_vec(), b"y".to_vec(), vec![b'x', 255]]);
        }
        // Every octet as the only way on, whether it is frequent or not.
        (0..=255).for_each(|octet| agree(&BTreeMap::from([(vec![octet, octet, 1], 5), (vec![octet, octet], 9)]), &[]));
    }
}
