//! Which events are looked for, asked in the order in which it is cheapest to say no.

use super::Filter;
use super::dictionary::{Places, at_place};
use super::filter::{NameMatch, Term, What};
use super::sheet::Sheet;
use super::tally::verdict_of;
use super::value::Damaged;
use crate::event::{Event, Outcome, Transport};
use crate::policy::{DeviceId, Name, Verdict};
use crate::time::Timestamp;

/// A [`Filter`] made ready to be asked many times.
#[derive(Clone, Debug)]
pub struct Sieve {
    filter: Filter,
    asks_for_names: bool,
}

impl Sieve {
    /// Lower-cases the text of `filter` and makes all of it terms.
    pub(super) fn new(filter: &Filter) -> Self {
        let mut filter = filter.clone();
        let only = |what: What| Term { exclude: false, what };
        let part = filter.name.take().map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
        let terms = [
            part.map(|part| What::Name(vec![NameMatch::Part(part)])),
            filter.device.take().map(|device| What::Device(vec![device])),
            filter.verdict.take().map(|verdict| What::Verdict(vec![verdict])),
            filter.outcome.take().map(|outcome| What::Outcome(vec![outcome])),
        ];
        filter.terms.extend(terms.into_iter().flatten().map(only));
        let asks_for_names = filter.terms.iter().any(|term| matches!(term.what, What::Name(_)));
        Self { filter, asks_for_names }
    }

    /// Whether an event with both its times in this span may be looked for.
    pub(super) fn passes_span(&self, oldest: Timestamp, newest: Timestamp) -> bool {
        self.filter.from.is_none_or(|from| newest >= from) && self.filter.to.is_none_or(|to| oldest < to)
    }

    pub(super) fn passes_moment(&self, at: Timestamp) -> bool {
        self.passes_span(at, at)
    }

    /// Whether any term is about names.
    pub(super) fn asks_for_names(&self) -> bool {
        self.asks_for_names
    }

    pub(super) fn passes_name(&self, name: &str) -> bool {
        self.all(|what| match what {
            What::Name(matches) => Some(matches.iter().any(|one| one.matches(name))),
            _ => None,
        })
    }

    pub(super) fn passes_device(&self, device: &DeviceId) -> bool {
        self.all(|what| match what {
            What::Device(devices) => Some(devices.contains(device)),
            _ => None,
        })
    }

    pub(super) fn passes_transport(&self, transport: Transport) -> bool {
        self.all(|what| match what {
            What::Transport(transports) => Some(transports.contains(&transport)),
            _ => None,
        })
    }

    pub(super) fn passes_verdict(&self, verdict: Verdict) -> bool {
        self.all(|what| match what {
            What::Verdict(verdicts) => Some(verdicts.contains(&verdict)),
            _ => None,
        })
    }

    pub(super) fn passes_question(&self, qtype: u16, verdict: Verdict, list: Option<&str>) -> bool {
        self.passes_verdict(verdict)
            && self.all(|what| match what {
                What::Qtype(qtypes) => Some(qtypes.contains(&qtype)),
                What::List(lists) => Some(list.is_some_and(|list| lists.iter().any(|one| **one == *list))),
                _ => None,
            })
    }

    pub(super) fn passes_result(&self, outcome: Outcome, rcode: u16, upstream: Option<&str>) -> bool {
        self.all(|what| match what {
            What::Outcome(outcomes) => Some(outcomes.contains(&outcome)),
            What::Rcode(rcodes) => Some(rcodes.contains(&rcode)),
            What::Upstream(all) => Some(upstream.is_some_and(|upstream| all.iter().any(|one| **one == *upstream))),
            _ => None,
        })
    }

    /// Whether the catalogue has a say.
    pub(super) fn asks_for_labels(&self) -> bool {
        self.filter.labels.is_some()
    }

    /// Whether the label of `name` passes; none where it has no label.
    pub(super) fn label(&self, name: &Name) -> Option<bool> {
        self.filter.labels.as_ref().and_then(|labels| (labels.label)(name.as_ref()))
    }

    /// What is to be said of an event whose name or alias has this label.
    pub(super) fn passes_label(&self, label: Option<bool>) -> bool {
        self.filter.labels.as_ref().is_none_or(|labels| label.unwrap_or(labels.unlabelled))
    }

    /// Whether `event` is looked for.
    pub fn passes(&self, event: &Event) -> bool {
        self.passes_moment(event.at)
            && self.passes_question(event.qtype, event.verdict, event.list.as_deref())
            && self.passes_result(event.outcome, event.rcode, event.upstream.as_deref())
            && self.passes_device(&event.device)
            && self.passes_transport(event.transport)
            && (!self.asks_for_names || self.passes_name(&event.name.to_string()))
            && (!self.asks_for_labels() || {
                let of_alias = event.alias.as_ref().and_then(|alias| self.label(alias));
                self.passes_label(of_alias.or_else(|| self.label(&event.name)))
            })
    }

    /// Whether an event that `sheet` counts may be looked for. Names that there was no room for are counted under the root.
    pub(super) fn may_pass(&self, sheet: &Sheet) -> bool {
        let (devices, names) = self.wanted_of(sheet);
        let mut keys = sheet.keys();
        keys.any(|key| {
            devices[key.device as usize] && names[key.name as usize] && self.passes_verdict(verdict_of(key.verdict))
        })
    }

    /// As [`may_pass`](Self::may_pass), of a sheet without its counts: whether there is a device, a name and a list for it.
    pub(super) fn may_be_about(&self, sheet: &Sheet) -> bool {
        let lists = |what: &What| match what {
            What::List(lists) => Some(sheet.lists.iter().any(|list| lists.contains(list))),
            _ => None,
        };
        let has_lists = self.filter.terms.iter().all(|term| term.exclude || lists(&term.what) != Some(false));
        let (devices, names) = self.wanted_of(sheet);
        has_lists && devices.contains(&true) && names.contains(&true)
    }

    /// Which devices and which names of `sheet` are looked for.
    fn wanted_of(&self, sheet: &Sheet) -> (Vec<bool>, Vec<bool>) {
        let devices = sheet.devices.iter().map(|device| self.passes_device(device)).collect();
        let names = match self.asks_for_names {
            true => {
                sheet.names.iter().map(|name| name.as_ref().is_root() || self.passes_name(&name.to_string())).collect()
            }
            false => vec![true; sheet.names.len()],
        };
        (devices, names)
    }

    /// Whether all terms that `matches` has an opinion on are content.
    fn all(&self, matches: impl Fn(&What) -> Option<bool>) -> bool {
        self.filter.terms.iter().all(|term| matches(&term.what).is_none_or(|matches| matches != term.exclude))
    }
}

/// For every entry of a dictionary, whether it is looked for.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) askers: Vec<bool>,
    pub(super) questions: Vec<bool>,
    pub(super) results: Vec<bool>,
    /// Empty where nobody asks for labels.
    pub(super) labels_of_names: Vec<Option<bool>>,
    pub(super) labels_of_aliases: Vec<Option<bool>>,
}

impl Wanted {
    /// Whether any event can be looked for.
    pub(super) fn is_possible(&self) -> bool {
        [&self.askers, &self.questions, &self.results].into_iter().all(|flags| flags.contains(&true))
    }

    /// Whether an event with these parts is looked for.
    pub(super) fn holds(&self, sieve: &Sieve, places: Places) -> Result<bool, Damaged> {
        let holds = *at_place(&self.questions, places.1)?
            && *at_place(&self.askers, places.0)?
            && *at_place(&self.results, places.2)?;
        if !holds || self.labels_of_names.is_empty() {
            return Ok(holds);
        }
        let of_alias = *at_place(&self.labels_of_aliases, places.2)?;
        Ok(sieve.passes_label(of_alias.or(*at_place(&self.labels_of_names, places.1)?)))
    }
}
