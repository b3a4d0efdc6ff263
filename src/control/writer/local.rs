//! Own records that are made in the page.

use std::sync::Arc;

use super::super::{NewRecord, OWN_RECORDS_BOUND, Refusal};
use super::Writer;
use crate::local::{OwnRecord, Record};
use crate::store::Settings;

impl Writer {
    pub(super) async fn add_record(&mut self, new: NewRecord) -> Result<OwnRecord, Refusal> {
        let now = self.clock.now();
        let mut settings = self.swept(now);
        let largest = settings.records.iter().map(|record| record.id).max().unwrap_or(0);
        let NewRecord { name, kind, value, ttl } = new;
        let own = OwnRecord { id: now.millis().max(largest + 1), name, kind, value, ttl };
        let record = own.record().map_err(Refusal::Unusable)?;
        let fixed = &self.state.options.local.records;
        if fixed.iter().any(|other| same(other, &record)) {
            return Err(Refusal::Fixed(format!("this record of {}", record.name)));
        }
        let made: Vec<(u64, Record)> =
            settings.records.iter().filter_map(|own| Some((own.id, own.record().ok()?))).collect();
        // Made twice is made once; the TTL of the last counts.
        if let Some((id, _)) = made.iter().find(|(_, other)| same(other, &record)) {
            let own = OwnRecord { id: *id, ..own };
            settings.records.retain(|old| old.id != own.id);
            settings.records.push(own.clone());
            self.change(settings).await?;
            return Ok(own);
        }
        // RFC 1034 §3.6.2: an alias stands alone.
        let here = fixed.iter().chain(made.iter().map(|(_, record)| record)).filter(|other| other.name == record.name);
        if here.map(|other| other.rtype).any(|other| [other, record.rtype].contains(&CNAME)) {
            return Err(Refusal::AliasAlone(record.name.to_string()));
        }
        if settings.records.len() >= OWN_RECORDS_BOUND {
            return Err(Refusal::TooMany(OWN_RECORDS_BOUND, "records of your own"));
        }
        settings.records.push(own.clone());
        self.change(settings).await?;
        Ok(own)
    }

    pub(super) async fn remove_record(&mut self, id: u64) -> Result<(), Refusal> {
        let mut settings = self.swept(self.clock.now());
        let before = settings.records.len();
        settings.records.retain(|record| record.id != id);
        if settings.records.len() == before {
            return Err(Refusal::Unknown(format!("record {id}")));
        }
        self.change(settings).await
    }

    /// Puts the records of `self.state.settings` in force.
    pub(super) fn serve_records(&mut self) {
        let records = joined(&self.state.options.local.records, &self.state.settings);
        self.state.compiled.local = Arc::new(self.state.compiled.local.with_records(&records));
    }
}

const CNAME: u16 = 5;

fn same(one: &Record, other: &Record) -> bool {
    one.name == other.name && one.rtype == other.rtype && one.rdata == other.rdata
}

/// The records of the configuration, and those of the page behind them.
pub(in crate::control) fn joined(fixed: &[Record], settings: &Settings) -> Vec<Record> {
    // What the page takes can be read; what someone wrote into the settings by hand may not.
    fixed.iter().cloned().chain(settings.records.iter().filter_map(|own| own.record().ok())).collect()
}
