//! The journal: single queries, the latest first.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::devices::Names;
use super::house::House;
use super::problem::{Params, Problem};
use super::words;
use crate::event::{Event, Outcome, Transport};
use crate::policy::{DeviceId, Label, Name, Verdict};
use crate::store::{EventId, Filter, Page};
use crate::time::Timestamp;

/// Queries in one answer, at most.
const MAX_LIMIT: usize = 500;
const USUAL_LIMIT: usize = 100;
/// Longest text to look for in names: no name is longer, in text with escapes.
const MAX_SEARCH_CHARS: usize = 1004;

/// One query and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Query {
    /// Its place in the journal; later queries have larger numbers.
    id: String,
    /// When it arrived, milliseconds since the epoch.
    at: Timestamp,
    /// Who asked.
    device: DeviceId,
    /// What people call that device now.
    device_name: String,
    /// The address it asked from.
    #[schema(value_type = String)]
    address: IpAddr,
    /// QNAME.
    name: Name,
    /// QTYPE: `A`, `AAAA`, `TYPE65280`.
    qtype: String,
    /// What the policy said.
    verdict: Verdict,
    /// What was done.
    outcome: Outcome,
    /// RCODE of the response: `NOERROR`, `NXDOMAIN`.
    rcode: String,
    /// The list that decided; `own` for an own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Arc<str>>,
    /// The alias in the answer that was judged, where it was not the name itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<Name>,
    /// The forwarder that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Arc<str>>,
    /// How the query came in.
    transport: Transport,
    /// From arrival to response, microseconds.
    took_us: u32,
    /// What the catalogue knows of the alias, else of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
}

/// A page of the journal, the latest query first.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueryPage {
    /// The queries.
    events: Vec<Query>,
    /// What to give as `before` to read on; null at the end. A page can be short, or empty, and still have one.
    next: Option<String>,
}

/// Which queries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueryParams {
    /// Only of this device.
    #[param(value_type = Option<String>, pattern = "^(mac|ip|name)-.+$")]
    device: Option<DeviceId>,
    /// Only names with this text in them.
    #[param(max_length = 1004)]
    name: Option<String>,
    /// Only with this verdict.
    #[param(inline)]
    verdict: Option<Verdict>,
    /// Only with this outcome.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Only from this moment on, milliseconds since the epoch.
    #[param(value_type = Option<u64>)]
    from: Option<Timestamp>,
    /// Only before this moment, milliseconds since the epoch.
    #[param(value_type = Option<u64>)]
    to: Option<Timestamp>,
    /// Only those before the query with this id.
    #[param(value_type = Option<String>, pattern = "^[0-9]{1,20}$")]
    before: Option<u64>,
    /// How many at most: 1 to 500, 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Reads the journal backwards.
#[utoipa::path(get, path = "/queries", tag = "queries", params(QueryParams), responses((status = 200, body = QueryPage)))]
pub(crate) async fn list_queries(
    house: LoggedIn,
    Params(params): Params<QueryParams>,
) -> Result<axum::Json<QueryPage>, Problem> {
    let limit = params.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::unusable("\"limit\" goes from 1 to 500."));
    }
    let before = params.before.map(EventId);
    let filter = params.filter()?;
    let queries = house.read(move |house| {
        let Page { events, next } = house.store.events(&filter, before, limit);
        let reader = Reader::new(house);
        let events = events.iter().map(|(id, event)| reader.query(*id, event)).collect();
        QueryPage { events, next: next.map(|EventId(id)| id.to_string()) }
    });
    Ok(axum::Json(queries.await?))
}

impl QueryParams {
    fn filter(self) -> Result<Filter, Problem> {
        let name = self.name.filter(|name| !name.is_empty());
        if name.as_ref().is_some_and(|name| name.chars().count() > MAX_SEARCH_CHARS) {
            return Err(Problem::unusable("\"name\" is longer than any name can be."));
        }
        Ok(Filter {
            device: self.device,
            name: name.map(|name| as_kept(&name)),
            verdict: self.verdict,
            outcome: self.outcome,
            from: self.from,
            to: self.to,
        })
    }
}

/// What to look for, in the form that names are kept in: lower-cased, and Unicode as its A-labels.
fn as_kept(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // A piece of a name need not be one itself; then there is nothing that could match it.
    Name::parse(text).map_or_else(|_| text.to_lowercase(), |name| name.to_string())
}

/// Writes events as people read them: with names of devices and labels of names as they are now.
pub(crate) struct Reader(Names);

impl Reader {
    pub(crate) fn new(house: &House) -> Self {
        Self(Names::new(house))
    }

    /// Learns what changed since.
    pub(crate) fn refresh(&mut self, house: &House) {
        if self.0.is_outdated(house) {
            self.0 = Names::new(house);
        }
    }

    pub(crate) fn query(&self, EventId(id): EventId, event: &Event) -> Query {
        let policy = &self.0.snapshot().policy;
        let of_alias = event.alias.as_ref().and_then(|alias| policy.label(alias.as_ref()));
        Query {
            id: id.to_string(),
            at: event.at,
            device: event.device.clone(),
            device_name: self.0.of(&event.device),
            address: event.address,
            name: event.name.clone(),
            qtype: words::of_qtype(event.qtype),
            verdict: event.verdict,
            outcome: event.outcome,
            rcode: words::of_rcode(event.rcode),
            list: event.list.clone(),
            alias: event.alias.clone(),
            upstream: event.upstream.clone(),
            transport: event.transport,
            took_us: event.took_us,
            label: of_alias.or_else(|| policy.label(event.name.as_ref())).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::as_kept;

    #[test]
    fn what_people_type_is_looked_for_as_names_are_kept() {
        for (typed, kept) in
            [("MiStat.", "mistat"), (" xiaomi ", "xiaomi"), ("bücher.example", "xn--bcher-kva.example")]
        {
            assert_eq!(as_kept(typed), kept);
        }
    }
}
