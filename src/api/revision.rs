//! `ETag` on what people change, and `If-Match` on the change (RFC 9110 §13.1.1).
//!
//! The tag stands for what people can change of a thing. Counts beside it, and whether a rule holds at this minute, change
//! without anybody's doing and are left out, although a cache would want them in: nothing here may be cached (`no-store`), so
//! the tag has this one use.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;
use crate::control::{Expected, Kept, Revision};

/// Most tags that a call may name.
const MAX_TAGS: usize = 16;

/// What is shown, under its tag.
pub(crate) struct Tagged<T>(pub(crate) Option<Revision>, pub(crate) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        let tag = self.0.and_then(|revision| HeaderValue::try_from(format!("\"{revision}\"")).ok());
        if let Some(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// What someone saw who changes something, as the call says.
pub(crate) struct Seen(IfMatch);

#[derive(Clone, Debug, PartialEq, Eq)]
enum IfMatch {
    /// The call does not say.
    Whatever,
    /// `*`: anything, as long as it is there.
    Anything,
    Tags(Vec<Revision>),
}

impl Seen {
    /// What must hold for `kept` to be changed.
    pub(crate) fn of(self, kept: Kept) -> Option<Expected> {
        match self.0 {
            IfMatch::Whatever => None,
            IfMatch::Anything => Some(Expected { kept, seen: None }),
            IfMatch::Tags(seen) => Some(Expected { kept, seen: Some(seen) }),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(if_match(&parts.headers)))
    }
}

/// What is no tag of ours matches nothing. A weak one does neither: the comparison is the strong one (RFC 9110 §13.1.1).
fn if_match(headers: &HeaderMap) -> IfMatch {
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    if values.peek().is_none() {
        return IfMatch::Whatever;
    }
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).collect();
    if texts.iter().any(|text| text.trim() == "*") {
        return IfMatch::Anything;
    }
    let revision = |text: &str| text.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    IfMatch::Tags(texts.into_iter().take(MAX_TAGS).filter_map(revision).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> IfMatch {
        if_match(&values.iter().map(|value| (header::IF_MATCH, value.parse().unwrap())).collect())
    }

    #[test]
    fn tags_are_read_as_they_are_written() {
        let revision: Revision = "00000000000000ff".parse().unwrap();
        assert_eq!(read(&[]), IfMatch::Whatever);
        assert_eq!(read(&[" * "]), IfMatch::Anything);
        assert_eq!(read(&[&format!("\"{revision}\"")]), IfMatch::Tags(vec![revision]));
        assert_eq!(read(&["\"1\", \"ff\"", "\"2\""]), {
            let tag = |text: &str| text.parse().unwrap();
            IfMatch::Tags(vec![tag("1"), revision, tag("2")])
        });
        for foreign in ["", "\"", "ff", "\"someone else's\"", "W/\"ff\"", "\"fffffffffffffffff\""] {
            assert_eq!(read(&[foreign]), IfMatch::Tags(Vec::new()), "{foreign:?} matches nothing");
        }
    }
}
