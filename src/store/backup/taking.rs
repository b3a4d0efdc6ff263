//! Writing a backup.

use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::ops::ControlFlow;

use super::frame::{FrameWriter, Kind, LooseFrames};
use super::{About, Progress, Which, stopped};
use crate::store::database::{Database, DatabaseError};
use crate::store::disk::{ARCHIVE, JOURNAL};
use crate::store::forget::hand_to_disk;
use crate::store::home::LAYOUT;
use crate::store::period::PeriodId;
use crate::store::settings::in_file;
use crate::store::{Keeping, Store};

/// Frames of what is written to while it is copied.
const SPOOL: &str = "backup.part";

impl Store {
    /// Writes a backup to `out`, as fast as that takes it. The history holds what was asked until this began.
    ///
    /// # Errors
    /// When something cannot be read, `out` does not take it, or `progress` says to stop.
    pub fn back_up<W: Write>(&self, which: Which, out: W, progress: &Progress) -> io::Result<W> {
        let history = which.history && self.writes();
        let which = Which { history, ..which };
        let sordino = env!("CARGO_PKG_VERSION").to_owned();
        let about = About { sordino, made: self.clock.now(), layout: LAYOUT, which };
        let settings = self.settings();
        let settings = if which.secrets { settings } else { settings.without_secrets() };
        let mut frames = FrameWriter::begin(out)?;
        frames.write(Kind::About, &[&serde_json::to_vec(&about)?])?;
        frames.write(Kind::Settings, &[&in_file(&settings)?])?;
        if history {
            self.write_history(&mut frames, progress)?;
        }
        frames.end()
    }

    fn write_history<W: Write>(&self, frames: &mut FrameWriter<W>, progress: &Progress) -> io::Result<()> {
        let (mut spool, count, closed) = self.spool()?;
        spool.rewind()?;
        frames.splice(&mut spool, count)?;
        drop(spool);
        for id in closed {
            // Asked for anew each time: who forgets something does not wait for the end of a backup.
            let disk = self.disk().ok_or_else(|| io::Error::other("the history was closed in the midst of it"))?;
            let Some(period) = disk.closed_period(id).map_err(broken)? else { continue };
            copy(&place(id), &period.database, frames, progress)?;
        }
        Ok(())
    }

    /// Copies, while nobody writes, what is written to; and says which periods are closed.
    fn spool(&self) -> io::Result<(File, u64, Vec<PeriodId>)> {
        let _alone = self.writing();
        if self.journal() == Keeping::Disk {
            hand_to_disk(self).map_err(crate::store::home::Trouble::into_io)?;
        }
        let disk = self.disk().ok_or_else(|| io::Error::other("the history cannot be read now"))?;
        let path = self.home.dir().join(SPOOL);
        let mut options = File::options();
        let file = std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600)
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)?;
        // Nobody needs its name, and so nothing stays of it when the process ends.
        std::fs::remove_file(&path)?;
        let mut loose = LooseFrames::new(file);
        let unstopped = Progress::default();
        copy(ARCHIVE, disk.archive.database(), loose.writer(), &unstopped)?;
        let periods = disk.snapshot();
        if let Some(current) = &periods.current {
            copy(&place(current.id), &current.database, loose.writer(), &unstopped)?;
        }
        let (file, count) = loose.into_parts();
        Ok((file, count, periods.closed.keys().copied().collect()))
    }
}

fn place(id: PeriodId) -> String {
    format!("{JOURNAL}/{:08}", id.0)
}

fn copy<W: Write>(name: &str, database: &Database, frames: &mut FrameWriter<W>, progress: &Progress) -> io::Result<()> {
    frames.write(Kind::Database, &[name.as_bytes()])?;
    let mut done = Ok(());
    let scanned = database.scan(&[0], &[u8::MAX], &mut |key, value| {
        done = (|| {
            let value = value.load().map_err(broken)?;
            let length = u16::try_from(key.len()).map_err(io::Error::other)?;
            frames.write(Kind::Entry, &[&length.to_be_bytes(), key, &value])?;
            if progress.go_on(value.len() as u64) { Ok(()) } else { Err(stopped()) }
        })();
        if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    scanned.map_err(broken)?;
    done
}

fn broken(error: DatabaseError) -> io::Error {
    match error {
        DatabaseError::Disk(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
