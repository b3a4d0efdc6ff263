//! Profiles: which lists apply to a device, and how. Those of `config.toml` are shown, those of the page can be changed.

use std::collections::{BTreeMap, HashMap};

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::devices::kept;
use super::house::{House, carried_out};
use super::problem::{Body, Problem, Segment};
use super::revision::{Seen, Tagged};
use crate::control::{Kept, Revision};
use crate::policy::{Action, DeviceId, ProfileId};
use crate::store::AddedProfile;

/// Characters of a profile's name, as in `config.toml`.
const MAX_NAME_CHARS: usize = 64;
/// Lists that one profile says something of.
const MAX_LISTS: usize = 1_000;

/// What a list does under a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnderProfile {
    /// It mutes.
    Block,
    /// It counts.
    Watch,
    /// It allows.
    Allow,
    /// It does not apply.
    Off,
}

/// A profile, and who has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileRow {
    /// Its name.
    name: String,
    /// Whether it can be changed only in `config.toml`, or not at all because it takes all lists as they are.
    fixed: bool,
    /// Whether devices have it that have no other.
    usual: bool,
    /// Devices that have it now.
    devices: usize,
    /// Own rules that are for it.
    rules: usize,
    /// The lists, or directories of lists, that do something else under it than by themselves. Of the lists in a
    /// directory that `config.toml` names, each stands here.
    lists: BTreeMap<String, UnderProfile>,
    /// Its tag for `If-Match`, without the quotation marks; none where it is fixed.
    #[schema(value_type = Option<String>)]
    revision: Option<Revision>,
}

/// A profile to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProfile)]
pub(crate) struct ProfileToMake {
    /// Its name, 1 to 64 characters; none other has it.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What lists, or directories of lists, do under it; the others do what they do by themselves.
    #[serde(default)]
    lists: BTreeMap<String, UnderProfile>,
}

/// What to change about a profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileChange)]
pub(crate) struct ChangeToProfile {
    /// What lists, or directories of lists, do under it from now on; the others do what they do by themselves.
    lists: BTreeMap<String, UnderProfile>,
}

/// Which profile a device has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placed {
    /// The profile; null gives it the one that it has by itself.
    profile: Option<String>,
}

/// Lists the profiles; none where every device takes all lists as they are.
#[utoipa::path(get, path = "/profiles", tag = "devices", responses((status = 200, body = Vec<ProfileRow>)))]
pub(crate) async fn list_profiles(house: LoggedIn) -> impl IntoResponse {
    let tag = house.control.revision(&Kept::Profiles);
    Tagged(tag, rows(&house))
}

/// Makes a profile.
#[utoipa::path(post, path = "/profiles", tag = "devices", request_body = ProfileToMake,
    responses((status = 201, description = "The profile is there")))]
pub(crate) async fn add_profile(
    house: LoggedIn,
    seen: Seen,
    Body(ProfileToMake { name, lists }): Body<ProfileToMake>,
) -> Result<impl IntoResponse, Problem> {
    let length = name.chars().count();
    if name.trim() != name || length == 0 || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let detail = "A name has 1 to 64 characters, and no space at either end.";
        return Err(Problem::unusable_name(detail, MAX_NAME_CHARS));
    }
    carried_out(house.control.expecting(seen.of(Kept::Profiles)).add_profile(added(name, lists)?)).await?;
    Ok(StatusCode::CREATED)
}

/// Changes what lists do under a profile that was made here.
#[utoipa::path(put, path = "/profiles/{name}", tag = "devices", request_body = ChangeToProfile,
    params(("name" = String, Path, description = "Which profile")),
    responses((status = 204, description = "It is so now")))]
pub(crate) async fn change_profile(
    house: LoggedIn,
    seen: Seen,
    Segment(name): Segment<String>,
    Body(ChangeToProfile { lists }): Body<ChangeToProfile>,
) -> Result<impl IntoResponse, Problem> {
    let control = house.control.expecting(seen.of(Kept::Profile(name.clone())));
    carried_out(control.change_profile(added(name, lists)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a profile away that was made here. Its devices have then the profile that they have by themselves.
#[utoipa::path(delete, path = "/profiles/{name}", tag = "devices",
    params(("name" = String, Path, description = "Which profile")),
    responses((status = 204, description = "The profile is gone")))]
pub(crate) async fn remove_profile(
    house: LoggedIn,
    seen: Seen,
    Segment(name): Segment<String>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::Profile(name.clone()))).remove_profile(name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a device a profile, or with null the one that it has by itself.
#[utoipa::path(put, path = "/devices/{id}/profile", tag = "devices", request_body = Placed,
    params(("id" = String, Path, description = "Which device")),
    responses((status = 204, description = "It has this profile now")))]
pub(crate) async fn place_device(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<DeviceId>,
    Body(Placed { profile }): Body<Placed>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(kept(&house, &id))).place_device(id, profile)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn rows(house: &House) -> Vec<ProfileRow> {
    let snapshot = house.snapshot();
    let (fixed, made) = (house.control.profiles_fixed(), house.store.settings().profiles);
    let mut devices: HashMap<ProfileId, usize> = HashMap::new();
    snapshot.devices.iter().for_each(|device| *devices.entry(device.profile).or_default() += 1);
    let usual = snapshot.devices.newcomers();
    let row = |(place, name): (u8, &str)| {
        let made = made.iter().find(|made| made.name == name && !fixed.contains(&made.name));
        let said = made.map_or_else(|| snapshot.policy.profile_lists(ProfileId(place)), |made| &made.lists);
        ProfileRow {
            name: name.to_owned(),
            fixed: made.is_none(),
            revision: made.map(Revision::of),
            usual: usual == ProfileId(place),
            devices: devices.get(&ProfileId(place)).copied().unwrap_or_default(),
            rules: snapshot.policy.rules().iter().filter(|rule| rule.scope.is_for_profile(name)).count(),
            lists: said.iter().map(|(list, action)| (list.clone(), UnderProfile::from(*action))).collect(),
        }
    };
    (0..=u8::MAX).zip(snapshot.policy.profiles()).map(row).collect()
}

fn added(name: String, lists: BTreeMap<String, UnderProfile>) -> Result<AddedProfile, Problem> {
    if lists.len() > MAX_LISTS {
        return Err(Problem::unusable(format!("A profile says something of {MAX_LISTS} lists at the most.")));
    }
    let lists = lists.into_iter().map(|(list, under)| (list, under.action())).collect();
    Ok(AddedProfile { name, lists })
}

impl UnderProfile {
    fn action(self) -> Option<Action> {
        match self {
            Self::Block => Some(Action::Block),
            Self::Watch => Some(Action::Watch),
            Self::Allow => Some(Action::Allow),
            Self::Off => None,
        }
    }
}

impl From<Option<Action>> for UnderProfile {
    fn from(action: Option<Action>) -> Self {
        match action {
            Some(Action::Block) => Self::Block,
            Some(Action::Watch) => Self::Watch,
            Some(Action::Allow) => Self::Allow,
            None => Self::Off,
        }
    }
}
