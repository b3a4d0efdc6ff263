//! Lists, profiles and rules out of few names, and who asked for what.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use sordino::device::{Device, DeviceOptions, Devices, Known};
use sordino::insight::Asked;
use sordino::policy::{
    Action, DeviceId, Format, Kind, ListSource, Name, OwnRule, OwnTarget, Policy, PolicySources, Profile, Scope, Tier,
    Verdict,
};
use sordino::store::TallyRun;
use sordino::time::{Hour, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub(crate) const TYPE_A: u16 = 1;

#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) action: Action,
    pub(crate) trusted: bool,
    pub(crate) lines: Vec<String>,
    pub(crate) rows: Vec<(&'static str, String, bool)>,
}

impl List {
    pub(crate) fn source(&self, name: &str) -> ListSource {
        let format = if self.rows.is_empty() { Format::Adblock } else { Format::Catalogue };
        let rows: String = self
            .rows
            .iter()
            .map(|(class, name, subtree)| format!("{{ {class} = '{name}', subtree = {subtree} }},\n"))
            .collect();
        let text = match format {
            Format::Catalogue => format!(
                "vendor = 'V'\nabout = 'A.'\n[[product]]\nname = 'P'\npurpose = 'ads'\nbreaks = 'The shop.'\nnames = [\n{rows}]\n"
            ),
            _ => self.lines.join("\n"),
        };
        ListSource {
            name: name.into(),
            action: self.action,
            format,
            trusted: self.trusted,
            tier: Tier::Careful,
            content: Ok(text.into_bytes().into()),
        }
    }
}

/// Names out of few labels, so that rules and questions meet often.
pub(crate) fn names() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(vec!["ab", "b", "ab-b"]), 2..4).prop_map(|labels| labels.join("."))
}

pub(crate) fn actions() -> impl Strategy<Value = Action> {
    select(vec![Action::Block, Action::Block, Action::Watch, Action::Allow])
}

pub(crate) fn lines(trusted: bool) -> impl Strategy<Value = String> {
    let forms = select(vec!["", "||", "||", "*.", "@@||", "@@|", "important", "rewrite", "phone"]);
    (forms, names()).prop_map(move |(form, name)| match form {
        "" | "*." => format!("{form}{name}"),
        "important" => format!("||{name}^$important"),
        "rewrite" if trusted => format!("||{name}^$dnsrewrite=NXDOMAIN"),
        "phone" => format!("||{name}^$client=10.0.0.1"),
        "rewrite" => name,
        form => format!("{form}{name}^"),
    })
}

pub(crate) fn text_list() -> impl Strategy<Value = List> {
    any::<bool>().prop_flat_map(|trusted| {
        (actions(), proptest::collection::vec(lines(trusted), 1..8)).prop_map(move |(action, lines)| List {
            action,
            trusted,
            lines,
            rows: Vec::new(),
        })
    })
}

pub(crate) fn catalogue() -> impl Strategy<Value = List> {
    let class = select(vec!["block", "block", "watch", "never"]);
    let rows = proptest::collection::btree_map(names(), (class, any::<bool>()), 1..6);
    (select(vec![Action::Block, Action::Watch]), rows).prop_map(|(action, rows)| {
        let rows = rows.into_iter().map(|(name, (class, subtree))| (class, name, subtree)).collect();
        List { action, trusted: true, lines: Vec::new(), rows }
    })
}

pub(crate) fn own_rule() -> impl Strategy<Value = OwnRule> {
    let scope = select(vec![
        Scope::Everyone,
        Scope::Everyone,
        Scope::Device(phone(1)),
        Scope::Profile("home".into()),
        Scope::Profile("guests".into()),
    ]);
    let patterned = proptest::option::weighted(0.3, select(vec![Kind::Wildcard, Kind::Regex]));
    (names(), any::<bool>(), patterned, actions(), scope).prop_map(|(name, subtree, patterned, action, scope)| {
        let plain = rule(1, &name, subtree, action, scope);
        let target = |kind| match kind {
            Kind::Wildcard => OwnTarget::parse(kind, &format!("*{}", &name[1..])),
            _ => OwnTarget::parse(kind, &format!("^{}", &name[..2])),
        };
        OwnRule { target: patterned.map_or_else(|| plain.target.clone(), |kind| target(kind).unwrap()), ..plain }
    })
}

pub(crate) fn rule(id: u64, name: &str, subtree: bool, action: Action, scope: Scope) -> OwnRule {
    let target = OwnTarget::parse(Kind::of(None, subtree), name).unwrap();
    OwnRule { id, target, comment: None, action, scope, since: NOW, until: None }
}

pub(crate) fn phone(number: u8) -> DeviceId {
    DeviceId::Named(format!("phone{number}").into())
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) lists: Vec<List>,
    /// Which lists the guests' profile leaves out.
    pub(crate) left_out: Vec<bool>,
    pub(crate) rules: Vec<OwnRule>,
    pub(crate) asked: Vec<(u8, String, u64)>,
}

pub(crate) fn worlds() -> impl Strategy<Value = World> {
    (
        proptest::collection::vec(text_list(), 0..4),
        proptest::option::of(catalogue()),
        proptest::collection::vec(any::<bool>(), 5),
        proptest::collection::vec(own_rule(), 0..3),
        proptest::collection::vec((1u8..4, names(), 1u64..50), 1..20),
    )
        .prop_map(|(mut lists, catalogue, left_out, rules, asked)| {
            lists.extend(catalogue);
            let rules = (1..).zip(rules).map(|(id, rule)| OwnRule { id, ..rule }).collect();
            World { lists, left_out, rules, asked }
        })
}

/// Policy and devices that belong together.
pub(crate) struct House {
    pub(crate) policy: Policy,
    pub(crate) devices: Devices,
}

impl World {
    pub(crate) fn sources(&self) -> Vec<ListSource> {
        self.lists.iter().enumerate().map(|(place, list)| list.source(&format!("l{place}"))).collect()
    }

    pub(crate) fn compile(&self, lists: Vec<ListSource>) -> Policy {
        let left_out = lists.iter().zip(&self.left_out).filter(|(_, out)| **out);
        let guests = left_out.map(|(list, _)| (list.name.to_string(), None)).collect();
        let profiles =
            vec![Profile { name: "home".into(), lists: Vec::new() }, Profile { name: "guests".into(), lists: guests }];
        let rules = self.rules.clone();
        Policy::compile(PolicySources { lists, profiles, rules, ..PolicySources::default() })
    }

    pub(crate) fn house(&self, policy: Policy) -> House {
        let options: Vec<DeviceOptions> = (1u8..4)
            .map(|number| DeviceOptions {
                id: None,
                name: format!("phone{number}"),
                mac: None,
                networks: vec![([10, 0, 0, number].into(), 32)],
                profile: (number == 3).then(|| "guests".into()),
                tags: Vec::new(),
                unlogged: false,
            })
            .collect();
        let known = Known { configured: &options, ..Known::default() };
        let devices = Devices::assemble(&known, &policy);
        House { policy, devices }
    }

    pub(crate) fn asked(&self) -> Asked {
        let rows: Vec<Row> = self.asked.iter().map(|(who, name, count)| row(*who, 1, name, *count)).collect();
        Asked::sum(|each| tell(&rows, each))
    }

    /// Every pair that was asked, with its count.
    pub(crate) fn pairs(&self) -> BTreeMap<(u8, &str), u64> {
        let mut pairs = BTreeMap::new();
        for (who, name, count) in &self.asked {
            *pairs.entry((*who, name.as_str())).or_default() += count;
        }
        pairs
    }
}

/// What a device asked in an hour.
pub(crate) struct Row(DeviceId, Name, [(Hour, u64); 1]);

pub(crate) fn row(who: u8, hour: u32, name: &str, count: u64) -> Row {
    Row(phone(who), Name::parse(name).unwrap(), [(Hour::from_number(hour), count)])
}

pub(crate) fn tell(rows: &[Row], each: &mut dyn FnMut(TallyRun<'_>)) {
    for Row(device, name, hours) in rows {
        each(TallyRun { device, name, verdict: Verdict::Pass, hours });
    }
}

pub(crate) fn device(house: &House, who: u8) -> Device {
    (**house.devices.find(&phone(who)).unwrap()).clone()
}

pub(crate) fn verdict(house: &House, policy: &Policy, who: u8, name: &str) -> Verdict {
    let device = device(house, who);
    policy.judge(&device.asker([10, 0, 0, who].into()), Name::parse(name).unwrap().as_ref(), TYPE_A, NOW).verdict
}
