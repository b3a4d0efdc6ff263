//! The order of decision among lists: which of all rules that name a name has the last word.

use std::sync::Arc;

use super::catalogue::{Class, Fit};
use super::compiled::Compiled;
use super::guards::GuardsOff;
use super::list::{Action, ListId, Tier};
use super::name::NameRef;
use super::rewrite::Rewrite;
use super::rule::RewriteTo;
use super::ruleset::{Entry, Hit};
use super::timetable::Hour;
use super::verdict::Verdict;
use super::who::Asker;

/// What the policy says of one name, for one device, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// What to do. With a [`rewrite`](Self::rewrite): block where that has no answer in it, else pass.
    pub verdict: Verdict,
    /// The list that decided, [`OWN_RULES`](super::OWN_RULES) for an own rule.
    pub list: Option<Arc<str>>,
    /// The answer that a rule gives in place of the real one.
    pub rewrite: Option<Arc<Rewrite>>,
    /// Whether a guard of the catalogue stands before the name, needed or not. Where such a name leads to is not held
    /// against it: a login must not break because the host it is an alias of is on a list.
    pub guarded: bool,
}

impl Judgement {
    /// Whether an own rule of the operator decided.
    pub fn is_own(&self) -> bool {
        self.list.as_deref() == Some(super::own::OWN_RULES)
    }

    /// Whether a guard is needed against it.
    pub(super) fn mutes(&self) -> bool {
        self.rewrite.is_some() || matches!(self.verdict, Verdict::Block | Verdict::Watch)
    }

    /// What becomes of it behind a guard of `list`.
    ///
    /// Nearly every guarded name is on no list. It passes like any other, so that what is counted as allowed is what
    /// something would have muted.
    pub(super) fn behind_guard(self, list: Option<Arc<str>>) -> Self {
        if self.mutes() {
            Self { verdict: Verdict::Allow, list, rewrite: None, guarded: true }
        } else {
            Self { guarded: true, ..self }
        }
    }
}

/// Where a rule stands in the order of decision. The least goes first; own rules go before all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A guard that something would have muted the name without.
    Guard,
    Rewrite,
    ImportantException,
    ImportantBlock,
    Exception,
    Block,
    /// An exception in a list that only watches: it takes the name out of what other such lists would mute.
    WatchException,
    Watch,
    /// Takes rewrites away and says nothing else.
    RewriteException,
    /// A guard that has nothing to hold off: it says nothing of the name, only of where the name leads.
    IdleGuard,
    /// A guard that is switched off. It never counts and is only told.
    GuardOff,
}

impl Step {
    /// What a rule on this step asks for; one that gives an answer of its own is asked itself.
    pub(super) const fn verdict(self) -> Verdict {
        match self {
            Self::Guard | Self::ImportantException | Self::Exception => Verdict::Allow,
            Self::ImportantBlock | Self::Block => Verdict::Block,
            Self::Watch => Verdict::Watch,
            // Pass and not allow: a list that only watches must not free the aliases in an answer from other lists.
            Self::WatchException | Self::Rewrite | Self::RewriteException | Self::IdleGuard | Self::GuardOff => {
                Verdict::Pass
            }
        }
    }

    /// Whether a guard is needed against a rule on this step.
    pub(super) const fn mutes(self) -> bool {
        matches!(self, Self::Rewrite) || matches!(self.verdict(), Verdict::Block | Verdict::Watch)
    }
}

/// A rule that names the name, has its conditions met, and is in force for whoever asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match<'a> {
    pub(super) step: Step,
    pub(super) hit: Hit<'a>,
    pub(super) rewrite: Option<&'a RewriteTo>,
}

impl Match<'_> {
    pub(super) fn list(&self) -> ListId {
        self.hit.entry.list()
    }
}

/// One question put to the lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) asker: &'a Asker<'a>,
    pub(super) name: NameRef<'a>,
    pub(super) qtype: u16,
    pub(super) off: &'a GuardsOff,
    pub(super) hour: Hour<'a>,
}

impl Compiled {
    /// Judges by the lists alone.
    pub(super) fn judge(&self, question: Question<'_>) -> Judgement {
        let mut first: Option<(Step, ListId)> = None;
        let mut guard = None;
        let mut rewrites = Rewrites::default();
        self.each_match(question, |found| match found.rewrite {
            Some(rewrite) if found.step == Step::Rewrite => rewrites.given.push((found.list(), rewrite)),
            Some(rewrite) if found.step == Step::RewriteException => rewrites.taken_away.push(rewrite),
            _ if found.step == Step::Guard => guard = Some(found.list()),
            _ => {
                let place = (found.step, found.list());
                first = Some(first.map_or(place, |first| first.min(place)));
            }
        });
        let judged = match (rewrites.decide(question.name), first) {
            (Some((list, rewrite)), _) => Judgement {
                verdict: verdict_of(&rewrite),
                list: self.list_name(list),
                rewrite: Some(rewrite),
                guarded: false,
            },
            (None, Some((step, list))) => {
                Judgement { verdict: step.verdict(), list: self.list_name(list), ..Judgement::default() }
            }
            (None, None) => Judgement::default(),
        };
        match guard {
            Some(guard) => judged.behind_guard(self.list_name(guard)),
            None => judged,
        }
    }

    /// Tells every rule of the lists that counts for `question`. Of the catalogue only the longest match does.
    pub(super) fn each_match<'a>(&'a self, question: Question<'_>, found: impl FnMut(Match<'a>)) {
        self.each_match_under(self.actions(question.asker.profile), question, found);
    }

    /// The same where each list does what `actions` says, by its place.
    pub(super) fn each_match_under<'a>(
        &'a self,
        actions: &[Option<Action>],
        question: Question<'_>,
        mut found: impl FnMut(Match<'a>),
    ) {
        let labels = question.name.labels().count();
        let mut row: Option<(Fit, Match<'a>)> = None;
        self.ruleset.each(question.name, |hit| {
            let list = usize::from(hit.entry.list().0);
            let Some(&Some(action)) = actions.get(list) else {
                return;
            };
            if question.hour.is_off(question.asker.profile, list) {
                return;
            }
            if let Some(place) = hit.entry.row() {
                if question.off.has(&self.reports[list].name, &self.rows[place]) {
                    return;
                }
                let fit = self.rows[place].fit(&hit, labels);
                if row.is_none_or(|(best, _)| best < fit) {
                    let step = self.step_of_row(place, list, action);
                    row = Some((fit, Match { step, hit, rewrite: None }));
                }
                return;
            }
            if !self.admits(hit.entry, question) {
                return;
            }
            let extra = hit.entry.extra().map(|place| &self.ruleset.extras[place]);
            let rewrite = extra.and_then(|extra| extra.rewrite.as_ref());
            if let Some(step) = step_of(hit.entry, action, self.traits[list].trusted, rewrite.is_some()) {
                found(Match { step, hit, rewrite });
            }
        });
        if let Some((_, row)) = row {
            found(row);
        }
    }

    /// Whether the conditions of a rule are met.
    pub(super) fn admits(&self, entry: Entry, question: Question<'_>) -> bool {
        let extra = entry.extra().map(|place| &self.ruleset.extras[place]);
        extra.is_none_or(|extra| extra.conditions.admit(question.asker, question.name, question.qtype))
    }

    /// What each list does for whoever asks, its schedule considered.
    pub(super) fn actions_now(&self, question: Question<'_>) -> Vec<Option<Action>> {
        let profile = question.asker.profile;
        let actions = self.actions(profile).iter().enumerate();
        actions.map(|(list, action)| action.filter(|_| !question.hour.is_off(profile, list))).collect()
    }

    fn step_of_row(&self, place: usize, list: usize, action: Action) -> Step {
        let row = &self.rows[place];
        let too_deep = row.tier == Tier::Thorough && self.traits[list].tier == Tier::Careful;
        match (row.label.class, action) {
            (Class::Never, _) => Step::Guard,
            (_, Action::Allow) => Step::Exception,
            (Class::Block, Action::Block) if !too_deep => Step::Block,
            _ => Step::Watch,
        }
    }
}

/// The step of a list's rule; none where the list's action leaves it without a say.
pub(super) fn step_of(entry: Entry, action: Action, trusted: bool, rewrites: bool) -> Option<Step> {
    let important = trusted && entry.has(Entry::IMPORTANT);
    let exception = entry.has(Entry::EXCEPTION);
    Some(match action {
        Action::Block if rewrites && exception => Step::RewriteException,
        Action::Block if rewrites => Step::Rewrite,
        _ if rewrites && exception => return None,
        Action::Watch if exception => Step::WatchException,
        Action::Watch => Step::Watch,
        Action::Allow | Action::Block if important && (exception || action == Action::Allow) => {
            Step::ImportantException
        }
        Action::Block if important => Step::ImportantBlock,
        Action::Block if !exception => Step::Block,
        Action::Allow | Action::Block => Step::Exception,
    })
}

/// The verdict that goes with an answer given by a rule.
pub(super) fn verdict_of(rewrite: &Rewrite) -> Verdict {
    if rewrite.is_negative() { Verdict::Block } else { Verdict::Pass }
}

/// The answers that rules give for one name. Empty for nearly every name, and then it costs nothing.
#[derive(Debug, Default)]
pub(super) struct Rewrites<'a> {
    pub(super) given: Vec<(ListId, &'a RewriteTo)>,
    pub(super) taken_away: Vec<&'a RewriteTo>,
}

impl Rewrites<'_> {
    /// The one answer: an alias before an RCODE before records, of which all are given together.
    pub(super) fn decide(self, name: NameRef<'_>) -> Option<(ListId, Arc<Rewrite>)> {
        let Self { mut given, taken_away } = self;
        given.retain(|(_, rewrite)| stands(rewrite, &taken_away, name));
        given.sort_by_key(|(list, _)| *list);
        let all = given.iter().filter_map(|(list, rewrite)| match rewrite {
            RewriteTo::To(rewrite) => Some((*list, rewrite)),
            RewriteTo::Any => None,
        });
        let first = all
            .clone()
            .find(|(_, rewrite)| rewrite.alias.is_some())
            .or_else(|| all.clone().find(|(_, rewrite)| rewrite.rcode != 0));
        if let Some((list, rewrite)) = first {
            return Some((list, rewrite.clone()));
        }
        let (list, only) = all.clone().next()?;
        if all.clone().nth(1).is_none() {
            return Some((list, only.clone()));
        }
        let mut together = Rewrite::default();
        for record in all.flat_map(|(_, rewrite)| &rewrite.records) {
            if !together.records.contains(record) {
                together.records.push(record.clone());
            }
        }
        Some((list, Arc::new(together)))
    }
}

/// Whether no exception takes `rewrite` away, and it does not lead a name to itself.
pub(super) fn stands(rewrite: &RewriteTo, taken_away: &[&RewriteTo], name: NameRef<'_>) -> bool {
    let own = matches!(rewrite, RewriteTo::To(to) if to.alias.as_ref().is_some_and(|alias| alias.as_ref() == name));
    !own && !taken_away.iter().any(|taken| matches!(taken, RewriteTo::Any) || *taken == rewrite)
}

#[cfg(test)]
mod tests {
    use super::super::{Action, DeviceId, Format, ListSource, Name, Policy, PolicySources, Profile, ProfileId, Tier};
    use super::*;
    use crate::time::Timestamp;

    fn policy(lists: &[(&str, Action, &str)], profiles: Vec<Profile>) -> Policy {
        let list = |&(name, action, content): &(&str, Action, &str)| ListSource {
            name: name.into(),
            action,
            format: Format::Auto,
            trusted: true,
            tier: Tier::Careful,
            content: Ok(content.as_bytes().into()),
        };
        Policy::compile(PolicySources { lists: lists.iter().map(list).collect(), profiles, ..PolicySources::default() })
    }

    fn judged(policy: &Policy, name: &str, profile: u8) -> Judgement {
        let device = DeviceId::Named("phone".into());
        let address = [127, 0, 0, 1].into();
        let asker = Asker { device: &device, joined: &[], profile: ProfileId(profile), address, name: "", tags: &[] };
        policy.judge(&asker, Name::parse(name).unwrap().as_ref(), 1, Timestamp::default())
    }

    #[test]
    fn answers_for_one_name_are_given_together_and_an_alias_alone() {
        let lines = "198.51.100.1 a.example\n198.51.100.2 a.example\n2001:db8::1 a.example\n\
                     198.51.100.3 b.example\n||b.example^$dnsrewrite=c.example\n||c.example^$dnsrewrite=c.example";
        let policy = policy(&[("x", Action::Block, lines)], Vec::new());
        let a = judged(&policy, "a.example", 0);
        assert_eq!((a.verdict, a.rewrite.unwrap().records.len()), (Verdict::Pass, 3));
        let b = judged(&policy, "b.example", 0).rewrite.unwrap();
        assert_eq!((b.alias.clone(), b.records.len()), (Some(Name::parse("c.example").unwrap()), 0));
        assert!(judged(&policy, "c.example", 0).rewrite.is_none());
    }

    #[test]
    fn an_exception_takes_one_answer_away_or_all_of_them() {
        let rules = "||a.example^$dnsrewrite=198.51.100.1\n||a.example^$dnsrewrite=198.51.100.2\n\
                     @@||a.example^$dnsrewrite=198.51.100.2\n@@||b.a.example^$dnsrewrite\n@@||c.a.example^";
        let policy = policy(&[("x", Action::Block, rules)], Vec::new());
        let records = |name| judged(&policy, name, 0).rewrite.map(|rewrite| rewrite.records.len());
        assert_eq!((records("a.example"), records("b.a.example"), records("c.a.example")), (Some(1), None, Some(1)));
    }

    #[test]
    fn lists_that_only_watch_change_no_answer() {
        let lists = [
            ("watched", Action::Watch, "||a.example^$dnsrewrite=NXDOMAIN\n||b.example^$important\n@@||c.example^"),
            ("blocked", Action::Block, "||c.example^"),
        ];
        let policy = policy(&lists, Vec::new());
        for (name, verdict, list) in [
            ("a.example", Verdict::Watch, "watched"),
            ("b.example", Verdict::Watch, "watched"),
            ("c.example", Verdict::Block, "blocked"),
        ] {
            let judged = judged(&policy, name, 0);
            assert_eq!((judged.verdict, judged.list.as_deref()), (verdict, Some(list)), "{name}");
            assert!(judged.rewrite.is_none());
        }
    }

    #[test]
    fn a_profile_changes_what_a_list_does_or_leaves_it_out() {
        let profile = |name: &str, action| Profile { name: name.into(), lists: vec![("x".into(), action)] };
        let profiles = vec![profile("a", Some(Action::Watch)), profile("b", None), profile("c", Some(Action::Allow))];
        let policy = policy(&[("x", Action::Block, "||a.example^")], profiles);
        let verdicts = [0, 1, 2, 9].map(|profile| judged(&policy, "a.example", profile).verdict);
        assert_eq!(verdicts, [Verdict::Watch, Verdict::Pass, Verdict::Allow, Verdict::Block]);
    }
}
