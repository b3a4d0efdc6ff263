//! The operator's own rules: few, changed by a click, and asked before every list.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::list::Action;
use super::name::{Name, NameRef};
use super::who::{Asker, DeviceId};
use crate::time::Timestamp;

/// The list name under which the operator's own rules appear in events and answers.
pub const OWN_RULES: &str = "own";

/// A rule of the operator, made in the page or given by `[[rule]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OwnRule {
    /// A number that no other own rule has.
    pub id: u64,
    /// The name it is about.
    pub name: Name,
    /// Whether it covers what is below the name as well.
    pub subtree: bool,
    /// What it does.
    pub action: Action,
    /// For whom.
    pub scope: Scope,
    /// When it was made, milliseconds since the epoch.
    pub since: Timestamp,
    /// When it ends by itself, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// For whom an own rule holds. The narrower scope is asked first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For every device.
    Everyone,
    /// For the devices of one profile.
    Profile(String),
    /// For one device.
    Device(DeviceId),
}

/// The own rules, found by the name they are about.
#[derive(Clone, Debug)]
pub(super) struct OwnRules {
    rules: Vec<OwnRule>,
    by_name: HashMap<Name, Vec<u32>>,
    /// [`OWN_RULES`], shared so that a judgement costs no allocation.
    pub(super) list: Arc<str>,
}

impl Default for OwnRules {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl OwnRules {
    pub(super) fn new(rules: Vec<OwnRule>) -> Self {
        let mut by_name: HashMap<Name, Vec<u32>> = HashMap::with_capacity(rules.len());
        for (place, rule) in (0..).zip(&rules) {
            by_name.entry(rule.name.clone()).or_default().push(place);
        }
        Self { rules, by_name, list: OWN_RULES.into() }
    }

    pub(super) fn all(&self) -> &[OwnRule] {
        &self.rules
    }

    /// The rule that decides, if one does.
    pub(super) fn deciding(
        &self,
        asker: &Asker<'_>,
        profile: Option<&str>,
        name: NameRef<'_>,
        at: Timestamp,
    ) -> Option<&OwnRule> {
        self.matching(asker, profile, name, at).min_by_key(|rule| rule.precedence())
    }

    /// Every rule that is in force now and names `name` for `asker`, in no particular order.
    pub(super) fn matching(
        &self,
        asker: &Asker<'_>,
        profile: Option<&str>,
        name: NameRef<'_>,
        at: Timestamp,
    ) -> impl Iterator<Item = &OwnRule> {
        // Without own rules, which is the usual case, no name is hashed.
        let ancestors = (!self.by_name.is_empty()).then(|| name.ancestors()).into_iter().flatten();
        ancestors
            .filter_map(|ancestor| self.by_name.get(ancestor.wire()).map(|places| (ancestor, places)))
            .flat_map(move |(ancestor, places)| places.iter().map(move |place| (ancestor, place)))
            .filter_map(move |(ancestor, &place)| {
                let rule = self.rules.get(place as usize)?;
                let reaches = rule.subtree || ancestor == name;
                (reaches && rule.is_active(at) && rule.scope.covers(asker, profile)).then_some(rule)
            })
    }
}

impl OwnRule {
    /// Whether the rule has not ended at `at`.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| at < until)
    }

    /// Smaller goes first: device before profile before everyone, then exception before block before watch. How narrow
    /// a rule is and how old do not count; the number only keeps the choice stable.
    pub(super) fn precedence(&self) -> (u8, u8, u64) {
        let scope = match self.scope {
            Scope::Device(_) => 0,
            Scope::Profile(_) => 1,
            Scope::Everyone => 2,
        };
        let action = match self.action {
            Action::Allow => 0,
            Action::Block => 1,
            Action::Watch => 2,
        };
        (scope, action, self.id)
    }
}

impl Scope {
    fn covers(&self, asker: &Asker<'_>, profile: Option<&str>) -> bool {
        match self {
            Self::Everyone => true,
            Self::Profile(name) => profile == Some(name),
            Self::Device(device) => device == asker.device,
        }
    }
}
