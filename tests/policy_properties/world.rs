//! Lists, own rules and pauses in a form that can be read one by one, and what follows from them by the order of decision.

use std::fmt::Write as _;

use sordino::policy::{
    Action, DeviceId, Format, GuardId, Kind, ListSource, OwnRule, OwnTarget, Pause, Policy, PolicySources, Profile,
    Scope, Tier, Verdict,
};
use sordino::time::Timestamp;

use crate::hours::Span;

/// 1970-01-05, a Monday.
const MONDAY: u64 = 4 * 86_400_000;

/// A rule of a list in one of the forms that lists write.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) form: Form,
    pub(crate) name: String,
    pub(crate) exception: bool,
    pub(crate) important: bool,
    pub(crate) only_aaaa: bool,
    pub(crate) badfilter: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Hosts,
    Exact,
    Subtree,
    Below,
    /// `||name`, open at the end.
    LabelStart,
    /// `name|`, open at the front.
    End,
    /// `|a*name^`, with a star after the first character.
    Starred,
    Expression,
}

/// A row of a catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) subtree: bool,
    pub(crate) thorough: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Lines(Vec<Line>),
    Rows(Vec<Row>),
}

#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) action: Action,
    pub(crate) trusted: bool,
    pub(crate) thorough: bool,
    /// What the profile makes of it: nothing, no list at all, or another action.
    pub(crate) under_profile: Option<Option<Action>>,
    pub(crate) content: Content,
    /// Which of the schedules it has, and which under the profile, where that says another thing.
    pub(crate) schedule: Option<usize>,
    pub(crate) schedule_under_profile: Option<Option<usize>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) action: Action,
    pub(crate) scope: u8,
    pub(crate) ended: bool,
}

/// For whom, and whether it has ended.
#[derive(Clone, Debug)]
pub(crate) struct Paused {
    pub(crate) scope: u8,
    pub(crate) ended: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) lists: Vec<List>,
    pub(crate) own: Vec<Own>,
    pub(crate) pauses: Vec<Paused>,
    /// Names whose guards are switched off, in every list.
    pub(crate) guards_off: Vec<String>,
    pub(crate) with_profiles: bool,
    pub(crate) names: Vec<String>,
    pub(crate) aaaa: bool,
    /// The schedules there are, each the slots of it.
    pub(crate) schedules: Vec<Vec<Span>>,
    /// When all this is, as a minute of the week.
    pub(crate) minute: u32,
    /// Whether the moments at which schedules begin and end were worked out beforehand.
    pub(crate) prepared: bool,
}

impl Line {
    fn text(&self) -> String {
        let (name, exception) = (&self.name, if self.exception { "@@" } else { "" });
        let pattern = match self.form {
            Form::Hosts => return format!("0.0.0.0 {name}"),
            Form::Plain => name.clone(),
            Form::Exact => format!("|{name}^"),
            Form::Subtree => format!("||{name}^"),
            Form::Below => format!("*.{name}"),
            Form::LabelStart => format!("||{name}"),
            Form::End => format!("{name}|"),
            Form::Starred => format!("|{}*{}^", &name[..1], &name[1..]),
            Form::Expression => format!("/^{}$/", name.replace('.', "\\.")),
        };
        let modifiers =
            [(self.important, "important"), (self.only_aaaa, "dnstype=AAAA"), (self.badfilter, "badfilter")];
        let modifiers: Vec<&str> = modifiers.into_iter().filter(|(is, _)| *is).map(|(_, modifier)| modifier).collect();
        let sign = if modifiers.is_empty() { "" } else { "$" };
        format!("{exception}{pattern}{sign}{}", modifiers.join(","))
    }

    fn names(&self, name: &str) -> bool {
        let own = self.name.as_str();
        match self.form {
            Form::Plain | Form::Hosts | Form::Exact | Form::Expression => name == own,
            Form::Subtree => is_or_is_below(name, own),
            Form::Below => name != own && is_or_is_below(name, own),
            Form::LabelStart => {
                name.starts_with(own) || name.match_indices('.').any(|(at, _)| name[at + 1..].starts_with(own))
            }
            Form::End => name.ends_with(own),
            Form::Starred => name.len() >= own.len() && name.starts_with(&own[..1]) && name.ends_with(&own[1..]),
        }
    }

    /// Whether `$badfilter` of `self` is about `other`: the same pattern, however one of the two exact forms spells it.
    fn switches_off(&self, other: &Self) -> bool {
        let exact = |form| if form == Form::Plain { Form::Exact } else { form };
        self.badfilter
            && !other.badfilter
            && exact(self.form) == exact(other.form)
            && self.name == other.name
            && (self.exception, self.important, self.only_aaaa) == (other.exception, other.important, other.only_aaaa)
    }
}

fn is_or_is_below(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|front| front.ends_with('.'))
}

impl World {
    /// The moment at which all this is.
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millis(MONDAY + u64::from(self.minute) * 60_000)
    }

    fn action(&self, list: &List) -> Option<Action> {
        let action = list.under_profile.filter(|_| self.with_profiles).unwrap_or(Some(list.action));
        action.filter(|_| self.is_in_its_hours(list))
    }

    /// The verdict and who decided it, straight from the order of decision.
    pub(crate) fn expected(&self, name: &str) -> (Verdict, Option<String>) {
        let own = self.own.iter().filter(|rule| !rule.ended && rule.names(name) && self.is_meant(rule.scope));
        let order = |action| [Action::Allow, Action::Block, Action::Watch].iter().position(|one| *one == action);
        let own = own.min_by_key(|rule| (rule.scope, order(rule.action)));
        let paused = self.pauses.iter().any(|pause| !pause.ended && self.is_meant(pause.scope));
        match own {
            Some(rule) if rule.action == Action::Allow => return (Verdict::Allow, Some("own".into())),
            _ if paused => return (Verdict::Allow, Some("pause".into())),
            Some(rule) => return (rule.action.into(), Some("own".into())),
            None => {}
        }
        let of_catalogue = self.catalogue(name);
        let guard = of_catalogue.filter(|(rank, _)| *rank == 0);
        let mut ranked = of_catalogue.into_iter().filter(|(rank, _)| *rank > 0).collect::<Vec<_>>();
        for (place, list) in self.lists.iter().enumerate() {
            if let (Content::Lines(lines), Some(action)) = (&list.content, self.action(list)) {
                let in_force = lines.iter().filter(|line| !line.badfilter && !self.is_switched_off(place, line));
                let naming = in_force.filter(|line| line.names(name) && (!line.only_aaaa || self.aaaa));
                ranked.extend(naming.map(|line| (rank(line, action, list.trusted), place)));
            }
        }
        let first = ranked.into_iter().min();
        // A guard has a say only against what would mute the name, or count it as muted.
        let decided = guard.filter(|_| first.is_some_and(|(rank, _)| matches!(rank, 2 | 4 | 6)));
        match decided.or(first) {
            None => (Verdict::Pass, None),
            Some((rank, place)) => {
                let verdict = match rank {
                    0 | 1 | 3 => Verdict::Allow,
                    2 | 4 => Verdict::Block,
                    5 => Verdict::Pass,
                    _ => Verdict::Watch,
                };
                (verdict, Some(format!("l{place}")))
            }
        }
    }

    /// Whether where the name leads to is nothing to the lists.
    pub(crate) fn is_guarded(&self, name: &str) -> bool {
        self.catalogue(name).is_some_and(|(rank, _)| rank == 0)
            && self.expected(name).1.is_none_or(|list| list != "own" && list != "pause")
    }

    /// Whether a rule or a pause with this scope is for the one who asks.
    fn is_meant(&self, scope: u8) -> bool {
        match scope {
            0 | 2 => true,
            1 => self.with_profiles,
            _ => false,
        }
    }

    fn is_switched_off(&self, place: usize, line: &Line) -> bool {
        line.form != Form::Hosts
            && self.lists.iter().enumerate().any(|(other, list)| match &list.content {
                Content::Lines(lines) if other == place || list.trusted => {
                    lines.iter().any(|one| one.switches_off(line))
                }
                _ => false,
            })
    }

    fn catalogue(&self, name: &str) -> Option<(u8, usize)> {
        let mut best = None;
        for (place, list) in self.lists.iter().enumerate() {
            let (Content::Rows(rows), Some(action)) = (&list.content, self.action(list)) else {
                continue;
            };
            for row in rows.iter().filter(|row| row.name == name || row.subtree && is_or_is_below(name, &row.name)) {
                let never = row.class == "never";
                if never && self.guards_off.contains(&row.name) {
                    continue;
                }
                let fit = (row.name.split('.').count(), never, !row.subtree, row.class == "block");
                let rank = match action {
                    _ if never => 0,
                    Action::Allow => 3,
                    Action::Block if row.class == "block" && (list.thorough || !row.thorough) => 4,
                    _ => 6,
                };
                if best.is_none_or(|(fitting, _)| fitting < fit) {
                    best = Some((fit, (rank, place)));
                }
            }
        }
        best.map(|(_, ranked)| ranked)
    }

    pub(crate) fn policy(&self) -> Policy {
        let lists = self.lists.iter().enumerate().map(|(place, list)| ListSource {
            name: format!("l{place}").into(),
            action: list.action,
            format: match list.content {
                Content::Lines(_) => Format::Adblock,
                Content::Rows(_) => Format::Catalogue,
            },
            trusted: list.trusted,
            tier: if list.thorough { Tier::Thorough } else { Tier::Careful },
            content: Ok(list.content.text().into_bytes().into()),
        });
        let overrides = self.lists.iter().enumerate();
        let overrides = overrides.filter_map(|(place, list)| Some((format!("l{place}"), list.under_profile?)));
        let profile = Profile { name: "home".into(), lists: overrides.collect() };
        let rules = (0..).zip(&self.own).map(|(id, rule)| OwnRule {
            id,
            target: OwnTarget::parse(rule.kind, &rule.text()).unwrap(),
            comment: None,
            action: rule.action,
            scope: scope(rule.scope),
            since: Timestamp::from_millis(0),
            until: rule.ended.then(|| self.at()),
        });
        let sources = PolicySources {
            lists: lists.collect(),
            profiles: if self.with_profiles { vec![profile] } else { Vec::new() },
            ..PolicySources::default()
        };
        let pauses = (0..).zip(&self.pauses).map(|(id, pause)| Pause {
            id,
            scope: scope(pause.scope),
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(self.at().millis() + u64::from(!pause.ended)),
        });
        let off = self.lists.iter().enumerate().flat_map(|(place, _)| {
            self.guards_off.iter().map(move |name| GuardId { list: format!("l{place}"), name: name.clone() })
        });
        let policy = Policy::compile(sources).with_rules(rules.collect()).with_pauses(pauses.collect());
        let policy = policy.without_guards(off).with_schedules(&self.schedules());
        if self.prepared { policy.prepared(self.at()).unwrap_or(policy) } else { policy }
    }
}

fn scope(number: u8) -> Scope {
    match number {
        0 => Scope::Device(DeviceId::Named("phone".into())),
        1 => Scope::Profile("home".into()),
        2 => Scope::Everyone,
        _ => Scope::Device(DeviceId::Named("other".into())),
    }
}

impl Own {
    /// A wildcard is the name with a star in the place of its first character, an expression its begin.
    fn text(&self) -> String {
        match self.kind {
            Kind::Wildcard => format!("*{}", &self.name[1..]),
            Kind::Regex => format!("^{}", self.start().replace('.', "\\.")),
            Kind::Exact | Kind::Subtree => self.name.clone(),
        }
    }

    fn names(&self, name: &str) -> bool {
        match self.kind {
            Kind::Exact => name == self.name,
            Kind::Subtree => is_or_is_below(name, &self.name),
            Kind::Wildcard => name.ends_with(&self.name[1..]),
            Kind::Regex => name.starts_with(self.start()),
        }
    }

    fn start(&self) -> &str {
        &self.name[..self.name.len().min(4)]
    }
}

impl Content {
    fn text(&self) -> String {
        match self {
            Self::Lines(lines) => lines.iter().map(|line| line.text() + "\n").collect(),
            Self::Rows(rows) => {
                let mut text =
                    String::from("vendor = 'V'\nabout = 'A.'\n[[product]]\nname = 'P'\npurpose = 'ads'\nnames = [\n");
                for Row { class, name, subtree, thorough } in rows {
                    let tier = if *thorough { "thorough" } else { "careful" };
                    writeln!(text, "{{ {class} = '{name}', subtree = {subtree}, tier = '{tier}' }},").unwrap();
                }
                text + "]\n"
            }
        }
    }
}

fn rank(line: &Line, action: Action, trusted: bool) -> u8 {
    let important = line.important && trusted;
    match (action, line.exception) {
        (Action::Watch, true) => 5,
        (Action::Watch, false) => 6,
        (Action::Allow, _) | (Action::Block, true) => {
            if important {
                1
            } else {
                3
            }
        }
        (Action::Block, false) => {
            if important {
                2
            } else {
                4
            }
        }
    }
}
