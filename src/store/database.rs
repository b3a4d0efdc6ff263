//! One directory of sled. Nothing else in sordino names sled.
//!
//! sled writes a leaf of its tree whole every ten inserts and when it splits, with the values of up to sixteen keys: large
//! values that stand there are written three times and take twice their room. So each large value has a tree of its own,
//! whose name stands in its place; it is written once.
//!
//! sled's own flusher is off: on an error it would end for good and say nothing. Every write here is one atomic batch, a
//! flush, and an fsync of sled's files through a handle of our own, because on Linux its flush asks the kernel to write
//! the pages (`sync_file_range`) and not the disk to keep them. A panic inside sled is caught and becomes an error: the
//! thread that records must outlive it.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sled::IVec;

/// Memory for sled's pages, for each open directory.
const CACHE_BYTES: u64 = 2 << 20;
/// A directory that this process just closed may stay locked for a moment, until sled's threads let go of it.
const LOCK_PATIENCE: (u32, Duration) = (100, Duration::from_millis(10));

/// How sled names the tree that is always there.
const DEFAULT_TREE: &[u8] = b"__sled__default";
/// The file in a directory which says that something was written there.
const BEGUN: &str = "begun";

/// What to do with one key: put a value there, or remove it.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// What is done with every key and its value, until it says that it has seen enough.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8], Stored<'_>) -> ControlFlow<()>;

/// A value that was found; a large one is not read yet.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    database: &'a Database,
    raw: IVec,
}

/// From here on a value has a tree of its own. Below it, a tree costs more than it saves.
const LARGE: usize = 2048;
/// In front of a value that stands in its place, and of the name of a tree that holds it.
const HERE: u8 = 0;
const ELSEWHERE: u8 = 1;
/// The key of the value in a tree of its own.
const ALONE: &[u8] = b"v";

/// An open directory of sled.
#[derive(Debug)]
pub(super) struct Database {
    sled: sled::Db,
    dir: PathBuf,
    synced: Mutex<HashSet<PathBuf>>,
}

/// Why a directory of sled cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    /// The disk, or whoever guards it, said no. The content may be well.
    #[error("{0}")]
    Disk(io::Error),
    /// Someone has it open.
    #[error("another program has it open")]
    Locked,
    /// The content is not what sled wrote.
    #[error("{0}")]
    Damaged(String),
}

impl Database {
    /// Opens the directory `dir`, or makes it.
    pub(super) fn open(dir: &Path) -> Result<Self, DatabaseError> {
        let sled = patiently(|| {
            guarded(|| {
                sled::Config::new()
                    .path(dir)
                    .cache_capacity(CACHE_BYTES)
                    .mode(sled::Mode::LowSpace)
                    .flush_every_ms(None)
                    .open()
            })
        })?;
        let database = Self { sled, dir: dir.to_owned(), synced: Mutex::default() };
        keep_private(dir).map_err(DatabaseError::Disk)?;
        // sled takes a log that it cannot read for one that was just begun, and starts it anew without a word.
        if dir.join(BEGUN).exists() && guarded(|| database.sled.first())?.is_none() {
            return Err(DatabaseError::Damaged("its content is gone".into()));
        }
        database.remove_orphans()?;
        Ok(database)
    }

    /// Makes all `changes` or none, and returns when the disk has them.
    pub(super) fn write(&self, changes: Vec<Change>) -> Result<(), DatabaseError> {
        let replaced = guarded(|| {
            let mut batch = sled::Batch::default();
            let mut replaced = Vec::new();
            for (key, value) in changes {
                replaced.extend(self.sled.get(&key)?.filter(|old| old.first() == Some(&ELSEWHERE)));
                match value {
                    Some(value) => batch.insert(key, self.place(&value)?),
                    None => batch.remove(key),
                }
            }
            // sled recovers what it wrote in order: where the batch is, the trees that it names are.
            self.sled.apply_batch(batch)?;
            self.sled.flush()?;
            Ok(replaced)
        })?;
        self.sync().map_err(DatabaseError::Disk)?;
        guarded(|| replaced.iter().try_for_each(|old| self.sled.drop_tree(&old[1..]).map(drop)))
    }

    /// As [`write`](Self::write), for a directory of layout 1: nothing stands in front of its values.
    pub(super) fn write_plain(&self, changes: Vec<Change>) -> Result<(), DatabaseError> {
        guarded(|| {
            let mut batch = sled::Batch::default();
            for (key, value) in changes {
                match value {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            self.sled.apply_batch(batch)?;
            self.sled.flush().map(drop)
        })?;
        self.sync().map_err(DatabaseError::Disk)
    }

    /// Puts a large value into a tree of its own; what stands for it.
    fn place(&self, value: &[u8]) -> sled::Result<Vec<u8>> {
        if value.len() < LARGE {
            return Ok([&[HERE], value].concat());
        }
        // Never a name that was there before: the value that stands under it is valid until the batch is.
        let name = self.sled.generate_id()?.to_be_bytes();
        self.sled.open_tree(name)?.insert(ALONE, value)?;
        Ok([&[ELSEWHERE], &name[..]].concat())
    }

    /// Removes the trees that no value refers to: the process ended between them and the batch.
    fn remove_orphans(&self) -> Result<(), DatabaseError> {
        guarded(|| {
            let mut used: HashSet<IVec> = HashSet::new();
            for entry in self.sled.iter() {
                let raw = entry?.1;
                if raw.first() == Some(&ELSEWHERE) {
                    used.insert(raw.subslice(1, raw.len() - 1));
                }
            }
            for name in self.sled.tree_names() {
                if name != DEFAULT_TREE && !used.contains(&name) {
                    self.sled.drop_tree(name)?;
                }
            }
            Ok(())
        })
    }

    /// Whether nothing was ever written to it.
    pub(super) fn is_new(&self) -> Result<bool, DatabaseError> {
        guarded(|| Ok(self.sled.first()?.is_none()))
    }

    /// The value of `key`.
    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DatabaseError> {
        let read = || {
            let raw = guarded(|| self.sled.get(key))?;
            raw.map(|raw| Stored { database: self, raw }.load()).transpose()
        };
        // A value that is replaced in this moment may be gone before it is read; then the new one is there.
        read().or_else(|_| read())
    }

    /// Calls `each` with keys from `from` to before `to` and their values, in order.
    pub(super) fn scan(&self, from: &[u8], to: &[u8], each: Each<'_>) -> Result<(), DatabaseError> {
        guarded(|| self.walk(self.sled.range(from..to), each))
    }

    /// Like [`scan`](Self::scan), from the last key to the first.
    pub(super) fn scan_back(&self, from: &[u8], to: &[u8], each: Each<'_>) -> Result<(), DatabaseError> {
        guarded(|| {
            // sled's own way back costs a megabyte of the program: its largest key, 0xff each octet. A period has hundreds of
            // keys, and what is large does not stand beside them. What comes before damage is still handed out.
            let mut damage = None;
            let sound = |entry: sled::Result<_>| entry.map_err(|error| damage = Some(error)).ok();
            let entries: Vec<_> = self.sled.range(from..to).map_while(sound).collect();
            self.walk(entries.into_iter().rev().map(Ok), each)?;
            damage.map_or(Ok(()), Err)
        })
    }

    fn walk(&self, range: impl Iterator<Item = sled::Result<(IVec, IVec)>>, each: Each<'_>) -> sled::Result<()> {
        for entry in range {
            let (key, raw) = entry?;
            if each(&key, Stored { database: self, raw }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Asks the disk to keep what sled wrote. Values too large for its log are files of their own, written once.
    fn sync(&self) -> io::Result<()> {
        let begun = self.dir.join(BEGUN);
        if !begun.exists() {
            File::create(begun)?;
        }
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        for dir in [self.dir.join("blobs"), self.dir.clone()] {
            for entry in fs::read_dir(&dir)? {
                let path = entry?.path();
                let once = path.file_name().is_none_or(|name| name != "db");
                if !path.is_file() || (once && synced.contains(&path)) {
                    continue;
                }
                match File::open(&path).and_then(|file| keep(&file)) {
                    // sled takes files away that nothing refers to any more.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    kept => kept?,
                }
                if once {
                    synced.insert(path);
                }
            }
            File::open(&dir)?.sync_all()?;
        }
        Ok(())
    }
}

impl Stored<'_> {
    /// The bytes that stand there: layout 1 put nothing in front of them.
    pub(super) fn plain(&self) -> &[u8] {
        &self.raw
    }

    /// The value.
    pub(super) fn load(&self) -> Result<Vec<u8>, DatabaseError> {
        let gone = || DatabaseError::Damaged("a value is gone".into());
        match self.raw.split_first() {
            Some((&HERE, value)) => Ok(value.to_vec()),
            Some((&ELSEWHERE, name)) => {
                let value = guarded(|| self.database.sled.open_tree(name)?.get(ALONE))?;
                value.map(|value| value.to_vec()).ok_or_else(gone)
            }
            _ => Err(gone()),
        }
    }
}

/// Takes away what sled lets others read.
fn keep_private(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn keep(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()
}

fn guarded<T>(act: impl FnOnce() -> sled::Result<T>) -> Result<T, DatabaseError> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(DatabaseError::from),
        Err(_) => Err(DatabaseError::Damaged("sled gave up on it".into())),
    }
}

fn patiently<T>(mut open: impl FnMut() -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
    let (times, pause) = LOCK_PATIENCE;
    for _ in 1..times {
        match open() {
            Err(DatabaseError::Locked) => std::thread::park_timeout(pause),
            other => return other,
        }
    }
    open()
}

impl From<sled::Error> for DatabaseError {
    fn from(error: sled::Error) -> Self {
        match error {
            // sled gives the lock's refusal no kind of its own.
            sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock") => Self::Locked,
            sled::Error::Io(error) if is_of_the_disk(&error) => Self::Disk(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// Whether the error is about the disk and not about what stands on it.
fn is_of_the_disk(error: &io::Error) -> bool {
    use io::ErrorKind::{
        NotFound, OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, TimedOut,
    };
    let kinds = [NotFound, OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, TimedOut];
    // EIO, EMFILE and ENFILE have no stable kind.
    kinds.contains(&error.kind()) || matches!(error.raw_os_error(), Some(5 | 23 | 24))
}

impl From<super::value::Damaged> for DatabaseError {
    fn from(damaged: super::value::Damaged) -> Self {
        Self::Damaged(damaged.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_sled_is_an_error() {
        let gone: Result<(), _> = guarded(|| panic!("as sled does on some damage"));
        assert!(matches!(gone, Err(DatabaseError::Damaged(_))));
    }

    #[test]
    fn a_batch_is_there_again_and_an_emptied_log_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let write = |key: &[u8]| Database::open(dir.path())?.write(vec![(key.to_vec(), Some(b"value".to_vec()))]);
        write(b"one").unwrap();
        write(b"two").unwrap();
        let database = Database::open(dir.path()).unwrap();
        assert_eq!(database.read(b"one").unwrap().as_deref(), Some(&b"value"[..]));
        let mut keys = Vec::new();
        let note = &mut |key: &[u8], _: Stored<'_>| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        };
        database.scan_back(b"a", b"z", note).unwrap();
        assert_eq!(keys, [b"two", b"one"]);
        drop(database);
        fs::write(dir.path().join("db"), []).unwrap();
        assert!(matches!(Database::open(dir.path()), Err(DatabaseError::Damaged(_))));
    }

    #[test]
    fn a_large_value_is_replaced_and_removed_with_its_tree() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        for round in 0..3u8 {
            for len in [LARGE - 1, LARGE, 100 * LARGE] {
                let value = vec![round; len];
                database.write(vec![(b"key".to_vec(), Some(value.clone()))]).unwrap();
                assert_eq!(database.read(b"key").unwrap(), Some(value));
            }
        }
        assert_eq!(database.sled.tree_names().len(), 2);
        database.sled.open_tree(b"orphan").unwrap().insert(ALONE, "value").unwrap();
        drop(database);
        let database = Database::open(dir.path()).unwrap();
        assert_eq!(database.sled.tree_names().len(), 2, "what nothing refers to is gone");
        assert_eq!(database.read(b"key").unwrap(), Some(vec![2; 100 * LARGE]));
        database.write(vec![(b"key".to_vec(), None)]).unwrap();
        assert_eq!(database.sled.tree_names().len(), 1);
        assert_eq!(database.read(b"key").unwrap(), None);
    }
}
