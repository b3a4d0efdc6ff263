//! Lists from elsewhere: fetched over HTTP, looked through, kept as a last good copy, and fetched again in time.
//!
//! DNS never waits for any of it: what is compiled is the copy on disk, and a list without one is simply not there yet.
//! In reading order: a [`ListUrl`] is a place that may be fetched from, and which addresses that may lead to; the
//! `ladder` says when; `fetch` goes there, and what comes in goes through an `intake` to a temporary file; `soundness`
//! looks at it; `refresh` puts it in place of the copy; the `record` is what is remembered; the `keeper` is the task that
//! does all this by itself. `known` names lists that people use, of which none is fetched unasked.

mod fetch;
mod intake;
mod keeper;
mod known;
mod ladder;
mod place;
mod record;
mod refresh;
mod soundness;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::fetch::Web;
pub use self::keeper::ask;
pub use self::known::{Extent, KNOWN, Kind, KnownList};
pub use self::place::ListUrl;
pub use self::record::{MAX_SIZES, Record, Size, copy_path};
pub use self::refresh::{Outcome, refresh_once};
use crate::policy::Format;
use crate::time::Timestamp;

/// What the configuration says about fetching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the copies are kept.
    pub dir: PathBuf,
    /// How long a copy is good for, unless a list says otherwise.
    pub refresh: Duration,
    /// How long fetching one list may take in all.
    pub fetch_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { dir: PathBuf::new(), refresh: Duration::from_secs(24 * 3600), fetch_timeout: Duration::from_secs(60) }
    }
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The place.
    pub url: ListUrl,
    /// Whether its server may have an inner address: private, loopback, link-local.
    pub private_server: bool,
    /// How long a copy is good for, where it differs from the rest.
    pub refresh: Option<Duration>,
}

/// A list that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub subscription: Subscription,
    /// How it is written.
    pub format: Format,
    /// Whether it is fetched at all.
    pub enabled: bool,
}

/// How far a fetch has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nothing is under way; it waits for its next turn.
    #[default]
    Waiting,
    /// The address of its server is asked for.
    Resolving,
    /// The server was asked, and what it gives comes in.
    Fetching,
    /// What came is looked through.
    Checking,
    /// The policy is compiled with it.
    Compiling,
    /// The last try went well.
    Done,
    /// The last try failed.
    Failed,
}

/// A list from elsewhere as it stands now, for people to look at.
#[derive(Clone, Debug)]
pub struct SubscriptionView {
    /// Where it comes from.
    pub subscription: Subscription,
    /// Whether it is fetched at all.
    pub enabled: bool,
    /// How far it has come.
    pub stage: Stage,
    /// Bytes that came in so far, unpacked.
    pub bytes: u64,
    /// When it is fetched next; none while it is under way.
    pub next: Option<Timestamp>,
    /// What is remembered of it.
    pub record: Record,
}

/// The lists from elsewhere: which there are, how far each is, and what is asked of whoever fetches them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something is to be done.
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    options: Options,
    entries: BTreeMap<String, Entry>,
    /// Lists that are gone, and whose copies are to go too.
    gone: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    wanted: Wanted,
    /// None until it was read from the disk.
    record: Option<Record>,
    stage: Stage,
    bytes: u64,
    /// What the next wait is drawn with.
    chance: u32,
    /// Fetch it now; with `true`, also if it lost most of its names.
    asked: Option<bool>,
    /// Stops the fetch that is under way.
    under_way: Option<CancellationToken>,
}

/// Is told how far a fetch has come, and how many bytes there are.
type Told = Arc<dyn Fn(Stage, u64) + Send + Sync>;

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    /// One sentence, to follow the name of the list.
    why: String,
    /// Whether the server gave something that is kept out.
    suspicious: bool,
}

impl Failure {
    fn plain(why: impl Into<String>) -> Self {
        Self { why: why.into(), suspicious: false }
    }

    fn suspicious(why: impl Into<String>) -> Self {
        Self { why: why.into(), suspicious: true }
    }
}

impl Subscriptions {
    /// From now on these lists are wanted, and no others. What is under way for others is stopped.
    pub(super) fn want(&self, options: &Options, lists: Vec<Wanted>) {
        let mut state = self.state();
        state.options = options.clone();
        let mut before = std::mem::take(&mut state.entries);
        for wanted in lists {
            let same = before.remove(&wanted.name);
            let entry = match same {
                Some(entry) if entry.wanted.subscription.url == wanted.subscription.url => Entry { wanted, ..entry },
                other => {
                    if let Some(stop) = other.and_then(|entry| entry.under_way) {
                        stop.cancel();
                    }
                    Entry::new(wanted)
                }
            };
            state.entries.insert(entry.wanted.name.clone(), entry);
        }
        for stop in before.into_values().filter_map(|entry| entry.under_way) {
            stop.cancel();
        }
        drop(state);
        self.0.woken.notify_one();
    }

    /// Has a list fetched now; with `accept_smaller`, also if it lost most of its names. Says whether there is such a list, switched on.
    pub fn refresh(&self, name: &str, accept_smaller: bool) -> bool {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(name).filter(|entry| entry.wanted.enabled) else { return false };
        entry.asked = Some(accept_smaller);
        if entry.under_way.is_none() {
            entry.stage = Stage::Waiting;
        }
        drop(state);
        self.0.woken.notify_one();
        true
    }

    /// Stops the fetch that is under way for a list. Says whether there was one.
    pub fn stop(&self, name: &str) -> bool {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(name) else { return false };
        let was_asked = entry.asked.take().is_some();
        if was_asked && entry.under_way.is_none() {
            entry.stage = entry.at_rest();
        }
        entry.under_way.as_ref().inspect(|stop| stop.cancel()).is_some() || was_asked
    }

    /// A list as it stands now.
    pub fn look(&self, name: &str) -> Option<SubscriptionView> {
        let state = self.state();
        state.entries.get(name).map(|entry| entry.view(&state.options))
    }

    /// What is wrong with the lists now, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let state = self.state();
        state.entries.values().filter_map(Entry::problem).collect()
    }

    /// Takes the copy of a list that is gone off the disk.
    pub(super) fn forget(&self, name: &str) {
        self.state().gone.push(name.to_owned());
        self.0.woken.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(wanted: Wanted) -> Self {
        Self { wanted, record: None, stage: Stage::Waiting, bytes: 0, chance: 0, asked: None, under_way: None }
    }

    /// When it is due, at the latest; not before its record was read.
    fn due(&self, options: &Options, now: Timestamp) -> Option<Timestamp> {
        let record = self.record.as_ref().filter(|_| self.wanted.enabled)?;
        let refresh = self.wanted.subscription.refresh.unwrap_or(options.refresh);
        let due = match self.asked {
            Some(_) => now,
            None => ladder::next_try(record.tries(), refresh, now, self.chance),
        };
        self.under_way.is_none().then_some(due)
    }

    fn at_rest(&self) -> Stage {
        match &self.record {
            Some(Record { trouble: Some(_), .. }) => Stage::Failed,
            Some(Record { checked: Some(_), .. }) => Stage::Done,
            _ => Stage::Waiting,
        }
    }

    fn view(&self, options: &Options) -> SubscriptionView {
        let record = self.record.clone().unwrap_or_default();
        // Without a clock here, what was never tried has no time yet; it is a matter of seconds.
        let next = record.tried.and_then(|tried| self.due(options, tried));
        SubscriptionView {
            subscription: self.wanted.subscription.clone(),
            enabled: self.wanted.enabled,
            stage: self.stage,
            bytes: self.bytes,
            next,
            record,
        }
    }

    fn problem(&self) -> Option<String> {
        let record = self.record.as_ref().filter(|_| self.wanted.enabled)?;
        let trouble = record.trouble.as_ref()?;
        let instead = match record.fetched {
            Some(_) => "the last good copy of it stays in force",
            None => "nothing of it is in force",
        };
        Some(format!("list {}: {trouble}; {instead}", self.wanted.name))
    }
}
