//! Compiled lists on the disk, so that a start does not compile what did not change.
//!
//! Below one directory: a `.part` for each list, a `.names` for all of them together, each called by what it was made of, and
//! `lists.json`, which says what was in force last. A file appears whole or not at all, says by a checksum whether it is as
//! it was written, and is made anew when it is not. All of it can be deleted at any time; that costs a compilation.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blake2::{Blake2b256, Digest};
use serde::{Deserialize, Serialize};

use super::CompiledOptions;
use super::shelf::ListKey;
use super::since::SINCE;
use super::source::{self, Key, Summed};
use crate::policy::{Blob, KeptNames, NoPart, Part, Policy, Reading};

/// Version of what is kept, besides that of the program: to be raised when the same list comes to mean something else.
const VERSION: &str = concat!("sordino ", env!("CARGO_PKG_VERSION"), " lists 1");
/// What was in force last.
const STANDING: &str = "lists.json";

/// The directory; without one nothing is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Cabinet(Option<CompiledOptions>);

/// One list as it was last good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastGood {
    /// What its part is called by.
    #[serde(with = "hexadecimal")]
    pub(super) key: Key,
    pub(super) reading: Reading,
    pub(super) names: usize,
}

#[derive(Serialize, Deserialize)]
struct Standing {
    version: String,
    lists: Vec<(ListKey, LastGood)>,
}

impl Cabinet {
    pub(super) fn new(options: Option<CompiledOptions>) -> Self {
        Self(options)
    }

    /// What a part of `content`, read so, is called by.
    pub(super) fn part_key(content: &Key, reading: Reading) -> Key {
        let mut sum = Blake2b256::new_with_prefix(VERSION);
        sum.update(content);
        sum.update(format!("{reading:?}"));
        sum.finalize().into()
    }

    /// What the names of all these lists together are called by.
    pub(super) fn names_key<'a>(lists: impl Iterator<Item = Option<&'a Key>>) -> Key {
        let mut sum = Blake2b256::new_with_prefix(VERSION);
        lists.for_each(|list| sum.update(list.unwrap_or(&[0; 32])));
        sum.finalize().into()
    }

    /// The part called `key`, if it is there and sound.
    pub(super) fn part(&self, key: &Key) -> Option<Part> {
        let path = self.path(key, "part")?;
        let opened = File::open(&path).and_then(|file| {
            let len = file.metadata()?.len();
            Part::open(Arc::new(OnDisk(file)), len)
        });
        sound(&path, opened)
    }

    /// Whether the part called `key` is there.
    pub(super) fn has_part(&self, key: &Key) -> bool {
        self.path(key, "part").is_some_and(|path| path.exists())
    }

    /// Whether the names in `part` are as they were written; says it where they are not.
    pub(super) fn verify(&self, part: &Part) -> bool {
        let problem = part.verify().err();
        if let Some(problem) = &problem {
            tracing::warn!("a compiled list cannot be used and is compiled anew: {problem}");
        }
        problem.is_none()
    }

    /// Compiles the list at `path`, whose content must be the one called `content`, and keeps its part.
    pub(super) fn compile(&self, path: &Path, content: &Key, reading: Reading) -> Result<Part, NoPart> {
        let compile = |out: &mut dyn Write| {
            let list = source::open(path).map_err(|problem| NoPart::Unreadable(io::Error::other(problem)))?;
            let mut list = Summed::new(list);
            Part::compile(reading, &mut list, out)?;
            if list.key() == *content {
                return Ok(());
            }
            Err(NoPart::Unreadable(io::Error::other("it changed while it was read; the next reload reads it again")))
        };
        let key = Self::part_key(content, reading);
        match self.write(&key, "part", |out| compile(out)) {
            Some(Ok(())) => {
                if let Some(part) = self.part(&key) {
                    return Ok(part);
                }
            }
            Some(Err(NoPart::Unwritable(error))) => self.complain(&error),
            Some(Err(no_part)) => return Err(no_part),
            None => {}
        }
        let mut bytes = Vec::new();
        compile(&mut bytes)?;
        bytes.shrink_to_fit();
        let len = bytes.len() as u64;
        Part::open(Arc::new(bytes), len).map_err(NoPart::Unwritable)
    }

    /// The names called `key`, if they are there and sound.
    pub(super) fn names(&self, key: &Key) -> Option<KeptNames> {
        let path = self.path(key, "names")?;
        let read = File::open(&path).and_then(|mut file| {
            let len = usize::try_from(file.metadata()?.len()).unwrap_or(0);
            let damaged =
                || io::Error::new(io::ErrorKind::InvalidData, "it is damaged, or was written by another version");
            KeptNames::read(&mut file, len)?.ok_or_else(damaged)
        });
        sound(&path, read)
    }

    /// Keeps the names of `policy`, called `key`.
    pub(super) fn keep_names(&self, key: &Key, policy: &Policy) {
        if let Some(Err(error)) = self.write(key, "names", |out| policy.keep_names(out)) {
            self.complain(&error);
        }
    }

    /// What was in force last, by group and name.
    pub(super) fn standing(&self) -> HashMap<ListKey, LastGood> {
        let read = |options: &CompiledOptions| {
            let path = options.path.join(STANDING);
            let parsed = fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Standing>(&bytes)?));
            sound(&path, parsed)
        };
        let standing = self.0.as_ref().and_then(read).filter(|standing| standing.version == VERSION);
        standing.map(|standing| standing.lists.into_iter().collect()).unwrap_or_default()
    }

    /// Notes what is in force, and removes what is of no more use.
    pub(super) fn stand(&self, lists: &HashMap<ListKey, LastGood>, names: &Key) {
        let Some(options) = self.0.as_ref().filter(|options| options.writable) else {
            return;
        };
        if *lists != self.standing() {
            let mut sorted: Vec<_> = lists.iter().map(|(list, good)| (list.clone(), good.clone())).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            let standing = Standing { version: VERSION.to_owned(), lists: sorted };
            let written = whole(&options.path, &options.path.join(STANDING), |out| {
                serde_json::to_writer(out, &standing).map_err(io::Error::from)
            });
            if let Err(error) = written {
                self.complain(&error);
                return;
            }
        }
        let parts = lists.values().map(|good| file_name(&good.key, "part"));
        let used: HashSet<String> =
            parts.chain([file_name(names, "names"), STANDING.to_owned(), SINCE.to_owned()]).collect();
        for entry in fs::read_dir(&options.path).into_iter().flatten().flatten() {
            if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
                // What cannot be removed takes room, and that is all.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Writes a file, if anything is kept at all.
    fn write<E: From<io::Error>>(
        &self,
        key: &Key,
        kind: &str,
        content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let options = self.0.as_ref().filter(|options| options.writable)?;
        Some(whole(&options.path, &options.path.join(file_name(key, kind)), content))
    }

    fn path(&self, key: &Key, kind: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|options| options.path.join(file_name(key, kind)))
    }

    fn complain(&self, error: &io::Error) {
        let place = self.0.as_ref().map(|options| options.path.display().to_string()).unwrap_or_default();
        tracing::warn!("compiled lists cannot be kept in {place}, so the next start takes longer: {error}");
    }
}

/// What could be read; where that is damage and not absence, it is said.
pub(super) fn sound<T>(path: &Path, read: io::Result<T>) -> Option<T> {
    read.inspect_err(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!("{} cannot be used and is made anew: {error}", path.display());
        }
    })
    .ok()
}

/// Writes a file that is there whole or not at all, whenever the power goes.
pub(super) fn whole<E: From<io::Error>>(
    directory: &Path,
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    fs::create_dir_all(directory)?;
    let unfinished = directory.join(format!("{}.new", std::process::id()));
    let write = || {
        let mut out = BufWriter::with_capacity(64 << 10, File::create(&unfinished)?);
        content(&mut out)?;
        let file = out.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        Ok(File::open(directory)?.sync_all()?)
    };
    write().inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

fn file_name(key: &Key, kind: &str) -> String {
    let digits: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{digits}.{kind}")
}

/// The bytes of a file.
#[derive(Debug)]
struct OnDisk(File);

impl Blob for OnDisk {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(buffer, at)
    }
}

/// A key as text.
pub(super) mod hexadecimal {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Key;

    pub(in super::super) fn serialize<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&key.iter().map(|octet| format!("{octet:02x}")).collect::<String>())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut key = [0; 32];
        let digits = text.as_bytes().as_chunks().0;
        if text.len() != 64 {
            return Err(D::Error::custom("a key has 64 digits"));
        }
        for (octet, digits) in key.iter_mut().zip(digits) {
            let digits: &[u8; 2] = digits;
            let text = str::from_utf8(digits).map_err(D::Error::custom)?;
            *octet = u8::from_str_radix(text, 16).map_err(D::Error::custom)?;
        }
        Ok(key)
    }
}
