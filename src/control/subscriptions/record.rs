//! What is remembered of a list that is fetched: a small file beside its last good copy, which other programs may read.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ladder::Tries;
use super::place::ListUrl;
use crate::time::Timestamp;

/// Sizes of good copies that are remembered.
pub const MAX_SIZES: usize = 30;
/// Bytes of a record; a larger file is none.
const RECORD_BYTES_BOUND: u64 = 64 << 10;
/// Characters of the part of a file's name that people can read.
const STEM_CHARS: usize = 48;

/// What is remembered of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The name of the list.
    pub name: String,
    /// Where its copy came from.
    pub url: String,
    /// The server's word for this state of the list (RFC 9110 §8.8.3).
    pub etag: Option<String>,
    /// When the server last changed it, in the server's words (RFC 9110 §8.8.2).
    pub last_modified: Option<String>,
    /// When the copy was fetched.
    pub fetched: Option<Timestamp>,
    /// When the server last said that the copy is up to date, or gave it.
    pub checked: Option<Timestamp>,
    /// When it was last tried, whatever came of it.
    pub tried: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// What went wrong at the last try, one sentence; none when all went well.
    pub trouble: Option<String>,
    /// Whether the server gave something that is kept out until the operator takes it.
    pub suspicious: bool,
    /// How large the good copies were, the latest last; at most [`MAX_SIZES`].
    pub sizes: VecDeque<Size>,
}

/// How large a copy was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Size {
    /// When it was fetched.
    #[schema(value_type = u64)]
    pub at: Timestamp,
    /// Bytes of text.
    pub bytes: u64,
    /// Names and patterns.
    pub names: u64,
    /// Lines that are not understood.
    pub refused: u64,
}

impl Record {
    /// Reads what is remembered of the list called `name` in `dir`. What cannot be read is forgotten: the list is then
    /// fetched anew, and the copy stays in force meanwhile.
    pub fn read(dir: &Path, name: &str) -> Self {
        let read = || -> io::Result<Self> {
            let mut text = String::new();
            File::open(record_path(dir, name))?.take(RECORD_BYTES_BOUND).read_to_string(&mut text)?;
            Ok(serde_json::from_str(&text)?)
        };
        // Another list may have had the same file; what is written there is then not about this one.
        read()
            .ok()
            .filter(|record| record.name == name)
            .unwrap_or_else(|| Self { name: name.into(), ..Self::default() })
    }

    /// Puts it on disk, whole.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        make_dir(dir)?;
        let path = record_path(dir, &self.name);
        let new = path.with_extension("json.new");
        let mut file = create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        put_in_place(file, &new, &path)
    }

    /// What the ladder must know.
    pub(super) fn tries(&self) -> Tries {
        Tries { tried: self.tried, failures: self.failures }
    }

    /// The size of the copy.
    pub fn size(&self) -> Option<Size> {
        self.sizes.back().copied()
    }

    /// Whether the copy came from `url`, so that the server's word for its state means anything there.
    pub(super) fn is_of(&self, url: &ListUrl) -> bool {
        self.url == url.to_string()
    }

    pub(super) fn remember(&mut self, size: Size) {
        while self.sizes.len() >= MAX_SIZES {
            self.sizes.pop_front();
        }
        self.sizes.push_back(size);
    }
}

/// Where the last good copy of the list called `name` is. No part of a name that could mean something to a file system
/// goes into it: letters and digits, and a number that keeps two names apart.
pub fn copy_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{}.txt", stem(name)))
}

/// Forgets the list called `name` and its copy.
pub(super) fn forget(dir: &Path, name: &str) -> io::Result<()> {
    for path in [copy_path(dir, name), record_path(dir, name)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Takes away what was half fetched when sordino was killed.
pub(super) fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "new") {
            // What cannot be removed is overwritten by the next fetch of the same list.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the directory, for our eyes only.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A new file, for our eyes only. A link that stands there is replaced, not followed.
pub(super) fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::options().create_new(true).write(true).mode(0o600).open(path),
    }
}

/// Puts the file at `new`, all of it on disk, in the place of `path`.
pub(super) fn put_in_place(file: File, new: &Path, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    drop(file);
    fs::rename(new, path)?;
    // The rename itself is on disk once the directory is.
    File::open(path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn record_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{}.json", stem(name)))
}

fn stem(name: &str) -> String {
    let readable = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let readable: String = readable.take(STEM_CHARS).collect();
    format!("{readable}-{:08x}", crc32fast::hash(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_and_for_our_eyes_only() {
        let house = tempfile::tempdir().unwrap();
        let dir = house.path().join("lists");
        let mut record = Record { name: "a".into(), url: "https://lists.example/".into(), ..Record::default() };
        for names in 0..MAX_SIZES as u64 + 3 {
            record.remember(Size { at: Timestamp::from_millis(names), bytes: 1, names, refused: 0 });
        }
        assert_eq!((record.sizes.len(), record.sizes[0].names), (MAX_SIZES, 3));
        record.write(&dir).unwrap();
        assert_eq!(Record::read(&dir, "a"), record);
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(record_path(&dir, "a")).unwrap().mode() & 0o777, 0o600);
        forget(&dir, "a").unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        assert_eq!(Record::read(&dir, "a"), Record { name: "a".into(), ..Record::default() });
    }

    #[test]
    fn what_is_no_record_is_forgotten() {
        let house = tempfile::tempdir().unwrap();
        fs::write(record_path(house.path(), "a"), "{\"name\": \"b\", \"failures\": 7}").unwrap();
        assert_eq!(Record::read(house.path(), "a").failures, 0);
        fs::write(record_path(house.path(), "a"), [0xff; 100_000]).unwrap();
        assert_eq!(Record::read(house.path(), "a").name, "a");
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let dir = Path::new("/house/lists");
        let names = ["../../etc/passwd", "a/b", "..", ".", "", "a\0b", "a\nb", "$(id)", "\"", "a\u{202e}b", "ä", "Ä"];
        let paths: Vec<PathBuf> = names.iter().map(|name| copy_path(dir, name)).collect();
        for (at, path) in paths.iter().enumerate() {
            assert_eq!(path.parent(), Some(dir), "{path:?}");
            let file = path.file_name().unwrap().to_str().unwrap();
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.'), "{file}");
            assert!(!file.starts_with('.') && file.len() < 100, "{file}");
            assert!(!paths[..at].contains(path), "{file} a second time");
        }
    }
}
