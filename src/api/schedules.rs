//! Schedules: hours of the week in which lists are in force. Those of `config.toml` are shown, those of the page can be
//! changed.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::{House, carried_out};
use super::problem::{Body, Problem, Segment};
use super::revision::{Seen, Tagged};
use crate::control::{Kept, Revision, joined_schedules};
use crate::policy::{Schedule, ScheduleUse, Slot};
use crate::store::AddedSchedule;
use crate::time::Timestamp;

/// Characters of a schedule's name, as in `config.toml`.
const MAX_NAME_CHARS: usize = 64;

/// The schedules, and whose clocks they go by.
#[derive(Serialize, ToSchema)]
pub(crate) struct Timetable {
    /// The time zone, as in "Europe/Berlin"; null where this system does not tell it, and no schedule can be made.
    zone: Option<String>,
    /// All of them, those of `config.toml` first.
    schedules: Vec<ScheduleRow>,
}

/// A schedule, and what it is for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleRow {
    /// Its name.
    name: String,
    /// Whether it can be changed only in `config.toml`.
    fixed: bool,
    /// Its tag for `If-Match`, without the quotation marks; none where `config.toml` fixes it.
    #[schema(value_type = Option<String>)]
    revision: Option<Revision>,
    /// The hours.
    slots: Vec<Slot>,
    /// Whether it holds now.
    holds: bool,
    /// When that changes, milliseconds since the epoch; null where it does not within two weeks.
    changes_at: Option<Timestamp>,
    /// Which lists are in force only while it holds.
    uses: Vec<Use>,
}

/// A list that is in force only while a schedule holds.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScheduleFor)]
pub(crate) struct Use {
    /// A list, or a directory of lists.
    list: String,
    /// Under which profile; null where no profile says another thing.
    #[serde(default)]
    profile: Option<String>,
}

/// A schedule to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSchedule)]
pub(crate) struct ScheduleToMake {
    /// Its name, 1 to 64 characters; none other has it.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// The hours; 1 to 32 slots.
    slots: Vec<Slot>,
    /// Which lists are in force only while it holds.
    #[serde(default)]
    uses: Vec<Use>,
}

/// What a schedule is from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScheduleChange)]
pub(crate) struct ChangeToSchedule {
    /// The hours; 1 to 32 slots.
    slots: Vec<Slot>,
    /// Which lists are in force only while it holds.
    uses: Vec<Use>,
}

/// Lists the schedules.
#[utoipa::path(get, path = "/schedules", tag = "lists", responses((status = 200, body = Timetable)))]
pub(crate) async fn list_schedules(house: LoggedIn) -> impl IntoResponse {
    let tag = house.control.revision(&Kept::Schedules);
    Tagged(tag, timetable(&house))
}

/// Makes a schedule.
#[utoipa::path(post, path = "/schedules", tag = "lists", request_body = ScheduleToMake,
    responses((status = 201, description = "The schedule is there, and what it is for goes by it")))]
pub(crate) async fn add_schedule(
    house: LoggedIn,
    seen: Seen,
    Body(ScheduleToMake { name, slots, uses }): Body<ScheduleToMake>,
) -> Result<impl IntoResponse, Problem> {
    let length = name.chars().count();
    if name.trim() != name || length == 0 || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let detail = "A name has 1 to 64 characters, and no space at either end.";
        return Err(Problem::unusable_name(detail, MAX_NAME_CHARS));
    }
    carried_out(house.control.expecting(seen.of(Kept::Schedules)).add_schedule(added(name, slots, uses))).await?;
    Ok(StatusCode::CREATED)
}

/// Changes the hours of a schedule that was made here, and what it is for.
#[utoipa::path(put, path = "/schedules/{name}", tag = "lists", request_body = ChangeToSchedule,
    params(("name" = String, Path, description = "Which schedule")),
    responses((status = 204, description = "It is so now")))]
pub(crate) async fn change_schedule(
    house: LoggedIn,
    seen: Seen,
    Segment(name): Segment<String>,
    Body(ChangeToSchedule { slots, uses }): Body<ChangeToSchedule>,
) -> Result<impl IntoResponse, Problem> {
    let control = house.control.expecting(seen.of(Kept::Schedule(name.clone())));
    carried_out(control.change_schedule(added(name, slots, uses))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a schedule away that was made here. What it was for is in force at all hours then.
#[utoipa::path(delete, path = "/schedules/{name}", tag = "lists",
    params(("name" = String, Path, description = "Which schedule")),
    responses((status = 204, description = "The schedule is gone")))]
pub(crate) async fn remove_schedule(
    house: LoggedIn,
    seen: Seen,
    Segment(name): Segment<String>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::Schedule(name.clone()))).remove_schedule(name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn timetable(house: &House) -> Timetable {
    let fixed = house.control.schedules_fixed();
    let settings = house.store.settings();
    let all = joined_schedules(&fixed, &settings);
    let made = |schedule: &Schedule| settings.schedules.iter().find(|made| made.name == schedule.name);
    let now = house.clock.now();
    let row = |schedule: &Schedule| ScheduleRow {
        name: schedule.name.clone(),
        fixed: fixed.all.contains(schedule),
        revision: made(schedule).filter(|_| !fixed.all.contains(schedule)).map(Revision::of),
        slots: schedule.slots.clone(),
        holds: schedule.holds(&all.zone, now),
        changes_at: schedule.next_flip(&all.zone, now),
        uses: all.uses.iter().filter(|one| one.schedule.as_ref() == Some(&schedule.name)).map(Use::from).collect(),
    };
    Timetable { zone: all.zone.iana_name().map(str::to_owned), schedules: all.all.iter().map(row).collect() }
}

fn added(name: String, slots: Vec<Slot>, uses: Vec<Use>) -> AddedSchedule {
    AddedSchedule { name, slots, uses: uses.into_iter().map(|one| (one.list, one.profile)).collect() }
}

impl From<&ScheduleUse> for Use {
    fn from(one: &ScheduleUse) -> Self {
        Self { list: one.list.clone(), profile: one.profile.clone() }
    }
}
