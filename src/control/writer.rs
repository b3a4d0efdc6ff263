//! The task that carries commands out.

mod added;
mod entrance;
mod guards;
mod house;
pub(super) mod local;
mod pauses;
mod profiles;
mod rules;
mod schedules;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::revision::Given;
use super::state::{Compiled, State, compile, in_force, wanted};
use super::subscriptions::Subscriptions;
use super::{Command, Entrance, Options, Refusal, Standing};
use crate::snapshot::SnapshotCell;
use crate::store::{Settings, Store};
use crate::time::{Clock, Timestamp};

/// How often rules and pauses that have ended are swept out, and schedules prepared. Nothing depends on it: every judgement
/// looks at the time.
const SWEEP: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    state: State,
    /// Why `config.toml` was refused when it was last read again.
    refused_config: Option<String>,
    cell: Arc<SnapshotCell>,
    store: Arc<Store>,
    clock: Clock,
    standing: watch::Sender<Standing>,
    subscriptions: Subscriptions,
}

impl Writer {
    pub(super) fn new(
        state: State,
        cell: Arc<SnapshotCell>,
        store: Arc<Store>,
        clock: Clock,
        subscriptions: Subscriptions,
    ) -> (Self, watch::Receiver<Standing>) {
        let (standing, watched) = watch::channel(Standing::default());
        let writer = Self { state, refused_config: None, cell, store, clock, standing, subscriptions };
        writer.tell();
        (writer, watched)
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Given>, stop: CancellationToken) {
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                command = commands.recv() => match command {
                    Some(given) => if let Some(command) = given.still_wanted(&self.state.settings) {
                        self.carry_out(command).await;
                    },
                    None => return,
                },
                _ = sweep.tick() => self.sweep().await,
            }
        }
    }

    async fn carry_out(&mut self, command: Command) {
        match command {
            Command::AddRule(rule, reply) => drop(reply.send(self.add_rule(rule).await)),
            Command::ChangeRule(id, rule, reply) => drop(reply.send(self.change_rule(id, rule).await)),
            Command::AddPause(scope, until, reply) => drop(reply.send(self.add_pause(scope, until).await)),
            Command::RemovePause(id, reply) => drop(reply.send(self.remove_pause(id).await)),
            Command::RemoveRule(id, reply) => drop(reply.send(self.remove_rule(id).await)),
            Command::NameDevice(device, name, reply) => drop(reply.send(self.name_device(device, name).await)),
            Command::PlaceDevice(device, profile, reply) => drop(reply.send(self.place_device(device, profile).await)),
            Command::AddProfile(profile, reply) => drop(reply.send(self.add_profile(profile).await)),
            Command::ChangeProfile(profile, reply) => drop(reply.send(self.change_profile(profile).await)),
            Command::RemoveProfile(name, reply) => drop(reply.send(self.remove_profile(&name).await)),
            Command::AddSchedule(schedule, reply) => drop(reply.send(self.add_schedule(schedule).await)),
            Command::ChangeSchedule(schedule, reply) => drop(reply.send(self.change_schedule(schedule).await)),
            Command::RemoveSchedule(name, reply) => drop(reply.send(self.remove_schedule(&name).await)),
            Command::SwitchGuard(guard, on, reply) => drop(reply.send(self.switch_guard(guard, on).await)),
            Command::AddRecord(record, reply) => drop(reply.send(self.add_record(record).await)),
            Command::RemoveRecord(id, reply) => drop(reply.send(self.remove_record(id).await)),
            Command::SetPassword(hash, first, reply) => drop(reply.send(self.set_password(hash, first).await)),
            Command::AddToken(token, reply) => drop(reply.send(self.add_token(token).await)),
            Command::RemoveToken(id, reply) => drop(reply.send(self.remove_token(id).await)),
            Command::NoteUse(id, at, reply) => drop(reply.send(self.note_use(id, at).await)),
            Command::SetSecondFactor(factor, reply) => drop(reply.send(self.set_second_factor(factor).await)),
            Command::TakeStep(step, reply) => drop(reply.send(Ok(self.take_step(step).await))),
            Command::TakeRecovery(hash, reply) => drop(reply.send(Ok(self.take_recovery(&hash).await))),
            Command::Restore(settings, secrets, reply) => drop(reply.send(self.restore(*settings, secrets).await)),
            Command::AddList(list, reply) => drop(reply.send(self.add_list(list).await)),
            Command::ChangeList(name, change, reply) => drop(reply.send(self.change_list(&name, change).await)),
            Command::RemoveList(name, reply) => drop(reply.send(self.remove_list(&name).await)),
            Command::Reload(options, reply) => drop(reply.send(self.reload(options).await)),
            Command::RefuseConfig(problem, reply) => {
                self.refused_config = Some(problem);
                self.tell();
                drop(reply.send(Ok(())));
            }
            Command::Neighbours(table, reply) => {
                self.meet(table).await;
                drop(reply.send(Ok(())));
            }
            Command::Told(teller, facts, reply) => {
                self.hear(teller, facts).await;
                drop(reply.send(Ok(())));
            }
            Command::JoinDevice(device, to, reply) => drop(reply.send(self.join_device(device, to).await)),
            Command::SplitAddress(address, apart, reply) => drop(reply.send(self.split_address(address, apart).await)),
        }
    }

    async fn set_password(&mut self, hash: String, first: bool) -> Result<(), Refusal> {
        if first && self.state.settings.password_hash.is_some() {
            return Err(Refusal::PasswordSet);
        }
        let mut settings = self.swept(self.clock.now());
        settings.password_hash = Some(hash);
        self.change(settings).await
    }

    async fn reload(&mut self, options: Option<Box<Options>>) -> Result<Vec<String>, Refusal> {
        let taken = options.is_some();
        let options = options.map_or_else(|| self.state.options.clone(), |options| *options);
        let (shelf, rules) = (self.state.compiled.shelf.clone(), self.state.settings.rules.clone());
        let before = self.state.compiled.local.clone();
        let joined = in_force(&options, &self.state.settings);
        let compiling = spawn_blocking(move || (compile(&joined, shelf, rules, Some(&before)), options));
        let Ok((compiled, options)) = compiling.await else {
            let problem = "reading the lists failed inside sordino; what was in force before stays in force";
            return Ok(vec![problem.to_owned()]);
        };
        let is_new = self.state.take(compiled, options);
        if is_new {
            self.date().await;
            self.prepare();
        }
        if is_new && taken {
            self.refused_config = None;
        }
        self.publish();
        Ok(self.refused_config.iter().chain(&self.state.compiled.problems).cloned().collect())
    }

    /// Notes since when the lists are what they are.
    async fn date(&mut self) {
        if let Some(since) = self.state.date(self.clock.now()) {
            // It says itself what went wrong.
            let _ = spawn_blocking(move || since.write()).await;
        }
    }

    /// Prepares what schedules do in the days to come. Says whether that was due.
    fn prepare(&mut self) -> bool {
        let prepared = self.state.compiled.policy.prepared(self.clock.now());
        let is_due = prepared.is_some();
        if let Some(policy) = prepared {
            self.state.compiled.policy = Arc::new(policy);
        }
        is_due
    }

    async fn sweep(&mut self) {
        if self.state.since.is_due(self.clock.now()) {
            self.date().await;
            self.tell();
        }
        if self.prepare() {
            self.publish();
        }
        let settings = self.swept(self.clock.now());
        let now = &self.state.settings;
        if (settings.rules.len(), settings.pauses.len()) != (now.rules.len(), now.pauses.len())
            && let Err(refusal) = self.change(settings).await
        {
            // They are past their end and do nothing; the next sweep tries again.
            tracing::debug!("rules or pauses that have ended stay on disk: {refusal}");
        }
    }

    /// Puts `settings` on disk and in force, or leaves everything as it is.
    async fn change(&mut self, settings: Settings) -> Result<(), Refusal> {
        let store = self.store.clone();
        let saving = spawn_blocking(move || store.save_settings(&settings).map(|()| settings));
        let settings = saving.await.map_err(io::Error::other).flatten().map_err(Refusal::NotSaved)?;
        if settings.rules != self.state.settings.rules {
            self.state.compiled.policy = Arc::new(self.state.compiled.policy.with_rules(settings.rules.clone()));
        }
        if settings.pauses != self.state.settings.pauses {
            self.state.compiled.policy = Arc::new(self.state.compiled.policy.with_pauses(settings.pauses.clone()));
        }
        let guards_differ = settings.guards_off != self.state.settings.guards_off;
        let schedules_differ = settings.schedules != self.state.settings.schedules;
        let records_differ = settings.records != self.state.settings.records;
        self.state.settings = settings;
        if records_differ {
            self.serve_records();
        }
        if guards_differ {
            self.state.put_choices_in_force();
        }
        if schedules_differ {
            // What the configuration says in vain was told when it was read.
            self.state.schedule();
            self.prepare();
        }
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        self.cell.publish(self.state.snapshot());
        self.tell();
    }

    fn tell(&self) {
        let Compiled { lists, problems, .. } = &self.state.compiled;
        let State { options, settings, .. } = &self.state;
        self.subscriptions.want(&options.subscriptions, wanted(options, settings));
        let refused_config = self.refused_config.as_deref().map(Arc::from);
        let problems = problems.as_slice().into();
        let guards_fixed = self.state.options.guards_off.as_slice().into();
        let records_fixed = self.state.options.local.records.as_slice().into();
        let profiles_fixed = self.state.options.profiles.iter().map(|profile| profile.name.clone()).collect();
        let schedules_fixed = Arc::new(self.state.options.schedules.clone());
        let entrance = Arc::new(Entrance::of(settings));
        let lists = lists.clone();
        let told = self.standing.borrow().settings.clone();
        let settings = if *told == *settings { told } else { Arc::new(settings.clone()) };
        let standing = Standing {
            lists,
            problems,
            refused_config,
            guards_fixed,
            records_fixed,
            profiles_fixed,
            schedules_fixed,
            entrance,
            settings,
        };
        self.standing.send_replace(standing);
    }

    fn swept(&self, now: Timestamp) -> Settings {
        let mut settings = self.state.settings.clone();
        settings.rules.retain(|rule| rule.is_active(now));
        settings.pauses.retain(|pause| pause.is_active(now));
        settings
    }
}

#[cfg(test)]
mod tests;
