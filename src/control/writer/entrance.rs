//! Who may come in, and settings that come back from a backup.

use super::super::{NewToken, Refusal, TOKENS_BOUND};
use super::Writer;
use super::rules::fresh_id;
use crate::store::{AccessToken, SecondFactor, Settings};
use crate::time::Timestamp;

impl Writer {
    pub(super) async fn add_token(&mut self, new: NewToken) -> Result<AccessToken, Refusal> {
        let now = self.clock.now();
        let mut settings = self.swept(now);
        if settings.tokens.len() >= TOKENS_BOUND {
            return Err(Refusal::TooMany(TOKENS_BOUND, "tokens"));
        }
        let id = fresh_id(settings.tokens.iter().map(|token| token.id), now);
        let NewToken { name, scope, hash, until } = new;
        let token = AccessToken { id, name, scope, hash, since: now, until, last_used: None };
        settings.tokens.push(token.clone());
        self.change(settings).await?;
        Ok(token)
    }

    pub(super) async fn remove_token(&mut self, id: u64) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        let before = settings.tokens.len();
        settings.tokens.retain(|token| token.id != id);
        if settings.tokens.len() == before {
            return Err(Refusal::Unknown(format!("token {id}")));
        }
        self.change(settings).await
    }

    pub(super) async fn note_use(&mut self, id: u64, at: Timestamp) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        match settings.tokens.iter_mut().find(|token| token.id == id) {
            Some(token) => token.last_used = Some(at),
            None => return Ok(()),
        }
        self.change(settings).await
    }

    pub(super) async fn set_second_factor(&mut self, factor: Option<SecondFactor>) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        settings.second_factor = factor;
        self.change(settings).await
    }

    pub(super) async fn take_step(&mut self, step: u64) -> bool {
        let Some(factor) = &mut self.state.settings.second_factor else { return false };
        if step <= factor.last_step {
            return false;
        }
        factor.last_step = step;
        self.save_entrance().await;
        true
    }

    pub(super) async fn take_recovery(&mut self, hash: &str) -> bool {
        let Some(factor) = &mut self.state.settings.second_factor else { return false };
        let before = factor.recovery.len();
        factor.recovery.retain(|left| left != hash);
        if factor.recovery.len() == before {
            return false;
        }
        self.save_entrance().await;
        true
    }

    /// What was used up is so at once, in memory; a full disk must not keep the owner out.
    async fn save_entrance(&mut self) {
        let settings = self.swept(self.clock.now());
        if let Err(refusal) = self.change(settings).await {
            tracing::warn!("that a code was used up could not be saved, so a restart would take it again: {refusal}");
            self.tell();
        }
    }

    pub(super) async fn restore(&mut self, settings: Settings, secrets: bool) -> Result<(), Refusal> {
        let settings = settings.in_place_of(&self.state.settings, secrets);
        self.change(settings).await?;
        // Lists among them have to be read.
        self.reload(None).await.map(drop)
    }
}
