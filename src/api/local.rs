//! Names of the house.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::carried_out;
use super::kinds::Kind;
use super::problem::{Body, Problem, Segment, sentence};
use super::revision::{Seen, Tagged};
use super::words;
use crate::control::{Kept, NewRecord, Revision};
use crate::local::{OwnRecord, RecordKind, USUAL_TTL};
use crate::policy::Name;

/// An own record.
#[derive(Serialize, ToSchema)]
#[schema(as = LocalRecord)]
pub(crate) struct RecordRow {
    /// What to remove it by; none where `config.toml` fixes it.
    id: Option<u64>,
    /// Its owner.
    name: Name,
    /// Its type in words.
    #[serde(rename = "type")]
    kind: String,
    /// An address, a name or a text; for other types as in a zone file.
    value: String,
    /// Seconds for which it may be kept.
    ttl: u32,
    /// Whether `config.toml` fixes it.
    fixed: bool,
    /// Its tag for `If-Match`, without the quotation marks; none where `config.toml` fixes it.
    #[schema(value_type = Option<String>)]
    revision: Option<Revision>,
}

/// A record to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLocalRecord)]
pub(crate) struct RecordToMake {
    /// Its owner. For PTR also an address will do. A first label `*` stands for all names below that are not there.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: RecordKind,
    /// An address, a name or a text.
    value: String,
    /// Seconds for which it may be kept, at most a day; 300 where it is not given.
    #[serde(default)]
    ttl: Option<u32>,
}

/// Lists the own records, those of `config.toml` first. Zones are files of their own and not listed.
#[utoipa::path(get, path = "/local", tag = "local", responses((status = 200, body = Vec<RecordRow>)))]
pub(crate) async fn list_records(house: LoggedIn) -> impl IntoResponse {
    let tag = house.control.revision(&Kept::Records);
    let fixed = house.control.records_fixed();
    let fixed = fixed.iter().map(|record| RecordRow {
        id: None,
        name: record.name.clone(),
        kind: words::of_qtype(record.rtype),
        value: record.value(),
        ttl: record.ttl,
        fixed: true,
        revision: None,
    });
    let own = house.store.settings().records.into_iter().map(row);
    Tagged(tag, fixed.chain(own).collect::<Vec<_>>())
}

/// Makes a record. One that is there already gets the new TTL.
#[utoipa::path(post, path = "/local", tag = "local", request_body = RecordToMake,
    responses((status = 201, body = RecordRow, description = "The record is served")))]
pub(crate) async fn add_record(
    house: LoggedIn,
    seen: Seen,
    Body(record): Body<RecordToMake>,
) -> Result<impl IntoResponse, Problem> {
    const LONGEST_TTL: u32 = 86_400;
    let RecordToMake { name, kind, value, ttl } = record;
    let not_a_name = |why: String| Problem::unusable(sentence(&why)).of_kind(Kind::NotAName).about(name.clone());
    let name = kind.owner(&name).map_err(not_a_name)?;
    let unfit = |why: String| Problem::unusable(sentence(&why)).of_kind(Kind::RecordValue).because(word(kind));
    kind.line(&value).map_err(unfit)?;
    let ttl = ttl.unwrap_or(USUAL_TTL);
    if ttl > LONGEST_TTL {
        return Err(Problem::unusable("A record can be kept for a day at most: \"ttl\" is 86400 or less."));
    }
    let own =
        carried_out(house.control.expecting(seen.of(Kept::Records)).add_record(NewRecord { name, kind, value, ttl }))
            .await?;
    Ok((StatusCode::CREATED, Json(row(own))))
}

/// Takes a record away that was made in the page.
#[utoipa::path(delete, path = "/local/{id}", tag = "local", params(("id" = u64, Path, description = "Which record")),
    responses((status = 204, description = "The record is gone")))]
pub(crate) async fn remove_record(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<u64>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::Record(id))).remove_record(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn row(own: OwnRecord) -> RecordRow {
    let revision = Some(Revision::of(&own));
    let kind = word(own.kind);
    let OwnRecord { id, name, value, ttl, .. } = own;
    RecordRow { id: Some(id), name, kind: kind.into(), value, ttl, fixed: false, revision }
}

const fn word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::A => "A",
        RecordKind::Aaaa => "AAAA",
        RecordKind::Cname => "CNAME",
        RecordKind::Txt => "TXT",
        RecordKind::Ptr => "PTR",
    }
}
