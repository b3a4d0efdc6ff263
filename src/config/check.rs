//! From the shape of the file to the options of each part, with all that one key says about another.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::encrypted::{device_id, encrypted};
use super::file::{self, File};
use super::mistake::{BadConfig, Mistakes, suggest};
use super::upstream::upstream_options;
use super::values::{Answer, Confirmation, Listen, Permitted};
use super::{Config, When, api, control, dns, fetching, house, local, notify, schedules, store};
use crate::control::PROFILES_BOUND;
use crate::control::subscriptions;
use crate::local::{BYPASS, HOUSE, REBINDING};
use crate::policy::{Blocking, ESSENTIAL, Name, OWN_RULES, PAUSE, Profile};

/// Characters of a name of a device, a list or a profile.
const NAME_CHARS_BOUND: usize = 64;
/// Seconds of `[blocking] ttl`. Devices keep an answer that long, whatever is allowed in the meantime.
const BLOCKING_TTL_BOUND: u32 = 86_400;
/// The fewest and the most `[store] counts_in_memory`.
const COUNTS_BOUNDS: std::ops::RangeInclusive<usize> = 1_000..=10_000_000;
/// The shortest and the longest `[store] flush`: an SD card wears out by the one, a power cut takes the other.
const FLUSH_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

const DEFAULT_CACHE_SIZE: usize = 16 << 20;

/// Where in the file a key stands, for mistakes that are found later.
pub(super) type Places = HashMap<&'static str, Range<usize>>;

pub(super) fn check(file: File, text: &str, path: &Path, when: When) -> Result<Config, BadConfig> {
    let mut mistakes = Mistakes::new(text);
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let limits = file.limits.map(Spanned::into_inner).unwrap_or_default();
    let answers = file.list.iter().filter_map(|list| Some((list.name.get_ref().clone(), list.answer.as_ref()?.0)));
    let answers = answers.collect();
    let mut places = Places::new();
    let mut dns = dns_options(file.dns, file.upstream, file.cache, limits, directory, &mut places, &mut mistakes);
    dns.dnssec = dnssec_options(file.dnssec, directory, &mut places);
    let store = store_options(file.store, file.privacy.level, directory, &mut mistakes);
    let lists_ca = file.lists.ca.as_ref().map(|ca| from_directory(directory, ca.get_ref()));
    let subscriptions = fetching::options(file.lists, &store.path, &mut mistakes);
    let paths = (directory, subscriptions);
    let schedules = schedules::options(file.time, file.schedule, &file.list, &file.profile, &mut mistakes);
    // A forwarder of the operator's own for some names may lead inside with them: that is what it is for.
    let routed: Vec<Name> = dns.upstream.routes.iter().flat_map(|route| route.domains.iter().cloned()).collect();
    let profiles: Vec<String> = file.profile.iter().map(|profile| profile.name.get_ref().clone()).collect();
    let house = house::said(file.house, &profiles, directory, &mut mistakes);
    let essential = dns.upstream.names();
    let mut config = Config {
        dns,
        house: house.watched,
        notify: notify::options(file.notify, &mut mistakes),
        control: control::Options {
            schedules,
            guards_off: file.guards.off,
            newcomers: house.newcomers,
            makers: house.makers,
            essential,
            local: crate::local::Options {
                answers,
                ..local::options(file.rebinding, file.bypass, file.local, file.zone, directory, &mut mistakes)
            },
            compiled: Some(control::CompiledOptions { path: store.path.join("compiled"), writable: true }),
            ..control_options(file.list, file.profile, file.device, file.blocking, paths, &mut mistakes)
        },
        lists_ca,
        store,
        web: web_options(file.web, &mut mistakes),
    };
    config.control.local.rebinding.except.extend(routed);
    // What is wrong already may be what `dns` would say again in other words.
    let certificates = || match when {
        When::Starting => config.dns.check_certificates(),
        When::Running => Ok(()),
    };
    if mistakes.is_empty()
        && let Err(dns::BadOption { key, what }) = config.dns.check().and_then(|()| certificates())
    {
        let section = key.split('.').next().unwrap_or(key);
        let place = places.get(key).cloned().or_else(|| text.find(&format!("[{section}]")).map(|at| at..at));
        mistakes.add(&place.unwrap_or_default(), format!("{key}: {what}"));
    }
    mistakes.into_result(path).map(|()| config)
}

fn dns_options(
    mut dns: file::Dns,
    upstream: file::Upstream,
    cache: file::Cache,
    limits: dns::Limits,
    directory: &Path,
    places: &mut Places,
    mistakes: &mut Mistakes<'_>,
) -> dns::Options {
    let encrypted = encrypted(&mut dns, directory, places, mistakes);
    let listen: Vec<SocketAddr> = match dns.listen {
        Some(listen) => {
            places.insert("dns.listen", listen.span());
            addresses(listen, "write one as in [\"127.0.0.1:5300\"]", mistakes)
        }
        None => vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 5300))],
    };
    let allow_from = match dns.allow_from {
        Some(allowed) => {
            places.insert("dns.allow_from", allowed.span());
            allowed.into_inner().into_iter().map(|Permitted(who)| who).collect()
        }
        None => vec!["loopback".into(), "private".into()],
    };
    if let Some(trusted) = &dns.trusted_forwarders {
        places.insert("dns.trusted_forwarders", trusted.span());
    }
    let trusted = dns.trusted_forwarders.map(Spanned::into_inner).unwrap_or_default();
    if let Some(size) = &cache.size {
        places.insert("cache.size", size.span());
    }
    dns::Options {
        listen,
        allow_from,
        trusted_forwarders: trusted.into_iter().map(|Permitted(who)| who).collect(),
        upstream: upstream_options(upstream, directory, places, mistakes),
        dnssec: dns::DnssecOptions::default(),
        prefetch: cache.prefetch.unwrap_or(true),
        cache_size: cache.size.map_or(DEFAULT_CACHE_SIZE, |size| size.into_inner().0),
        limits,
        encrypted,
    }
}

fn dnssec_options(dnssec: file::Dnssec, directory: &Path, places: &mut Places) -> dns::DnssecOptions {
    if let Some(anchor) = &dnssec.trust_anchor {
        places.insert("dnssec.trust_anchor", anchor.span());
    }
    let trust_anchor = dnssec.trust_anchor.map(|anchor| from_directory(directory, anchor.get_ref()));
    dns::DnssecOptions { validate: dnssec.validate, trust_anchor }
}

fn control_options(
    lists: Vec<file::List>,
    profiles: Vec<file::Profile>,
    devices: Vec<file::Device>,
    blocking: file::Blocking,
    (directory, subscriptions): (&Path, subscriptions::Options),
    mistakes: &mut Mistakes<'_>,
) -> control::Options {
    let profile_names: Vec<String> = profiles.iter().map(|profile| profile.name.get_ref().clone()).collect();
    if let Some(profile) = profiles.get(PROFILES_BOUND) {
        mistakes.add(&profile.name.span(), format!("there are over {PROFILES_BOUND} profiles; take some out"));
    }
    let mut taken = HashSet::new();
    let profiles = profiles.into_iter().map(|profile| {
        let name = name(profile.name, &mut taken, mistakes);
        let lists = profile.lists.into_iter().filter_map(|(list, used)| Some((list, used.action?.action())));
        Profile { name, lists: lists.collect() }
    });
    let profiles = profiles.collect();
    let mut taken = HashSet::new();
    let lists = lists.into_iter().map(|list| {
        let taken_by = [
            (OWN_RULES, "your rules of the page are"),
            (PAUSE, "your pauses of the page are"),
            (ESSENTIAL, "what lets the names of your own forwarders through is"),
            (REBINDING, "the guard against rebinding is"),
            (BYPASS, "what [bypass] stops is"),
            (HOUSE, "what the house itself answers is"),
        ];
        for (word, whose) in taken_by.into_iter().filter(|(word, _)| list.name.get_ref() == word) {
            mistakes.add(&list.name.span(), format!("{word:?} is what {whose} called; choose another name"));
        }
        let source = list.source.get_ref();
        if source.is_empty() {
            mistakes.add(&list.source.span(), "source names no file; write the path of one");
        }
        let subscription = fetching::subscription(&list, mistakes);
        let path = match subscription {
            Some(_) => subscriptions::copy_path(&subscriptions.dir, list.name.get_ref()),
            None => from_directory(directory, source),
        };
        control::ListOptions {
            path,
            subscription,
            name: name(list.name, &mut taken, mistakes),
            action: list.action,
            format: list.format,
            trusted: list.trusted,
            tier: list.tier,
            confirmed: control::Confirmed {
                wide: list.confirmed.contains(&Confirmation::TooWide),
                shrunk: list.confirmed.contains(&Confirmation::Shrunk),
            },
        }
    });
    let lists = lists.collect();
    control::Options {
        lists,
        profiles,
        devices: device_options(devices, &profile_names, mistakes),
        blocking: blocking_options(blocking, mistakes),
        subscriptions,
        ..control::Options::default()
    }
}

fn device_options(
    devices: Vec<file::Device>,
    profiles: &[String],
    mistakes: &mut Mistakes<'_>,
) -> Vec<control::DeviceOptions> {
    let (mut names, mut macs, mut networks) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut ids = HashSet::new();
    let devices = devices.into_iter().map(|device| {
        if device.id.is_none() && device.mac.is_none() && device.ip.as_ref().is_none_or(|ip| ip.get_ref().0.is_empty())
        {
            let what = "nothing tells which device this is; add mac = \"…\", ip = \"…\" or id = \"…\"";
            mistakes.add(&device.name.span(), what);
        }
        if let Some(profile) = &device.profile
            && !profiles.contains(profile.get_ref())
        {
            let known: Vec<&str> = profiles.iter().map(String::as_str).collect();
            let what = format!("there is no profile {:?}; {}", profile.get_ref(), suggest(profile.get_ref(), &known));
            mistakes.add(&profile.span(), what);
        }
        if let Some(mac) = &device.mac {
            once(&mut macs, mac.get_ref().0, &mac.span(), mistakes);
        }
        let id = device.id.map(|id| {
            let (span, id) = (id.span(), device_id(id, mistakes));
            once(&mut ids, id.clone(), &span, mistakes);
            id
        });
        let own = device.ip.map(|ip| {
            let span = ip.span();
            let own = ip.into_inner().0.into_iter().map(|network| (network.0, network.1));
            own.inspect(|(address, length)| once(&mut networks, format!("{address}/{length}"), &span, mistakes))
                .collect()
        });
        control::DeviceOptions {
            networks: own.unwrap_or_default(),
            name: name(device.name, &mut names, mistakes),
            mac: device.mac.map(|mac| mac.into_inner().0),
            id,
            profile: device.profile.map(Spanned::into_inner),
            tags: device.tags,
            unlogged: !device.log,
        }
    });
    devices.collect()
}

fn blocking_options(blocking: file::Blocking, mistakes: &mut Mistakes<'_>) -> Blocking {
    let default = Blocking::default();
    let ttl = blocking.ttl.map_or(default.ttl, |ttl| {
        if *ttl.get_ref() > BLOCKING_TTL_BOUND {
            mistakes.add(&ttl.span(), format!("ttl is over {BLOCKING_TTL_BOUND} seconds; write a smaller one"));
        }
        if *ttl.get_ref() == 0 {
            mistakes.add(&ttl.span(), "devices that remember nothing ask without a pause; write ttl = 1 or more");
        }
        ttl.into_inner()
    });
    Blocking { answer: blocking.answer.map_or(default.answer, |Answer(answer)| answer), ttl }
}

fn store_options(
    store: file::Store,
    level: store::Level,
    directory: &Path,
    mistakes: &mut Mistakes<'_>,
) -> store::Options {
    if let Some(path) = &store.path
        && path.get_ref().is_empty()
    {
        mistakes.add(&path.span(), "path names no directory; write one as in \"data\"");
    }
    let flush = store.flush.map_or(store::FLUSH, |flush| {
        let (span, flush) = (flush.span(), flush.into_inner().0);
        if flush < FLUSH_BOUNDS.0 || flush > FLUSH_BOUNDS.1 {
            mistakes.add(&span, "flush is shorter than a second or longer than a day; write one as in \"5m\"");
        }
        flush
    });
    let tallies = store.tallies.map_or(store::Keeping::Disk, |tallies| {
        let (span, tallies) = (tallies.span(), tallies.into_inner());
        if tallies != store::Keeping::Disk && store.journal == store::Keeping::Disk {
            let what = "a journal on disk brings the tallies along; write journal = \"memory\" or \"off\" as well";
            mistakes.add(&span, what);
        }
        tallies
    });
    let counts_in_memory = store.counts_in_memory.map_or(store::COUNTS_IN_MEMORY, |counts| {
        let (span, counts) = (counts.span(), counts.into_inner());
        if !COUNTS_BOUNDS.contains(&counts) {
            mistakes.add(&span, "counts_in_memory goes from 1000 to 10000000; a count takes some fifty bytes");
        }
        counts
    });
    store::Options {
        path: from_directory(directory, store.path.as_ref().map_or("data", |path| path.get_ref())),
        keep_queries: store.keep_queries.map_or(store::KEEP_QUERIES, |keep| keep.into_inner().0),
        keep_tallies: store.keep_tallies.map_or(store::KEEP_TALLIES, |keep| keep.into_inner().0),
        flush,
        journal: store.journal,
        tallies,
        counts_in_memory,
        level,
    }
}

fn web_options(web: file::Web, mistakes: &mut Mistakes<'_>) -> api::Options {
    let default = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8053)));
    let listen = web.listen.map_or(default, |listen| match listen.get_ref().as_str() {
        "" => None,
        text => match text.parse() {
            Ok(Listen(address)) => Some(address),
            Err(error) => {
                mistakes.add(&listen.span(), format!("{error}; \"\" switches the page off"));
                None
            }
        },
    });
    api::Options { listen, password_hash: web.password_hash.map(|hash| hash.0), hosts: web.hosts }
}

/// A name that is unique among its kind and fit to be shown.
pub(super) fn name(name: Spanned<String>, taken: &mut HashSet<String>, mistakes: &mut Mistakes<'_>) -> String {
    let (span, name) = (name.span(), name.into_inner());
    let length = name.chars().count();
    if name.trim() != name || name.is_empty() || length > NAME_CHARS_BOUND || name.chars().any(char::is_control) {
        let what = format!("{name:?} is no name: write 1 to {NAME_CHARS_BOUND} characters, no space at either end");
        mistakes.add(&span, what);
    }
    once(taken, name.clone(), &span, mistakes);
    name
}

/// Where a way in listens: at least one address, and none twice. `advice` is for who wrote none.
pub(super) fn addresses(
    listen: Spanned<Vec<Spanned<Listen>>>,
    advice: &str,
    mistakes: &mut Mistakes<'_>,
) -> Vec<SocketAddr> {
    if listen.get_ref().is_empty() {
        mistakes.add(&listen.span(), format!("listen names no address; {advice}"));
    }
    let mut taken = HashSet::new();
    let listen = listen.into_inner().into_iter().map(|address| {
        let (span, Listen(address)) = (address.span(), address.into_inner());
        // Port 0 is another one each time.
        if address.port() != 0 {
            once(&mut taken, address, &span, mistakes);
        }
        address
    });
    listen.collect()
}

pub(super) fn once<T: Hash + Eq + Display>(
    taken: &mut HashSet<T>,
    value: T,
    span: &Range<usize>,
    mistakes: &mut Mistakes<'_>,
) {
    if taken.contains(&value) {
        mistakes.add(span, format!("{value} stands here a second time; write each once"));
    } else {
        taken.insert(value);
    }
}

pub(super) fn from_directory(directory: &Path, path: &str) -> PathBuf {
    directory.join(path)
}
