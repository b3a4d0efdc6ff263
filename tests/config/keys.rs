//! The shipped file against the keys that there are.

use std::path::Path;

use crate::parse;

/// The keys of a table, as the program itself tells them of one that it does not know.
fn keys_of(header: &str) -> Vec<String> {
    let told = parse(&format!("{header}\nq0q0q0q0 = 1\n")).unwrap_err();
    let known = told.split("choose one of ").nth(1).unwrap_or_else(|| panic!("{header}: {told}"));
    known.lines().next().unwrap().split(", ").map(str::to_owned).collect()
}

/// Names that keys had before, which are still understood.
const OLD_KEYS: [&str; 2] = ["tcp_connections", "tcp_connections_per_address"];

/// Encrypted ways in.
const WAYS: [&str; 3] = ["[dns.tls]", "[dns.https]", "[dns.quic]"];

/// Whether a table stands there once, several times, or is no table.
fn header_of(table: &str) -> Option<String> {
    let is_table = |header: &String| {
        let told = parse(&format!("{header}\nq0q0q0q0 = 1\n")).unwrap_err();
        told.contains("there is no key q0q0q0q0 here")
    };
    [format!("[{table}]"), format!("[[{table}]]")].into_iter().find(is_table)
}

#[test]
fn every_key_there_is_stands_in_the_shipped_file_with_a_word_on_it() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml")).unwrap();
    let mut missing = Vec::new();
    let mut tables: Vec<String> = keys_of("");
    let mut seen = 0;
    while let Some(table) = tables.pop() {
        let Some(header) = header_of(&table) else { continue };
        let mut inside = false;
        let mut written = Vec::new();
        // The three ways in are of one shape, and are shown together.
        let is_shown = |line: &str| line == header || WAYS.contains(&line) && WAYS.contains(&header.as_str());
        for line in text.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)) {
            if line.starts_with('[') {
                inside = is_shown(line);
            } else if inside {
                written.push(line);
            }
        }
        for key in keys_of(&header).into_iter().filter(|key| !OLD_KEYS.contains(&key.as_str())) {
            let below = format!("{table}.{key}");
            seen += 1;
            if written.iter().any(|line| line.split_once(" = ").is_some_and(|(left, _)| left == key)) {
                continue;
            }
            if table.contains('.') || header_of(&below).is_none() {
                missing.push(format!("{header} {key}"));
            } else {
                tables.push(below);
            }
        }
    }
    assert!(seen > 80, "only {seen} keys were found");
    assert!(missing.is_empty(), "config.toml does not show {missing:?}");
}
