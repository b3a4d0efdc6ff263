//! `config.toml`: what it means, and what is said of a mistake in it.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

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
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    let hash_of_nothing = "[web]\npassword_hash = \"secret\"";
    let mut wrong = Vec::new();
    for (text, place, said) in [
        // Keys.
        ("[dns]\nlisen = []", "2:1", "there is no key lisen here; did you mean listen?"),
        ("[dsn]\nlisten = []", "1:2", "there is no key dsn here; did you mean dns?"),
        ("[cache]\ncolour = 1", "2:1", "there is no key colour here; choose one of size"),
        ("[limits]\nflight = 3", "2:1", "did you mean flights?"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\ntrust = true", "4:1", "did you mean trusted?"),
        ("[[list]]\nsource = \"b\"", "1:1", "the key name is missing here; add it"),
        ("[dns]\nlisten = [\"127.0.0.1:1\"]\nlisten = []", "3:1", "duplicate key"),
        // TOML itself.
        ("[dns\nlisten = []", "1:5", "table"),
        ("dns = 3", "1:7", "expected a table: [dns]"),
        ("[cache]\nsize = 16", "2:8", "expected text in quotation marks"),
        ("[blocking]\nttl = \"10\"", "2:7", "invalid type"),
        // [dns].
        ("[dns]\nlisten = [\"127.0.0.1:53\", \"localhost:53\"]", "2:27", "write one as in 127.0.0.1:5300"),
        ("[dns]\nlisten = [\"127.0.0.1\"]", "2:11", "add the port, as in 127.0.0.1:53"),
        ("[dns]\nlisten = [\"::1\"]", "2:11", "add the port, as in [::1]:53"),
        ("[dns]\nlisten = []", "2:10", "listen names no address"),
        ("[dns]\nlisten = [\"[::1]:53\", \"[::1]:53\"]", "2:23", "[::1]:53 stands here a second time"),
        ("[dns]\nallow_from = [\"home\"]", "2:15", "or loopback, private or any"),
        ("[dns.tls]\nlisten = []", "2:10", "listen names no address"),
        ("[dns.quic]\nlisten = [\"[::1]:853\"]\nkey = \"k.pem\"", "3:7", "certificate and key belong together"),
        ("[dns.quic]\nlisten = [\"[::1]:853\"]\nhttp3 = true", "3:9", "it belongs to [dns.https]"),
        ("[dns]\nnames = [\"dns\"]", "2:10", "is no name for this server"),
        ("[dns.https]", "1:1", "the key listen is missing here"),
        ("[dns.quic]", "1:1", "the key listen is missing here"),
        // [upstream].
        ("[cache]\n[upstream]", "1:1", "there is no forwarder to ask"),
        ("[upstream]\nservers = []", "2:11", "there is no forwarder to ask"),
        ("[upstream]\nservers = [\"9.9.9.9\"]", "2:12", "write udp://9.9.9.9 or tls://9.9.9.9"),
        ("[upstream]\nservers = [\"ftp://9.9.9.9\"]", "2:12", "ftp:// is none of udp://"),
        ("[upstream]\nservers = [\"udp://dns.example\"]", "2:12", "udp:// needs the address of the server"),
        ("[upstream]\nservers = [\"udp://fd00::1\"]", "2:12", "write udp://[fd00::1]"),
        ("[upstream]\nservers = [\"tls://\"]", "2:12", "names no server"),
        ("[upstream]\nservers = [\"tls://dns.example\"]", "2:12", "add bootstrap = [\"9.9.9.9\"]"),
        ("[upstream]\nservers = [\"udp://9.9.9.9\", \"udp://9.9.9.9\"]", "2:29", "a second time"),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\nbootstrap = [\"dns.example\"]",
            "3:14",
            "bootstrap takes addresses",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = []\nservers = [\"udp://10.0.0.1\"]",
            "4:11",
            "this route names no domain",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"a.example\"]\nservers = []",
            "5:11",
            "there is nobody to ask about these names",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"a\", \".\"]\nservers = [\"tcp://10.0.0.1\"]",
            "4:17",
            "is every name",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\n[[upstream.route]]\ndomains = [\"a\", \"A.\"]\nservers = [\"tcp://10.0.0.1\"]",
            "4:17",
            "a second time",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\nstrategy = \"fast\"",
            "3:12",
            "choose one of fastest, failover, balance",
        ),
        (
            "[upstream]\nservers = [\"udp://9.9.9.9\"]\nca = \"nowhere.pem\"",
            "3:6",
            "upstream.ca: /etc/sordino/nowhere.pem: ",
        ),
        // [cache], [blocking], [store], [web].
        ("[cache]\nsize = \"16 MegaByte\"", "2:8", "write one as in \"16 MiB\""),
        ("[blocking]\nanswer = \"nxdomian\"", "2:10", "\"nxdomian\" cannot stand here; did you mean nxdomain?"),
        ("[blocking]\nanswer = { ipv5 = \"1.2.3.4\" }", "2:12", "did you mean ipv4?"),
        ("[blocking]\nanswer = { ipv4 = \"1.2.3\" }", "2:19", "invalid IPv4 address"),
        ("[blocking]\nttl = 1000000", "2:7", "ttl is over 86400 seconds"),
        ("[store]\nflush = \"5 parsecs\"", "2:9", "write one as in \"30d\""),
        ("[store]\nflush = \"0s\"", "2:9", "flush is shorter than a second"),
        ("[store]\npath = \"\"", "2:8", "path names no directory"),
        ("[web]\nlisten = \"8053\"", "2:10", "\"\" switches the page off"),
        (hash_of_nothing, "2:17", "make one with `sordino hash-password`"),
        // [[list]].
        ("[[list]]\nname = \"a\"\nsource = \"ftp://lists.example/a\"", "3:10", "neither https:// nor http://"),
        ("[[list]]\nname = \"a\"\nsource = \"\"", "3:10", "source names no file"),
        ("[[list]]\nname = \"own\"\nsource = \"b\"", "2:8", "choose another name"),
        ("[[list]]\nname = \" \"\nsource = \"b\"", "2:8", "\" \" is no name"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\naction = \"blok\"", "4:10", "did you mean block?"),
        ("[[list]]\nname = \"a\"\nsource = \"b\"\nformat = \"adguard\"", "4:10", "choose one of auto, catalogue"),
        (
            "[[list]]\nname = \"ä\"\nsource = \"b\"\n[[list]]\nname = \"ä\"\nsource = \"c\"",
            "5:8",
            "ä stands here a second time; write each once",
        ),
        // [[profile]], [[device]].
        ("[[profile]]\nname = \"a\"\nlists = { x = \"of\" }", "3:15", "did you mean off?"),
        ("[[device]]\nname = \"tv\"", "2:8", "add mac = \"…\", ip = \"…\" or id = \"…\""),
        ("[[device]]\nname = \"tv\"\nid = \"t v\"", "3:6", "is no id"),
        ("[[device]]\nname = \"tv\"\nmac = \"3c:5a\"", "3:7", "it looks like 3c:5a:b4:01:02:03"),
        ("[[device]]\nname = \"tv\"\nip = \"192.168.1.5/24\"", "3:6", "write 192.168.1.0/24 or 192.168.1.5"),
        ("[[device]]\nname = \"tv\"\nip = [\"192.168.1.5\", \"1.2.3\"]", "3:22", "is no address and no network"),
        ("[[device]]\nname = \"tv\"\nip = \"192.168.1.0/33\"", "3:6", "is no address and no network"),
        ("[[device]]\nname = \"tv\"\nip = 4", "3:6", "an address or a network in quotation marks"),
        (
            "[[profile]]\nname = \"guests\"\n[[device]]\nname = \"tv\"\nip = \"fd00::5\"\nprofile = \"gusts\"",
            "6:11",
            "there is no profile \"gusts\"; did you mean guests?",
        ),
        (
            "[[device]]\nname = \"a\"\nip = \"fd00::5\"\n[[device]]\nname = \"b\"\nip = [\"fd00::6\", \"fd00::5\"]",
            "6:6",
            "fd00::5/128 stands here a second time",
        ),
    ] {
        let told = parse(text).err().unwrap_or_default();
        let right = told.starts_with(&format!("/etc/sordino/config.toml:{place}: ")) && told.contains(said);
        if !right || told.contains("secret") {
            wrong.push(format!("{text}\nshould say {place}: {said}\nand says {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
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
    assert_eq!((full.control.lists.len(), full.control.profiles.len(), full.control.devices.len()), (2, 2, 1));
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
