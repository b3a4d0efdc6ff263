//! A report about a device for who asks by the command line, with the lists that are in force now.

use serde::{Deserialize, Serialize};

use super::{Control, ListView};
use crate::device::Device;
use crate::insight::{self, Language, ListInForce, ReportForm};
use crate::policy::DeviceId;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::time::Timestamp;

/// Which report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportOn {
    /// The device.
    pub device: DeviceId,
    /// Begin and end of the span; it is written at its end.
    pub span: (Timestamp, Timestamp),
    /// Minutes that the clock of the reader is ahead of UTC.
    pub utc_offset_minutes: i32,
    /// How it is written.
    pub form: ReportForm,
    /// In which language; English where a command of an older version asks.
    #[serde(default)]
    pub language: Language,
}

/// The report `on` a device as a text, or one sentence on why there is none.
pub(super) fn text(on: &ReportOn, control: &Control, store: &Store, snapshot: &Snapshot) -> Result<String, String> {
    let main = snapshot.devices.main(&on.device);
    let device = snapshot.devices.find(main).map_or_else(|| Device::absent(main), |device| Device::clone(device));
    let report = insight::report(insight::Wanted {
        store,
        snapshot,
        device: &device,
        from: on.span.0,
        to: on.span.1,
        utc_offset_minutes: on.utc_offset_minutes,
        made: on.span.1,
        lists: control.lists_in_force(),
        language: on.language,
    });
    let report = report.ok_or_else(|| format!("{} never asked for anything", device.name))?;
    Ok(report.write(on.form))
}

impl Control {
    /// The lists as a report names them.
    pub fn lists_in_force(&self) -> Vec<ListInForce> {
        let fetched = |view: &ListView| self.subscriptions().look(&view.group).and_then(|view| view.record.fetched);
        self.lists().iter().map(|view| view.in_force(fetched(view))).collect()
    }
}

impl ListView {
    /// The list as a report names it; `fetched` is when, for one from elsewhere.
    pub fn in_force(&self, fetched: Option<Timestamp>) -> ListInForce {
        let report = &self.report;
        ListInForce { name: report.name.clone(), action: report.action, names: report.names as u64, fetched }
    }
}
