//! The journal as a file: everything that a filter lets through, as it is read, the latest first.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::StreamExt as _;
use tokio::sync::{Semaphore, mpsc};

use super::auth::LoggedIn;
use super::filter::FilterParams;
use super::problem::{Params, Problem};
use super::queries::{Query, Reader};
use crate::insight::csv_field;
use crate::store::{EventId, Page};

/// Exports at the same time: each reads the whole journal.
static EXPORTS: Semaphore = Semaphore::const_new(2);
/// Queries that are read at once.
const PAGE: usize = 2_000;
/// Pages that wait for the browser to take them.
const WAITING: usize = 2;
/// When to try again where too many exports are under way.
const BUSY: Duration = Duration::from_secs(30);
const HEAD: &str =
    "at,time,device,device_name,address,name,type,verdict,outcome,rcode,list,alias,upstream,transport,took_us\r\n";

/// All queries that the filter lets through, the latest first, as CSV or JSON Lines.
#[utoipa::path(get, path = "/queries/export", tag = "queries", params(FilterParams), responses(
    (status = 200, content_type = "text/csv", body = String, description = "`format=csv`, or one JSON object a line with `format=jsonl`")))]
pub(crate) async fn export_queries(
    house: LoggedIn,
    Params(params): Params<FilterParams>,
) -> Result<impl IntoResponse, Problem> {
    let csv = match params.format.as_deref() {
        None | Some("csv") => true,
        Some("jsonl") => false,
        Some(_) => return Err(Problem::unusable("\"format\" is csv or jsonl.")),
    };
    let filter = params.filter(&house.snapshot().policy)?;
    let Ok(place) = EXPORTS.try_acquire() else {
        let detail = "Two exports are under way already. Wait for one to end.";
        return Err(Problem::busy(detail, BUSY));
    };
    let (mut before, mut left) = (params.before.map(EventId), params.limit.unwrap_or(usize::MAX));
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(WAITING);
    // It ends by itself when the browser is gone: then nobody takes the next page.
    tokio::spawn(async move {
        let _place = place;
        let ended = house.ended();
        let mut first = csv;
        while left > 0 && !ended.is_cancelled() {
            let filter = filter.clone();
            let page = house.read(move |house| {
                let reader = Reader::new(house);
                let Page { events, next } = reader.read(house, &filter, before, PAGE.min(left));
                let mut text = String::new();
                for (id, event) in &events {
                    let query = reader.query(*id, event);
                    if csv { csv_line(&mut text, &query) } else { json_line(&mut text, &query) }
                }
                (text, events.len(), next)
            });
            let Ok((text, count, next)) = page.await else { break };
            left -= count;
            let text = if std::mem::take(&mut first) { format!("{HEAD}{text}") } else { text };
            if sender.send(Ok(text.into())).await.is_err() || next.is_none() {
                break;
            }
            before = next;
        }
    });
    let (kind, name) = if csv {
        ("text/csv; charset=utf-8; header=present", "queries.csv")
    } else {
        ("application/jsonl", "queries.jsonl")
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    let body = futures_util::stream::unfold(receiver, |mut pages| async { Some((pages.recv().await?, pages)) }).fuse();
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], Body::from_stream(body)))
}

fn json_line(text: &mut String, query: &Query) {
    // Only a map with keys that are no text could fail, and there is none.
    text.push_str(&serde_json::to_string(query).unwrap_or_default());
    text.push('\n');
}

fn csv_line(text: &mut String, query: &Query) {
    for (place, field) in query.fields().iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        csv_field(text, field);
    }
    text.push_str("\r\n");
}
