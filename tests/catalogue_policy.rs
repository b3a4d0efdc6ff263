//! The catalogue as the compiled policy understands it: every file in force, every row's class turned into its verdict,
//! guards that hold against a wide list, and the labels that the page shows.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use sordino::policy::{
    Action, Asker, Class, DeviceId, Format, Judgement, ListSource, Name, Policy, PolicySources, ProfileId, Tier,
    Verdict,
};
use sordino::time::Timestamp;

/// A row of the files, read without the product's parser.
struct Row {
    vendor: String,
    product: String,
    name: String,
    class: Class,
    subtree: bool,
    thorough: bool,
}

#[test]
fn every_file_is_in_force_and_every_row_decides_its_name() {
    for (tier, uncertain) in [(Tier::Careful, Verdict::Watch), (Tier::Thorough, Verdict::Block)] {
        let policy = compile(catalogue(tier));
        for report in policy.lists() {
            assert_eq!(
                (report.format, report.problem.as_deref(), report.rejected),
                (Format::Catalogue, None, 0),
                "{report:?}"
            );
        }
        for row in rows().iter().filter(|row| !row.name.starts_with('/')) {
            let expected = match row.class {
                Class::Block if row.thorough => uncertain,
                Class::Block => Verdict::Block,
                Class::Watch => Verdict::Watch,
                Class::Never => Verdict::Pass,
            };
            let below = format!("x.{}", row.name);
            for name in [Some(&row.name), row.subtree.then_some(&below)].into_iter().flatten() {
                let judged = judge(&policy, name);
                assert_eq!(
                    (judged.verdict, judged.guarded),
                    (expected, row.class == Class::Never),
                    "{name} ({tier:?})"
                );
                // What nothing would mute was not allowed by anybody.
                assert_eq!(judged.list.is_some(), row.class != Class::Never, "{name} ({tier:?})");
                let label = policy.label(Name::parse(name).unwrap().as_ref()).unwrap();
                assert_eq!(
                    (&*label.vendor, &*label.product, label.class),
                    (&*row.vendor, &*row.product, row.class),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn guards_hold_against_a_list_that_mutes_whole_zones() {
    let mut lists = catalogue(Tier::Careful);
    let zones =
        "||xiaomi.com^$important\n||xiaomi.net^\n||mi.com^\n||miui.com^\n||google.com^\n||apple.com^\n||ntp.org^";
    lists.push(list("zones", Format::Adblock, Tier::Careful, zones));
    let policy = compile(lists);
    for (name, expected) in [
        ("account.xiaomi.com", Verdict::Allow),
        ("api.account.xiaomi.com", Verdict::Allow),
        ("fr.app.chat.global.xiaomi.net", Verdict::Allow),
        ("update.miui.com", Verdict::Allow),
        ("connect.rom.miui.com", Verdict::Allow),
        ("de.api.io.mi.com", Verdict::Allow),
        ("accounts.google.com", Verdict::Allow),
        ("captive.apple.com", Verdict::Allow),
        ("2.android.pool.ntp.org", Verdict::Allow),
        ("market.xiaomi.com", Verdict::Block),
        ("shop.xiaomi.com", Verdict::Block),
        ("tracking.intl.miui.com", Verdict::Block),
    ] {
        assert_eq!(verdict(&policy, name), expected, "{name}");
    }
}

#[test]
fn a_catalogue_that_watches_mutes_nothing() {
    let mut lists = catalogue(Tier::Thorough);
    lists.iter_mut().for_each(|list| list.action = Action::Watch);
    let policy = compile(lists);
    for row in rows().iter().filter(|row| !row.name.starts_with('/')) {
        assert_ne!(verdict(&policy, &row.name), Verdict::Block, "{}", row.name);
    }
}

fn compile(lists: Vec<ListSource>) -> Policy {
    Policy::compile(PolicySources { lists, ..PolicySources::default() })
}

fn catalogue(tier: Tier) -> Vec<ListSource> {
    files().iter().map(|(stem, text)| list(stem, Format::Auto, tier, text)).collect()
}

fn list(name: &str, format: Format, tier: Tier, content: &str) -> ListSource {
    let content = Ok(content.as_bytes().into());
    ListSource { name: name.into(), action: Action::Block, format, trusted: true, tier, content }
}

fn verdict(policy: &Policy, name: &str) -> Verdict {
    judge(policy, name).verdict
}

fn judge(policy: &Policy, name: &str) -> Judgement {
    let device = DeviceId::Named("phone".into());
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let asker = Asker { device: &device, profile: ProfileId::default(), address, name: "", tags: &[] };
    policy.judge(&asker, Name::parse(name).unwrap().as_ref(), 1, Timestamp::default())
}

fn rows() -> Vec<Row> {
    let text = |value: &toml::Value, key: &str| value.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let entries = |value: &toml::Value, key: &str| value.get(key).unwrap().as_array().unwrap().clone();
    let mut rows = Vec::new();
    for (_, content) in files() {
        let file: toml::Value = toml::from_str(&content).unwrap();
        for product in entries(&file, "product") {
            for line in entries(&product, "names") {
                let classes = [(Class::Block, "block"), (Class::Watch, "watch"), (Class::Never, "never")];
                let (class, name) =
                    classes.into_iter().find_map(|(class, key)| Some((class, text(&line, key)?))).unwrap();
                rows.push(Row {
                    vendor: text(&file, "vendor").unwrap(),
                    product: text(&product, "name").unwrap(),
                    name,
                    class,
                    subtree: line.get("subtree").and_then(toml::Value::as_bool).unwrap_or(false),
                    thorough: text(&line, "tier").as_deref() == Some("thorough"),
                });
            }
        }
    }
    rows
}

fn files() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}
