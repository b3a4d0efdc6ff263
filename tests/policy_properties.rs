//! The compiled policy against an evaluator that knows nothing but the text of the rules and looks at each in turn.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use proptest::sample::select;
use sordino::policy::{
    Action, Asker, DeviceId, Format, ListSource, Name, OwnRule, Policy, PolicySources, Profile, Scope, Tier, Verdict,
};
use sordino::time::Timestamp;

/// A rule of a list in one of the forms that lists write.
#[derive(Clone, Debug)]
struct Line {
    form: Form,
    name: String,
    exception: bool,
    important: bool,
    only_aaaa: bool,
    badfilter: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
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
struct Row {
    class: &'static str,
    name: String,
    subtree: bool,
    thorough: bool,
}

#[derive(Clone, Debug)]
enum Content {
    Lines(Vec<Line>),
    Rows(Vec<Row>),
}

#[derive(Clone, Debug)]
struct List {
    action: Action,
    trusted: bool,
    thorough: bool,
    /// What the profile makes of it: nothing, no list at all, or another action.
    under_profile: Option<Option<Action>>,
    content: Content,
}

#[derive(Clone, Debug)]
struct Own {
    name: String,
    subtree: bool,
    action: Action,
    scope: u8,
    ended: bool,
}

#[derive(Clone, Debug)]
struct World {
    lists: Vec<List>,
    own: Vec<Own>,
    with_profiles: bool,
    names: Vec<String>,
    aaaa: bool,
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
    fn action(&self, list: &List) -> Option<Action> {
        list.under_profile.filter(|_| self.with_profiles).unwrap_or(Some(list.action))
    }

    /// The verdict and who decided it, straight from the order of decision.
    fn expected(&self, name: &str) -> (Verdict, Option<String>) {
        let own = self.own.iter().filter(|rule| {
            !rule.ended
                && (name == rule.name || rule.subtree && is_or_is_below(name, &rule.name))
                && match rule.scope {
                    0 | 2 => true,
                    1 => self.with_profiles,
                    _ => false,
                }
        });
        let order = |action| [Action::Allow, Action::Block, Action::Watch].iter().position(|one| *one == action);
        if let Some(rule) = own.min_by_key(|rule| (rule.scope, order(rule.action))) {
            return (rule.action.into(), Some("own".into()));
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
    fn is_guarded(&self, name: &str) -> bool {
        self.catalogue(name).is_some_and(|(rank, _)| rank == 0)
            && self.expected(name).1.is_none_or(|list| list != "own")
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

    fn policy(&self) -> Policy {
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
            name: Name::parse(&rule.name).unwrap(),
            subtree: rule.subtree,
            action: rule.action,
            scope: match rule.scope {
                0 => Scope::Device(DeviceId::Named("phone".into())),
                1 => Scope::Profile("home".into()),
                2 => Scope::Everyone,
                _ => Scope::Device(DeviceId::Named("other".into())),
            },
            since: Timestamp::from_millis(0),
            until: rule.ended.then(|| Timestamp::from_millis(1000)),
        });
        let sources = PolicySources {
            lists: lists.collect(),
            profiles: if self.with_profiles { vec![profile] } else { Vec::new() },
            ..PolicySources::default()
        };
        Policy::compile(sources).with_rules(rules.collect())
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

/// Names out of few labels, so that rules and questions meet often.
fn names() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(vec!["ab", "b", "ab-b", "bb"]), 2..5).prop_map(|labels| labels.join("."))
}

fn actions() -> impl Strategy<Value = Action> {
    select(vec![Action::Block, Action::Block, Action::Watch, Action::Allow])
}

fn lines() -> impl Strategy<Value = Line> {
    use Form::*;
    let forms = select(vec![Plain, Hosts, Exact, Subtree, Subtree, Below, LabelStart, End, Starred, Expression]);
    let rarely = || proptest::bool::weighted(0.2);
    (forms, names(), rarely(), rarely(), rarely(), rarely()).prop_map(
        |(form, name, exception, important, only_aaaa, badfilter)| {
            let plain = form == Hosts;
            Line {
                form,
                name,
                exception: exception && !plain,
                important: important && !plain,
                only_aaaa: only_aaaa && !plain,
                badfilter: badfilter && !plain,
            }
        },
    )
}

fn rows() -> impl Strategy<Value = Row> {
    let class = select(vec!["block", "block", "watch", "never"]);
    (class, names(), any::<bool>(), any::<bool>()).prop_map(|(class, name, subtree, thorough)| Row {
        class,
        name,
        subtree,
        thorough,
    })
}

fn lists() -> impl Strategy<Value = List> {
    let content = prop_oneof![
        3 => proptest::collection::vec(lines(), 1..12).prop_map(Content::Lines),
        1 => proptest::collection::vec(rows(), 1..8).prop_map(Content::Rows),
    ];
    let under_profile = proptest::option::of(proptest::option::of(actions()));
    (actions(), any::<bool>(), any::<bool>(), under_profile, content).prop_map(
        |(action, trusted, thorough, under_profile, content)| List {
            action,
            trusted,
            thorough,
            under_profile,
            content,
        },
    )
}

fn own_rules() -> impl Strategy<Value = Own> {
    (names(), any::<bool>(), actions(), 0u8..4, proptest::bool::weighted(0.3))
        .prop_map(|(name, subtree, action, scope, ended)| Own { name, subtree, action, scope, ended })
}

fn worlds() -> impl Strategy<Value = World> {
    (
        proptest::collection::vec(lists(), 0..5),
        prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(own_rules(), 1..4)],
        any::<bool>(),
        proptest::collection::vec(names(), 12),
        any::<bool>(),
    )
        .prop_map(|(lists, own, with_profiles, names, aaaa)| World { lists, own, with_profiles, names, aaaa })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_compiled_policy_judges_as_reading_every_rule_would(world in worlds()) {
        let policy = world.policy();
        for report in policy.lists() {
            prop_assert!(report.problem.is_none() && report.rejected == 0, "{report:?}");
        }
        let device = DeviceId::Named("phone".into());
        let address: IpAddr = Ipv4Addr::LOCALHOST.into();
        let profile = policy.profile("home").unwrap_or_default();
        let asker = Asker { device: &device, profile, address, name: "phone", tags: &[] };
        let (qtype, at) = (if world.aaaa { 28 } else { 1 }, Timestamp::from_millis(1000));
        for text in &world.names {
            let name = Name::parse(text).unwrap();
            let judged = policy.judge(&asker, name.as_ref(), qtype, at);
            let (verdict, list) = world.expected(text);
            prop_assert_eq!((judged.verdict, judged.list.as_deref()), (verdict, list.as_deref()), "{}", text);
            prop_assert_eq!(judged.guarded, world.is_guarded(text), "{}", text);
            let explained = policy.explain(&asker, name.as_ref(), qtype, at);
            let first = explained.matches.first();
            prop_assert_eq!(explained.verdict, verdict);
            match (first, list.as_deref()) {
                (Some(first), Some(list)) => prop_assert_eq!((&*first.list, first.verdict), (list, verdict)),
                // A guard that nothing was in need of is told all the same.
                (Some(first), None) => prop_assert!(judged.guarded && first.verdict == Verdict::Pass, "{first:?}"),
                (None, list) => prop_assert_eq!(list, None),
            }
        }
    }
}
