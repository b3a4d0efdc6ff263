//! Long lists in pages: `limit` and `before`, as the journal is read.

use std::str::FromStr;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::problem::Problem;
use crate::policy::DeviceId;
use crate::time::Timestamp;

/// Rows of a page, at most.
const MAX_LIMIT: usize = 1_000;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Read on from here: what the page before named as the next.
    before: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A page, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<P> {
    pub(crate) before: Option<P>,
    pub(crate) limit: usize,
}

impl PageParams {
    /// The page that is asked for; none where nobody asked for pages.
    pub(crate) fn resolve<P: FromStr>(self) -> Result<Option<Page<P>>, Problem> {
        let Self { before, limit } = self;
        if before.is_none() && limit.is_none() {
            return Ok(None);
        }
        let limit = limit.unwrap_or(MAX_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::unusable("\"limit\" goes from 1 to 1000."));
        }
        let begin =
            |text: String| text.parse().map_err(|_| Problem::unusable("\"before\" is nothing that a page named."));
        Ok(Some(Page { before: before.map(begin).transpose()?, limit }))
    }
}

impl<P> Page<P> {
    /// The first page, as large as there are.
    pub(crate) fn first() -> Self {
        Self { before: None, limit: MAX_LIMIT }
    }
}

impl Page<DeviceId> {
    /// The devices of this page, and where the next one begins. In the order of their identities, which stays while they ask on.
    pub(crate) fn devices<T>(&self, mut devices: Vec<T>, id: impl Fn(&T) -> &DeviceId) -> (Vec<T>, Option<DeviceId>) {
        devices.retain(|device| self.before.as_ref().is_none_or(|before| id(device) > before));
        devices.sort_by(|one, other| id(one).cmp(id(other)));
        let is_last = devices.len() <= self.limit;
        devices.truncate(self.limit);
        let next = devices.last().filter(|_| !is_last).map(|last| id(last).clone());
        (devices, next)
    }
}

/// A place in what is ordered by time, the latest first: a moment, and how many of that moment were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    at: Timestamp,
    shown: usize,
}

impl FromStr for Moment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, shown) = text.split_once('.').ok_or(())?;
        let at = Timestamp::from_millis(at.parse().map_err(|_| ())?);
        Ok(Self { at, shown: shown.parse().map_err(|_| ())? })
    }
}

impl Page<Moment> {
    /// The rows of this page, and where the next one begins. `rows` are the latest first, those of one moment in an order that stays.
    pub(crate) fn rows<T>(&self, rows: Vec<T>, at: impl Fn(&T) -> Timestamp) -> (Vec<T>, Option<String>) {
        let mut begin = 0;
        if let Some(Moment { at: moment, shown }) = self.before {
            let first = rows.iter().position(|row| at(row) <= moment).unwrap_or(rows.len());
            let of_it = rows[first..].iter().take_while(|row| at(row) == moment).count();
            begin = first + shown.min(of_it);
        }
        let end = begin.saturating_add(self.limit).min(rows.len());
        let next = (end < rows.len() && end > 0).then(|| {
            let moment = at(&rows[end - 1]);
            let shown = rows[..end].iter().rev().take_while(|row| at(row) == moment).count();
            format!("{}.{shown}", moment.millis())
        });
        (rows.into_iter().take(end).skip(begin).collect(), next)
    }
}

/// An answer, and in its header where the next page is (RFC 8288), for lists that are bare.
pub(crate) struct Linked<T>(pub(crate) Option<HeaderValue>, pub(crate) T);

impl<T: IntoResponse> IntoResponse for Linked<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        if let Some(link) = self.0 {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// The link to the page of `path` that begins at `next`, all else as in `query`.
pub(crate) fn link(path: &str, query: Option<&str>, next: Option<&DeviceId>) -> Option<HeaderValue> {
    let query = query.unwrap_or_default().split('&');
    let kept: String =
        query.filter(|pair| !pair.is_empty() && !pair.starts_with("before=")).map(|pair| format!("{pair}&")).collect();
    // An identity has nothing in it that a URL gives a meaning to, but a name may have any letter.
    let next: String = next?.to_string().bytes().map(escaped).collect();
    HeaderValue::try_from(format!("<{path}?{kept}before={next}>; rel=\"next\"")).ok()
}

fn escaped(octet: u8) -> String {
    match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All rows, page by page.
    fn leaf(rows: &[(u64, char)], limit: usize) -> (String, usize) {
        let (mut before, mut read, mut pages) = (None, String::new(), 0);
        loop {
            let page: Page<Moment> = Page { before, limit };
            let (rows, next) = page.rows(rows.to_vec(), |(at, _)| Timestamp::from_millis(*at));
            assert!(rows.len() <= limit);
            read.extend(rows.into_iter().map(|(_, letter)| letter));
            pages += 1;
            match next {
                Some(next) => before = Some(next.parse().unwrap()),
                None => return (read, pages),
            }
        }
    }

    #[test]
    fn every_row_is_on_one_page() {
        let rows = [(9, 'a'), (7, 'b'), (7, 'c'), (7, 'd'), (7, 'e'), (3, 'f')];
        for limit in 1..=7 {
            assert_eq!(leaf(&rows, limit), ("abcdef".into(), 6_usize.div_ceil(limit)), "{limit}");
        }
        assert_eq!(leaf(&[], 3), (String::new(), 1));
    }

    #[test]
    fn what_is_new_in_front_shifts_nothing() {
        let at = |row: &(u64, char)| Timestamp::from_millis(row.0);
        let first: Page<Moment> = Page { before: None, limit: 2 };
        let (_, next) = first.rows(vec![(9, 'a'), (7, 'b'), (7, 'c'), (3, 'd')], at);
        let second: Page<Moment> = Page { before: next.map(|next| next.parse().unwrap()), limit: 2 };
        let (rows, next) = second.rows(vec![(12, 'z'), (9, 'a'), (7, 'b'), (7, 'c'), (3, 'd')], at);
        assert_eq!((rows, next), (vec![(7, 'c'), (3, 'd')], None));
    }

    #[test]
    fn a_link_keeps_what_was_asked_for() {
        let next: DeviceId = "ip-192.0.2.9".parse().unwrap();
        let link = link("/api/v1/devices", Some("limit=2&before=ip-192.0.2.1&from=7"), Some(&next)).unwrap();
        assert_eq!(link, "</api/v1/devices?limit=2&from=7&before=ip-192.0.2.9>; rel=\"next\"");
    }

    #[test]
    fn nonsense_is_told() {
        let params = |before: Option<&str>, limit| PageParams { before: before.map(str::to_owned), limit };
        assert!(params(None, None).resolve::<Moment>().is_ok_and(|page| page.is_none()));
        assert!(params(Some("7.1"), Some(1)).resolve::<Moment>().is_ok_and(|page| page.is_some()));
        for (before, limit) in [(Some("7"), None), (Some("x.y"), None), (None, Some(0)), (None, Some(1_001))] {
            assert!(params(before, limit).resolve::<Moment>().is_err(), "{before:?} {limit:?}");
        }
    }
}
