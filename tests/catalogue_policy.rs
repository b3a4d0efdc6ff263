//! The catalogue as the compiled policy understands it: every file in force, every row's class turned into its verdict,
//! guards that hold against a wide list, and the labels that the page shows.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use sordino::policy::{
    Action, Asker, Class, DeviceId, Format, GuardId, Judgement, ListSource, Name, Policy, PolicySources, ProfileId,
    Tier, Verdict,
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
fn a_guard_that_is_switched_off_lets_lists_mute_its_name_and_no_other() {
    let mut lists = catalogue(Tier::Careful);
    lists.push(list("zones", Format::Adblock, Tier::Careful, "||xiaomi.com^\n||miui.com^"));
    let policy = compile(lists);
    let off = GuardId { list: "xiaomi".into(), name: "account.xiaomi.com".into() };
    assert!(policy.guards().iter().any(|guard| guard.id == off && guard.on));
    let without = policy.without_guards([off.clone()]);
    for (name, before, after) in [
        ("account.xiaomi.com", Verdict::Allow, Verdict::Block),
        ("api.account.xiaomi.com", Verdict::Allow, Verdict::Block),
        ("update.miui.com", Verdict::Allow, Verdict::Allow),
    ] {
        assert_eq!((verdict(&policy, name), verdict(&without, name)), (before, after), "{name}");
    }
    let switched: Vec<_> = without.guards().into_iter().filter(|guard| !guard.on).map(|guard| guard.id).collect();
    assert_eq!(switched, [off]);
    let device = DeviceId::Named("phone".into());
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let asker = Asker { device: &device, joined: &[], profile: ProfileId::default(), address, name: "", tags: &[] };
    let name = Name::parse("account.xiaomi.com").unwrap();
    let explained = without.explain(&asker, name.as_ref(), 1, Timestamp::default());
    let told: Vec<_> = explained.matches.iter().map(|one| (&*one.list, one.verdict, one.precedence)).collect();
    assert_eq!((told[0].0, told[0].1), ("zones", Verdict::Block));
    let last = told.last().unwrap();
    assert!(last.0 == "xiaomi" && last.2.contains("switched off"), "{told:?}");
    assert_eq!(explained.label.unwrap().class, Class::Never);
}

/// What people use every day, by maker: signing in, updates, messages, the clock, the connection check, a lost phone.
const KEEPS_WORKING: &[(&str, &str)] = &[
    ("Xiaomi login", "api.account.xiaomi.com"),
    ("Xiaomi login", "account.mi.com"),
    ("Xiaomi update", "update.miui.com"),
    ("Xiaomi update", "update.intl.miui.com"),
    ("Xiaomi push", "fr.app.chat.global.xiaomi.net"),
    ("Xiaomi push", "register.xmpush.xiaomi.com"),
    ("Xiaomi connection check", "connect.rom.miui.com"),
    ("Xiaomi Find Device", "find.api.micloud.xiaomi.net"),
    ("Xiaomi Find Device", "findapi.micloud.xiaomi.net"),
    ("Mi Home", "de.api.io.mi.com"),
    ("Mi TV update", "upgrade.pandora.xiaomi.com"),
    ("Apple login", "idmsa.apple.com"),
    ("Apple login", "appleid.apple.com"),
    ("Apple update", "mesu.apple.com"),
    ("Apple update", "swcdn.apple.com"),
    ("Apple push", "1-courier.push.apple.com"),
    ("Apple clock", "time.apple.com"),
    ("Apple connection check", "captive.apple.com"),
    ("Apple Find My and iCloud", "gateway.icloud.com"),
    ("Google login", "accounts.google.com"),
    ("Google update", "ota.googlezip.net"),
    ("Google Play", "android.clients.google.com"),
    ("Google push", "mtalk.google.com"),
    ("Google push", "fcm.googleapis.com"),
    ("Google clock", "time.google.com"),
    ("Google clock", "time.android.com"),
    ("Google connection check", "connectivitycheck.gstatic.com"),
    ("Google connection check", "clients3.google.com"),
    ("Samsung login", "account.samsung.com"),
    ("Samsung update", "fota-cloud-dn.ospserver.net"),
    ("Samsung TV update", "samsungotn.net"),
    ("Samsung TV clock", "time.samsungcloudsolution.com"),
    ("Samsung TV connection check", "lcprd1.samsungcloudsolution.net"),
    ("Samsung push", "push.samsungosp.com.cn"),
    ("Huawei login", "id.cloud.huawei.com"),
    ("Huawei login", "oauth-login.cloud.huawei.com"),
    ("Huawei update", "update.hicloud.com"),
    ("Huawei push", "push.hicloud.com"),
    ("Huawei connection check", "connectivitycheck.platform.hicloud.com"),
    ("OPPO update", "ifota-eu.coloros.com"),
    ("OPPO push", "id.push.heytapmobi.com"),
    ("OPPO connection check", "conn1.coloros.com"),
    ("vivo update", "asia-sysupgrade-api.vivoglobal.com"),
    ("vivo clock", "eu-timesync.vivoglobal.com"),
    ("Microsoft login", "login.live.com"),
    ("Microsoft login", "login.microsoftonline.com"),
    ("Microsoft update", "sls.update.microsoft.com"),
    ("Microsoft update", "download.windowsupdate.com"),
    ("Microsoft push", "client.wns.windows.com"),
    ("Microsoft clock", "time.windows.com"),
    ("Microsoft connection check", "www.msftconnecttest.com"),
    ("Amazon login", "api.amazon.com"),
    ("Amazon update", "softwareupdates.amazon.com"),
    ("Amazon push", "device-messaging-na.amazon.com"),
    ("Amazon connection check", "spectrum.s3.amazonaws.com"),
    ("Amazon clock", "ntp-fireos.com"),
    ("LG update", "aic-gfts.lge.com"),
    ("LG TV services", "us.lgtvsdp.com"),
    ("Sony update", "update.biv.sony.tv"),
    ("Hisense update", "upgrade-update.hismarttv.com"),
    ("Roku connection check", "captive.roku.com"),
    ("Sonos update", "update-firmware.sonos.com"),
    ("Panasonic connection check", "mhc-ajax-eu.myhomescreen.tv"),
    ("Network time", "2.android.pool.ntp.org"),
    ("Network time", "0.pool.ntp.org"),
    ("Alibaba clock", "ntp.aliyun.com"),
    ("Tencent clock", "time1.cloud.tencent.com"),
    ("Meta push", "edge-mqtt.facebook.com"),
];

#[test]
fn what_people_use_works_although_a_list_blocks_everything() {
    let mut lists = catalogue(Tier::Careful);
    let everything: String = KEEPS_WORKING.iter().map(|(_, name)| format!("||{name}^$important\n")).collect();
    lists.push(list("everything", Format::Adblock, Tier::Careful, &everything));
    lists.push(list("all", Format::Adblock, Tier::Careful, "/.*/"));
    let policy = compile(lists);
    assert_eq!(policy.lists().iter().map(|report| report.rejected).sum::<usize>(), 0);
    assert_eq!(verdict(&policy, "anything.example"), Verdict::Block);
    for (function, name) in KEEPS_WORKING {
        let judged = judge(&policy, name);
        assert_eq!((judged.verdict, judged.guarded), (Verdict::Allow, true), "{function}: {name}");
    }
    for row in rows().iter().filter(|row| row.class == Class::Never && !row.name.starts_with('/')) {
        assert_eq!(verdict(&policy, &row.name), Verdict::Allow, "{} of {}", row.name, row.vendor);
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
    let asker = Asker { device: &device, joined: &[], profile: ProfileId::default(), address, name: "", tags: &[] };
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
