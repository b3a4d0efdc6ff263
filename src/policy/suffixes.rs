//! Public suffixes, of which a rule would cover what many people have registered.
//!
//! The `psl` crate is code for each of ten thousand suffixes, three megabytes of it; only one question is asked here, and a
//! table in order answers it in place. `examples/suffixes.rs` makes the table out of that crate, and a test holds it to it.

use std::cmp::Ordering;
use std::sync::LazyLock;

/// A zone a line in order of bytes, each with its rules: `.` itself, `*` each name below it, `!` not itself although
/// the zone above has a `*`; `~` goes before those that are run by others than a registry.
const TABLE: &str = include_str!("suffixes.txt");

/// Who lets others have names below a public suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A registry: `com`, `co.uk`.
    Registry,
    /// Someone with a name of their own: `github.io`.
    Private,
}

/// Whether `zone`, lowercase and without the last dot, is itself a public suffix, and whose.
pub(super) fn kind(zone: &str) -> Option<Kind> {
    let own = rules(zone);
    if own.contains(&"!") || own.contains(&"~!") {
        return None;
    }
    let above = || zone.split_once('.').map(|(_, parent)| rules(parent)).unwrap_or_default();
    own.iter().find_map(|rule| meant(rule, ".")).or_else(|| above().iter().find_map(|rule| meant(rule, "*")))
}

fn meant(rule: &str, sign: &str) -> Option<Kind> {
    match rule.strip_prefix('~') {
        Some(rest) => (rest == sign).then_some(Kind::Private),
        None => (rule == sign).then_some(Kind::Registry),
    }
}

/// The rules of the line about `zone`.
fn rules(zone: &str) -> Vec<&'static str> {
    let (word, bit) = mark(zone);
    if MARKS[word] & bit == 0 {
        return Vec::new();
    }
    let (mut low, mut high) = (0, TABLE.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = TABLE.as_bytes()[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = TABLE[start..].split('\n').next().unwrap_or_default();
        let mut words = line.split(' ');
        match words.next().unwrap_or_default().cmp(zone) {
            Ordering::Equal => return words.collect(),
            Ordering::Less => low = start + line.len() + 1,
            Ordering::Greater => high = start,
        }
    }
    Vec::new()
}

/// A bit for each zone of the table, because a million names are asked for and nearly none is in it.
static MARKS: LazyLock<[u64; WORDS]> = LazyLock::new(|| {
    let mut marks = [0; WORDS];
    for line in TABLE.lines() {
        let (word, bit) = mark(line.split(' ').next().unwrap_or_default());
        marks[word] |= bit;
    }
    marks
});
const WORDS: usize = 2_048;

fn mark(zone: &str) -> (usize, u64) {
    let hash = crc32fast::hash(zone.as_bytes());
    ((hash >> 6) as usize % WORDS, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_is_what_the_crate_says_it_is() {
        let mut zones = 0;
        let mut before = "";
        for line in TABLE.lines() {
            let zone = line.split(' ').next().unwrap_or_default();
            assert!(before < zone, "{before} and {zone} are not in order");
            before = zone;
            zones += 1;
            let parent = zone.split_once('.').map_or("example.com", |(_, parent)| parent);
            for asked in [zone, parent, &format!("a.{zone}"), &format!("a.b.{zone}")] {
                // The crate forgets the `*` above a zone that has one itself; the list's own algorithm does not.
                let forgets = rules(asked) == ["~*"] && kind(asked) == Some(Kind::Private);
                assert!(forgets || kind(asked) == by_the_crate(asked), "{asked}: {:?}", kind(asked));
            }
        }
        assert!(zones > 9_000, "{zones}");
        for asked in ["", "example", "www.ck", "ck", "a.ck", "b.a.ck", "0", "zzz.zzz", ".com", "a..com"] {
            assert_eq!(kind(asked), by_the_crate(asked), "{asked:?}");
        }
    }

    fn by_the_crate(text: &str) -> Option<Kind> {
        let suffix = psl::suffix(text.as_bytes()).filter(|suffix| suffix.as_bytes() == text.as_bytes())?;
        suffix.is_known().then_some(match suffix.typ()? {
            psl::Type::Icann => Kind::Registry,
            psl::Type::Private => Kind::Private,
        })
    }
}
