//! `docs/protocol.md` names a test for each line of the protocol: every line is there, and every test.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How many lines each part of the table has.
const PARTS: [(char, usize); 5] = [('A', 16), ('B', 15), ('T', 17), ('C', 16), ('S', 11)];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cells of each row.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string(project().join("docs/protocol.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_line_stands_in_the_table_once() {
    let expected = PARTS.iter().flat_map(|(part, count)| (1..=*count).map(move |number| format!("{part}{number}")));
    let found: Vec<String> = rows().into_iter().map(|row| row[0].clone()).filter(|id| !id.starts_with('D')).collect();
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn every_line_names_tests_that_are_there_or_says_why_not() {
    let mut wrong = Vec::new();
    for row in rows() {
        let shown = row.last().unwrap();
        let tests: BTreeSet<&str> = shown.split('`').filter(|word| word.contains("::")).collect();
        if tests.is_empty() && !row.iter().any(|cell| cell.starts_with("Not done: ")) {
            wrong.push(format!("{} has neither a test nor a reason", row[0]));
        }
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let file = if file.starts_with("src/") { format!("{file}.rs") } else { format!("tests/{file}.rs") };
            let text = fs::read_to_string(project().join(&file)).unwrap_or_default();
            if !text.contains(&format!("fn {name}(")) {
                wrong.push(format!("{}: there is no {name} in {file}", row[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
