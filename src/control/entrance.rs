//! Commands about who may come in.

use std::sync::Arc;

use super::{Command, Control, Refusal};
use crate::store::{AccessToken, SecondFactor, Settings, TokenScope};
use crate::time::Timestamp;

/// What lets someone in, as it stands now.
#[derive(Clone, Debug, Default)]
pub struct Entrance {
    /// The password that was set in the page (a PHC string).
    pub password_hash: Option<Arc<str>>,
    /// What is asked for besides it.
    pub second_factor: Option<SecondFactor>,
    /// Tokens of programs, those that have ended included.
    pub tokens: Vec<AccessToken>,
}

/// A token that someone asks for.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// How far it reaches.
    pub scope: TokenScope,
    /// SHA-256 of it, in hexadecimal.
    pub hash: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Entrance {
    pub(super) fn of(settings: &Settings) -> Self {
        let Settings { password_hash, second_factor, tokens, .. } = settings;
        Self {
            password_hash: password_hash.as_deref().map(Arc::from),
            second_factor: second_factor.clone(),
            tokens: tokens.clone(),
        }
    }
}

impl Control {
    /// Who may come in now.
    pub fn entrance(&self) -> Arc<Entrance> {
        self.standing.borrow().entrance.clone()
    }

    /// Lets a program in by a token. Answered once it is on disk.
    pub async fn add_token(&self, token: NewToken) -> Result<AccessToken, Refusal> {
        self.ask(|reply| Command::AddToken(token, reply)).await
    }

    /// Takes a token back.
    pub async fn remove_token(&self, id: u64) -> Result<(), Refusal> {
        self.ask(|reply| Command::RemoveToken(id, reply)).await
    }

    /// Writes down when a token was last used. The caller does so seldom.
    pub async fn note_use(&self, id: u64, at: Timestamp) -> Result<(), Refusal> {
        self.ask(|reply| Command::NoteUse(id, at, reply)).await
    }

    /// Asks for a second factor from now on, or with none does so no more.
    pub async fn set_second_factor(&self, factor: Option<SecondFactor>) -> Result<(), Refusal> {
        self.ask(|reply| Command::SetSecondFactor(factor, reply)).await
    }

    /// Takes the code of a time step, once: false when it or a later one was taken before.
    pub async fn take_step(&self, step: u64) -> Result<bool, Refusal> {
        self.ask(|reply| Command::TakeStep(step, reply)).await
    }

    /// Takes a recovery code by its hash, once: false when there is no such code left.
    pub async fn take_recovery(&self, hash: String) -> Result<bool, Refusal> {
        self.ask(|reply| Command::TakeRecovery(hash, reply)).await
    }

    /// Puts settings in the place of those that are there and in force at once; with `secrets`, also what lets someone in.
    pub(super) async fn replace_settings(&self, settings: Settings, secrets: bool) -> Result<(), Refusal> {
        self.ask(|reply| Command::Restore(Box::new(settings), secrets, reply)).await
    }
}
