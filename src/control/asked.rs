//! What another program of the same user asks the sordino that runs, through a directory in the store's: whoever may write
//! there is the owner of the house anyway.
//!
//! `ID.json` is the request, put in place whole; `ID.file` what one side writes and the other reads, as a backup;
//! `ID.answer` what became of it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Control;
use super::backup::Errand;
use super::reporting::{self, ReportOn};
use crate::snapshot::SnapshotCell;
use crate::store::Store;
use crate::store::backup::{Progress, Which};
use crate::time::Timestamp;

/// The directory, below the store's.
const DIR: &str = "asked";
/// How often it is looked into.
const LOOK: Duration = Duration::from_secs(1);
/// Octets of a request or an answer.
const MAX_TEXT: u64 = 64 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Write a backup into the file.
    BackUp(Which),
    /// Take the file back; with `true`, without its history.
    Restore(bool),
    /// Ask for no second factor any more.
    SecondFactorOff,
    /// Write the report about a device into the file.
    Report(ReportOn),
    /// Write how often each list decided since then into the file: pairs of a name and a number, as JSON.
    Hits(Timestamp),
}

/// What became of it: all is done, or one sentence on why not.
pub type Answer = Result<(), String>;

/// A request on its way. Its files go with it.
#[derive(Debug)]
pub struct Asking {
    stem: PathBuf,
}

impl Asking {
    /// Begins a request to the sordino that has the store at `store_dir`.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn begin(store_dir: &Path) -> io::Result<Self> {
        let dir = store_dir.join(DIR);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let id = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { stem: dir.join(format!("{id:016x}")) })
    }

    /// Where the file of the request is, or will be.
    pub fn file(&self) -> PathBuf {
        self.stem.with_extension("file")
    }

    /// Puts the request where it is seen.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ask(&self, request: &Request) -> io::Result<()> {
        put(&self.stem.with_extension("json"), &serde_json::to_vec(request)?)
    }

    /// Whether it was taken up.
    pub fn is_noticed(&self) -> bool {
        !self.stem.with_extension("json").exists()
    }

    /// The answer, once it is there.
    pub fn answer(&self) -> Option<Answer> {
        read(&self.stem.with_extension("answer")).ok()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        for extension in ["json", "file", "answer"] {
            let _ = fs::remove_file(self.stem.with_extension(extension));
        }
    }
}

/// Does what is asked, one after the other, until `stop`.
pub async fn watch(
    store_dir: PathBuf,
    control: Control,
    (store, snapshot): (Arc<Store>, Arc<SnapshotCell>),
    stop: CancellationToken,
) {
    let dir = store_dir.join(DIR);
    // What is there was asked of a sordino that is gone.
    let _ = fs::remove_dir_all(&dir);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        let there = dir.clone();
        let Ok(Some((stem, request))) = spawn_blocking(move || next(&there)).await else { continue };
        let answer = carry_out(request, &stem, &control, (&store, &snapshot)).await;
        let written = serde_json::to_vec(&answer).map_err(io::Error::from);
        if let Err(error) = written.and_then(|text| put(&stem.with_extension("answer"), &text)) {
            tracing::warn!("an answer cannot be written to {}: {error}", dir.display());
        }
    }
}

async fn carry_out(
    request: Request,
    stem: &Path,
    control: &Control,
    (store, snapshot): (&Arc<Store>, &SnapshotCell),
) -> Answer {
    let path = stem.with_extension("file");
    match request {
        Request::BackUp(which) => {
            let store = store.clone();
            let writing = spawn_blocking(move || write_backup(&store, which, &path));
            writing.await.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
        }
        Request::Restore(leave_history) => {
            let errand = Errand { path, leave_history };
            let done = control.restore(store, errand, &Arc::new(Progress::default())).await;
            tracing::info!("a backup was taken back: {}", done.is_ok());
            done.map(drop).map_err(|why| why.to_string())
        }
        Request::SecondFactorOff => {
            tracing::info!("the second factor is switched off at the console");
            control.set_second_factor(None).await.map_err(|why| why.to_string())
        }
        Request::Report(on) => {
            let (control, store, snapshot) = (control.clone(), store.clone(), snapshot.current());
            let writing = spawn_blocking(move || {
                let text = reporting::text(&on, &control, &store, &snapshot)?;
                put(&path, text.as_bytes()).map_err(|error| error.to_string())
            });
            writing.await.map_err(|error| error.to_string()).flatten()
        }
        Request::Hits(since) => {
            let store = store.clone();
            let writing = spawn_blocking(move || put(&path, &serde_json::to_vec(&store.list_hits(since.hour()))?));
            writing.await.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
        }
    }
}

/// Writes a backup to `path`, for the eyes of its owner.
///
/// # Errors
/// When it could not be written; half of it may be there then.
pub fn write_backup(store: &Store, which: Which, path: &Path) -> io::Result<()> {
    let file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    let out = store.back_up(which, BufWriter::new(file), &Progress::default())?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// The next request, and the files it is about. It is taken away, so that it is done once.
fn next(dir: &Path) -> Option<(PathBuf, Request)> {
    for entry in fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let request = read(&path);
        let gone = fs::remove_file(&path);
        match (request, gone) {
            (Ok(request), Ok(())) => return Some((path.with_extension(""), request)),
            (_, Err(error)) => tracing::warn!("{} cannot be removed: {error}", path.display()),
            (Err(error), Ok(())) => {
                tracing::warn!("{} is no request: {error}", path.display());
                let why = "the sordino that runs does not know how to do this; it may be of another version".to_owned();
                let answered = serde_json::to_vec(&Answer::Err(why)).map_err(io::Error::from);
                if let Err(error) = answered.and_then(|text| put(&path.with_extension("answer"), &text)) {
                    tracing::warn!("an answer cannot be written to {}: {error}", dir.display());
                }
            }
        }
    }
    None
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() || about.len() > MAX_TEXT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    fs::rename(new, path)
}
