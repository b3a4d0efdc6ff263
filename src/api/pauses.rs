//! Pauses: for a while, everything is let through.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::carried_out;
use super::problem::{Body, Problem, Segment};
use super::revision::{Seen, Tagged};
use super::rules::{check_end, check_scope};
use crate::control::{Kept, Revision};
use crate::policy::{Pause, Scope};
use crate::time::Timestamp;

/// A pause that holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct PauseRow {
    /// The pause.
    #[serde(flatten)]
    pause: Pause,
    /// Its tag for `If-Match`, without the quotation marks.
    #[schema(value_type = String)]
    revision: Revision,
}

/// A pause to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPause)]
pub(crate) struct PauseToMake {
    /// For whom.
    scope: Scope,
    /// When it ends, milliseconds since the epoch.
    until: Timestamp,
}

/// Lists the pauses that hold now.
#[utoipa::path(get, path = "/pauses", tag = "rules", responses((status = 200, body = Vec<PauseRow>)))]
pub(crate) async fn list_pauses(house: LoggedIn) -> impl IntoResponse {
    let tag = house.control.revision(&Kept::Pauses);
    let now = house.clock.now();
    let snapshot = house.snapshot();
    let pauses = snapshot.policy.pauses().iter().filter(|pause| pause.is_active(now));
    Tagged(tag, pauses.cloned().map(PauseRow::from).collect::<Vec<_>>())
}

/// Lets everything through for a while, in the place of a pause for the same. That is a fresh act and no change of the other:
/// who means only what was seen to be there brings the tag of all pauses.
#[utoipa::path(post, path = "/pauses", tag = "rules", request_body = PauseToMake,
    responses((status = 201, body = PauseRow, description = "Nothing is muted any more until then")))]
pub(crate) async fn add_pause(
    house: LoggedIn,
    seen: Seen,
    Body(pause): Body<PauseToMake>,
) -> Result<impl IntoResponse, Problem> {
    let PauseToMake { scope, until } = pause;
    check_end(&house, until, "so the pause would never hold")?;
    check_scope(&house, &scope)?;
    let pause = carried_out(house.control.expecting(seen.of(Kept::Pauses)).add_pause(scope, until)).await?;
    Ok((StatusCode::CREATED, Json(PauseRow::from(pause))))
}

/// Ends a pause.
#[utoipa::path(delete, path = "/pauses/{id}", tag = "rules", params(("id" = u64, Path, description = "Which pause")),
    responses((status = 204, description = "The pause is over")))]
pub(crate) async fn remove_pause(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<u64>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::Pause(id))).remove_pause(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Pause> for PauseRow {
    fn from(pause: Pause) -> Self {
        Self { revision: Revision::of(&pause), pause }
    }
}
