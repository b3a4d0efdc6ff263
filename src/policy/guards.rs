//! Guards of the catalogue, which the operator can switch off one by one.
//!
//! A guard that is off is as if its row were not there: the next longest match of the catalogue decides, and lists may
//! mute the name. It stays what the catalogue knows about the name, and explanations go on telling it.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::catalogue::{Class, Label, Row};
use super::compiled::Compiled;

/// Which guard: the list of the catalogue it stands in, and its name as it is written there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardId {
    /// The list.
    pub list: String,
    /// The name, or the family between slashes.
    pub name: String,
}

/// A guard and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard<'a> {
    /// Which guard.
    pub id: GuardId,
    /// What the catalogue says of it.
    pub label: &'a Label,
    /// Whether it guards.
    pub on: bool,
}

/// The guards that are switched off: by list, the names as they are written there.
#[derive(Clone, Debug, Default)]
pub(super) struct GuardsOff(HashMap<String, BTreeSet<String>>);

impl GuardsOff {
    pub(super) fn new(guards: impl IntoIterator<Item = GuardId>) -> Self {
        let mut by_list: HashMap<String, BTreeSet<String>> = HashMap::new();
        for GuardId { list, name } in guards {
            by_list.entry(list).or_default().insert(name);
        }
        Self(by_list)
    }

    /// Whether `row` of the list called `list` is a guard that is off.
    pub(super) fn has(&self, list: &str, row: &Row) -> bool {
        // Hardly any house switches one off, and hardly any name has one.
        row.label.class == Class::Never
            && !self.0.is_empty()
            && self.0.get(list).is_some_and(|names| names.contains(&*row.written))
    }
}

impl Compiled {
    /// The guards of all lists of the catalogue that are in force, in their order.
    pub(super) fn guards<'a>(&'a self, off: &GuardsOff) -> Vec<Guard<'a>> {
        let mut guards = Vec::new();
        for row in self.rows.iter().filter(|row| row.label.class == Class::Never) {
            let Some(report) = self.reports.get(usize::from(row.list.0)).filter(|report| report.problem.is_none())
            else {
                continue;
            };
            let id = GuardId { list: report.name.to_string(), name: row.written.to_string() };
            guards.push(Guard { on: !off.has(&id.list, row), id, label: &row.label });
        }
        guards
    }
}
