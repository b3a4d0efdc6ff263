//! What is answered where a command is refused, or where what should become one makes no sense.

use std::time::Duration;

use axum::http::StatusCode;

use super::kinds::Kind;
use super::problem::{Problem, sentence};
use crate::control::{Needed, Refusal};
use crate::policy::{MAX_COMMENT_LEN, Name, NotAComment, NotATarget};

/// How long who finds the writer busy should wait.
const BUSY: Duration = Duration::from_secs(2);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = sentence(&refusal.to_string());
        let conflict = |kind| Self::new(StatusCode::CONFLICT, detail.clone()).of_kind(kind);
        let unusable = |kind| Self::unusable(detail.clone()).of_kind(kind);
        match refusal {
            Refusal::NotSaved(_) => Self::new(StatusCode::INSUFFICIENT_STORAGE, detail).of_kind(Kind::NotSaved),
            Refusal::Unusable(_) => Self::unusable(detail),
            Refusal::AliasAlone(name) => unusable(Kind::AliasAlone).about(name),
            Refusal::NoTimeZone => unusable(Kind::NoTimeZone),
            Refusal::NotASchedule(limit, _) => unusable(Kind::Schedule).limited(limit),
            Refusal::Missing(_) => unusable(Kind::NotThere),
            Refusal::Unknown(_) => Self::new(StatusCode::NOT_FOUND, detail).of_kind(Kind::NotThere),
            Refusal::Fixed(_) => conflict(Kind::Fixed),
            Refusal::Taken(name) | Refusal::NameTaken(_, name) => conflict(Kind::Taken).about(name),
            Refusal::RuleTaken(name) => conflict(Kind::Taken).because("rule").about(name),
            Refusal::TooMany(limit, _) => conflict(Kind::TooMany).limited(limit),
            Refusal::InUse(needed, _) => {
                let (what, name) = match needed {
                    Needed::ByRules(profile) => ("rules", profile),
                    Needed::ByNewcomers(profile) => ("newcomers", profile),
                    Needed::BySchedule(list) => ("schedule", list),
                };
                conflict(Kind::InUse).because(what).about(name)
            }
            Refusal::PasswordSet => conflict(Kind::PasswordSet),
            Refusal::Changed => Self::new(StatusCode::PRECONDITION_FAILED, detail).of_kind(Kind::Changed),
            Refusal::Busy => Self::busy(detail, BUSY),
        }
    }
}

impl From<NotATarget> for Problem {
    fn from(why: NotATarget) -> Self {
        let problem = Self::unusable(sentence(&why.to_string()));
        match why {
            NotATarget::NotAName(name, _) => problem.of_kind(Kind::NotAName).about(name),
            NotATarget::Everything => problem.of_kind(Kind::EveryName),
            NotATarget::TooLong => problem.of_kind(Kind::NotAPattern),
            NotATarget::NoStar | NotATarget::NotAWildcard => problem.of_kind(Kind::NotAPattern).because("wildcard"),
            NotATarget::NotAnExpression(_) => problem.of_kind(Kind::NotAPattern).because("regex"),
        }
    }
}

impl From<NotAComment> for Problem {
    fn from(why: NotAComment) -> Self {
        Self::unusable(sentence(&why.to_string())).of_kind(Kind::Note).limited(MAX_COMMENT_LEN)
    }
}

/// The name in the parameter `name`.
pub(crate) fn name_in_parameter(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|why| {
        let detail = sentence(&format!("\"name\" is not a name: {why}"));
        Problem::unusable(detail).of_kind(Kind::NotAName).about(text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::{Kind as TargetKind, OwnTarget};

    fn told(problem: Problem) -> Value {
        serde_json::to_value(problem).unwrap()
    }

    #[test]
    fn a_refusal_says_of_which_kind_it_is_and_what_it_is_about() {
        let in_use = Refusal::InUse(Needed::ByRules("kids".into()), "2 of your rules are for it".into());
        for (refusal, members) in [
            (
                Refusal::RuleTaken("a.example".into()),
                json!({"type": "/problems/taken", "what": "rule", "name": "a.example"}),
            ),
            (Refusal::Taken("ads".into()), json!({"type": "/problems/taken", "name": "ads"})),
            (Refusal::TooMany(50, "profiles"), json!({"type": "/problems/too-many", "limit": 50})),
            (in_use, json!({"type": "/problems/in-use", "what": "rules", "name": "kids", "status": 409})),
            (Refusal::Unknown("rule 7".into()), json!({"type": "/problems/not-there", "status": 404})),
            (Refusal::Unusable("no".into()), json!({"type": "about:blank", "detail": "No."})),
        ] {
            let problem = told(refusal.into());
            for (key, value) in members.as_object().unwrap() {
                assert_eq!(&problem[key], value, "{key} of {problem}");
            }
            let extra = ["name", "what", "limit"].iter().filter(|key| problem.get(**key).is_some()).count();
            let said = ["name", "what", "limit"].iter().filter(|key| members.get(**key).is_some()).count();
            assert_eq!(extra, said, "{problem}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_read_says_why() {
        for (kind, text, slug, what) in [
            (TargetKind::Exact, "a..b", "not-a-name", Value::Null),
            (TargetKind::Subtree, ".", "every-name", Value::Null),
            (TargetKind::Wildcard, "ads.example", "not-a-pattern", "wildcard".into()),
            (TargetKind::Wildcard, "*", "every-name", Value::Null),
            (TargetKind::Regex, "(", "not-a-pattern", "regex".into()),
        ] {
            let problem = told(OwnTarget::parse(kind, text).unwrap_err().into());
            assert_eq!((&problem["type"], &problem["what"]), (&format!("/problems/{slug}").into(), &what), "{text}");
        }
    }
}
