//! A backup: one file with what the page keeps and, if asked for, the history; taken back whole or not at all.
//!
//! `frame` is the file, `taking` writes it, `putting` puts it back. The settings stand in it as in their own file; of the
//! history it has what the databases have, key by key, with the number of the layout: a later sordino brings that into
//! its own layout as it does with a directory. All of that is written octet by octet, so it means the same on every
//! machine.
//!
//! Putting it back: a file is first read to its end, and only one that is sound changes anything. History is written
//! beside the old one; the rename of that directory to [`RESTORED`] is the moment from which it counts. Whenever the
//! process ends, the store is as before or, after the next start, as the backup says.

mod frame;
mod putting;
mod taking;

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use self::frame::{FrameReader, Kind};
pub(super) use self::putting::finish;
use super::Settings;
use super::home::LAYOUT;
use super::settings::parse;
use crate::time::Timestamp;

/// Octets that settings may have in a backup: a hundred times what a large house has.
const MAX_SETTINGS: usize = 5 << 20;
/// Where history from a backup waits to take its place, and where it is made.
const RESTORED: &str = "restored";
const UNFINISHED: &str = "restored.part";

/// What a backup is to hold besides the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    /// The journal, tallies and firsts.
    pub history: bool,
    /// Password, second factor and tokens.
    pub secrets: bool,
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of sordino that made it.
    pub sordino: String,
    /// When.
    pub made: Timestamp,
    /// The layout of the history.
    layout: u32,
    /// What it holds.
    #[serde(flatten)]
    pub which: Which,
}

/// What is in a backup that is sound.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What it says of itself.
    pub about: About,
    /// The settings.
    pub settings: Settings,
}

/// Why a file is not taken back.
#[derive(Debug, thiserror::Error)]
pub enum NoBackup {
    /// Something else.
    #[error("this is no backup of sordino; choose another file")]
    Foreign,
    /// From the future.
    #[error("the backup was made by a newer sordino; use that version, or a later one")]
    Newer,
    /// Its end is missing.
    #[error("the backup is incomplete: its end is missing; copy it again, or use another one")]
    Cut,
    /// Its sums are wrong.
    #[error("the backup is damaged; copy it again, or use another one")]
    Damaged,
    /// The settings in it are none.
    #[error("the settings in the backup cannot be used ({0}); use another one")]
    Settings(String),
    /// It has no history.
    #[error("the backup holds no history; it was made without")]
    NoHistory,
    /// Nothing is kept here.
    #[error(
        "this sordino keeps no history on disk, so none can be put back; change [store] first, or restore without history"
    )]
    KeepsNone,
    /// Reading or writing failed.
    #[error("{0}")]
    Unreadable(#[source] io::Error),
    /// The store did not take it.
    #[error("{0}")]
    Refused(String),
    /// Someone stopped it.
    #[error("it was stopped; nothing was changed")]
    Stopped,
}

/// How far a backup or its return has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing goes on.
    #[default]
    Idle,
    /// The file is on its way.
    Receiving,
    /// It is read to its end.
    Checking,
    /// History is written beside the old one.
    Writing,
    /// It takes its place. Too late to stop.
    PuttingIn,
}

/// How far something long has come, and whether it is to stop. Shared by who does it and who watches.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
    stopped: AtomicBool,
}

const STAGES: [Stage; 5] = [Stage::Idle, Stage::Receiving, Stage::Checking, Stage::Writing, Stage::PuttingIn];

impl Progress {
    /// Begins a stage of `total` octets, as far as that is known. False when it is to stop.
    pub fn begin(&self, stage: Stage, total: Option<u64>) -> bool {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
        self.stage.store(stage as u8, Ordering::SeqCst);
        !self.stopped.load(Ordering::SeqCst)
    }

    /// Notes that `count` more octets are done. False when it is to stop.
    pub fn go_on(&self, count: u64) -> bool {
        self.done.fetch_add(count, Ordering::Relaxed);
        !self.stopped.load(Ordering::SeqCst)
    }

    /// Asks whoever does it to stop. False when it is too late.
    pub fn stop(&self) -> bool {
        self.stopped.store(true, Ordering::SeqCst);
        self.stage() != Stage::PuttingIn
    }

    /// The stage.
    pub fn stage(&self) -> Stage {
        STAGES.get(usize::from(self.stage.load(Ordering::SeqCst))).copied().unwrap_or_default()
    }

    /// Octets done in this stage, and how many there are where that is known.
    pub fn octets(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed), (total > 0).then_some(total))
    }
}

/// What a backup that is made now is called.
pub fn file_name(now: Timestamp) -> String {
    let day = i64::try_from(now.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    day.map_or_else(|| "sordino.backup".into(), |day| day.strftime("sordino-%Y-%m-%d.backup").to_string())
}

/// Reads a backup to its end, and says what is in it. Needs the memory of one frame.
///
/// # Errors
/// When it is not whole and sound.
pub fn inspect(input: impl Read, progress: &Progress) -> Result<Contents, NoBackup> {
    let mut frames = FrameReader::begin(Watched { input, progress })?;
    let about = read_about(&mut frames)?;
    let mut settings = None;
    let mut database = false;
    while let Some((kind, content)) = frames.next().map_err(NoBackup::seen)? {
        match kind {
            Kind::Settings if settings.is_none() && content.len() <= MAX_SETTINGS => {
                settings = Some(parse(&content).map_err(|why| NoBackup::Settings(why.to_string()))?);
            }
            Kind::Database if about.which.history && putting::place_of(&content).is_some() => database = true,
            Kind::Entry if database && putting::entry(&content).is_some() => {}
            _ => return Err(NoBackup::Damaged),
        }
    }
    let settings = settings.ok_or(NoBackup::Damaged)?;
    Ok(Contents { about, settings })
}

fn read_about(frames: &mut FrameReader<impl Read>) -> Result<About, NoBackup> {
    let Some((Kind::About, about)) = frames.next()? else { return Err(NoBackup::Damaged) };
    let about: About = serde_json::from_slice(&about).map_err(|_| NoBackup::Damaged)?;
    if about.layout > LAYOUT { Err(NoBackup::Newer) } else { Ok(about) }
}

/// A reader that tells how far it is, and fails when it is to stop.
struct Watched<'a, R> {
    input: R,
    progress: &'a Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        if self.progress.go_on(count as u64) { Ok(count) } else { Err(stopped()) }
    }
}

/// The error of a file operation that someone stopped.
fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, NoBackup::Stopped.to_string())
}

impl NoBackup {
    /// Says that it was stopped where it was.
    fn seen(self) -> Self {
        match self {
            Self::Unreadable(error) if error.kind() == io::ErrorKind::ConnectionAborted => Self::Stopped,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
