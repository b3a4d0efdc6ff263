//! What the file says about lists from elsewhere.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::file;
use super::mistake::Mistakes;
use crate::control::subscriptions::{ListUrl, Options, Subscription};
use crate::policy::Format;

/// The shortest and the longest `refresh`: the servers of lists are run by volunteers, and a list that is a month old
/// misses much.
const REFRESH_BOUNDS: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(30 * 86_400));
/// The shortest and the longest `fetch_timeout`.
const TIMEOUT_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// `[lists]`; the copies are kept in the store at `store`.
pub(super) fn options(lists: file::Lists, store: &Path, mistakes: &mut Mistakes<'_>) -> Options {
    let default = Options::default();
    let mut read = |value: Option<toml::Spanned<super::values::Span>>, bounds, what| {
        value.map(|value| within(value.get_ref().0, bounds, &value.span(), what, mistakes))
    };
    let refresh = read(lists.refresh, REFRESH_BOUNDS, REFRESH);
    let timeout = read(lists.fetch_timeout, TIMEOUT_BOUNDS, TIMEOUT);
    Options {
        dir: store.join("lists"),
        refresh: refresh.unwrap_or(default.refresh),
        fetch_timeout: timeout.unwrap_or(default.fetch_timeout),
    }
}

/// Where a `[[list]]` is fetched from, if it is no file.
pub(super) fn subscription(list: &file::List, mistakes: &mut Mistakes<'_>) -> Option<Subscription> {
    let source = list.source.get_ref();
    if !source.contains("://") {
        if list.private_server || list.refresh.is_some() {
            let what =
                "private_server and refresh are for lists that are fetched, and this one is a file; take them out";
            mistakes.add(&list.source.span(), what);
        }
        return None;
    }
    if list.trusted {
        let what = "a list from elsewhere cannot be trusted = true; keep a copy of it as a file to use its rewrites";
        mistakes.add(&list.source.span(), what);
    }
    if list.format == Format::Catalogue {
        mistakes.add(&list.source.span(), "a catalogue is read from files only; take out the list, or its format");
    }
    let url: ListUrl = match source.parse() {
        Ok(url) => url,
        Err(why) => {
            mistakes.add(&list.source.span(), why);
            return None;
        }
    };
    if url.names_an_inner_address() && !list.private_server {
        let what = "this server has an address inside the house; add private_server = true if the list is really there";
        mistakes.add(&list.source.span(), what);
    }
    let refresh = list
        .refresh
        .as_ref()
        .map(|refresh| within(refresh.get_ref().0, REFRESH_BOUNDS, &refresh.span(), REFRESH, mistakes));
    Some(Subscription { url, private_server: list.private_server, refresh })
}

const REFRESH: &str = "refresh is shorter than an hour or longer than 30 days; write one as in \"24h\"";
const TIMEOUT: &str = "fetch_timeout is shorter than a second or longer than an hour; write one as in \"60s\"";

fn within(
    span: Duration,
    (least, most): (Duration, Duration),
    place: &Range<usize>,
    what: &str,
    mistakes: &mut Mistakes<'_>,
) -> Duration {
    if span < least || span > most {
        mistakes.add(place, what);
    }
    span
}
