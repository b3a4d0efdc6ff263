//! `sordino backup [FILE]`, `sordino restore FILE` and `sordino second-factor off`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::task::spawn_blocking;

use crate::app::Failure;
use crate::config::Config;
use crate::control::asked::{Answer, Asking, Request, write_backup};
use crate::control::backup::{Errand, look, restore_alone, second_factor_off_alone};
use crate::store::backup::{Contents, Progress, Which, file_name};
use crate::store::{Held, Options, Store};
use crate::time::Clock;

/// How often the answer of the sordino that runs is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// How long it may take to notice that it was asked; what it then does takes as long as it takes.
const NOTICE: Duration = Duration::from_secs(20);

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
    if !file.exists() {
        return Err(refused("there is no such file; name the one that `sordino backup` wrote".into()));
    }
    let contents = look(&file, &progress).await.map_err(|why| Failure::Other(why.to_string()))?;
    Ok(format!("{}: {}", file.display(), in_words(&contents)))
}

pub(super) async fn restore(path: &Path, what: Restore) -> Result<String, Failure> {
    let Restore { file, without_history, only_try } = what;
    let refused = |why: String| Failure::Other(format!("{}: {why}", file.display()));
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
    contents.about.which.history &= !without_history;
        }
        None => {
            let asking = begin(&options)?;
            fs::copy(&file, asking.file()).map_err(|error| refused(error.to_string()))?;
            wait(&asking, Request::Restore(without_history)).await?;
        }
    }
    Ok(format!("{} is in force: {}", file.display(), in_words(&contents)))
}

pub(super) async fn second_factor(path: &Path, what: Factor) -> Result<String, Failure> {
    let Switch::Off = what.switch;
    let options = Config::read(path)?.store;
    match opened(options.clone(), Clock::System).await? {
        Some(store) => second_factor_off_alone(&store).await.map_err(|why| Failure::Other(why.to_string()))?,
        None => wait(&begin(&options)?, Request::SecondFactorOff).await?,
    }
    Ok("Nobody is asked for a second factor any more. The password stays as it is.".into())
}

/// The store, where no sordino runs that has it.
async fn opened(options: Options, clock: Clock) -> Result<Option<Arc<Store>>, Failure> {
    let path = options.path.clone();
    let unusable =
        |error: io::Error| Failure::Other(format!("the store in {} cannot be used: {error}", path.display()));
    // What another user writes there, the sordino that owns it could not read.
    let owner = fs::metadata(&path).map(|about| about.uid()).ok();
    let here = fs::metadata("/proc/self").map(|about| about.uid()).ok();
    if let (Some(owner), Some(here)) = (owner, here)
        && owner != here
    {
        return Err(Failure::Other(format!(
            "{} belongs to the user with the number {owner}; run this as that user, for example with sudo -u '#{owner}'",
            path.display()
        )));
    }
    let opening = spawn_blocking(move || {
        let held = Held::take(&options.path)?.is_some();
        Ok(held.then(|| Store::open(options, clock)))
    });
    opening.await.map_err(io::Error::other).flatten().map_err(unusable)
}

fn begin(options: &Options) -> Result<Asking, Failure> {
    Asking::begin(&options.path).map_err(|error| {
        Failure::Other(format!("the sordino that runs cannot be asked through {}: {error}", options.path.display()))
    })
}

async fn wait(asking: &Asking, request: Request) -> Result<(), Failure> {
    let unasked = |error: io::Error| Failure::Other(format!("the sordino that runs cannot be asked: {error}"));
    asking.ask(&request).map_err(unasked)?;
    let begun = tokio::time::Instant::now();
    loop {
        match asking.answer() {
            Some(Answer::Ok(())) => return Ok(()),
            Some(Answer::Err(why)) => return Err(Failure::Other(why)),
            None if !asking.is_noticed() && begun.elapsed() > NOTICE => {
                let what = "the sordino that runs did not answer; it may be of another version. Stop it and try again";
                return Err(Failure::Other(what.into()));
            }
            None => tokio::time::sleep(LOOK).await,
        }
    }
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
