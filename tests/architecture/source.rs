//! Rust source as the tests look at it: without comments, strings and unit tests.

use std::path::{Path, PathBuf};

/// One file below `src`.
pub(crate) struct Source {
    /// From the project's directory on.
    pub(crate) path: String,
    /// Code only, line for line where it stood.
    pub(crate) text: String,
}

impl Source {
    /// Every file below `src` that is more than unit tests.
    pub(crate) fn all() -> Vec<Self> {
        let paths = files_below("src").into_iter().filter(|path| path.ends_with(".rs"));
        paths
            .filter(|path| !path.ends_with("/tests.rs") && !path.contains("/tests/"))
            .map(|path| Self::read(&path))
            .collect()
    }

    pub(crate) fn read(path: &str) -> Self {
        Self { path: path.to_owned(), text: without_unit_tests(&code_only(&read(path))) }
    }

    /// The top-level module this file belongs to; none for `lib.rs` and `main.rs`.
    pub(crate) fn module(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let top = rest.split('/').next()?.trim_end_matches(".rs");
        (!matches!(top, "lib" | "main")).then_some(top)
    }

    /// Every place that names something behind `crate::` or a chain of `super::`: the line, and the top-level module.
    pub(crate) fn names_of_modules(&self) -> Vec<(usize, String)> {
        let depth = self.module_path().len();
        let mut found = Vec::new();
        for (at, rest) in self.tails_behind("crate::") {
            first_names(rest).into_iter().for_each(|name| found.push((at, name)));
        }
        // As many `super::` as the module is deep lead to the root of the crate.
        let to_root = "super::".repeat(depth);
        for (at, rest) in self.tails_behind(&to_root).into_iter().filter(|_| depth > 0) {
            first_names(rest).into_iter().for_each(|name| found.push((at, name)));
        }
        found
    }

    /// The lines that name a crate from outside.
    pub(crate) fn uses_crate(&self, krate: &str) -> Vec<usize> {
        let mut lines: Vec<usize> =
            self.tails_behind(&format!("{krate}::")).into_iter().map(|(line, _)| line).collect();
        lines.extend(self.tails_behind(&format!("use {krate};")).into_iter().map(|(line, _)| line));
        lines
    }

    /// Whether it has a `mod` item of this name.
    pub(crate) fn declares(&self, module: &str) -> bool {
        self.text.contains(&format!("mod {module};"))
    }

    /// Every call of a logging macro, on one line.
    pub(crate) fn log_calls(&self) -> Vec<(usize, String)> {
        let whole = read(&self.path);
        let mut calls = Vec::new();
        for level in ["error!(", "warn!(", "info!(", "debug!("] {
            for (line, _) in self.tails_behind(level) {
                // With its strings: they hold the fields that are captured in braces.
                let text: Vec<&str> = whole.lines().skip(line - 1).take(4).collect();
                let call = text.join(" ");
                let end = call.find(");").map_or(call.len(), |end| end);
                calls.push((line, call[..end].to_owned()));
            }
        }
        calls
    }

    /// The file of the certificate authority is read once, at the start.
    pub(crate) fn reads_files_at_start(&self) -> bool {
        self.path.starts_with("src/dns/upstream") || self.path.starts_with("src/dns/options")
    }

    fn module_path(&self) -> Vec<&str> {
        let rest = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        rest.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
    }

    /// What stands behind each occurrence of `prefix` as a word of its own, with its line.
    fn tails_behind(&self, prefix: &str) -> Vec<(usize, &str)> {
        let mut found = Vec::new();
        for (at, _) in self.text.match_indices(prefix) {
            let before = self.text[..at].chars().next_back();
            let inside_a_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
            if !inside_a_word {
                let line = self.text[..at].matches('\n').count() + 1;
                found.push((line, &self.text[at + prefix.len()..]));
            }
        }
        found
    }
}

/// `a::b` gives a; `{a, b::c, d::{e, f}}` gives a, b and d.
fn first_names(tail: &str) -> Vec<String> {
    let Some(group) = tail.strip_prefix('{') else {
        return vec![tail.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()];
    };
    let (mut names, mut word, mut depth, mut first) = (Vec::new(), String::new(), 0, true);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut word));
                first = true;
            }
            ':' if depth == 0 => first = false,
            c if first && depth == 0 && (c.is_alphanumeric() || c == '_') => word.push(c),
            _ => {}
        }
    }
    names.push(word);
    names.retain(|name| !name.is_empty());
    names
}

/// Blanks comments and the insides of strings; lines stay where they are.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(len) = raw_string(rest).filter(|_| !out.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        {
            len
        } else if c == '"' {
            string(rest)
        } else if c == '\'' {
            character(rest)
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    out
}

fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let from = text.len() - body.len() + hashes + 1;
    text[from..].find(&end).map(|at| from + at + end.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character, or the apostrophe of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[3..].find('\'').map_or(1, |at| at + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Unit tests stand last in a file, and may reach wherever they like.
fn without_unit_tests(code: &str) -> String {
    code.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All text files below a directory of the project, in order; none where the directory is not there.
pub(crate) fn files_below(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = vec![project().join(dir)];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(project()).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                left.push(path);
            } else if is_written_by_hand(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

fn is_written_by_hand(name: &str) -> bool {
    let kinds = [".rs", ".ts", ".svelte", ".mjs", ".css", ".sh", ".md", ".toml", ".py"];
    kinds.iter().any(|kind| name.ends_with(kind)) && !name.ends_with(".d.ts")
}

#[test]
fn code_is_told_from_comments_and_strings() {
    let text = "a \"b // c\" d // e\nf '\"' g /* h\n i */ j 'k: r#\"l \"m\"# n '\\'' o";
    assert_eq!(code_only(text), "a  d \nf  g \n j k:  n  o");
}

#[test]
fn modules_are_found_behind_their_paths() {
    assert_eq!(first_names("a::b;"), ["a"]);
    assert_eq!(first_names("{a, b::c, d::{e, f}, g as h}"), ["a", "b", "d", "gash"]);
    let source = Source {
        path: "src/dns/cache/key.rs".into(),
        text: "use super::super::super::store;\nuse crate::{event, policy::Name};\nlet x = super::super::wire::f();"
            .into(),
    };
    let named: Vec<String> = source.names_of_modules().into_iter().map(|(_, name)| name).collect();
    assert_eq!(named, ["event", "policy", "store"]);
    assert_eq!(source.module(), Some("dns"));
}
