//! The names an answer leads to, judged like the name that was asked.
//!
//! A site can give a tracker a name of its own and point it elsewhere by an alias or an HTTPS record; judged is where it
//! leads. On every answer, also from the cache: the policy may have changed since it came in.

use super::answer::Answer;
use crate::policy::{Asker, Judgement, Name, Policy, Verdict};
use crate::time::Timestamp;

/// The judgement that decides over `answer`, and the name it is about: the first that is muted, else the first that is
/// watched; none when no rule names any of them.
pub(crate) fn inspect<'a>(
    answer: &'a Answer,
    policy: &Policy,
    asker: &Asker<'_>,
    qtype: u16,
    at: Timestamp,
) -> Option<(Judgement, &'a Name)> {
    let mut watched = None;
    for target in &answer.targets {
        let judgement = policy.judge(asker, target.as_ref(), qtype, at);
        match judgement.verdict {
            Verdict::Block => return Some((judgement, target)),
            Verdict::Watch if watched.is_none() => watched = Some((judgement, target)),
            _ => {}
        }
    }
    watched
}
