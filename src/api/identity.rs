//! What the operator decides about who is one device: identities that belong together, addresses that do not.

use std::net::IpAddr;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::devices::kept;
use super::house::{House, carried_out};
use super::problem::{Body, Problem, Segment};
use super::revision::Seen;
use crate::control::Kept;
use crate::policy::DeviceId;

/// Which device an identity belongs to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joined {
    /// The device that it is too; null makes it a device of its own again.
    to: Option<DeviceId>,
}

/// Whether an address is a device of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apart {
    /// The address.
    #[schema(value_type = String)]
    address: IpAddr,
    /// Whether it is a device of its own, whatever its hardware address; false takes that back.
    apart: bool,
}

/// Says that an identity is another device too, as when a phone changes its made-up hardware address; or takes it back.
///
/// What it asked before counts for that device from now on, and is its own again when it is taken back.
#[utoipa::path(put, path = "/devices/{id}/joined", tag = "devices", request_body = Joined,
    params(("id" = String, Path, description = "The identity that is joined")),
    responses((status = 204, description = "It counts so now")))]
pub(crate) async fn join_device(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<DeviceId>,
    Body(Joined { to }): Body<Joined>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(kept(&house, &id))).join_device(id, to)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that an address is a device of its own although another hardware address answers for it; or takes it back.
///
/// `If-Match` takes the tag of the device that has the address: splitting it off makes that another one.
#[utoipa::path(put, path = "/addresses", tag = "devices", request_body = Apart,
    responses((status = 204, description = "It counts so now")))]
pub(crate) async fn split_address(
    house: LoggedIn,
    seen: Seen,
    Body(Apart { address, apart }): Body<Apart>,
) -> Result<impl IntoResponse, Problem> {
    let expected = seen.of(of_address(&house, address));
    carried_out(house.control.expecting(expected).split_address(address, apart)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is kept of the device that has `address` now; of all of them where none has.
fn of_address(house: &House, address: IpAddr) -> Kept {
    let snapshot = house.snapshot();
    snapshot.devices.identify(address).map_or(Kept::Devices, |device| Kept::Device(device.id.clone()))
}
