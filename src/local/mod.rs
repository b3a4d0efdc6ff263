//! What this house decides for itself, whatever lists and forwarders say: its own names, which ways around it are closed,
//! and which answers from outside are not believed.
//!
//! It comes from the configuration, is put together anew at a reload, and never changes in between.

mod answers;
mod bypass;
mod own;
mod rebinding;
mod records;
mod reverse;
mod zone;

use std::path::PathBuf;

pub use self::answers::Answers;
pub use self::bypass::{BYPASS, Bypass, DohProvider, doh_providers};
pub use self::own::{OwnRecord, RecordKind, USUAL_TTL};
pub use self::rebinding::{REBINDING, Rebinding};
pub use self::records::{Found, HOUSE, Record, Records, Rrset};
pub use self::reverse::{address_of, reverse_name};
pub use self::zone::{MAX_ZONE_BYTES, parse as parse_zone};
use crate::policy::{BlockingAnswer, Name};

/// What the configuration says of the house itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which answers from outside may lead into the house.
    pub rebinding: Rebinding,
    /// Which ways around sordino are closed.
    pub bypass: Bypass,
    /// How names of single lists are answered, by the name of the `[[list]]`.
    pub answers: Vec<(String, BlockingAnswer)>,
    /// The operator's own records.
    pub records: Vec<Record>,
    /// The operator's own zones.
    pub zones: Vec<ZoneOptions>,
}

/// One `[[zone]]`.
#[derive(Clone, Debug)]
pub struct ZoneOptions {
    /// Its apex.
    pub name: Name,
    /// A file in the format of RFC 1035 §5.
    pub path: PathBuf,
}

/// What the house decides for itself. Immutable, shared by all queries.
#[derive(Debug, Default)]
pub struct Local {
    /// Which answers from outside may lead into the house.
    pub rebinding: Rebinding,
    /// Which ways around sordino are closed.
    pub bypass: Bypass,
    /// How names of single lists are answered.
    pub answers: Answers,
    /// The operator's own records and zones.
    pub records: Records,
}

impl Local {
    /// Puts together what `options` say, with the content of each zone's file, or one sentence on why there is none.
    /// A zone that cannot be read is taken from `before`, where it stood; what is wrong is told as well.
    pub fn assemble(options: &Options, zones: &[Result<String, String>], before: Option<&Self>) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for (zone, content) in options.zones.iter().zip(zones) {
            let records = content.clone().and_then(|content| parse_zone(&content, &zone.name));
            match records {
                Ok(records) => read.push((zone.name.clone(), records)),
                Err(why) => {
                    let old = before.and_then(|before| before.records.zone(&zone.name));
                    let instead =
                        if old.is_some() { "its old records stay in force" } else { "its names do not exist" };
                    problems.push(format!("zone {}: {}: {why}; {instead}", zone.name, zone.path.display()));
                    read.push((zone.name.clone(), old.unwrap_or_default()));
                }
            }
        }
        let records = Records::new(&options.records, read);
        let answers = Answers::default();
        (Self { rebinding: options.rebinding.clone(), bypass: options.bypass, answers, records }, problems)
    }

    /// The same with other `records` of the operator's own; zones stay as they are.
    pub fn with_records(&self, records: &[Record]) -> Self {
        let Self { rebinding, bypass, answers, records: before } = self;
        let records = Records::new(records, before.zones().to_vec());
        Self { rebinding: rebinding.clone(), bypass: *bypass, answers: answers.clone(), records }
    }
}
