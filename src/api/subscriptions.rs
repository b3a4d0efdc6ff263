//! Lists from elsewhere: added, changed and fetched from here. Those of `config.toml` can only be fetched.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::{House, carried_out};
use super::kinds::Kind;
use super::problem::{Body, Problem, Segment, sentence};
use super::revision::Seen;
use crate::control::subscriptions::{KNOWN, KnownList, ListUrl, Size, Stage};
use crate::control::{Kept, ListChange};
use crate::policy::{Action, Format};
use crate::store::AddedList;
use crate::time::Timestamp;

/// Characters of the name of a list.
const NAME_CHARS_BOUND: usize = 64;

/// How a list from elsewhere is doing.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(crate) struct SubscriptionState {
    /// Whether it is fetched and in force.
    enabled: bool,
    /// Whether its server may have an address inside the house.
    private_server: bool,
    /// How far it has come.
    stage: Stage,
    /// Bytes that came in so far, unpacked.
    bytes: u64,
    /// When it is fetched next; none while it is under way, and before the first time.
    #[schema(value_type = Option<u64>)]
    next: Option<Timestamp>,
    /// When the copy in force was fetched.
    #[schema(value_type = Option<u64>)]
    fetched: Option<Timestamp>,
    /// When its server last said that the copy is up to date, or gave it.
    #[schema(value_type = Option<u64>)]
    checked: Option<Timestamp>,
    /// When it was last tried.
    #[schema(value_type = Option<u64>)]
    tried: Option<Timestamp>,
    /// Failures in a row.
    failures: u32,
    /// What went wrong at the last try, in a sentence.
    trouble: Option<String>,
    /// Whether the server gave something that is kept out; fetching it with `accept_smaller` takes a list that shrank.
    suspicious: bool,
    /// How large the last copies were, the latest last.
    sizes: Vec<Size>,
}

impl SubscriptionState {
    /// That of the list called `name`, if it is from elsewhere.
    pub(crate) fn of(house: &House, name: &str) -> Option<Self> {
        let view = house.control.subscriptions().look(name)?;
        let record = view.record;
        Some(Self {
            enabled: view.enabled,
            private_server: view.subscription.private_server,
            stage: view.stage,
            bytes: view.bytes,
            next: view.next,
            fetched: record.fetched,
            checked: record.checked,
            tried: record.tried,
            failures: record.failures,
            trouble: record.trouble.as_deref().map(sentence),
            suspicious: record.suspicious,
            sizes: record.sizes.into(),
        })
    }
}

/// A list to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewList)]
pub(crate) struct ListToAdd {
    /// Its name; none other has it.
    name: String,
    /// The URL it is fetched from: `https` or `http`.
    source: String,
    /// What it does.
    #[serde(default = "block")]
    #[schema(required = false, default = "block")]
    action: Action,
    /// How it is written; found out where it is not said.
    #[serde(default)]
    #[schema(required = false, default = "auto")]
    format: Format,
    /// Whether its server may have an address inside the house.
    #[serde(default)]
    #[schema(required = false, default = false)]
    private_server: bool,
}

fn block() -> Action {
    Action::Block
}

/// What to change about a list; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ListChange)]
pub(crate) struct ChangeToList {
    /// What it does.
    #[serde(default)]
    action: Option<Action>,
    /// Whether it is fetched and in force.
    #[serde(default)]
    enabled: Option<bool>,
}

/// How to fetch a list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FetchList)]
pub(crate) struct ListToFetch {
    /// Whether to take it also if it lost most of its names.
    #[serde(default)]
    #[schema(required = false, default = false)]
    accept_smaller: bool,
}

/// Lists that many use, to choose from. None is fetched unless it is added.
#[utoipa::path(get, path = "/lists/catalogue", tag = "lists", responses((status = 200, body = Vec<KnownList>)))]
pub(crate) async fn known_lists(_house: LoggedIn) -> Json<&'static [KnownList]> {
    Json(KNOWN)
}

/// Adds a list from elsewhere. It is fetched at once, and in force when that went well.
#[utoipa::path(post, path = "/lists", tag = "lists", request_body = ListToAdd,
    responses((status = 201, description = "The list is kept, and being fetched")))]
pub(crate) async fn add_list(
    house: LoggedIn,
    seen: Seen,
    Body(list): Body<ListToAdd>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::Lists)).add_list(list.checked()?)).await?;
    Ok(StatusCode::CREATED)
}

/// Changes a list that was added here.
#[utoipa::path(put, path = "/lists/{name}", tag = "lists", request_body = ChangeToList,
    params(("name" = String, Path, description = "Which list")),
    responses((status = 204, description = "The change is in force")))]
pub(crate) async fn change_list(
    house: LoggedIn,
    seen: Seen,
    Segment(name): Segment<String>,
    Body(change): Body<ChangeToList>,
) -> Result<impl IntoResponse, Problem> {
    let change = ListChange { action: change.action, enabled: change.enabled };
    let control = house.control.expecting(seen.of(Kept::List(name.clone())));
    carried_out(control.change_list(name, change)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a list that was added here away, and its copy.
#[utoipa::path(delete, path = "/lists/{name}", tag = "lists",
    params(("name" = String, Path, description = "Which list")),
    responses((status = 204, description = "The list is gone")))]
pub(crate) async fn remove_list(
    house: LoggedIn,
    seen: Seen,
    Segment(name): Segment<String>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::List(name.clone()))).remove_list(name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetches a list from elsewhere now.
#[utoipa::path(post, path = "/lists/{name}/refresh", tag = "lists", request_body = ListToFetch,
    params(("name" = String, Path, description = "Which list")),
    responses((status = 202, description = "It is being fetched; GET /lists tells how far it is")))]
pub(crate) async fn refresh_list(
    house: LoggedIn,
    Segment(name): Segment<String>,
    Body(how): Body<ListToFetch>,
) -> Result<impl IntoResponse, Problem> {
    match house.control.subscriptions().refresh(&name, how.accept_smaller) {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(Problem::not_found(format_args!("list from elsewhere called {name}, or it is switched off"))),
    }
}

/// Stops fetching a list.
#[utoipa::path(delete, path = "/lists/{name}/refresh", tag = "lists",
    params(("name" = String, Path, description = "Which list")),
    responses((status = 204, description = "It is not being fetched any more")))]
pub(crate) async fn stop_list(house: LoggedIn, Segment(name): Segment<String>) -> Result<impl IntoResponse, Problem> {
    match house.control.subscriptions().stop(&name) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format_args!("list called {name} that is being fetched"))),
    }
}

impl ListToAdd {
    fn checked(self) -> Result<AddedList, Problem> {
        let Self { name, source, action, format, private_server } = self;
        let length = name.chars().count();
        if name.trim() != name || length == 0 || length > NAME_CHARS_BOUND || name.chars().any(char::is_control) {
            let detail = format!(
                "This is no name for a list: write 1 to {NAME_CHARS_BOUND} characters, no space at either end."
            );
            return Err(Problem::unusable_name(detail, NAME_CHARS_BOUND));
        }
        let no_address = |why: String| Problem::unusable(sentence(&why)).of_kind(Kind::ListAddress);
        let url: ListUrl = source.parse().map_err(no_address)?;
        if format == Format::Catalogue {
            return Err(Problem::unusable("A catalogue is read from files only."));
        }
        if url.names_an_inner_address() && !private_server {
            return Err(Problem::unusable(
                "This server has an address inside the house. Say so (\"private_server\": true) if the list is really there.",
            )
            .of_kind(Kind::InnerAddress));
        }
        Ok(AddedList { name, source: url.to_string(), action, format, enabled: true, private_server })
    }
}
