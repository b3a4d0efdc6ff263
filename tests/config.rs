//! `config.toml`: what it means, and what is said of a mistake in it.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

#[path = "config/keys.rs"]
mod keys;
#[path = "config/mistakes.rs"]
mod mistakes;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sordino::config::Config;
use sordino::policy::{Action, BlockingAnswer, Format};

const UPSTREAM: &str = "\n[upstream]\nservers = [\"udp://192.0.2.53\"]\n";

fn parse(text: &str) -> Result<Config, String> {
    let upstream = if text.contains("[upstream]") { "" } else { UPSTREAM };
    let parsed = Config::parse(&format!("{text}{upstream}"), Path::new("/etc/sordino/config.toml"));
    parsed.map_err(|mistakes| mistakes.to_string())
}

#[test]
fn one_run_tells_every_mistake_in_the_order_of_the_file() {
    let told = parse("[dns.tls]\nlisten = []\n[[device]]\nname = \"tv\"\n[blocking]\nttl = 1000000\n").unwrap_err();
    let places: Vec<_> = told.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(places, ["2:10:", "4:8:", "6:7:"].map(|place| format!("/etc/sordino/config.toml:{place}")), "{told}");
}

#[test]
fn what_is_not_said_has_a_default() {
    let config = parse("").unwrap();
    assert_eq!(config.dns.listen, ["127.0.0.1:5300".parse().unwrap()]);
    assert_eq!(config.dns.allow_from, ["loopback", "private"]);
    assert_eq!(config.dns.cache_size, 16 << 20);
    assert_eq!(config.dns.limits, sordino::dns::Limits::default());
    assert_eq!(config.control.blocking, sordino::policy::Blocking::default());
    assert_eq!(config.web.listen, Some("127.0.0.1:8053".parse().unwrap()));
    assert_eq!(config.store.path, PathBuf::from("/etc/sordino/data"));
    assert_eq!(config.store.keep_queries, Duration::from_secs(30 * 86_400));
    assert_eq!(config.store.flush, Duration::from_secs(600));
}

#[test]
fn a_full_file_says_what_it_says() {
    let config = parse(
        r#"
        [dns]
        listen = ["0.0.0.0:53", "[::]:53"]
        allow_from = ["private", "203.0.113.0/24"]
        [upstream]
        servers = ["tls://dns.example", "https://dns.example/dns-query", "udp://[fd00::53]:5353"]
        bootstrap = ["192.0.2.53", "[fd00::53]:53"]
        [cache]
        size = "64 kB"
        [blocking]
        answer = { ipv4 = "192.168.1.2" }
        ttl = 60
        [[list]]
        name = "mine"
        source = "/lists/mine.txt"
        action = "watch"
        format = "adblock"
        trusted = true
        [[list]]
        name = "catalogue"
        source = "blocklists"
        [[profile]]
        name = "default"
        [[profile]]
        name = "guests"
        lists = { catalogue = "watch", mine = "off" }
        [[device]]
        name = "phone"
        mac = "3C-5A-B4-01-02-03"
        ip = "192.168.1.7"
        profile = "guests"
        tags = ["device_phone"]
        [[device]]
        name = "lab"
        ip = ["192.168.2.0/24", "fd00::/64"]
        [web]
        listen = ""
        hosts = ["sordino.lan"]
        [store]
        path = "/var/lib/sordino"
        keep_queries = "1h 30m"
        flush = "10s"
        [limits]
        events = 16
        "#,
    )
    .unwrap();
    assert_eq!(config.dns.upstream.servers.len(), 3);
    assert_eq!(config.dns.upstream.bootstrap, ["192.0.2.53", "[fd00::53]:53"]);
    assert_eq!(config.dns.cache_size, 64_000);
    assert_eq!(config.dns.limits.events, 16);
    assert_eq!(config.dns.limits.flights, 512);
    let control = config.control;
    let answer = BlockingAnswer::Addresses { ipv4: Some(Ipv4Addr::new(192, 168, 1, 2)), ipv6: None };
    assert_eq!((control.blocking.answer, control.blocking.ttl), (answer, 60));
    let [mine, catalogue] = &control.lists[..] else { panic!("{:?}", control.lists) };
    assert_eq!((mine.action, mine.format, mine.trusted), (Action::Watch, Format::Adblock, true));
    assert_eq!((catalogue.action, catalogue.format, catalogue.trusted), (Action::Block, Format::Auto, false));
    assert_eq!(catalogue.path, PathBuf::from("/etc/sordino/blocklists"));
    let guests = [("catalogue".to_owned(), Some(Action::Watch)), ("mine".to_owned(), None)];
    assert_eq!(control.profiles[1].lists, guests);
    let [phone, lab] = &control.devices[..] else { panic!("{:?}", control.devices) };
    assert_eq!(phone.mac.unwrap().to_string(), "3c:5a:b4:01:02:03");
    assert_eq!(phone.networks, [("192.168.1.7".parse::<IpAddr>().unwrap(), 32)]);
    assert_eq!((phone.profile.as_deref(), &phone.tags[..]), (Some("guests"), &["device_phone".to_owned()][..]));
    assert_eq!(lab.networks, [("192.168.2.0".parse().unwrap(), 24), ("fd00::".parse().unwrap(), 64)]);
    assert_eq!((config.web.listen, &config.web.hosts[..]), (None, &["sordino.lan".to_owned()][..]));
    assert_eq!(config.store.keep_queries, Duration::from_secs(5400));
}

#[test]
fn the_shipped_file_and_its_commented_lines_are_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let config = Config::read(&path).unwrap();
    assert_eq!(config.control.lists[0].path, path.with_file_name("blocklists"));
    assert!(config.control.lists[0].path.is_dir(), "the lists of the shipped file are there");
    let text = std::fs::read_to_string(&path).unwrap();
    // Comments that are TOML start with a key or a header; prose does not.
    let is_toml = |line: &str| {
        line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.is_empty() && !key.contains(' '))
    };
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| is_toml(line) && !line.contains('…')).unwrap_or(line))
        .collect();
    let full = Config::parse(&uncommented.join("\n"), &path).unwrap();
    assert_eq!((full.control.lists.len(), full.control.profiles.len(), full.control.devices.len()), (3, 3, 1));
    assert_eq!(full.dns.limits, sordino::dns::Limits::default(), "the bounds that are shown are the usual ones");
}

#[test]
fn a_file_that_cannot_be_read_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let told = || Config::read(&path).unwrap_err().to_string();
    assert!(told().ends_with("config.toml: there is no such file; name yours with --config FILE"), "{}", told());
    std::fs::write(&path, b"[dns]\n# \xff\n").unwrap();
    assert!(told().contains("config.toml:2:3: this is not UTF-8 text"), "{}", told());
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(told().contains("larger than 1 MB"), "{}", told());
    std::fs::write(&path, "").unwrap();
    assert!(told().contains("config.toml:1:1: there is no forwarder to ask"), "{}", told());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(told().contains("is not a file"), "{}", told());
}

#[test]
fn what_a_reload_cannot_change_is_named() {
    let before = parse("").unwrap();
    let lists = parse("[[list]]\nname = \"a\"\nsource = \"b\"\n[blocking]\nttl = 5").unwrap();
    assert!(before.needs_restart(&lists).is_empty());
    let sockets =
        parse("[dns]\nlisten = [\"127.0.0.1:1\"]\n[cache]\nsize = \"1 MiB\"\n[store]\nflush = \"1m\"").unwrap();
    assert_eq!(before.needs_restart(&sockets), ["[dns]", "[cache]", "[store]"]);
    let page = parse("[web]\nlisten = \"\"\n[limits]\nflights = 1").unwrap();
    assert_eq!(before.needs_restart(&page), ["[limits]", "[web]"]);
}
