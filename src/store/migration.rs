//! Brings what layout 1 kept into the layout of today.
//!
//! The new directories are made beside the old ones, and then the number of the layout is changed: whenever the process
//! ends, either all of the old is there or all of the new.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::archive::Archive;
use super::database::{Database, DatabaseError};
use super::disk::{ARCHIVE, JOURNAL, list_periods};
use super::home::{Home, LAYOUT, Trouble, make_dir, remove};
use super::memory::Pending;
use super::period::{Batch, Period, PeriodId, Summary};
use super::tally::Tally;
use super::v1::{self, row::Row};
use super::value::{Damaged, unwrap_version};
use super::{EventId, MAX_BLOCK_EVENTS};
use crate::event::Event;
use crate::time::{Hour, Timestamp};

pub(super) const OLD_JOURNAL: &str = "journal";
pub(super) const OLD_TALLIES: &str = "tallies";
const HOURS_PER_DAY: u32 = 24;

/// What layout 1 knew of a period.
#[derive(Serialize, Deserialize)]
struct OldSummary {
    day: u64,
    after: EventId,
    last: EventId,
    oldest: Timestamp,
    newest: Timestamp,
}

/// Makes sure that `home` has the layout of today.
pub(super) fn bring_up(home: &Home) -> Result<(), Trouble> {
    let dir = home.dir();
    let unusable = |error| Trouble::Unusable(dir.into(), error);
    if home.layout() < LAYOUT {
        for name in [JOURNAL, ARCHIVE] {
            remove_if_there(&dir.join(name)).map_err(unusable)?;
        }
        rewrite(dir).map_err(|error| Trouble::Refused(dir.into(), error.to_string()))?;
        home.set_layout().map_err(unusable)?;
    }
    for name in [OLD_JOURNAL, OLD_TALLIES] {
        remove_if_there(&dir.join(name)).map_err(unusable)?;
    }
    Ok(())
}

fn rewrite(dir: &Path) -> Result<(), DatabaseError> {
    let (old_journal, journal_dir, archive_dir) = (dir.join(OLD_JOURNAL), dir.join(JOURNAL), dir.join(ARCHIVE));
    make_dir(&journal_dir).and_then(|()| make_dir(&archive_dir)).map_err(DatabaseError::Disk)?;
    let archive = Archive::open(&archive_dir)?;
    let ids = if old_journal.is_dir() { list_periods(&old_journal).map_err(DatabaseError::Disk)? } else { Vec::new() };
    let mut first_kept = EventId(u64::MAX);
    let mut periods = Vec::new();
    for id in ids {
        // One that cannot be read is left out; the old sordino would have set it aside.
        match read_period(id, &old_journal) {
            Ok(Some((summary, blocks))) => {
                first_kept = first_kept.min(EventId(summary.after.0.saturating_add(1)));
                periods.push((id, summary, blocks));
            }
            Ok(None) | Err(DatabaseError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let room = periods.first().map_or(u32::MAX, |(id, ..)| id.0);
    archive_old_tallies(&dir.join(OLD_TALLIES), first_kept, room, &archive)?;
    for (id, old, blocks) in periods {
        let period = Period::begin(id, &journal_dir, old.day, old.after)?;
        let mut tally = Tally::default();
        blocks.iter().flat_map(|(_, events)| events).for_each(|event| tally.count(event));
        for batch in regroup(blocks) {
            let pending = Pending::new(&batch, false).map_err(DatabaseError::Disk)?;
            let last = pending.last();
            period.write(&Batch { blocks: vec![Arc::new(pending)], last, ..Batch::default() })?;
        }
        let span = Some((old.oldest, old.newest));
        period.write(&Batch { tally: Some(Arc::new(tally.clone())), last: old.last, span, ..Batch::default() })?;
        archive.add(id, &period.summary(), &tally)?;
    }
    Ok(())
}

type Blocks = Vec<(EventId, Vec<Event>)>;

fn read_period(id: PeriodId, journal_dir: &Path) -> Result<Option<(OldSummary, Blocks)>, DatabaseError> {
    let database = Database::open(&id.dir(journal_dir))?;
    let mut summary = None;
    let mut blocks = Vec::new();
    database.scan(&[0], &[u8::MAX], &mut |key, value| {
        match key.first() {
            Some(b'm') => {
                let payload = unwrap_version(value.plain(), v1::VERSION).ok();
                summary = payload.and_then(|payload| postcard::from_bytes::<OldSummary>(payload).ok());
            }
            // A block that cannot be read is lost either way.
            Some(b'b') => {
                if let (Some(first), Ok(events)) = (v1::block::first_of(key), v1::block::events(value.plain())) {
                    blocks.push((first, events));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    if database.is_new()? {
        return Ok(None);
    }
    summary.ok_or_else(|| Damaged::Content.into()).map(|summary| Some((summary, blocks)))
}

/// Small blocks become large ones, as long as their places have no gap.
fn regroup(blocks: Blocks) -> Vec<Vec<Arc<(EventId, Event)>>> {
    let mut groups: Vec<Vec<Arc<(EventId, Event)>>> = Vec::new();
    for (first, events) in blocks {
        for placed in (first.0..).map(EventId).zip(events) {
            let fits = groups.last().is_some_and(|group| {
                group.len() < MAX_BLOCK_EVENTS && group.last().is_some_and(|last| last.0.0 + 1 == placed.0.0)
            });
            if !fits {
                groups.push(Vec::new());
            }
            if let Some(group) = groups.last_mut() {
                group.push(Arc::new(placed));
            }
        }
    }
    groups
}

/// The tallies of events that the journal has no more, a day at a time, below the number `room`.
fn archive_old_tallies(dir: &Path, first_kept: EventId, room: u32, archive: &Archive) -> Result<(), DatabaseError> {
    if !dir.is_dir() {
        return Ok(());
    }
    let database = match Database::open(dir) {
        Err(DatabaseError::Damaged(_)) => return Ok(()),
        opened => opened?,
    };
    let mut days: BTreeMap<u32, (Tally, EventId)> = BTreeMap::new();
    let mut seen = Tally::default();
    database.scan(&[0], &[u8::MAX], &mut |key, value| {
        match key.first() {
            Some(b't') => {
                if let (Some((hour, device)), Ok(row)) = (v1::row::key_of(key), Row::decode(value.plain()))
                    && row.through < first_kept
                {
                    let (day, last) = days.entry(hour.number() / HOURS_PER_DAY).or_default();
                    day.add_row(hour, &device, &row.counts, &row.lists);
                    *last = (*last).max(row.through);
                }
            }
            Some(b'd') => {
                let device =
                    key.get(1..).and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
                let times = unwrap_version(value.plain(), v1::VERSION).ok();
                let times = times.and_then(|payload| postcard::from_bytes::<v1::row::Seen>(payload).ok());
                if let (Some(device), Some(times)) = (device, times) {
                    seen.add_seen(&device, times.first, times.last);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    days.entry(0).or_default().0.merge(&seen.sheet(false));
    for (number, (day, (tally, last))) in (1..room).zip(days) {
        let start = |day: u32| Hour::from_number(day.saturating_mul(HOURS_PER_DAY)).start();
        let newest = Timestamp::from_millis(start(day.saturating_add(1)).millis().saturating_sub(1));
        let summary = Summary {
            day: day.into(),
            after: EventId(0),
            last,
            oldest: start(day),
            newest: if tally.is_empty() { Timestamp::default() } else { newest },
            blocks: 0,
            own_names: false,
        };
        archive.add(PeriodId(number), &summary, &tally)?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => remove(path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::device::Devices;
    use crate::policy::{DeviceId, Name};
    use crate::store::samples::any_event;
    use crate::store::value::{plain, wrap_version};
    use crate::store::{BUILD_DATE, Filter, Options, Store};
    use crate::time::Clock;

    fn insert(dir: &Path, entries: &[(Vec<u8>, Vec<u8>)]) {
        let sled = sled::open(dir).unwrap();
        entries.iter().for_each(|(key, value)| drop(sled.insert(key, value.clone()).unwrap()));
        sled.flush().unwrap();
    }

    #[test]
    fn a_store_of_layout_1_is_brought_up_whole_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut runner = TestRunner::deterministic();
        let events: Vec<Event> = (0..300u64)
            .map(|number| {
                let event = any_event().new_tree(&mut runner).unwrap().current();
                Event { at: BUILD_DATE.after(std::time::Duration::from_secs(number)), ..event }
            })
            .collect();
        let summary = OldSummary {
            day: 20_700,
            after: EventId(40),
            last: EventId(340),
            oldest: events[0].at,
            newest: events[299].at,
        };
        let block = |first: u64| [&b"b"[..], &first.to_be_bytes()].concat();
        insert(
            &dir.path().join("journal/00000007"),
            &[
                (b"m".to_vec(), wrap_version(&plain(&summary).unwrap(), v1::VERSION)),
                (block(41), v1::block::value(&events[..100])),
                (block(141), v1::block::value(&events[100..])),
            ],
        );
        let (hour, device) = (BUILD_DATE.hour().number() - 100, DeviceId::Named("old".into()));
        let name = Name::parse("old.example").unwrap();
        let row = |hour: u32| [&b"t"[..], &hour.to_be_bytes(), device.to_string().as_bytes()].concat();
        insert(
            &dir.path().join("tallies"),
            &[
                (row(hour), v1::row::value(EventId(40), &name, 40)),
                // This one counts what the journal has, and must not be counted again.
                (row(hour + 100), v1::row::value(EventId(340), &name, 5)),
            ],
        );
        fs::write(dir.path().join("layout"), "1\n").unwrap();
        for _ in 0..2 {
            let store = Store::open(Options::at(dir.path().to_owned()), Clock::System);
            assert_eq!(store.health().problem, None);
            let page = store.events(&Devices::default(), &Filter::default(), None, 1_000);
            let found: Vec<Event> = page.events.iter().rev().map(|(_, event)| event.clone()).collect();
            assert_eq!(found, events);
            assert_eq!(page.events[0].0, EventId(340), "places stay");
            let (mut old, mut new) = (0, 0);
            store.tallies(&Devices::default(), None, Hour::from_number(0), Hour::from_number(u32::MAX), &mut |run| {
                *(if *run.device == device && *run.name == name { &mut old } else { &mut new }) += run.count();
            });
            assert_eq!((old, new), (40, 300));
        }
        assert_eq!(fs::read_to_string(dir.path().join("layout")).unwrap(), "2\n");
        assert!(!dir.path().join("journal").exists() && !dir.path().join("tallies").exists());
    }
}
