//! What the configuration says, as `control` needs it, and how a list stands.

use std::path::PathBuf;
use std::sync::Arc;

use super::since::ListSince;
use super::source::Key;
use super::subscriptions::{self, Subscription};
use crate::device::DeviceOptions;
use crate::local;
use crate::policy::{Action, Blocking, Format, GuardId, ListReport, Name, Profile, Schedules, Tier};

/// What the configuration fixes, as `control` needs it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// In the order of the file.
    pub lists: Vec<ListOptions>,
    /// The first is the one of devices without a profile.
    pub profiles: Vec<Profile>,
    /// Devices that the operator names.
    pub devices: Vec<DeviceOptions>,
    /// The profile of all others, by name; none for the first.
    pub newcomers: Option<String>,
    /// The IEEE's table of makers; none to leave makers out.
    pub makers: Option<PathBuf>,
    /// How a muted name is answered.
    pub blocking: Blocking,
    /// Guards of the catalogue that are switched off.
    pub guards_off: Vec<GuardId>,
    /// Names of the operator's own forwarders, which no list may mute. Those of servers of lists come on top.
    pub essential: Vec<Name>,
    /// What the house decides for itself.
    pub local: local::Options,
    /// How lists from elsewhere are fetched.
    pub subscriptions: subscriptions::Options,
    /// When lists are in force. A directory's name stands for each list in it.
    pub schedules: Schedules,
    /// Where compiled lists are kept; nowhere without it.
    pub compiled: Option<CompiledOptions>,
}

impl Options {
    /// The same for a command that only looks.
    pub fn read_only(mut self) -> Self {
        if let Some(compiled) = &mut self.compiled {
            compiled.writable = false;
        }
        self
    }
}

/// Where compiled lists are kept.
#[derive(Clone, Debug)]
pub struct CompiledOptions {
    /// A directory of their own.
    pub path: PathBuf,
    /// Whether to write there; commands that only look must not, as they may run as another user.
    pub writable: bool,
}

/// What the operator confirms of a list, so that it is not held up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Its rules may cover public suffixes and much of what people know.
    pub wide: bool,
    /// It may lose nearly all of its names at once.
    pub shrunk: bool,
}

/// One `[[list]]`.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// Unique.
    pub name: String,
    /// A file, or a directory whose `*.toml` files are a list each, named by their stem.
    pub path: PathBuf,
    /// What it does.
    pub action: Action,
    /// How it is written.
    pub format: Format,
    /// Whether its rewrites and `$important` count.
    pub trusted: bool,
    /// Which tier of a catalogue is in force.
    pub tier: Tier,
    /// Where it comes from, if from elsewhere; `path` is then that of its copy.
    pub subscription: Option<Subscription>,
    /// What would otherwise hold it up.
    pub confirmed: Confirmed,
}

#[cfg(test)]
impl ListOptions {
    /// A file that mutes, and nothing more said of it.
    pub(super) fn blocking(name: &str, path: &std::path::Path) -> Self {
        Self {
            name: name.into(),
            path: path.to_owned(),
            action: Action::Block,
            format: Format::Auto,
            trusted: false,
            tier: Tier::default(),
            subscription: None,
            confirmed: Confirmed::default(),
        }
    }
}

/// A list as it stands now, for people to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListView {
    /// The `[[list]]` it comes from: its own name, or the name of the directory's.
    pub group: Arc<str>,
    /// The file, or the URL it is fetched from.
    pub source: PathBuf,
    /// Whether its rewrites and `$important` count.
    pub trusted: bool,
    /// What is in force of it.
    pub report: ListReport,
    /// What is wrong with the file now, and what is in force instead; none when all is well.
    pub problem: Option<String>,
    /// Whether it comes from elsewhere.
    pub is_fetched: bool,
    /// Since when it is what it is; none where nothing of it is in force, or nobody knows.
    pub since: Option<ListSince>,
    /// What tells its content from any other, where it was read now and is not a last good copy.
    pub(super) content: Option<Key>,
    /// Whether anything of it is in force.
    pub(super) in_force: bool,
}
