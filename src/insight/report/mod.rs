//! What a device told whom, as something to hand to someone: with its period, the lists that were in force, and what DNS
//! cannot see said plainly. One type, from which HTML, CSV and JSON are written.

mod compose;
mod csv;
mod escape;
mod html;
mod told;
mod words;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::compose::{MAX_FIRSTS, Wanted, exposure_of, report, span_before};
use self::csv::csv;
pub use self::csv::csv_field;
use self::html::html;
use self::told::Told;
use super::{Comparison, Exposure, Language, NameCounts};
use crate::policy::{Action, DeviceId, Label, Name};
use crate::time::Timestamp;

/// A report about one device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Report {
    /// When it was written, milliseconds since the epoch.
    pub made: Timestamp,
    /// The version of sordino that wrote it.
    pub version: &'static str,
    /// Minutes that the clock of whoever reads it is ahead of UTC.
    pub utc_offset_minutes: i32,
    /// The language of what is told in words: who a maker is, what is sent, what breaks, what DNS cannot see.
    pub language: Language,
    /// Which device.
    pub device: Subject,
    /// What it told whom.
    pub exposure: Exposure,
    /// What changed against the span before.
    pub compared: Comparison,
    /// What is known as telemetry and got an answer all the same.
    pub let_through: Vec<NameCounts>,
    /// What it asked for the first time.
    pub firsts: Vec<FirstAsked>,
    /// The lists in force now.
    pub lists: Vec<ListInForce>,
    /// What DNS cannot see: whoever reads a report must not take it for more than it is.
    pub cannot_see: &'static [&'static str],
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A page of its own.
    Html,
    /// A row for each name.
    Csv,
    /// All of it.
    Json,
}

impl Report {
    /// The report as a text.
    pub fn write(&self, form: Form) -> String {
        match form {
            Form::Html => html(self),
            Form::Csv => csv(self),
            // Only a map with keys that are no text could fail, and there is none.
            Form::Json => serde_json::to_string_pretty(&self.clone().retold()).unwrap_or_default(),
        }
    }

    /// The same with the sentences of the catalogue in its language. What a program would look for stays as it is: who a
    /// maker is called, the product, the purpose.
    fn retold(mut self) -> Self {
        let told = Told::new(self.language);
        let retell = |text: &mut String| *text = told.text(text).to_owned();
        let mut labels: Vec<&mut Label> = self.firsts.iter_mut().filter_map(|first| first.label.as_mut()).collect();
        labels.extend(self.let_through.iter_mut().filter_map(|name| name.label.as_mut()));
        for vendor in &mut self.exposure.vendors {
            retell(&mut vendor.about);
            let names = vendor.products.iter_mut().flat_map(|product| &mut product.names);
            labels.extend(names.filter_map(|name| name.label.as_mut()));
        }
        for label in labels {
            retell(&mut label.sends);
            retell(&mut label.breaks);
        }
        self
    }
}

/// The device a report is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Subject {
    /// Who it is.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Its hardware address, where it is known.
    pub mac: Option<String>,
    /// Who made it, by that address.
    pub maker: Option<Arc<str>>,
    /// The addresses it uses now.
    pub addresses: Vec<String>,
    /// Its profile.
    pub profile: String,
    /// When it was first heard of, milliseconds since the epoch.
    pub first_seen: Timestamp,
    /// When it was last heard of, milliseconds since the epoch.
    pub last_seen: Timestamp,
}

/// A name that the device had never asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FirstAsked {
    /// The name.
    pub name: Name,
    /// When, milliseconds since the epoch.
    pub first: Timestamp,
    /// What the catalogue knows of it.
    pub label: Option<Label>,
}

/// A list, and which state of it was in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ListInForce {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub action: Action,
    /// Names and patterns in it.
    pub names: u64,
    /// When it was fetched, for a list from elsewhere, milliseconds since the epoch.
    #[schema(value_type = Option<u64>)]
    pub fetched: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
