//! `sordino lists`.

mod export;

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::task::spawn_blocking;

use super::running::{as_owner, begin, opened, wait};
use super::update::age;
use crate::app::Failure;
use crate::config::Config;
use crate::control::asked::Request;
use crate::control::subscriptions::Record;
use crate::control::{ListView, State, wanted};
use crate::store::{Options, Settings};
use crate::time::{Clock, Timestamp};

/// Over how long hits are counted.
const HITS_SPAN: Duration = Duration::from_secs(7 * 24 * 3600);

/// What to do with the lists; they are shown if nothing is said.
#[derive(Debug, Args)]
pub struct Lists {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the catalogue to standard output in the format of another program.
    Export(export::Wanted),
}

/// How often each list decided, by name, or one sentence on why that is not known.
type Hits = Result<HashMap<Arc<str>, u64>, String>;

impl Lists {
    pub(super) async fn run(self, path: &Path) -> Result<String, Failure> {
        if let Some(Command::Export(wanted)) = &self.command {
            return export::export(path, wanted);
        }
        let config = Config::read(path)?;
        // What cannot be had is said below the lists.
        let _ = as_owner(&config.store.path);
        let now = Clock::System.now();
        let hits = hits(&config.store, now.before(HITS_SPAN)).await;
        let shown = spawn_blocking(move || show(&config, &hits, now)).await;
        shown.map_err(|error| Failure::Other(format!("the lists cannot be shown: {error}")))?
    }
}

fn show(config: &Config, hits: &Hits, now: Timestamp) -> Result<String, Failure> {
    let store = &config.store.path;
    let settings = Settings::read(store)
        .map_err(|error| Failure::Other(format!("the settings in {} cannot be read: {error}", store.display())))?;
    let fetched: Vec<(bool, Record)> = wanted(&config.control, &settings)
        .iter()
        .map(|list| (list.enabled, Record::read(&config.control.subscriptions.dir, &list.name)))
        .collect();
    let state = State::load(config.control.clone().read_only(), settings);
    let mut text = String::new();
    write_all(&mut text, state.lists(), &fetched, hits, now).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(text)
}

/// Reads the history, or asks the sordino that runs and has it.
async fn hits(options: &Options, since: Timestamp) -> Hits {
    // What is not there yet is not made for a look at it.
    if !options.path.is_dir() {
        return Err("There is no history yet, and so there are no hits.".into());
    }
    let unknown = |why: Failure| format!("Hits are not shown: {why}.");
    let Some(store) = opened(options.clone(), Clock::System).await.map_err(unknown)? else {
        let asking = begin(options).map_err(unknown)?;
        wait(&asking, Request::Hits(since)).await.map_err(unknown)?;
        let read = fs::read(asking.file());
        let read = read.and_then(|bytes| Ok(serde_json::from_slice::<Vec<(String, u64)>>(&bytes)?));
        let lost = |error| format!("Hits are not shown: the answer of the sordino that runs is lost: {error}.");
        return Ok(read.map_err(lost)?.into_iter().map(|(list, hits)| (list.into(), hits)).collect());
    };
    let reading = spawn_blocking(move || store.list_hits(since.hour()).into_iter().collect());
    reading.await.map_err(|error| format!("Hits are not shown: {error}."))
}

fn write_all(
    text: &mut String,
    lists: &[ListView],
    fetched: &[(bool, Record)],
    hits: &Hits,
    now: Timestamp,
) -> fmt::Result {
    if lists.is_empty() && fetched.is_empty() {
        return write!(text, "There is no list.");
    }
    let names = lists.iter().map(|list| list.report.name.chars().count());
    let width = names.chain(fetched.iter().map(|(_, record)| record.name.chars().count())).max().unwrap_or(0);
    write!(text, "{:width$}  action    names  refused     hits", "list")?;
    for list in lists {
        let report = &list.report;
        let action = format!("{:?}", report.action).to_lowercase();
        let hits =
            hits.as_ref().map_or_else(|_| "-".into(), |hits| hits.get(&report.name).copied().unwrap_or(0).to_string());
        write!(text, "\n{:width$}  {action:6} {:>8} {:>8} {hits:>8}", report.name, report.names, report.rejected)?;
        match fetched.iter().find(|(_, record)| *record.name == *report.name) {
            Some((_, record)) => write_health(text, record, width, now)?,
            None => list.problem.iter().try_for_each(|problem| write!(text, "\n{:width$}  {problem}", ""))?,
        }
    }
    for (_, record) in fetched.iter().filter(|(enabled, _)| !enabled) {
        write!(text, "\n{:width$}  switched off", record.name)?;
    }
    match hits {
        Ok(_) => write!(text, "\n\nHits: questions of the last seven days that a list decided."),
        Err(why) => write!(text, "\n\n{why}"),
    }
}

fn write_health(text: &mut String, record: &Record, width: usize, now: Timestamp) -> fmt::Result {
    match (record.fetched, record.size()) {
        (Some(fetched), Some(size)) => {
            write!(text, "\n{:width$}  fetched {} ago, {} kB", "", age(fetched, now), size.bytes.div_ceil(1000))?;
            if let Some(checked) = record.checked {
                write!(text, ", up to date {} ago", age(checked, now))?;
            }
            let before = record.sizes.iter().rev().nth(1);
            if let Some(before) = before.filter(|before| before.names != size.names) {
                write!(text, ", {} names before", before.names)?;
            }
        }
        _ => write!(text, "\n{:width$}  not fetched yet", "")?,
    }
    if let (Some(trouble), Some(tried)) = (&record.trouble, record.tried) {
        write!(text, "\n{:width$}  tried {} ago, {} in a row failed: {trouble}", "", age(tried, now), record.failures)?;
    }
    Ok(())
}
