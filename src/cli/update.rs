//! `sordino update [NAME]`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::running::as_owner;
use crate::app::Failure;
use crate::certificate::believing;
use crate::config::Config;
use crate::control::subscriptions::{Options, Outcome, Record, Wanted, Web, ask, refresh_once};
use crate::control::wanted;
use crate::dns::Lookup;
use crate::store::{Held, Settings};
use crate::time::{Clock, Timestamp};

/// How long a sordino that runs may take to notice that it was asked.
const NOTICE: Duration = Duration::from_secs(15);
/// How often its answer is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Which lists.
#[derive(Debug, Args)]
pub struct Which {
    /// The name of a list; all of them if nothing is said.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// What became of each list, and the failure if there was one.
pub(super) async fn update(path: &Path, which: &Which) -> Result<(String, Result<(), Failure>), Failure> {
    let config = Config::read(path)?;
    let store = config.store.path.clone();
    as_owner(&store)?;
    let opened = spawn_blocking(move || Ok((Settings::read(&store)?, Held::take(&store)?))).await;
    let (settings, held) = opened.map_err(io::Error::other).flatten().map_err(|error: io::Error| {
        Failure::Other(format!("the store in {} cannot be used: {error}", config.store.path.display()))
    })?;
    let options = &config.control.subscriptions;
    let mut lists = wanted(&config.control, &settings);
    lists.retain(|list| list.enabled && which.name.as_ref().is_none_or(|name| *name == list.name));
    match &which.name {
        Some(name) if lists.is_empty() => {
            return Err(Failure::Other(format!(
                "there is no list from elsewhere called {name}, or it is switched off"
            )));
        }
        None if lists.is_empty() => return Ok(("There is no list from elsewhere.".into(), Ok(()))),
        _ => {}
    }
    let records = match held {
        Some(_held) => fetch(path, &config, &lists).await?,
        None => wait(options, &lists).await?,
    };
    Ok(report(&records))
}

/// Fetches them here, because no sordino runs that would.
async fn fetch(path: &Path, config: &Config, lists: &[Wanted]) -> Result<Vec<Record>, Failure> {
    let bad = |error: String| Failure::Other(format!("{}: {error}", path.display()));
    let web = Web {
        lookup: Lookup::new(&config.dns).map_err(|error| bad(error.to_string()))?,
        tls: believing(config.lists_ca.as_deref()).map_err(|error| bad(format!("lists.ca: {error}")))?,
        clock: Clock::System,
    };
    let mut records = Vec::with_capacity(lists.len());
    for list in lists {
        let (record, outcome) = refresh_once(list, false, &config.control.subscriptions, &web).await;
        tracing::debug!("list {}: {outcome:?}", list.name);
        debug_assert_eq!(outcome == Outcome::Failed, record.failures > 0);
        records.push(record);
    }
    Ok(records)
}

/// Asks the sordino that holds the store, and waits for what it writes down of each.
async fn wait(options: &Options, lists: &[Wanted]) -> Result<Vec<Record>, Failure> {
    let names: Vec<String> = lists.iter().map(|list| list.name.clone()).collect();
    let (dir, asked) = (options.dir.clone(), Clock::System.now());
    let asking = {
        let (dir, names) = (dir.clone(), names.clone());
        spawn_blocking(move || ask(&dir, &names)).await
    };
    asking.map_err(io::Error::other).flatten().map_err(|error| {
        Failure::Other(format!("the sordino that runs cannot be asked through {}: {error}", dir.display()))
    })?;
    let rounds = u32::try_from(lists.len()).unwrap_or(u32::MAX);
    let deadline = Instant::now() + NOTICE + options.fetch_timeout.saturating_mul(rounds);
    let mut records = Vec::with_capacity(names.len());
    for name in names {
        loop {
            let (dir, list) = (dir.clone(), name.clone());
            let record = spawn_blocking(move || Record::read(&dir, &list)).await.unwrap_or_default();
            if record.tried.is_some_and(|tried| tried >= asked) {
                records.push(record);
                break;
            }
            if Instant::now() >= deadline {
                let what = "the sordino that runs did not fetch them; it may have started with another configuration";
                return Err(Failure::Other(what.into()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(records)
}

fn report(records: &[Record]) -> (String, Result<(), Failure>) {
    let width = records.iter().map(|record| record.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for record in records {
        let names = record.size().map_or(0, |size| size.names);
        let said = match (&record.trouble, record.fetched >= record.tried) {
            (Some(trouble), _) => trouble.clone(),
            (None, true) => format!("fetched, {names} names"),
            (None, false) => format!("up to date, {names} names"),
        };
        let end = if text.is_empty() { "" } else { "\n" };
        // A String takes whatever is written into it.
        let _ = write!(text, "{end}{:width$}  {said}", record.name);
    }
    let failed = records.iter().filter(|record| record.trouble.is_some()).count();
    let done = match failed {
        0 => Ok(()),
        _ => Err(Failure::Other(format!("{failed} of {} lists could not be fetched", records.len()))),
    };
    (text, done)
}

/// How long ago `then` was, in words.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.millis().saturating_sub(then.millis()) / 60_000;
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}
