//! Taking a backup back: checked whole, then put in through the single writer.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::subscriptions::ListUrl;
use super::{
    ADDED_LISTS_BOUND, ADDED_PROFILES_BOUND, Control, DEVICE_NAMES_BOUND, GUARDS_OFF_BOUND, JOINS_BOUND,
    OWN_PATTERNS_BOUND, OWN_RECORDS_BOUND, OWN_RULES_BOUND, PAUSES_BOUND, Refusal, SCHEDULES_BOUND, SLOTS_BOUND,
    TOKENS_BOUND,
};
use crate::policy::Format;
use crate::store::backup::{Contents, NoBackup, Progress, Stage, inspect};
use crate::store::{Settings, Store};

/// Most characters of a name that someone gives in the page.
const NAME_CHARS_BOUND: usize = 64;

/// Why a backup was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum NotRestored {
    /// The file is to blame, or the disk. Nothing changed.
    #[error(transparent)]
    Backup(#[from] NoBackup),
    /// The settings were not taken. Nothing changed.
    #[error(transparent)]
    Settings(#[from] Refusal),
    /// The settings are in force and the history is not yet: one sentence.
    #[error("{0}")]
    Half(String),
}

/// What is to be taken back, and from where.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The file.
    pub path: PathBuf,
    /// Whether the history in it is left out.
    pub leave_history: bool,
}

impl Control {
    /// Puts the backup in force at once, or changes nothing. Run it in a task of its own: whoever asked may go away.
    ///
    /// # Errors
    /// When the file is not sound or what is in it cannot be used, when it was stopped, or the disk did not take it.
    pub async fn restore(
        &self,
        store: &Arc<Store>,
        errand: Errand,
        progress: &Arc<Progress>,
    ) -> Result<Contents, NotRestored> {
        take_back(store, errand, progress, async |settings, secrets| self.replace_settings(settings, secrets).await)
            .await
    }
}

/// As [`Control::restore`], for a program that holds the store and serves nobody.
///
/// # Errors
/// As there.
pub async fn restore_alone(
    store: &Arc<Store>,
    errand: Errand,
    progress: &Arc<Progress>,
) -> Result<Contents, NotRestored> {
    let save = async |settings: Settings, secrets: bool| {
        let store = store.clone();
        let saving = spawn_blocking(move || {
            let settings = settings.in_place_of(&store.settings(), secrets);
            store.save_settings(&settings)
        });
        saving.await.map_err(io::Error::other).flatten().map_err(Refusal::NotSaved)
    };
    take_back(store, errand, progress, save).await
}

/// Asks for no second factor any more, for a program that holds the store and serves nobody.
///
/// # Errors
/// When the disk does not take it.
pub async fn second_factor_off_alone(store: &Arc<Store>) -> Result<(), Refusal> {
    let store = store.clone();
    let saving = spawn_blocking(move || store.save_settings(&Settings { second_factor: None, ..store.settings() }));
    saving.await.map_err(io::Error::other).flatten().map_err(Refusal::NotSaved)
}

/// Says what is in the backup at `path`, and whether it could be taken back.
///
/// # Errors
/// When not.
pub async fn look(path: &Path, progress: &Arc<Progress>) -> Result<Contents, NotRestored> {
    let (path, watched) = (path.to_owned(), progress.clone());
    let length = path.metadata().map(|about| about.len()).ok();
    if !progress.begin(Stage::Checking, length) {
        return Err(NoBackup::Stopped.into());
    }
    let inspecting = spawn_blocking(move || {
        let file = File::open(path).map_err(NoBackup::Unreadable)?;
        inspect(BufReader::new(file), &watched)
    });
    let contents = inspecting.await.map_err(lost)??;
    check(&contents.settings).map_err(NoBackup::Settings)?;
    Ok(contents)
}

async fn take_back(
    store: &Arc<Store>,
    Errand { path, leave_history }: Errand,
    progress: &Arc<Progress>,
    save: impl AsyncFnOnce(Settings, bool) -> Result<(), Refusal>,
) -> Result<Contents, NotRestored> {
    let contents = look(&path, progress).await?;
    let secrets = contents.about.which.secrets;
    let settings = contents.settings.clone();
    let history = contents.about.which.history && !leave_history;
    if history {
        let settings = settings.clone().in_place_of(&store.settings(), secrets);
        progress.begin(Stage::Writing, path.metadata().map(|about| about.len()).ok());
        let (store, watched) = (store.clone(), progress.clone());
        spawn_blocking(move || store.prepare_history(&path, &settings, &watched)).await.map_err(lost)??;
    }
    let go_on = progress.begin(Stage::PuttingIn, None);
    let saved = match go_on {
        true => save(settings, secrets).await.map_err(NotRestored::from),
        false => Err(NoBackup::Stopped.into()),
    };
    let store = store.clone();
    match saved {
        Ok(()) if history => {
            spawn_blocking(move || store.put_history_in()).await.map_err(lost)?.map_err(NotRestored::Half)?;
        }
        Err(_) if history => spawn_blocking(move || store.discard_history()).await.map_err(lost)?,
        _ => {}
    }
    saved.map(|()| contents)
}

fn lost(error: tokio::task::JoinError) -> NoBackup {
    NoBackup::Refused(format!("restoring failed inside sordino ({error}); please report it"))
}

/// What the page would not have taken is not taken from a file either. What types hold, they held when it was read.
fn check(settings: &Settings) -> Result<(), String> {
    let Settings {
        rules,
        pauses,
        guards_off,
        device_names,
        joined,
        split,
        lists,
        records,
        tokens,
        profiles,
        schedules,
        ..
    } = settings;
    let patterns = rules.iter().filter(|rule| rule.target.is_pattern()).count();
    for (count, bound, what) in [
        (rules.len(), OWN_RULES_BOUND, "rules"),
        (patterns, OWN_PATTERNS_BOUND, "rules with a wildcard or a regular expression"),
        (pauses.len(), PAUSES_BOUND, "pauses"),
        (guards_off.len(), GUARDS_OFF_BOUND, "guards"),
        (device_names.len(), DEVICE_NAMES_BOUND, "device names"),
        (joined.len(), JOINS_BOUND, "joined devices"),
        (split.len(), JOINS_BOUND, "addresses split off"),
        (lists.len(), ADDED_LISTS_BOUND, "lists"),
        (records.len(), OWN_RECORDS_BOUND, "records"),
        (profiles.len(), ADDED_PROFILES_BOUND, "profiles"),
        (schedules.len(), SCHEDULES_BOUND, "schedules"),
        (tokens.len(), TOKENS_BOUND, "tokens"),
    ] {
        if count > bound {
            return Err(format!("{count} {what}, and {bound} is the limit"));
        }
    }
    all_differ("rules", rules.iter().map(|rule| rule.id))?;
    all_differ("pauses", pauses.iter().map(|pause| pause.id))?;
    all_differ("records", records.iter().map(|record| record.id))?;
    all_differ("tokens", tokens.iter().map(|token| token.id))?;
    all_differ("lists", lists.iter().map(|list| &list.name))?;
    all_differ("profiles", profiles.iter().map(|profile| &profile.name))?;
    all_differ("schedules", schedules.iter().map(|schedule| &schedule.name))?;
    let tokens = tokens.iter().map(|token| &token.name);
    let profiles = profiles.iter().map(|profile| &profile.name);
    let made = profiles.chain(schedules.iter().map(|schedule| &schedule.name)).chain(tokens);
    let names = device_names.iter().map(|(_, name)| name).chain(lists.iter().map(|list| &list.name)).chain(made);
    for name in names {
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARS_BOUND || name.chars().any(char::is_control) || name.trim() != name {
            return Err(format!("{:?} is no name", name.chars().take(NAME_CHARS_BOUND).collect::<String>()));
        }
    }
    for list in lists {
        let url: ListUrl = list.source.parse().map_err(|why| format!("list {}: {why}", list.name))?;
        if list.format == Format::Catalogue || (url.names_an_inner_address() && !list.private_server) {
            return Err(format!("list {} cannot be fetched from there", list.name));
        }
    }
    if let Some(schedule) = schedules.iter().find(|one| one.slots.is_empty() || one.slots.len() > SLOTS_BOUND) {
        return Err(format!("schedule {}: a schedule has 1 to {SLOTS_BOUND} slots", schedule.name));
    }
    for record in records {
        record.record().map_err(|why| format!("record of {}: {why}", record.name))?;
    }
    match &settings.password_hash {
        Some(hash) if !hash.starts_with("$argon2") => Err("its password is none".into()),
        _ => Ok(()),
    }
}

fn all_differ<T: Eq + std::hash::Hash>(what: &str, mut all: impl Iterator<Item = T>) -> Result<(), String> {
    let mut seen = HashSet::new();
    if all.all(|one| seen.insert(one)) { Ok(()) } else { Err(format!("two of its {what} are one")) }
}
