//! What was set in the page, in one file of its own: it must survive what the journal may not.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::SETTINGS;
use super::home::{set_aside, write_whole};
use super::secrets::{AccessToken, SecondFactor};
use crate::local::OwnRecord;
use crate::policy::{Action, DeviceId, Format, GuardId, OwnRule, Pause, Slot};
use crate::time::Timestamp;

const VERSION: u32 = 1;

/// What the dashboard changed; everything in here survives a crash once it was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// PHC string of the dashboard's password.
    #[serde(default)]
    pub password_hash: Option<String>,
    /// Own rules made in the page.
    #[serde(default)]
    pub rules: Vec<OwnRule>,
    /// Pauses made in the page.
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// Guards of the catalogue that were switched off in the page.
    #[serde(default)]
    pub guards_off: Vec<GuardId>,
    /// Names given to devices in the page.
    #[serde(default)]
    pub device_names: Vec<(DeviceId, String)>,
    /// Identities that the page says are another device's: what is joined, and to what.
    #[serde(default)]
    pub joined: Vec<(DeviceId, DeviceId)>,
    /// Addresses that the page says are a device of their own.
    #[serde(default)]
    pub split: Vec<IpAddr>,
    /// Lists from elsewhere that were added in the page.
    #[serde(default)]
    pub lists: Vec<AddedList>,
    /// Profiles that were made in the page.
    #[serde(default)]
    pub profiles: Vec<AddedProfile>,
    /// Profiles given to devices in the page, by name.
    #[serde(default)]
    pub device_profiles: Vec<(DeviceId, String)>,
    /// Schedules that were made in the page.
    #[serde(default)]
    pub schedules: Vec<AddedSchedule>,
    /// Names of the house that were made in the page.
    #[serde(default)]
    pub records: Vec<OwnRecord>,
    /// Tokens of programs.
    #[serde(default)]
    pub tokens: Vec<AccessToken>,
    /// What is asked for at login besides the password.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
}

/// A list from elsewhere that was added in the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedList {
    /// Its name; unique.
    pub name: String,
    /// The URL it is fetched from.
    pub source: String,
    /// What it does.
    pub action: Action,
    /// How it is written.
    pub format: Format,
    /// Whether it is fetched and in force.
    pub enabled: bool,
    /// Whether its server may have an inner address.
    #[serde(default)]
    pub private_server: bool,
}

/// A profile that was made in the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedProfile {
    /// Its name; unique.
    pub name: String,
    /// Lists, or directories of lists, whose action is another one here, or that do not apply at all.
    pub lists: Vec<(String, Option<Action>)>,
}

/// A schedule that was made in the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedSchedule {
    /// Its name; unique.
    pub name: String,
    /// When it holds.
    pub slots: Vec<Slot>,
    /// What it is for: lists, or directories of lists, under a profile or, with none, where no profile says another thing.
    pub uses: Vec<(String, Option<String>)>,
}

impl Settings {
    /// Reads the settings in the store at `path` without opening the store, which another process may hold. Where there
    /// is no store yet, there are no settings.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        read(&path.join(SETTINGS))
    }
}

/// The settings and the file they stand in.
#[derive(Debug)]
pub(super) struct SettingsFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    settings: Settings,
    /// Whether the file, as far as we know, holds `settings` or is not there.
    file: Known,
    problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Absent,
    Read,
    /// It holds something that we could not read and that must not be overwritten.
    Foreign,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    settings: serde_json::Value,
}

impl SettingsFile {
    /// Reads the file. One that makes no sense is told of and, where it is `ours`, set aside; the settings are then the
    /// first ones again.
    pub(super) fn load(path: PathBuf, ours: bool, now: Timestamp) -> Self {
        let shown = path.display();
        let state = match try_read(&path) {
            Ok(Some(settings)) => State { settings, file: Known::Read, problem: None },
            Ok(None) => State { settings: Settings::default(), file: Known::Absent, problem: None },
            Err(NotSettings::Damaged(why)) if ours => damaged(&path, &why, now),
            Err(why) => State::without(
                Known::Foreign,
                format!(
                    "The settings in {shown} cannot be used: {why}. Rules, names and password of the page are not in force. Put that right and restart sordino."
                ),
            ),
        };
        Self { path, state: Mutex::new(state) }
    }

    /// As they are on disk.
    pub(super) fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// One sentence on what is wrong with the file.
    pub(super) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// Replaces the file, whole.
    pub(super) fn save(&self, settings: &Settings) -> io::Result<()> {
        let mut state = self.state();
        // A disk that was mounted after the start brings a file that nobody has read: it is worth more than the change.
        let appeared = state.file == Known::Absent && self.path.symlink_metadata().is_ok();
        if appeared || state.file == Known::Foreign {
            let why =
                format!("{} holds settings that were not read at the start: restart sordino", self.path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        write_whole(&self.path, &in_file(settings)?)?;
        state.settings = settings.clone();
        state.file = Known::Read;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn without(file: Known, problem: String) -> Self {
        Self { settings: Settings::default(), file, problem: Some(problem) }
    }
}

/// Why a file holds no settings that we can use.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSettings {
    #[error("they were written by a newer sordino, or hold a word by hand that this one does not know")]
    Newer,
    #[error("they are damaged ({0})")]
    Damaged(String),
    #[error("{0}")]
    Unreadable(io::Error),
}

/// The settings in the file at `path`; the first ones where there is none.
pub(super) fn read(path: &Path) -> io::Result<Settings> {
    match try_read(path) {
        Ok(settings) => Ok(settings.unwrap_or_default()),
        Err(NotSettings::Unreadable(error)) => Err(error),
        Err(other) => Err(io::Error::new(io::ErrorKind::InvalidData, other.to_string())),
    }
}

fn try_read(path: &Path) -> Result<Option<Settings>, NotSettings> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Where the store's directory is a file, there are no settings in it either; the directory's own problem says so.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(NotSettings::Unreadable(error)),
    };
    parse(&bytes).map(Some)
}

/// The settings in the octets of such a file.
pub(super) fn parse(bytes: &[u8]) -> Result<Settings, NotSettings> {
    let damaged = |error: serde_json::Error| NotSettings::Damaged(error.to_string());
    let content: Content = serde_json::from_slice(bytes).map_err(damaged)?;
    if content.version > VERSION {
        return Err(NotSettings::Newer);
    }
    serde_json::from_value(content.settings).map_err(|error| {
        // What is added to the settings has no version of its own: older ones are read as they are, and only who is
        // older than the file meets something unknown. These are serde's words, to which a test holds it.
        let unknown = ["unknown field", "unknown variant"].iter().any(|words| error.to_string().starts_with(words));
        if unknown { NotSettings::Newer } else { damaged(error) }
    })
}

/// The octets of such a file.
pub(super) fn in_file(settings: &Settings) -> io::Result<Vec<u8>> {
    let content = Content { version: VERSION, settings: serde_json::to_value(settings)? };
    Ok(serde_json::to_vec_pretty(&content)?)
}

fn damaged(path: &Path, why: &str, now: Timestamp) -> State {
    match set_aside(path, now) {
        Ok(aside) => State::without(
            Known::Absent,
            format!(
                "{} was damaged ({why}) and is now {}: rules, names and password of the page begin anew. Put a good copy in its place and restart, or set them again.",
                path.display(),
                aside.display()
            ),
        ),
        Err(error) => State::without(
            Known::Foreign,
            format!(
                "{} is damaged ({why}) and cannot be set aside ({error}): changes in the page cannot be saved. Move it away and restart sordino.",
                path.display()
            ),
        ),
    }
}
