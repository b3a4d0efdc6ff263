//! What the browser and other programs talk to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::dns::Resolver;
use crate::event::Event;
use crate::snapshot::SnapshotCell;
use crate::store::{EventId, Store};
use crate::time::Clock;

/// What the configuration says about the page.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to listen; the page is off where there is none. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// The password as a PHC string; where there is none, the page asks for one at first.
    pub password_hash: Option<String>,
    /// Names that the page is opened by, besides its address.
    pub hosts: Vec<String>,
}

/// What the page shows and changes.
#[derive(Debug)]
pub struct Parts {
    /// As they were given to [`bind`].
    pub options: Options,
    /// Policy and devices in force.
    pub snapshot: Arc<SnapshotCell>,
    /// What is kept.
    pub store: Arc<Store>,
    /// Who carries changes out.
    pub control: Control,
    /// Who answers queries.
    pub resolver: Arc<Resolver>,
    /// Events as they are taken in.
    pub live: broadcast::Sender<Arc<(EventId, Event)>>,
    /// How many events never reached the store.
    pub events_dropped: Arc<AtomicU64>,
    /// Where DNS is listened for.
    pub listen: Vec<SocketAddr>,
    /// What time it is.
    pub clock: Clock,
    /// What the first password needs when it is set from another machine. Printed at the console; empty for never.
    pub setup_code: String,
}

/// Takes the socket of the page.
///
/// # Errors
/// When the address cannot be had: one sentence on why, and what to do.
pub async fn bind(options: &Options) -> Result<TcpListener, String> {
    let address = options.listen.ok_or("the page has no address to listen on; set listen in [web]")?;
    TcpListener::bind(address).await.map_err(|error| {
        format!("the page cannot listen on {address} ({error}); choose another address in [web] listen")
    })
}

/// Serves the page until `stop`.
pub async fn serve(listener: TcpListener, parts: Parts, stop: CancellationToken) {
    let _open = (listener, parts);
    stop.cancelled().await;
}

/// Hashes `password` as `[web] password_hash` and the store keep it: a PHC string.
///
/// # Errors
/// When it is too short, or the machine has no memory left.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < 8 {
        return Err("the password needs at least 8 characters".into());
    }
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Whether `text` is a hash that [`hash_password`] could have made.
pub fn is_password_hash(text: &str) -> bool {
    argon2::password_hash::phc::PasswordHash::new(text).is_ok()
}
