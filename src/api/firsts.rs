//! What devices asked for the first time.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::devices::Names;
use super::paging::{Page, PageParams};
use super::problem::{Params, Problem};
use crate::policy::{DeviceId, Label, Name};
use crate::time::Timestamp;

/// What counts as new where nobody says.
const USUAL: Duration = Duration::from_secs(7 * 86_400);

/// Since when, and of whom.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FirstsParams {
    /// Only names asked for the first time since this moment, milliseconds since the epoch; a week ago where it is not given.
    #[param(value_type = Option<u64>)]
    since: Option<Timestamp>,
    /// Only of this device.
    #[param(value_type = Option<String>, pattern = "^(mac|ip|name)-.+$")]
    device: Option<DeviceId>,
    /// Whether only names that no other device asked before.
    house: Option<bool>,
}

/// When a device first and last asked a name.
#[derive(Serialize, ToSchema)]
pub(crate) struct FirstRow {
    /// Who asked.
    device: DeviceId,
    /// What people call that device now.
    device_name: String,
    /// For what.
    name: Name,
    /// For the first time, to the second.
    first: Timestamp,
    /// For the last time, to the second.
    last: Timestamp,
    /// Whether no other device asked it before.
    new_in_house: bool,
    /// What the catalogue knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
}

/// What devices asked for the first time, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct FirstsPage {
    /// At most a thousand.
    firsts: Vec<FirstRow>,
    /// How many there are.
    total: usize,
    /// What to give as `before` to read on; null at the end.
    next: Option<String>,
}

/// Names that devices asked for the first time. They are known for longer than the journal is kept.
#[utoipa::path(get, path = "/firsts", tag = "queries", params(FirstsParams, PageParams),
     responses((status = 200, body = FirstsPage)))]
pub(crate) async fn list_firsts(
    house: LoggedIn,
    Params(params): Params<FirstsParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<FirstsPage>, Problem> {
    let since = params.since.unwrap_or_else(|| house.clock.now().before(USUAL));
    let wanted = page.resolve()?.unwrap_or_else(Page::first);
    let page = house.read(move |house| {
        let names = Names::new(house);
        let mut firsts = house.store.firsts(&names.snapshot().devices, params.device.as_ref(), since);
        if params.house == Some(true) {
            firsts.retain(|first| first.new_in_house);
        }
        let total = firsts.len();
        // Those of one moment in an order of their own, so that a page can begin among them.
        firsts.sort_by(|one, other| {
            other.first.cmp(&one.first).then_with(|| (&one.device, &one.name).cmp(&(&other.device, &other.name)))
        });
        let (firsts, next) = wanted.rows(firsts, |first| first.first);
        let row = |first: crate::store::First| FirstRow {
            device_name: names.of(&first.device),
            label: names.snapshot().policy.label(first.name.as_ref()).cloned(),
            device: first.device,
            name: first.name,
            first: first.first,
            last: first.last,
            new_in_house: first.new_in_house,
        };
        FirstsPage { firsts: firsts.into_iter().map(row).collect(), total, next }
    });
    Ok(Json(page.await?))
}
