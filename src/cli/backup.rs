//! `sordino backup [FILE]`, `sordino restore FILE` and `sordino second-factor off`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::task::spawn_blocking;

use super::running::{as_owner, begin, opened, wait};
use crate::app::Failure;
use crate::config::Config;
use crate::control::asked::{Request, write_backup};
use crate::control::backup::{Errand, look, restore_alone, second_factor_off_alone};
use crate::store::backup::{Contents, Progress, Which, file_name};
use crate::time::Clock;

/// What to back up, and where to.
#[derive(Debug, Args)]
pub struct BackUp {
    /// The file to write; one with the date in its name if nothing is said. A file that is there is replaced.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Put the history in as well: queries, tallies, what was new when.
    #[arg(long)]
    history: bool,
    /// Put in what lets someone in as well: the password's hash, the second factor, the tokens' hashes.
    #[arg(long)]
    secrets: bool,
}

/// What to take back.
#[derive(Debug, Args)]
pub struct Restore {
    /// The file that `sordino backup` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out the history in it.
    #[arg(long)]
    without_history: bool,
    /// Only say what is in it.
    #[arg(long = "try")]
    only_try: bool,
}

/// What to do with the second factor.
#[derive(Debug, Args)]
pub struct Factor {
    /// `off`: nobody is asked for a code any more, until it is set up again in the page.
    #[arg(value_enum)]
    switch: Switch,
}

/// The one position there is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Switch {
    /// Off.
    Off,
}

pub(super) async fn back_up(path: &Path, what: BackUp) -> Result<String, Failure> {
    let options = Config::read(path)?.store;
    let clock = Clock::System;
    let file = what.file.unwrap_or_else(|| file_name(clock.now()).into());
    let which = Which { history: what.history, secrets: what.secrets };
    let done = match opened(options.clone(), clock).await? {
        Some(store) => {
            let part = part_of(&file);
            let written = spawn_blocking(move || write_backup(&store, which, &part)).await;
            written.map_err(io::Error::other).flatten()
        }
        None => {
            let asking = begin(&options)?;
            wait(&asking, Request::BackUp(which)).await?;
            fs::copy(asking.file(), part_of(&file)).map(drop)
        }
    };
    let done = done.and_then(|()| fs::rename(part_of(&file), &file));
    if let Err(error) = done {
        let _ = fs::remove_file(part_of(&file));
        return Err(Failure::Other(format!("the backup was not written to {}: {error}", file.display())));
    }
    let progress = Arc::new(Progress::default());
    let contents = look(&file, &progress).await.map_err(|why| Failure::Other(why.to_string()))?;
    Ok(format!("{}: {}", file.display(), in_words(&contents)))
}

pub(super) async fn restore(path: &Path, what: Restore) -> Result<String, Failure> {
    let Restore { file, without_history, only_try } = what;
    let refused = |why: String| Failure::Other(format!("{}: {why}", file.display()));
    if !file.exists() {
        return Err(refused("there is no such file; name the one that `sordino backup` wrote".into()));
    }
    let progress = Arc::new(Progress::default());
    // What makes no sense is not handed on.
    let mut contents = look(&file, &progress).await.map_err(|why| refused(why.to_string()))?;
    if only_try {
        return Ok(format!("{}: {}", file.display(), in_words(&contents)));
    }
    let options = Config::read(path)?.store;
    match opened(options.clone(), Clock::System).await? {
        Some(store) => {
            let errand = Errand { path: file.clone(), leave_history: without_history };
            restore_alone(&store, errand, &progress).await.map_err(|why| refused(why.to_string()))?;
        }
        None => {
            let asking = begin(&options)?;
            fs::copy(&file, asking.file()).map_err(|error| refused(error.to_string()))?;
            wait(&asking, Request::Restore(without_history)).await?;
        }
    }
    contents.about.which.history &= !without_history;
    Ok(format!("{} is in force: {}", file.display(), in_words(&contents)))
}

pub(super) async fn second_factor(path: &Path, what: Factor) -> Result<String, Failure> {
    let Switch::Off = what.switch;
    let options = Config::read(path)?.store;
    as_owner(&options.path)?;
    match opened(options.clone(), Clock::System).await? {
        Some(store) => second_factor_off_alone(&store).await.map_err(|why| Failure::Other(why.to_string()))?,
        None => wait(&begin(&options)?, Request::SecondFactorOff).await?,
    }
    Ok("Nobody is asked for a second factor any more. The password stays as it is.".into())
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn in_words(Contents { about, settings }: &Contents) -> String {
    let counted = [
        (settings.rules.len(), "rule", "rules"),
        (settings.pauses.len(), "pause", "pauses"),
        (settings.device_names.len(), "device name", "device names"),
        (settings.lists.len(), "list", "lists"),
        (settings.records.len(), "name of the house", "names of the house"),
    ];
    let counted = counted.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
    let history = if about.which.history { "with the history" } else { "without history" };
    let secrets = if about.which.secrets { "with password and tokens" } else { "without password and tokens" };
    format!("{}, {history}, {secrets}", counted.join(", "))
}
