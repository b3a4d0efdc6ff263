//! Why a name gets its verdict, in words for people.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::catalogue::{Class, Label};
use super::compiled::Compiled;
use super::judge::{Match, Question, Step, stands, verdict_of};
use super::list::{Action, ListId};
use super::name::NameRef;
use super::own::{OwnRule, Scope};
use super::patterns::Pattern;
use super::pause::Pause;
use super::rule::{Choice, Client, Conditions, Reach, RewriteTo};
use super::ruleset::{By, Entry};
use super::timetable::ScheduleState;
use super::verdict::Verdict;
use crate::time::Timestamp;

/// Why a name gets the verdict it gets: every rule that names it, the deciding one first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// What is done.
    pub verdict: Verdict,
    /// What the catalogue knows.
    pub label: Option<Label>,
    /// The rules that name it, in order of precedence.
    pub matches: Vec<RuleMatch>,
    /// The lists that name it and have a schedule. Of those that are not in force now no rule is among the matches.
    pub scheduled: Vec<ScheduledList>,
}

/// A list that is in force at some hours only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ScheduledList {
    /// The list.
    pub list: Arc<str>,
    /// How things stand with it.
    #[serde(flatten)]
    pub state: ScheduleState,
}

/// Who keeps a rule, and so can change its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// You made it in the page.
    You,
    /// It follows from `config.toml`, or stands in a file that is named there.
    Config,
    /// It stands in a list from elsewhere, and whoever keeps that changes it.
    Keeper,
    /// It is a row of the catalogue.
    Catalogue,
    /// It is a guard of the catalogue, which you can switch off by itself.
    Guard,
}

/// A rule that names a name.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RuleMatch {
    /// The list, or [`OWN_RULES`](super::OWN_RULES).
    pub list: Arc<str>,
    /// The rule as written, or in the form it is kept in.
    pub rule: String,
    /// What it asks for.
    pub verdict: Verdict,
    /// The step of the order of decision it stands on, in words.
    pub precedence: &'static str,
    /// Who may change it, in words.
    pub changed_by: &'static str,
    /// Who keeps it.
    pub kept: Kept,
    /// Since when it holds, milliseconds since the epoch: when it was made, or when its list was first read with the
    /// content it has now. None where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether it may have been there before `since`: its list had other content before, which is not kept.
    pub or_earlier: bool,
    /// Since when its list is in force with the action it has, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_since: Option<Timestamp>,
    /// When it ends by itself, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What you noted about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What tells the content of its list from any other: the begin of a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl RuleMatch {
    /// A match of which nothing is known but what it says.
    pub(crate) fn bare(
        list: Arc<str>,
        rule: String,
        verdict: Verdict,
        (precedence, changed_by): (&'static str, &'static str),
        kept: Kept,
    ) -> Self {
        Self {
            list,
            rule,
            verdict,
            precedence,
            changed_by,
            kept,
            since: None,
            or_earlier: false,
            list_since: None,
            until: None,
            comment: None,
            version: None,
        }
    }
}

impl Compiled {
    /// The rules of lists that count for `question`, the first to decide in front.
    pub(super) fn matches(&self, question: Question<'_>) -> Vec<RuleMatch> {
        let mut matches = Vec::new();
        self.each_match(question, |found| matches.push(found));
        let taken_away: Vec<&RewriteTo> = matches
            .iter()
            .filter(|found| found.step == Step::RewriteException)
            .filter_map(|found| found.rewrite)
            .collect();
        matches.retain(|found| match found.rewrite {
            Some(rewrite) if found.step == Step::Rewrite => stands(rewrite, &taken_away, question.name),
            _ => true,
        });
        matches.sort_by_key(|found| (found.step, found.list()));
        let needed = matches.iter().find(|found| found.step != Step::Guard).is_some_and(|other| other.step.mutes());
        if !needed && let Some(guard) = matches.iter().position(|found| found.step == Step::Guard) {
            let guard = matches.remove(guard);
            matches.push(Match { step: Step::IdleGuard, ..guard });
        }
        self.ruleset.each(question.name, |hit| {
            let row = hit.entry.row().and_then(|place| self.rows.get(place));
            if row.is_some_and(|row| self.list_name(row.list).is_some_and(|list| question.off.has(&list, row))) {
                matches.push(Match { step: Step::GuardOff, hit, rewrite: None });
            }
        });
        matches.iter().filter_map(|found| self.rule_match(found, question.name)).collect()
    }

    /// The lists that name the name and have a schedule for whoever asks.
    pub(super) fn scheduled(&self, question: Question<'_>) -> Vec<ScheduledList> {
        let mut lists = Vec::new();
        self.ruleset.each(question.name, |hit| {
            if self.admits(hit.entry, question) {
                lists.push(hit.entry.list());
            }
        });
        self.scheduled_of(lists, question)
    }

    /// Those of `lists` that have a schedule for whoever asks.
    pub(super) fn scheduled_of(&self, mut lists: Vec<ListId>, question: Question<'_>) -> Vec<ScheduledList> {
        lists.sort_unstable();
        lists.dedup();
        let profile = question.asker.profile;
        let is_used = |list: usize| self.actions(profile).get(list).is_some_and(Option::is_some);
        let scheduled = lists.into_iter().filter(|list| is_used(usize::from(list.0))).filter_map(|list| {
            let state = question.hour.state(profile, usize::from(list.0))?;
            Some(ScheduledList { list: self.list_name(list)?, state })
        });
        scheduled.collect()
    }

    fn rule_match(&self, found: &Match<'_>, name: NameRef<'_>) -> Option<RuleMatch> {
        let verdict = match found.rewrite {
            Some(RewriteTo::To(rewrite)) if found.step == Step::Rewrite => verdict_of(rewrite),
            _ => found.step.verdict(),
        };
        let words = (found.step.in_words(), found.step.changed_by());
        let rule = self.text_of(found, name);
        Some(RuleMatch::bare(self.list_name(found.list())?, rule, verdict, words, self.kept(found)))
    }

    fn kept(&self, found: &Match<'_>) -> Kept {
        match found.hit.entry.row().map(|place| self.rows[place].label.class) {
            Some(Class::Never) => Kept::Guard,
            Some(Class::Block | Class::Watch) => Kept::Catalogue,
            None => Kept::Config,
        }
    }

    fn text_of(&self, found: &Match<'_>, name: NameRef<'_>) -> String {
        let entry = found.hit.entry;
        if let Some(place) = entry.row() {
            let row = &self.rows[place];
            let class = match row.label.class {
                Class::Block => "block",
                Class::Watch => "watch",
                Class::Never => "never",
            };
            let below = if entry.has(Entry::BELOW) { " and what is below it" } else { "" };
            return format!("{class} {}{below}", row.written);
        }
        let mut text = String::from(if entry.has(Entry::EXCEPTION) { "@@" } else { "" });
        text += &match found.hit.by {
            By::Labels(count) => {
                let all = name.labels().count();
                let zone = name.ancestors().nth(all.saturating_sub(count)).unwrap_or(name);
                match entry.reach() {
                    Some(Reach::Subtree) => format!("||{zone}^"),
                    Some(Reach::Below) => format!("*.{zone}"),
                    Some(Reach::Exact) | None => zone.to_string(),
                }
            }
            By::Pattern(Pattern::Glob(glob)) => glob.to_text(),
            By::Pattern(Pattern::Expression(text)) => format!("/{text}/"),
        };
        let extra = entry.extra().map(|place| &self.ruleset.extras[place]);
        let important = entry.has(Entry::IMPORTANT).then(|| "important".to_owned());
        let modifiers = extra.map(|extra| in_text(&extra.conditions)).unwrap_or_default();
        let rewrite = extra.and_then(|extra| extra.rewrite.as_ref()).map(rewrite_in_text);
        let modifiers: Vec<String> = important.into_iter().chain(modifiers).chain(rewrite).collect();
        if !modifiers.is_empty() {
            let _ = write!(text, "${}", modifiers.join(","));
        }
        text
    }
}

impl Step {
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Guard => "guard of the catalogue: no list may mute this name",
            Self::Rewrite => "an answer of a trusted list, given before any other rule of a list",
            Self::ImportantException => "important exception of a trusted list",
            Self::ImportantBlock => "important block of a trusted list",
            Self::Exception => "exception, or a list that allows",
            Self::Block => "block",
            Self::WatchException => "exception in a list that only watches",
            Self::Watch => "watch: counted, never muted",
            Self::IdleGuard => "guard of the catalogue: no list may mute this name, and none would",
            Self::GuardOff => "guard of the catalogue that is switched off: lists may mute this name",
            Self::RewriteException => "takes away the answers that other rules would give",
        }
    }

    pub(super) const fn changed_by(self) -> &'static str {
        match self {
            Self::Guard | Self::IdleGuard => {
                "you: switch this guard off in the page or under [guards] in config.toml, or make an own rule"
            }
            Self::GuardOff => "you: switch it on again where it was switched off, in the page or in config.toml",
            _ => "you, with an own rule in the page, or the list's action in config.toml",
        }
    }
}

impl OwnRule {
    /// This rule as an explanation shows it.
    pub(super) fn rule_match(&self, list: Arc<str>) -> RuleMatch {
        let precedence = match self.scope {
            Scope::Device(_) => "own rule for this device",
            Scope::Profile(_) => "own rule for this device's profile",
            Scope::Everyone => "own rule for everyone",
        };
        let words = (precedence, "you, under Rules in the page");
        RuleMatch {
            since: Some(self.since),
            until: self.until,
            comment: self.comment.as_ref().map(|comment| comment.as_str().to_owned()),
            ..RuleMatch::bare(list, self.target.in_list_form(), self.action.into(), words, Kept::You)
        }
    }
}

impl Pause {
    /// This pause as an explanation shows it.
    pub(super) fn rule_match(&self, list: Arc<str>) -> RuleMatch {
        let (rule, precedence) = match self.scope {
            Scope::Device(_) => ("everything is let through for this device", "pause for this device"),
            Scope::Profile(_) => ("everything is let through for this profile", "pause for this device's profile"),
            Scope::Everyone => ("everything is let through for every device", "pause for everyone"),
        };
        let words = (precedence, "you, by ending the pause in the page; it also ends by itself");
        RuleMatch {
            since: Some(self.since),
            until: Some(self.until),
            ..RuleMatch::bare(list, rule.into(), Verdict::Allow, words, Kept::You)
        }
    }
}

impl From<Action> for Verdict {
    fn from(action: Action) -> Self {
        match action {
            Action::Block => Self::Block,
            Action::Watch => Self::Watch,
            Action::Allow => Self::Allow,
        }
    }
}

fn in_text(conditions: &Conditions) -> Vec<String> {
    let zones: Vec<String> = conditions.except_zones.iter().map(ToString::to_string).collect();
    let zones = (!zones.is_empty()).then(|| format!("denyallow={}", zones.join("|")));
    let types = choice_in_text("dnstype", &conditions.types, |number| format!("TYPE{number}"));
    let clients = choice_in_text("client", &conditions.clients, |client| match client {
        Client::Address(address) => address.to_string(),
        Client::Network(address, len) => format!("{address}/{len}"),
        Client::Name(name) => format!("'{name}'"),
    });
    let tags = choice_in_text("ctag", &conditions.tags, ToString::to_string);
    [zones, types, clients, tags].into_iter().flatten().collect()
}

fn choice_in_text<T>(modifier: &str, choice: &Choice<T>, text: impl Fn(&T) -> String) -> Option<String> {
    let except = choice.except.iter().map(|value| format!("~{}", text(value)));
    let values: Vec<String> = choice.only.iter().map(&text).chain(except).collect();
    (!values.is_empty()).then(|| format!("{modifier}={}", values.join("|")))
}

fn rewrite_in_text(rewrite: &RewriteTo) -> String {
    match rewrite {
        RewriteTo::Any => "dnsrewrite".into(),
        RewriteTo::To(rewrite) => match &rewrite.alias {
            Some(alias) => format!("dnsrewrite={alias}"),
            None if rewrite.is_negative() => format!("dnsrewrite=RCODE {}", rewrite.rcode),
            None => format!("dnsrewrite={} record(s) of its own", rewrite.records.len()),
        },
    }
}
