//! Tokens of programs: made, listed, taken back.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Gate, Person};
use super::bearer::{Secret, has_ended};
use super::house::carried_out;
use super::problem::{Body, Problem, Segment};
use super::rules::check_end;
use crate::control::NewToken;
use crate::store::{AccessToken, TokenScope};
use crate::time::Timestamp;

/// Most characters of what a token is for.
const NAME_CHARS: usize = 64;

/// A token of a program.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenRow {
    /// What it is told from others by.
    id: u64,
    /// What it is for.
    name: String,
    /// How far it reaches.
    scope: TokenScope,
    /// When it was made, milliseconds since the epoch.
    since: Timestamp,
    /// When it ends by itself; null for never.
    #[schema(value_type = Option<u64>)]
    until: Option<Timestamp>,
    /// When it was last used; null for never.
    #[schema(value_type = Option<u64>)]
    last_used: Option<Timestamp>,
    /// Whether its end has come.
    ended: bool,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// What is known of it.
    #[serde(flatten)]
    row: TokenRow,
    /// The token itself, for `Authorization: Bearer`. It is told this once.
    token: String,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(crate) struct TokenToMake {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// How far it reaches.
    scope: TokenScope,
    /// When it ends by itself, milliseconds since the epoch; never where it is not given.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    until: Option<Timestamp>,
}

/// Lists the tokens, those that have ended included.
#[utoipa::path(get, path = "/tokens", tag = "session", security(("login" = [])),
    responses((status = 200, body = Vec<TokenRow>)))]
pub(crate) async fn list_tokens(house: Person, State(gate): State<Gate>) -> impl IntoResponse {
    let entrance = house.control.entrance();
    Json(entrance.tokens.iter().map(|token| TokenRow::of(token, &gate)).collect::<Vec<_>>())
}

/// Makes a token. What is answered has it in words, and nothing will again.
#[utoipa::path(post, path = "/tokens", tag = "session", security(("login" = [])), request_body = TokenToMake,
    responses((status = 201, body = MadeToken, description = "The token opens the door from now on")))]
pub(crate) async fn make_token(
    house: Person,
    State(gate): State<Gate>,
    Body(TokenToMake { name, scope, until }): Body<TokenToMake>,
) -> Result<impl IntoResponse, Problem> {
    let name = name.trim().to_owned();
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARS || name.chars().any(char::is_control) {
        let detail = format!("Say what the token is for, in 1 to {NAME_CHARS} characters.");
        return Err(Problem::unusable_name(detail, NAME_CHARS));
    }
    if let Some(until) = until {
        check_end(&house, until, "so the token would never be valid")?;
    }
    let secret = Secret::new().map_err(Problem::ours)?;
    let new = NewToken { name, scope, hash: secret.hash(), until };
    let token = carried_out(house.control.add_token(new)).await?;
    tracing::info!("a token was made: {:?} {:?}", token.name, token.scope);
    Ok((StatusCode::CREATED, Json(MadeToken { row: TokenRow::of(&token, &gate), token: secret.text() })))
}

/// Takes a token back. What is under way for it ends.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "session", security(("login" = [])),
    params(("id" = u64, Path, description = "Which token")),
    responses((status = 204, description = "It opens nothing any more")))]
pub(crate) async fn take_token_back(
    house: Person,
    State(gate): State<Gate>,
    Segment(id): Segment<u64>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.remove_token(id)).await?;
    gate.programs().end(id);
    Ok(StatusCode::NO_CONTENT)
}

impl TokenRow {
    fn of(token: &AccessToken, gate: &Gate) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            scope: token.scope,
            since: token.since,
            until: token.until,
            last_used: gate.programs().last_used(token),
            ended: has_ended(token, gate.door().clock.now()),
        }
    }
}
