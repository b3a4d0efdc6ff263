//! `sordino report DEVICE`.

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::task::spawn_blocking;

use super::explain::find;
use crate::app::Failure;
use crate::config::Config;
use crate::control::subscriptions::Record;
use crate::control::{ListView, State};
use crate::device::{Device, files, neighbour};
use crate::insight::{self, ListInForce, Report, Wanted};
use crate::store::{Held, Settings, Store};
use crate::time::{Clock, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Which report.
#[derive(Debug, Args)]
pub struct Subject {
    /// The name of a device, an address, a MAC address, or an identity such as mac-3c:5a:b4:01:02:03.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// How many days back it reaches.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Form::Html)]
    format: Form,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A page of its own.
    Html,
    /// A row for each name.
    Csv,
    /// All of it.
    Json,
}

/// Writes the report from the history on disk. The page of a sordino that runs writes the same.
pub(super) async fn report(path: &Path, subject: &Subject) -> Result<String, Failure> {
    let config = Config::read(path)?;
    let dir = config.store.path.clone();
    let now = Clock::System.now();
    let (from, to) = (now.before(DAY * subject.days), now);
    let zone = config.control.schedules.zone.clone();
    let at = i64::try_from(now.millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let offset = at.map_or(0, |at| zone.to_offset(at).seconds() / 60);
    let neighbours = neighbour::once().await;
    let loading = spawn_blocking(move || {
        let settings = Settings::read(&config.store.path)
            .map_err(|error| format!("the settings in {} cannot be read: {error}", config.store.path.display()))?;
        let told = files::once(&config.house.files, &Clock::System);
        let state = State::load(config.control.clone().read_only(), settings);
        Ok::<_, String>((state.with_house(neighbours, told, Clock::System.now()), config))
    });
    let loaded = loading.await.map_err(|error| Failure::Other(error.to_string()))?;
    let (state, config) = loaded.map_err(Failure::Other)?;
    let device = find(&subject.device, &state.snapshot().devices)?;
    let held = dir.is_dir().then(|| Held::take(&dir)).transpose();
    match held.map_err(|error| Failure::Other(format!("the store in {} cannot be used: {error}", dir.display())))? {
        None => Err(Failure::Other(format!("there is no history in {}", dir.display()))),
        Some(None) => Err(Failure::Other(
            "a sordino that runs holds the history; open the device in its page and save the report there".into(),
        )),
        Some(Some(held)) => {
            drop(held);
            let form = subject.format;
            let device = Device::clone(&device);
            let writing = spawn_blocking(move || {
                from_the_disk(&config, &state, &device, (from, to), offset).map(|report| form.write(&report))
            });
            let text = writing.await.map_err(|error| Failure::Other(error.to_string()))?;
            text.ok_or_else(|| Failure::Other(format!("{} never asked for anything", subject.device)))
        }
    }
}

fn from_the_disk(
    config: &Config,
    state: &State,
    device: &Device,
    (from, to): (Timestamp, Timestamp),
    utc_offset_minutes: i32,
) -> Option<Report> {
    let store = Store::open(config.store.clone(), Clock::System);
    let list = |view: &ListView| ListInForce {
        name: view.report.name.clone(),
        action: view.report.action,
        names: view.report.names as u64,
        fetched: Record::read(&config.control.subscriptions.dir, &view.group).fetched,
    };
    let lists = state.lists().iter().map(list).collect();
    let snapshot = state.snapshot();
    insight::report(Wanted {
        store: &store,
        snapshot: &snapshot,
        device,
        from,
        to,
        utc_offset_minutes,
        made: to,
        lists,
    })
}

impl Form {
    fn write(self, report: &Report) -> String {
        match self {
            Self::Html => insight::report_html(report),
            Self::Csv => insight::report_csv(report),
            Self::Json => serde_json::to_string_pretty(report).unwrap_or_default(),
        }
    }
}
