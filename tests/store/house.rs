//! A house whose devices ask believable names, and a store that records them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sordino::device::Devices;
use sordino::event::{Event, EventSink, Outcome, Transport, queue};
use sordino::policy::{DeviceId, MacAddr, Name, Policy, Verdict};
use sordino::snapshot::{Snapshot, SnapshotCell};
use sordino::store::{EventId, Filter, Options, Page, Store, kept_took};
use sordino::time::{Clock, Hour, Timestamp};
use tokio::sync::broadcast;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const NEVER: Duration = Duration::from_secs(1_000_000);
/// 2026-11-21 10:00 UTC
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_255_200_000);

/// A store with its recorder running.
pub(crate) struct Running {
    pub(crate) store: Arc<Store>,
    pub(crate) sink: EventSink,
    pub(crate) live: broadcast::Receiver<Arc<(EventId, Event)>>,
    recorder: JoinHandle<()>,
}

pub(crate) fn options(path: &Path) -> Options {
    Options { flush: NEVER, ..Options::at(path.to_owned()) }
}

pub(crate) fn manual_clock() -> (Clock, Arc<AtomicU64>) {
    let millis = Arc::new(AtomicU64::new(START.millis()));
    (Clock::Manual(millis.clone()), millis)
}

impl Running {
    pub(crate) fn start(options: Options, clock: Clock) -> Self {
        Self::start_with(options, clock, Devices::default())
    }

    pub(crate) fn start_with(options: Options, clock: Clock, devices: Devices) -> Self {
        Self::start_narrow(options, clock, devices, 200_000)
    }

    /// With a queue of `bound` events: whoever may wait knows by waiting that all but so many were taken.
    pub(crate) fn start_narrow(options: Options, clock: Clock, devices: Devices, bound: usize) -> Self {
        let store = Store::open(options, clock);
        let (sink, events) = queue(bound);
        let (sender, live) = broadcast::channel(65_536);
        let snapshot =
            Snapshot { policy: Arc::new(Policy::default()), devices: Arc::new(devices), local: Arc::default() };
        let recorder = store.record(events, Arc::new(SnapshotCell::new(snapshot)), sender).unwrap();
        Self { store, sink, live, recorder }
    }

    /// Waits until the recorder has taken in `count` more events.
    pub(crate) fn taken(&mut self, count: usize) {
        for _ in 0..count {
            self.live.blocking_recv().unwrap();
        }
    }

    /// Lets the last sink go and waits for the recorder to end. The store can still be read.
    pub(crate) fn stop(self) -> Arc<Store> {
        drop(self.sink);
        self.recorder.join().unwrap();
        self.store
    }
}

/// Records `events` with the store at `path` in one go.
pub(crate) fn record(path: &Path, events: &[Event]) -> Arc<Store> {
    record_at(path, events, Clock::Manual(Arc::new(AtomicU64::new(START.millis()))))
}

pub(crate) fn record_at(path: &Path, events: &[Event], clock: Clock) -> Arc<Store> {
    let running = Running::start(options(path), clock);
    events.iter().cloned().for_each(|event| running.sink.hand_over(event));
    running.stop()
}

pub(crate) fn reopen(path: &Path) -> Arc<Store> {
    Store::open(options(path), manual_clock().0)
}

/// A small generator of numbers, so that every run is the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Small numbers far more often than large ones, as people and devices ask names.
    fn skewed(&mut self, bound: u64) -> u64 {
        let (a, b) = (self.below(bound) + 1, self.below(bound) + 1);
        (a * b / (bound + 1)) * self.below(bound) / bound
    }
}

/// `count` queries of twenty devices that ask six hundred names, about one a second from [`START`] on.
pub(crate) fn household(count: usize, seed: u64) -> Vec<Event> {
    let mut dice = Dice(seed);
    let mut at = START;
    (0..count)
        .map(|_| {
            at = at.after(Duration::from_millis(dice.skewed(4_000)));
            query(&mut dice, at)
        })
        .collect()
}

pub(crate) fn query(dice: &mut Dice, at: Timestamp) -> Event {
    const SERVICES: [&str; 8] = ["api", "data.mistat", "cdn", "metrics", "time", "push.gateway", "www", "telemetry"];
    const VENDORS: [&str; 6] = ["xiaomi", "samsungcloud", "icloud-content", "amazonvideo", "example", "googleapis"];
    let device = u8::try_from(dice.skewed(20)).unwrap();
    let number = dice.skewed(600) * 31 % 600 + u64::from(device) / 7;
    let service = SERVICES[number as usize % SERVICES.len()];
    let vendor = VENDORS[number as usize / SERVICES.len() % VENDORS.len()];
    let name = Name::parse(&format!("{service}{}.{vendor}.example", number / 48)).unwrap();
    let verdict = match service {
        "data.mistat" | "telemetry" => Verdict::Block,
        "metrics" => Verdict::Watch,
        _ => Verdict::Pass,
    };
    let outcome = match (verdict, dice.below(10)) {
        (Verdict::Block, _) => Outcome::Muted,
        (_, 0..6) => Outcome::Cached,
        _ => Outcome::Forwarded,
    };
    let forwarded = outcome == Outcome::Forwarded;
    Event {
        at,
        device: DeviceId::Mac(MacAddr([0x3c, 0x5a, 0xb4, 1, 2, device])),
        address: std::net::IpAddr::from([192, 168, 1, device + 10]),
        transport: Transport::Udp,
        qtype: [1, 28, 65][number as usize % 3],
        list: (verdict != Verdict::Pass).then(|| Arc::from(vendor)),
        alias: None,
        upstream: forwarded.then(|| Arc::from("udp://127.0.0.1:5353")),
        took_us: kept_took(
            u32::try_from(if forwarded { 4_000 + dice.below(30_000) } else { 20 + dice.below(80) }).unwrap(),
        ),
        rcode: if dice.below(20) == 0 { 3 } else { 0 },
        name,
        verdict,
        outcome,
    }
}

/// All of the journal, the oldest first, read page by page.
pub(crate) fn journal(store: &Store) -> Vec<(EventId, Event)> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let Page { events, next } = store.events(&Devices::default(), &Filter::default(), before, 700);
        all.extend(events);
        match next {
            Some(_) => before = next,
            None => break,
        }
    }
    all.reverse();
    all
}

pub(crate) fn events_of(store: &Store) -> Vec<Event> {
    journal(store).into_iter().map(|(_, event)| event).collect()
}

pub(crate) type Sums = BTreeMap<(DeviceId, Hour, Name, Verdict), u64>;

/// What the tallies say.
pub(crate) fn tallies(store: &Store) -> Sums {
    let mut sums = Sums::new();
    store.tallies(&Devices::default(), None, Hour::from_number(0), Hour::from_number(u32::MAX), &mut |run| {
        assert!(run.hours.is_sorted_by(|one, next| one.0 < next.0), "the hours rise");
        for &(hour, count) in run.hours {
            *sums.entry((run.device.clone(), hour, run.name.clone(), run.verdict)).or_default() += count;
        }
    });
    sums
}

/// What the tallies should say.
pub(crate) fn count<'a>(events: impl IntoIterator<Item = &'a Event>) -> Sums {
    let mut sums = Sums::new();
    for event in events {
        *sums.entry((event.device.clone(), event.at.hour(), event.name.clone(), event.verdict)).or_default() += 1;
    }
    sums
}

/// Asserts that journal and tallies tell of the same events, and returns them.
pub(crate) fn consistent(store: &Store) -> Vec<Event> {
    let journal = journal(store);
    assert!(journal.is_sorted_by(|a, b| a.0 < b.0), "places rise and none is there twice");
    let events: Vec<Event> = journal.into_iter().map(|(_, event)| event).collect();
    assert_eq!(tallies(store), count(&events), "journal and tallies agree");
    events
}

pub(crate) fn turn(millis: &AtomicU64, by: Duration) {
    millis.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
}
