//! The archive: the tallies of all closed periods, and which periods there are. It outlives the journal.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use super::EventId;
use super::database::{Database, DatabaseError};
use super::ledger::{self, Additions};
use super::period::{Period, PeriodId, Summary};
use super::tally::Row;
use super::value;
use crate::time::Hour;

/// An open archive.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) database: Database,
}

const PERIODS: u8 = b'p';
/// The last event that was ever archived: places are never given twice, also when its period is gone.
const LAST: &[u8] = b"l";

impl Archive {
    pub(super) fn open(dir: &Path) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open(dir)? })
    }

    /// The periods whose tallies are in here.
    pub(super) fn periods(&self) -> Result<BTreeMap<PeriodId, Summary>, DatabaseError> {
        let mut periods = BTreeMap::new();
        self.database.scan(&[PERIODS], &[PERIODS + 1], &mut |key, value| {
            let id = key.get(1..).and_then(|number| number.try_into().ok()).map(u32::from_be_bytes);
            // One that cannot be read is archived again from the period itself.
            if let (Some(id), Ok(summary)) = (id, value::decode(value)) {
                periods.insert(PeriodId(id), summary);
            }
            ControlFlow::Continue(())
        })?;
        Ok(periods)
    }

    /// The last event whose tally is in here.
    pub(super) fn last(&self) -> Result<EventId, DatabaseError> {
        let value = self.database.read(LAST)?;
        Ok(value.map(|value| value::decode(&value)).transpose()?.unwrap_or(EventId(0)))
    }

    /// Adds the tallies of `period`, all or nothing. Doing it again changes nothing, for rows know what they count.
    pub(super) fn add(&self, period: &Period) -> Result<(), DatabaseError> {
        let summary = period.summary();
        let mut additions = Additions::to(&self.database);
        let mut added = Ok(());
        let all = (Hour::from_number(0), Hour::from_number(u32::MAX));
        ledger::tallies(&period.database, all.0, all.1, &mut |key, value| {
            // A row that cannot be read is lost either way.
            if let (Ok(row), Ok(())) = (Row::decode(value), &added) {
                added = additions.tally(key, &row.tally, row.through, row.through);
            }
        })?;
        added?;
        let mut added = Ok(());
        ledger::devices(&period.database, &mut |device, seen| {
            if added.is_ok() {
                added = additions.device(device, seen);
            }
        })?;
        added?;
        let mut changes = additions.into_changes().map_err(DatabaseError::Disk)?;
        let last = self.last()?.max(summary.last);
        changes.push((period_key(period.id), Some(value::encode(&summary).map_err(DatabaseError::Disk)?)));
        changes.push((LAST.to_vec(), Some(value::encode(&last).map_err(DatabaseError::Disk)?)));
        self.database.write(changes)
    }

    /// Forgets that there were `periods`, and all tallies of hours before `end`.
    pub(super) fn forget(&self, periods: &[PeriodId], end: Hour) -> Result<(), DatabaseError> {
        let mut changes = ledger::forget_tallies(&self.database, end)?;
        changes.extend(periods.iter().map(|id| (period_key(*id), None)));
        if changes.is_empty() { Ok(()) } else { self.database.write(changes) }
    }
}

fn period_key(id: PeriodId) -> Vec<u8> {
    let mut key = vec![PERIODS];
    key.extend(id.0.to_be_bytes());
    key
}
