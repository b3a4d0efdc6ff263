//! The task that fetches lists when their time has come or when someone asks for it, a few at a time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::fetch::Web;
use super::record::{self, Record};
use super::refresh::{Outcome, broken_off, refresh};
use super::{Stage, Subscriptions, Told};
use crate::control::Control;
use crate::store::Store;

/// Lists that are fetched at the same time: more would take memory that a router does not have.
const FETCHES_BOUND: usize = 3;
/// How often the clock is looked at. It may have been set, which no timer tells.
const TICK: Duration = Duration::from_secs(5);
/// How long a fresh copy waits for others that are under way, so that the policy is compiled once for all.
const GATHER: Duration = Duration::from_secs(5);
/// Where `sordino update` writes which lists it wants, while another sordino holds the store.
const ASKED_FILE: &str = "asked";
/// Bytes of that file.
const ASKED_BYTES_BOUND: u64 = 64 << 10;

impl Subscriptions {
    /// Fetches until `stop`. `control` is told when there are other copies to compile.
    pub async fn run(self, web: Web, control: Control, store: Arc<Store>, stop: CancellationToken) {
        let mut keeper = Keeper {
            lists: self,
            web,
            control,
            store,
            jobs: JoinSet::new(),
            fetches: HashMap::new(),
            fresh: Vec::new(),
            reload_by: None,
            compiling: Vec::new(),
        };
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let dir = keeper.lists.state().options.dir.clone();
        let _ = spawn_blocking(move || record::sweep(&dir)).await;
        loop {
            keeper.begin().await;
            keeper.reload();
            let by = keeper.reload_by.filter(|_| keeper.compiling.is_empty());
            let gathered = async move {
                match by {
                    Some(by) => tokio::time::sleep_until(by).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = keeper.lists.0.woken.notified() => {}
                () = gathered => {}
                _ = tick.tick() => keeper.hear().await,
                Some(ended) = keeper.jobs.join_next_with_id() => keeper.end(ended),
            }
        }
    }
}

struct Keeper {
    lists: Subscriptions,
    web: Web,
    control: Control,
    store: Arc<Store>,
    jobs: JoinSet<Done>,
    /// The lists that are fetched now, by the task that does it.
    fetches: HashMap<task::Id, String>,
    /// Lists that have a fresh copy which is not compiled yet.
    fresh: Vec<String>,
    /// When it is compiled at the latest.
    reload_by: Option<Instant>,
    /// Lists whose copy is compiled now.
    compiling: Vec<String>,
}

/// What a task of the keeper brings back.
enum Done {
    Fetched(Box<Record>, Outcome),
    Compiled,
}

impl Keeper {
    /// Begins what is due, as far as the bound lets it.
    async fn begin(&mut self) {
        self.read_records().await;
        let now = self.web.clock.now();
        let mut state = self.lists.state();
        let options = state.options.clone();
        for (name, entry) in &mut state.entries {
            if self.fetches.len() >= FETCHES_BOUND {
                return;
            }
            if entry.due(&options, now).is_none_or(|due| due > now) || self.is_compiling(name) {
                continue;
            }
            let stop = CancellationToken::new();
            let accept_smaller = entry.asked.take().unwrap_or(false);
            let (wanted, record) = (entry.wanted.clone(), entry.record.clone().unwrap_or_default());
            (entry.stage, entry.bytes, entry.under_way) = (Stage::Resolving, 0, Some(stop.clone()));
            let (options, web, told) = (options.clone(), self.web.clone(), self.told(name));
            let store = self.store.clone();
            let job = self.jobs.spawn(async move {
                let fetching = async {
                    match claim(store).await {
                        Ok(()) => refresh(&wanted, record.clone(), accept_smaller, &options, &web, &told).await,
                        Err(trouble) => (
                            Record {
                                tried: Some(web.clock.now()),
                                trouble: Some(trouble),
                                failures: record.failures + 1,
                                ..record.clone()
                            },
                            Outcome::Failed,
                        ),
                    }
                };
                let (record, outcome) = tokio::select! {
                    done = fetching => done,
                    () = stop.cancelled() => broken_off(record.clone(), &options, &web).await,
                };
                Done::Fetched(Box::new(record), outcome)
            });
            self.fetches.insert(job.id(), name.clone());
        }
    }

    /// Compiles what is fresh, once nothing else is about to be.
    fn reload(&mut self) {
        let is_time = self.fetches.is_empty() || self.reload_by.is_some_and(|by| Instant::now() >= by);
        if self.fresh.is_empty() || !self.compiling.is_empty() || !is_time {
            return;
        }
        self.compiling = std::mem::take(&mut self.fresh);
        self.reload_by = None;
        let control = self.control.clone();
        self.jobs.spawn(async move {
            for problem in control.reload(None).await.unwrap_or_else(|refusal| vec![refusal.to_string()]) {
                tracing::warn!("{problem}");
            }
            Done::Compiled
        });
    }

    fn end(&mut self, ended: Result<(task::Id, Done), task::JoinError>) {
        match ended {
            Ok((id, Done::Fetched(record, outcome))) => self.fetched(id, Some(*record), outcome),
            Ok((_, Done::Compiled)) => self.compiled(),
            Err(error) if self.fetches.contains_key(&error.id()) => self.fetched(error.id(), None, Outcome::Failed),
            Err(_) => self.compiled(),
        }
    }

    fn fetched(&mut self, id: task::Id, record: Option<Record>, outcome: Outcome) {
        let Some(name) = self.fetches.remove(&id) else { return };
        let chance = chance();
        let mut state = self.lists.state();
        // It may have been taken away meanwhile, or point elsewhere; then what came is of no use.
        let Some(entry) = state.entries.get_mut(&name).filter(|entry| entry.under_way.is_some()) else { return };
        (entry.under_way, entry.chance) = (None, chance);
        // A mistake of ours must not be made again at once.
        entry.record = Some(record.unwrap_or_else(|| {
            let before = entry.record.clone().unwrap_or_default();
            let trouble = Some("fetching it failed inside sordino; the log says more".to_owned());
            Record { tried: Some(self.web.clock.now()), failures: before.failures + 1, trouble, ..before }
        }));
        entry.stage = match outcome {
            Outcome::Fresh => Stage::Compiling,
            Outcome::Unchanged => Stage::Done,
            Outcome::Failed => Stage::Failed,
        };
        match entry.problem() {
            Some(problem) => tracing::warn!("{problem}"),
            None => tracing::info!("list {name}: {}", if outcome == Outcome::Fresh { "fetched" } else { "up to date" }),
        }
        if outcome == Outcome::Fresh {
            self.fresh.push(name);
            self.reload_by.get_or_insert_with(|| Instant::now() + GATHER);
        }
    }

    fn compiled(&mut self) {
        let mut state = self.lists.state();
        for name in self.compiling.drain(..) {
            if let Some(entry) = state.entries.get_mut(&name).filter(|entry| entry.stage == Stage::Compiling) {
                entry.stage = Stage::Done;
            }
        }
    }

    fn is_compiling(&self, name: &str) -> bool {
        self.fresh.iter().chain(&self.compiling).any(|one| one == name)
    }

    /// Reads what is remembered of lists that are new here, and takes the copies of others away.
    async fn read_records(&self) {
        let (dir, new, gone) = {
            let mut state = self.lists.state();
            let new: Vec<String> = state
                .entries
                .iter()
                .filter(|(_, entry)| entry.record.is_none())
                .map(|(name, _)| name.clone())
                .collect();
            (state.options.dir.clone(), new, std::mem::take(&mut state.gone))
        };
        if new.is_empty() && gone.is_empty() {
            return;
        }
        let read = spawn_blocking(move || {
            for name in gone {
                if let Err(error) = record::forget(&dir, &name) {
                    tracing::warn!("the copy of list {name} cannot be removed: {error}");
                }
            }
            new.into_iter().map(|name| Record::read(&dir, &name)).collect::<Vec<_>>()
        });
        for record in read.await.unwrap_or_default() {
            let mut state = self.lists.state();
            if let Some(entry) = state.entries.get_mut(&record.name).filter(|entry| entry.record.is_none()) {
                (entry.record, entry.chance) = (Some(record), chance());
                if entry.asked.is_none() {
                    entry.stage = entry.at_rest();
                }
            }
        }
    }

    /// Hears what `sordino update` asks for.
    async fn hear(&self) {
        let dir = self.lists.state().options.dir.clone();
        let asked = spawn_blocking(move || take_asked(&dir)).await;
        for name in asked.unwrap_or_default() {
            self.lists.refresh(&name, false);
        }
    }

    fn told(&self, name: &str) -> Told {
        let (lists, name) = (self.lists.clone(), name.to_owned());
        Arc::new(move |stage, bytes| {
            if let Some(entry) = lists.state().entries.get_mut(&name) {
                (entry.stage, entry.bytes) = (stage, bytes);
            }
        })
    }
}

/// Makes sure that the store's directory is ours: another sordino may keep its copies there.
async fn claim(store: Arc<Store>) -> Result<(), String> {
    let claimed = spawn_blocking(move || store.claim()).await;
    claimed.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
}

/// Asks the sordino that holds the store at `dir` to fetch these lists.
pub fn ask(dir: &Path, names: &[String]) -> io::Result<()> {
    use io::Write as _;
    let path = dir.join(ASKED_FILE);
    let new = path.with_extension("new");
    let mut file = record::create(&new)?;
    file.write_all(&serde_json::to_vec(names)?)?;
    record::put_in_place(file, &new, &path)
}

fn take_asked(dir: &Path) -> Vec<String> {
    let path = dir.join(ASKED_FILE);
    let size = fs::metadata(&path).ok().filter(fs::Metadata::is_file).map(|file| file.len());
    let Some(size) = size else { return Vec::new() };
    let names = (size <= ASKED_BYTES_BOUND).then(|| fs::read(&path).ok()).flatten();
    if let Err(error) = fs::remove_file(&path) {
        tracing::warn!("{} cannot be removed: {error}", path.display());
        return Vec::new();
    }
    names.and_then(|names| serde_json::from_slice(&names).ok()).unwrap_or_default()
}

/// A number by chance. Without one, the wait is the shortest.
fn chance() -> u32 {
    getrandom::u32().unwrap_or(0)
}
