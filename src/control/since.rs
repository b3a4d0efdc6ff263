//! Since when lists are what they are: remembered for each from one content to the next, so that an explanation can say
//! since when a rule is there.
//!
//! Which rules a list had before is not kept: that would be every list twice. So a rule of a list that has changed since it
//! came is there since the last change, or from earlier; of a list that never changed, since it came.

use std::collections::HashMap;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::cabinet::{hexadecimal, sound, whole};
use super::shelf::ListKey;
use super::source::Key;
use super::{CompiledOptions, ListView, State};
use crate::policy::{Action, Explanation, Kept};
use crate::time::{BUILD_DATE, Timestamp};

/// Where it is kept, beside the compiled lists.
pub(super) const SINCE: &str = "since.json";
/// Octets of a digest that a version shows, which is enough to tell two of them apart.
const SHOWN: usize = 6;

/// Since when a list is what it is, as far as this sordino saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSince {
    /// When it was first read here.
    pub first: Timestamp,
    /// When it was first read with the content it has now.
    pub changed: Timestamp,
    /// When it was first in force with the action it has now.
    pub acting: Timestamp,
    action: Action,
    #[serde(with = "hexadecimal")]
    content: Key,
}

impl ListSince {
    /// What tells this content from any other, for people to compare.
    pub fn version(&self) -> String {
        self.content[..SHOWN].iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

/// Of each list, since when it is what it is.
#[derive(Clone, Debug, Default)]
pub struct Since {
    place: Option<CompiledOptions>,
    lists: HashMap<ListKey, ListSince>,
    /// Whether the clock was ahead of the program when it was last asked.
    dated: bool,
}

impl Since {
    /// As it was when the program ran last.
    pub(super) fn open(place: Option<CompiledOptions>) -> Self {
        let read = |place: &CompiledOptions| {
            let path = place.path.join(SINCE);
            let parsed =
                fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Vec<(ListKey, ListSince)>>(&bytes)?));
            sound(&path, parsed)
        };
        let lists = place.as_ref().and_then(read).unwrap_or_default().into_iter().collect();
        Self { place, lists, dated: false }
    }

    /// Says of each of `lists` since when it is what it is, as of `now`. True where that is to be written. Whoever may not
    /// write says only what is known already: it puts nothing in force.
    pub(super) fn date(&mut self, lists: &mut [ListView], now: Timestamp) -> bool {
        let before = self.lists.clone();
        let writes = self.place.as_ref().is_none_or(|place| place.writable);
        self.dated = now >= BUILD_DATE;
        for list in lists.iter_mut() {
            let key = (list.group.clone(), list.report.name.clone());
            // A last good copy is what it was.
            let content = list.content.or_else(|| before.get(&key).map(|known| known.content));
            list.since = content.filter(|_| list.in_force).and_then(|content| {
                let known = before.get(&key);
                let same = known.is_some_and(|known| known.content == content && known.action == list.report.action);
                if same {
                    return known.cloned();
                }
                // A clock that was not set yet would have things be fifty years old.
                (writes && self.dated).then(|| ListSince::new(known, content, list.report.action, now))
            });
        }
        if !(writes && self.dated) {
            return false;
        }
        let dated =
            lists.iter().filter_map(|list| Some(((list.group.clone(), list.report.name.clone()), list.since.clone()?)));
        self.lists = dated.collect();
        self.lists != before && self.place.is_some()
    }

    /// Whether lists are to be dated again, because the clock was wrong.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        !self.dated && now >= BUILD_DATE
    }

    /// Puts it on the disk. Blocks.
    pub fn write(&self) {
        let Some(place) = &self.place else { return };
        let mut lists: Vec<_> = self.lists.iter().collect();
        lists.sort_by(|a, b| a.0.cmp(b.0));
        let path = place.path.join(SINCE);
        let written = whole(&place.path, &path, |out| serde_json::to_writer(out, &lists).map_err(io::Error::from));
        if let Err(error) = written {
            let path = path.display();
            tracing::warn!(
                "since when lists are what they are cannot be kept in {path}, and is forgotten at the next start: {error}"
            );
        }
    }
}

impl State {
    /// Notes which lists are others than before, as of `now`; [`lists`](Self::lists) then tell since when they are what
    /// they are. What is then to be kept is answered, and the caller has it written.
    pub fn date(&mut self, now: Timestamp) -> Option<Since> {
        let mut lists = self.compiled.lists.to_vec();
        let changed = self.since.date(&mut lists, now);
        self.compiled.lists = lists.into();
        changed.then(|| self.since.clone())
    }

    /// Says of each rule in `explanation` what the policy does not know: since when, and who keeps it.
    pub fn complete(&self, explanation: &mut Explanation) {
        complete(explanation, &self.compiled.lists);
    }
}

impl ListSince {
    fn new(known: Option<&Self>, content: Key, action: Action, now: Timestamp) -> Self {
        let kept = |same: bool, then: Option<Timestamp>| then.filter(|_| same).unwrap_or(now);
        Self {
            first: kept(true, known.map(|known| known.first)),
            changed: kept(known.is_some_and(|known| known.content == content), known.map(|known| known.changed)),
            acting: kept(known.is_some_and(|known| known.action == action), known.map(|known| known.acting)),
            action,
            content,
        }
    }
}

/// Says of each rule in `explanation` what only `lists` know: since when it is there, and who keeps it.
pub fn complete(explanation: &mut Explanation, lists: &[ListView]) {
    for found in &mut explanation.matches {
        let Some(list) = lists.iter().find(|list| list.report.name == found.list) else { continue };
        if found.kept == Kept::Config && list.is_fetched {
            found.kept = Kept::Keeper;
            found.changed_by = "whoever keeps the list; you, with an own rule in the page, or by what the list does";
        }
        if let Some(since) = &list.since {
            found.since = Some(since.changed);
            found.or_earlier = since.first < since.changed;
            found.list_since = Some(since.acting);
            found.version = Some(since.version());
        }
    }
}
