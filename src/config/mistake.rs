//! What is wrong in `config.toml`, where, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used. Shown as a line for each mistake: `config.toml:12:5: what is wrong; what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadConfig {
    /// The file.
    pub path: PathBuf,
    /// In the order of the file. At least one.
    pub mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Line and column, counted from 1 and in characters; none where it is about the file as a whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what to do.
    pub what: String,
}

impl BadConfig {
    /// A mistake that is about the whole file.
    pub(super) fn whole(path: &Path, what: String) -> Self {
        Self { path: path.to_owned(), mistakes: vec![Mistake { place: None, what }] }
    }

    /// A mistake at a byte of `text`.
    pub(super) fn one(path: &Path, text: &str, offset: usize, what: String) -> Self {
        Self { path: path.to_owned(), mistakes: vec![Mistake { place: Some(place(text, offset)), what }] }
    }
}

impl std::error::Error for BadConfig {}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Mistake { place, what }) in self.mistakes.iter().enumerate() {
            let path = self.path.display();
            let end = if number + 1 < self.mistakes.len() { "\n" } else { "" };
            match place {
                Some((line, column)) => write!(f, "{path}:{line}:{column}: {what}{end}")?,
                None => write!(f, "{path}: {what}{end}")?,
            }
        }
        Ok(())
    }
}

/// Mistakes as they are found, so that one run tells them all.
#[derive(Debug)]
pub(super) struct Mistakes<'a> {
    text: &'a str,
    found: Vec<Mistake>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a mistake in the bytes of `span`.
    pub(super) fn add(&mut self, span: &Range<usize>, what: impl Into<String>) {
        self.found.push(Mistake { place: Some(place(self.text, span.start)), what: what.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The mistakes, if there are any.
    pub(super) fn into_result(mut self, path: &Path) -> Result<(), BadConfig> {
        self.found.sort();
        if self.found.is_empty() { Ok(()) } else { Err(BadConfig { path: path.to_owned(), mistakes: self.found }) }
    }
}

/// What the TOML reader or serde found, in words that do not speak of Rust.
pub(super) fn in_words(error: &toml::de::Error, text: &str, path: &Path) -> BadConfig {
    let message = error.message();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let what = match quoted.split_first() {
        Some((key, known)) if message.starts_with("unknown field") => {
            format!("there is no key {key} here; {}", suggest(key, known))
        }
        Some((word, known)) if message.starts_with("unknown variant") => {
            format!("{word:?} cannot stand here; {}", suggest(word, known))
        }
        Some((key, _)) if message.starts_with("missing field") => {
            format!("the key {key} is missing here; add it")
        }
        _ => of_another_kind(message).unwrap_or_else(|| message.trim_end_matches('.').to_owned()),
    };
    BadConfig::one(path, text, error.span().map_or(0, |span| span.start), what)
}

/// What stands where something of another kind should; none where `message` is not about that.
fn of_another_kind(message: &str) -> Option<String> {
    let about = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, wanted) = about.rsplit_once(", expected ")?;
    let found = match found {
        "sequence" => "a list",
        "map" => "a table",
        // `integer `5``, `string "no"`: the value alone.
        _ => found.find(['`', '"']).and_then(|start| found.get(start..)).unwrap_or(found).trim_matches('`'),
    };
    let wanted = match wanted {
        "a boolean" => "true or false",
        "a sequence" => "a list in brackets",
        "a string" => "text in quotation marks",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        other => other,
    };
    Some(format!("{found} cannot stand here; write {wanted}"))
}

/// `did you mean …?`, or what there is to choose from.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => "there is none to choose from".into(),
        None => format!("choose one of {}", known.join(", ")),
    }
}

/// The word of `known` that `word` is a slip of the pen of, if there is one.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = known.iter().map(|known| (distance(&word, &known.to_lowercase()), *known)).min()?;
    (near.0 <= 1 + word.chars().count() / 4).then_some(near.1)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Line and column of a byte, counted from 1, columns in characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognized_and_another_word_is_not() {
        let known = ["listen", "allow_from", "servers"];
        for (word, near) in [
            ("lisen", Some("listen")),
            ("litsen", Some("listen")),
            ("Listen", Some("listen")),
            ("server", Some("servers")),
            ("allowfrom", Some("allow_from")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, &known), near, "{word}");
        }
    }

    #[test]
    fn a_place_is_counted_in_characters() {
        let text = "a\nbä = 1\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, text.find('=').unwrap()), (2, 4));
        assert_eq!(place(text, text.len()), (3, 1));
    }
}
