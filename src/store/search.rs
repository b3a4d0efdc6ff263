//! Which events are looked for, asked in the order in which it is cheapest to say no.

use std::fmt::Write as _;

use super::Filter;
use crate::event::{Event, Outcome};
use crate::policy::{DeviceId, Name, Verdict};
use crate::time::Timestamp;

/// A [`Filter`] made ready to be asked many times.
#[derive(Clone, Debug)]
pub(super) struct Sieve {
    filter: Filter,
}

impl Sieve {
    /// Lower-cases the text of `filter`.
    pub(super) fn new(filter: &Filter) -> Self {
        let mut filter = filter.clone();
        filter.name = filter.name.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
        Self { filter }
    }

    /// Whether an event with both its times in this span may be looked for.
    pub(super) fn passes_span(&self, oldest: Timestamp, newest: Timestamp) -> bool {
        self.filter.from.is_none_or(|from| newest >= from) && self.filter.to.is_none_or(|to| oldest < to)
    }

    pub(super) fn passes_moment(&self, at: Timestamp) -> bool {
        self.passes_span(at, at)
    }

    pub(super) fn passes_device(&self, device: &DeviceId) -> bool {
        self.filter.device.as_ref().is_none_or(|wanted| wanted == device)
    }

    /// `text` is room to write the name into, so that a dictionary of thousands allocates once.
    pub(super) fn passes_name(&self, name: &Name, text: &mut String) -> bool {
        let Some(wanted) = &self.filter.name else { return true };
        text.clear();
        write!(text, "{name}").is_ok() && text.contains(wanted.as_str())
    }

    pub(super) fn passes_verdict(&self, verdict: Verdict) -> bool {
        self.filter.verdict.is_none_or(|wanted| wanted == verdict)
    }

    pub(super) fn passes_outcome(&self, outcome: Outcome) -> bool {
        self.filter.outcome.is_none_or(|wanted| wanted == outcome)
    }

    /// Whether `event` is looked for.
    pub(super) fn passes(&self, event: &Event) -> bool {
        self.passes_moment(event.at)
            && self.passes_verdict(event.verdict)
            && self.passes_outcome(event.outcome)
            && self.passes_device(&event.device)
            && self.passes_name(&event.name, &mut String::new())
    }
}
