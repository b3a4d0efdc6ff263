//! What is answered when a call cannot be carried out: RFC 9457, always, also where the framework would answer in text.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::kinds::Kind;

/// Why a call was not carried out (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemDetails)]
pub(crate) struct Problem {
    /// `about:blank` where the status says it all, else a path below `/problems/`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Kind,
    /// The status in words.
    title: &'static str,
    /// The status of the response.
    status: u16,
    /// What is wrong and what to do, in a sentence or two for people, in English.
    detail: String,
    /// The name that it is about, where its type says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// Which of several reasons it is, where its type has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    what: Option<&'static str>,
    /// How many, or how much, there may be, where its type says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit: Option<usize>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: Kind::Plain,
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            detail: detail.into(),
            name: None,
            what: None,
            limit: None,
            retry_after: None,
        }
    }

    /// Gives a program something to tell this problem from others of the same status by.
    pub(crate) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Says which name it is about.
    pub(crate) fn about(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Says which of the reasons it is that its kind has.
    pub(crate) fn because(self, what: &'static str) -> Self {
        Self { what: Some(what), ..self }
    }

    /// Says how many, or how much, there may be.
    pub(crate) fn limited(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Says when it is worth trying again: whole seconds, at least one.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no {what}.")).of_kind(Kind::NotThere)
    }

    pub(crate) fn unusable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Too much is under way; it is worth trying again after `wait`.
    pub(crate) fn busy(detail: impl Into<String>, wait: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).of_kind(Kind::Busy).retry_after(wait)
    }

    /// What something is called has 1 to `limit` characters that can be seen, and no space at either end.
    pub(crate) fn unusable_name(detail: impl Into<String>, limit: usize) -> Self {
        Self::unusable(detail).of_kind(Kind::UnusableName).limited(limit)
    }

    /// Something that only a mistake of ours explains. What it was goes to the log, which the operator reads.
    pub(crate) fn ours(error: impl std::fmt::Display) -> Self {
        tracing::error!("a call to the API failed: {error}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "sordino made a mistake while answering. The log says more; please report it.",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// `text` with a capital at its begin and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection @ (JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_))) => {
                Err(Problem::new(rejection.status(), sentence(&in_words(&rejection.body_text()))))
            }
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let detail = "The body is larger than this call takes.";
                Err(Problem::new(rejection.status(), detail).of_kind(Kind::TooLarge))
            }
            Err(rejection) => Err(Problem::new(rejection.status(), sentence(&rejection.body_text()))),
        }
    }
}

/// Parameters behind the question mark. Those that `T` does not know are ignored, so that two of these can read one query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::unusable(sentence(&in_words(&rejection.body_text())))),
        }
    }
}

/// What is wrong with what was sent, as the libraries say it, without the words that are about their own insides.
fn in_words(said: &str) -> String {
    const BEGINNINGS: [(&str, &str); 3] = [
        ("Failed to deserialize the JSON body into the target type: ", "the body does not fit this call: "),
        ("Failed to parse the request body as JSON: ", "the body is not JSON: "),
        ("Failed to deserialize query string: ", "a parameter does not fit this call: "),
    ];
    let found = BEGINNINGS.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", said.strip_prefix(theirs)?)));
    found.unwrap_or_else(|| said.to_owned())
}

/// The variable segment of a path. What cannot be one names nothing, hence 404.
pub(crate) struct Segment<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => Err(Problem::not_found("such thing")),
            Err(rejection) => Err(Problem::ours(rejection)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_read_is_a_sentence() {
        assert_eq!(sentence("there is no rule 7"), "There is no rule 7.");
        assert_eq!(sentence("Make room."), "Make room.");
    }

    #[test]
    fn a_wait_is_never_told_as_nothing() {
        for (wait, told) in [(0, 1), (400, 1), (1_000, 1), (1_001, 2)] {
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "wait").retry_after(Duration::from_millis(wait));
            assert_eq!(problem.into_response().headers()["retry-after"], told.to_string());
        }
    }
}
