//! Help when something broke.

use std::time::Duration;

use axum::Json;
use serde::Deserialize;

use super::auth::LoggedIn;
use super::house::House;
use super::problem::{Params, Problem};
use super::span::{Span, SpanParams};
use crate::device::Device;
use crate::event::{Event, Outcome};
use crate::insight::{self, Breakage};
use crate::policy::{DeviceId, Verdict};
use crate::store::{Filter, Term, What};

/// What is looked at where nobody says since when.
const USUAL: Duration = Duration::from_secs(15 * 60);
/// The longest span: a day, with the hour that the clock may be set back.
const LONGEST: Duration = Duration::from_secs(25 * 3600);
/// Events that are looked at of each kind, at most; the latest ones.
const MAX_EVENTS: usize = 10_000;

/// Whose.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BrokenParams {
    /// The device that something stopped working on.
    #[param(value_type = String, pattern = "^(mac|ip|name)-.+$")]
    device: DeviceId,
}

/// Ranks what may have broken something for a device: names that were muted in the span, the last quarter of an hour where
/// it is not given, at most 25 hours.
#[utoipa::path(get, path = "/broken", tag = "queries", params(BrokenParams, SpanParams),
    responses((status = 200, body = Breakage)))]
pub(crate) async fn find_broken(
    house: LoggedIn,
    Params(BrokenParams { device }): Params<BrokenParams>,
    Params(span): Params<SpanParams>,
) -> Result<Json<Breakage>, Problem> {
    let now = house.clock.now();
    let span = span.resolve_with(now, USUAL)?;
    if span.from < span.to.before(LONGEST) {
        return Err(Problem::unusable("The span is longer than 25 hours. Ask for a part of it."));
    }
    Ok(Json(house.read(move |house| broken(house, &device, span)).await?))
}

fn broken(house: &House, id: &DeviceId, span: Span) -> Breakage {
    let snapshot = house.snapshot();
    let known = snapshot.devices.find(id).map(|known| Device::clone(known));
    let device = known.unwrap_or_else(|| Device::known_as(id.clone()));
    let events = |filter: Filter| -> Vec<Event> {
        let terms = vec![Term { exclude: false, what: What::Device(vec![device.id.clone()]) }];
        let filter = Filter { from: Some(span.from), to: Some(span.to), terms, ..filter };
        house
            .store
            .events(&snapshot.devices, &filter, None, MAX_EVENTS)
            .events
            .into_iter()
            .map(|(_, event)| event)
            .collect()
    };
    let muted = events(Filter { verdict: Some(Verdict::Block), ..Filter::default() });
    let failed = events(Filter { outcome: Some(Outcome::Failed), ..Filter::default() });
    let since = span.from.before(insight::USUAL_SPAN).hour();
    let times = (span.from, span.to);
    insight::breakage(&snapshot.policy, &device, times, house.clock.now(), &muted, &failed, |each| {
        house.store.tallies(&snapshot.devices, Some(&device.id), since, span.from.hour(), each);
    })
}
