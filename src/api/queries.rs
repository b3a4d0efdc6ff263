//! The journal: single queries, the latest first.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::devices::Names;
use super::filter::FilterParams;
use super::house::House;
use super::problem::{Params, Problem};
use super::words;
use crate::event::{Event, Outcome, Transport};
use crate::policy::{DeviceId, Label, Name, Verdict};
use crate::snapshot::Snapshot;
use crate::store::{EventId, Filter, Page, Sieve};
use crate::time::Timestamp;

/// Queries that a page of collapsed rows is made of, at most.
const COLLAPSED: usize = 5_000;
/// Queries that a page of different names is made of, at most.
const UNIQUE: usize = 10_000;
/// The end of the year 9999, seconds since the epoch.
const LAST_DATE: u64 = 253_402_300_800;
/// Queries in one answer, at most.
const MAX_LIMIT: usize = 500;
const USUAL_LIMIT: usize = 100;

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
    /// How many queries this row stands for, where repeats are collapsed and there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// When the first of them arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Timestamp>,
}

/// A page of the journal, the latest query first.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueryPage {
    /// The queries.
    events: Vec<Query>,
    /// What to give as `before` to read on; null at the end. A page can be short, or empty, and still have one.
    next: Option<String>,
}

/// Reads the journal backwards.
#[utoipa::path(get, path = "/queries", tag = "queries", params(FilterParams), responses((status = 200, body = QueryPage)))]
pub(crate) async fn list_queries(
    house: LoggedIn,
    Params(params): Params<FilterParams>,
) -> Result<axum::Json<QueryPage>, Problem> {
    let limit = params.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::unusable("\"limit\" goes from 1 to 500."));
    }
    let before = params.before.map(EventId);
    let filter = params.filter(&house.snapshot().policy)?;
    let queries = house.read(move |house| {
        let reader = Reader::new(house);
        if params.collapse == Some(true) {
            return collapsed(reader.read(house, &filter, before, COLLAPSED), limit, &reader);
        }
        let Page { events, next } = reader.read(house, &filter, before, limit);
        let events = events.iter().map(|(id, event)| reader.query(*id, event)).collect();
        QueryPage { events, next: next.map(|EventId(id)| id.to_string()) }
    });
    Ok(axum::Json(queries.await?))
}

/// One row for all queries of the page in which a device asked the same and heard the same, in the place of the latest.
fn collapsed(page: Page, limit: usize, reader: &Reader) -> QueryPage {
    let mut rows: Vec<Query> = Vec::new();
    let mut places = HashMap::new();
    let mut next = page.next;
    let mut last_read = None;
    for (id, event) in &page.events {
        let key = (&event.device, &event.name, event.qtype, event.verdict, event.list.as_ref());
        if let Some(&place) = places.get(&key) {
            let row: &mut Query = &mut rows[place];
            *row.count.get_or_insert(1) += 1;
            row.first = Some(event.at);
        } else if rows.len() < limit {
            places.insert(key, rows.len());
            rows.push(reader.query(*id, event));
        } else {
            // Read on from here.
            next = last_read;
            break;
        }
        last_read = Some(*id);
    }
    QueryPage { events: rows, next: next.map(|EventId(id)| id.to_string()) }
}

/// A name, and how often it was asked.
#[derive(Serialize, ToSchema)]
pub(crate) struct UniqueName {
    /// The name.
    name: Name,
    /// How often it was asked.
    count: u64,
    /// By how many devices.
    devices: usize,
    /// When it was asked for the last time.
    last: Timestamp,
    /// What the policy said the last time.
    verdict: Verdict,
    /// What the catalogue knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
}

/// Different names, the one that was asked last first.
#[derive(Serialize, ToSchema)]
pub(crate) struct UniqueNames {
    /// The names.
    names: Vec<UniqueName>,
    /// What to give as `before` to read on; null at the end.
    next: Option<String>,
}

/// Reads the journal backwards, one row for each name. Each page looks at ten thousand queries at most.
#[utoipa::path(get, path = "/queries/names", tag = "queries", params(FilterParams),
    responses((status = 200, body = UniqueNames)))]
pub(crate) async fn list_names(
    house: LoggedIn,
    Params(params): Params<FilterParams>,
) -> Result<axum::Json<UniqueNames>, Problem> {
    let before = params.before.map(EventId);
    let filter = params.filter(&house.snapshot().policy)?;
    let names = house.read(move |house| {
        let reader = Reader::new(house);
        let Page { events, next } = reader.read(house, &filter, before, UNIQUE);
        let policy = &reader.0.snapshot().policy;
        let mut places: HashMap<&Name, usize> = HashMap::new();
        let mut devices: HashSet<(&Name, &DeviceId)> = HashSet::new();
        let mut names: Vec<UniqueName> = Vec::new();
        for (_, event) in &events {
            let place = *places.entry(&event.name).or_insert(names.len());
            if place == names.len() {
                let label = policy.label(event.name.as_ref()).cloned();
                let (name, last, verdict) = (event.name.clone(), event.at, event.verdict);
                names.push(UniqueName { name, count: 0, devices: 0, last, verdict, label });
            }
            names[place].count += 1;
            names[place].devices += usize::from(devices.insert((&event.name, &event.device)));
        }
        UniqueNames { names, next: next.map(|EventId(id)| id.to_string()) }
    });
    Ok(axum::Json(names.await?))
}

/// Writes events as people read them: with names of devices and labels of names as they are now.
pub(crate) struct Reader(Names);

impl Reader {
    pub(crate) fn new(house: &House) -> Self {
        Self(Names::new(house))
    }

    /// Learns what changed since, and says whether anything did.
    pub(crate) fn refresh(&mut self, house: &House) -> bool {
        let outdated = self.0.is_outdated(house);
        if outdated {
            self.0 = Names::new(house);
        }
        outdated
    }

    /// What `params` let through.
    pub(crate) fn sieve(&self, params: &FilterParams) -> Result<Sieve, Problem> {
        let Snapshot { policy, devices, .. } = self.0.snapshot();
        Ok(params.filter(policy)?.sieve(devices))
    }

    /// A page of the journal, as the devices are now.
    pub(crate) fn read(&self, house: &House, filter: &Filter, before: Option<EventId>, limit: usize) -> Page {
        house.store.events(&self.0.snapshot().devices, filter, before, limit)
    }

    pub(crate) fn query(&self, EventId(id): EventId, event: &Event) -> Query {
        let Snapshot { policy, devices, .. } = self.0.snapshot();
        let of_alias = event.alias.as_ref().and_then(|alias| policy.label(alias.as_ref()));
        Query {
            id: id.to_string(),
            at: event.at,
            device: devices.main(&event.device).clone(),
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
            count: None,
            first: None,
        }
    }
}

impl Query {
    /// What stands in a table, by columns.
    pub(crate) fn fields(&self) -> [String; 15] {
        let word = |value: serde_json::Result<String>| value.unwrap_or_default().trim_matches('"').to_owned();
        let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
        [
            self.at.millis().to_string(),
            moment(self.at),
            self.device.to_string(),
            self.device_name.clone(),
            self.address.to_string(),
            self.name.to_string(),
            self.qtype.clone(),
            self.verdict.to_string(),
            word(serde_json::to_string(&self.outcome)),
            self.rcode.clone(),
            text(&self.list),
            self.alias.as_ref().map(Name::to_string).unwrap_or_default(),
            text(&self.upstream),
            word(serde_json::to_string(&self.transport)),
            self.took_us.to_string(),
        ]
    }
}

/// RFC 3339, in UTC.
fn moment(at: Timestamp) -> String {
    let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_millis(at.millis()));
    // The largest times of a broken clock have no date.
    let bounded = at.filter(|at| *at < std::time::UNIX_EPOCH + std::time::Duration::from_secs(LAST_DATE));
    bounded.map(|at| humantime::format_rfc3339_millis(at).to_string()).unwrap_or_default()
}
