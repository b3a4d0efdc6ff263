//! The operator's own rules.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::{House, carried_out};
use super::problem::{Body, Problem, Segment};
use crate::control::NewRule;
use crate::policy::{Action, Name, OwnRule, Scope};
use crate::time::Timestamp;

/// An own rule, and whether it holds now.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleRow {
    /// The rule.
    #[serde(flatten)]
    rule: OwnRule,
    /// Whether its end has not come yet.
    active: bool,
}

/// A rule to make.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRule)]
pub(crate) struct RuleToMake {
    /// The name it is about.
    name: Name,
    /// Whether it covers what is below the name as well.
    subtree: bool,
    /// What it does.
    action: Action,
    /// For whom.
    scope: Scope,
    /// When it ends by itself, milliseconds since the epoch; never where it is not given.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    until: Option<Timestamp>,
}

/// Lists the own rules, those that have ended included.
#[utoipa::path(get, path = "/rules", tag = "rules", responses((status = 200, body = Vec<RuleRow>)))]
pub(crate) async fn list_rules(house: LoggedIn) -> impl IntoResponse {
    let now = house.clock.now();
    let snapshot = house.snapshot();
    let rules = snapshot.policy.rules().iter();
    let rule = |rule: &OwnRule| RuleRow { active: rule.until.is_none_or(|until| now < until), rule: rule.clone() };
    Json(rules.map(rule).collect::<Vec<_>>())
}

/// Puts a rule in force, in the place of one with the same name, subtree and scope.
#[utoipa::path(post, path = "/rules", tag = "rules", request_body = RuleToMake,
    responses((status = 201, body = OwnRule, description = "The rule is in force")))]
pub(crate) async fn add_rule(house: LoggedIn, Body(rule): Body<RuleToMake>) -> Result<impl IntoResponse, Problem> {
    let rule = rule.resolve(&house)?;
    let rule = carried_out(house.control.add_rule(rule)).await?;
    Ok((StatusCode::CREATED, Json(rule)))
}

/// Takes a rule away.
#[utoipa::path(delete, path = "/rules/{id}", tag = "rules", params(("id" = u64, Path, description = "Which rule")),
    responses((status = 204, description = "The rule is gone")))]
pub(crate) async fn remove_rule(house: LoggedIn, Segment(id): Segment<u64>) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.remove_rule(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl RuleToMake {
    pub(crate) fn resolve(self, house: &House) -> Result<NewRule, Problem> {
        if self.until.is_some_and(|until| until <= house.clock.now()) {
            return Err(Problem::unusable("\"until\" is in the past, so the rule would never hold."));
        }
        if self.name.as_ref().is_root() {
            return Err(Problem::unusable("A rule for the root would be about every name there is. Name one."));
        }
        if let Scope::Profile(profile) = &self.scope
            && house.snapshot().policy.profile(profile).is_none()
        {
            return Err(Problem::unusable(format!("There is no profile {profile:?} in config.toml.")));
        }
        let Self { name, subtree, action, scope, until } = self;
        Ok(NewRule { name, subtree, action, scope, until })
    }
}
