//! Everything a snapshot is built from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::lists::{self, Found, Shelf};
use super::subscriptions::{Subscription, Wanted, copy_path};
use super::{ListOptions, ListView, Options, zones};
use crate::device::Devices;
use crate::local::{Answers, Local};
use crate::policy::{ListReport, MacAddr, OwnRule, Policy, PolicySources, Profile};
use crate::snapshot::Snapshot;
use crate::store::Settings;

/// What the configuration fixes, what the page changed and who is in the house, with the policy that follows from it.
#[derive(Debug)]
pub struct State {
    pub(super) options: Options,
    pub(super) settings: Settings,
    pub(super) neighbours: HashMap<IpAddr, MacAddr>,
    pub(super) compiled: Compiled,
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
        let compiled = compile(&in_force(&options, &settings), Shelf::default(), settings.rules.clone(), None);
        let mut state = Self { options, settings, neighbours: HashMap::new(), compiled };
        state.switch_guards();
        state
    }

    /// Puts the choice of guards in force: those that `config.toml` or the page switches off are off.
    pub(super) fn switch_guards(&mut self) {
        let off = self.options.guards_off.iter().chain(&self.settings.guards_off).cloned();
        self.compiled.policy = Arc::new(self.compiled.policy.without_guards(off));
    }

    /// This state in a house where `neighbours` says who uses which address.
    pub fn with_neighbours(self, neighbours: HashMap<IpAddr, MacAddr>) -> Self {
        Self { neighbours, ..self }
    }

    /// The snapshot that follows from it.
    pub fn snapshot(&self) -> Snapshot {
        let policy = self.compiled.policy.clone();
        let names = &self.settings.device_names;
        let devices = Devices::assemble(&self.options.devices, names, &self.neighbours, &policy);
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
        };
        Some((options, list.enabled))
    })
}

/// Reads the lists of `options` and compiles them with `rules`. Where a list cannot be read or is refused, its last good
/// copy from `shelf` takes its place, and a zone stays as it was `before`.
pub(super) fn compile(options: &Options, mut shelf: Shelf, rules: Vec<OwnRule>, before: Option<&Local>) -> Compiled {
    let mut found = lists::read(&options.lists, &shelf);
    let mut fell_back: Vec<bool> =
        found.iter_mut().map(|list| list.problem.is_some() && list.fall_back(&shelf)).collect();
    let (profiles, mut problems) = expand(&options.profiles, &found);
    let build = |found: &[Found]| {
        Policy::compile(PolicySources {
            lists: found.iter().map(|list| list.source.clone()).collect(),
            profiles: profiles.clone(),
            rules: rules.clone(),
            blocking: options.blocking,
        })
    };
    let mut policy = build(&found);
    let mut refused = false;
    for (list, fell_back) in found.iter_mut().zip(&mut fell_back) {
        let report = report(&policy, list);
        if list.problem.is_none() && report.problem.is_some() {
            let advice = "put the file right, or take the list out of config.toml";
            list.problem =
                report.problem.map(|problem| format!("{} cannot be used: {problem}; {advice}", list.path.display()));
            *fell_back = list.fall_back(&shelf);
            refused |= *fell_back;
        }
    }
    if refused {
        policy = build(&found);
    }
    let mut views = Vec::with_capacity(found.len());
    for (list, fell_back) in found.into_iter().zip(fell_back) {
        if let (None, Ok(content)) = (&list.problem, &list.source.content) {
            shelf.put(&list.group, &list.source.name, content);
        }
        let problem = list.problem.as_ref().map(|problem| {
            let instead =
                if fell_back { "the last good copy of it stays in force" } else { "nothing of it is in force" };
            format!("list {}: {problem}; {instead}", list.source.name)
        });
        problems.extend(problem.clone());
        let report = report(&policy, &list);
        let source = fetched_from(options, &list.group).unwrap_or(list.path);
        views.push(ListView { group: list.group, source, trusted: list.source.trusted, report, problem });
    }
    let guards = policy.guards();
    for off in options.guards_off.iter().filter(|off| !guards.iter().any(|guard| guard.id == **off)) {
        problems.push(format!(
            "guards: no list called {} guards {}; the entry has no effect, correct it in config.toml",
            off.list, off.name
        ));
    }
    shelf.retain(|group, name| views.iter().any(|view| *view.group == *group && *view.report.name == *name));
    let zones: Vec<_> = options.local.zones.iter().map(|zone| zones::read(&zone.path)).collect();
    let (mut local, wrong) = Local::assemble(&options.local, &zones, before);
    let groups = views.iter().map(|view| (view.group.clone(), view.report.name.clone()));
    local.answers = Answers::new(&options.local.answers, groups);
    problems.extend(wrong);
    Compiled { policy: Arc::new(policy), local: Arc::new(local), lists: views.into(), shelf, problems }
}

fn fetched_from(options: &Options, group: &str) -> Option<PathBuf> {
    let list = options.lists.iter().find(|list| list.name == group)?;
    list.subscription.as_ref().map(|subscription| subscription.url.to_string().into())
}

/// Profiles as the policy takes them: where one names a directory, it means each list in there that it does not name itself.
fn expand(profiles: &[Profile], found: &[Found]) -> (Vec<Profile>, Vec<String>) {
    let mut problems = Vec::new();
    let profiles = profiles.iter().map(|profile| {
        let mut lists = Vec::new();
        for (name, action) in &profile.lists {
            let is_one = found.iter().any(|list| *list.source.name == **name);
            let members = found.iter().filter(|list| !is_one && *list.group == **name);
            let mut members = members.map(|list| list.source.name.to_string()).peekable();
            if is_one {
                lists.push((name.clone(), *action));
            } else if members.peek().is_none() {
                problems.push(format!(
                    "profile {}: there is no list called {name}; the entry has no effect, correct it in config.toml",
                    profile.name
                ));
            }
            let own = |member: &String| !profile.lists.iter().any(|(named, _)| named == member);
            lists.extend(members.filter(own).map(|member| (member, *action)));
        }
        Profile { name: profile.name.clone(), lists }
    });
    (profiles.collect(), problems)
}

fn report(policy: &Policy, list: &Found) -> ListReport {
    let known = policy.lists().iter().find(|report| report.name == list.source.name);
    known.cloned().unwrap_or_else(|| ListReport {
        name: list.source.name.clone(),
        action: list.source.action,
        format: list.source.format,
        lines: 0,
        names: 0,
        rejected: 0,
        examples: Vec::new(),
        problem: None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::control::ListOptions;
    use crate::policy::{Action, Format};

    fn list(name: &str, path: &Path) -> ListOptions {
        ListOptions {
            name: name.into(),
            path: path.to_owned(),
            action: Action::Block,
            format: Format::Auto,
            trusted: false,
            tier: Default::default(),
            subscription: None,
        }
    }

    #[test]
    fn the_last_good_copy_stays_in_force() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("mine.txt");
        fs::write(&path, "ads.example\n").unwrap();
        let options = Options { lists: vec![list("mine", &path)], ..Options::default() };
        let first = compile(&options, Shelf::default(), vec![], None);
        assert!(first.problems.is_empty(), "{:?}", first.problems);
        fs::remove_file(&path).unwrap();
        let second = compile(&options, first.shelf, vec![], None);
        assert!(second.problems[0].ends_with("the last good copy of it stays in force"), "{:?}", second.problems);
        assert_eq!(second.lists[0].report, first.lists[0].report);
        let third = compile(&options, Shelf::default(), vec![], None);
        assert!(third.problems[0].ends_with("nothing of it is in force"), "{:?}", third.problems);
    }

    #[test]
    fn a_profile_that_names_a_directory_means_the_lists_in_it() {
        let house = tempfile::tempdir().unwrap();
        for file in ["apple.toml", "samsung.toml"] {
            fs::write(house.path().join(file), "").unwrap();
        }
        let found = lists::read(&[list("catalogue", house.path())], &Shelf::default());
        let lists =
            [("catalogue", Some(Action::Watch)), ("apple", None), ("none", None)].map(|(name, to)| (name.into(), to));
        let (profiles, problems) = expand(&[Profile { name: "guests".into(), lists: lists.into() }], &found);
        assert_eq!(profiles[0].lists, [("samsung".to_owned(), Some(Action::Watch)), ("apple".to_owned(), None)]);
        assert!(matches!(&problems[..], [problem] if problem.contains("no list called none")), "{problems:?}");
    }
}
