//! All lists, compiled: what does not change when the operator clicks a rule.

use std::io::{self, Read};
use std::sync::Arc;

use super::blocking::Blocking;
use super::builder::Builder;
use super::catalogue::{self, Fit, Label, Row};
use super::formats;
use super::list::{Action, Content, Format, ListId, ListReport, ListSource, Tier};
use super::name::NameRef;
use super::names::Names;
use super::pages::Pages;
use super::part::{NoPart, Part, Reading};
use super::profile::Profile;
use super::ruleset::Ruleset;
use super::who::ProfileId;

/// The compiled lists and how profiles see them.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) reports: Vec<ListReport>,
    pub(super) traits: Vec<Traits>,
    pub(super) ruleset: Ruleset,
    pub(super) rows: Vec<Row>,
    pub(super) profiles: Vec<Profile>,
    /// What each list does, by profile; none where it does not apply.
    actions: Vec<Vec<Option<Action>>>,
    /// What each list does by itself.
    as_they_are: Vec<Option<Action>>,
    pub(super) blocking: Blocking,
    /// Why the rules of the lists could not be put together.
    pub(super) unjoined: Option<String>,
}

/// What the judge must know of a list besides its action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub(super) trusted: bool,
    pub(super) tier: Tier,
}

impl Compiled {
    /// Reads and joins `lists`. A list that cannot be read, or is refused, has its report say why. Names that are kept
    /// from a time when the lists were the same spare the joining.
    pub(super) fn new(
        lists: &[ListSource],
        profiles: Vec<Profile>,
        blocking: Blocking,
        names: Option<KeptNames>,
    ) -> Self {
        let mut builder = Builder::new(names.is_some());
        let mut rows = Vec::new();
        let mut reports: Vec<ListReport> =
            (0..u16::MAX).zip(lists).map(|(place, list)| read(list, ListId(place), &mut rows, &mut builder)).collect();
        let ruleset = match names {
            Some(KeptNames(names)) if names.fit(rows.len(), builder.extras()) => builder.finish_with(names),
            // They are of other lists; better slow than wrong.
            Some(_) => return Self::new(lists, profiles, blocking, None),
            None => builder.finish(),
        };
        let mut unjoined = None;
        let ruleset = ruleset.unwrap_or_else(|why| {
            for report in &mut reports {
                report.refuse(format!("the rules of all lists together could not be put together: {why}"));
            }
            unjoined = Some(why);
            Ruleset::default()
        });
        let actions = profiles.iter().map(|profile| profile.actions(lists)).collect();
        let as_they_are = lists.iter().map(|list| Some(list.action)).collect();
        let traits = lists.iter().map(|list| Traits { trusted: list.trusted, tier: list.tier }).collect();
        Self { reports, traits, ruleset, rows, profiles, actions, as_they_are, blocking, unjoined }
    }

    /// What each list does for `profile`, by its place.
    pub(super) fn actions(&self, profile: ProfileId) -> &[Option<Action>] {
        self.actions.get(usize::from(profile.0)).unwrap_or(&self.as_they_are)
    }

    pub(super) fn list_name(&self, list: ListId) -> Option<Arc<str>> {
        self.reports.get(usize::from(list.0)).map(|report| report.name.clone())
    }

    /// The longest match of the catalogue, whatever a profile makes of its files.
    pub(super) fn label(&self, name: NameRef<'_>) -> Option<&Label> {
        let labels = name.labels().count();
        let mut best: Option<(Fit, &Row)> = None;
        self.ruleset.each(name, |hit| {
            if let Some(row) = hit.entry.row().and_then(|place| self.rows.get(place)) {
                let fit = row.fit(&hit, labels);
                if best.is_none_or(|(fitting, _)| fitting < fit) {
                    best = Some((fit, row));
                }
            }
        });
        best.map(|(_, row)| &row.label)
    }
}

/// The names of all lists as [`Policy::keep_names`](super::Policy::keep_names) wrote them.
#[derive(Debug)]
pub struct KeptNames(Names);

impl KeptNames {
    /// Takes what was written; none if it is damaged or of another version. Whether it belongs to the lists that it will
    /// be used with, the caller must know.
    ///
    /// # Errors
    /// As reading `content`, of probably `len` octets, does.
    pub fn read(content: &mut dyn Read, len: usize) -> io::Result<Option<Self>> {
        Ok(Names::read(Pages::read(content, len)?).map(Self))
    }
}

fn read(source: &ListSource, list: ListId, rows: &mut Vec<Row>, builder: &mut Builder) -> ListReport {
    let mut report = ListReport::of(source);
    let compiled;
    let part = match &source.content {
        Err(why) => {
            report.refuse(why.clone());
            return report;
        }
        Ok(Content::Part(part)) => part,
        Ok(Content::Bytes(content)) => {
            if source.format == Format::Auto {
                report.format = formats::detect(content);
            }
            if report.format == Format::Catalogue {
                catalogue::read(content, list, rows, builder, &mut report);
                return report;
            }
            let reading = Reading { format: report.format, trusted: source.trusted, wide: false };
            match Part::in_memory(reading, content) {
                Ok(part) => compiled = part,
                Err(no_part) => return refused(source, no_part),
            }
            &compiled
        }
    };
    // What a list from elsewhere switches off is its own affair; a trusted one speaks for the operator, to all lists.
    builder.add_part(list, part, source.trusted);
    ListReport { name: report.name, action: report.action, ..part.report() }
}

fn refused(source: &ListSource, no_part: NoPart) -> ListReport {
    let mut report = ListReport::of(source);
    match no_part {
        NoPart::Refused(told) => return ListReport { name: report.name, action: report.action, ..*told },
        NoPart::Unreadable(error) | NoPart::Unwritable(error) => report.refuse(error.to_string()),
    }
    report
}
