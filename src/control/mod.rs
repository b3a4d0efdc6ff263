//! The single writer: a command comes in, is put on disk, the snapshot is built anew and published, the command is answered.
//!
//! [`State`] is everything a snapshot is built from, [`Control`] is the handle by which commands are given, and the task
//! that [`Control::start`] makes is the only one that carries them out, one after the other. Whatever goes wrong with a
//! command, what was in force before stays in force.

pub mod asked;
pub mod backup;
mod cabinet;
mod entrance;
mod lists;
mod options;
mod profiles;
mod refusal;
mod reporting;
mod revision;
mod schedules;
mod shelf;
mod since;
mod source;
mod state;
pub mod subscriptions;
mod writer;
mod zones;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use self::entrance::{Entrance, NewToken};
pub use self::lists::{CatalogueFile, catalogue_files};
pub use self::options::{CompiledOptions, Confirmed, ListOptions, ListView, Options};
pub use self::profiles::{PROFILES_BOUND, USUAL_PROFILE};
pub use self::refusal::{Needed, Refusal};
pub use self::reporting::ReportOn;
pub use self::revision::{Expected, Kept, Revision};
use self::revision::{Given, OnlyIf};
pub use self::schedules::{ALWAYS, SCHEDULES_BOUND, SLOTS_BOUND, USES_BOUND, joined as joined_schedules};
pub use self::since::{ListSince, Since, complete};
pub use self::state::{State, wanted};
use self::subscriptions::Subscriptions;
pub use crate::device::DeviceOptions;
use crate::device::Fact;
use crate::local::{OwnRecord, Record, RecordKind};
use crate::policy::{Action, Comment, DeviceId, GuardId, MacAddr, Name, OwnRule, OwnTarget, Pause, Schedules, Scope};
use crate::snapshot::SnapshotCell;
use crate::store::{AccessToken, AddedList, AddedProfile, AddedSchedule, SecondFactor, Settings, Store};
use crate::time::{Clock, Timestamp};

/// Commands that may wait. When there are more, whoever asks waits for [`PATIENCE`] and is then told that sordino is busy.
pub const COMMANDS_BOUND: usize = 16;
/// How long a command waits for its place in the queue.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Own rules kept at the same time.
pub const OWN_RULES_BOUND: usize = 10_000;
/// Own rules with a wildcard or a regular expression, which every query is held against one by one, kept at the same time.
pub const OWN_PATTERNS_BOUND: usize = 200;
/// Pauses kept at the same time.
pub const PAUSES_BOUND: usize = 256;
/// Profiles made in the page, kept at the same time.
pub const ADDED_PROFILES_BOUND: usize = 50;
/// Lists added in the page, kept at the same time.
pub const ADDED_LISTS_BOUND: usize = 100;
/// Records made in the page, kept at the same time.
pub const OWN_RECORDS_BOUND: usize = 10_000;
/// Guards that may be switched off in the page at the same time.
pub const GUARDS_OFF_BOUND: usize = 10_000;
/// Names given to devices in the page, kept at the same time.
pub const DEVICE_NAMES_BOUND: usize = 10_000;

/// Tokens of programs, kept at the same time.
pub const TOKENS_BOUND: usize = 64;
/// Devices joined, and addresses split off, in the page at the same time.
pub const JOINS_BOUND: usize = 1_000;

/// A rule that someone asks for in the page.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// What it is about.
    pub target: OwnTarget,
    /// What is noted about it.
    pub comment: Option<Comment>,
    /// What it does.
    pub action: Action,
    /// For whom.
    pub scope: Scope,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl NewRule {
    /// The rule as it stands among the others.
    pub fn into_rule(self, id: u64, since: Timestamp) -> OwnRule {
        let Self { target, comment, action, scope, until } = self;
        OwnRule { id, target, comment, action, scope, since, until }
    }
}

/// A record that someone asks for in the page.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Its owner.
    pub name: Name,
    /// Its type.
    pub kind: RecordKind,
    /// An address, a name or a text.
    pub value: String,
    /// Seconds for which it may be kept.
    pub ttl: u32,
}

/// What someone changes about a list that was added in the page; what is none stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListChange {
    /// What it does.
    pub action: Option<Action>,
    /// Whether it is fetched and in force.
    pub enabled: Option<bool>,
}

/// The handle by which commands are given. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    commands: mpsc::Sender<Given>,
    /// What must be so for a command to be carried out.
    expected: Option<Expected>,
    standing: watch::Receiver<Standing>,
    subscriptions: Subscriptions,
}

/// What people may look at between commands.
#[derive(Clone, Debug, Default)]
struct Standing {
    lists: Arc<[ListView]>,
    problems: Arc<[String]>,
    refused_config: Option<Arc<str>>,
    guards_fixed: Arc<[GuardId]>,
    records_fixed: Arc<[Record]>,
    profiles_fixed: Arc<[String]>,
    schedules_fixed: Arc<Schedules>,
    entrance: Arc<Entrance>,
    settings: Arc<Settings>,
}

/// Who passes on what is said of who is in the house, besides the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Teller {
    /// Lease and hosts files.
    Files,
    /// The router, which is asked for names.
    Router,
    /// Devices themselves, by multicast.
    Mdns,
}

/// Where the answer to a command goes. Whoever asked may have gone; the command is carried out all the same.
type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

#[derive(Debug)]
enum Command {
    AddRule(NewRule, Reply<OwnRule>),
    ChangeRule(u64, NewRule, Reply<OwnRule>),
    RemoveRule(u64, Reply<OwnRule>),
    AddPause(Scope, Timestamp, Reply<Pause>),
    RemovePause(u64, Reply<Pause>),
    NameDevice(DeviceId, Option<String>, Reply<()>),
    PlaceDevice(DeviceId, Option<String>, Reply<()>),
    AddProfile(AddedProfile, Reply<()>),
    ChangeProfile(AddedProfile, Reply<()>),
    RemoveProfile(String, Reply<()>),
    AddSchedule(AddedSchedule, Reply<()>),
    ChangeSchedule(AddedSchedule, Reply<()>),
    RemoveSchedule(String, Reply<()>),
    SwitchGuard(GuardId, bool, Reply<()>),
    AddRecord(NewRecord, Reply<OwnRecord>),
    RemoveRecord(u64, Reply<()>),
    SetPassword(String, bool, Reply<()>),
    AddToken(NewToken, Reply<AccessToken>),
    RemoveToken(u64, Reply<()>),
    NoteUse(u64, Timestamp, Reply<()>),
    SetSecondFactor(Option<SecondFactor>, Reply<()>),
    TakeStep(u64, Reply<bool>),
    TakeRecovery(String, Reply<bool>),
    Restore(Box<Settings>, bool, Reply<()>),
    AddList(AddedList, Reply<()>),
    ChangeList(String, ListChange, Reply<()>),
    RemoveList(String, Reply<()>),
    Reload(Option<Box<Options>>, Reply<Vec<String>>),
    RefuseConfig(String, Reply<()>),
    Neighbours(HashMap<IpAddr, MacAddr>, Reply<()>),
    Told(Teller, Vec<Fact>, Reply<()>),
    JoinDevice(DeviceId, Option<DeviceId>, Reply<()>),
    SplitAddress(IpAddr, bool, Reply<()>),
}

impl Control {
    /// The handle, and the task that carries commands out until `stop` or until the last handle is gone; the caller
    /// spawns it. `state` must be what `cell` holds.
    pub fn start(
        state: State,
        cell: Arc<SnapshotCell>,
        store: Arc<Store>,
        clock: Clock,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commands, queue) = mpsc::channel(COMMANDS_BOUND);
        let subscriptions = Subscriptions::default();
        let (writer, standing) = writer::Writer::new(state, cell, store, clock, subscriptions.clone());
        (Self { commands, expected: None, standing, subscriptions }, writer.run(queue, stop))
    }

    /// Puts `rule` in force, in the place of one about the same, for the same. Answered once it is on disk and published.
    pub async fn add_rule(&self, rule: NewRule) -> Result<OwnRule, Refusal> {
        self.ask(|reply| Command::AddRule(rule, reply)).await
    }

    /// Makes the own rule with this number another one.
    pub async fn change_rule(&self, id: u64, rule: NewRule) -> Result<OwnRule, Refusal> {
        self.ask(|reply| Command::ChangeRule(id, rule, reply)).await
    }

    /// Lets everything through for `scope` until then, in the place of a pause for the same.
    pub async fn add_pause(&self, scope: Scope, until: Timestamp) -> Result<Pause, Refusal> {
        self.ask(|reply| Command::AddPause(scope, until, reply)).await
    }

    /// Ends a pause.
    pub async fn remove_pause(&self, id: u64) -> Result<Pause, Refusal> {
        self.ask(|reply| Command::RemovePause(id, reply)).await
    }

    /// Takes an own rule away.
    pub async fn remove_rule(&self, id: u64) -> Result<OwnRule, Refusal> {
        self.ask(|reply| Command::RemoveRule(id, reply)).await
    }

    /// Gives a device a name, or with none takes the given one away.
    pub async fn name_device(&self, device: DeviceId, name: Option<String>) -> Result<(), Refusal> {
        self.ask(|reply| Command::NameDevice(device, name, reply)).await
    }

    /// Gives a device a profile, or with none the one that it has by itself.
    pub async fn place_device(&self, device: DeviceId, profile: Option<String>) -> Result<(), Refusal> {
        self.ask(|reply| Command::PlaceDevice(device, profile, reply)).await
    }

    /// Makes a profile.
    pub async fn add_profile(&self, profile: AddedProfile) -> Result<(), Refusal> {
        self.ask(|reply| Command::AddProfile(profile, reply)).await
    }

    /// Changes what lists do under a profile that was made in the page.
    pub async fn change_profile(&self, profile: AddedProfile) -> Result<(), Refusal> {
        self.ask(|reply| Command::ChangeProfile(profile, reply)).await
    }

    /// Takes a profile away that was made in the page.
    pub async fn remove_profile(&self, name: String) -> Result<(), Refusal> {
        self.ask(|reply| Command::RemoveProfile(name, reply)).await
    }

    /// The profiles that `config.toml` fixes, by name.
    pub fn profiles_fixed(&self) -> Arc<[String]> {
        self.standing.borrow().profiles_fixed.clone()
    }

    /// Switches a guard of the catalogue on or off.
    pub async fn switch_guard(&self, guard: GuardId, on: bool) -> Result<(), Refusal> {
        self.ask(|reply| Command::SwitchGuard(guard, on, reply)).await
    }

    /// The guards that `config.toml` switches off.
    pub fn guards_fixed(&self) -> Arc<[GuardId]> {
        self.standing.borrow().guards_fixed.clone()
    }

    /// Serves a record for a name of the house. Answered once it is on disk and published.
    pub async fn add_record(&self, record: NewRecord) -> Result<OwnRecord, Refusal> {
        self.ask(|reply| Command::AddRecord(record, reply)).await
    }

    /// Takes a record away that was made in the page.
    pub async fn remove_record(&self, id: u64) -> Result<(), Refusal> {
        self.ask(|reply| Command::RemoveRecord(id, reply)).await
    }

    /// The records that `config.toml` fixes.
    pub fn records_fixed(&self) -> Arc<[Record]> {
        self.standing.borrow().records_fixed.clone()
    }

    /// Sets the dashboard's password (a PHC string). With `first`, only where none is set.
    pub async fn set_password(&self, hash: String, first: bool) -> Result<(), Refusal> {
        self.ask(|reply| Command::SetPassword(hash, first, reply)).await
    }

    /// Adds a list from elsewhere. Answered once it is on disk; it is in force when it was fetched.
    pub async fn add_list(&self, list: AddedList) -> Result<(), Refusal> {
        self.ask(|reply| Command::AddList(list, reply)).await
    }

    /// Changes a list that was added in the page.
    pub async fn change_list(&self, name: String, change: ListChange) -> Result<(), Refusal> {
        self.ask(|reply| Command::ChangeList(name, change, reply)).await
    }

    /// Takes a list that was added in the page away, and its copy.
    pub async fn remove_list(&self, name: String) -> Result<(), Refusal> {
        self.ask(|reply| Command::RemoveList(name, reply)).await
    }

    /// Reads the lists again; with `options`, under a new configuration. Answers what is wrong now, one sentence each.
    pub async fn reload(&self, options: Option<Options>) -> Result<Vec<String>, Refusal> {
        self.ask(|reply| Command::Reload(options.map(Box::new), reply)).await
    }

    /// Notes that `config.toml` was read again and refused, so that it can be seen until one is taken.
    pub async fn refuse_config(&self, problem: String) -> Result<(), Refusal> {
        self.ask(|reply| Command::RefuseConfig(problem, reply)).await
    }

    /// Tells which address is used by which hardware address now.
    pub async fn neighbours(&self, table: HashMap<IpAddr, MacAddr>) -> Result<(), Refusal> {
        self.ask(|reply| Command::Neighbours(table, reply)).await
    }

    /// Tells all that `teller` says now of who is in the house, in the place of what it said before.
    pub async fn told(&self, teller: Teller, facts: Vec<Fact>) -> Result<(), Refusal> {
        self.ask(|reply| Command::Told(teller, facts, reply)).await
    }

    /// Has `device` count as the device `to`, or with none as itself again.
    pub async fn join_device(&self, device: DeviceId, to: Option<DeviceId>) -> Result<(), Refusal> {
        self.ask(|reply| Command::JoinDevice(device, to, reply)).await
    }

    /// Has `address` be a device of its own, or with `apart` false belong to whose it seems to be.
    pub async fn split_address(&self, address: IpAddr, apart: bool) -> Result<(), Refusal> {
        self.ask(|reply| Command::SplitAddress(address, apart, reply)).await
    }

    /// The lists as they stand now, in the order of the configuration.
    pub fn lists(&self) -> Arc<[ListView]> {
        self.standing.borrow().lists.clone()
    }

    /// The lists from elsewhere.
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Why `config.toml` was refused when it was last read again.
    pub fn refused_config(&self) -> Option<Arc<str>> {
        self.standing.borrow().refused_config.clone()
    }

    /// What is wrong with the lists and profiles now, one sentence each.
    pub fn problems(&self) -> Arc<[String]> {
        let standing = self.standing.borrow().problems.clone();
        let fetching = self.subscriptions.problems();
        if fetching.is_empty() { standing } else { standing.iter().cloned().chain(fetching).collect() }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let (otherwise, mut changed) = oneshot::channel();
        let only_if = self.expected.clone().map(|expected| OnlyIf { expected, otherwise });
        let given = Given { command: command(reply), only_if };
        // Only the way into the queue has a time limit: a command that is in will be carried out, and saying that it
        // was not would be wrong.
        self.commands.send_timeout(given, PATIENCE).await.map_err(|_| Refusal::Busy)?;
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(changed.try_recv().map_or(Refusal::Busy, |()| Refusal::Changed)),
        }
    }
}
