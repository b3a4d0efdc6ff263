//! The directory of the store: whose it is, what room it has, and where damaged parts of it go.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::time::Timestamp;

/// The layout of the directory. A sordino that finds a higher one keeps its hands off.
pub(super) const LAYOUT: u32 = 2;
/// Damaged parts that are kept for whoever wants to look into them; the oldest goes first.
pub(super) const MAX_SET_ASIDE: usize = 3;
const SET_ASIDE_MARK: &str = ".damaged-";

/// The directory that `store.path` names.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    lock: Mutex<Option<File>>,
}

/// Why nothing can be kept on disk now: one sentence for the page, what to do included.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(
        "The store's directory {0} cannot be used ({1}), so queries are kept in memory only. Make it a directory that sordino may write to, or set store.path in config.toml to one."
    )]
    Unusable(PathBuf, #[source] io::Error),
    #[error(
        "Another sordino uses the store's directory {0}, so this one keeps queries in memory only. Stop the other one, or give this one a store.path of its own in config.toml."
    )]
    Taken(PathBuf),
    #[error(
        "The store's directory {0} was written by a newer sordino, so queries are kept in memory only. Use the newer version again, or set store.path in config.toml to another directory."
    )]
    Newer(PathBuf),
    #[error(
        "The disk of the store's directory {0} is full, so queries are kept in memory only. Make room on it; sordino looks again every minute."
    )]
    Full(PathBuf),
    #[error(
        "The disk did not take what was to be kept in {0} ({1}), so queries are kept in memory only. Check the disk, and whether all in there belongs to the user that sordino runs as; sordino tries again every minute."
    )]
    Refused(PathBuf, String),
}

impl Trouble {
    /// The trouble as an error of a file operation, for whoever asked for one.
    pub(super) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Unusable(_, error) => error.kind(),
            Self::Taken(_) => io::ErrorKind::ResourceBusy,
            Self::Full(_) => io::ErrorKind::StorageFull,
            Self::Newer(_) | Self::Refused(..) => io::ErrorKind::Other,
        };
        io::Error::new(kind, self.to_string())
    }
}

impl Home {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, lock: Mutex::default() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the directory if it is missing and makes sure that it is ours alone, until this [`Home`] is dropped.
    pub(super) fn claim(&self) -> Result<(), Trouble> {
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let unusable = |error| Trouble::Unusable(self.dir.clone(), error);
        if held.is_none() {
            make_dir(&self.dir).map_err(unusable)?;
            let mut options = File::options();
            let options = options.create(true).truncate(false).write(true).mode(0o600);
            let lock = options.open(self.dir.join("lock")).map_err(unusable)?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Trouble::Taken(self.dir.clone())),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            self.check_layout()?;
            *held = Some(lock);
        }
        Ok(())
    }

    fn check_layout(&self) -> Result<(), Trouble> {
        let unusable = |error| Trouble::Unusable(self.dir.clone(), error);
        match self.read_layout() {
            Some(layout) if layout > LAYOUT => Err(Trouble::Newer(self.dir.clone())),
            Some(_) => Ok(()),
            // Only layout 1 has a journal by this name.
            None if self.dir.join("journal").is_dir() => Ok(()),
            None => self.set_layout().map_err(unusable),
        }
    }

    /// The layout of what is there.
    pub(super) fn layout(&self) -> u32 {
        self.read_layout().unwrap_or(1)
    }

    fn read_layout(&self) -> Option<u32> {
        fs::read_to_string(self.dir.join("layout")).ok().and_then(|text| text.trim().parse().ok())
    }

    /// Says that what is there has the layout of today.
    pub(super) fn set_layout(&self) -> io::Result<()> {
        write_whole(&self.dir.join("layout"), format!("{LAYOUT}\n").as_bytes())
    }

    /// Bytes that may still be written; none when there is no room for another file either.
    pub(super) fn room(&self) -> io::Result<u64> {
        let stat = nix::sys::statvfs::statvfs(&self.dir)?;
        // File systems without a table of files report none at all.
        if stat.files() > 0 && stat.files_available() == 0 {
            return Ok(0);
        }
        // Both are 32 bits wide on a 32-bit machine, and their product is not.
        let free = u128::from(stat.blocks_available()) * u128::from(stat.fragment_size());
        Ok(u64::try_from(free).unwrap_or(u64::MAX))
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        bytes_below(&self.dir)
    }
}

/// Makes `dir` and what is missing above it, for our eyes only. A directory that is there keeps its mode.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Puts `content` in the place of what `path` holds: whole, or not at all, and on disk when this returns.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new_path = PathBuf::from(name);
    let written = (|| {
        let mut options = File::options();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&new_path)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new_path, path)
    })();
    if written.is_err() {
        // Half a file takes room that a full disk does not have; the old content is untouched.
        let _ = fs::remove_file(&new_path);
        return written;
    }
    sync_dir(parent_of(path))
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Asks the disk to keep the names in `dir`.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Renames what is damaged, so that a fresh one can take its place; says where it is now.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let parent = parent_of(path);
    let before = set_aside_in(parent)?;
    // Later than all before it, also by a clock that stands still or runs backwards.
    let millis = before.last().map_or(0, |(millis, _)| millis.saturating_add(1)).max(now.millis());
    let mut name = path.as_os_str().to_owned();
    name.push(format!("{SET_ASIDE_MARK}{millis}"));
    let place = PathBuf::from(name);
    fs::rename(path, &place)?;
    sync_dir(parent)?;
    let too_many = (before.len() + 1).saturating_sub(MAX_SET_ASIDE);
    for (_, path) in before.into_iter().take(too_many) {
        remove(&path)?;
    }
    Ok(place)
}

/// Whether `path` was set aside.
pub(super) fn is_set_aside(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(SET_ASIDE_MARK))
}

/// What was set aside in `dir`, the oldest first.
fn set_aside_in(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut aside = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(millis) = name.rsplit_once(SET_ASIDE_MARK).and_then(|(_, millis)| millis.parse().ok()) {
            aside.push((millis, path));
        }
    }
    aside.sort();
    Ok(aside)
}

/// Removes a file or a whole directory.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_below(&entry.path()),
        // In blocks and not in length: sled's files have holes.
        Ok(about) => about.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
