//! What only a test inside the store can do: an older layout, and an end in the midst.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::frame::{FrameWriter, Kind};
use super::*;
use crate::device::Devices;
use crate::store::samples::any_event;
use crate::store::settings::in_file;
use crate::store::{EventId, Filter, Options, Store};
use crate::time::{BUILD_DATE, Clock};

/// The backup of a store of layout 1 with 300 queries, and with settings that know no more than the first sordino did.
const LAYOUT_1: &[u8] = include_bytes!("layout-1.backup");

fn open(dir: &Path) -> Arc<Store> {
    // A day after what is in the backups: later on it would be too old to be kept.
    let clock = Clock::Manual(Arc::new(AtomicU64::new(BUILD_DATE.after(Duration::from_secs(86_400)).millis())));
    let store = Store::open(Options::at(dir.join("data")), clock);
    assert_eq!(store.health().problem, None);
    store
}

fn file(dir: &Path, content: &[u8]) -> std::path::PathBuf {
    let path = dir.join("house.backup");
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_backup_of_an_older_layout_comes_back_in_the_layout_of_today() {
    let contents = inspect(LAYOUT_1, &Progress::default()).unwrap();
    assert_eq!((contents.about.layout, contents.settings.rules.len()), (1, 1));
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.prepare_history(&file(dir.path(), LAYOUT_1), &contents.settings, &Progress::default()).unwrap();
    store.put_history_in().unwrap();
    let page = store.events(&Devices::default(), &Filter::default(), None, 1_000);
    assert_eq!((page.events.len(), page.events[0].0), (300, EventId(340)));
    drop(store);
    let page = open(dir.path()).events(&Devices::default(), &Filter::default(), None, 1_000);
    assert_eq!(page.events.len(), 300, "and after a restart");
}

#[test]
fn after_an_end_in_the_midst_the_store_is_as_before_or_as_the_backup_says() {
    let dir = tempfile::tempdir().unwrap();
    let settings = inspect(LAYOUT_1, &Progress::default()).unwrap().settings;
    let path = file(dir.path(), LAYOUT_1);
    let stopped = Progress::default();
    stopped.stop();
    let store = open(dir.path());
    let refused = store.prepare_history(&path, &settings, &stopped).unwrap_err();
    assert!(matches!(refused, NoBackup::Stopped), "{refused}");
    // Half of it, as after a power cut.
    fs::create_dir_all(dir.path().join("data").join(UNFINISHED).join("days/00000001")).unwrap();
    drop(store);
    let store = open(dir.path());
    assert!(store.events(&Devices::default(), &Filter::default(), None, 10).events.is_empty());
    assert!(!dir.path().join("data").join(UNFINISHED).exists() && store.settings() == Settings::default());
    store.prepare_history(&path, &settings, &Progress::default()).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.events(&Devices::default(), &Filter::default(), None, 1_000).events.len(), 300);
    assert_eq!(store.settings(), settings);
    assert!(!dir.path().join("data").join(RESTORED).exists());
    // And what was thrown away does not come back.
    store.save_settings(&Settings::default()).unwrap();
    store.prepare_history(&path, &settings, &Progress::default()).unwrap();
    store.discard_history();
    drop(store);
    assert_eq!(open(dir.path()).settings(), Settings::default());
}

#[test]
fn settings_that_fill_the_memory_are_none() {
    let mut frames = FrameWriter::begin(Vec::new()).unwrap();
    let about = About { sordino: "0".into(), made: Timestamp::default(), layout: LAYOUT, which: Which::default() };
    frames.write(Kind::About, &[&serde_json::to_vec(&about).unwrap()]).unwrap();
    frames.write(Kind::Settings, &[&in_file(&Settings::default()).unwrap(), &vec![b' '; MAX_SETTINGS]]).unwrap();
    let bytes = frames.end().unwrap();
    assert!(matches!(inspect(&bytes[..], &Progress::default()), Err(NoBackup::Damaged)));
}

#[test]
#[ignore = "writes the file that the tests above read"]
fn write_the_backup_of_layout_1() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;

    use crate::event::Event;
    use crate::store::v1;
    use crate::store::value::{plain, wrap_version};

    let mut runner = TestRunner::deterministic();
    let event = |number: u64| {
        let event = any_event().new_tree(&mut runner).unwrap().current();
        Event { at: BUILD_DATE.after(Duration::from_secs(number)), ..event }
    };
    let events: Vec<Event> = (0..300).map(event).collect();
    let summary = (20_700_u64, EventId(40), EventId(340), events[0].at, events[299].at);
    let settings = r#"{"version": 1, "settings": {"password_hash": null, "device_names": [], "rules": [
        {"id": 1, "name": "ads.example", "subtree": true, "action": "block", "scope": "everyone", "since": 0, "until": null}]}}"#;
    let which = Which { history: true, secrets: false };
    let about = About { sordino: "0.1.0".into(), made: BUILD_DATE, layout: 1, which };
    let mut frames = FrameWriter::begin(Vec::new()).unwrap();
    frames.write(Kind::About, &[&serde_json::to_vec(&about).unwrap()]).unwrap();
    frames.write(Kind::Settings, &[settings.as_bytes()]).unwrap();
    frames.write(Kind::Database, &[b"journal/00000007"]).unwrap();
    let block = |first: u64| [&b"b"[..], &first.to_be_bytes()].concat();
    for (key, value) in [
        (block(41), v1::block::value(&events[..100])),
        (block(141), v1::block::value(&events[100..])),
        (b"m".to_vec(), wrap_version(&plain(&summary).unwrap(), v1::VERSION)),
    ] {
        frames.write(Kind::Entry, &[&(key.len() as u16).to_be_bytes(), &key, &value]).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/backup/layout-1.backup");
    fs::write(path, frames.end().unwrap()).unwrap();
}
