//! The operator's own rules: few, changed by a click, and asked before every list.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::glob::Glob;
use super::list::Action;
use super::name::{Name, NameRef};
use super::patterns::Patterns;
use super::target::OwnTarget;
use super::who::{Asker, DeviceId};
use crate::time::Timestamp;

/// The list name under which the operator's own rules appear in events and answers.
pub const OWN_RULES: &str = "own";
/// Characters that a comment may have.
pub const MAX_COMMENT_LEN: usize = 200;

/// A rule of the operator, made in the page or given by `[[rule]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OwnRule {
    /// A number that no other own rule has.
    pub id: u64,
    /// What it is about.
    #[serde(flatten)]
    pub target: OwnTarget,
    /// What the operator notes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub comment: Option<Comment>,
    /// What it does.
    pub action: Action,
    /// For whom.
    pub scope: Scope,
    /// When it was made, milliseconds since the epoch.
    pub since: Timestamp,
    /// When it ends by itself, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// For whom an own rule holds. The narrower scope is asked first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For every device.
    Everyone,
    /// For the devices of one profile.
    Profile(String),
    /// For one device.
    Device(DeviceId),
}

/// A line of text that goes with a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Comment(String);

/// Why a text is no comment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAComment {
    /// Longer than [`MAX_COMMENT_LEN`].
    #[error("a comment has at most {MAX_COMMENT_LEN} characters")]
    TooLong,
    /// A line break, a tab, or a character that cannot be seen.
    #[error("a comment is one line of text, without line breaks, tabs and other control characters")]
    ControlCharacter,
}

/// The own rules, found by what they are about.
#[derive(Debug)]
pub(super) struct OwnRules {
    rules: Vec<OwnRule>,
    by_name: HashMap<Name, Vec<u32>, RandomState>,
    /// Nearly always empty, and then no name is written out as text.
    patterns: Vec<Patterns<u32>>,
    /// [`OWN_RULES`], shared so that a judgement costs no allocation.
    pub(super) list: Arc<str>,
}

impl Default for OwnRules {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl OwnRules {
    pub(super) fn new(rules: Vec<OwnRule>) -> Self {
        let mut by_name: HashMap<_, Vec<u32>, _> =
            HashMap::with_capacity_and_hasher(rules.len(), RandomState::default());
        let (mut globs, mut expressions) = (Vec::new(), Vec::new());
        for (place, rule) in (0..).zip(&rules) {
            match &rule.target {
                OwnTarget::Exact(name) | OwnTarget::Subtree(name) => {
                    by_name.entry(name.clone()).or_default().push(place);
                }
                OwnTarget::Wildcard(wildcard) => globs.push((wildcard.glob().clone(), place)),
                OwnTarget::Regex(expression) => expressions.push((expression.text().into(), place)),
            }
        }
        let mut patterns = Vec::new();
        build(globs, expressions, &mut patterns);
        Self { rules, by_name, patterns, list: OWN_RULES.into() }
    }

    pub(super) fn all(&self) -> &[OwnRule] {
        &self.rules
    }

    /// The rule that decides, if one does.
    pub(super) fn deciding(
        &self,
        asker: &Asker<'_>,
        profile: Option<&str>,
        name: NameRef<'_>,
        at: Timestamp,
    ) -> Option<&OwnRule> {
        let mut first: Option<&OwnRule> = None;
        self.each(asker, profile, name, at, |rule| {
            if first.is_none_or(|first| rule.precedence() < first.precedence()) {
                first = Some(rule);
            }
        });
        first
    }

    /// Tells every rule that is in force now and names `name` for `asker`, in no particular order.
    pub(super) fn each<'a>(
        &'a self,
        asker: &Asker<'_>,
        profile: Option<&str>,
        name: NameRef<'_>,
        at: Timestamp,
        mut found: impl FnMut(&'a OwnRule),
    ) {
        let mut try_rule = |place: u32, named: bool| {
            if let Some(rule) = self.rules.get(place as usize)
                && (named || matches!(rule.target, OwnTarget::Subtree(_)))
                && rule.is_active(at)
                && rule.scope.covers(asker, profile)
            {
                found(rule);
            }
        };
        // Without own rules, which is the usual case, no name is hashed.
        if !self.by_name.is_empty() {
            for ancestor in name.ancestors() {
                for place in self.by_name.get(ancestor.wire()).into_iter().flatten() {
                    try_rule(*place, ancestor == name);
                }
            }
        }
        for patterns in &self.patterns {
            patterns.each(name, |_, place| try_rule(place, true));
        }
    }
}

/// Builds the patterns into `built`. Expressions that are too large together, although none is by itself, are parted.
fn build(globs: Vec<(Glob, u32)>, mut expressions: Vec<(Box<str>, u32)>, built: &mut Vec<Patterns<u32>>) {
    if globs.is_empty() && expressions.is_empty() {
        return;
    }
    match Patterns::build(globs.clone(), expressions.clone()) {
        Ok(patterns) => built.push(patterns),
        Err(_) if expressions.len() > 1 => {
            let others = expressions.split_off(expressions.len() / 2);
            build(globs, expressions, built);
            build(Vec::new(), others, built);
        }
        // One expression was compiled before, when it was read.
        Err(_) => {}
    }
}

impl OwnRule {
    /// Whether one of the two takes the place of the other: they are about the same, for the same.
    pub fn is_like(&self, other: &Self) -> bool {
        self.target == other.target && self.scope == other.scope
    }

    /// Whether the rule has not ended at `at`.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| at < until)
    }

    /// Smaller goes first: device before profile before everyone, then exception before block before watch. How narrow
    /// a rule is and how old do not count; the number only keeps the choice stable.
    pub(super) fn precedence(&self) -> (u8, u8, u64) {
        let scope = match self.scope {
            Scope::Device(_) => 0,
            Scope::Profile(_) => 1,
            Scope::Everyone => 2,
        };
        let action = match self.action {
            Action::Allow => 0,
            Action::Block => 1,
            Action::Watch => 2,
        };
        (scope, action, self.id)
    }
}

impl Scope {
    /// Whether it is the profile called `name`.
    pub fn is_for_profile(&self, name: &str) -> bool {
        matches!(self, Self::Profile(profile) if profile == name)
    }

    pub(super) fn covers(&self, asker: &Asker<'_>, profile: Option<&str>) -> bool {
        match self {
            Self::Everyone => true,
            Self::Profile(name) => profile == Some(name),
            Self::Device(device) => device == asker.device || asker.joined.contains(device),
        }
    }
}

impl Comment {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads what was written into a field; none where that is nothing but space.
    ///
    /// # Errors
    /// When it is too long, or more than a line.
    pub fn parse(text: &str) -> Result<Option<Self>, NotAComment> {
        let text = text.trim();
        if text.is_empty() { Ok(None) } else { text.to_owned().try_into().map(Some) }
    }
}

impl TryFrom<String> for Comment {
    type Error = NotAComment;

    fn try_from(text: String) -> Result<Self, NotAComment> {
        if text.chars().count() > MAX_COMMENT_LEN {
            Err(NotAComment::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(NotAComment::ControlCharacter)
        } else {
            Ok(Self(text))
        }
    }
}

impl From<Comment> for String {
    fn from(comment: Comment) -> Self {
        comment.0
    }
}
