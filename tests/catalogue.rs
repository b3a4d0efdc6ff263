//! The catalogue's own rules, read straight from `blocklists/`, so that a mistake in the product's parser cannot hide
//! one in the files. What the compiled policy makes of them is in `catalogue_policy.rs`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop at once, and says what it skips")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

/// Longest line that a reviewer can still read beside another.
const MAX_LINE_LEN: usize = 220;
/// A catalogue with fewer vendors or rows than this has lost a part.
const AT_LEAST: (usize, usize) = (146, 1_988);

const PURPOSES: [&str; 13] = [
    "analytics",
    "ads",
    "crash",
    "config",
    "cloud",
    "update",
    "push",
    "account",
    "location",
    "browser",
    "voice",
    "tv-acr",
    "other",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vendor: String,
    about: String,
    product: Vec<Product>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    name: String,
    purpose: String,
    sends: String,
    breaks: String,
    names: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    block: Option<String>,
    watch: Option<String>,
    never: Option<String>,
    #[serde(default)]
    subtree: bool,
    #[serde(default)]
    regions: Vec<String>,
    tier: Option<String>,
    sends: Option<String>,
    breaks: Option<String>,
    purpose: Option<String>,
    note: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Block,
    Watch,
    Never,
}

/// A line with what it takes over from its product.
#[derive(Debug)]
struct Row {
    file: String,
    product: String,
    name: String,
    class: Class,
    subtree: bool,
    thorough: bool,
    purpose: String,
    sends: String,
    breaks: String,
    sources: Vec<String>,
}

impl Row {
    /// The expression of a family, matched against whole names.
    fn family(&self) -> Option<&str> {
        self.name.strip_prefix('/')?.strip_suffix('/')
    }
}

#[test]
fn every_row_is_labelled() {
    let rows = catalogue();
    let vendors: BTreeSet<_> = rows.iter().map(|row| &row.file).collect();
    assert!((vendors.len(), rows.len()) >= AT_LEAST, "{} vendors, {} rows", vendors.len(), rows.len());
    for row in &rows {
        assert!(!row.product.is_empty(), "{row:?}");
        assert!(PURPOSES.contains(&&*row.purpose), "no such purpose: {row:?}");
        assert!(is_sentence(&row.sends), "what goes there is no sentence: {row:?}");
        assert!(row.breaks.is_empty() || is_sentence(&row.breaks), "what breaks is no sentence: {row:?}");
        assert!(row.class == Class::Block || !row.breaks.is_empty(), "nothing says what would break: {row:?}");
        assert!(!row.sources.is_empty() && row.sources.iter().all(|source| !source.is_empty()), "no source: {row:?}");
    }
}

#[test]
fn files_and_products_are_told_apart() {
    for (path, text) in files() {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{stem}");
        let file = parse(&path, &text);
        assert!(!file.vendor.is_empty() && is_sentence(&file.about), "{stem}");
        let products: BTreeSet<_> = file.product.iter().map(|product| &product.name).collect();
        assert_eq!(products.len(), file.product.len(), "{stem} names a product twice");
        for product in &file.product {
            let names: Vec<_> = product.names.iter().map(|line| line.class().1).collect();
            assert!(!names.is_empty(), "{stem}: {} has no names", product.name);
            assert!(names.is_sorted_by_key(|name| (name.starts_with('/'), name)), "{stem}: {} unsorted", product.name);
        }
        for (number, line) in text.lines().enumerate() {
            assert!(line.chars().count() <= MAX_LINE_LEN, "{stem}, line {}: too long to review", number + 1);
        }
    }
}

#[test]
fn names_are_names_and_stand_once() {
    let mut seen = BTreeMap::new();
    for row in catalogue() {
        assert!(row.family().is_some() || is_dns_name(&row.name), "{row:?}");
        if let Some(before) = seen.insert(row.name.clone(), row.file.clone()) {
            panic!("{} stands in {before} and in {}", row.name, row.file);
        }
    }
}

#[test]
fn families_compile_and_agree_with_the_names_they_match() {
    let rows = catalogue();
    let families: Vec<_> = rows.iter().filter_map(|row| Some((row, Regex::new(row.family()?).unwrap()))).collect();
    assert!(families.len() >= 13, "{} families", families.len());
    for (family, expression) in families {
        let text = family.family().unwrap();
        assert!(text.starts_with('^') && text.ends_with('$') && !family.subtree, "not for whole names: {text}");
        for row in rows.iter().filter(|row| expression.is_match(&row.name)) {
            // Both fit as well, so only agreement keeps the verdict from hanging on the order of the rows.
            assert_eq!((row.class, row.thorough), (family.class, family.thorough), "{} and {text}", row.name);
        }
    }
}

#[test]
fn a_subtree_never_contradicts_what_is_below_it() {
    let rows = catalogue();
    let subtrees: BTreeMap<_, _> = rows.iter().filter(|row| row.subtree).map(|row| (&*row.name, row)).collect();
    for row in rows.iter().filter(|row| row.family().is_none()) {
        for above in parents(&row.name).filter_map(|parent| subtrees.get(parent)) {
            let pair = (above.class, row.class);
            assert_ne!(pair, (Class::Never, Class::Block), "{} would be muted inside {}", row.name, above.name);
            assert!(
                above.class != Class::Block || row.class == Class::Block,
                "{} is kept open inside {}, where a subscribed list may not know the exception",
                row.name,
                above.name
            );
            // A thorough row counts as watched by default and is the longer match: it would open a hole.
            let hole = pair == (Class::Block, Class::Block) && row.thorough && !above.thorough;
            assert!(!hole, "{} is thorough inside the careful {}", row.name, above.name);
        }
    }
}

#[test]
fn a_tier_is_only_for_what_is_muted() {
    for row in catalogue() {
        assert!(!row.thorough || row.class == Class::Block, "a guard or a count needs no tier: {row:?}");
    }
}

#[test]
fn what_only_one_source_knows_is_in_the_lower_tier_unless_its_siblings_vouch_for_it() {
    let all = catalogue();
    // "public lists" are several; a family is made from the many names of it that were seen.
    let is_known = |row: &&Row| row.sources.len() > 1 || row.sources[0].starts_with("public lists");
    let careful = || all.iter().filter(|row| row.class == Class::Block && !row.thorough);
    let vouching: Vec<&Row> = careful().filter(is_known).collect();
    let families: Vec<Regex> = vouching.iter().filter_map(|row| Some(Regex::new(row.family()?).unwrap())).collect();
    for row in careful().filter(|row| !is_known(row)) {
        let mut above = parents(&row.name);
        let below = above.any(|zone| vouching.iter().any(|other| other.subtree && other.name == zone));
        let sibling = families.iter().any(|family| family.is_match(&row.name));
        assert!(below || sibling, "one source and nothing that vouches for it: {row:?}");
    }
}

#[test]
fn what_people_use_is_guarded_or_not_listed_at_all() {
    let rows = catalogue();
    for (function, names) in [
        ("Xiaomi login", &["account.xiaomi.com", "api.account.xiaomi.com", "captcha.hd.mi.com"][..]),
        ("Xiaomi updates", &["update.miui.com", "unlock.update.miui.com", "bigota.d.miui.com", "update.intl.miui.com"]),
        ("Xiaomi connection check", &["connect.rom.miui.com", "connect.intl.rom.miui.com"]),
        ("Xiaomi push", &["app.chat.xiaomi.net", "fr.app.chat.global.xiaomi.net", "register.xmpush.xiaomi.com"]),
        ("Find Device", &["find.api.micloud.xiaomi.net", "de.find.api.micloud.xiaomi.net"]),
        ("Mi Home", &["api.io.mi.com", "de.api.io.mi.com", "ots.io.mi.com", "cn-ha.mqtt.io.mi.com"]),
        ("Weather", &["weatherapi.market.xiaomi.com", "weather-server.allawnos.com"]),
        ("Android connection check", &["connectivitycheck.gstatic.com", "connectivitycheck.android.com"]),
        ("Android push", &["mtalk.google.com", "alt5-mtalk.google.com", "fcm.googleapis.com"]),
        ("Play", &["play.googleapis.com", "android.clients.google.com", "r1---sn-4g5e6nsz.gvt1.com"]),
        ("Google login", &["accounts.google.com"]),
        (
            "Apple",
            &["captive.apple.com", "1-courier.push.apple.com", "time.apple.com", "gs.apple.com", "idmsa.apple.com"],
        ),
        (
            "Microsoft",
            &["www.msftconnecttest.com", "login.live.com", "time.windows.com", "dl.delivery.mp.microsoft.com"],
        ),
        ("Samsung", &["time.samsungcloudsolution.com", "auth.samsungosp.com", "fota-cloud-dn.ospserver.net"]),
        ("Huawei", &["query.hicloud.com", "push.hicloud.com", "connectivitycheck.platform.hicloud.com"]),
        ("OPPO", &["ifota-eu.coloros.com", "conn1.coloros.com", "httpdns.push.heytapmobi.com"]),
        ("vivo", &["asia-sysupgrade-api.vivoglobal.com", "eu-timesync.vivoglobal.com"]),
        ("LG", &["lgtvsdp.com", "gb.lgtvsdp.com", "aic-gfts.lge.com"]),
        ("Amazon", &["softwareupdates.amazon.com", "ntp-fireos.com", "api.amazonalexa.com", "devices.a2z.com"]),
        ("Roku", &["captive.roku.com", "roku.com"]),
        ("Clocks", &["pool.ntp.org", "2.android.pool.ntp.org", "time.google.com", "ntp.aliyun.com"]),
        ("Sites", &["www.wikipedia.org", "github.com", "mi.com", "xiaomi.com"]),
    ] {
        for name in names {
            let class = deciding(&rows, name).map(|row| row.class);
            assert!(matches!(class, None | Some(Class::Never)), "{function}: {name} is {class:?}");
        }
    }
}

#[test]
fn what_the_house_wants_muted_is_muted() {
    let rows = catalogue();
    for (name, vendor, purpose) in [
        ("sa.api.intl.miui.com", "xiaomi", "browser"),
        ("tracking.intl.miui.com", "xiaomi", "analytics"),
        ("data.mistat.india.xiaomi.com", "xiaomi", "analytics"),
        ("data.mistat.rus.xiaomi.com.ksyna.net", "xiaomi", "analytics"),
        ("sdkconfig.ad.rus.xiaomi.com", "xiaomi", "config"),
        ("new.ad.intl.xiaomi.com", "xiaomi", "ads"),
        ("stats.music.xiaomi.com", "xiaomi", "analytics"),
        ("stats.jpush.cn", "jiguang", "analytics"),
        ("o1.ingest.sentry.io", "sentry", "crash"),
        ("app-measurement.com", "google", "analytics"),
        ("acr-fr-prd.samsungcloud.tv", "samsung", "tv-acr"),
        ("fr-onrt-stsdk.vivoglobal.com", "vivo", "analytics"),
        ("obus-dc99-in.heytapmobile.com", "oppo", "analytics"),
        ("rtlog16-normal-useast8.us.tiktokv.com", "bytedance", "analytics"),
        ("sub.scribe.logs.roku.com", "roku", "analytics"),
    ] {
        let row = deciding(&rows, name).unwrap_or_else(|| panic!("{name} is not listed"));
        assert_eq!((row.class, &*row.file, &*row.purpose), (Class::Block, vendor, purpose), "{name}");
    }
    for name in ["aad.xiaomi.com", "api.vivoglobal.com", "x.sa.api.intl.miui.com", "acr-fr-prd.samsungcloud.tv.example"]
    {
        assert!(deciding(&rows, name).is_none(), "{name}");
    }
}

#[test]
fn every_name_of_the_reference_is_here() {
    let reference = shared_path().join("reference/telemetry-domains.tsv");
    let Ok(text) = fs::read_to_string(&reference) else {
        println!("skipped: {} is not there", reference.display());
        return;
    };
    let names: BTreeMap<_, _> = catalogue().into_iter().map(|row| (row.name, (row.class, row.subtree))).collect();
    let mut reclassed = Vec::new();
    for line in text.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let Some(&(class, subtree)) = names.get(columns[0]) else { panic!("{} is missing", columns[0]) };
        assert_eq!(subtree, columns[1] == "subtree", "{}", columns[0]);
        let given = match columns[5] {
            "block" => Class::Block,
            "observe" => Class::Watch,
            _ => Class::Never,
        };
        if given != class {
            assert_eq!(class, Class::Watch, "{}: a correction may only make a row milder", columns[0]);
            reclassed.push(columns[0].to_owned());
        }
    }
    assert!(reclassed.len() <= 32, "so many corrections need a word: {reclassed:?}");
}

fn catalogue() -> Vec<Row> {
    let mut rows = Vec::new();
    for (path, text) in files() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        for product in parse(&path, &text).product {
            for line in &product.names {
                let (class, name) = line.class();
                assert!(line.note.as_ref().is_none_or(|note| !note.is_empty()), "{stem}: {name}: an empty note");
                assert!(line.regions.iter().all(|region| is_region(region)), "{stem}: {name}: {:?}", line.regions);
                rows.push(Row {
                    file: stem.clone(),
                    product: product.name.clone(),
                    name: name.to_owned(),
                    class,
                    subtree: line.subtree,
                    thorough: match line.tier.as_deref() {
                        None | Some("careful") => false,
                        Some("thorough") => true,
                        Some(other) => panic!("{stem}: {name}: no such tier: {other}"),
                    },
                    purpose: line.purpose.as_ref().unwrap_or(&product.purpose).clone(),
                    sends: line.sends.as_ref().unwrap_or(&product.sends).clone(),
                    breaks: line.breaks.as_ref().unwrap_or(&product.breaks).clone(),
                    sources: line.sources.clone(),
                });
            }
        }
    }
    rows
}

impl Line {
    /// Its class and its name; exactly one of the three keys is there.
    fn class(&self) -> (Class, &str) {
        let keys = [(Class::Block, &self.block), (Class::Watch, &self.watch), (Class::Never, &self.never)];
        let mut given = keys.iter().filter_map(|(class, name)| Some((*class, name.as_deref()?)));
        let (Some(only), None) = (given.next(), given.next()) else {
            panic!("not exactly one of block, watch and never: {:?}", (&self.block, &self.watch, &self.never));
        };
        only
    }
}

fn files() -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn parse(path: &Path, text: &str) -> File {
    toml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shared_path() -> PathBuf {
    std::env::var_os("SORDINO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// The row that decides: the name itself, a family of whole names, then the nearest subtree above.
fn deciding<'a>(rows: &'a [Row], name: &str) -> Option<&'a Row> {
    let family = |row: &&Row| row.family().is_some_and(|text| Regex::new(text).unwrap().is_match(name));
    let subtree = |parent| rows.iter().find(|row| row.subtree && row.name == parent);
    let itself = rows.iter().find(|row| row.name == name).or_else(|| rows.iter().find(family));
    itself.or_else(|| parents(name).find_map(subtree))
}

/// The names above `name`, nearest first.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(at, _)| &name[at + 1..])
}

fn is_sentence(text: &str) -> bool {
    text.starts_with(|first: char| first.is_uppercase()) && text.ends_with('.') && !text.contains('!')
}

fn is_region(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Lower case, at least two labels of at most 63 octets, 253 in all (RFC 1035 §2.3.4); underscores occur in practice.
fn is_dns_name(name: &str) -> bool {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label_fits)
}
