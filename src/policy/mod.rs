//! What is muted, for whom, and why. Pure: no I/O, no clock, no runtime; every decision is a function of its arguments.
//!
//! How a list becomes a verdict, in reading order: `name` and `who` are what is judged; `formats` turns bytes into
//! `rule`s (with `modifiers`, `rewrite` and `glob` for their parts) and `catalogue` files into labelled rows;
//! `part` is one list compiled by itself (`packing` writes it, in `runs` of names in order; `wide` tells what is held
//! back); `builder` joins parts and rows into the `ruleset`: its `names`, the `patterns` behind them and the `addresses`
//! beside them; `compiled` holds the result and how each `profile` sees it; `own` rules, each about a `target`, go before
//! all lists, and a `pause` before what they mute; `judge` decides, `explain` says why, and `trial` judges as if a list
//! were another one. A `schedule` says at which hours lists are in force, `timetable` which.
//!
//! The order of decision:
//! 0. a pause for the device, its profile or everyone, but for names that an own exception decides;
//! 1. the operator's own rules: for the device, for its profile, for everyone; in each, exception, block, watch;
//! 2. `essential` names, in which no list has a say;
//! 3. `never` rows of the catalogue, which guard a name, and where it leads to, against every list; where no list would
//!    mute it, it passes like any other;
//! 4. answers given by trusted lists, unless an exception with `$dnsrewrite` takes them away;
//! 5. important exceptions, then important blocks, of trusted lists;
//! 6. exceptions and lists that allow;
//! 7. blocks;
//! 8. lists that watch, with their own exceptions in front.
//!
//! Of the catalogue only the longest match has a say in this. Between rules of other lists narrowness does not count.

mod addresses;
mod blocking;
mod builder;
mod catalogue;
mod compiled;
mod essential;
mod explain;
mod export;
mod formats;
mod glob;
mod guards;
mod judge;
mod list;
mod modifiers;
mod name;
mod names;
mod own;
mod packing;
mod pages;
mod part;
mod patterns;
mod pause;
mod profile;
mod rewrite;
mod rrtype;
mod rule;
mod ruleset;
mod runs;
mod schedule;
mod target;
mod timetable;
mod trial;
mod verdict;
mod walk;
mod who;
mod wide;

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

pub use self::addresses::MAX_NETWORKS;
pub(crate) use self::addresses::{Network, bits_of};
pub use self::blocking::{Blocking, BlockingAnswer};
pub use self::catalogue::{Class, Label, catalogue_rows};
pub use self::compiled::KeptNames;
pub use self::essential::ESSENTIAL;
pub use self::explain::{Explanation, Kept, RuleMatch, ScheduledList};
pub use self::export::{Export, Selection};
pub use self::formats::{MAX_LINE, MAX_RULES};
pub use self::guards::{Guard, GuardId};
pub use self::judge::Judgement;
pub use self::list::{Action, Content, Format, ListId, ListReport, ListSource, MAX_EXAMPLES, RejectedLine, Tier};
pub use self::name::{MAX_LABEL_LEN, MAX_WIRE_LEN, Name, NameRef, NotAName};
pub use self::own::{Comment, MAX_COMMENT_LEN, NotAComment, OWN_RULES, OwnRule, Scope};
pub use self::part::{Blob, DETECTED_BYTES, MAX_CONDITIONAL, NoPart, Part, Reading};
pub use self::patterns::{MAX_EXPRESSIONS, MAX_PATTERNS};
pub use self::pause::{PAUSE, Pause};
pub use self::profile::Profile;
pub use self::rewrite::Rewrite;
pub use self::schedule::{DayOfWeek, Days, Schedule, Slot, TimeOfDay};
pub use self::target::{Expression, Kind, MAX_PATTERN_LEN, NotATarget, OwnTarget, Wildcard};
pub use self::timetable::{ScheduleState, ScheduleUse, Schedules};
pub use self::trial::{Trial, Tried};
pub use self::verdict::Verdict;
pub use self::who::{Asker, DeviceId, MacAddr, NotAnIdentity, ProfileId};

use self::compiled::Compiled;
use self::essential::Essential;
use self::guards::GuardsOff;
use self::judge::Question;
use self::own::OwnRules;
use self::pause::Pauses;
use self::timetable::{Hour, Timetable};
use crate::time::Timestamp;

/// Reads a list that nobody vouches for through, and says what would become of it; nothing of it is put in force.
pub fn survey(content: &[u8], format: Format) -> ListReport {
    let source = ListSource {
        name: "".into(),
        action: Action::Block,
        format: if format == Format::Auto { formats::detect(content) } else { format },
        trusted: false,
        tier: Tier::default(),
        content: Ok([].into()),
    };
    let mut report = ListReport::of(&source);
    if report.format != Format::Catalogue {
        let (format, mut text) = (report.format, content);
        // Bytes in memory can always be read.
        let _ = formats::read(content, &mut text, format, false, &mut report, |_| Ok(formats::Taken::InForce));
    }
    report
}

/// Everything a policy is compiled from.
#[derive(Debug, Default)]
pub struct PolicySources {
    /// In the order of the configuration.
    pub lists: Vec<ListSource>,
    /// The first is the one of devices without a profile; where there is none, all lists apply as they are.
    pub profiles: Vec<Profile>,
    /// The operator's own rules.
    pub rules: Vec<OwnRule>,
    /// How a muted name is answered.
    pub blocking: Blocking,
    /// Names that no list may mute.
    pub essential: Vec<Name>,
    /// The names of exactly these lists, kept from an earlier time.
    pub names: Option<KeptNames>,
}

/// The compiled policy: immutable, shared by all queries. A clone shares what was compiled.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    lists: Arc<Compiled>,
    own: Arc<OwnRules>,
    pauses: Pauses,
    essential: Essential,
    off: Arc<GuardsOff>,
    /// None where all lists are in force at all hours.
    timetable: Option<Arc<Timetable>>,
}

impl Policy {
    /// The format of a list that begins with `begin`, [`DETECTED_BYTES`] or all of it.
    pub fn format_of(begin: &[u8]) -> Format {
        formats::detect(begin)
    }

    /// Compiles `sources`. Lists that cannot be read are left out and reported, never fatal.
    pub fn compile(sources: PolicySources) -> Self {
        let PolicySources { lists, profiles, rules, blocking, essential, names } = sources;
        Self {
            lists: Arc::new(Compiled::new(&lists, profiles, blocking, names)),
            own: Arc::new(OwnRules::new(rules)),
            pauses: Pauses::default(),
            essential: Essential::new(essential),
            off: Arc::default(),
            timetable: None,
        }
    }

    /// This policy without the guards in `off`; nothing is compiled again. Those that there are not have no effect.
    pub fn without_guards(&self, off: impl IntoIterator<Item = GuardId>) -> Self {
        Self { off: Arc::new(GuardsOff::new(off)), ..self.clone() }
    }

    /// This policy with other own rules; nothing else is compiled again.
    pub fn with_rules(&self, rules: Vec<OwnRule>) -> Self {
        Self { own: Arc::new(OwnRules::new(rules)), ..self.clone() }
    }

    /// This policy with other pauses; nothing is compiled again.
    pub fn with_pauses(&self, pauses: Vec<Pause>) -> Self {
        Self { pauses: Pauses::new(pauses), ..self.clone() }
    }

    /// This policy with other schedules; nothing is compiled again.
    pub fn with_schedules(&self, schedules: &Schedules) -> Self {
        let lists: Vec<&str> = self.lists().iter().map(|report| &*report.name).collect();
        let profiles: Vec<&str> = self.profiles().collect();
        self.timed(Timetable::new(schedules, &lists, &profiles))
    }

    /// This policy prepared for the days behind `now`; none where that is not due. It judges the same before and after,
    /// only faster: what is not prepared is computed.
    pub fn prepared(&self, now: Timestamp) -> Option<Self> {
        let timetable = self.timetable.as_ref()?.prepared(now)?;
        Some(self.timed(Some(timetable)))
    }

    fn timed(&self, timetable: Option<Timetable>) -> Self {
        Self { timetable: timetable.map(Arc::new), ..self.clone() }
    }

    /// How things stand at `at` with the list called `name`, if it has a schedule: under `profile`, or with none where no
    /// profile says another thing.
    pub fn schedule_of(&self, name: &str, profile: Option<ProfileId>, at: Timestamp) -> Option<ScheduleState> {
        let list = self.lists().iter().position(|report| *report.name == *name)?;
        let hour = self.hour(at);
        profile.map_or_else(|| hour.state_for_all(list), |profile| hour.state(profile, list))
    }

    /// Judges `name` for `asker`, who asks for `qtype` at `at`.
    pub fn judge(&self, asker: &Asker<'_>, name: NameRef<'_>, qtype: u16, at: Timestamp) -> Judgement {
        let by_lists = || self.essential.over(self.lists.judge(self.question(asker, name, qtype, at)), name);
        self.judge_by_hand(asker, name, at).unwrap_or_else(by_lists)
    }

    /// What the operator's own rules and pauses say.
    ///
    /// An exception among the rules goes before a pause, although both let the name through: it lifts more, such as the
    /// protection against rebinding, and a pause must not take that away.
    fn judge_by_hand(&self, asker: &Asker<'_>, name: NameRef<'_>, at: Timestamp) -> Option<Judgement> {
        let profile = self.profile_name(asker.profile);
        let rule = self.own.deciding(asker, profile, name, at);
        let judged = |verdict, list: &Arc<str>| Judgement { verdict, list: Some(list.clone()), ..Judgement::default() };
        match rule {
            Some(rule) if rule.action == Action::Allow => Some(judged(Verdict::Allow, &self.own.list)),
            _ if self.pauses.holding(asker, profile, at).next().is_some() => {
                Some(judged(Verdict::Allow, &self.pauses.list))
            }
            rule => rule.map(|rule| judged(rule.action.into(), &self.own.list)),
        }
    }

    /// Judges the answer to `name` by the `addresses` in it; none where no list names them, or only to let them pass.
    pub fn judge_addresses(
        &self,
        asker: &Asker<'_>,
        name: NameRef<'_>,
        qtype: u16,
        addresses: &[IpAddr],
        at: Timestamp,
    ) -> Option<Judgement> {
        self.lists.judge_addresses(self.question(asker, name, qtype, at), addresses)
    }

    /// Says why [`judge`](Self::judge) decides as it does.
    pub fn explain(&self, asker: &Asker<'_>, name: NameRef<'_>, qtype: u16, at: Timestamp) -> Explanation {
        let mut matches = self.matches_by_hand(asker, name, at);
        let question = self.question(asker, name, qtype, at);
        let mut of_lists = self.lists.matches(question);
        if let Some((first, essential)) = self.essential.rule_match(name, || self.lists.judge(question).mutes()) {
            of_lists.insert(if first { 0 } else { of_lists.len() }, essential);
        }
        matches.append(&mut of_lists);
        let verdict = self.judge(asker, name, qtype, at).verdict;
        let scheduled = if self.timetable.is_some() { self.lists.scheduled(question) } else { Vec::new() };
        Explanation { verdict, label: self.label(name).cloned(), matches, scheduled }
    }

    /// The operator's own rules and the pauses that count for `name`, the first to decide in front.
    fn matches_by_hand(&self, asker: &Asker<'_>, name: NameRef<'_>, at: Timestamp) -> Vec<RuleMatch> {
        let profile = self.profile_name(asker.profile);
        let mut own = Vec::new();
        self.own.each(asker, profile, name, at, |rule| own.push(rule));
        own.sort_by_key(|rule| rule.precedence());
        let allowed = own.first().is_some_and(|rule| rule.action == Action::Allow);
        let mut matches: Vec<RuleMatch> = own.iter().map(|rule| rule.rule_match(self.own.list.clone())).collect();
        let pauses = self.pauses.holding(asker, profile, at).map(|pause| pause.rule_match(self.pauses.list.clone()));
        let place = usize::from(allowed);
        matches.splice(place..place, pauses);
        matches
    }

    /// Says what becomes of an answer with `address` in it, to a name that no rule is about.
    pub fn explain_address(&self, asker: &Asker<'_>, address: IpAddr, qtype: u16, at: Timestamp) -> Explanation {
        let root = Name::root();
        let question = self.question(asker, root.as_ref(), qtype, at);
        let verdict = self.lists.judge_addresses(question, &[address]).unwrap_or_default().verdict;
        let scheduled = self.lists.scheduled_of(self.lists.lists_of_address(question, address), question);
        Explanation { verdict, label: None, matches: self.lists.address_matches(question, address), scheduled }
    }

    fn question<'a>(&'a self, asker: &'a Asker<'_>, name: NameRef<'a>, qtype: u16, at: Timestamp) -> Question<'a> {
        Question { asker, name, qtype, off: &self.off, hour: self.hour(at) }
    }

    fn hour(&self, at: Timestamp) -> Hour<'_> {
        Hour::new(self.timetable.as_deref(), at)
    }

    /// What the catalogue knows about `name`: its longest match.
    pub fn label(&self, name: NameRef<'_>) -> Option<&Label> {
        self.lists.label(name)
    }

    /// What became of each list, in the order of the configuration.
    pub fn lists(&self) -> &[ListReport] {
        &self.lists.reports
    }

    /// Why the rules of the lists could not be put together, so that nothing of any list is in force; none when they could.
    pub fn unjoined(&self) -> Option<&str> {
        self.lists.unjoined.as_deref()
    }

    /// The operator's own rules, those that have ended included.
    pub fn rules(&self) -> &[OwnRule] {
        self.own.all()
    }

    /// The pauses, those that have ended included.
    pub fn pauses(&self) -> &[Pause] {
        self.pauses.all()
    }

    /// The guards of the catalogue, those that are switched off included.
    pub fn guards(&self) -> Vec<Guard<'_>> {
        self.lists.guards(&self.off)
    }

    /// The profile called `name`.
    pub fn profile(&self, name: &str) -> Option<ProfileId> {
        let place = self.lists.profiles.iter().position(|profile| profile.name == name)?;
        u8::try_from(place).ok().map(ProfileId)
    }

    /// What the profile is called.
    pub fn profile_name(&self, profile: ProfileId) -> Option<&str> {
        self.lists.profiles.get(usize::from(profile.0)).map(|profile| profile.name.as_str())
    }

    /// Whether `profile` itself says that `list` blocks, whatever the list is for others.
    pub fn is_chosen(&self, profile: ProfileId, list: &str) -> bool {
        let chosen =
            |profile: &Profile| profile.lists.iter().any(|(name, to)| name == list && *to == Some(Action::Block));
        self.lists.profiles.get(usize::from(profile.0)).is_some_and(chosen)
    }

    /// What the profiles are called, in their order.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.lists.profiles.iter().map(|profile| profile.name.as_str())
    }

    /// What `profile` itself says of lists: none for one that does not apply.
    pub fn profile_lists(&self, profile: ProfileId) -> &[(String, Option<Action>)] {
        self.lists.profiles.get(usize::from(profile.0)).map(|profile| profile.lists.as_slice()).unwrap_or_default()
    }

    /// How a muted name is answered.
    pub fn blocking(&self) -> &Blocking {
        &self.lists.blocking
    }

    /// Memory that the names of all lists take, attribution included, bytes.
    pub fn names_size(&self) -> usize {
        self.lists.ruleset.names.size()
    }

    /// Writes the names of all lists, so that the next compilation of the same lists is spared them.
    ///
    /// # Errors
    /// As writing to `out` does.
    pub fn keep_names(&self, out: &mut dyn Write) -> io::Result<()> {
        self.lists.ruleset.names.write(out)
    }
}
