//! Who is logged in, and sending them out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{Gate, Person};
use super::problem::{Problem, Segment};
use crate::time::Timestamp;

/// A session that goes on.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionRow {
    /// What it is told from others by. No secret.
    pub(crate) id: u64,
    /// When it began, milliseconds since the epoch.
    pub(crate) since: Timestamp,
    /// When it was last used, milliseconds since the epoch.
    pub(crate) used: Timestamp,
    /// The address that it was begun from.
    pub(crate) address: String,
    /// What the browser said that it is.
    pub(crate) agent: Option<String>,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
}

/// Lists the sessions that go on, the latest first.
#[utoipa::path(get, path = "/sessions", tag = "session", security(("login" = [])),
    responses((status = 200, body = Vec<SessionRow>)))]
pub(crate) async fn list_sessions(house: Person, State(gate): State<Gate>) -> Json<Vec<SessionRow>> {
    Json(gate.sessions().list(house.token(), gate.door().clock.instant()))
}

/// Ends a session.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "session", security(("login" = [])),
    params(("id" = u64, Path, description = "Which session")),
    responses((status = 204, description = "It is over")))]
pub(crate) async fn end_session(
    _: Person,
    State(gate): State<Gate>,
    Segment(id): Segment<u64>,
) -> Result<StatusCode, Problem> {
    match gate.sessions().end_where(|session| session.id == id) {
        0 => Err(Problem::not_found(format_args!("session {id}"))),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Ends every session but the one that asks.
#[utoipa::path(delete, path = "/sessions", tag = "session", security(("login" = [])),
    responses((status = 204, description = "They are over")))]
pub(crate) async fn end_other_sessions(house: Person, State(gate): State<Gate>) -> StatusCode {
    gate.sessions().end_others(house.token());
    StatusCode::NO_CONTENT
}
