//! What devices give away of themselves by what they ask: vendors and products of the catalogue, for a guess at what they are.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::house::House;
use crate::device::{Device, Guess, guess};
use crate::policy::{DeviceId, Name};
use crate::time::Timestamp;

/// What counts: what was asked in the last days.
const SPAN: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it is good for. The whole span is read for it, and what a thing is does not change every minute.
const FRESH: Duration = Duration::from_secs(60);
/// Different names that are looked up in the catalogue.
const NAMES_BOUND: usize = 50_000;

/// A vendor and a product of the catalogue.
type Product = (Arc<str>, Arc<str>);

/// The vendors and products that each device called.
#[derive(Debug, Default)]
pub(crate) struct Called(HashMap<DeviceId, BTreeSet<Product>>);

/// Remembers what was found for a while.
#[derive(Debug, Default)]
pub(crate) struct Giveaways(Mutex<Option<(Timestamp, Arc<Called>)>>);

impl Giveaways {
    /// What each device called lately. Blocks.
    pub(crate) fn of(&self, house: &House) -> Arc<Called> {
        let now = house.clock.now();
        // Held while it is read anew: whoever else wants to know waits for the same.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, called)) = &*kept
            && (at.after(FRESH) > now && *at <= now)
        {
            return called.clone();
        }
        let called = Arc::new(Called::read(house, now));
        *kept = Some((now, called.clone()));
        called
    }
}

impl Called {
    fn read(house: &House, now: Timestamp) -> Self {
        let snapshot = house.snapshot();
        let mut labels: HashMap<Name, Option<Product>> = HashMap::new();
        let mut called: HashMap<DeviceId, BTreeSet<Product>> = HashMap::new();
        let (from, to) = (now.before(SPAN).hour(), now.after(Duration::from_secs(3600)).hour());
        house.store.tallies(&snapshot.devices, None, from, to, &mut |run| {
            if labels.len() >= NAMES_BOUND && !labels.contains_key(run.name) {
                return;
            }
            let label = |name: &Name| {
                let label = snapshot.policy.label(name.as_ref())?;
                Some((label.vendor.clone(), label.product.clone()))
            };
            if let Some(product) = labels.entry(run.name.clone()).or_insert_with_key(label) {
                called.entry(run.device.clone()).or_default().insert(product.clone());
            }
        });
        Self(called)
    }

    /// What `device` probably is.
    pub(crate) fn guess(&self, device: &Device) -> Option<Guess> {
        let called = self.0.get(&device.id).into_iter().flatten();
        guess(device, called.map(|(vendor, product)| (&**vendor, &**product)))
    }
}
