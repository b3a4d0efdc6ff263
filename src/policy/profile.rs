//! Profiles: which lists apply to a device, and how.

use super::list::{Action, ListSource};

/// Which lists apply to a device, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name; unique.
    pub name: String,
    /// Lists whose action is another one here, or that do not apply at all.
    pub lists: Vec<(String, Option<Action>)>,
}

impl Profile {
    /// What each of `lists` does under this profile.
    pub(super) fn actions(&self, lists: &[ListSource]) -> Vec<Option<Action>> {
        let action = |list: &ListSource| {
            let other = self.lists.iter().find(|(name, _)| **name == *list.name);
            other.map_or(Some(list.action), |(_, action)| *action)
        };
        lists.iter().map(action).collect()
    }
}
