//! Proves from the source what `docs/architecture.md` says about it.
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeSet;

use source::{Source, files_below, project, read};

/// The layers, bottom up. A module names only what stands in a lower row; modules of one row do not know each other.
const LAYERS: &[&[&str]] = &[
    &["time"],
    &["policy"],
    &["device"],
    &["local"],
    &["snapshot"],
    &["event"],
    &["certificate"],
    &["dns", "store"],
    &["insight"],
    &["control"],
    &["notify"],
    &["api"],
    &["config"],
    &["app"],
    &["demo"],
    &["cli"],
];

/// Longest file, in lines. Past it there is a second thing in there.
const MAX_LINES: usize = 400;

/// Files that may be longer, each because it is a table.
const TABLES: &[(&str, &str)] = &[
    ("src/demo/residents.rs", "who lives in the demo, and what each does when"),
    ("web/src/lang/en.ts", "what the page says, in English"),
    ("web/src/lang/de.ts", "what the page says, in German"),
    ("web/src/lang/nl.ts", "what the page says, in Dutch"),
    ("web/src/lang/labels.de.json", "what the catalogue says, in German"),
    ("web/src/lang/labels.nl.json", "what the catalogue says, in Dutch"),
    ("web/src/lang/pages/settings.ts", "what the settings say, in all three"),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "metrics"];

/// What others call things that have a name of their own here.
const FOREIGN_WORDS: &[&str] = &["gravity", "adlist", "blacklist", "whitelist"];

#[test]
fn a_module_uses_only_what_stands_below_it() {
    let mut wrong = Vec::new();
    for source in Source::all() {
        let Some(module) = source.module() else { continue };
        let row = row_of(module).unwrap_or_else(|| panic!("{} stands in no layer", source.path));
        for (line, named) in source.names_of_modules() {
            let fits = named == module || row_of(&named).is_some_and(|other| other < row);
            if !fits && row_of(&named).is_some() {
                wrong.push(format!("{}:{line}: {module} names {named}, which does not stand below it", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer_and_every_layer_a_module() {
    let known: BTreeSet<&str> = LAYERS.iter().flat_map(|row| row.iter().copied()).collect();
    let sources = Source::all();
    let found: BTreeSet<&str> = sources.iter().filter_map(Source::module).collect();
    assert_eq!(found, known);
}

#[test]
fn the_binary_is_small_and_goes_through_the_library() {
    let main = Source::read("src/main.rs");
    assert!(main.text.lines().count() <= 60, "main is flags, logging, runtime, run, exit code");
    for module in LAYERS.iter().flat_map(|row| row.iter()) {
        assert!(!main.declares(module), "main declares {module} a second time");
    }
}

#[test]
fn each_outside_crate_stays_where_it_belongs() {
    let homes: &[(&str, &[&str])] = &[
        ("sled", &["src/store/"]),
        ("arc_swap", &["src/snapshot.rs"]),
        ("axum", &["src/api/"]),
        ("tower_http", &["src/api/"]),
        ("rust_embed", &["src/api/"]),
        ("argon2", &["src/api/", "src/cli.rs", "src/cli/"]),
        ("rcgen", &["src/certificate/"]),
        ("hyper", &["src/dns/"]),
        ("quinn", &["src/dns/"]),
        ("h3", &["src/dns/"]),
        ("hickory_net", &["src/dns/"]),
        ("hickory_proto", &["src/dns/", "src/local/", "src/demo/", "src/api/words.rs", "src/device/mdns"]),
        ("quick_cache", &["src/dns/"]),
        ("nix", &["src/dns/", "src/store/", "src/device/", "src/certificate/", "src/cli/heap.rs"]),
        ("fst", &["src/policy/"]),
        ("memmap2", &["src/policy/pages.rs"]),
        ("blake2", &["src/control/"]),
        ("sd_notify", &["src/app/supervisor.rs"]),
        ("clap", &["src/cli.rs", "src/cli/", "src/main.rs"]),
        ("toml", &["src/config.rs", "src/config/", "src/policy/", "src/device/guess.rs"]),
    ];
    for (krate, home) in homes {
        for source in Source::all() {
            if !home.iter().any(|home| source.path.starts_with(home)) {
                let used = source.uses_crate(krate);
                assert!(used.is_empty(), "{}:{}: {krate} is named only in {home:?}", source.path, used[0]);
            }
        }
    }
}

#[test]
fn policy_does_no_io_and_reads_no_clock() {
    let forbidden = ["tokio", "std::fs", "std::net::Tcp", "std::net::Udp", "Instant::now", "SystemTime", "std::env"];
    none_of_these(&forbidden, |source| source.module() == Some("policy"));
}

#[test]
fn time_is_handed_in_below_the_program_itself() {
    // `event` has a deadline to turn into a span, which is no reading of the time of day.
    let below = |source: &Source| !matches!(source.module(), Some("time" | "app" | "demo" | "cli") | None);
    none_of_these(&["SystemTime::now"], below);
}

#[test]
fn the_hot_path_never_touches_the_store_or_the_disk() {
    let hot = |source: &Source| source.module() == Some("dns") && !source.reads_files_at_start();
    none_of_these(&["sled", "std::fs", "tokio::fs", "File::open", "println", "eprintln"], hot);
}

#[test]
fn no_name_that_someone_asks_for_is_logged() {
    for source in Source::all().iter().filter(|source| source.module() == Some("dns")) {
        for (line, call) in source.log_calls() {
            for word in ["qname", "question", "name =", "%name", "?name", "alias"] {
                assert!(!call.contains(word), "{}:{line}: a name is logged: {call}", source.path);
            }
        }
    }
}

#[test]
fn every_queue_has_a_bound() {
    // tokio's own `mpsc::channel` takes its bound as an argument; the standard library's has none.
    none_of_these(&["unbounded_channel", "UnboundedSender", "unbounded()", "std::sync::mpsc::channel"], |_| true);
}

#[test]
fn only_control_publishes_and_saves_settings() {
    let others = |source: &Source| !matches!(source.module(), Some("control" | "snapshot" | "store") | None);
    none_of_these(&[".publish(", ".save_settings("], others);
}

#[test]
fn a_query_takes_the_snapshot_once() {
    let takes = |source: &Source| source.text.matches(".current()").count();
    let dns: Vec<Source> = Source::all().into_iter().filter(|source| source.module() == Some("dns")).collect();
    let counted: Vec<(&str, usize)> =
        dns.iter().map(|one| (one.path.as_str(), takes(one))).filter(|one| one.1 > 0).collect();
    assert_eq!(counted, [("src/dns/resolver.rs", 1)]);
}

#[test]
fn the_tests_that_hold_the_invariants_are_there() {
    let page = read("docs/architecture.md");
    let (_, table) = page.split_once("## Invariants").unwrap();
    let rows: Vec<&str> =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10, "the table of invariants is gone");
    let files = files_below("tests").into_iter().chain(files_below("src")).collect::<Vec<_>>();
    // The last column names them in backticks.
    for row in rows.iter().filter_map(|row| row.trim_end_matches('|').rsplit('|').next()) {
        for name in row.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs")) {
            assert!(files.iter().any(|file| file.ends_with(&format!("/{name}"))), "{name} is not there: {row}");
        }
    }
}

#[test]
fn nothing_is_unsafe_and_nothing_sleeps_a_thread() {
    none_of_these(&["unsafe {", "unsafe fn", "thread::sleep"], |_| true);
}

#[test]
fn files_are_short_enough_to_be_read_at_once() {
    let mut long = Vec::new();
    for path in files_below("src").into_iter().chain(files_below("tests")).chain(files_below("web/src")) {
        let lines = read(&path).lines().count();
        if lines > MAX_LINES && !TABLES.iter().any(|(table, _)| *table == path) {
            long.push(format!("{path}: {lines} lines"));
        }
    }
    assert!(long.is_empty(), "over {MAX_LINES} lines:\n{}\n", long.join("\n"));
    for (table, why) in TABLES {
        assert!(project().join(table).exists() && !why.is_empty(), "{table} is no longer there, or has no reason");
    }
}

#[test]
fn files_are_named_for_what_is_in_them() {
    for path in files_below("src").into_iter().chain(files_below("web/src")) {
        let stems = path.split('/').map(|part| part.split('.').next().unwrap());
        for stem in stems {
            assert!(!EMPTY_NAMES.contains(&stem), "{path}: {stem} says nothing");
        }
    }
}

#[test]
fn things_are_called_by_our_words() {
    for path in files_below("src").into_iter().chain(files_below("web/src")) {
        let text = read(&path).to_lowercase();
        for word in FOREIGN_WORDS {
            assert!(!text.contains(word), "{path}: says {word}");
        }
    }
}

#[test]
fn nothing_names_a_place_on_the_machine_it_was_written_on() {
    // Put together here, so that this file does not name it either.
    let place = ["/wo", "rk/"].concat();
    let folders = ["src", "tests", "web/src", "web/e2e", "scripts", "benches", "docs", "blocklists", "examples"];
    let files = ["Cargo.toml", "Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config.toml", ".ci/run"];
    let paths = folders.iter().flat_map(|folder| files_below(folder)).chain(files.map(str::to_owned));
    for path in paths.filter(|path| project().join(path).exists()) {
        for (number, line) in read(&path).lines().enumerate() {
            assert!(!line.contains(&place), "{path}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn each_dependency_says_why() {
    let cargo = read("Cargo.toml");
    let tables = ["dependencies", "dev-dependencies"];
    let mut wordless = Vec::new();
    for table in tables {
        let (_, rest) = cargo.split_once(&format!("[{table}]\n")).unwrap();
        let body = rest.split("\n[").next().unwrap();
        // A comment line speaks for the block below it, up to the next comment line.
        let mut said = false;
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            said |= line.starts_with('#');
            if !said && !line.contains('#') {
                wordless.push(line.to_owned());
            }
        }
    }
    // `http` stands below `h2`, whose words are for both.
    wordless.retain(|line| !line.starts_with("http "));
    assert!(wordless.is_empty(), "{wordless:?}");
}

/// The fuzz targets have a lock of their own, which `scripts/fuzz.sh` builds by.
#[test]
fn the_lock_of_the_fuzz_targets_knows_each_dependency() {
    let (cargo, lock) = (read("Cargo.toml"), read("fuzz/Cargo.lock"));
    let (_, rest) = lock.split_once("name = \"sordino\"\n").unwrap();
    let locked = rest.split("\n[[").next().unwrap();
    let (_, rest) = cargo.split_once("\n[dependencies]\n").unwrap();
    let lines = rest.split("\n[").next().unwrap().lines();
    let named = lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim_end());
    let named: Vec<_> = named.filter(|name| !name.starts_with(['#', ' '])).collect();
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        let knows = locked.contains(&format!("\n \"{name}\"")) || locked.contains(&format!("\n \"{name} "));
        assert!(knows, "{name}: run `cargo metadata` in fuzz/");
    }
}

fn row_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

fn none_of_these(words: &[&str], applies: impl Fn(&Source) -> bool) {
    for source in Source::all().iter().filter(|source| applies(source)) {
        for (number, line) in source.text.lines().enumerate() {
            for word in words {
                assert!(!line.contains(word), "{}:{}: {word} has no place here", source.path, number + 1);
            }
        }
    }
}
