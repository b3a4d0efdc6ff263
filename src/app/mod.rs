//! Starting, reloading and stopping: the one place where the parts meet.
//!
//! Whatever fails before the line `ready` is fatal, and one sentence says why. From then on nothing is: a reload that
//! fails leaves everything as it was, and only the sockets of DNS themselves can end the program. It stops in the
//! direction the data flows: sockets, queries under way, the page, `control`, the recorder.

mod encryption;
mod page;
mod reload;
mod signals;
mod sockets;
mod supervisor;
mod watching;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::reload::Reload;
use self::signals::{Signal, Signals};
pub(crate) use self::sockets::{Taken, who_has};
use self::watching::Watching;
use crate::certificate::believing;
use crate::config::{BadConfig, Config};
use crate::control::subscriptions::Web;
use crate::control::{self, Control};
use crate::device::{Devices, Lookout, neighbour};
use crate::dns::{Lookup, Resolver};
use crate::snapshot::SnapshotCell;
use crate::store::Store;
use crate::time::Clock;
use crate::{api, dns, event, notify};

/// Events on their way to the pages that watch live; one that falls further behind is told to load again.
const LIVE_BOUND: usize = 256;
/// How long queries under way may take after the signal to stop.
const DNS_GRACE: Duration = Duration::from_millis(1500);
/// When sordino ends at the latest after the signal to stop, done or not.
const STOP_DEADLINE: Duration = Duration::from_millis(4800);

/// Why sordino did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// One sentence on anything else: whose fault it is and what to do.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The exit code that tells it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Other(_) => 1,
        }
    }
}

/// Where sordino listens, once it does.
#[derive(Clone, Debug)]
pub struct Ready {
    /// DNS, UDP and TCP on each.
    pub dns: Vec<SocketAddr>,
    /// The page, where there is one.
    pub page: Option<SocketAddr>,
    /// The encrypted ways in, by their name in the configuration.
    pub encrypted: Vec<(&'static str, SocketAddr)>,
}

/// Serves with the configuration at `path` until a signal says to stop. `told` is called once, behind the line `ready`.
///
/// # Errors
/// When it cannot start, when it cannot go on, or when a second signal cut its end short.
pub async fn run(path: &Path, told: impl FnOnce(&Ready)) -> Result<(), Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::Other(format!("signals cannot be received: {error}")))?;
    let config = Config::read(path)?;
    let mut house = tokio::select! {
        started = start(config, path) => started?,
        () = signals.stop() => return Ok(()),
    };
    house.say_ready();
    supervisor::ready(&house.ready.dns);
    told(&house.ready);
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload => house.reload.ask(),
                Signal::Stop => break,
            },
            ended = &mut house.dns => {
                let why = ended.err().map_or_else(String::new, |error| format!(" ({error})"));
                return Err(Failure::Other(format!("the DNS sockets are not served any more{why}; start sordino again")));
            }
        }
    }
    tracing::info!("stopping");
    supervisor::stopping();
    tokio::select! {
        () = house.stop() => Ok(()),
        () = signals.stop() => Err(Failure::Other("stopped at once, at the second signal; the last minutes may not be written down".into())),
    }
}

/// Everything that runs.
struct House {
    ready: Ready,
    resolver: Arc<Resolver>,
    reload: Reload,
    dns: JoinHandle<()>,
    stop_dns: CancellationToken,
    web: TaskTracker,
    stop_web: CancellationToken,
    upkeep: TaskTracker,
    stop_upkeep: CancellationToken,
    recorder: thread::JoinHandle<()>,
}

async fn start(mut config: Config, path: &Path) -> Result<House, Failure> {
    let clock = Clock::System;
    let as_written = config.clone();
    let (store, state, known) = {
        let (options, lists, clock) = (config.store.clone(), config.control.clone(), clock.clone());
        let opened = spawn_blocking(move || {
            let store = Store::open(options, clock.clone());
            let mut state = control::State::load(lists, store.settings());
            if let Some(since) = state.date(clock.now()) {
                since.write();
            }
            let known = store.devices(&Devices::default()).into_iter().map(|(id, _, _)| id).collect();
            (store, state, known)
        });
        opened.await.map_err(|error| Failure::Other(format!("the lists could not be compiled ({error})")))?
    };
    for problem in state.problems() {
        tracing::warn!("{problem}");
    }
    if let Some(problem) = store.health().problem {
        tracing::warn!("{problem}");
    }
    let bad = |error| Failure::Other(format!("{}: {error}", path.display()));
    let tls = believing(config.lists_ca.as_deref()).map_err(|error| bad(format!("lists.ca: {error}")))?;
    let lookup = Lookup::new(&config.dns).map_err(|error| bad(error.to_string()))?;
    let names = match config.house.router {
        Some(router) => Lookup::of_router(&config.dns, router).map_err(|error| bad(error.to_string()))?,
        None => lookup.clone(),
    };
    let certificates = encryption::certificates(&config, path, clock.now())?;
    let listeners = sockets::bind(&mut config.dns).map_err(Failure::Other)?;
    let (listen, encrypted) = (listeners.addresses(), listeners.encrypted());
    let own_door = dns::own_door(&config.dns, &listen);
    let page = match config.web.listen {
        // Names are resolved without the page, so it does not keep sordino from starting.
        Some(_) => api::bind(&config.web).await.inspect_err(|problem| tracing::error!("{problem}")).ok(),
        None => None,
    };
    warn_root();

    let snapshot = Arc::new(SnapshotCell::new(state.snapshot()));
    let (events, queue) = event::queue(config.dns.limits.events);
    let events_dropped = events.dropped_counter();
    let (live, _) = broadcast::channel(LIVE_BOUND);
    let recorder = store.record(queue, snapshot.clone(), live.clone());
    let recorder = recorder.map_err(|error| Failure::Other(format!("the recorder could not be started: {error}")))?;
    let (strangers, unknown) = mpsc::channel(neighbour::STRANGERS_BOUND);
    let resolver = Resolver::new(&config.dns, snapshot.clone(), events, strangers, clock.clone())
        .map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;

    let (upkeep, stop_upkeep) = (TaskTracker::new(), CancellationToken::new());
    let has_password = config.web.password_hash.is_some() || store.settings().password_hash.is_some();
    let (control, writer) = Control::start(state, snapshot.clone(), store.clone(), clock.clone(), stop_upkeep.clone());
    upkeep.spawn(writer);
    let lookout = Arc::new(Lookout::new(config.house.silent_after));
    let (tasks, stop) = (&upkeep, &stop_upkeep);
    let watching =
        Watching { control: &control, lookout: &lookout, snapshot: &snapshot, names, clock: &clock, tasks, stop };
    watching.start(config.house, unknown);
    upkeep.spawn(supervisor::give_signs(own_door, stop_upkeep.clone()));
    let (asked, kept) = (config.store.path.clone(), store.clone());
    upkeep.spawn(control::asked::watch(asked, control.clone(), (kept, snapshot.clone()), stop_upkeep.clone()));
    upkeep.spawn(encryption::renew(certificates.clone(), clock.clone(), stop_upkeep.clone()));
    let (reload, reloader) =
        Reload::new(path, as_written, control.clone(), (certificates.clone(), clock.clone()), stop_upkeep.clone());
    upkeep.spawn(reloader);
    let notices = Arc::new(notify::Standing::default());
    let telling = notify::Parts {
        store: store.clone(),
        snapshot: snapshot.clone(),
        lookup: lookup.clone(),
        tls: tls.clone(),
        clock: clock.clone(),
        standing: notices.clone(),
    };
    upkeep.spawn(notify::watch(config.notify, telling, known, stop_upkeep.clone()));
    let fetching = Web { lookup, tls, clock: clock.clone() };
    let subscriptions = control.subscriptions().clone();
    upkeep.spawn(subscriptions.run(fetching, control.clone(), store.clone(), stop_upkeep.clone()));

    let stop_dns = CancellationToken::new();
    let serving = dns::serve(listeners, resolver.clone(), certificates, stop_dns.clone(), DNS_GRACE);
    let dns = tokio::spawn(serving.map_err(|error| Failure::Other(error.to_string()))?);

    let (web, stop_web) = (TaskTracker::new(), CancellationToken::new());
    let page_address = page.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = page {
        let setup_code = if has_password { String::new() } else { setup_code(page_address)? };
        let parts = api::Parts {
            options: config.web,
            snapshot,
            store,
            control,
            resolver: resolver.clone(),
            live,
            events_dropped,
            lookout,
            notices,
            listen: listen.clone(),
            clock,
            setup_code,
        };
        web.spawn(api::serve(listener, parts, stop_web.clone()));
    }
    let ready = Ready { dns: listen, page: page_address, encrypted };
    Ok(House { ready, resolver, reload, dns, stop_dns, web, stop_web, upkeep, stop_upkeep, recorder })
}

impl House {
    fn say_ready(&self) {
        let dns: Vec<String> = self.ready.dns.iter().map(ToString::to_string).collect();
        let page = self.ready.page.map_or_else(|| "off".to_owned(), |address| format!("http://{address}/"));
        let mut stdout = io::stdout().lock();
        // Whoever closed stdout does not want to know.
        let encrypted = encryption::in_words(&self.ready.encrypted);
        let _ = writeln!(stdout, "ready dns={} page={page}{encrypted}", dns.join(",")).and_then(|()| stdout.flush());
    }

    async fn stop(self) {
        let deadline = Instant::now() + STOP_DEADLINE;
        let in_time = |done: bool, what: &str| {
            if !done {
                tracing::warn!("{what} did not end in time");
            }
        };
        let Self { resolver, reload, mut dns, stop_dns, web, stop_web, upkeep, stop_upkeep, recorder, .. } = self;
        stop_dns.cancel();
        in_time(timeout_at(deadline, &mut dns).await.is_ok(), "DNS");
        dns.abort();
        stop_web.cancel();
        web.close();
        in_time(timeout_at(deadline, web.wait()).await.is_ok(), "the page");
        stop_upkeep.cancel();
        upkeep.close();
        in_time(timeout_at(deadline, upkeep.wait()).await.is_ok(), "a change");
        // The last event sink goes with it; the recorder writes what it has and ends.
        drop((resolver, reload));
        let recorded = timeout_at(deadline, spawn_blocking(|| recorder.join())).await;
        in_time(recorded.is_ok(), "the recorder");
        tracing::info!("stopped");
    }
}

/// What another machine must give to set the first password, told to whoever can read the console. 40 bits of chance,
/// in letters and digits that nobody mixes up.
fn setup_code(page: Option<SocketAddr>) -> Result<String, Failure> {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Other(format!("the operating system gives no random numbers: {error}")))?;
    let mut code: String = random.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect();
    code.insert(4, '-');
    if let Some(page) = page.map(page::told) {
        tracing::info!(
            "no password is set: open http://{page}/ and choose one; from another machine the page asks for the code {code}"
        );
    }
    Ok(code)
}

fn warn_root() {
    if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        tracing::info!("sordino runs as root; for a port below 1024 the capability CAP_NET_BIND_SERVICE is enough");
    }
}
