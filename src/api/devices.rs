//! Devices: who is in the house, and what each tells whom.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::{House, carried_out};
use super::paging::{Linked, Page, PageParams, link};
use super::problem::{Body, Params, Problem, Segment};
use super::revision::{Seen, Tagged};
use super::span::{NightParams, Span, SpanParams};
use crate::control::{Kept, Revision};
use crate::device::{Device, Fact, Guess};
use crate::insight::{self, Comparison, Counts, Exposure, NameCounts};
use crate::policy::{DeviceId, MacAddr};
use crate::snapshot::Snapshot;
use crate::store::Settings;
use crate::time::Timestamp;

/// Longest name of a device, characters.
const MAX_NAME_CHARS: usize = 64;
/// Devices in the list. Who makes up addresses makes up as many devices; those that were heard of last are shown.
const MAX_DEVICES: usize = 2_000;

/// A device, and how much it asked in the span.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct DeviceSummary {
    /// Who it is, also after a restart.
    id: DeviceId,
    /// What people call it.
    name: String,
    /// Whether `config.toml` names it, so that the page must not.
    fixed: bool,
    /// Its hardware address, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<MacAddr>,
    /// Whether it made that address up for privacy; then it may come back as another device.
    random_mac: bool,
    /// Who made it, by that address; a made-up one tells no maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    maker: Option<Arc<str>>,
    /// Identities that were said to be this device too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joined: Vec<DeviceId>,
    /// The addresses it uses now.
    #[schema(value_type = Vec<String>)]
    addresses: Vec<IpAddr>,
    /// Its profile, by name.
    profile: String,
    /// Whether `config.toml` says its profile, so that the page must not.
    profile_fixed: bool,
    /// When it was first heard of, milliseconds since the epoch.
    first_seen: Timestamp,
    /// When it was last heard of, milliseconds since the epoch.
    last_seen: Timestamp,
    /// What it probably is, if anything speaks for something.
    #[serde(skip_serializing_if = "Option::is_none")]
    guess: Option<Guess>,
    /// When it asked last, if it is there and has asked for nothing for long: it may use another resolver. Milliseconds since
    /// the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    silent_since: Option<Timestamp>,
    /// Its tag for `If-Match`, without the quotation marks: what the page says of its name, its profile and who is joined to it.
    #[schema(value_type = String)]
    revision: Revision,
    /// How much it asked in the span.
    #[serde(flatten)]
    counts: Counts,
}

/// A device, and what it told whom in the span.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicePage {
    /// The device.
    device: DeviceSummary,
    /// Why its addresses are taken for one device: who says what, and since when.
    facts: Vec<Fact>,
    /// What it told whom.
    exposure: Exposure,
    /// What changed against the span before: the same hours, as many whole days earlier as the span is long.
    compared: Comparison,
    /// What is known as telemetry and got an answer all the same, the most asked first.
    let_through: Vec<NameCounts>,
}

/// What to call a device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceName {
    /// Its name, 1 to 64 characters; null takes the given one away.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
}

/// Lists the devices that ever asked, with how much each asked in the span.
///
/// Without `limit`, the two thousand that were heard of last. With it, all of them in pages: the header `link` names the next.
#[utoipa::path(get, path = "/devices", tag = "devices", params(SpanParams, PageParams),
    responses((status = 200, body = Vec<DeviceSummary>)))]
pub(crate) async fn list_devices(
    house: LoggedIn,
    Params(span): Params<SpanParams>,
    Params(page): Params<PageParams>,
    uri: Uri,
) -> Result<Linked<Tagged<Vec<DeviceSummary>>>, Problem> {
    let span = span.resolve(house.clock.now())?;
    let tag = house.control.revision(&Kept::Devices);
    let which = page.resolve()?.map_or(Which::Latest, Which::OnPage);
    let (devices, next) = house.read(move |house| summaries(house, span, &which)).await?;
    Ok(Linked(link("/api/v1/devices", uri.query(), next.as_ref()), Tagged(tag, devices)))
}

/// Shows one device, and what it told whom in the span.
#[utoipa::path(get, path = "/devices/{id}", tag = "devices",
    params(("id" = String, Path, description = "Which device"), SpanParams, NightParams),
    responses((status = 200, body = DevicePage)))]
pub(crate) async fn show_device(
    house: LoggedIn,
    Segment(id): Segment<DeviceId>,
    Params(span): Params<SpanParams>,
    Params(night): Params<NightParams>,
) -> Result<Tagged<DevicePage>, Problem> {
    let span = span.resolve(house.clock.now())?;
    let night_offset = night.resolve()?;
    let page = house.read(move |house| {
        let device = summaries(house, span, &Which::Only(id.clone())).0.pop()?;
        let snapshot = house.snapshot();
        let known = snapshot.devices.find(&id);
        let of = |span| insight::exposure_of(&house.store, &snapshot, &id, span, night_offset);
        let exposure = of((span.from, span.to));
        let compared = insight::compare(&exposure, &of(insight::span_before(span.from, span.to)));
        let let_through = insight::let_through(&exposure);
        let facts = known.map(|device| device.facts.clone()).unwrap_or_default();
        Some(DevicePage { device, facts, exposure, compared, let_through })
    });
    page.await?
        .map(|page| Tagged(Some(page.device.revision), page))
        .ok_or_else(|| Problem::not_found("device with this id that ever asked"))
}

/// Gives a device a name, or with null takes the given one away.
#[utoipa::path(put, path = "/devices/{id}", tag = "devices", request_body = DeviceName,
    params(("id" = String, Path, description = "Which device")),
    responses((status = 204, description = "It is called so now")))]
pub(crate) async fn rename_device(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<DeviceId>,
    Body(DeviceName { name }): Body<DeviceName>,
) -> Result<impl IntoResponse, Problem> {
    let name = name.map(|name| usable_name(&name)).transpose()?;
    carried_out(house.control.expecting(seen.of(kept(&house, &id))).name_device(id, name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is kept of the device that has this identity, perhaps besides others.
pub(crate) fn kept(house: &House, id: &DeviceId) -> Kept {
    Kept::Device(house.snapshot().devices.main(id).clone())
}

fn usable_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return Err(Problem::unusable_name("A name has 1 to 64 characters.", MAX_NAME_CHARS));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::unusable_name("A name has no control characters in it.", MAX_NAME_CHARS));
    }
    Ok(name.to_owned())
}

/// Which of the devices that ever asked.
enum Which {
    /// Those that were heard of last.
    Latest,
    OnPage(Page<DeviceId>),
    Only(DeviceId),
}

/// The devices, and where the next page of them begins.
fn summaries(house: &House, span: Span, which: &Which) -> (Vec<DeviceSummary>, Option<DeviceId>) {
    // Before the snapshot, so that the tags are never newer than what they stand for.
    let settings = house.control.settings();
    let names = Names::new(house);
    let devices = &names.snapshot().devices;
    let only = match which {
        Which::Only(id) => Some(devices.main(id)),
        Which::Latest | Which::OnPage(_) => None,
    };
    let mut sums: HashMap<DeviceId, Counts> = HashMap::new();
    house.store.tallies(devices, only, span.from.hour(), span.end_hour(), &mut |run| {
        sums.entry(run.device.clone()).or_default().add(run.verdict, run.count());
    });
    let asked = house.giveaways.of(house);
    let mut heard_of = house.store.devices(devices);
    heard_of.retain(|(id, ..)| only.is_none_or(|only| only == id));
    let summary = |(id, first_seen, last_seen)| {
        let counts = sums.get(&id).copied().unwrap_or_default();
        let summary = names.summary(id, &settings, (first_seen, last_seen), counts);
        let known = devices.find(&summary.id);
        let guess = known.and_then(|device| asked.guess(device));
        let now = house.clock.now();
        let silent_since = known.and_then(|device| house.lookout.silent_since(&device.addresses, last_seen, now));
        DeviceSummary { guess, silent_since, ..summary }
    };
    let (shown, next) = match which {
        Which::OnPage(page) => page.devices(heard_of, |(id, ..)| id),
        Which::Latest | Which::Only(_) => (latest(heard_of), None),
    };
    (shown.into_iter().map(summary).collect(), next)
}

/// Those that were heard of last, as many as the list takes, in the order of their identities.
fn latest(mut heard_of: Vec<(DeviceId, Timestamp, Timestamp)>) -> Vec<(DeviceId, Timestamp, Timestamp)> {
    heard_of.sort_by_key(|&(_, _, last)| std::cmp::Reverse(last));
    heard_of.truncate(MAX_DEVICES);
    heard_of.sort_by(|one, other| one.0.cmp(&other.0));
    heard_of
}

/// Devices that are there and have asked for nothing for long: what they are called, and when they asked last.
pub(crate) fn silent(house: &House) -> Vec<(String, Timestamp)> {
    let (snapshot, now) = (house.snapshot(), house.clock.now());
    let silent = house.store.devices(&snapshot.devices).into_iter().filter_map(|(id, _, last)| {
        let device = snapshot.devices.find(&id)?;
        let since = house.lookout.silent_since(&device.addresses, last, now)?;
        Some((device.name.clone(), since))
    });
    silent.collect()
}

/// What devices are called in one snapshot.
pub(crate) struct Names(Arc<Snapshot>);

impl Names {
    pub(crate) fn new(house: &House) -> Self {
        Self(house.snapshot())
    }

    /// Whether the house goes by another snapshot by now.
    pub(crate) fn is_outdated(&self, house: &House) -> bool {
        !Arc::ptr_eq(&self.0, &house.snapshot())
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.0
    }

    /// What the device is called; one that is not known now by what its identity says.
    pub(crate) fn of(&self, id: &DeviceId) -> String {
        self.0.devices.find(id).map_or_else(|| Device::absent(id).name, |device| device.name.clone())
    }

    /// The device as far as it is known now.
    pub(crate) fn device(&self, id: &DeviceId) -> Device {
        let id = self.0.devices.main(id);
        self.0.devices.find(id).map_or_else(|| Device::absent(id), |device| Device::clone(device))
    }

    fn summary(
        &self,
        id: DeviceId,
        settings: &Settings,
        (first_seen, last_seen): (Timestamp, Timestamp),
        counts: Counts,
    ) -> DeviceSummary {
        let policy = &self.0.policy;
        let device = self.device(&id);
        DeviceSummary {
            revision: Revision::of_device(&device.id, settings),
            random_mac: device.mac.is_some_and(MacAddr::is_random),
            profile: policy.profile_name(device.profile).unwrap_or("default").to_owned(),
            id: device.id,
            name: device.name,
            fixed: device.fixed,
            profile_fixed: device.profile_fixed,
            mac: device.mac,
            maker: device.maker,
            joined: device.joined,
            addresses: device.addresses,
            first_seen,
            last_seen,
            guess: None,
            silent_since: None,
            counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_leaves_room_for_those_that_were_heard_of_last() {
        let id = |number: u32| DeviceId::Address((10 << 24 | number).to_be_bytes().into());
        let at = |number: u32| Timestamp::from_millis(u64::from(number));
        let all = MAX_DEVICES as u32 + 500;
        let shown: Vec<DeviceId> = latest((0..all).map(|number| (id(number), at(0), at(number))).collect())
            .into_iter()
            .map(|(id, ..)| id)
            .collect();
        assert_eq!((shown.len(), shown.first(), shown.last()), (MAX_DEVICES, Some(&id(500)), Some(&id(all - 1))));
        assert_eq!(latest((0..3).map(|number| (id(number), at(0), at(0))).collect()).len(), 3);
    }

    #[test]
    fn a_name_is_short_and_has_no_control_characters() {
        assert_eq!(usable_name("  Anna's <b>phone</b> ").ok().as_deref(), Some("Anna's <b>phone</b>"));
        for bad in ["", "  ", "a\nb", "a\u{7f}", &"x".repeat(65)] {
            assert!(usable_name(bad).is_err(), "{bad:?}");
        }
    }
}
