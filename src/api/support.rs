//! What helps whoever looks for a fault elsewhere: figures and kinds, and no name of anything in the house or outside.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::problem::Problem;
use super::status::Status;
use crate::policy::{Action, Format};
use crate::store::Level;
use crate::time::Timestamp;

/// How sordino is doing, to be sent to someone.
#[derive(Serialize, ToSchema)]
pub(crate) struct SupportBundle {
    /// The version of sordino.
    version: &'static str,
    /// What it was built for.
    platform: String,
    /// When this was written, milliseconds since the epoch.
    made: Timestamp,
    /// When it started, milliseconds since the epoch.
    started: Timestamp,
    /// Kinds of what is wrong; the words may have names in them and stay here.
    problems: Vec<&'static str>,
    /// What was counted since the start, by name.
    counters: BTreeMap<String, u64>,
    /// Forwarders, by number.
    upstreams: Vec<UpstreamFigures>,
    /// Lists, by number.
    lists: Vec<ListFigures>,
    /// Devices known now.
    devices: usize,
    /// Profiles.
    profiles: usize,
    /// Own rules.
    own_rules: usize,
    /// Answers in the cache, their bytes, and the most it may hold.
    cache: [u64; 3],
    /// Bytes of history on disk.
    store_bytes: u64,
    /// How much of a query is kept.
    privacy: Level,
}

/// A forwarder without its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpstreamFigures {
    /// How it is asked: `udp`, `tcp`, `tls`, `https`, `quic`, `h3`.
    scheme: String,
    /// `up`, `down` or `unknown`.
    state: &'static str,
    /// Answers it gave.
    answered: u64,
    /// Questions it did not answer.
    failed: u64,
    /// Smoothed time to answer.
    latency_ms: Option<u32>,
    /// Whether it is asked about some names only.
    routed: bool,
    /// Whether it asks us in turn.
    loops: bool,
}

/// A list without its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListFigures {
    /// What it does.
    action: Action,
    /// How it is written.
    format: Format,
    /// Names and patterns in force.
    names: usize,
    /// Lines that could not be used.
    rejected: usize,
    /// Whether something is wrong with it.
    trouble: bool,
    /// Whether it is from elsewhere.
    fetched: bool,
}

/// Figures for whoever looks for a fault: no name, no address and no path is in them.
#[utoipa::path(get, path = "/support", tag = "status", responses((status = 200, body = SupportBundle)))]
pub(crate) async fn support(house: LoggedIn) -> Result<impl IntoResponse, Problem> {
    let health = house.read(|house| house.store.health()).await?;
    let status = Status::of(&house, &health);
    let snapshot = house.snapshot();
    let upstreams = status.upstreams.iter().map(|upstream| UpstreamFigures {
        scheme: upstream.server.split_once("://").map_or("udp", |(scheme, _)| scheme).to_owned(),
        state: upstream.state,
        answered: upstream.answered,
        failed: upstream.failed,
        latency_ms: upstream.latency_ms,
        routed: !upstream.domains.is_empty(),
        loops: !upstream.loops.is_empty(),
    });
    let views = house.control.lists();
    let lists = views.iter().map(|view| ListFigures {
        action: view.report.action,
        format: view.report.format,
        names: view.report.names,
        rejected: view.report.rejected,
        trouble: view.problem.is_some(),
        fetched: house.control.subscriptions().look(&view.group).is_some(),
    });
    let bundle = SupportBundle {
        version: status.version,
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        made: house.clock.now(),
        started: status.started,
        problems: status.problems.iter().map(|problem| problem.kind).collect(),
        upstreams: upstreams.collect(),
        lists: lists.collect(),
        devices: snapshot.devices.iter().count(),
        profiles: snapshot.policy.profiles().count(),
        own_rules: snapshot.policy.rules().len(),
        cache: [status.cache.entries, status.cache.bytes, status.cache.capacity],
        store_bytes: status.store.bytes,
        privacy: house.store.level(),
        counters: status.counters,
    };
    Ok(([(header::CONTENT_DISPOSITION, "attachment; filename=\"sordino-support.json\"")], Json(bundle)))
}
