//! Why a name is treated as it is.

use axum::Json;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::problem::{Params, Problem};
use super::refused::name_in_parameter;
use super::words;
use crate::control::complete;
use crate::device::{Device, Devices};
use crate::policy::{DeviceId, Explanation, Name};

/// What to explain.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainParams {
    /// The name.
    #[param(min_length = 1)]
    name: String,
    /// For which device; one without rules of its own where it is not given.
    #[param(value_type = Option<String>, pattern = "^(mac|ip|name)-.+$")]
    device: Option<DeviceId>,
    /// QTYPE, as in `AAAA` or `TYPE65280`; `A` where it is not given.
    #[serde(rename = "type")]
    qtype: Option<String>,
}

/// Why a name is treated as it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explained {
    /// The name, as it is kept.
    name: Name,
    /// The device that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    /// What is done, and every rule that speaks for or against it.
    explanation: Explanation,
}

/// Says why a name is treated as it is, now.
#[utoipa::path(get, path = "/explain", tag = "rules", params(ExplainParams), responses((status = 200, body = Explained)))]
pub(crate) async fn explain(
    house: LoggedIn,
    Params(params): Params<ExplainParams>,
) -> Result<Json<Explained>, Problem> {
    let name = name_in_parameter(&params.name)?;
    let word = params.qtype.as_deref().unwrap_or("A");
    let qtype = words::qtype(word);
    let qtype =
        qtype.ok_or_else(|| Problem::unusable("\"type\" is no type: it is a word as in AAAA, or TYPE65280."))?;
    let snapshot = house.snapshot();
    let device = match &params.device {
        Some(id) => whoever_is(&snapshot.devices, id)?,
        None => Device::unknown(NOWHERE),
    };
    let asker = device.asker(device.addresses.first().copied().unwrap_or(NOWHERE));
    let now = house.clock.now();
    let mut explanation = snapshot.explain(&asker, name.as_ref(), qtype, now);
    complete(&mut explanation, &house.control.lists());
    Ok(Json(Explained { name, device: params.device, explanation }))
}

/// An address that no rule is about.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The device, also when it is not around now: its own rules hold for it by its identity.
fn whoever_is(devices: &Devices, id: &DeviceId) -> Result<Device, Problem> {
    if let Some(device) = devices.find(id) {
        return Ok(Device::clone(device));
    }
    let absent = |mac, address| Device { id: id.clone(), mac, ..Device::unknown(address) };
    match id {
        DeviceId::Mac(mac) => Ok(absent(Some(*mac), NOWHERE)),
        DeviceId::Address(address) => Ok(absent(None, *address)),
        DeviceId::Named(name) => Err(Problem::not_found(format!("device {name:?}"))),
    }
}
