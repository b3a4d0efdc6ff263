//! How sordino is doing: what is wrong and what to do about it, and the counters of every bound.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::assets;
use super::auth::LoggedIn;
use super::devices;
use super::house::House;
use super::problem::{Problem, sentence};
use crate::dns::{ServingStatus, UpstreamStatus};
use crate::store::{Health, Level};
use crate::time::Timestamp;

/// How sordino is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// The version of sordino.
    pub(crate) version: &'static str,
    /// When it started, milliseconds since the epoch.
    pub(crate) started: Timestamp,
    /// What is wrong, and what to do; empty when all is well.
    pub(crate) problems: Vec<Trouble>,
    /// What was counted since the start, by name.
    pub(crate) counters: BTreeMap<String, u64>,
    /// Forwarders, in the order of the configuration.
    pub(crate) upstreams: Vec<UpstreamStatus>,
    /// The cache of answers.
    pub(crate) cache: CacheStatus,
    /// What is kept on disk.
    pub(crate) store: StoreStatus,
    /// Where sordino listens for DNS.
    #[schema(value_type = Vec<String>)]
    listen: Vec<SocketAddr>,
    /// Names and patterns in force, all lists together.
    pub(crate) lists_names: u64,
    /// The encrypted ways to ask, and what each shows.
    encrypted: Vec<ServingStatus>,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Trouble {
    /// `open_resolver`, `store`, `store_set_aside`, `config`, `list`, `upstream`, `loop`, `events_dropped`, `mdns`, `notify`,
    /// `silent`, `password`, `certificate` or `page`.
    pub(crate) kind: &'static str,
    /// What is wrong and what to do, for people.
    text: String,
}

/// The cache of answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct CacheStatus {
    /// Answers in it.
    pub(crate) entries: u64,
    /// Bytes they weigh.
    pub(crate) bytes: u64,
    /// Bytes they may weigh.
    pub(crate) capacity: u64,
}

/// What is kept on disk.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreStatus {
    /// Bytes on disk.
    pub(crate) bytes: u64,
    /// How much of a query is kept.
    privacy: Level,
    /// Events that wait for the next flush.
    pub(crate) unflushed: u64,
    /// When the last flush reached the disk, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    flushed: Option<Timestamp>,
}

/// Says how sordino is doing.
#[utoipa::path(get, path = "/status", tag = "status", responses((status = 200, body = Status)))]
pub(crate) async fn status(house: LoggedIn) -> Result<Json<Status>, Problem> {
    let (health, silent) = house.read(|house| (house.store.health(), devices::silent(house))).await?;
    let mut status = Status::of(&house, &health);
    status.problems.extend(of_silence(&silent));
    Ok(Json(status))
}

impl Status {
    pub(crate) fn of(house: &House, health: &Health) -> Self {
        let resolver = house.resolver.status();
        let snapshot = house.snapshot();
        let lists = snapshot.policy.lists();
        let mut counters: BTreeMap<_, _> =
            resolver.counters.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
        counters.extend(own_counters(house));
        counters.insert("store_events_lost".to_owned(), health.lost);
        counters.insert("store_counts_dropped".to_owned(), health.uncounted);
        counters.extend(house.notices.counters().map(|(name, n)| (name.to_owned(), n)));
        counters.extend(house.lookout.counters().map(|(name, n)| (name.to_owned(), n)));
        counters.insert("store_flushes".to_owned(), health.flushes);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            started: house.started,
            problems: troubles(house, health, &resolver.upstreams, &resolver.certificate_problems),
            counters,
            upstreams: resolver.upstreams,
            cache: CacheStatus {
                entries: resolver.cache_entries,
                bytes: resolver.cache_bytes,
                capacity: resolver.cache_capacity,
            },
            store: StoreStatus {
                bytes: health.bytes,
                privacy: house.store.level(),
                unflushed: health.unflushed,
                flushed: health.flushed,
            },
            listen: house.listen.clone(),
            lists_names: lists.iter().map(|list| list.names as u64).sum(),
            encrypted: resolver.encrypted,
        }
    }
}

fn own_counters(house: &House) -> impl Iterator<Item = (String, u64)> {
    let counters = &house.counters;
    [
        ("events_dropped", &*counters.events_dropped),
        ("web_connections_refused", &counters.connections_refused),
        ("web_requests_refused", &counters.requests_refused),
        ("web_streams_refused", &counters.streams_refused),
        ("logins_failed", &counters.logins_failed),
        ("logins_delayed", &counters.logins_delayed),
        ("web_whatifs_refused", &counters.turns_refused),
    ]
    .into_iter()
    .map(|(name, counter)| (name.to_owned(), counter.load(Ordering::Relaxed)))
}

fn troubles(house: &House, health: &Health, upstreams: &[UpstreamStatus], certificates: &[String]) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut tell = |kind, text: String| troubles.push(Trouble { kind, text });
    of_upstreams(upstreams).into_iter().for_each(|text| tell("upstream", text));
    upstreams.iter().filter_map(of_loop).for_each(|text| tell("loop", text));
    certificates.iter().for_each(|problem| tell("certificate", sentence(problem)));
    if let Some(problem) = &health.problem {
        tell("store", sentence(problem));
    }
    if let Some(path) = &health.set_aside {
        let path = path.display();
        tell(
            "store_set_aside",
            format!(
                "A part of the store was damaged and was set aside as {path}; the history and counts in it are missing here. Keep it if you \
             want to look into it, else delete it."
            ),
        );
    }
    if let Some(problem) = house.lookout.mdns_problem() {
        tell("mdns", sentence(&problem));
    }
    if let Some(problem) = house.notices.problem() {
        tell("notify", sentence(&problem));
    }
    if let Some(problem) = house.control.refused_config() {
        tell("config", sentence(&problem));
    }
    house.control.problems().iter().for_each(|problem| tell("list", sentence(problem)));
    let dropped = house.counters.events_dropped.load(Ordering::Relaxed);
    if health.lost > 0 {
        tell(
            "store",
            format!("{} queries were lost because the disk did not take them. Make room on it.", health.lost),
        );
    }
    if dropped > 0 {
        tell(
            "events_dropped",
            format!(
                "{dropped} queries were answered but not written down, because they came faster than the store could take them. \
             The figures are too low by that many."
            ),
        );
    }
    if is_open(house.resolver.is_open(), &house.listen) {
        tell(
            "open_resolver",
            "Anyone may ask: allow_from under [dns] in config.toml lets the whole internet in, and strangers will use sordino \
             to attack others. Write allow_from = [\"loopback\", \"private\"] unless a firewall keeps them out."
                .into(),
        );
    }
    if house.password_unusable {
        tell(
            "password",
            "password_hash in config.toml is not a hash, so nobody can log in with it. \
             Make one with `sordino hash-password`."
                .into(),
        );
    }
    if !assets::is_built() {
        tell("page", "The page was not built into this binary. Run `make web` and build sordino again.".into());
    }
    troubles
}

/// Whether strangers reach it and may ask.
fn is_open(to_all: bool, listen: &[SocketAddr]) -> bool {
    to_all && listen.iter().any(|address| !address.ip().to_canonical().is_loopback())
}

fn of_upstreams(upstreams: &[UpstreamStatus]) -> Vec<String> {
    let down: Vec<_> = upstreams.iter().filter(|upstream| upstream.state == "down").collect();
    if !down.is_empty() && down.len() == upstreams.len() {
        return vec![
            "No forwarder answers, so only muted, local and cached names are answered. Check the connection to the \
             internet, or upstream.servers in config.toml."
                .into(),
        ];
    }
    let sentence = |upstream: &&UpstreamStatus| {
        format!(
            "The forwarder {} does not answer; the others do its work. Check upstream.servers in config.toml if it stays so.",
            upstream.server
        )
    };
    down.iter().map(sentence).collect()
}

/// Silent devices told one by one; beyond them their number.
const SILENT_TOLD: usize = 3;

fn of_silence(silent: &[(String, Timestamp)]) -> Option<Trouble> {
    let mut names = silent.iter().take(SILENT_TOLD).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    if silent.len() > SILENT_TOLD {
        names.push_str(&format!(" and {} more", silent.len() - SILENT_TOLD));
    }
    (!silent.is_empty()).then(|| Trouble {
        kind: "silent",
        text: format!(
            "On, but asking for no names any more: {names}. Such a device may use another resolver. `sordino firewall` prints \
             rules that lead it back; the page of the device tells since when it is silent."
        ),
    })
}

fn of_loop(upstream: &UpstreamStatus) -> Option<String> {
    let names = upstream.loops.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    (!upstream.loops.is_empty()).then(|| {
        format!(
            "The forwarder {} asks sordino about the names it is asked about ({names}), so that nobody answers. Take sordino \
             out of its forwarders, or it out of [upstream] in config.toml.",
            upstream.server
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(server: &str, state: &'static str) -> UpstreamStatus {
        UpstreamStatus {
            server: server.into(),
            state,
            answered: 0,
            failed: 0,
            latency_ms: None,
            share_percent: None,
            mismatches: 0,
            encrypted: false,
            folds_case: false,
            loops: Vec::new(),
            domains: Vec::new(),
        }
    }

    #[test]
    fn d1_a_door_that_is_open_to_everyone_is_told() {
        for (to_all, listen, open) in [
            (true, "0.0.0.0:53", true),
            (true, "[::]:53", true),
            (true, "198.51.100.1:53", true),
            (true, "127.0.0.1:53", false),
            (false, "0.0.0.0:53", false),
        ] {
            assert_eq!(is_open(to_all, &[listen.parse().unwrap()]), open, "{to_all} {listen}");
        }
    }

    #[test]
    fn one_forwarder_down_is_told_by_name_and_all_down_as_what_it_means() {
        let (up, down, other) = (upstream("udp://a", "up"), upstream("udp://b", "down"), upstream("udp://c", "down"));
        assert!(of_upstreams(&[]).is_empty() && of_upstreams(std::slice::from_ref(&up)).is_empty());
        let one = of_upstreams(&[up, down.clone()]);
        assert!(one.len() == 1 && one[0].contains("udp://b"), "{one:?}");
        let all = of_upstreams(&[down, other]);
        assert!(all.len() == 1 && all[0].starts_with("No forwarder answers"), "{all:?}");
    }
}
