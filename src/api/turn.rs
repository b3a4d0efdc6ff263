//! Questions that take the machine a second or two: a few at a time, and given up when nobody waits for the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

use super::auth::{Gate, LoggedIn};
use super::house::{House, count};
use super::problem::Problem;

/// Such questions at the same time: each takes a core, and the memory of what was asked in its span.
pub(crate) const MAX_TURNS: usize = 2;
/// How long one waits for its turn. A page asks again while something is typed, so a long queue helps nobody.
const PATIENCE: Duration = Duration::from_secs(10);

/// Someone who is logged in, and whose turn it is. Taken before the body of a request is, so that no more bodies are in
/// memory than there are turns.
pub(crate) struct Turn {
    pub(crate) house: LoggedIn,
    permit: OwnedSemaphorePermit,
}

impl Turn {
    /// Does `work` off the threads that answer. It is told through its second argument whether the answer is still
    /// wanted, and gives none when not.
    pub(crate) async fn think<T: Send + 'static>(
        self,
        work: impl FnOnce(&House, &dyn Fn() -> bool) -> Option<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let gone = Arc::new(AtomicBool::new(false));
        let _leaving = Leaving(gone.clone());
        let permit = self.permit;
        let done = self.house.read(move |house| {
            let result = work(house, &|| !gone.load(Ordering::Relaxed));
            drop(permit);
            result
        });
        done.await?.ok_or_else(|| Problem::ours("a question was given up although somebody waited for the answer"))
    }
}

/// Says that nobody waits any more: axum drops the call of a browser that has hung up.
struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl FromRequestParts<Gate> for Turn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        let house = LoggedIn::from_request_parts(parts, gate).await?;
        match tokio::time::timeout(PATIENCE, house.turns.clone().acquire_owned()).await {
            Ok(permit) => Ok(Self { permit: permit.map_err(Problem::ours)?, house }),
            Err(_) => {
                count(&house.counters.turns_refused);
                let detail = "Other questions of this kind are still being worked out. Ask again in a moment.";
                Err(Problem::busy(detail, PATIENCE))
            }
        }
    }
}
