//! Names that the house cannot do without: those of the operator's own forwarders, and of the servers that lists come from.
//!
//! A list that mutes one of them cuts off what would mend it: no forwarder, or no next edition of the list. So no list has
//! a say in them, whoever wrote it. The operator's own rules do.

use std::sync::Arc;

use super::explain::{Kept, RuleMatch};
use super::judge::Judgement;
use super::name::{Name, NameRef};
use super::verdict::Verdict;

/// What takes the place of a list's name where an essential name is let through.
pub const ESSENTIAL: &str = "essential";

/// The essential names. Few: some forwarders, and a server for each list at the most.
#[derive(Clone, Debug)]
pub(super) struct Essential {
    names: Arc<[Name]>,
    list: Arc<str>,
}

impl Default for Essential {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Essential {
    pub(super) fn new(mut names: Vec<Name>) -> Self {
        names.sort_unstable_by(|a, b| a.as_ref().wire().cmp(b.as_ref().wire()));
        names.dedup();
        Self { names: names.into(), list: ESSENTIAL.into() }
    }

    /// What becomes of what lists say of `name`.
    pub(super) fn over(&self, judged: Judgement, name: NameRef<'_>) -> Judgement {
        if self.has(name) { judged.behind_guard(Some(self.list.clone())) } else { judged }
    }

    /// How an explanation shows that `name` is essential, where it is, and whether that decides: whether lists mute it.
    pub(super) fn rule_match(&self, name: NameRef<'_>, mute: impl FnOnce() -> bool) -> Option<(bool, RuleMatch)> {
        self.has(name).then(|| {
            let needed = mute();
            let precedence = if needed {
                "a forwarder or a server of lists is called so: no list may mute this name"
            } else {
                "a forwarder or a server of lists is called so: no list may mute this name, and none would"
            };
            let words = (precedence, "you, with an own rule in the page, or by taking the forwarder or the list away");
            let verdict = if needed { Verdict::Allow } else { Verdict::Pass };
            (needed, RuleMatch::bare(self.list.clone(), name.to_string(), verdict, words, Kept::Config))
        })
    }

    fn has(&self, name: NameRef<'_>) -> bool {
        // Compared in place: a judgement costs no allocation and, with a handful of names, no hash either.
        self.names.binary_search_by(|known| known.as_ref().wire().cmp(name.wire())).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Asker, DeviceId, Format, ListSource, Policy, PolicySources, ProfileId, Tier};
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn no_list_mutes_or_answers_for_an_essential_name_trusted_or_not() {
        let rules = "||resolver.example^$important\n||lists.example^$dnsrewrite=192.0.2.66\n/^quiet/\n";
        let essential = ["resolver.example", "lists.example", "quiet.example"].map(|name| Name::parse(name).unwrap());
        for trusted in [false, true] {
            let list = ListSource {
                name: "hostile".into(),
                action: Action::Block,
                format: Format::Adblock,
                trusted,
                tier: Tier::default(),
                content: Ok(rules.as_bytes().into()),
            };
            let (lists, essential) = (vec![list], essential.to_vec());
            let policy = Policy::compile(PolicySources { lists, essential, ..PolicySources::default() });
            let device = DeviceId::Named("phone".into());
            let address = [127, 0, 0, 1].into();
            let asker =
                Asker { device: &device, joined: &[], profile: ProfileId::default(), address, name: "", tags: &[] };
            let judged = |name: &str| {
                let name = Name::parse(name).unwrap();
                policy.judge(&asker, name.as_ref(), 1, Timestamp::default())
            };
            for name in ["resolver.example", "quiet.example"] {
                let judged = judged(name);
                assert_eq!((judged.verdict, judged.list.as_deref()), (Verdict::Allow, Some(ESSENTIAL)), "{name}");
            }
            assert!(judged("lists.example").rewrite.is_none());
            // What is below it is a name like any other.
            assert_eq!(judged("ads.resolver.example").verdict, Verdict::Block);
        }
    }
}
