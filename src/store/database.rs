//! One directory of sled. Nothing else in sordino names sled.
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

/// Memory for sled's pages, for each open directory.
const CACHE_BYTES: u64 = 2 << 20;
/// A directory that this process just closed may stay locked for a moment, until sled's threads let go of it.
const LOCK_PATIENCE: (u32, Duration) = (100, Duration::from_millis(10));

/// The file in a directory which says that something was written there.
const BEGUN: &str = "begun";

/// What to do with one key: put a value there, or remove it.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// What is done with every key and its value, until it says that it has seen enough.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

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
        Ok(database)
    }

    /// Makes all `changes` or none, and returns when the disk has them.
    pub(super) fn write(&self, changes: Vec<Change>) -> Result<(), DatabaseError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        guarded(|| {
            self.sled.apply_batch(batch)?;
            self.sled.flush()
        })?;
        self.sync().map_err(DatabaseError::Disk)
    }

    /// Whether nothing was ever written to it.
    pub(super) fn is_new(&self) -> Result<bool, DatabaseError> {
        guarded(|| Ok(self.sled.first()?.is_none()))
    }

    /// The value of `key`.
    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DatabaseError> {
        guarded(|| Ok(self.sled.get(key)?.map(|value| value.to_vec())))
    }

    /// Calls `each` with keys from `from` to before `to` and their values, in order.
    pub(super) fn scan(&self, from: &[u8], to: &[u8], each: Each<'_>) -> Result<(), DatabaseError> {
        guarded(|| walk(self.sled.range(from..to), each))
    }

    /// Like [`scan`](Self::scan), from the last key to the first.
    pub(super) fn scan_back(&self, from: &[u8], to: &[u8], each: Each<'_>) -> Result<(), DatabaseError> {
        guarded(|| walk(self.sled.range(from..to).rev(), each))
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

fn walk(range: impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>, each: Each<'_>) -> sled::Result<()> {
    for entry in range {
        let (key, value) = entry?;
        if each(&key, &value).is_break() {
            break;
        }
    }
    Ok(())
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
        let note = &mut |key: &[u8], _: &[u8]| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        };
        database.scan_back(b"a", b"z", note).unwrap();
        assert_eq!(keys, [b"two", b"one"]);
        drop(database);
        fs::write(dir.path().join("db"), []).unwrap();
        assert!(matches!(Database::open(dir.path()), Err(DatabaseError::Damaged(_))));
    }
}
