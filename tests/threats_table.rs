//! `docs/threats.md` names a test for each attack on page, API and machine: every line is there, and every test.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::fs;
use std::path::Path;

const LINES: usize = 12;

#[test]
fn every_line_stands_in_the_table_once_and_names_tests_that_are_there() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(project.join("docs/threats.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| W")).collect();
    let mut wrong = Vec::new();
    for (row, number) in rows.iter().zip(1..) {
        if !row.starts_with(&format!("| W{number} |")) {
            wrong.push(format!("W{number} is not where it should be: {row}"));
        }
        let tests: Vec<&str> = row.split('`').filter(|word| word.contains("::")).collect();
        if tests.is_empty() {
            wrong.push(format!("W{number} has no test"));
        }
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let file = if file.starts_with("src/") { format!("{file}.rs") } else { format!("tests/{file}.rs") };
            let text = fs::read_to_string(project.join(&file)).unwrap_or_default();
            if !text.contains(&format!("fn {name}(")) {
                wrong.push(format!("W{number}: there is no {name} in {file}"));
            }
        }
    }
    assert_eq!(rows.len(), LINES);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
