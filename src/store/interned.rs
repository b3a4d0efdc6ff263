//! Entries in the order they were met, and where each stands: what turns things into small numbers.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Numbered entries without repeats.
#[derive(Clone, Debug)]
pub(super) struct Interned<T> {
    entries: Vec<T>,
    places: HashMap<T, u32, RandomState>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// Where `entry` stands; it is added where it is new.
    pub(super) fn place(&mut self, entry: &T) -> u32 {
        if let Some(&place) = self.places.get(entry) {
            return place;
        }
        // Every table here is bounded far below what u32 can count.
        let place = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(entry.clone());
        self.places.insert(entry.clone(), place);
        place
    }

    /// Where `entry` stands, if it was met.
    pub(super) fn find<Q: ?Sized + Eq + Hash>(&self, entry: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
    {
        self.places.get(entry).copied()
    }

    /// The entries by their places.
    pub(super) fn entries(&self) -> &[T] {
        &self.entries
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
