//! What commands need that work on the store: it is opened here where no sordino runs that has it, else that one is asked.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::app::Failure;
use crate::control::asked::{Answer, Asking, Request};
use crate::store::{Held, Options, Store};
use crate::time::Clock;

/// How often the answer of the sordino that runs is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// How long it may take to notice that it was asked; what it then does takes as long as it takes.
const NOTICE: Duration = Duration::from_secs(20);

/// The store, where no sordino runs that has it.
pub(super) async fn opened(options: Options, clock: Clock) -> Result<Option<Arc<Store>>, Failure> {
    let path = options.path.clone();
    let unusable =
        |error: io::Error| Failure::Other(format!("the store in {} cannot be used: {error}", path.display()));
    ours(&path)?;
    let opening = spawn_blocking(move || {
        let held = Held::take(&options.path)?.is_some();
        Ok(held.then(|| Store::open(options, clock)))
    });
    opening.await.map_err(io::Error::other).flatten().map_err(unusable)
}

/// Refuses where the store is another user's: what is written there now, the sordino that owns it could not read.
pub(super) fn ours(store_dir: &Path) -> Result<(), Failure> {
    let owner = fs::metadata(store_dir).map(|about| about.uid()).ok();
    let here = fs::metadata("/proc/self").map(|about| about.uid()).ok();
    match (owner, here) {
        (Some(owner), Some(here)) if owner != here => Err(Failure::Other(format!(
            "{} belongs to the user with the number {owner}; run this as that user, for example with sudo -u '#{owner}'",
            store_dir.display()
        ))),
        _ => Ok(()),
    }
}

/// Goes on as the user whose store it is, where root asks: with sudo everything is found that the service keeps, and nothing
/// is left there that the service cannot read.
pub(super) fn as_owner(store_dir: &Path) -> Result<(), Failure> {
    let refused = ours(store_dir);
    if refused.is_err()
        && let (Ok(here), Ok(there)) = (fs::metadata("/proc/self"), fs::metadata(store_dir))
        && here.uid() == 0
    {
        // The groups of root go as well: whoever changes the user of a program loses them.
        let mut again = Command::new("/proc/self/exe");
        let error = again.args(env::args_os().skip(1)).uid(there.uid()).gid(there.gid()).exec();
        tracing::debug!("root cannot become the user {}: {error}", there.uid());
    }
    refused
}

/// Begins to ask the sordino that has the store.
pub(super) fn begin(options: &Options) -> Result<Asking, Failure> {
    Asking::begin(&options.path).map_err(|error| {
        Failure::Other(format!("the sordino that runs cannot be asked through {}: {error}", options.path.display()))
    })
}

/// Asks it for `request`, and waits until that is done.
pub(super) async fn wait(asking: &Asking, request: Request) -> Result<(), Failure> {
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
