//! The catalogue written for other programs means there what it means here, as far as the format can say it.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use sordino::policy::{
    Action, Asker, Class, DeviceId, Export, Format, ListSource, Name, Policy, PolicySources, ProfileId, Selection,
    Tier, Verdict,
};
use sordino::time::Timestamp;
use tempfile::TempDir;

const FORMATS: [Format; 6] =
    [Format::Adblock, Format::Hosts, Format::Names, Format::Rpz, Format::Dnsmasq, Format::Unbound];

#[test]
fn what_is_exported_and_read_again_gives_every_name_of_the_catalogue_its_verdict() {
    let export = catalogue();
    let rows = rows();
    for format in FORMATS {
        for classes in [vec![Class::Block], vec![Class::Watch], vec![Class::Block, Class::Watch]] {
            for tier in [Tier::Careful, Tier::Thorough] {
                let selection = Selection { format, classes: classes.clone(), vendors: Vec::new(), tier };
                let text = export.write(&selection);
                let policy = read(&text, format);
                let report = &policy.lists()[0];
                assert!(report.problem.is_none() && report.rejected == 0, "{format:?}: {report:?}");
                let left_out = left_out(&text);
                let mut muted = 0;
                for row in &rows {
                    let class = if row.thorough && tier == Tier::Careful { Class::Watch } else { row.class };
                    let wanted = classes.contains(&class);
                    let verdict = verdict(&policy, &row.name);
                    let said = wanted && !left_out.contains_key(row.name.as_str());
                    muted += usize::from(said);
                    if said {
                        assert_eq!(verdict, Verdict::Block, "{format:?} {classes:?}: {}", row.name);
                    } else if class == Class::Never || classes == [Class::Block] {
                        assert_ne!(verdict, Verdict::Block, "{format:?} {classes:?}: {}", row.name);
                    }
                    if row.subtree && matches!(format, Format::Adblock | Format::Rpz | Format::Unbound) {
                        let below = self::verdict(&policy, &format!("x.{}", row.name));
                        // A name of another class may stand below one that is muted with all below it.
                        if said || class == Class::Never || classes == [Class::Block] {
                            assert_eq!(below == Verdict::Block, said, "{format:?} {classes:?}: below {}", row.name);
                        }
                    }
                }
                // What cannot be said is little, and no silent loss: of what is wanted the file says how many it has.
                let families = if format == Format::Adblock { families(&classes, tier) } else { 0 };
                let header = text.lines().find(|line| line.contains("Muted: ")).unwrap();
                assert!(header.contains(&format!("Muted: {}; ", muted + families)), "{format:?} {classes:?}: {header}");
                assert!(muted > 200, "{format:?} {classes:?}: {muted}");
            }
        }
    }
}

#[test]
fn guards_are_exceptions_where_the_format_has_them_and_named_where_not() {
    let selection =
        |format| Selection { format, classes: vec![Class::Block], vendors: Vec::new(), tier: Tier::Careful };
    let export = catalogue();
    let adblock = export.write(&selection(Format::Adblock));
    assert!(adblock.contains("\n@@||account.xiaomi.com^\n"), "{adblock}");
    assert!(adblock.contains("\n/^(?:^acr-[a-z]{2}-prd"), "families are expressions");
    assert!(adblock.contains("! License: MIT OR Apache-2.0\n"), "{adblock}");
    let rpz = export.write(&selection(Format::Rpz));
    assert!(rpz.contains("\n*.account.xiaomi.com CNAME rpz-passthru.\n"), "{rpz}");
    let hosts = export.write(&selection(Format::Hosts));
    assert!(hosts.contains("\n# left out: account.xiaomi.com (a guard, and this format has no exceptions)\n"));
    assert!(hosts.contains("\n# left out: /^acr-[a-z]{2}-prd"), "{hosts}");
}

#[test]
fn a_vendor_is_exported_alone() {
    let vendors = vec!["xiaomi".to_owned()];
    let selection = Selection { format: Format::Names, classes: vec![Class::Block], vendors, tier: Tier::Careful };
    let policy = read(&catalogue().write(&selection), Format::Names);
    assert_eq!(verdict(&policy, "data.mistat.intl.xiaomi.com"), Verdict::Block);
    for row in rows().iter().filter(|row| row.vendor != "Xiaomi") {
        assert_eq!(verdict(&policy, &row.name), Verdict::Pass, "{}", row.name);
    }
}

#[test]
fn a_vendor_that_is_not_there_is_said() {
    let house = configured();
    let config = house.path().join("config.toml");
    let config = config.to_str().unwrap();
    let arguments = ["--config", config, "lists", "export", "--format", "names", "--vendor", "Xiaomy"];
    let output = Command::new(env!("CARGO_BIN_EXE_sordino")).args(arguments).output().unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{complained}");
    assert!(complained.contains("\"Xiaomy\"") && complained.contains(", Xiaomi"), "{complained}");
}

#[test]
fn unbound_and_dnsmasq_take_what_the_command_writes() {
    let house = configured();
    let config = house.path().join("config.toml");
    for (format, checker, flag) in [("unbound", "unbound-checkconf", None), ("dnsmasq", "dnsmasq", Some("--test"))] {
        let arguments = ["--config", config.to_str().unwrap(), "lists", "export", "--format", format];
        let exported = Command::new(env!("CARGO_BIN_EXE_sordino")).args(arguments).output().unwrap();
        assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
        let file = house.path().join(format);
        fs::write(&file, &exported.stdout).unwrap();
        let mut command = Command::new(checker);
        match flag {
            Some(flag) => command.arg(flag).arg(format!("--conf-file={}", file.display())),
            None => command.arg(&file),
        };
        match command.output() {
            Ok(checked) => {
                let said = String::from_utf8_lossy(&checked.stderr).into_owned();
                assert!(checked.status.success(), "{checker}: {said}");
            }
            Err(error) => println!("skipped: {checker} cannot be run ({error})"),
        }
    }
}

struct Row {
    vendor: String,
    name: String,
    class: Class,
    subtree: bool,
    thorough: bool,
}

fn catalogue() -> Export {
    let mut export = Export::default();
    for file in files() {
        export.add(&fs::read(file).unwrap()).unwrap();
    }
    export
}

fn read(text: &str, format: Format) -> Policy {
    let content = Ok(text.as_bytes().into());
    let list = ListSource {
        name: "export".into(),
        action: Action::Block,
        format,
        trusted: false,
        tier: Tier::Careful,
        content,
    };
    Policy::compile(PolicySources { lists: vec![list], ..PolicySources::default() })
}

fn verdict(policy: &Policy, name: &str) -> Verdict {
    let device = DeviceId::Named("phone".into());
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let asker = Asker { device: &device, joined: &[], profile: ProfileId::default(), address, name: "", tags: &[] };
    policy.judge(&asker, Name::parse(name).unwrap().as_ref(), 1, Timestamp::default()).verdict
}

fn left_out(text: &str) -> BTreeMap<&str, &str> {
    let marked = text.lines().filter_map(|line| line.get(2..)?.strip_prefix("left out: "));
    marked.filter_map(|rest| rest.strip_suffix(')')?.split_once(" (")).collect()
}

/// A directory with a configuration that names the catalogue.
fn configured() -> TempDir {
    let house = tempfile::tempdir().unwrap();
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    let text =
        format!("[upstream]\nservers = [\"udp://127.0.0.1:9\"]\n[[list]]\nname = \"catalogue\"\nsource = {lists:?}\n");
    fs::write(house.path().join("config.toml"), text).unwrap();
    house
}

fn families(classes: &[Class], tier: Tier) -> usize {
    let of =
        |row: &&Row| classes.contains(if row.thorough && tier == Tier::Careful { &Class::Watch } else { &row.class });
    all_rows().iter().filter(|row| row.name.starts_with('/')).filter(of).count()
}

fn rows() -> Vec<Row> {
    all_rows().into_iter().filter(|row| !row.name.starts_with('/')).collect()
}

/// Every row of the files, read without the product's parser.
fn all_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for file in files() {
        let file: toml::Value = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for product in file["product"].as_array().unwrap() {
            for line in product["names"].as_array().unwrap() {
                let classes = [(Class::Block, "block"), (Class::Watch, "watch"), (Class::Never, "never")];
                let (class, name) = classes.into_iter().find_map(|(class, key)| Some((class, line.get(key)?))).unwrap();
                rows.push(Row {
                    vendor: file["vendor"].as_str().unwrap().into(),
                    name: name.as_str().unwrap().into(),
                    class,
                    subtree: line.get("subtree").is_some_and(|subtree| subtree.as_bool() == Some(true)),
                    thorough: line.get("tier").is_some_and(|tier| tier.as_str() == Some("thorough")),
                });
            }
        }
    }
    rows
}

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}
