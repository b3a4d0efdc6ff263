//! Lists that are added in the page.

use super::Writer;
use crate::control::{ADDED_LISTS_BOUND, ListChange, Refusal};
use crate::local::{BYPASS, HOUSE, REBINDING};
use crate::policy::{ESSENTIAL, OWN_RULES, PAUSE};
use crate::store::{AddedList, Settings};

/// Where the API answers about known lists; a list of this name could not be reached there.
const TAKEN_PATH: &str = "catalogue";

impl Writer {
    pub(super) async fn add_list(&mut self, list: AddedList) -> Result<(), Refusal> {
        if self.is_taken(&list.name) {
            return Err(Refusal::Taken(list.name));
        }
        let mut settings = self.swept(self.clock.now());
        if settings.lists.len() >= ADDED_LISTS_BOUND {
            return Err(Refusal::TooMany(ADDED_LISTS_BOUND, "lists added in the page"));
        }
        settings.lists.push(list);
        self.change_lists(settings).await
    }

    pub(super) async fn change_list(&mut self, name: &str, change: ListChange) -> Result<(), Refusal> {
        let place = self.place(name)?;
        let mut settings = self.swept(self.clock.now());
        let list = &mut settings.lists[place];
        list.action = change.action.unwrap_or(list.action);
        list.enabled = change.enabled.unwrap_or(list.enabled);
        self.change_lists(settings).await
    }

    pub(super) async fn remove_list(&mut self, name: &str) -> Result<(), Refusal> {
        let place = self.place(name)?;
        let mut settings = self.swept(self.clock.now());
        settings.lists.remove(place);
        self.change_lists(settings).await?;
        self.subscriptions.forget(name);
        Ok(())
    }

    async fn change_lists(&mut self, settings: Settings) -> Result<(), Refusal> {
        if settings.lists == self.state.settings.lists {
            return Ok(());
        }
        self.change(settings).await?;
        self.reload(None).await.map(drop)
    }

    /// Where in the settings the list is, unless the configuration has one of this name.
    fn place(&self, name: &str) -> Result<usize, Refusal> {
        if self.is_fixed(name) {
            return Err(Refusal::Fixed(format!("the list {name}")));
        }
        let place = self.state.settings.lists.iter().position(|list| list.name == name);
        place.ok_or_else(|| Refusal::Unknown(format!("list called {name}")))
    }

    fn is_fixed(&self, name: &str) -> bool {
        let added = |group: &str| self.state.settings.lists.iter().any(|list| list.name == group);
        let mut views = self.state.compiled.lists.iter();
        self.state.options.lists.iter().any(|list| list.name == name)
            || views.any(|view| *view.report.name == *name && !added(&view.group))
    }

    fn is_taken(&self, name: &str) -> bool {
        let added = self.state.settings.lists.iter().any(|list| list.name == name);
        added
            || self.is_fixed(name)
            || [OWN_RULES, PAUSE, ESSENTIAL, REBINDING, BYPASS, HOUSE, TAKEN_PATH].contains(&name)
    }
}
