//! Patterns and regular expressions of all lists: those rules that no walk through the names can find.
//!
//! A name without any of the literal pieces is told apart in one pass over its text, so a list with a thousand patterns
//! costs nearly nothing for the names they are not about. Expressions run in sets, each in linear time whatever it says.

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::glob::{Glob, Text};
use super::name::NameRef;
use super::ruleset::Entry;

/// Regular expressions that one list may hold.
pub const MAX_EXPRESSIONS: usize = 2_000;
/// Patterns with `*` or open ends that one list may hold. They are cheaper than expressions.
pub const MAX_PATTERNS: usize = 20_000;
/// Compiled size of one expression, bytes.
const MAX_EXPRESSION_SIZE: usize = 1 << 20;
/// How deep the groups of an expression may nest.
const MAX_NESTING: u32 = 50;
/// Expressions that run together. Their lazily built automaton stays small, and one wild expression slows only its set.
const SET_SIZE: usize = 64;
/// Size of the automaton that a set may build while it runs, bytes.
const MAX_SET_AUTOMATON: usize = 1 << 20;

/// A compiled expression, found anywhere in a name and without case; or one line on why it cannot be.
pub(super) fn compile(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text)
        .case_insensitive(true)
        .unicode(false)
        .size_limit(MAX_EXPRESSION_SIZE)
        .nest_limit(MAX_NESTING)
        .build();
    built.map_err(|error| {
        let text = error.to_string();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it cannot be read");
        last.trim().trim_start_matches("error: ").into()
    })
}

/// Patterns, ready to be asked; `E` is what goes with each: for those of lists, their entry in the ruleset.
#[derive(Debug)]
pub(super) struct Patterns<E = Entry> {
    globs: Vec<(Glob, E)>,
    /// Finds the needles of the globs: needle `i` is the one of `guarded[i]`.
    finder: Option<AhoCorasick>,
    guarded: Vec<Vec<u32>>,
    /// Globs without a piece to look for.
    unguarded: Vec<u32>,
    sets: Vec<ExpressionSet<E>>,
}

#[derive(Debug)]
struct ExpressionSet<E> {
    set: RegexSet,
    rules: Vec<(Box<str>, E)>,
}

impl<E> Default for Patterns<E> {
    fn default() -> Self {
        Self { globs: Vec::new(), finder: None, guarded: Vec::new(), unguarded: Vec::new(), sets: Vec::new() }
    }
}

/// A pattern that names a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern<'a> {
    Glob(&'a Glob),
    Expression(&'a str),
}

impl<E: Copy> Patterns<E> {
    /// Builds them. What [`compile`] took cannot fail here but for its size; a set that does is left out and told.
    pub(super) fn build(globs: Vec<(Glob, E)>, expressions: Vec<(Box<str>, E)>) -> Result<Self, String> {
        let mut needles: Vec<&str> = Vec::new();
        let mut guarded: Vec<Vec<u32>> = Vec::new();
        let mut unguarded = Vec::new();
        let mut order: Vec<u32> = (0..).take(globs.len()).collect();
        order.sort_by_key(|&place| globs[place as usize].0.needle());
        for place in order {
            match globs[place as usize].0.needle() {
                None => unguarded.push(place),
                Some(needle) => {
                    if needles.last() != Some(&needle) {
                        needles.push(needle);
                        guarded.push(Vec::new());
                    }
                    if let Some(group) = guarded.last_mut() {
                        group.push(place);
                    }
                }
            }
        }
        let finder = (!needles.is_empty())
            .then(|| AhoCorasick::builder().kind(Some(aho_corasick::AhoCorasickKind::ContiguousNFA)).build(&needles));
        let finder = finder.transpose().map_err(|error| error.to_string())?;
        let mut sets = Vec::new();
        let mut rest = expressions;
        while !rest.is_empty() {
            let behind = rest.split_off(rest.len().min(SET_SIZE));
            sets.push(ExpressionSet::build(rest)?);
            rest = behind;
        }
        Ok(Self { globs, finder, guarded, unguarded, sets })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.globs.is_empty() && self.sets.is_empty()
    }

    /// Tells every pattern that names `name`, each once.
    pub(super) fn each<'a>(&'a self, name: NameRef<'_>, mut found: impl FnMut(Pattern<'a>, E)) {
        if self.is_empty() {
            return;
        }
        let text = Text::of(name);
        let mut try_glob = |place: u32| {
            let (glob, entry) = &self.globs[place as usize];
            if glob.matches(text.bytes()) {
                found(Pattern::Glob(glob), *entry);
            }
        };
        self.unguarded.iter().copied().for_each(&mut try_glob);
        if let Some(finder) = &self.finder {
            let mut seen = Seen::default();
            for hit in finder.find_overlapping_iter(text.bytes()) {
                if seen.is_new(hit.pattern().as_u32()) {
                    self.guarded[hit.pattern().as_usize()].iter().copied().for_each(&mut try_glob);
                }
            }
        }
        for set in &self.sets {
            set.each(text.bytes(), &mut found);
        }
    }
}

impl<E: Copy> ExpressionSet<E> {
    fn build(rules: Vec<(Box<str>, E)>) -> Result<Self, String> {
        let set = RegexSetBuilder::new(rules.iter().map(|(text, _)| text))
            .case_insensitive(true)
            .unicode(false)
            .size_limit(MAX_EXPRESSION_SIZE * SET_SIZE)
            .dfa_size_limit(MAX_SET_AUTOMATON)
            .nest_limit(MAX_NESTING)
            .build();
        set.map(|set| Self { set, rules }).map_err(|error| error.to_string())
    }

    fn each<'a>(&'a self, text: &[u8], found: &mut impl FnMut(Pattern<'a>, E)) {
        // Asking whether any matches needs no memory; asking which ones does.
        if self.set.is_match(text) {
            for place in self.set.matches(text) {
                let (expression, entry) = &self.rules[place];
                found(Pattern::Expression(expression), *entry);
            }
        }
    }
}

/// Which needles were met in one name. A needle that repeats would have its patterns tried again and again.
#[derive(Debug, Default)]
struct Seen {
    few: [u32; Self::FEW],
    len: usize,
    many: Option<std::collections::HashSet<u32>>,
}

impl Seen {
    /// Ordinary names meet a handful; only names made to hurt meet more, and those may cost an allocation.
    const FEW: usize = 32;

    fn is_new(&mut self, needle: u32) -> bool {
        if self.few[..self.len].contains(&needle) {
            return false;
        }
        if self.len < Self::FEW {
            self.few[self.len] = needle;
            self.len += 1;
            return true;
        }
        self.many.get_or_insert_default().insert(needle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_could_hang_or_swell_are_refused_or_linear() {
        for bad in ["(unclosed", "^(?!good)bad", r"(a)\1", "(?:x{1000}){1000}", &"(".repeat(60)] {
            assert!(compile(bad).is_err(), "{bad:?}");
        }
        for fine in ["(a+)+$", "(a|a)*{50}"] {
            assert!(compile(fine).is_ok(), "{fine:?}");
        }
    }
}
