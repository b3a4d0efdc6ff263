//! The operator's own rules.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::{House, carried_out};
use super::kinds;
use super::problem::{Body, Problem, Segment};
use super::revision::{Seen, Tagged};
use crate::control::{Kept, NewRule, Revision};
use crate::policy::{Action, Comment, Kind, OwnRule, OwnTarget, Scope};
use crate::time::Timestamp;

/// An own rule, and whether it holds now.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleRow {
    /// The rule.
    #[serde(flatten)]
    rule: OwnRule,
    /// Whether its end has not come yet.
    active: bool,
    /// Its tag for `If-Match`, without the quotation marks.
    #[schema(value_type = String)]
    revision: Revision,
}

/// A rule to make.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRule)]
pub(crate) struct RuleToMake {
    /// The name it is about, or the text of the pattern.
    name: String,
    /// Whether it covers what is below the name as well; counts only where `kind` is not given.
    #[serde(default)]
    subtree: bool,
    /// How the name is meant; a name alone or with what is below it, as `subtree` says, where it is not given.
    #[serde(default)]
    kind: Option<Kind>,
    /// What to note about it, one line.
    #[serde(default)]
    #[schema(max_length = 200)]
    comment: Option<String>,
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
    let tag = house.control.revision(&Kept::Rules);
    let now = house.clock.now();
    let snapshot = house.snapshot();
    let rules = snapshot.policy.rules().iter();
    Tagged(tag, rules.map(|rule| RuleRow::new(rule.clone(), now)).collect::<Vec<_>>())
}

/// Puts a rule in force, in the place of one with the same kind, name and scope.
#[utoipa::path(post, path = "/rules", tag = "rules", request_body = RuleToMake,
    responses((status = 201, body = RuleRow, description = "The rule is in force")))]
pub(crate) async fn add_rule(
    house: LoggedIn,
    seen: Seen,
    Body(rule): Body<RuleToMake>,
) -> Result<impl IntoResponse, Problem> {
    let rule = rule.resolve(&house)?;
    let rule = carried_out(house.control.expecting(seen.of(Kept::Rules)).add_rule(rule)).await?;
    Ok((StatusCode::CREATED, Json(RuleRow::new(rule, house.clock.now()))))
}

/// Makes a rule another one. `since` stays where only the comment or the end changes.
#[utoipa::path(put, path = "/rules/{id}", tag = "rules", params(("id" = u64, Path, description = "Which rule")),
    request_body = RuleToMake, responses((status = 200, body = RuleRow, description = "The rule is in force")))]
pub(crate) async fn change_rule(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<u64>,
    Body(rule): Body<RuleToMake>,
) -> Result<impl IntoResponse, Problem> {
    let rule = rule.resolve(&house)?;
    let rule = carried_out(house.control.expecting(seen.of(Kept::Rule(id))).change_rule(id, rule)).await?;
    Ok(Json(RuleRow::new(rule, house.clock.now())))
}

/// Takes a rule away.
#[utoipa::path(delete, path = "/rules/{id}", tag = "rules", params(("id" = u64, Path, description = "Which rule")),
    responses((status = 204, description = "The rule is gone")))]
pub(crate) async fn remove_rule(
    house: LoggedIn,
    seen: Seen,
    Segment(id): Segment<u64>,
) -> Result<impl IntoResponse, Problem> {
    carried_out(house.control.expecting(seen.of(Kept::Rule(id))).remove_rule(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl RuleRow {
    fn new(rule: OwnRule, now: Timestamp) -> Self {
        Self { active: rule.is_active(now), revision: Revision::of(&rule), rule }
    }
}

impl RuleToMake {
    pub(crate) fn resolve(self, house: &House) -> Result<NewRule, Problem> {
        if let Some(until) = self.until {
            check_end(house, until, "so the rule would never hold")?;
        }
        check_scope(house, &self.scope)?;
        let Self { name, subtree, kind, comment, action, scope, until } = self;
        let target = OwnTarget::parse(Kind::of(kind, subtree), &name)?;
        let comment = comment.as_deref().map(Comment::parse).transpose()?.flatten();
        Ok(NewRule { target, comment, action, scope, until })
    }
}

/// What ends must end later than now.
pub(crate) fn check_end(house: &House, until: Timestamp, so: &str) -> Result<(), Problem> {
    if until <= house.clock.now() {
        return Err(Problem::unusable(format!("\"until\" is in the past, {so}.")).of_kind(kinds::Kind::InThePast));
    }
    Ok(())
}

/// What is for a profile must be for one that there is.
pub(crate) fn check_scope(house: &House, scope: &Scope) -> Result<(), Problem> {
    match scope {
        Scope::Profile(profile) if house.snapshot().policy.profile(profile).is_none() => {
            Err(Problem::unusable(format!("There is no profile {profile:?}.")).of_kind(kinds::Kind::NotThere))
        }
        _ => Ok(()),
    }
}
