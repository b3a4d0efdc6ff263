//! The names an answer leads to, judged like the name that was asked.
//!
//! A site can give a tracker a name of its own and point it elsewhere by an alias or an HTTPS record; judged is where it
//! leads, and the addresses in the answer. On every answer, also from the cache: the policy may have changed since it came in.

use super::answer::Answer;
use super::query::Query;
use crate::policy::{Asker, Judgement, Name, Policy, Verdict};
use crate::time::Timestamp;

/// The judgement that decides over `answer`, and the name it is about where it is about one: the first that is muted, else
/// the first that is watched; names before addresses. None when no rule is about any of them.
pub(crate) fn inspect<'a>(
    answer: &'a Answer,
    policy: &Policy,
    asker: &Asker<'_>,
    query: &Query,
    at: Timestamp,
) -> Option<(Judgement, Option<&'a Name>)> {
    let mut watched = None;
    for target in &answer.targets {
        let judgement = policy.judge(asker, target.as_ref(), query.qtype, at);
        match judgement.verdict {
            Verdict::Block => return Some((judgement, Some(target))),
            Verdict::Watch if watched.is_none() => watched = Some((judgement, Some(target))),
            _ => {}
        }
    }
    let by_address = policy.judge_addresses(asker, query.name.as_ref(), query.qtype, &answer.addresses, at);
    match by_address {
        Some(judgement) if judgement.verdict == Verdict::Block || watched.is_none() => Some((judgement, None)),
        _ => watched,
    }
}
