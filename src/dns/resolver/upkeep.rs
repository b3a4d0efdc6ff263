//! A resolver from outside the story: how it is made, looked at and emptied.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::mpsc;

use super::Resolver;
use crate::dns::cache::Cache;
use crate::dns::cookie::Cookies;
use crate::dns::counters::Counters;
use crate::dns::flight::Flights;
use crate::dns::labels::Labels;
use crate::dns::options::{BadOption, Options, Status};
use crate::dns::pace::Pace;
use crate::dns::rate::Rations;
use crate::dns::serving::Serving;
use crate::dns::strangers::Strangers;
use crate::dns::validate::Validator;
use crate::event::EventSink;
use crate::policy::Name;
use crate::snapshot::SnapshotCell;
use crate::time::{Clock, Timestamp};

impl Resolver {
    /// A resolver with an empty cache. `strangers` is told addresses that no device is known for.
    ///
    /// # Errors
    /// When an option cannot be used; [`Options::check`] finds the same.
    pub fn new(
        options: &Options,
        snapshot: Arc<SnapshotCell>,
        events: EventSink,
        strangers: mpsc::Sender<IpAddr>,
        clock: Clock,
    ) -> Result<Arc<Self>, BadOption> {
        options.check()?;
        let cache = Arc::new(Cache::new(options.cache_size));
        let flights = Arc::new(Flights::new(options.limits.flights));
        let upstreams = Arc::new(options.upstreams()?);
        Ok(Arc::new(Self {
            validator: Validator::wanted(&options.dnssec, &cache, &flights, &upstreams, &clock)?,
            snapshot,
            cache,
            flights,
            upstreams,
            prefetch: options.prefetch,
            events,
            strangers: Strangers::new(strangers, clock.instant()),
            labels: Labels::new(options.limits.device_labels),
            cookies: Cookies::new()?,
            rations: Rations::new(&options.limits, clock.instant()),
            pace: Pace::default(),
            clock,
            admitted: options.admitted()?,
            trusted: options.trusted()?,
            limits: options.limits.clone(),
            counters: Counters::default(),
            serving: OnceLock::new(),
        }))
    }

    /// Forgets cached answers for `name` (with `subtree`, below it as well), or all; says how many.
    pub fn flush(&self, name: Option<&Name>, subtree: bool) -> usize {
        self.cache.flush(name.map(Name::as_ref), subtree)
    }

    /// Whether the whole internet may ask, which is worth a warning.
    pub fn is_open(&self) -> bool {
        self.admitted.is_open()
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        let mut counters = self.counters.read();
        counters.extend([("flights", self.flights.turned_away()), ("events", self.events.dropped())]);
        counters.push(("late_at_once", self.pace.paced.total()));
        counters.extend(self.upstreams.counters());
        Status {
            upstreams: self.upstreams.status(),
            cache_entries: self.cache.entries(),
            cache_bytes: self.cache.bytes(),
            cache_capacity: self.cache.capacity(),
            counters,
            encrypted: self.serving.get().map(Serving::status).unwrap_or_default(),
            certificate_problems: self.serving.get().map(|one| one.problems(self.clock.now())).unwrap_or_default(),
        }
    }

    /// The time of day and the monotonic time, read together.
    pub(in crate::dns) fn now(&self) -> (Timestamp, Instant) {
        (self.clock.now(), self.clock.instant())
    }
}
