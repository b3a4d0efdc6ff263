//! Builds a ruleset from rules in any order, in chunks: each is sorted and packed by itself, then all are merged in one
//! pass. So a million names need the room of a hundred thousand, and not of a million.

use std::collections::{HashMap, HashSet};

use fst::{Map, MapBuilder, Streamer};

use super::addresses::{Addresses, MAX_NETWORKS, Network};
use super::list::ListId;
use super::name::Name;
use super::patterns::{MAX_EXPRESSIONS, MAX_PATTERNS, Patterns};
use super::rule::{Mistake, Reach, Refused, Rule, Target};
use super::ruleset::{Entry, Extra, Ruleset, Sets, push_key};

/// Names that are sorted at a time. Few in the unit tests, so that these merge chunks, too.
const CHUNK: usize = if cfg!(test) { 4 } else { 100_000 };

/// Takes rules, gives a [`Ruleset`].
#[derive(Debug, Default)]
pub(super) struct Builder {
    chunk: Chunk,
    packed: Vec<Map<Vec<u8>>>,
    sets: KnownSets,
    extras: Vec<Extra>,
    globs: Vec<(Rule, ListId)>,
    expressions: Vec<(Rule, ListId)>,
    families: Vec<(Box<str>, Entry)>,
    networks: Vec<(Network, Entry)>,
    /// How many globs, expressions and networks the list that is being read has.
    counts: (ListId, usize, usize, usize),
    /// Rules that are switched off, in one list or, said by a trusted one, in all.
    switched_off: HashSet<(Option<ListId>, Rule)>,
    /// Their names, as keys: only entries of those are looked at more closely.
    switched_off_keys: HashSet<Vec<u8>>,
    refused: HashSet<ListId>,
}

impl Default for ListId {
    fn default() -> Self {
        Self(u16::MAX)
    }
}

impl Builder {
    /// Takes a rule of `list`.
    pub(super) fn add(&mut self, list: ListId, rule: Rule) -> Result<(), Refused> {
        if self.counts.0 != list {
            self.counts = (list, 0, 0, 0);
        }
        match &rule.target {
            Target::Name(name, reach) => {
                let number = (!rule.is_plain()).then(|| self.extra(&rule));
                let entry = Entry::new(list, reach.flags() | flags_of(&rule), number);
                self.push(name, entry)?;
            }
            Target::Glob(_) => {
                self.counts.1 += 1;
                bound(self.counts.1, MAX_PATTERNS, "patterns")?;
                self.globs.push((rule, list));
            }
            Target::Network(network) => {
                self.counts.3 += 1;
                bound(self.counts.3, MAX_NETWORKS, "addresses")?;
                let number = (!rule.is_plain()).then(|| self.extra(&rule));
                self.networks.push((*network, Entry::new(list, flags_of(&rule), number)));
            }
            Target::Expression(_) => {
                self.counts.2 += 1;
                bound(self.counts.2, MAX_EXPRESSIONS, "regular expressions")?;
                self.expressions.push((rule, list));
            }
        }
        Ok(())
    }

    /// Takes a row of the catalogue.
    pub(super) fn add_row(&mut self, list: ListId, name: &Name, reach: Reach, row: u32) -> Result<(), Refused> {
        self.push(name, Entry::new(list, reach.flags() | Entry::ROW, Some(row)))
    }

    /// Takes a row of the catalogue that is an expression for whole names.
    pub(super) fn add_family(&mut self, list: ListId, expression: &str, row: u32) {
        self.families.push((expression.into(), Entry::new(list, Entry::ROW, Some(row))));
    }

    /// Switches off every rule that is like `rule`, wherever it stands: in `list`, or with none in all lists.
    pub(super) fn switch_off(&mut self, list: Option<ListId>, rule: Rule) {
        if let Target::Name(name, _) = &rule.target {
            let mut key = Vec::new();
            push_key(name.as_ref(), &mut key);
            self.switched_off_keys.insert(key);
        }
        self.switched_off.insert((list, rule));
    }

    /// Takes back all that was added for `list`.
    pub(super) fn refuse(&mut self, list: ListId) {
        self.refused.insert(list);
        self.globs.retain(|(_, of)| *of != list);
        self.expressions.retain(|(_, of)| *of != list);
        self.networks.retain(|(_, entry)| entry.list() != list);
        self.families.retain(|(_, entry)| entry.list() != list);
        self.switched_off.retain(|(of, _)| *of != Some(list));
    }

    /// Packs everything.
    pub(super) fn finish(mut self) -> Result<Ruleset, String> {
        self.pack()?;
        let (globs, expressions) = (std::mem::take(&mut self.globs), std::mem::take(&mut self.expressions));
        let globs = self.surviving(globs, |target| match target {
            Target::Glob(glob) => Some(glob),
            _ => None,
        });
        let mut expressions = self.surviving(expressions, |target| match target {
            Target::Expression(text) => Some(text),
            _ => None,
        });
        expressions.append(&mut self.families);
        let patterns = Patterns::build(globs, expressions)?;
        let addresses = Addresses::build(&self.networks);
        let names = self.merge().map_err(|error| error.to_string())?;
        Ok(Ruleset { names, sets: self.sets.sets, extras: self.extras, patterns, addresses })
    }

    fn extra(&mut self, rule: &Rule) -> u32 {
        self.extras.push(Extra { conditions: rule.conditions.clone(), rewrite: rule.rewrite.clone() });
        self.extras.len() as u32 - 1
    }

    fn push(&mut self, name: &Name, entry: Entry) -> Result<(), Refused> {
        self.chunk.push(name, entry);
        if self.chunk.places.len() < CHUNK {
            return Ok(());
        }
        self.pack().map_err(|why| Refused::new(Mistake::TooLong, why))
    }

    fn pack(&mut self) -> Result<(), String> {
        if !self.chunk.places.is_empty() {
            self.packed.push(self.chunk.pack(&mut self.sets).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// One map out of all, without what was refused or switched off.
    fn merge(&mut self) -> fst::Result<Map<Vec<u8>>> {
        let packed = std::mem::take(&mut self.packed);
        let is_final = self.refused.is_empty() && self.switched_off_keys.is_empty();
        match <[_; 1]>::try_from(packed) {
            Ok([only]) if is_final => Ok(only),
            Ok(only) => self.merge_all(&only),
            Err(packed) => self.merge_all(&packed),
        }
    }

    fn merge_all(&mut self, packed: &[Map<Vec<u8>>]) -> fst::Result<Map<Vec<u8>>> {
        let mut merged = MapBuilder::memory();
        let mut union = packed.iter().collect::<fst::map::OpBuilder<'_>>().union();
        let mut entries = Vec::new();
        while let Some((key, numbers)) = union.next() {
            entries.clear();
            for number in numbers {
                entries.extend_from_slice(self.sets.sets.entries(number.value));
            }
            entries.retain(|&entry| self.is_in_force(key, entry));
            if !entries.is_empty() {
                merged.insert(key, self.sets.number(&mut entries))?;
            }
        }
        Ok(merged.into_map())
    }

    fn is_in_force(&self, key: &[u8], entry: Entry) -> bool {
        if self.refused.contains(&entry.list()) {
            return false;
        }
        if entry.has(Entry::HOSTS | Entry::ROW) || !self.switched_off_keys.contains(key) {
            return true;
        }
        let Some(rule) = self.rule_of(key, entry) else {
            return true;
        };
        !self.is_switched_off(&rule, entry.list())
    }

    fn is_switched_off(&self, rule: &Rule, list: ListId) -> bool {
        // Two lookups with an owned key each; asked only for the few names that some $badfilter names.
        [None, Some(list)].into_iter().any(|of| self.switched_off.contains(&(of, rule.clone())))
    }

    /// The rule that `entry` was made of.
    fn rule_of(&self, key: &[u8], entry: Entry) -> Option<Rule> {
        let mut wire = Vec::with_capacity(key.len() + 2);
        for label in key.split(|&byte| byte == 0).rev() {
            wire.push(u8::try_from(label.len()).ok()?);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        let mut rule = Rule::block(Name::from_wire(&wire).ok()?, entry.reach()?);
        rule.exception = entry.has(Entry::EXCEPTION);
        rule.important = entry.has(Entry::IMPORTANT);
        if let Some(extra) = entry.extra() {
            let extra = self.extras.get(extra)?;
            rule.conditions = extra.conditions.clone();
            rule.rewrite = extra.rewrite.clone();
        }
        Some(rule)
    }

    /// The patterns that are in force, each with its entry.
    fn surviving<T>(&mut self, rules: Vec<(Rule, ListId)>, part: impl Fn(Target) -> Option<T>) -> Vec<(T, Entry)> {
        let mut surviving = Vec::new();
        for (rule, list) in rules {
            if !self.is_switched_off(&rule, list) {
                let number = (!rule.is_plain()).then(|| self.extra(&rule));
                let entry = Entry::new(list, flags_of(&rule), number);
                surviving.extend(part(rule.target).map(|pattern| (pattern, entry)));
            }
        }
        surviving
    }
}

fn flags_of(rule: &Rule) -> u8 {
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    flag(rule.exception, Entry::EXCEPTION) | flag(rule.important, Entry::IMPORTANT) | flag(rule.hosts, Entry::HOSTS)
}

fn bound(count: usize, most: usize, what: &str) -> Result<(), Refused> {
    if count <= most {
        return Ok(());
    }
    Err(Refused::new(Mistake::TooLong, format!("a list may hold {most} {what}; this one is beyond")))
}

/// Names in the order they came, their keys in one run of bytes.
#[derive(Debug, Default)]
struct Chunk {
    keys: Vec<u8>,
    /// Start and length of a key, and what is said of it.
    places: Vec<(u32, u16, Entry)>,
}

impl Chunk {
    fn push(&mut self, name: &Name, entry: Entry) {
        let start = self.keys.len();
        push_key(name.as_ref(), &mut self.keys);
        self.places.push((start as u32, (self.keys.len() - start) as u16, entry));
    }

    /// Sorts and packs what was pushed, and is empty afterwards.
    fn pack(&mut self, sets: &mut KnownSets) -> fst::Result<Map<Vec<u8>>> {
        let keys = &self.keys;
        let key = |&(start, len, _): &(u32, u16, Entry)| &keys[start as usize..start as usize + usize::from(len)];
        self.places.sort_unstable_by(|a, b| key(a).cmp(key(b)));
        let mut map = MapBuilder::memory();
        let mut entries = Vec::new();
        for same in self.places.chunk_by(|a, b| key(a) == key(b)) {
            entries.clear();
            entries.extend(same.iter().map(|&(_, _, entry)| entry));
            map.insert(key(&same[0]), sets.number(&mut entries))?;
        }
        self.keys.clear();
        self.places.clear();
        Ok(map.into_map())
    }
}

/// Sets, found by what is in them.
#[derive(Debug, Default)]
struct KnownSets {
    sets: Sets,
    numbers: HashMap<Box<[Entry]>, u64>,
}

impl KnownSets {
    /// The number of the set of `entries`, in whatever order and however often they come.
    fn number(&mut self, entries: &mut Vec<Entry>) -> u64 {
        entries.sort_unstable();
        entries.dedup();
        if let Some(&number) = self.numbers.get(entries.as_slice()) {
            return number;
        }
        let number = self.sets.push(entries);
        self.numbers.insert(entries.as_slice().into(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(ruleset: &Ruleset, name: &str) -> Vec<(u16, bool)> {
        let mut found = Vec::new();
        ruleset.each(Name::parse(name).unwrap().as_ref(), |hit| {
            found.push((hit.entry.list().0, hit.entry.has(Entry::EXCEPTION)));
        });
        found
    }

    fn builder() -> Builder {
        let mut builder = Builder::default();
        for number in (0..50).rev() {
            for list in [0, 1, 2] {
                let name = Name::parse(&format!("n{number}.example")).unwrap();
                let mut rule = Rule::block(name, Reach::Subtree);
                rule.exception = list == 2;
                builder.add(ListId(list), rule).unwrap();
            }
        }
        builder
    }

    #[test]
    fn every_list_that_names_a_name_is_known_after_chunks_are_merged() {
        let ruleset = builder().finish().unwrap();
        for number in 0..50 {
            assert_eq!(naming(&ruleset, &format!("a.n{number}.example")), [(0, false), (1, false), (2, true)]);
        }
        assert_eq!(naming(&ruleset, "n50.example"), []);
        assert_eq!(naming(&ruleset, "example"), []);
    }

    #[test]
    fn a_refused_list_leaves_no_trace() {
        let mut builder = builder();
        builder.refuse(ListId(1));
        assert_eq!(naming(&builder.finish().unwrap(), "n7.example"), [(0, false), (2, true)]);
    }

    #[test]
    fn patterns_and_expressions_of_a_list_are_bounded() {
        let mut builder = Builder::default();
        let expression = || Rule::about(Target::Expression("^a".into()));
        for _ in 0..MAX_EXPRESSIONS {
            builder.add(ListId(0), expression()).unwrap();
        }
        assert!(builder.add(ListId(0), expression()).is_err());
        assert!(builder.add(ListId(1), expression()).is_ok());
    }
}
