//! What the browser and other programs talk to: REST below `/api/v1`, live queries, and the page itself.
//!
//! Nothing here is needed for resolving: when all of it fails, names still resolve. `rest` in reading order: the [`guard`]
//! looks at every request; [`auth`] is the gate between what anybody may call ([`login`]) and the house; behind it there
//! is a file for each resource.

mod apple;
mod assets;
mod auth;
mod backoff;
mod backup;
mod bearer;
mod broken;
mod connection;
mod describe;
mod devices;
mod explain;
mod export;
mod filter;
mod firsts;
mod giveaways;
mod guard;
mod guards;
mod history;
mod house;
mod identity;
mod kinds;
mod lists;
mod live;
mod local;
mod login;
mod markup;
mod overview;
mod paging;
mod password;
mod pauses;
mod problem;
mod profiles;
mod prometheus;
mod queries;
mod reference;
mod refused;
mod report;
mod revision;
mod rules;
mod schedules;
mod second_factor;
mod session;
mod sessions;
mod span;
mod status;
mod subscriptions;
mod support;
mod tokens;
mod totp;
mod turn;
mod upkeep;
mod whatif;
mod words;

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, NoHash, hash_password, is_password_hash};

use auth::{Door, Gate};
use connection::{Doorway, Peer};
use giveaways::Giveaways;
use guard::Guard;
use house::{Counters, House};
use problem::Problem;

use crate::control::Control;
use crate::device::Lookout;
use crate::dns::Resolver;
use crate::event::Event;
use crate::notify::Standing;
use crate::snapshot::SnapshotCell;
use crate::store::{EventId, Store};
use crate::time::Clock;

/// The largest body of a call, bytes; the one that takes a whole list has a bound of its own.
const MAX_BODY: usize = 64 * 1024;
/// How long answers under way may take after the stop; a browser that reads too slowly does not keep sordino from ending.
const GRACE: Duration = Duration::from_secs(2);

/// What the configuration says about the page.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to listen; the page is off where there is none. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// The password as a PHC string (see [`hash_password`]); where there is none, the page asks for one at first.
    pub password_hash: Option<String>,
    /// Names that the page is opened by, besides its address, `localhost` and `sordino.home.arpa`.
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
    /// Who was seen in the house.
    pub lookout: Arc<Lookout>,
    /// What became of what others were told.
    pub notices: Arc<Standing>,
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
    let Some(address) = options.listen else {
        return Err("the page has no address to listen on; set listen in [web]".into());
    };
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "stop the program that uses it, or choose another address",
            std::io::ErrorKind::PermissionDenied => {
                "choose a port above 1023, or give sordino the right to use this one"
            }
            std::io::ErrorKind::AddrNotAvailable => "this machine does not have that address; choose one that it has",
            _ => "choose another address",
        };
        format!("the page cannot listen on {address} ({error}); {remedy} in [web] listen")
    })
}

/// Serves the page and the API until `stop`.
pub async fn serve(listener: TcpListener, parts: Parts, stop: CancellationToken) {
    let counters = Arc::new(Counters { events_dropped: parts.events_dropped.clone(), ..Counters::default() });
    let guard = Guard::new(&parts.options.hosts, counters.clone());
    let router = router(guard, gate(parts, counters.clone(), stop.clone()));
    let service = router.into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(Doorway::new(listener, counters), service);
    let server = server.with_graceful_shutdown(stop.clone().cancelled_owned());
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = server.into_future() => if let Err(error) = result {
            tracing::error!("the page is not served any more: {error}");
        },
        () = deadline => tracing::info!("a browser was cut off, because it did not take its answer in time"),
    }
}

fn gate(parts: Parts, counters: Arc<Counters>, stop: CancellationToken) -> Gate {
    let fixed_hash = parts.options.password_hash;
    let password_unusable = fixed_hash.as_deref().is_some_and(|hash| !is_password_hash(hash));
    if password_unusable {
        tracing::warn!("password_hash is not a hash, so nobody can log in; make one with `sordino hash-password`");
    }
    let door = Door {
        fixed_hash,
        setup_code: parts.setup_code,
        back_off: backoff::BackOff::default(),
        hashing: password::Hashing::default(),
        enrolment: second_factor::Enrolment::default(),
        control: parts.control.clone(),
        clock: parts.clock.clone(),
    };
    let house = House {
        snapshot: parts.snapshot,
        store: parts.store,
        control: parts.control,
        resolver: parts.resolver,
        live: parts.live,
        streams: Arc::new(Semaphore::new(live::MAX_STREAMS)),
        counters,
        lookout: parts.lookout,
        notices: parts.notices,
        listen: parts.listen,
        started: parts.clock.now(),
        clock: parts.clock,
        password_unusable,
        reads: House::reads(),
        restoring: Arc::default(),
        turns: Arc::new(Semaphore::new(turn::MAX_TURNS)),
        giveaways: Giveaways::default(),
    };
    Gate::new(door, house, stop)
}

fn router(guard: Guard, gate: Gate) -> Router {
    let (routes, _) = api().split_for_parts();
    routes
        .route("/metrics", get(prometheus::metrics))
        .route("/api/", get(reference::page))
        .route("/api/reference.css", get(reference::style))
        .route("/problems/{name}", get(reference::problem_type))
        .method_not_allowed_fallback(not_allowed)
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::stand))
        .with_state(gate)
}

/// Every call, with its description. A call can only be added with both.
fn api() -> OpenApiRouter<Gate> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(login::health))
        .routes(routes!(login::session))
        .routes(routes!(login::setup))
        .routes(routes!(login::login))
        .routes(routes!(login::logout))
        .routes(routes!(login::change_password))
        .routes(routes!(second_factor::factor_state, second_factor::begin_factor))
        .routes(routes!(second_factor::confirm_factor))
        .routes(routes!(second_factor::switch_factor_off))
        .routes(routes!(tokens::list_tokens, tokens::make_token))
        .routes(routes!(tokens::take_token_back))
        .routes(routes!(sessions::list_sessions, sessions::end_other_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(overview::overview))
        .routes(routes!(devices::list_devices))
        .routes(routes!(devices::show_device, devices::rename_device))
        .routes(routes!(profiles::place_device))
        .routes(routes!(profiles::list_profiles, profiles::add_profile))
        .routes(routes!(profiles::change_profile, profiles::remove_profile))
        .routes(routes!(schedules::list_schedules, schedules::add_schedule))
        .routes(routes!(schedules::change_schedule, schedules::remove_schedule))
        .routes(routes!(report::report_device))
        .routes(routes!(identity::join_device))
        .routes(routes!(identity::split_address))
        .routes(routes!(queries::list_queries))
        .routes(routes!(live::live_queries))
        .routes(routes!(lists::list_lists, subscriptions::add_list))
        .routes(routes!(subscriptions::known_lists))
        .routes(routes!(subscriptions::change_list, subscriptions::remove_list))
        .routes(routes!(subscriptions::refresh_list, subscriptions::stop_list))
        .routes(routes!(queries::list_names))
        .routes(routes!(export::export_queries))
        .routes(routes!(firsts::list_firsts))
        .routes(routes!(broken::find_broken))
        .routes(routes!(history::forget_history))
        .routes(routes!(rules::list_rules, rules::add_rule))
        .routes(routes!(rules::change_rule, rules::remove_rule))
        .routes(routes!(pauses::list_pauses, pauses::add_pause))
        .routes(routes!(pauses::remove_pause))
        .routes(routes!(guards::list_guards))
        .routes(routes!(guards::guard_on, guards::guard_off))
        .routes(routes!(local::list_records, local::add_record))
        .routes(routes!(local::remove_record))
        .routes(routes!(explain::explain))
        .routes(routes!(upkeep::flush_cache))
        .routes(routes!(upkeep::reload))
        .routes(routes!(whatif::hits))
        .merge(with_a_large_body(OpenApiRouter::new().routes(routes!(whatif::what_if))))
        .routes(routes!(apple::apple_profile))
        .routes(routes!(support::support))
        .routes(routes!(backup::back_up))
        .routes(routes!(backup::restore, backup::restore_progress, backup::stop_restore))
        .routes(routes!(status::status));
    OpenApiRouter::with_openapi(describe::frame()).nest("/api/v1", v1).routes(routes!(openapi))
}

/// A list may be sent to be tried, so this body is bounded apart.
fn with_a_large_body(router: OpenApiRouter<Gate>) -> OpenApiRouter<Gate> {
    router.layer(DefaultBodyLimit::max(whatif::MAX_BODY))
}

/// The description of every call, as `/api/openapi.json` answers it.
pub fn openapi_json() -> String {
    let mut document = api().into_openapi();
    describe::add_problems(&mut document);
    describe::add_conditions(&mut document);
    describe::add_scopes(&mut document);
    // Maps with text keys and nothing else: it cannot fail, and a test reads it.
    document.to_pretty_json().unwrap_or_default()
}

/// The description of every call (OpenAPI 3.1).
#[utoipa::path(get, path = "/api/openapi.json", tag = "status", security(()),
    responses((status = 200, body = serde_json::Value, description = "This document")))]
async fn openapi() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(openapi_json);
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

async fn not_allowed() -> impl IntoResponse {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This call does not know that method. /api/openapi.json lists all of them.",
    )
}
