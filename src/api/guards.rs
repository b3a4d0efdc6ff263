//! The guards of the catalogue, which can be switched off one by one.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::carried_out;
use super::problem::{Problem, Segment};
use super::revision::{Seen, Tagged};
use crate::control::{Kept, Revision};
use crate::policy::{GuardId, Label};

/// A name that no list may mute, as the catalogue says.
#[derive(Serialize, ToSchema)]
pub(crate) struct GuardRow {
    /// Which guard.
    #[serde(flatten)]
    id: GuardId,
    /// What it is for, and what stops without it.
    label: Label,
    /// Whether it guards.
    on: bool,
    /// Whether config.toml switches it off, so that it can be switched on only there.
    fixed: bool,
    /// Its tag for `If-Match`, without the quotation marks.
    #[schema(value_type = String)]
    revision: Revision,
}

/// Lists the guards, those that are switched off included.
#[utoipa::path(get, path = "/guards", tag = "rules", responses((status = 200, body = Vec<GuardRow>)))]
pub(crate) async fn list_guards(house: LoggedIn) -> impl IntoResponse {
    // Before the snapshot, so that no tag is newer than what it stands for.
    let (tag, settings) = (house.control.revision(&Kept::Guards), house.control.settings());
    let snapshot = house.snapshot();
    let fixed = house.control.guards_fixed();
    let guards = snapshot.policy.guards().into_iter();
    let row = |guard: crate::policy::Guard<'_>| GuardRow {
        fixed: fixed.contains(&guard.id),
        revision: Revision::of_guard(&guard.id, &settings),
        id: guard.id,
        label: guard.label.clone(),
        on: guard.on,
    };
    Tagged(tag, guards.map(row).collect::<Vec<_>>())
}

/// Switches a guard on.
#[utoipa::path(put, path = "/guards/{list}/{name}", tag = "rules",
    params(("list" = String, Path, description = "The list of the catalogue"), ("name" = String, Path, description = "The name as it is written there")),
    responses((status = 204, description = "It guards")))]
pub(crate) async fn guard_on(
    house: LoggedIn,
    seen: Seen,
    Segment((list, name)): Segment<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let id = GuardId { list, name };
    carried_out(house.control.expecting(seen.of(Kept::Guard(id.clone()))).switch_guard(id, true)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Switches a guard off: lists may mute its names.
#[utoipa::path(delete, path = "/guards/{list}/{name}", tag = "rules",
    params(("list" = String, Path, description = "The list of the catalogue"), ("name" = String, Path, description = "The name as it is written there")),
    responses((status = 204, description = "It does not guard any more")))]
pub(crate) async fn guard_off(
    house: LoggedIn,
    seen: Seen,
    Segment((list, name)): Segment<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let id = GuardId { list, name };
    carried_out(house.control.expecting(seen.of(Kept::Guard(id.clone()))).switch_guard(id, false)).await?;
    Ok(StatusCode::NO_CONTENT)
}
