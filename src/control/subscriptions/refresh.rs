//! Fetching a list and putting it in the place of the last good copy, or saying why not.

use std::fs;
use std::io;
use std::path::Path;

use tokio::task::spawn_blocking;

use super::fetch::{Body, Errand, Given, Web, fetch};
use super::record::{self, Record, copy_path};
use super::soundness::{Candidate, look};
use super::{Failure, Options, Stage, Told, Wanted};

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is another copy now.
    Fresh,
    /// The copy that is there is up to date.
    Unchanged,
    /// The copy that is there stays; the record says why.
    Failed,
}

/// Fetches `list` now, for a program that ends when it is done. It must hold the store.
pub async fn refresh_once(list: &Wanted, accept_smaller: bool, options: &Options, web: &Web) -> (Record, Outcome) {
    let (dir, name) = (options.dir.clone(), list.name.clone());
    let record = spawn_blocking(move || Record::read(&dir, &name)).await.unwrap_or_default();
    let told: Told = std::sync::Arc::new(|_, _| ());
    refresh(list, record, accept_smaller, options, web, &told).await
}

/// Fetches `list` if the server has another state of it. What is remembered of it afterwards is on disk, as far as the
/// disk takes it, and in the answer. With `accept_smaller`, a list that lost most of its names is taken all the same.
pub(super) async fn refresh(
    list: &Wanted,
    mut record: Record,
    accept_smaller: bool,
    options: &Options,
    web: &Web,
    told: &Told,
) -> (Record, Outcome) {
    record.tried = Some(web.clock.now());
    let outcome = match attempt(list, &mut record, accept_smaller, options, web, told).await {
        Ok(outcome) => {
            record.checked = record.tried;
            (record.failures, record.trouble, record.suspicious) = (0, None, false);
            outcome
        }
        Err(Failure { why, suspicious }) => {
            record.failures = record.failures.saturating_add(1);
            (record.trouble, record.suspicious) = (Some(why), suspicious);
            Outcome::Failed
        }
    };
    write(record, outcome, options).await
}

/// What is remembered of a try that the operator broke off: nothing that was there changes, and it is not tried again soon.
pub(super) async fn broken_off(mut record: Record, options: &Options, web: &Web) -> (Record, Outcome) {
    record.tried = Some(web.clock.now());
    (record.failures, record.trouble) = (0, Some("you stopped it before it was complete".into()));
    write(record, Outcome::Failed, options).await
}

async fn write(record: Record, outcome: Outcome, options: &Options) -> (Record, Outcome) {
    let (dir, written) = (options.dir.clone(), record.clone());
    match spawn_blocking(move || written.write(&dir)).await.map_err(io::Error::other).flatten() {
        Ok(()) => (record, outcome),
        Err(error) => {
            // What it was about is fetched once more after a restart, and that is all that is lost.
            let trouble = record.trouble.clone();
            let unsaved = || format!("what is known of the list could not be saved ({error}); check the disk");
            (Record { trouble: trouble.or_else(|| Some(unsaved())), ..record }, outcome)
        }
    }
}

async fn attempt(
    list: &Wanted,
    record: &mut Record,
    accept_smaller: bool,
    options: &Options,
    web: &Web,
    told: &Told,
) -> Result<Outcome, Failure> {
    let url = &list.subscription.url;
    let copy = copy_path(&options.dir, &list.name);
    let unwritable = |error: io::Error| {
        Failure::plain(format!(
            "it cannot be kept in {} ({error}); make room, or make it writable",
            options.dir.display()
        ))
    };
    let known = {
        let (dir, copy, record, url) = (options.dir.clone(), copy.clone(), record.clone(), url.clone());
        let looking = spawn_blocking(move || {
            record::make_dir(&dir)?;
            // The server's word is about the copy only if that is there, whole, and from there.
            let is_there = record.is_of(&url) && is_whole(&copy, &record);
            Ok(if is_there && !accept_smaller { (record.etag, record.last_modified) } else { (None, None) })
        });
        looking.await.map_err(io::Error::other).flatten().map_err(unwritable)?
    };
    let errand = Errand {
        from: url.clone(),
        private_server: list.subscription.private_server,
        known,
        temporary: copy.with_extension("txt.new"),
        patience: options.fetch_timeout,
    };
    let Body { temporary, content_type, etag, last_modified } = match fetch(&errand, web, told).await {
        Ok(Given::Unchanged) => return Ok(Outcome::Unchanged),
        Ok(Given::Body(body)) => body,
        Err(why) => return Err(Failure::plain(why)),
    };
    told(Stage::Checking, fs::metadata(temporary.path()).map_or(0, |file| file.len()));
    let (format, at, before) = (list.format, web.clock.now(), record.size().filter(|_| record.is_of(url)));
    let looking = spawn_blocking(move || {
        let content_type = content_type.as_deref();
        let candidate = Candidate { path: temporary.path(), content_type, format, before, accept_smaller };
        let size = look(&candidate, at)?;
        temporary
            .keep(&copy)
            .map_err(|error| Failure::plain(format!("it cannot be kept ({error}); check the disk")))?;
        Ok(size)
    });
    let looked = looking.await.map_err(|_| Failure::plain("reading it failed inside sordino"))?;
    // Only now, with the copy in its place: a record that is ahead of its copy would have it kept for ever.
    record.remember(looked?);
    (record.url, record.etag, record.last_modified, record.fetched) = (url.to_string(), etag, last_modified, Some(at));
    Ok(Outcome::Fresh)
}

fn is_whole(copy: &Path, record: &Record) -> bool {
    let bytes = fs::metadata(copy).ok().filter(fs::Metadata::is_file).map(|file| file.len());
    bytes.is_some() && bytes == record.size().map(|size| size.bytes)
}
