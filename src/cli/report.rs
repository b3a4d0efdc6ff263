//! `sordino report DEVICE`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::task::spawn_blocking;

use super::explain::find;
use super::running::{as_owner, begin, opened, wait};
use crate::app::Failure;
use crate::config::Config;
use crate::control::asked::Request;
use crate::control::subscriptions::Record;
use crate::control::{ListView, ReportOn, State};
use crate::device::{Device, files, neighbour};
use crate::insight::{self, Language, Report, ReportForm, Wanted};
use crate::store::{Settings, Store};
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
    /// The language of what is told in words; that of the environment (LC_ALL, LC_MESSAGES, LANG) if it is one of these, else English.
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

/// The languages of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// English.
    En,
    /// German.
    De,
    /// Dutch.
    Nl,
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

/// Writes the report from the history on disk; a sordino that runs has that, and is asked for the report. `usual` is its
/// language where nothing is said.
pub(super) async fn report(path: &Path, subject: &Subject, usual: Language) -> Result<String, Failure> {
    let language = subject.lang.map_or(usual, Language::from);
    let config = Config::read(path)?;
    let dir = config.store.path.clone();
    as_owner(&dir)?;
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
    if !dir.is_dir() {
        return Err(Failure::Other(format!("there is no history in {}", dir.display())));
    }
    let form = ReportForm::from(subject.format);
    let Some(store) = opened(config.store.clone(), Clock::System).await? else {
        let on = ReportOn { device: device.id.clone(), span: (from, to), utc_offset_minutes: offset, form, language };
        let asking = begin(&config.store)?;
        wait(&asking, Request::Report(on)).await?;
        let text = fs::read_to_string(asking.file());
        return text.map_err(|error| Failure::Other(format!("the report of the sordino that runs is lost: {error}")));
    };
    let writing = spawn_blocking(move || {
        from_the_disk(&store, (&config, &state), &device, (from, to), (offset, language))
            .map(|report| report.write(form))
    });
    let text = writing.await.map_err(|error| Failure::Other(error.to_string()))?;
    text.ok_or_else(|| Failure::Other(format!("{} never asked for anything", subject.device)))
}

fn from_the_disk(
    store: &Store,
    (config, state): (&Config, &State),
    device: &Device,
    (from, to): (Timestamp, Timestamp),
    (utc_offset_minutes, language): (i32, Language),
) -> Option<Report> {
    let fetched = |view: &ListView| Record::read(&config.control.subscriptions.dir, &view.group).fetched;
    let lists = state.lists().iter().map(|view| view.in_force(fetched(view))).collect();
    let snapshot = state.snapshot();
    insight::report(Wanted {
        store,
        snapshot: &snapshot,
        device,
        from,
        to,
        utc_offset_minutes,
        made: to,
        lists,
        language,
    })
}

impl From<Form> for ReportForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Html => Self::Html,
            Form::Csv => Self::Csv,
            Form::Json => Self::Json,
        }
    }
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::English,
            Lang::De => Self::German,
            Lang::Nl => Self::Dutch,
        }
    }
}
