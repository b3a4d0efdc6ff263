//! Forgetting and reading again.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::carried_out;
use super::problem::{Params, Problem};
use super::refused::name_in_parameter;

/// What to forget.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FlushParams {
    /// The name; everything where it is not given.
    #[param(min_length = 1)]
    name: Option<String>,
    /// Whether to forget what is below the name as well.
    subtree: Option<bool>,
}

/// What was forgotten.
#[derive(Serialize, ToSchema)]
pub(crate) struct Flushed {
    /// How many answers.
    removed: u64,
}

/// What reading again brought.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reloaded {
    /// What is wrong now, a sentence each; empty when all is well.
    problems: Vec<String>,
}

/// Makes the cache forget answers for a name, or all.
#[utoipa::path(delete, path = "/cache", tag = "status", params(FlushParams), responses((status = 200, body = Flushed)))]
pub(crate) async fn flush_cache(
    house: LoggedIn,
    Params(params): Params<FlushParams>,
) -> Result<Json<Flushed>, Problem> {
    let name = params.name.as_deref().map(name_in_parameter).transpose()?;
    let removed = house.read(move |house| house.resolver.flush(name.as_ref(), params.subtree.unwrap_or(false))).await?;
    Ok(Json(Flushed { removed: removed as u64 }))
}

/// Reads the lists again.
#[utoipa::path(post, path = "/reload", tag = "status", responses((status = 200, body = Reloaded)))]
pub(crate) async fn reload(house: LoggedIn) -> Result<Json<Reloaded>, Problem> {
    let problems = carried_out(house.control.reload(None)).await?;
    Ok(Json(Reloaded { problems }))
}
