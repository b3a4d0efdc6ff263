//! Blocking answers of single lists.

use std::collections::HashMap;
use std::sync::Arc;

use crate::policy::{Blocking, BlockingAnswer};

/// How names of single lists are answered, where it is not as all others are.
#[derive(Clone, Debug, Default)]
pub struct Answers(HashMap<Arc<str>, BlockingAnswer>);

impl Answers {
    /// Finds the answer of each list in `given`, by the `[[list]]` that it comes from: a directory has many.
    pub fn new(given: &[(String, BlockingAnswer)], lists: impl Iterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        let answer = |group: &str| given.iter().find(|(name, _)| name == group).map(|(_, answer)| *answer);
        Self(lists.filter_map(|(group, list)| Some((list, answer(&group)?))).collect())
    }

    /// How a name that `list` mutes is answered, where `usual` holds for the others.
    pub fn of(&self, list: Option<&Arc<str>>, usual: &Blocking) -> Blocking {
        let own = list.filter(|_| !self.0.is_empty()).and_then(|list| self.0.get(list));
        Blocking { answer: own.copied().unwrap_or(usual.answer), ..*usual }
    }
}
