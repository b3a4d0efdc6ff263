//! The dictionary of a block in layout 1.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::dictionary::{OUTCOMES, Places, TRANSPORTS, at_place};
use super::super::sheet::split_names;
use super::super::value::Damaged;
use crate::event::Event;
use crate::policy::{DeviceId, Name, Verdict};
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
}

#[cfg(test)]
impl Dictionary {
    /// Everything that `events` refer to, each for itself.
    pub(super) fn of(events: &[Event]) -> Self {
        let mut all = Self::default();
        for (event, place) in events.iter().zip(0u32..) {
            let mut text = |text: &Option<Arc<str>>| {
                text.as_ref().map(|text| {
                    all.texts.push(text.to_string());
                    all.texts.len() as u32 - 1
                })
            };
            let (list, upstream) = (text(&event.list), text(&event.upstream));
            let root = Name::root();
            for name in [&event.name, event.alias.as_ref().unwrap_or(&root)] {
                all.names.extend(name.as_ref().wire());
            }
            all.devices.push(event.device.clone());
            let transport = TRANSPORTS.iter().position(|one| *one == event.transport).unwrap();
            let outcome = OUTCOMES.iter().position(|one| *one == event.outcome).unwrap();
            all.askers.push((place, event.address, transport as u8));
            all.questions.push((2 * place, event.qtype, event.verdict.code(), list));
            all.results.push((outcome as u8, event.rcode, event.alias.as_ref().map(|_| 2 * place + 1), upstream));
        }
        all
    }
}
