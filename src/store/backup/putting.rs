//! Putting a backup back.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::frame::{FrameReader, Kind};
use super::{NoBackup, Progress, RESTORED, UNFINISHED, Watched, read_about};
use crate::store::database::{Change, Database, DatabaseError};
use crate::store::disk::{ARCHIVE, JOURNAL};
use crate::store::forget::{forget_in_memory, let_go};
use crate::store::home::{Home, LAYOUT, Trouble, make_dir, remove, sync_dir, write_whole};
use crate::store::migration::{self, OLD_JOURNAL, OLD_TALLIES};
use crate::store::settings::in_file;
use crate::store::{SETTINGS, Settings, Store};

/// A file on its way in.
const UPLOAD: &str = "restore.upload";
/// Octets that are written to a database at once.
const BATCH: usize = 1 << 20;

impl Store {
    /// Where a backup may stand while it is looked at.
    pub fn upload_path(&self) -> PathBuf {
        self.home.dir().join(UPLOAD)
    }

    /// Octets that may still be written to the disk of the store.
    ///
    /// # Errors
    /// When the directory is not there.
    pub fn room(&self) -> io::Result<u64> {
        self.home.room()
    }

    /// Writes the history in the backup at `path` beside the one that is there, and `settings` with it. Nothing that is
    /// read changes yet; but from here on the next start finishes it, unless it is put in or discarded before.
    ///
    /// # Errors
    /// When the file has none, or the disk does not take it; nothing changed then.
    pub fn prepare_history(&self, path: &Path, settings: &Settings, progress: &Progress) -> Result<(), NoBackup> {
        if !self.writes() || !self.options.level.allows_journal() {
            return Err(NoBackup::KeepsNone);
        }
        self.home.claim().map_err(|trouble| NoBackup::Refused(trouble.to_string()))?;
        let dir = self.home.dir().join(UNFINISHED);
        let written = write(&dir, path, settings, progress)
            .and_then(|()| fs::rename(&dir, self.home.dir().join(RESTORED)).map_err(NoBackup::Unreadable))
            .and_then(|()| sync_dir(self.home.dir()).map_err(NoBackup::Unreadable));
        if written.is_err() {
            let _ = remove_if_there(&dir);
        }
        written.map_err(NoBackup::seen)
    }

    /// Throws away what [`prepare_history`](Self::prepare_history) wrote.
    pub fn discard_history(&self) {
        let (dir, part) = (self.home.dir().join(RESTORED), self.home.dir().join(UNFINISHED));
        // In two steps, so that half of it never counts.
        let _ = remove_if_there(&part).and_then(|()| fs::rename(&dir, &part)).and_then(|()| remove(&part));
    }

    /// Puts what [`prepare_history`](Self::prepare_history) wrote in the place of what is there, which is gone then.
    ///
    /// # Errors
    /// One sentence when that was not possible now; the next start does it.
    pub fn put_history_in(&self) -> Result<(), String> {
        self.exchange_history().map_err(|trouble| {
            format!(
                "{trouble} The settings of the backup are in force; its history will be after a restart of sordino."
            )
        })
    }

    fn exchange_history(&self) -> Result<(), Trouble> {
        let unusable = |error| Trouble::Unusable(self.home.dir().into(), error);
        let _alone = self.writing();
        forget_in_memory(self, None);
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(disk) = disk {
            let_go(disk).map_err(unusable)?;
        }
        finish(&self.home, false).map_err(unusable)?;
        // What is there now is another history: its last block is open again, and places go on from its end.
        self.notes().numbered = false;
        let opened = self.open_disk(false).map(drop);
        self.notes().set_aside = None;
        opened
    }
}

fn write(dir: &Path, path: &Path, settings: &Settings, progress: &Progress) -> Result<(), NoBackup> {
    let disk = NoBackup::Unreadable;
    remove_if_there(dir).and_then(|()| make_dir(dir)).map_err(disk)?;
    let input = BufReader::new(File::open(path).map_err(disk)?);
    let mut frames = FrameReader::begin(Watched { input, progress })?;
    let about = read_about(&mut frames)?;
    if !about.which.history {
        return Err(NoBackup::NoHistory);
    }
    let layout = about.layout;
    write_whole(&dir.join("layout"), format!("{layout}\n").as_bytes()).map_err(disk)?;
    let mut filling: Option<Filling> = None;
    while let Some((kind, content)) = frames.next()? {
        match kind {
            Kind::Database => {
                filling.take().map_or(Ok(()), |mut filling| filling.flush(layout))?;
                let place = dir.join(place_of(&content).ok_or(NoBackup::Damaged)?);
                make_dir(&place).map_err(disk)?;
                let database = Database::open(&place).map_err(refused)?;
                filling = Some(Filling { database, changes: Vec::new(), bytes: 0 });
            }
            Kind::Entry => {
                let (key, value) = entry(&content).ok_or(NoBackup::Damaged)?;
                filling.as_mut().ok_or(NoBackup::Damaged)?.add(key, value, layout)?;
            }
            _ => {}
        }
    }
    filling.take().map_or(Ok(()), |mut filling| filling.flush(layout))?;
    migration::bring_up(&Home::new(dir.to_owned())).map_err(|trouble| NoBackup::Refused(trouble.to_string()))?;
    for name in [JOURNAL, ARCHIVE] {
        make_dir(&dir.join(name)).map_err(disk)?;
    }
    in_file(settings).and_then(|content| write_whole(&dir.join(SETTINGS), &content)).map_err(disk)
}

/// A database that is being filled.
struct Filling {
    database: Database,
    changes: Vec<Change>,
    bytes: usize,
}

impl Filling {
    fn add(&mut self, key: &[u8], value: &[u8], layout: u32) -> Result<(), NoBackup> {
        self.bytes += key.len() + value.len();
        self.changes.push((key.to_vec(), Some(value.to_vec())));
        if self.bytes >= BATCH { self.flush(layout) } else { Ok(()) }
    }

    fn flush(&mut self, layout: u32) -> Result<(), NoBackup> {
        self.bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        let written = match layout {
            LAYOUT => self.database.write(changes),
            _ => self.database.write_plain(changes),
        };
        written.map_err(refused)
    }
}

fn refused(error: DatabaseError) -> NoBackup {
    match error {
        DatabaseError::Disk(error) => NoBackup::Unreadable(error),
        other => NoBackup::Refused(other.to_string()),
    }
}

/// The directory of a database, below the store's; none for a name that no database has.
pub(super) fn place_of(name: &[u8]) -> Option<PathBuf> {
    let name = std::str::from_utf8(name).ok()?;
    let is_one = match name.split_once('/') {
        None => [ARCHIVE, OLD_TALLIES].contains(&name),
        Some((JOURNAL | OLD_JOURNAL, number)) => number.len() == 8 && number.bytes().all(|b| b.is_ascii_digit()),
        Some(_) => false,
    };
    is_one.then(|| name.into())
}

/// The key and the value in a frame.
pub(super) fn entry(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = content.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).filter(|(key, _)| !key.is_empty())
}

/// Finishes what was begun: history that waits takes its place, and with `settings` so do those that came with it.
pub(in crate::store) fn finish(home: &Home, settings: bool) -> io::Result<()> {
    let dir = home.dir();
    remove_if_there(&dir.join(UNFINISHED))?;
    let restored = dir.join(RESTORED);
    if restored.symlink_metadata().is_err() {
        return Ok(());
    }
    for name in [JOURNAL, ARCHIVE] {
        let (fresh, old) = (restored.join(name), dir.join(name));
        // Where it is gone, it took its place before.
        if fresh.exists() {
            remove_if_there(&old)?;
            fs::rename(fresh, old)?;
        }
    }
    if settings && restored.join(SETTINGS).exists() {
        fs::rename(restored.join(SETTINGS), dir.join(SETTINGS))?;
    }
    sync_dir(dir)?;
    remove(&restored)?;
    sync_dir(dir)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok() { remove(path) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_databases_are_places() {
        for name in ["archive", "tallies", "days/00000001", "journal/12345678"] {
            assert_eq!(place_of(name.as_bytes()), Some(name.into()), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "/etc",
            "days",
            "days/..",
            "days/0000000/",
            "days/1",
            "days/../../x",
            "archive/",
            "settings.json",
        ] {
            assert_eq!(place_of(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn an_entry_has_a_key() {
        assert_eq!(entry(b"\0\x01kvalue"), Some((&b"k"[..], &b"value"[..])));
        for bad in [&b""[..], b"\0", b"\0\0value", b"\0\x09short"] {
            assert_eq!(entry(bad), None);
        }
    }
}
