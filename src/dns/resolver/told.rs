//! What becomes of a query: the answer, where it was found, and what is written down of it.

use std::sync::Arc;

use crate::dns::answer::Answer;
use crate::dns::query::{Query, Source};
use crate::dns::reply::Reply;
use crate::dns::wire::{ExtendedError, Rcode};
use crate::event::{Outcome, Transport};
use crate::local::BYPASS;
use crate::policy::{Asker, Judgement, Name, Verdict};
use crate::snapshot::Snapshot;

/// What became of a query.
pub(super) struct Told {
    pub(super) judgement: Judgement,
    pub(super) outcome: Outcome,
    /// The name in the answer that was judged, where it was not QNAME.
    pub(super) alias: Option<Name>,
    /// The forwarder that answered.
    pub(super) server: Option<Arc<str>>,
    pub(super) reply: Reply,
}

impl Told {
    /// What was settled without a forwarder, and without the policy.
    pub(super) fn at_once(outcome: Outcome, reply: Reply) -> Self {
        Self { judgement: Judgement::default(), outcome, alias: None, server: None, reply }
    }

    /// The answer to a name that the policy mutes.
    pub(super) fn muted(query: &Query, snapshot: &Snapshot, asker: &Asker<'_>, judgement: Judgement) -> Self {
        let Snapshot { policy, local, .. } = snapshot;
        let list = judgement.list.as_ref();
        let blocking = local.answers.of(list, policy.blocking());
        let chose = list.is_some_and(|list| policy.is_chosen(asker.profile, list));
        let reply = Reply::blocked(&blocking, query, list, chose);
        Self { judgement, ..Self::at_once(Outcome::Muted, reply) }
    }

    /// The answer to whoever asks for too much: over UDP to come again over TCP, where nobody can pretend to be another,
    /// and where the connection itself makes it slow down.
    pub(super) fn later(source: &Source) -> Self {
        match source.transport {
            Transport::Udp => Self::at_once(Outcome::Refused, Reply::slip()),
            _ => {
                let failed = failure(ExtendedError::NETWORK_ERROR, "too many questions under way");
                Self::at_once(Outcome::Failed, Reply::answered(Arc::new(failed), 0))
            }
        }
    }

    /// The answer to a name by which a program would ask someone else than us: it does not exist.
    pub(super) fn not_around(ttl: u32) -> Self {
        let (list, reply) =
            (Some(BYPASS.into()), Reply::denied(ttl, ExtendedError::new(ExtendedError::BLOCKED, BYPASS)));
        let judgement = Judgement { verdict: Verdict::Block, list, ..Judgement::default() };
        Self { judgement, ..Self::at_once(Outcome::Muted, reply) }
    }
}

/// What was found for a question, and where.
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) answer: Arc<Answer>,
    /// Seconds since a forwarder gave it.
    pub(super) age: u32,
    pub(super) server: Option<Arc<str>>,
}

impl Finding {
    /// What was known before, and has ended.
    pub(super) fn stale(answer: Arc<Answer>) -> Self {
        Self { outcome: Outcome::Stale, answer, age: 0, server: None }
    }

    /// Nothing: `answer` says why.
    pub(super) fn failed(answer: Arc<Answer>) -> Self {
        Self { outcome: Outcome::Failed, answer, age: 0, server: None }
    }
}

/// SERVFAIL, and the reason (RFC 8914).
pub(super) fn failure(code: u16, text: &'static str) -> Answer {
    Answer::failure(Rcode::SERVER_FAILURE, ExtendedError::new(code, text))
}
