//! Queries as they happen, as server-sent events.
//!
//! Whoever reads too slowly loses events and is told so, and never makes anyone wait: the buffer between the recorder
//! and the pages is one ring, and a reader that falls off its end goes on at its begin.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event as Message, Sse};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::auth::LoggedIn;
use super::house::count;
use super::problem::Problem;
use super::queries::{Query, Reader};
use crate::event::Event;
use crate::store::EventId;

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

/// Queries as they happen: events `query` (a Query) and `lagged` (a Lagged).
#[utoipa::path(get, path = "/queries/live", tag = "queries", responses(
    (status = 200, content_type = "text/event-stream", body = Query, description = "Events `query` and `lagged`")))]
pub(crate) async fn live_queries(
    house: LoggedIn,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, Problem> {
    let Ok(place) = house.streams.clone().try_acquire_owned() else {
        count(&house.counters.streams_refused);
        let detail = "Sixteen pages show live queries already. Close one of them.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(KEEP_ALIVE));
    };
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let feed = Feed {
        queries: house.live.subscribe(),
        reader: Reader::new(&house),
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
    keep_alive: Interval,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// The next message; none at the end of the session or of sordino.
    async fn next(mut self) -> Option<(Result<Message, Infallible>, Self)> {
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
                Ok(entry) => {
                    self.reader.refresh(&self.house);
                    let (id, event) = &*entry;
                    json("query", &self.reader.query(*id, event))
                }
                Err(RecvError::Lagged(missed)) => json("lagged", &Lagged { missed }),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok(message), self))
    }
}

fn json(event: &'static str, data: &impl Serialize) -> Message {
    let message = Message::default().event(event);
    // Only a map with keys that are no text could fail, and there is none.
    message.json_data(data).unwrap_or_else(|_| Message::default().comment("unreadable"))
}
