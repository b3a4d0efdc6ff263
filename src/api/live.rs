//! Queries as they happen, as server-sent events.
//!
//! Whoever reads too slowly loses events and is told so, and never makes anyone wait: the buffer between the recorder
//! and the pages is one ring, and a reader that falls off its end goes on at its begin.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event as Message, Sse};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::filter::FilterParams;
use super::house::count;
use super::problem::{Params, Problem};
use super::queries::{Query, Reader};
use crate::event::Event;
use crate::store::{EventId, Sieve};

/// Streams open at the same time.
pub(crate) const MAX_STREAMS: usize = 16;
/// A comment is sent this often, so that proxies and we ourselves see that the other end still listens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The data of the event `lagged`: some queries were not sent because the reader was too slow.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lagged {
    /// How many. Load the list of queries again.
    missed: u64,
}

/// Queries as they happen, those that the filter lets through: events `query` (a Query) and `lagged` (a Lagged).
///
/// `before`, `limit`, `collapse` and `format` say nothing here.
#[utoipa::path(get, path = "/queries/live", tag = "queries", params(FilterParams), responses(
    (status = 200, content_type = "text/event-stream", body = Query, description = "Events `query` and `lagged`")))]
pub(crate) async fn live_queries(
    house: LoggedIn,
    Params(params): Params<FilterParams>,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, Problem> {
    let reader = Reader::new(&house);
    let wanted = reader.sieve(&params)?;
    let Ok(place) = house.streams.clone().try_acquire_owned() else {
        count(&house.counters.streams_refused);
        let detail = "Sixteen pages show live queries already. Close one of them.";
        return Err(Problem::busy(detail, KEEP_ALIVE));
    };
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let feed = Feed {
        queries: house.live.subscribe(),
        reader,
        params,
        wanted,
        ended: house.ended(),
        house,
        keep_alive,
        _place: place,
    };
    Ok(Sse::new(futures_util::stream::unfold(feed, Feed::next)))
}

struct Feed {
    house: LoggedIn,
    ended: CancellationToken,
    queries: broadcast::Receiver<Arc<(EventId, Event)>>,
    reader: Reader,
    params: FilterParams,
    wanted: Sieve,
    keep_alive: Interval,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// The next message; none at the end of the session or of sordino.
    async fn next(mut self) -> Option<(Result<Message, Infallible>, Self)> {
        loop {
            let message = tokio::select! {
                biased;
                () = self.ended.cancelled() => return None,
                _ = self.keep_alive.tick() => {
                    if !self.house.goes_on() {
                        return None;
                    }
                    Message::default().comment("")
                }
                received = self.queries.recv() => match received {
                    Ok(entry) => match self.query(entry.0, &entry.1) {
                        Some(query) => json("query", &query),
                        None => continue,
                    },
                    Err(RecvError::Lagged(missed)) => json("lagged", &Lagged { missed }),
                    Err(RecvError::Closed) => return None,
                },
            };
            return Some((Ok(message), self));
        }
    }

    /// The query as the house is now, if it is looked for.
    fn query(&mut self, id: EventId, event: &Event) -> Option<Query> {
        if self.reader.refresh(&self.house)
            && let Ok(wanted) = self.reader.sieve(&self.params)
        {
            self.wanted = wanted;
        }
        self.wanted.passes(event).then(|| self.reader.query(id, event))
    }
}

fn json(event: &'static str, data: &impl Serialize) -> Message {
    let message = Message::default().event(event);
    // Only a map with keys that are no text could fail, and there is none.
    message.json_data(data).unwrap_or_else(|_| Message::default().comment("unreadable"))
}
