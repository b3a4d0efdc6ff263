//! Names as text, one to a line: a text is searched in one go, without taking names apart.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::value::Damaged;
use crate::policy::Name;

/// Numbered names.
#[derive(Clone, Debug, Default)]
pub(super) struct NameTable {
    text: String,
    ends: Vec<u32>,
}

impl NameTable {
    /// Reads what [`text`](Self::text) gave.
    pub(super) fn read(text: String) -> Self {
        let ends = text.bytes().zip(0u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, place)| place).collect();
        Self { text, ends }
    }

    /// All names, each with a line feed behind it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, name: &Name) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{name}");
        self.ends.push(u32::try_from(self.text.len() - 1).unwrap_or(u32::MAX));
    }

    /// Puts the names of `other` behind those that are here.
    pub(super) fn append(&mut self, other: &Self) {
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| start.saturating_add(*end)));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn at(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)? as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize + 1);
        self.text.get(start..end)
    }

    pub(super) fn name(&self, place: usize) -> Result<Name, Damaged> {
        self.at(place).and_then(|text| Name::parse(text).ok()).ok_or(Damaged::Content)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|place| self.at(place))
    }
}

/// The names that the blocks of a period share: each is written once for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedNames {
    table: Arc<NameTable>,
    places: HashMap<Name, u32>,
}

/// Names that blocks of one period share. What comes beyond them, as in a flood of made-up names, stands in the blocks.
pub(super) const MAX_SHARED_NAMES: usize = 1 << 15;

impl SharedNames {
    /// Takes a table that was read.
    pub(super) fn new(table: NameTable) -> Result<Self, Damaged> {
        let mut places = HashMap::with_capacity(table.len());
        for place in 0..table.len() {
            places.insert(table.name(place)?, u32::try_from(place).map_err(|_| Damaged::Content)?);
        }
        Ok(Self { table: Arc::new(table), places })
    }

    /// The names by their places.
    pub(super) fn table(&self) -> Arc<NameTable> {
        self.table.clone()
    }

    /// Where `name` stands here or will, once `new` is added; none where there is no room for it.
    pub(super) fn place(&self, name: &Name, new: &mut NewNames) -> Option<u32> {
        if let Some(&place) = self.places.get(name).or_else(|| new.places.get(name)) {
            return Some(place);
        }
        let place = self.table.len() + new.table.len();
        let number = u32::try_from(place).ok().filter(|_| place < MAX_SHARED_NAMES)?;
        new.table.push(name);
        new.places.insert(name.clone(), number);
        Some(number)
    }

    /// Adds names that are on disk now.
    pub(super) fn add(&mut self, new: NewNames) {
        if new.table.len() > 0 {
            Arc::make_mut(&mut self.table).append(&new.table);
        }
        self.places.extend(new.places);
    }
}

/// Names that are about to be shared.
#[derive(Debug, Default)]
pub(super) struct NewNames {
    pub(super) table: NameTable,
    places: HashMap<Name, u32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples::any_name;

    proptest! {
        #[test]
        fn names_read_back_in_their_order(names in prop::collection::vec(any_name(), 0..50)) {
            let mut table = NameTable::default();
            names.iter().for_each(|name| table.push(name));
            let mut shared = SharedNames::new(NameTable::read(table.text().to_owned())).unwrap();
            let mut new = NewNames::default();
            for (place, name) in names.iter().enumerate() {
                prop_assert_eq!(&table.name(place).unwrap(), name);
                let found = shared.place(name, &mut new).unwrap() as usize;
                prop_assert_eq!(shared.table().name(found).unwrap(), name.clone());
            }
            let other = Name::parse("not.among.them.invalid").unwrap();
            let place = shared.place(&other, &mut new).unwrap();
            shared.add(new);
            prop_assert_eq!(shared.table().name(place as usize).unwrap(), other);
        }
    }
}
