//! What would be decided if the lists were other ones, without compiling those in force again.
//!
//! A list that is not there yet is compiled by itself, and both sets of rules are asked for each name; a list that is
//! there is given another action. Either way the order of decision is the one of `judge`, and `tests/whatif.rs` holds it
//! to a policy that was compiled with the change.

use super::catalogue::Fit;
use super::compiled::Compiled;
use super::judge::{Judgement, Match, Question, Rewrites, Step, verdict_of};
use super::list::{Action, ListId, ListReport, ListSource};
use super::name::NameRef;
use super::timetable::Hour;
use super::verdict::Verdict;
use super::who::Asker;
use super::{Policy, PolicySources};
use crate::time::Timestamp;

/// A change of the lists that is looked at before it is made. It is for everyone and for all hours, whatever a profile or
/// a schedule makes of the list; the other lists are in force or not as their schedules have it at the moment of judging.
#[derive(Debug)]
pub struct Trial(Change);

#[derive(Debug)]
enum Change {
    /// A list that is not there yet.
    More(Box<Policy>),
    /// A list that is there does this.
    Instead(ListId, Action),
}

/// What becomes of a name when a [`Trial`] is in force.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// What the list on trial says by itself; none where it does not name the name.
    pub says: Option<Verdict>,
    /// What is decided, with all other lists and the operator's own rules.
    pub judgement: Judgement,
}

impl Trial {
    /// Tries `source` behind all lists that are there. It is not trusted, whatever it says of itself, and `$badfilter` of
    /// trusted lists does not reach it.
    pub fn of_new(source: ListSource) -> Self {
        let lists = vec![ListSource { trusted: false, ..source }];
        Self(Change::More(Box::new(Policy::compile(PolicySources { lists, ..PolicySources::default() }))))
    }

    /// Tries another action for the list of `policy` that is called `name`; none where there is no such list.
    pub fn of_listed(policy: &Policy, name: &str, action: Action) -> Option<Self> {
        let place = policy.lists().iter().position(|report| *report.name == *name)?;
        u16::try_from(place).ok().map(|place| Self(Change::Instead(ListId(place), action)))
    }

    /// What became of the list on trial, where it is a new one.
    pub fn report(&self) -> Option<&ListReport> {
        match &self.0 {
            Change::More(more) => more.lists().first(),
            Change::Instead(..) => None,
        }
    }
}

impl Policy {
    /// Judges as [`judge`](Self::judge) would if `trial` were in force.
    pub fn judge_on(&self, trial: &Trial, asker: &Asker<'_>, name: NameRef<'_>, qtype: u16, at: Timestamp) -> Tried {
        let question = self.question(asker, name, qtype, at);
        // The list on trial is tried at all hours.
        let at_any_hour = Question { hour: Hour::ANY, ..question };
        let mut scale = Scale::new(name);
        match &trial.0 {
            Change::More(more) => {
                more.lists.each_match(at_any_hour, |found| scale.weigh(Side::new(&more.lists), found));
                if scale.is_empty() {
                    return Tried { says: None, judgement: self.judge(asker, name, qtype, at) };
                }
                self.lists.each_match(question, |found| scale.weigh(Side::old(&self.lists, None), found));
            }
            Change::Instead(list, action) => {
                let mut actions = self.lists.actions_now(question);
                if let Some(place) = actions.get_mut(usize::from(list.0)) {
                    *place = Some(*action);
                }
                let side = Side::old(&self.lists, Some(*list));
                self.lists.each_match_under(&actions, at_any_hour, |found| scale.weigh(side, found));
            }
        }
        let (says, judgement) = scale.decide();
        let by_lists = || self.essential.over(judgement, name);
        Tried { says, judgement: self.judge_by_hand(asker, name, at).unwrap_or_else(by_lists) }
    }
}

/// Where rules come from.
#[derive(Clone, Copy)]
struct Side<'a> {
    lists: &'a Compiled,
    /// Whether they are of a new list, which stands behind all others.
    is_new: bool,
    /// The list among them that is on trial.
    on_trial: Option<ListId>,
}

impl<'a> Side<'a> {
    fn new(lists: &'a Compiled) -> Self {
        Self { lists, is_new: true, on_trial: None }
    }

    fn old(lists: &'a Compiled, on_trial: Option<ListId>) -> Self {
        Self { lists, is_new: false, on_trial }
    }

    fn is_on_trial(self, list: ListId) -> bool {
        self.is_new || self.on_trial == Some(list)
    }
}

/// Rules of one or two compiled policies, of which one has the last word.
struct Scale<'q, 'a> {
    name: NameRef<'q>,
    labels: usize,
    /// The first rule, by its step, its side and its list.
    first: Option<((Step, bool, ListId), &'a Compiled)>,
    /// The row of the catalogue that counts, where it is a guard.
    guard: Option<(ListId, &'a Compiled)>,
    rewrites: Rewrites<'a>,
    rewriting: Option<&'a Compiled>,
    /// Of the catalogue only the longest match counts, on whichever side it is.
    row: Option<(Fit, Side<'a>, Match<'a>)>,
    /// The first rule of the list on trial.
    tried: Option<Step>,
}

impl<'q, 'a> Scale<'q, 'a> {
    fn new(name: NameRef<'q>) -> Self {
        let labels = name.labels().count();
        let rewrites = Rewrites::default();
        Self { name, labels, first: None, guard: None, rewrites, rewriting: None, row: None, tried: None }
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.row.is_none()
    }

    fn weigh(&mut self, side: Side<'a>, found: Match<'a>) {
        if let Some(row) = found.hit.entry.row().and_then(|place| side.lists.rows.get(place)) {
            let fit = row.fit(&found.hit, self.labels);
            // Of two that fit alike the one in front counts, and that is never the new one.
            let better = |known: &Fit, of: &Side<'_>| *known < fit || *known == fit && of.is_new && !side.is_new;
            if self.row.as_ref().is_none_or(|(known, of, _)| better(known, of)) {
                self.row = Some((fit, side, found));
            }
            return;
        }
        match found.rewrite {
            // Only trusted lists give answers, so all of these are of one side.
            Some(rewrite) if found.step == Step::Rewrite => {
                self.rewriting = Some(side.lists);
                self.rewrites.given.push((found.list(), rewrite));
                self.note(side, found);
            }
            Some(rewrite) if found.step == Step::RewriteException => self.rewrites.taken_away.push(rewrite),
            _ => self.add(side, found),
        }
    }

    fn add(&mut self, side: Side<'a>, found: Match<'a>) {
        if found.step == Step::Guard {
            self.guard = Some((found.list(), side.lists));
            return self.note(side, found);
        }
        let place = (found.step, side.is_new, found.list());
        if self.first.is_none_or(|(first, _)| place < first) {
            self.first = Some((place, side.lists));
        }
        self.note(side, found);
    }

    fn note(&mut self, side: Side<'a>, found: Match<'a>) {
        if side.is_on_trial(found.list()) {
            self.tried = Some(self.tried.map_or(found.step, |known| known.min(found.step)));
        }
    }

    /// What the list on trial says, and what is decided.
    fn decide(mut self) -> (Option<Verdict>, Judgement) {
        if let Some((_, side, row)) = self.row.take() {
            self.add(side, row);
        }
        let says = self.tried.map(Step::verdict);
        let judged = match (self.rewrites.decide(self.name), self.rewriting, self.first) {
            (Some((list, rewrite)), Some(lists), _) => Judgement {
                verdict: verdict_of(&rewrite),
                list: lists.list_name(list),
                rewrite: Some(rewrite),
                guarded: false,
            },
            (_, _, Some(((step, _, list), lists))) => {
                Judgement { verdict: step.verdict(), list: lists.list_name(list), ..Judgement::default() }
            }
            _ => Judgement::default(),
        };
        match self.guard {
            Some((list, lists)) => (says, judged.behind_guard(lists.list_name(list))),
            None => (says, judged),
        }
    }
}
