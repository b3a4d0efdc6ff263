//! The dictionary of a block: which askers, questions and results its events refer to.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::interned::Interned;
use super::names::{NameTable, NewNames, SharedNames};
use super::search::{Sieve, Wanted};
use super::value::Damaged;
use crate::event::{Event, Outcome, Transport};
use crate::policy::{DeviceId, Name, Verdict};
use crate::time::Timestamp;

/// Name, QTYPE, verdict, list.
pub(super) type Question = (u32, u16, u8, Option<u32>);
/// Outcome, RCODE, alias, upstream.
pub(super) type Outcomes = (u8, u16, Option<u32>, Option<u32>);
/// Device, address, transport.
pub(super) type From = (u32, IpAddr, u8);

/// As it stands in the value. Numbers are places in the tables before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Dictionary {
    /// Places in the names of the period: the first rising, each other as the step from the one before.
    shared: Vec<u32>,
    /// Names of this block alone; their places come after the shared ones.
    own: String,
    texts: Vec<String>,
    devices: Vec<DeviceId>,
    askers: Vec<From>,
    questions: Vec<Question>,
    results: Vec<Outcomes>,
}

/// What one event refers to: asker, question, result.
pub(super) type Places = (u32, u32, u32);

// The numbers in the store are the places in these tables: add at the end, never reorder.
pub(super) const TRANSPORTS: [Transport; 5] =
    [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https, Transport::Quic];
pub(super) const OUTCOMES: [Outcome; 7] = [
    Outcome::Muted,
    Outcome::Cached,
    Outcome::Forwarded,
    Outcome::Stale,
    Outcome::Local,
    Outcome::Failed,
    Outcome::Refused,
];

/// A dictionary in the making.
#[derive(Default)]
pub(super) struct Learning {
    names: Interned<Name>,
    texts: Interned<Arc<str>>,
    devices: Interned<DeviceId>,
    askers: Interned<From>,
    questions: Interned<Question>,
    results: Interned<Outcomes>,
}

impl Learning {
    /// Where the parts of `event` stand.
    pub(super) fn places(&mut self, event: &Event) -> Places {
        let device = self.devices.place(&event.device);
        let asker = self.askers.place(&(device, event.address, code(&TRANSPORTS, event.transport)));
        let list = event.list.as_ref().map(|list| self.texts.place(list));
        let name = self.names.place(&event.name);
        let question = self.questions.place(&(name, event.qtype, event.verdict.code(), list));
        let alias = event.alias.as_ref().map(|alias| self.names.place(alias));
        let upstream = event.upstream.as_ref().map(|upstream| self.texts.place(upstream));
        let result = self.results.place(&(code(&OUTCOMES, event.outcome), event.rcode, alias, upstream));
        (asker, question, result)
    }

    /// The dictionary, once all events were met. `questions`, the column that refers to questions, is put in the new order.
    pub(super) fn finish(self, questions: &mut [u32]) -> Dictionary {
        let mut own = NameTable::default();
        self.names.entries().iter().for_each(|name| own.push(name));
        Dictionary {
            shared: Vec::new(),
            own: own.text().to_owned(),
            texts: self.texts.entries().iter().map(|text| text.as_ref().into()).collect(),
            devices: self.devices.entries().to_vec(),
            askers: self.askers.entries().to_vec(),
            questions: most_frequent_first(self.questions.entries(), questions),
            results: self.results.entries().to_vec(),
        }
    }
}

fn code<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter().position(|entry| *entry == one).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

fn most_frequent_first<T: Clone>(entries: &[T], column: &mut [u32]) -> Vec<T> {
    let mut frequency = vec![0u32; entries.len()];
    for &place in column.iter() {
        frequency[place as usize] += 1;
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(frequency[place]));
    let mut new_place = vec![0u32; entries.len()];
    for (new, &old) in (0u32..).zip(&order) {
        new_place[old] = new;
    }
    for place in column {
        *place = new_place[*place as usize];
    }
    order.into_iter().map(|place| entries[place].clone()).collect()
}

impl Dictionary {
    /// The same with names that the period shares, as far as there is room; those it does not have yet are put into `new`.
    pub(super) fn share(self, names: &SharedNames, new: &mut NewNames) -> Result<Self, Damaged> {
        let own = NameTable::read(self.own);
        let (mut shared, mut left) = (Vec::new(), NameTable::default());
        let mut moved: Vec<Result<u32, u32>> = Vec::with_capacity(own.len());
        for place in 0..own.len() {
            let name = own.name(place)?;
            match names.place(&name, new) {
                Some(number) => {
                    shared.push(number);
                    moved.push(Ok(number));
                }
                None => {
                    moved.push(Err(u32::try_from(left.len()).map_err(|_| Damaged::Content)?));
                    left.push(&name);
                }
            }
        }
        shared.sort_unstable();
        let place = |old: u32| match at_place(&moved, old)? {
            Ok(number) => Ok(shared.partition_point(|one| one < number) as u32),
            Err(number) => Ok(shared.len() as u32 + number),
        };
        let mut questions = self.questions;
        for question in &mut questions {
            question.0 = place(question.0)?;
        }
        let mut results = self.results;
        for alias in results.iter_mut().filter_map(|result| result.2.as_mut()) {
            *alias = place(*alias)?;
        }
        let mut before = 0;
        let steps = shared.iter().map(|&number| number - std::mem::replace(&mut before, number));
        Ok(Self { shared: steps.collect(), own: left.text().to_owned(), questions, results, ..self })
    }

    /// Bytes it takes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.own.len() + 32 * (self.questions.len() + self.results.len() + self.askers.len() + self.texts.len())
    }

    /// Whether there are names that the period does not share.
    pub(super) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }
}

/// A dictionary that was read, with the names of its period.
pub(super) struct Words<'a> {
    raw: Dictionary,
    period: &'a NameTable,
    shared: Vec<u32>,
    own: NameTable,
    texts: Vec<Arc<str>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(mut raw: Dictionary, period: &'a NameTable) -> Self {
        let own = NameTable::read(std::mem::take(&mut raw.own));
        let mut number = 0u32;
        let step = |step: &u32| {
            number = number.saturating_add(*step);
            number
        };
        let shared = raw.shared.iter().map(step).collect();
        let texts = raw.texts.iter().map(|text| Arc::from(text.as_str())).collect();
        Self { raw, period, shared, own, texts }
    }

    fn name(&self, place: u32) -> Result<Name, Damaged> {
        let place = place as usize;
        match self.shared.get(place) {
            Some(&number) => self.period.name(number as usize),
            None => self.own.name(place - self.shared.len()),
        }
    }

    /// Puts an event together again.
    pub(super) fn event(&self, at: Timestamp, places: Places, took_us: u32) -> Result<Event, Damaged> {
        let &(device, address, transport) = at_place(&self.raw.askers, places.0)?;
        let &(name, qtype, verdict, list) = at_place(&self.raw.questions, places.1)?;
        let &(outcome, rcode, alias, upstream) = at_place(&self.raw.results, places.2)?;
        let text = |place: Option<u32>| place.map(|place| at_place(&self.texts, place).cloned()).transpose();
        Ok(Event {
            at,
            device: at_place(&self.raw.devices, device)?.clone(),
            address,
            transport: *at_place(&TRANSPORTS, transport.into())?,
            name: self.name(name)?,
            qtype,
            verdict: Verdict::from_code(verdict).ok_or(Damaged::Content)?,
            outcome: *at_place(&OUTCOMES, outcome.into())?,
            rcode,
            list: text(list)?,
            alias: alias.map(|place| self.name(place)).transpose()?,
            upstream: text(upstream)?,
            took_us,
        })
    }

    /// Which places `sieve` lets through, or none when no event of the block can be among what is looked for. `shared`
    /// says it for the names of the period.
    pub(super) fn wanted(&self, sieve: &Sieve, shared: &[bool]) -> Result<Option<Wanted>, Damaged> {
        let mut names = Vec::with_capacity(self.shared.len() + self.own.len());
        if sieve.asks_for_names() {
            for &number in &self.shared {
                names.push(*at_place(shared, number)?);
            }
            names.extend(self.own.iter().map(|name| sieve.passes_name(name)));
        } else {
            names.resize(self.shared.len() + self.own.len(), true);
        }
        let devices: Vec<bool> = self.raw.devices.iter().map(|device| sieve.passes_device(device)).collect();
        let text = |place: Option<u32>| place.map(|place| at_place(&self.texts, place)).transpose();
        let mut wanted = Wanted::default();
        for &(device, _, transport) in &self.raw.askers {
            let transport = *at_place(&TRANSPORTS, transport.into())?;
            wanted.askers.push(*at_place(&devices, device)? && sieve.passes_transport(transport));
        }
        for &(name, qtype, verdict, list) in &self.raw.questions {
            let verdict = Verdict::from_code(verdict).ok_or(Damaged::Content)?;
            let passes =
                *at_place(&names, name)? && sieve.passes_question(qtype, verdict, text(list)?.map(|list| &**list));
            wanted.questions.push(passes);
        }
        for &(outcome, rcode, _, upstream) in &self.raw.results {
            let outcome = *at_place(&OUTCOMES, outcome.into())?;
            wanted.results.push(sieve.passes_result(outcome, rcode, text(upstream)?.map(|upstream| &**upstream)));
        }
        if sieve.asks_for_labels() && wanted.is_possible() {
            for (place, &(name, ..)) in self.raw.questions.iter().enumerate() {
                // The catalogue is asked once a name, and only about names that are still looked for.
                let asked = wanted.questions[place];
                wanted.labels_of_names.push(if asked { sieve.label(&self.name(name)?) } else { None });
            }
            for &(_, _, alias, _) in &self.raw.results {
                let label = alias.map(|alias| Ok(sieve.label(&self.name(alias)?))).transpose()?;
                wanted.labels_of_aliases.push(label.flatten());
            }
        }
        Ok(wanted.is_possible().then_some(wanted))
    }
}

pub(super) fn at_place<T>(table: &[T], place: u32) -> Result<&T, Damaged> {
    table.get(place as usize).ok_or(Damaged::Content)
}
