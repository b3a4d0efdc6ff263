//! Joins the parts of all lists, and the rows of the catalogue, into one ruleset: one pass over all names in order.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Cursor};

use fst::{Map, MapBuilder};

use super::addresses::{Addresses, Network};
use super::list::ListId;
use super::name::Name;
use super::names::{Names, Sets, push_key};
use super::pages::Pages;
use super::part::Part;
use super::patterns::Patterns;
use super::rule::{Reach, Rule, Target};
use super::ruleset::{Entry, Extra, Ruleset, flags_of};
use super::runs::{Merge, Unsorted};

/// Takes parts and rows, gives a [`Ruleset`].
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// Whether the names are there already, so that only what goes with them is collected.
    has_names: bool,
    parts: Vec<(ListId, Part)>,
    /// Names that are not in a part as runs: rows, and rules with an extra. They carry their whole entry.
    unsorted: Unsorted,
    runs: Vec<Vec<u8>>,
    sets: KnownSets,
    extras: Vec<Extra>,
    globs: Vec<(Rule, ListId)>,
    expressions: Vec<(Rule, ListId)>,
    families: Vec<(Box<str>, Entry)>,
    networks: Vec<(Network, Entry)>,
    /// Rules that are switched off, in one list or, said by a trusted one, in all.
    switched_off: HashSet<(Option<ListId>, Rule)>,
    /// Their names, as keys: only entries of those are looked at more closely.
    switched_off_keys: HashSet<Vec<u8>>,
    /// Why a name could not be taken; told at the end.
    failed: Option<io::Error>,
}

impl Builder {
    /// With `has_names`, [`finish_with`](Self::finish_with) will be told the names.
    pub(super) fn new(has_names: bool) -> Self {
        Self { has_names, ..Self::default() }
    }

    /// Takes a list. What it switches off is switched off in itself, or with `everywhere` in all lists.
    pub(super) fn add_part(&mut self, list: ListId, part: &Part, everywhere: bool) {
        for (rule, badfilter) in part.rules() {
            if *badfilter {
                self.switch_off((!everywhere).then_some(list), rule.clone());
            } else {
                self.add(list, rule.clone());
            }
        }
        if !self.has_names {
            self.parts.push((list, part.clone()));
        }
    }

    /// Takes a row of the catalogue.
    pub(super) fn add_row(&mut self, list: ListId, name: &Name, reach: Reach, row: u32) {
        self.push(name, Entry::new(list, reach.flags() | Entry::ROW, Some(row)));
    }

    /// Takes a row of the catalogue that is an expression for whole names.
    pub(super) fn add_family(&mut self, list: ListId, expression: &str, row: u32) {
        self.families.push((expression.into(), Entry::new(list, Entry::ROW, Some(row))));
    }

    /// Extras of names so far.
    pub(super) fn extras(&self) -> usize {
        self.extras.len()
    }

    fn add(&mut self, list: ListId, rule: Rule) {
        match &rule.target {
            Target::Name(name, reach) => {
                let number = (!rule.is_plain()).then(|| self.extra(&rule));
                self.push(name, Entry::new(list, reach.flags() | flags_of(&rule), number));
            }
            Target::Glob(_) => self.globs.push((rule, list)),
            Target::Expression(_) => self.expressions.push((rule, list)),
            Target::Network(network) => {
                let number = (!rule.is_plain()).then(|| self.extra(&rule));
                self.networks.push((*network, Entry::new(list, flags_of(&rule), number)));
            }
        }
    }

    /// Switches off every rule that is like `rule`, wherever it stands: in `list`, or with none in all lists.
    fn switch_off(&mut self, list: Option<ListId>, rule: Rule) {
        if let Target::Name(name, _) = &rule.target {
            let mut key = Vec::new();
            push_key(name.as_ref(), &mut key);
            self.switched_off_keys.insert(key);
        }
        self.switched_off.insert((list, rule));
    }

    /// Joins everything.
    pub(super) fn finish(mut self) -> Result<Ruleset, String> {
        let map = self.merge().map_err(|error| match error {
            // Its own words are only that there was one.
            fst::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        })?;
        let names = Names { map: Some(map), sets: std::mem::take(&mut self.sets.sets) };
        self.finish_with(names)
    }

    /// Puts `names`, which an earlier run over the same lists gave, together with all else.
    pub(super) fn finish_with(mut self, names: Names) -> Result<Ruleset, String> {
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
        Ok(Ruleset { names, extras: self.extras, patterns, addresses })
    }

    fn extra(&mut self, rule: &Rule) -> u32 {
        self.extras.push(Extra { conditions: rule.conditions.clone(), rewrite: rule.rewrite.clone() });
        self.extras.len() as u32 - 1
    }

    fn push(&mut self, name: &Name, entry: Entry) {
        if self.has_names {
            return;
        }
        match self.unsorted.push(entry.bits(), |keys| push_key(name.as_ref(), keys)) {
            Ok(false) => {}
            Ok(true) => self.end_run(),
            Err(error) => self.failed = Some(error),
        }
    }

    fn end_run(&mut self) {
        let mut run = Vec::new();
        // A vector takes whatever is written to it.
        let _ = self.unsorted.sort_into(&mut run);
        self.runs.push(run);
    }

    /// One map out of all runs, without what was switched off.
    fn merge(&mut self) -> Result<Map<Pages>, fst::Error> {
        self.end_run();
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        let (parts, own) = (std::mem::take(&mut self.parts), std::mem::take(&mut self.runs));
        // Those of parts are owned by the list, and say flags; the last owner's say whole entries.
        let whole_entries = usize::from(u16::MAX);
        let of_parts = parts.iter().flat_map(|(list, part)| {
            part.runs().map(|run| (usize::from(list.0), Box::new(run) as Box<dyn BufRead + '_>))
        });
        let own = own.into_iter().map(|run| (whole_entries, Box::new(Cursor::new(run)) as Box<dyn BufRead + '_>));
        let mut merge = Merge::new(of_parts.chain(own))?;
        // In the map a name takes less than it does in a run.
        let room = parts.iter().map(|(_, part)| part.names_size()).sum();
        let mut merged = MapBuilder::new(Pages::with_room(room)?)?;
        let (mut key, mut entries) = (Vec::new(), Vec::new());
        let entry = |owner: usize, said: u64| {
            if owner == whole_entries {
                Entry::from_bits(said)
            } else {
                Entry::new(ListId(owner as u16), said as u8, None)
            }
        };
        while merge.next(&mut key, |owner, said| entries.push(entry(owner, said)))? {
            if self.switched_off_keys.contains(&key) {
                entries.retain(|&entry| self.is_in_force(&key, entry));
            }
            if !entries.is_empty() {
                merged.insert(&key, self.sets.number(&mut entries))?;
            }
            entries.clear();
        }
        Map::new(merged.into_inner()?)
    }

    fn is_in_force(&self, key: &[u8], entry: Entry) -> bool {
        if entry.has(Entry::HOSTS | Entry::ROW) {
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
            if self.switched_off.is_empty() || !self.is_switched_off(&rule, list) {
                let number = (!rule.is_plain()).then(|| self.extra(&rule));
                let entry = Entry::new(list, flags_of(&rule), number);
                surviving.extend(part(rule.target).map(|pattern| (pattern, entry)));
            }
        }
        surviving
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
        let (number, is_shared) = self.sets.push(entries);
        // A set with an extra or a row is of one name only and is not looked for again.
        if is_shared {
            self.numbers.insert(entries.as_slice().into(), number);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::Format;
    use super::super::part::Reading;
    use super::*;

    fn naming(ruleset: &Ruleset, name: &str) -> Vec<(u16, bool)> {
        let mut found = Vec::new();
        ruleset.each(Name::parse(name).unwrap().as_ref(), |hit| {
            found.push((hit.entry.list().0, hit.entry.has(Entry::EXCEPTION)));
        });
        found
    }

    fn pages(mut bytes: &[u8]) -> Pages {
        let len = bytes.len();
        Pages::read(&mut bytes, len).unwrap()
    }

    fn builder(has_names: bool) -> Builder {
        let mut builder = Builder::new(has_names);
        for list in [0, 1, 2] {
            let sign = if list == 2 { "@@" } else { "" };
            let lines: String = (0..50).rev().map(|number| format!("{sign}||n{number}.example^\n")).collect();
            let reading = Reading { format: Format::Auto, trusted: false, wide: false };
            builder.add_part(ListId(list), &Part::in_memory(reading, lines.as_bytes()).unwrap(), false);
        }
        for row in 0..9 {
            builder.add_row(ListId(3), &Name::parse(&format!("r{row}.example")).unwrap(), Reach::Exact, row);
        }
        builder
    }

    #[test]
    fn every_list_that_names_a_name_is_known_after_runs_are_merged() {
        let ruleset = builder(false).finish().unwrap();
        for number in 0..50 {
            assert_eq!(naming(&ruleset, &format!("a.n{number}.example")), [(0, false), (1, false), (2, true)]);
        }
        assert_eq!(naming(&ruleset, "r8.example"), [(3, false)]);
        assert_eq!(naming(&ruleset, "n50.example"), []);
        assert_eq!(naming(&ruleset, "example"), []);
    }

    #[test]
    fn names_that_were_kept_say_the_same_and_any_damage_is_seen() {
        let first = builder(false).finish().unwrap();
        let mut kept = Vec::new();
        first.names.write(&mut kept).unwrap();
        let again = builder(true).finish_with(Names::read(pages(&kept)).unwrap()).unwrap();
        for name in ["a.n7.example", "n49.example", "r3.example", "n50.example"] {
            assert_eq!(naming(&again, name), naming(&first, name), "{name}");
        }
        for place in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[place] ^= 0x10;
            assert!(Names::read(pages(&damaged)).is_none(), "octet {place}");
            assert!(Names::read(pages(&kept[..place])).is_none(), "cut at {place}");
        }
    }
}
