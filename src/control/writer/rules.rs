//! The operator's own rules.

use super::super::{NewRule, OWN_PATTERNS_BOUND, OWN_RULES_BOUND, Refusal};
use super::Writer;
use crate::policy::{OwnRule, Scope};
use crate::store::Settings;
use crate::time::Timestamp;

impl Writer {
    pub(super) async fn add_rule(&mut self, new: NewRule) -> Result<OwnRule, Refusal> {
        self.check_scope(&new.scope)?;
        let now = self.clock.now();
        let mut settings = self.swept(now);
        let mut rule = new.into_rule(fresh_id(settings.rules.iter().map(|rule| rule.id), now), now);
        match settings.rules.iter().position(|other| other.is_like(&rule)) {
            Some(place) => {
                rule.id = settings.rules[place].id;
                settings.rules[place] = rule.clone();
            }
            None => {
                settings.rules.push(rule.clone());
                check_bounds(&settings)?;
            }
        }
        self.change(settings).await?;
        Ok(rule)
    }

    pub(super) async fn change_rule(&mut self, id: u64, new: NewRule) -> Result<OwnRule, Refusal> {
        self.check_scope(&new.scope)?;
        let now = self.clock.now();
        let mut settings = self.swept(now);
        let place = settings.rules.iter().position(|rule| rule.id == id).ok_or_else(|| unknown(id))?;
        let rule = new.into_rule(id, now);
        if settings.rules.iter().any(|other| other.id != id && other.is_like(&rule)) {
            return Err(Refusal::RuleTaken(rule.target.text()));
        }
        let old = &settings.rules[place];
        // Who only notes something about a rule has not made another one.
        let same = old.is_like(&rule) && old.action == rule.action;
        let rule = OwnRule { since: if same { old.since } else { rule.since }, ..rule };
        settings.rules[place] = rule.clone();
        check_bounds(&settings)?;
        self.change(settings).await?;
        Ok(rule)
    }

    pub(super) async fn remove_rule(&mut self, id: u64) -> Result<OwnRule, Refusal> {
        let mut settings = self.state.settings.clone();
        let place = settings.rules.iter().position(|rule| rule.id == id);
        let rule = settings.rules.remove(place.ok_or_else(|| unknown(id))?);
        let now = self.clock.now();
        settings.rules.retain(|rule| rule.is_active(now));
        self.change(settings).await?;
        Ok(rule)
    }

    pub(super) fn check_scope(&self, scope: &Scope) -> Result<(), Refusal> {
        match scope {
            Scope::Profile(name) if self.state.compiled.policy.profile(name).is_none() => {
                Err(Refusal::Unknown(format!("profile called {name}")))
            }
            _ => Ok(()),
        }
    }
}

fn unknown(id: u64) -> Refusal {
    Refusal::Unknown(format!("rule {id}"))
}

fn check_bounds(settings: &Settings) -> Result<(), Refusal> {
    if settings.rules.len() > OWN_RULES_BOUND {
        return Err(Refusal::TooMany(OWN_RULES_BOUND, "rules of your own"));
    }
    let patterns = settings.rules.iter().filter(|rule| rule.target.is_pattern()).count();
    if patterns > OWN_PATTERNS_BOUND {
        return Err(Refusal::TooMany(OWN_PATTERNS_BOUND, "rules of your own with a wildcard or a regular expression"));
    }
    Ok(())
}

/// A number that none of `taken` is, and that none was before unless the clock was set back: one that was taken away must
/// not come to mean another rule while a page that is still open offers to undo it.
pub(in crate::control) fn fresh_id(taken: impl Iterator<Item = u64>, now: Timestamp) -> u64 {
    now.millis().max(taken.max().map_or(0, |largest| largest + 1))
}
