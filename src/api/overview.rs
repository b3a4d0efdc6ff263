//! The house over a span of time.

use axum::Json;

use super::auth::LoggedIn;
use super::problem::{Params, Problem};
use super::span::{NightParams, SpanParams};
use crate::insight::{self, Overview};

/// Sums up what the house asked in the span, in whole hours.
#[utoipa::path(get, path = "/overview", tag = "overview", params(SpanParams, NightParams),
    responses((status = 200, body = Overview)))]
pub(crate) async fn overview(
    house: LoggedIn,
    Params(span): Params<SpanParams>,
    Params(night): Params<NightParams>,
) -> Result<Json<Overview>, Problem> {
    let span = span.resolve(house.clock.now())?;
    let night_offset = night.resolve()?;
    let overview = house.read(move |house| {
        let snapshot = house.snapshot();
        insight::overview(&snapshot.policy, span.from, span.to, night_offset, |each| {
            house.store.tallies(&snapshot.devices, None, span.from.hour(), span.end_hour(), each);
        })
    });
    Ok(Json(overview.await?))
}
