//! Lists, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::problem::Problem;
use super::revision::Tagged;
use super::subscriptions::SubscriptionState;
use crate::control::{Kept, ListView, Revision};
use crate::policy::{ListReport, Policy, ProfileId, ScheduleState};
use crate::store::AddedList;
use crate::time::Timestamp;

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
    /// The file, or the URL it is fetched from.
    source: String,
    /// Whether its rewrites and `$important` count.
    trusted: bool,
    /// Questions of the last seven days that it decided.
    hits: u64,
    /// Whether `config.toml` names it; only others can be changed here.
    fixed: bool,
    /// Its tag for `If-Match`, without the quotation marks; none where `config.toml` names it.
    #[schema(value_type = Option<String>)]
    revision: Option<Revision>,
    /// How it is fetched, for a list from elsewhere.
    subscription: Option<SubscriptionState>,
    /// When it is in force, where that is not at all hours and no profile says another thing.
    schedule: Option<ScheduleState>,
    /// The same under the profiles that say when.
    profile_schedules: Vec<ProfileSchedule>,
}

/// When a list is in force under a profile.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileSchedule {
    /// The profile.
    profile: String,
    /// How things stand.
    #[serde(flatten)]
    state: ScheduleState,
}

/// Lists the lists, in the order of the configuration, with those of the page behind.
#[utoipa::path(get, path = "/lists", tag = "lists", responses((status = 200, body = Vec<List>)))]
pub(crate) async fn list_lists(house: LoggedIn) -> Result<Tagged<Vec<List>>, Problem> {
    let tag = house.control.revision(&Kept::Lists);
    let now = house.clock.now();
    let (since, policy) = (now.before(HITS_SPAN).hour(), house.snapshot().policy.clone());
    let hits = house.read(move |house| house.store.list_hits(since)).await?;
    let hits: HashMap<Arc<str>, u64> = hits.into_iter().collect();
    let added = house.store.settings().lists;
    let added_as = |name: &str| added.iter().find(|list| *list.name == *name);
    let list = |view: &ListView| List {
        hits: hits.get(&view.report.name).copied().unwrap_or(0),
        report: ListReport { problem: view.problem.clone(), ..view.report.clone() },
        group: view.group.clone(),
        source: view.source.display().to_string(),
        trusted: view.trusted,
        fixed: added_as(&view.group).is_none(),
        revision: added_as(&view.group).map(Revision::of),
        subscription: SubscriptionState::of(&house, &view.group),
        schedule: policy.schedule_of(&view.report.name, None, now),
        profile_schedules: ProfileSchedule::of(&policy, &view.report.name, now),
    };
    let mut lists: Vec<List> = house.control.lists().iter().map(list).collect();
    for switched_off in added.iter().filter(|list| !list.enabled) {
        if !lists.iter().any(|list| *list.report.name == *switched_off.name) {
            lists.push(List::switched_off(switched_off, SubscriptionState::of(&house, &switched_off.name)));
        }
    }
    Ok(Tagged(tag, lists))
}

impl List {
    /// A list that nothing is read of.
    fn switched_off(list: &AddedList, subscription: Option<SubscriptionState>) -> Self {
        let name: Arc<str> = list.name.as_str().into();
        Self {
            report: ListReport { name: name.clone(), action: list.action, ..ListReport::blank(list.format) },
            group: name,
            source: list.source.clone(),
            trusted: false,
            hits: 0,
            fixed: false,
            revision: Some(Revision::of(list)),
            subscription,
            schedule: None,
            profile_schedules: Vec::new(),
        }
    }
}

impl ProfileSchedule {
    /// Of the profiles under which things are not as they are for all.
    fn of(policy: &Policy, list: &str, now: Timestamp) -> Vec<Self> {
        let for_all = policy.schedule_of(list, None, now);
        let profiles = policy.profiles().enumerate().filter_map(|(place, name)| {
            let state = policy.schedule_of(list, u8::try_from(place).ok().map(ProfileId), now)?;
            (Some(&state) != for_all.as_ref()).then(|| Self { profile: name.to_owned(), state })
        });
        profiles.collect()
    }
}
