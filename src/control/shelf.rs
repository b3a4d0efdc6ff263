//! Lists as they were last good: what takes the place of one that has gone bad.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use super::cabinet::{Cabinet, LastGood};
use super::source::{Key, LIST_BYTES_BOUND};
use crate::policy::{Content, Part, Reading};

/// Group and name of a list.
pub(super) type ListKey = (Arc<str>, Arc<str>);

/// The last good copy of each list, by group and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf(HashMap<ListKey, Copy>);

#[derive(Clone, Debug)]
struct Copy {
    good: LastGood,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    /// In the cabinet.
    OnDisk,
    /// Where there is no cabinet.
    InMemory(Part),
    /// A file of the catalogue, packed to a quarter: a router has little memory, and it is needed only when one goes bad.
    Text(Arc<[u8]>),
}

impl Shelf {
    /// What was in force when the program ran last.
    pub(super) fn open(cabinet: &Cabinet) -> Self {
        let copies = cabinet.standing().into_iter();
        Self(copies.map(|(list, good)| (list, Copy { good, kept: Kept::OnDisk })).collect())
    }

    /// What is known of the last good copy of a list.
    pub(super) fn last_good(&self, list: &ListKey) -> Option<&LastGood> {
        self.0.get(list).map(|copy| &copy.good)
    }

    /// The last good copy itself, if it was read as the list is to be read now: a part that was made when the list was
    /// trusted has rules in it that it must not have otherwise.
    pub(super) fn take_down(&self, list: &ListKey, reading: Reading, cabinet: &Cabinet) -> Option<(Content, Key)> {
        let Copy { good, kept } = self.0.get(list)?;
        if good.reading != reading {
            return None;
        }
        let content = match kept {
            Kept::OnDisk => Content::Part(cabinet.part(&good.key).filter(|part| cabinet.verify(part))?),
            Kept::InMemory(part) => Content::Part(part.clone()),
            Kept::Text(packed) => {
                let mut content = Vec::new();
                zstd::Decoder::new(&packed[..]).ok()?.take(LIST_BYTES_BOUND).read_to_end(&mut content).ok()?;
                content.into()
            }
        };
        Some((content, good.key))
    }

    /// A part that is held here because it could not be kept on the disk.
    pub(super) fn part(&self, key: &Key) -> Option<Part> {
        self.0.values().find_map(|copy| match &copy.kept {
            Kept::InMemory(part) if copy.good.key == *key => Some(part.clone()),
            _ => None,
        })
    }

    /// Keeps a copy of a list that is good.
    pub(super) fn put(&mut self, list: ListKey, good: LastGood, content: &Content, cabinet: &Cabinet) {
        let is_same = self.0.get(&list).is_some_and(|copy| copy.good.key == good.key);
        let kept = match content {
            Content::Bytes(_) if is_same => return,
            Content::Bytes(bytes) => match zstd::bulk::compress(bytes, zstd::DEFAULT_COMPRESSION_LEVEL) {
                Ok(packed) => Kept::Text(packed.into()),
                Err(_) => return,
            },
            Content::Part(_) if cabinet.has_part(&good.key) => Kept::OnDisk,
            Content::Part(part) => Kept::InMemory(part.clone()),
        };
        self.0.insert(list, Copy { good, kept });
    }

    /// Forgets the copies of lists that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&ListKey) -> bool) {
        self.0.retain(|list, _| keep(list));
    }

    /// Names of the lists of a group that there are copies of.
    pub(super) fn names<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        self.0.keys().filter(move |(of, _)| **of == *group).map(|(_, name)| name)
    }

    /// What to note down of it.
    pub(super) fn on_disk(&self) -> HashMap<ListKey, LastGood> {
        let on_disk = self.0.iter().filter(|(_, copy)| matches!(copy.kept, Kept::OnDisk));
        on_disk.map(|(list, copy)| (list.clone(), copy.good.clone())).collect()
    }
}
