//! The single writer: a command comes in, is put on disk, the snapshot is built anew and published, the command is answered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::policy::{Action, Blocking, DeviceId, Format, MacAddr, Name, OwnRule, Profile, Scope};
use crate::time::Timestamp;

/// What the configuration fixes, as `control` needs it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// In the order of the file.
    pub lists: Vec<ListOptions>,
    /// The first is the one of devices without a profile.
    pub profiles: Vec<Profile>,
    /// Devices that the operator names.
    pub devices: Vec<DeviceOptions>,
    /// How a muted name is answered.
    pub blocking: Blocking,
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
}

/// One `[[device]]`.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// Unique.
    pub name: String,
    /// Its hardware address.
    pub mac: Option<MacAddr>,
    /// Its addresses and networks, as (address, prefix length).
    pub networks: Vec<(IpAddr, u8)>,
    /// Its profile, by name.
    pub profile: Option<String>,
    /// AdGuard's device tags.
    pub tags: Vec<String>,
}

/// A rule that someone asks for in the page.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// The name it is about.
    pub name: Name,
    /// Whether it covers what is below the name as well.
    pub subtree: bool,
    /// What it does.
    pub action: Action,
    /// For whom.
    pub scope: Scope,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// The handle by which commands are given. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {/* mpsc::Sender<Command>, bound 16 */}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The disk did not take the change; nothing changed.
    #[error(
        "the change could not be saved ({0}); nothing was changed. Make room on the disk, or make the store's directory writable."
    )]
    NotSaved(#[source] std::io::Error),
    /// No such rule, device or list.
    #[error("there is no {0}")]
    Unknown(String),
    /// `config.toml` fixes it.
    #[error("{0} is set in config.toml and can only be changed there")]
    Fixed(String),
    /// Too many of something.
    #[error("there are already {0} {1}, which is the limit; remove some first")]
    TooMany(usize, &'static str),
    /// A password was set before.
    #[error("a password is already set")]
    PasswordSet,
    /// Too many commands wait, or sordino is stopping.
    #[error("sordino is busy or stopping; try again")]
    Busy,
}

impl Control {
    /// Puts `rule` in force, in the place of one with the same name, subtree and scope. Answered once it is on disk and published.
    pub async fn add_rule(&self, _rule: NewRule) -> Result<OwnRule, Refusal> {
        Err(Refusal::Busy)
    }

    /// Takes an own rule away.
    pub async fn remove_rule(&self, _id: u64) -> Result<OwnRule, Refusal> {
        Err(Refusal::Busy)
    }

    /// Gives a device a name, or with none takes the given one away.
    pub async fn name_device(&self, _device: DeviceId, _name: Option<String>) -> Result<(), Refusal> {
        Err(Refusal::Busy)
    }

    /// Sets the dashboard's password (a PHC string). With `first`, only where none is set.
    pub async fn set_password(&self, _hash: String, _first: bool) -> Result<(), Refusal> {
        Err(Refusal::Busy)
    }

    /// Reads the lists again; with `options`, under a new configuration. Answers what is wrong now, one sentence each.
    pub async fn reload(&self, _options: Option<Options>) -> Result<Vec<String>, Refusal> {
        Err(Refusal::Busy)
    }

    /// Tells which address is used by which hardware address now.
    pub async fn neighbours(&self, _table: HashMap<IpAddr, MacAddr>) -> Result<(), Refusal> {
        Err(Refusal::Busy)
    }
}
