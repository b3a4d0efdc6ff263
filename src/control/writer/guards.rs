//! Switching guards of the catalogue on and off.

use super::super::{GUARDS_OFF_BOUND, Refusal};
use super::Writer;
use crate::policy::GuardId;

impl Writer {
    pub(super) async fn switch_guard(&mut self, guard: GuardId, on: bool) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        let was_off = settings.guards_off.contains(&guard);
        let known = self.state.compiled.policy.guards().iter().any(|known| known.id == guard);
        // One that is gone from the catalogue can still be taken out of what is switched off.
        if !(known || on && was_off) {
            return Err(Refusal::Unknown(format!("guard for {} in a list called {}", guard.name, guard.list)));
        }
        if on && self.state.options.guards_off.contains(&guard) {
            return Err(Refusal::Fixed(format!("the guard for {}", guard.name)));
        }
        if on != was_off {
            return Ok(());
        }
        if on {
            settings.guards_off.retain(|off| *off != guard);
        } else if settings.guards_off.len() >= GUARDS_OFF_BOUND {
            return Err(Refusal::TooMany(GUARDS_OFF_BOUND, "guards switched off"));
        } else {
            settings.guards_off.push(guard);
        }
        self.change(settings).await
    }
}
