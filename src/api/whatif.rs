//! What a rule or a list would have done, and what the lists that are in force do.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::house::House;
use super::kinds::Kind;
use super::problem::{Body, Params, Problem, sentence};
use super::rules::RuleToMake;
use super::span::{Span, SpanParams};
use super::turn::Turn;
use crate::device::Devices;
use crate::insight::{self, Asked, Change, RulesAtWork, WhatIf};
use crate::policy::{Action, DeviceId, Format, ListReport, ListSource, OwnRule, RejectedLine, Tier, Trial};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// The largest list that can be tried, with what stands around it, bytes: some two hundred thousand names.
pub(crate) const MAX_BODY: usize = 5 << 20;
/// What is looked at where nobody says which span.
const USUAL: Duration = Duration::from_secs(7 * 24 * 3600);
/// What a list on trial is called in answers.
const ON_TRIAL: &str = "this list";

/// What to try. Exactly one of `rule`, `list` and `subscription` is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhatIfQuestion {
    /// A rule of your own, as it would be made.
    #[serde(default)]
    rule: Option<RuleToMake>,
    /// The number of the own rule whose place `rule` would take, while one is changed.
    #[serde(default)]
    instead: Option<u64>,
    /// A list that is not there.
    #[serde(default)]
    list: Option<ListToTry>,
    /// The name of a list that is there, as if it did `action` for every device.
    #[serde(default)]
    subscription: Option<String>,
    /// What the list would do; block where it is not given.
    #[serde(default)]
    action: Option<Action>,
    /// Begin of the span, milliseconds since the epoch; a week before the end where it is not given.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    from: Option<Timestamp>,
    /// End of the span, milliseconds since the epoch; now where it is not given.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    to: Option<Timestamp>,
    /// Only what this device asked.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device: Option<DeviceId>,
}

/// The content of a list that is not there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListToTry {
    /// Its lines.
    #[schema(max_length = 5_000_000)]
    text: String,
    /// How it is written; found out from the content where it is not given.
    #[serde(default)]
    format: Format,
}

/// What a change would have done, and what became of the list on trial.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhatIfAnswer {
    /// What it would have done.
    #[serde(flatten)]
    effect: WhatIf,
    /// What became of a list that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<ListRead>,
}

/// What became of a list that was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListRead {
    /// The format it was read as.
    format: Format,
    /// Names and patterns in it.
    names: usize,
    /// How many lines could not be used.
    rejected: usize,
    /// The first of them.
    examples: Vec<RejectedLine>,
}

/// Which device.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeviceParams {
    /// Only what this device asked.
    #[param(value_type = Option<String>, pattern = "^(mac|ip|name)-.+$")]
    device: Option<DeviceId>,
}

/// Says what a rule or a list would have done in a span, by the rules of today. Changes nothing.
#[utoipa::path(post, path = "/whatif", tag = "lists", request_body = WhatIfQuestion,
    responses((status = 200, body = WhatIfAnswer)))]
pub(crate) async fn what_if(turn: Turn, Body(question): Body<WhatIfQuestion>) -> Result<Json<WhatIfAnswer>, Problem> {
    let now = turn.house.clock.now();
    let span = SpanParams::between(question.from, question.to).resolve_with(now, USUAL)?;
    let tried = ToTry::of(&turn.house, &question)?;
    let device = question.device;
    let answer = turn.think(move |house, wanted| {
        let snapshot = house.snapshot();
        let (change, read) = match tried.change(&snapshot) {
            Ok(change) => change,
            Err(problem) => return Some(Err(problem)),
        };
        let asked = asked(house, &snapshot.devices, span, device.as_ref(), wanted);
        let effect = insight::what_if(&asked, &snapshot.policy, &snapshot.devices, &change, now, wanted)?;
        Some(Ok(WhatIfAnswer { effect: WhatIf { from: span.from, to: span.to, ..effect }, read }))
    });
    answer.await?.map(Json)
}

/// Says what each list and each of its rules did in a span, by the rules of today, and which lists mute the same.
#[utoipa::path(get, path = "/hits", tag = "lists", params(SpanParams, DeviceParams),
    responses((status = 200, body = RulesAtWork)))]
pub(crate) async fn hits(
    turn: Turn,
    Params(span): Params<SpanParams>,
    Params(DeviceParams { device }): Params<DeviceParams>,
) -> Result<Json<RulesAtWork>, Problem> {
    let now = turn.house.clock.now();
    let span = span.resolve_with(now, USUAL)?;
    let work = turn.think(move |house, wanted| {
        let snapshot = house.snapshot();
        let asked = asked(house, &snapshot.devices, span, device.as_ref(), wanted);
        let work = insight::list_hits(&asked, &snapshot.policy, &snapshot.devices, now, wanted)?;
        Some(RulesAtWork { from: span.from, to: span.to, ..work })
    });
    Ok(Json(work.await?))
}

/// What was asked in the span; cut short when nobody wants it any more, which whoever uses it finds out as well.
fn asked(house: &House, devices: &Devices, span: Span, device: Option<&DeviceId>, wanted: &dyn Fn() -> bool) -> Asked {
    Asked::sum(|each| {
        house.store.tallies(devices, device, span.from.hour(), span.end_hour(), &mut |run| {
            if wanted() {
                each(run);
            }
        });
    })
}

/// What to try, found sound.
enum ToTry {
    Rule(OwnRule, Option<u64>),
    List(ListSource),
    Listed(String, Action),
}

impl ToTry {
    fn of(house: &House, question: &WhatIfQuestion) -> Result<Self, Problem> {
        let action = question.action.unwrap_or(Action::Block);
        match (&question.rule, &question.list, &question.subscription) {
            (Some(rule), None, None) => {
                // Behind all others, as a new rule stands.
                Ok(Self::Rule(rule.clone().resolve(house)?.into_rule(u64::MAX, house.clock.now()), question.instead))
            }
            (None, Some(list), None) => Ok(Self::List(ListSource {
                name: ON_TRIAL.into(),
                action,
                format: list.format,
                trusted: false,
                tier: Tier::default(),
                content: Ok(list.text.as_bytes().into()),
            })),
            (None, None, Some(name)) => Ok(Self::Listed(name.clone(), action)),
            _ => Err(Problem::unusable("Give exactly one of \"rule\", \"list\" and \"subscription\".")),
        }
    }

    fn change(self, snapshot: &Snapshot) -> Result<(Change, Option<ListRead>), Problem> {
        let policy = &snapshot.policy;
        match self {
            Self::Rule(rule, instead) => {
                let new = rule.clone();
                Ok((Change::rule(policy, rule, |other| instead == Some(other.id) || new.is_like(other)), None))
            }
            Self::List(source) => {
                let trial = Trial::of_new(source);
                let read = trial.report().map(ListRead::of).transpose()?;
                Ok((Change::List(trial), read))
            }
            Self::Listed(name, action) => match Trial::of_listed(policy, &name, action) {
                Some(trial) => Ok((Change::List(trial), None)),
                None => Err(Problem::not_found(format!("list called {name:?} whose content is here"))),
            },
        }
    }
}

impl ListRead {
    fn of(report: &ListReport) -> Result<Self, Problem> {
        let ListReport { format, names, rejected, examples, problem, .. } = report;
        match problem {
            Some(problem) => {
                let detail = sentence(&format!("the list cannot be used: {problem}"));
                Err(Problem::unusable(detail).of_kind(Kind::UnreadableList))
            }
            None => Ok(Self { format: *format, names: *names, rejected: *rejected, examples: examples.clone() }),
        }
    }
}
