//! What the supervisor of services is told (sd_notify(3)): that DNS is served, that it still is, and what is being done.
//! Without a supervisor nobody is told, and nothing is different.

use std::net::SocketAddr;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::dns;

/// How often within the supervisor's patience it is told: one answer that got lost must not end the house's DNS.
const SIGNS: u32 = 3;
/// How long an answer may take at most; a machine that swaps is slow and alive.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// Names are resolved from now on.
pub(super) fn ready(listen: &[SocketAddr]) {
    let listen: Vec<String> = listen.iter().map(ToString::to_string).collect();
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("resolves names on {}", listen.join(", ")))]);
}

/// The configuration is being read again, until [`reloaded`].
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// What was read is in force, or what was in force before.
pub(super) fn reloaded() {
    tell(&[NotifyState::Ready]);
}

/// Names are not resolved any more.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("lets queries under way end")]);
}

/// Gives a sign of life until `stop`, where the supervisor wants one: each time `door` has answered a question. Where this
/// machine may not ask (`allow_from` leaves it out), there is no door, and only the runtime's being alive is a sign.
pub(super) async fn give_signs(door: Option<SocketAddr>, stop: CancellationToken) {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let pause = (patience / SIGNS).max(Duration::from_millis(1));
    let answer_within = pause.min(LONGEST_ANSWER);
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        let alive = match door {
            Some(door) => dns::pulse(door, answer_within).await,
            None => Ok(()),
        };
        match alive {
            Ok(()) => tell(&[NotifyState::Watchdog]),
            Err(error) => {
                tracing::warn!("sordino got no answer from itself ({error}); the supervisor will start it again")
            }
        }
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(%error, "the supervisor was not told");
    }
}
