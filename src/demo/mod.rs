//! sordino with a virtual household, so that every page has something true to show.
//!
//! [`run`] writes a configuration into a directory of its own and then starts sordino as `sordino run` does. What is
//! made up stands outside of it: [`household`] and [`questions`] say who asks what and when, [`internet`] what the world
//! answers, [`forwarder`] answers it on the wire, [`history`] brings in what the store lacks up to now, and [`live`]
//! lets the devices ask on. Nothing leaves the machine.

pub mod forwarder;
pub mod history;
pub mod household;
pub mod internet;
pub mod live;
pub mod questions;
mod residents;
mod setting;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::forwarder::Forwarder;
use self::history::Past;
use self::household::Household;
use self::internet::Internet;
use self::setting::Setting;
use crate::app::{self, Failure, Ready};
use crate::config::Config;
use crate::control::State;
use crate::device::Devices;
use crate::event;
use crate::snapshot::SnapshotCell;
use crate::store::Store;
use crate::time::{Clock, Timestamp};

/// The password of the demo's page. It is told to whoever starts the demo, and holds there only.
pub const PASSWORD: &str = "sordino-demo";
/// How far back the history goes.
pub const HISTORY: Duration = Duration::from_secs(14 * 24 * 3600);
/// How many times as often devices ask live as they did in the history, so that a page need not be watched for long.
pub const PACE: u32 = 4;

/// How the demo is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory it keeps its configuration and its store in. Made if it is missing.
    pub path: PathBuf,
    /// The directory of the catalogue.
    pub lists: PathBuf,
    /// The port of 127.0.0.1 for DNS; a free one where it is taken.
    pub dns_port: u16,
    /// The port of 127.0.0.1 for the page; a free one where it is taken.
    pub page_port: u16,
    /// What the household's chance is drawn from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { path: "data-demo".into(), lists: "blocklists".into(), dns_port: 5300, page_port: 8053, seed: 1 }
    }
}

/// Runs the demo until a signal says to stop.
///
/// # Errors
/// When its directory cannot be written, when the catalogue is not there, and whenever [`app::run`] fails.
pub async fn run(options: Options) -> Result<(), Failure> {
    let clock = Clock::System;
    let now = clock.now();
    let household = Arc::new(Household::new(now, 0).map_err(Failure::own)?);
    let internet = Arc::new(Internet::new().map_err(Failure::own)?);
    let forwarder = Forwarder::bind(internet.clone()).await.map_err(Failure::of_loopback)?;
    let upstream = format!("udp://{}", forwarder.address().map_err(Failure::of_loopback)?);

    let setting = Setting { options: &options, household: &household, upstream: &upstream };
    let written = setting.prepare().await?;
    bring_in_history(written.read()?, household.clone(), internet, &upstream, now, options.seed).await?;
    // Only now: a demo that already runs in this directory has been noticed by its store, and its file is not ours to touch.
    let config = written.save().await?;

    let (guests, stop) = (TaskTracker::new(), CancellationToken::new());
    guests.spawn(forwarder.serve(stop.clone()));
    let result = app::run(&config, |ready| {
        say_where(ready);
        let Some(&dns) = ready.dns.first() else { return };
        // Another seed than the past had: people do not live the same days again.
        let seed = options.seed ^ now.millis();
        for device in 0..household.residents().len() {
            guests.spawn(ask_on(household.clone(), device, dns, clock.clone(), seed, stop.clone()));
        }
    });
    let result = result.await;
    stop.cancel();
    guests.close();
    guests.wait().await;
    result
}

/// Lets the store know what the household asked up to `now`: two weeks if it is empty, else what it missed while the demo
/// did not run.
async fn bring_in_history(
    config: Config,
    household: Arc<Household>,
    internet: Arc<Internet>,
    upstream: &str,
    now: Timestamp,
    seed: u64,
) -> Result<(), Failure> {
    let upstream: Arc<str> = upstream.into();
    tracing::info!("bringing in what the household of the demo asked up to now");
    let filling = spawn_blocking(move || {
        let store = Store::open(config.store, Clock::System);
        if let Some(problem) = store.health().problem {
            return Err(Failure::Other(format!("the demo cannot keep its history. {problem}")));
        }
        let heard_last = store.devices(&Devices::default()).into_iter().map(|(_, _, last)| last).max();
        let from = heard_last.map_or_else(|| now.before(HISTORY), |last| last.after(Duration::from_millis(1)));
        let snapshot = State::load(config.control, store.settings()).snapshot();

        let (sink, queue) = event::queue(config.dns.limits.events);
        let cell = Arc::new(SnapshotCell::new(snapshot.clone()));
        let recorder = store.record(queue, cell, broadcast::channel(1).0).map_err(Failure::own)?;
        let past = Past { household: &household, internet: &internet, snapshot: &snapshot, upstream };
        let recorded = past.record(from.max(now.before(HISTORY)), now, seed, &sink).map_err(Failure::own);
        drop(sink);
        let ended = recorder.join();
        ended.map_err(|_| Failure::Other("the history could not be written; the log says why".into()))?;
        recorded
    });
    let recorded = filling.await.map_err(Failure::own)??;
    tracing::info!(questions = recorded, "the history is complete");
    Ok(())
}

async fn ask_on(
    household: Arc<Household>,
    device: usize,
    dns: SocketAddr,
    clock: Clock,
    seed: u64,
    stop: CancellationToken,
) {
    let resident = &household.residents()[device];
    let (name, address) = (resident.name, resident.address);
    if let Err(error) = live::live(household, device, dns, clock, (seed, PACE), stop).await {
        tracing::warn!(
            "{name} asks nothing more: {address} cannot be used ({error}); add it to the loopback interface"
        );
    }
}

fn say_where(ready: &Ready) {
    let page = ready.page.map_or_else(|| "nowhere (the log says why)".to_owned(), |page| format!("http://{page}/"));
    let mut stdout = io::stdout().lock();
    // Whoever closed stdout does not want to know.
    let _ = writeln!(
        stdout,
        "The page of the demo is at {page} and its password is {PASSWORD}; its six virtual devices ask {PACE} times as often as real ones would."
    )
    .and_then(|()| stdout.flush());
}

impl Failure {
    /// Something that is nobody's fault but ours, or the machine's.
    fn own(error: impl std::fmt::Display) -> Self {
        Self::Other(format!("the demo cannot go on: {error}"))
    }

    fn of_loopback(error: io::Error) -> Self {
        Self::Other(format!("the demo's forwarder finds no free port on 127.0.0.1: {error}"))
    }
}
