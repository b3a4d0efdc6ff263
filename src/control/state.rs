//! Everything a snapshot is built from.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cabinet::Cabinet;
use super::lists::{self, Found};
use super::profiles::{self, expand};
use super::shelf::Shelf;
use super::since::Since;
use super::subscriptions::{Subscription, Wanted, copy_path};
use super::writer::local::joined as records;
use super::{ListOptions, ListView, Options, Teller, schedules, zones};
use crate::device::{Devices, Fact, Known, Makers, Source};
use crate::local::{Answers, Local};
use crate::policy::{ListReport, MacAddr, OwnRule, Policy, PolicySources};
use crate::snapshot::Snapshot;
use crate::store::Settings;
use crate::time::Timestamp;

/// What the configuration fixes, what the page changed and who is in the house, with the policy that follows from it.
#[derive(Debug)]
pub struct State {
    pub(super) options: Options,
    pub(super) settings: Settings,
    /// Who uses which address by the kernel's word, and since when that is known.
    pub(super) neighbours: HashMap<IpAddr, (MacAddr, Timestamp)>,
    /// What else is said of who is in the house, by who passes it on.
    pub(super) told: BTreeMap<Teller, Vec<Fact>>,
    pub(super) makers: Makers,
    pub(super) compiled: Compiled,
    /// Since when the lists are what they are.
    pub(super) since: Since,
}

/// A policy and what it was compiled from.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) policy: Arc<Policy>,
    pub(super) local: Arc<Local>,
    pub(super) lists: Arc<[ListView]>,
    pub(super) shelf: Shelf,
    /// What is wrong, one sentence each.
    pub(super) problems: Vec<String>,
}

impl State {
    /// Reads the lists and compiles the policy. Blocks; takes seconds with large lists.
    pub fn load(options: Options, settings: Settings) -> Self {
        let shelf = Shelf::open(&Cabinet::new(options.compiled.clone()));
        let since = Since::open(options.compiled.clone());
        let joined = in_force(&options, &settings);
        let mut compiled = compile(&joined, shelf, settings.rules.clone(), None);
        // A disk that cannot be read back must not leave the house without lists: this run does without what is kept.
        if let Some(why) = compiled.policy.unjoined().map(str::to_owned) {
            let without = Options { compiled: None, ..joined };
            compiled = compile(&without, Shelf::default(), settings.rules.clone(), None);
            compiled.problems.push(unjoined(&why, "their files are compiled anew, and nothing of that is kept"));
        }
        let mut state = Self {
            options,
            settings,
            neighbours: HashMap::new(),
            told: BTreeMap::new(),
            makers: Makers::default(),
            compiled,
            since,
        };
        state.put_choices_in_force();
        let problems = state.schedule();
        state.compiled.problems.extend(problems);
        state
    }

    /// Puts in force what needs no compiling: guards that `config.toml` or the page switches off, and pauses.
    pub(super) fn put_choices_in_force(&mut self) {
        let off = self.options.guards_off.iter().chain(&self.settings.guards_off).cloned();
        let policy = self.compiled.policy.without_guards(off);
        self.compiled.policy = Arc::new(policy.with_pauses(self.settings.pauses.clone()));
    }

    /// Puts the schedules in force. What a profile of `config.toml` says in vain is returned.
    pub(super) fn schedule(&mut self) -> Vec<String> {
        let (schedules, problems) = schedules::of_lists(&self.options, &self.settings, &self.compiled.lists);
        self.compiled.policy = Arc::new(self.compiled.policy.with_schedules(&schedules));
        problems
    }

    /// Puts what was compiled anew in force. Where the lists could not be put together, all stays as it was, and that is
    /// said; false then.
    pub(super) fn take(&mut self, compiled: Compiled, options: Options) -> bool {
        if let Some(why) = compiled.policy.unjoined() {
            self.compiled.problems = vec![unjoined(why, "what was in force before stays in force")];
            return false;
        }
        self.compiled = compiled;
        self.options = options;
        self.put_choices_in_force();
        let problems = self.schedule();
        self.compiled.problems.extend(problems);
        true
    }

    /// This state in a house where `neighbours` says who uses which address, and files say what is `told`.
    pub fn with_house(self, neighbours: HashMap<IpAddr, MacAddr>, told: Vec<Fact>, now: Timestamp) -> Self {
        let neighbours = neighbours.into_iter().map(|(address, mac)| (address, (mac, now))).collect();
        Self { neighbours, told: BTreeMap::from([(Teller::Files, told)]), ..self }
    }

    /// The snapshot that follows from it.
    pub fn snapshot(&self) -> Snapshot {
        let policy = self.compiled.policy.clone();
        let seen = self
            .neighbours
            .iter()
            .map(|(&address, &(mac, since))| Fact { mac: Some(mac), ..Fact::of(address, Source::Neighbours, since) });
        let mut facts: Vec<Fact> = seen.chain(self.told.values().flatten().cloned()).collect();
        facts.sort_by_key(|fact| (fact.source, fact.address));
        let newcomers = self.options.newcomers.as_deref().and_then(|name| policy.profile(name));
        let known = Known {
            configured: &self.options.devices,
            names: &self.settings.device_names,
            profiles: &self.settings.device_profiles,
            joined: &self.settings.joined,
            split: &self.settings.split,
            newcomers: newcomers.unwrap_or_default(),
            facts: &facts,
            makers: Some(&self.makers),
        };
        let devices = Devices::assemble(&known, &policy);
        Snapshot { policy, devices: Arc::new(devices), local: self.compiled.local.clone() }
    }

    /// The lists, in the order of the configuration.
    pub fn lists(&self) -> &[ListView] {
        &self.compiled.lists
    }

    /// What is wrong with the lists and profiles, one sentence each.
    pub fn problems(&self) -> &[String] {
        &self.compiled.problems
    }
}

/// The lists that are fetched, those of the configuration before those of the page.
pub fn wanted(options: &Options, settings: &Settings) -> Vec<Wanted> {
    let fixed = options.lists.iter().cloned().map(|list| (list, true));
    let wanted = |(list, enabled): (ListOptions, bool)| {
        let (name, format) = (list.name, list.format);
        list.subscription.map(|subscription| Wanted { name, subscription, format, enabled })
    };
    fixed.chain(added(options, settings)).filter_map(wanted).collect()
}

/// The configuration, with the lists of the page behind its own. Of two lists of one name it is the configuration's that counts.
pub(super) fn in_force(options: &Options, settings: &Settings) -> Options {
    let mut joined = options.clone();
    joined.lists.extend(added(options, settings).filter(|(_, enabled)| *enabled).map(|(list, _)| list));
    joined.local.records = records(&options.local.records, settings);
    joined.profiles = profiles::joined(&options.profiles, settings);
    joined
}

/// The lists of the page, and whether they are switched on.
fn added<'a>(options: &'a Options, settings: &'a Settings) -> impl Iterator<Item = (ListOptions, bool)> + 'a {
    let others = settings.lists.iter().filter(|list| !options.lists.iter().any(|fixed| fixed.name == list.name));
    let dir = &options.subscriptions.dir;
    others.filter_map(move |list| {
        // What the page takes can be read; what someone wrote into the settings by hand may not.
        let url = list.source.parse().ok()?;
        let options = ListOptions {
            path: copy_path(dir, &list.name),
            name: list.name.clone(),
            action: list.action,
            format: list.format,
            trusted: false,
            tier: Default::default(),
            subscription: Some(Subscription { url, private_server: list.private_server, refresh: None }),
            confirmed: Default::default(),
        };
        Some((options, list.enabled))
    })
}

/// Reads the lists of `options` and compiles them with `rules`. Where a list cannot be read or is refused, its last good
/// copy from `shelf` takes its place, and a zone stays as it was `before`.
pub(super) fn compile(options: &Options, mut shelf: Shelf, rules: Vec<OwnRule>, before: Option<&Local>) -> Compiled {
    let cabinet = Cabinet::new(options.compiled.clone());
    let mut found = lists::read(&options.lists, &shelf, &cabinet);
    let (profiles, mut problems) = expand(&options.profiles, &found);
    let names_key = Cabinet::names_key(found.iter().map(Found::content_key));
    let names = cabinet.names(&names_key);
    let joined = names.is_none();
    if joined {
        found.iter_mut().for_each(|list| list.mend(&shelf, &cabinet));
    }
    let hosts = options.lists.iter().filter_map(|list| list.subscription.as_ref()?.url.server_name());
    let policy = Policy::compile(PolicySources {
        lists: found.iter().map(|list| list.source.clone()).collect(),
        profiles,
        rules,
        blocking: options.blocking,
        essential: options.essential.iter().cloned().chain(hosts).collect(),
        names,
    });
    if joined && policy.unjoined().is_none() {
        cabinet.keep_names(&names_key, &policy);
    }
    let mut views = Vec::with_capacity(found.len());
    for (list, report) in found.into_iter().zip(policy.lists()) {
        let problem = list.problem.as_ref().map(|problem| {
            let instead = match list.good {
                Some(_) => "the last good copy of it stays in force",
                None => "nothing of it is in force",
            };
            format!("list {}: {problem}; {instead}", list.source.name)
        });
        if let (Some(good), Ok(content)) = (&list.good, &list.source.content) {
            shelf.put(list.shelf_key(), good.clone(), content, &cabinet);
        }
        problems.extend(problem.clone());
        problems.extend(held_back(report, &list.path));
        let report = list.refused.filter(|_| list.good.is_none()).map_or_else(
            || report.clone(),
            |refused| ListReport { name: report.name.clone(), action: report.action, ..refused },
        );
        let url = fetched_from(options, &list.group);
        views.push(ListView {
            is_fetched: url.is_some(),
            group: list.group,
            source: url.unwrap_or(list.path),
            trusted: list.source.trusted,
            report,
            problem,
            since: None,
            content: list.content,
            in_force: list.good.is_some(),
        });
    }
    let guards = policy.guards();
    for off in options.guards_off.iter().filter(|off| !guards.iter().any(|guard| guard.id == **off)) {
        problems.push(format!(
            "guards: no list called {} guards {}; the entry has no effect, correct it in config.toml",
            off.list, off.name
        ));
    }
    shelf.retain(|(group, name)| views.iter().any(|view| view.group == *group && view.report.name == *name));
    match policy.unjoined() {
        Some(why) => problems.push(unjoined(why, "nothing of any list is in force")),
        None => cabinet.stand(&shelf.on_disk(), &names_key),
    }
    let zones: Vec<_> = options.local.zones.iter().map(|zone| zones::read(&zone.path)).collect();
    let (mut local, wrong) = Local::assemble(&options.local, &zones, before);
    let groups = views.iter().map(|view| (view.group.clone(), view.report.name.clone()));
    local.answers = Answers::new(&options.local.answers, groups);
    problems.extend(wrong);
    Compiled { policy: Arc::new(policy), local: Arc::new(local), lists: views.into(), shelf, problems }
}

/// What the operator is told when all lists failed together.
fn unjoined(why: &str, instead: &str) -> String {
    format!("the lists could not be put together: {why}; {instead}")
}

fn fetched_from(options: &Options, group: &str) -> Option<PathBuf> {
    let list = options.lists.iter().find(|list| list.name == group)?;
    list.subscription.as_ref().map(|subscription| subscription.url.to_string().into())
}

/// What the operator must know of rules in quarantine.
fn held_back(report: &ListReport, path: &Path) -> Option<String> {
    let first = report.quarantine.first()?;
    let (name, path, count) = (&report.name, path.display(), report.quarantined);
    Some(format!(
        "list {name}: {count} of its rules reach too far and are not in force, the first in line {} of {path}: {}; if \
         that is what you want, write confirmed = [\"too_wide\"] for the list in config.toml",
        first.line, first.why
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use super::*;
    use crate::control::ListOptions;
    use crate::policy::{Action, Blob, Content, Format, ListSource, Part, Reading};

    /// A part whose names cannot be read any more, though its head can.
    #[derive(Debug)]
    struct Torn(Vec<u8>);

    impl Blob for Torn {
        fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
            if at == 0 { Err(io::Error::other("the disk is gone")) } else { self.0.read_at(buffer, at) }
        }
    }

    #[test]
    fn what_was_in_force_stays_when_the_lists_cannot_be_put_together() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("mine.txt");
        fs::write(&path, "ads.example\n").unwrap();
        let options = Options { lists: vec![ListOptions::blocking("mine", &path)], ..Options::default() };
        let mut state = State::load(options.clone(), Settings::default());
        let (before, lists) = (state.compiled.policy.clone(), state.compiled.lists.clone());

        let reading = Reading { format: Format::Auto, trusted: false, wide: false };
        let mut bytes = Vec::new();
        Part::compile(reading, &mut &b"tv.example\n"[..], &mut bytes).unwrap();
        let len = bytes.len() as u64;
        let torn = ListSource {
            name: "mine".into(),
            action: Action::Block,
            format: Format::Auto,
            trusted: false,
            tier: Default::default(),
            content: Ok(Content::Part(Part::open(Arc::new(Torn(bytes)), len).unwrap())),
        };
        let policy = Policy::compile(PolicySources { lists: vec![torn], ..PolicySources::default() });
        let failed = Compiled { policy: Arc::new(policy), ..compile(&options, Shelf::default(), vec![], None) };
        assert!(!state.take(failed, options));
        assert!(Arc::ptr_eq(&state.compiled.policy, &before) && Arc::ptr_eq(&state.compiled.lists, &lists));
        let [problem] = state.problems() else { panic!("{:?}", state.problems()) };
        assert!(problem.contains("the disk is gone") && problem.ends_with("stays in force"), "{problem}");
    }

    #[test]
    fn the_last_good_copy_stays_in_force() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("mine.txt");
        fs::write(&path, "ads.example\n").unwrap();
        let options = Options { lists: vec![ListOptions::blocking("mine", &path)], ..Options::default() };
        let first = compile(&options, Shelf::default(), vec![], None);
        assert!(first.problems.is_empty(), "{:?}", first.problems);
        fs::remove_file(&path).unwrap();
        let second = compile(&options, first.shelf, vec![], None);
        assert!(second.problems[0].ends_with("the last good copy of it stays in force"), "{:?}", second.problems);
        assert_eq!(second.lists[0].report, first.lists[0].report);
        let third = compile(&options, Shelf::default(), vec![], None);
        assert!(third.problems[0].ends_with("nothing of it is in force"), "{:?}", third.problems);
    }
}
