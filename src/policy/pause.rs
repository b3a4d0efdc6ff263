//! Pauses: for a while, everything is let through for a device, a profile or the house.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::own::Scope;
use super::who::Asker;
use crate::time::Timestamp;

/// The list name under which pauses appear in events and answers.
pub const PAUSE: &str = "pause";

/// A while in which nothing is muted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pause {
    /// A number that no other pause has.
    pub id: u64,
    /// For whom.
    pub scope: Scope,
    /// When it was made, milliseconds since the epoch.
    pub since: Timestamp,
    /// When it ends, milliseconds since the epoch.
    pub until: Timestamp,
}

impl Pause {
    /// Whether it has not ended at `at`.
    pub fn is_active(&self, at: Timestamp) -> bool {
        at < self.until
    }
}

/// The pauses, nearly always none.
#[derive(Clone, Debug)]
pub(super) struct Pauses {
    all: Arc<[Pause]>,
    /// [`PAUSE`], shared so that a judgement costs no allocation.
    pub(super) list: Arc<str>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Pauses {
    pub(super) fn new(pauses: Vec<Pause>) -> Self {
        Self { all: pauses.into(), list: PAUSE.into() }
    }

    pub(super) fn all(&self) -> &[Pause] {
        &self.all
    }

    /// The pauses that hold for `asker` at `at`.
    pub(super) fn holding<'a>(
        &'a self,
        asker: &'a Asker<'_>,
        profile: Option<&'a str>,
        at: Timestamp,
    ) -> impl Iterator<Item = &'a Pause> {
        self.all.iter().filter(move |pause| pause.is_active(at) && pause.scope.covers(asker, profile))
    }
}
