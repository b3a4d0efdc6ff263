//! Pauses.

use super::super::{PAUSES_BOUND, Refusal};
use super::Writer;
use super::rules::fresh_id;
use crate::policy::{Pause, Scope};
use crate::time::Timestamp;

impl Writer {
    pub(super) async fn add_pause(&mut self, scope: Scope, until: Timestamp) -> Result<Pause, Refusal> {
        self.check_scope(&scope)?;
        let now = self.clock.now();
        let mut settings = self.swept(now);
        let place = settings.pauses.iter().position(|pause| pause.scope == scope);
        let id = match place {
            Some(place) => settings.pauses.remove(place).id,
            None => fresh_id(settings.pauses.iter().map(|pause| pause.id), now),
        };
        let pause = Pause { id, scope, since: now, until };
        settings.pauses.push(pause.clone());
        if settings.pauses.len() > PAUSES_BOUND {
            return Err(Refusal::TooMany(PAUSES_BOUND, "pauses"));
        }
        self.change(settings).await?;
        Ok(pause)
    }

    pub(super) async fn remove_pause(&mut self, id: u64) -> Result<Pause, Refusal> {
        let mut settings = self.swept(self.clock.now());
        let place = settings.pauses.iter().position(|pause| pause.id == id);
        let pause = settings.pauses.remove(place.ok_or_else(|| Refusal::Unknown(format!("pause {id}")))?);
        self.change(settings).await?;
        Ok(pause)
    }
}
