//! The dictionary of a block: which askers, questions and results its events refer to.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::search::Sieve;
use super::value::Damaged;
use crate::event::{Event, Outcome, Transport};
use crate::policy::{DeviceId, Name, NameRef, Verdict};
use crate::time::Timestamp;

/// As it stands in the value. Numbers are places in the tables before.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Dictionary {
    /// Names in wire form, one behind the other: the root label ends each.
    names: Vec<u8>,
    texts: Vec<String>,
    devices: Vec<DeviceId>,
    /// Device, address, transport.
    askers: Vec<(u32, IpAddr, u8)>,
    /// Name, QTYPE, verdict, list. The most frequent one first, so that its place is one byte long.
    questions: Vec<(u32, u16, u8, Option<u32>)>,
    /// Outcome, RCODE, alias, upstream.
    results: Vec<(u8, u16, Option<u32>, Option<u32>)>,
}

/// What one event refers to: asker, question, result.
pub(super) type Places = (u32, u32, u32);

// The numbers in the store are the places in these tables: add at the end, never reorder.
const TRANSPORTS: [Transport; 5] = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https, Transport::Quic];
const OUTCOMES: [Outcome; 7] = [
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
    askers: Interned<(u32, IpAddr, u8)>,
    questions: Interned<(u32, u16, u8, Option<u32>)>,
    results: Interned<(u8, u16, Option<u32>, Option<u32>)>,
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
        Dictionary {
            names: self.names.entries.iter().flat_map(|name| name.as_ref().wire()).copied().collect(),
            texts: self.texts.entries.iter().map(|text| text.as_ref().into()).collect(),
            devices: self.devices.entries,
            askers: self.askers.entries,
            questions: most_frequent_first(&self.questions.entries, questions),
            results: self.results.entries,
        }
    }
}

fn code<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter().position(|entry| *entry == one).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

/// Entries in the order they were met, and where each stands.
struct Interned<T> {
    entries: Vec<T>,
    places: HashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    fn place(&mut self, entry: &T) -> u32 {
        if let Some(&place) = self.places.get(entry) {
            return place;
        }
        // A block has far fewer events than u32 has numbers.
        let place = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(entry.clone());
        self.places.insert(entry.clone(), place);
        place
    }
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

/// A dictionary that was read, its names and texts ready to be shared by many events.
pub(super) struct Words {
    names: Vec<Name>,
    texts: Vec<Arc<str>>,
    raw: Dictionary,
}

impl Words {
    /// Splits the names and checks them.
    pub(super) fn new(raw: Dictionary) -> Result<Self, Damaged> {
        let names = split_names(&raw.names)?;
        let texts = raw.texts.iter().map(|text| Arc::from(text.as_str())).collect();
        Ok(Self { names, texts, raw })
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
            name: at_place(&self.names, name)?.clone(),
            qtype,
            verdict: Verdict::from_code(verdict).ok_or(Damaged::Content)?,
            outcome: *at_place(&OUTCOMES, outcome.into())?,
            rcode,
            list: text(list)?,
            alias: alias.map(|place| at_place(&self.names, place).cloned()).transpose()?,
            upstream: text(upstream)?,
            took_us,
        })
    }

    /// Which places `sieve` lets through, or none when no event of the block can be among what is looked for.
    pub(super) fn wanted(&self, sieve: &Sieve) -> Result<Option<Wanted>, Damaged> {
        let mut text = String::new();
        let names: Vec<bool> = self.names.iter().map(|name| sieve.passes_name(name, &mut text)).collect();
        let devices: Vec<bool> = self.raw.devices.iter().map(|device| sieve.passes_device(device)).collect();
        let mut wanted = Wanted::default();
        for &(device, ..) in &self.raw.askers {
            wanted.askers.push(*at_place(&devices, device)?);
        }
        for &(name, _, verdict, _) in &self.raw.questions {
            let verdict = Verdict::from_code(verdict).ok_or(Damaged::Content)?;
            wanted.questions.push(*at_place(&names, name)? && sieve.passes_verdict(verdict));
        }
        for &(outcome, ..) in &self.raw.results {
            wanted.results.push(sieve.passes_outcome(*at_place(&OUTCOMES, outcome.into())?));
        }
        let any = |flags: &[bool]| flags.contains(&true);
        let possible = any(&wanted.askers) && any(&wanted.questions) && any(&wanted.results);
        Ok(possible.then_some(wanted))
    }
}

/// For every entry of a dictionary, whether it is looked for.
#[derive(Default)]
pub(super) struct Wanted {
    askers: Vec<bool>,
    questions: Vec<bool>,
    results: Vec<bool>,
}

impl Wanted {
    /// Whether an event with these parts is looked for.
    pub(super) fn holds(&self, places: Places) -> Result<bool, Damaged> {
        Ok(*at_place(&self.askers, places.0)?
            && *at_place(&self.questions, places.1)?
            && *at_place(&self.results, places.2)?)
    }
}

fn at_place<T>(table: &[T], place: u32) -> Result<&T, Damaged> {
    table.get(place as usize).ok_or(Damaged::Content)
}

/// Splits names in wire form that stand one behind the other.
pub(super) fn split_names(mut wires: &[u8]) -> Result<Vec<Name>, Damaged> {
    let mut names = Vec::new();
    while !wires.is_empty() {
        let mut end = 0;
        loop {
            match wires.get(end) {
                Some(0) => break end += 1,
                Some(&len) => end += 1 + usize::from(len),
                None => return Err(Damaged::Content),
            }
        }
        let (wire, rest) = wires.split_at_checked(end).ok_or(Damaged::Content)?;
        names.push(NameRef::from_lower_wire(wire).map_err(|_| Damaged::Content)?.to_owned());
        wires = rest;
    }
    Ok(names)
}
