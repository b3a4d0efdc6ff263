//! Rules that reach further than a list should without being asked: over a public suffix, or over much of what people know.
//!
//! Such a rule is held back until the operator confirms it, because a list is changed by someone else at any time, and one
//! such line takes a house off the net. Rules that would hit every name are refused outright before they come here.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::glob::Glob;
use super::name::NameRef;
use super::patterns;
use super::rule::{Reach, Rule, Target};

/// Names that people know, one a line.
const POPULAR: &str = include_str!("popular.txt");
/// Of how many known names one rule may speak, in percent.
const MOST_PERCENT: usize = 1;

/// Why `rule` must not be in force unasked; none for nearly every rule. Other conditions do
/// not count: all of `com` but for one name is still too much.
pub(super) fn reason(rule: &Rule) -> Option<String> {
    match &rule.target {
        // A rule about one device is about that device, and not about the house.
        _ if !rule.conditions.clients.only.is_empty() || !rule.conditions.tags.only.is_empty() => None,
        Target::Name(_, Reach::Exact) | Target::Network(_) => None,
        Target::Name(name, _) => zone(name.as_ref()),
        Target::Glob(glob) => pattern(glob),
        Target::Expression(text) => {
            let compiled = patterns::compile(text).ok()?;
            too_many(KNOWN.names.iter().filter(|name| compiled.is_match(name.as_bytes())).count())
        }
    }
}

fn zone(name: NameRef<'_>) -> Option<String> {
    // The longest public suffixes have five labels; nearly all names of lists with more are told here.
    if name.labels().count() > 5 {
        return None;
    }
    let text = name.to_string();
    suffix(&text).or_else(|| too_many(KNOWN.below.get(text.as_str()).copied().unwrap_or(0)))
}

fn pattern(glob: &Glob) -> Option<String> {
    if let [only] = &*glob.pieces
        && glob.ends
        && let Some(why) = suffix(only.trim_start_matches('.'))
    {
        return Some(why);
    }
    // Twenty thousand patterns may come; nearly all are about none of these names, which one look at the text tells.
    if glob.needle().is_some_and(|needle| !POPULAR.contains(needle)) {
        return None;
    }
    too_many(KNOWN.names.iter().filter(|name| glob.matches(name.as_bytes())).count())
}

fn suffix(text: &str) -> Option<String> {
    let suffix =
        psl::suffix(text.as_bytes()).filter(|suffix| suffix.as_bytes() == text.as_bytes() && suffix.is_known())?;
    match suffix.typ()? {
        psl::Type::Icann => Some(format!("it covers everything below {text}, under which anyone may register a name")),
        // Whole lists are made of the smaller ones of these, such as those of dynamic DNS, and rightly so.
        psl::Type::Private => KNOWN
            .below
            .contains_key(text)
            .then(|| format!("it covers everything below {text}, where many have their sites")),
    }
}

fn too_many(count: usize) -> Option<String> {
    let all = KNOWN.names.len();
    (count * 100 > all * MOST_PERCENT).then(|| format!("it covers {count} of {all} names that most people know"))
}

struct Known {
    names: Vec<&'static str>,
    /// How many of the names are a zone or below it, by zone.
    below: HashMap<&'static str, usize>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let names: Vec<&str> = POPULAR.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut below = HashMap::new();
    for name in &names {
        let mut zone = Some(*name);
        while let Some(text) = zone {
            *below.entry(text).or_default() += 1;
            zone = text.split_once('.').map(|(_, parent)| parent);
        }
    }
    Known { names, below }
});

#[cfg(test)]
mod tests {
    use super::super::list::Format;
    use super::super::name::Name;
    use super::super::part::{Part, Reading};
    use super::*;

    #[test]
    fn what_covers_a_suffix_or_much_of_what_people_know_is_held_back() {
        for (rule, wide) in [
            ("||com^", true),
            ("||co.uk^", true),
            ("*.co.uk", true),
            (".zip", true),
            ("@@||com^", true),
            ("||*.de^", true),
            ("||github.io^", true),
            ("||google.com^", true),
            ("||google.*^", true),
            ("/^www\\./", true),
            ("/oo/", true),
            ("||xn--p1ai^", true),
            ("com", false),
            ("co.uk", false),
            ("||ads.example.co.uk^", false),
            ("||duckdns.org^", false),
            ("||doubleclick.net^", false),
            ("||google-analytics.com^", false),
            ("||ads*.google.com^", false),
            ("||muted^", false),
            ("/^ads[0-9]+\\./", false),
        ] {
            for (trusted, confirmed) in [(false, false), (true, false), (false, true)] {
                let reading = Reading { format: Format::Auto, trusted, wide: confirmed };
                let report = Part::in_memory(reading, rule.as_bytes()).unwrap().report();
                let held_back = usize::from(wide && !trusted && !confirmed);
                assert_eq!((report.quarantined, report.names), (held_back, 1 - held_back), "{rule}: {report:?}");
            }
        }
    }

    #[test]
    fn the_known_names_are_names_each_once_and_many() {
        let mut names = KNOWN.names.clone();
        assert!(names.len() >= 300, "{}", names.len());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.names.len());
        for name in names {
            assert_eq!(Name::parse(name).unwrap().to_string(), name);
        }
    }
}
