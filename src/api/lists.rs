//! Lists, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::problem::Problem;
use crate::control::ListView;
use crate::policy::ListReport;

/// Over how long hits are counted.
const HITS_SPAN: Duration = Duration::from_secs(7 * 24 * 3600);

/// A list, what became of it, and how often it decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct List {
    /// What became of it.
    #[serde(flatten)]
    report: ListReport,
    /// The `[[list]]` it comes from: its own name, or that of the directory's.
    group: Arc<str>,
    /// The file.
    source: String,
    /// Whether its rewrites and `$important` count.
    trusted: bool,
    /// Questions of the last seven days that it decided.
    hits: u64,
    /// Whether `config.toml` names it; always so today.
    fixed: bool,
}

/// Lists the lists, in the order of the configuration.
#[utoipa::path(get, path = "/lists", tag = "lists", responses((status = 200, body = Vec<List>)))]
pub(crate) async fn list_lists(house: LoggedIn) -> Result<Json<Vec<List>>, Problem> {
    let since = house.clock.now().before(HITS_SPAN).hour();
    let hits = house.read(move |house| house.store.list_hits(since)).await?;
    let hits: HashMap<Arc<str>, u64> = hits.into_iter().collect();
    let list = |view: &ListView| List {
        hits: hits.get(&view.report.name).copied().unwrap_or(0),
        report: ListReport { problem: view.problem.clone(), ..view.report.clone() },
        group: view.group.clone(),
        source: view.source.display().to_string(),
        trusted: view.trusted,
        fixed: true,
    };
    Ok(Json(house.control.lists().iter().map(list).collect()))
}
