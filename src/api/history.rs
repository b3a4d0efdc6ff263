//! Forgetting what was kept.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::auth::Admin;
use super::problem::{Params, Problem};
use crate::policy::DeviceId;

/// What to forget.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ForgetParams {
    /// This device, with all identities that are joined to it.
    #[param(value_type = Option<String>, pattern = "^(mac|ip|name)-.+$")]
    device: Option<DeviceId>,
    /// With `true`, everything.
    all: Option<bool>,
}

/// Forgets the queries, tallies and firsts of a device, or all: when this returns, no byte of them is on disk.
#[utoipa::path(delete, path = "/history", tag = "queries", security(("login" = []), ("token" = ["admin"])), params(ForgetParams),
    responses((status = 204, description = "It is forgotten")))]
pub(crate) async fn forget_history(
    house: Admin,
    Params(params): Params<ForgetParams>,
) -> Result<impl IntoResponse, Problem> {
    let device = match (params.device, params.all) {
        (Some(device), None | Some(false)) => Some(device),
        (None, Some(true)) => None,
        _ => return Err(Problem::unusable("Say which device to forget, or all=true for everything.")),
    };
    let forgotten = house.read(move |house| house.store.forget(&house.snapshot().devices, device.as_ref()));
    match forgotten.await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(why) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)),
    }
}
