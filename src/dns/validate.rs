//! Validation: whether an answer is signed by whom the root says it should be (RFC 4035 §5).
//!
//! The signatures are hickory's business; what they need is asked like everything else, of our own cache and forwarders,
//! with CD set, so that a forwarder that validates as well does not hide what is wrong. Such raw answers are kept under
//! keys of their own and never given to whoever did not ask for them (RFC 4035 §3.2.2).
//!
//! An alias is validated link by link, each as the answer to a question of its own.

mod redirection;
mod signatures;

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::stream::{self, Stream};
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::{DnsHandle, FirstAnswer as _};
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::{Proof, TrustAnchors};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query as WireQuery};
use hickory_proto::rr::{Record, RecordType};

use super::answer::{Answer, MAX_ALIASES, Question, policy_name, wire_name};
use super::cache::{Cache, Found};
use super::flight::{Flights, Landed};
use super::options::{BadOption, DnssecOptions};
use super::upstream::{Answered, LAST_WORD, Upstreams};
use super::wire::{ExtendedError, Rcode, rr_type};
use crate::time::Clock;

/// Questions that the proof of one answer may need.
const MOST_QUESTIONS: u32 = 64;
/// NSEC3 iterations above which a zone counts as unsigned, and above which it is not believed (RFC 9276 §3.2).
const NSEC3_ITERATIONS: (u16, u16) = (150, 500);
/// RRsets whose proof is remembered.
const PROOFS: usize = 4_096;

tokio::task_local! {
    /// What is left of [`MOST_QUESTIONS`] for the answer under way.
    static QUESTIONS_LEFT: AtomicU32;
}

/// Extended errors of validation (RFC 8914 §4.6 to §4.13).
mod why {
    pub(super) const INDETERMINATE: u16 = 5;
    pub(super) const BOGUS: u16 = 6;
    pub(super) const SIGNATURE_EXPIRED: u16 = 7;
    pub(super) const SIGNATURE_NOT_YET_VALID: u16 = 8;
    pub(super) const SIGNATURES_MISSING: u16 = 10;
    pub(super) const DENIAL_MISSING: u16 = 12;
}

/// Validates what forwarders say.
pub(crate) struct Validator {
    handle: DnssecDnsHandle<Asker>,
    asker: Asker,
}

impl Validator {
    /// A validator that trusts the keys of the root, or those in the file of the operator; none where none is wanted.
    ///
    /// # Errors
    /// When the file holds no key.
    pub(crate) fn wanted(
        options: &DnssecOptions,
        cache: &Arc<Cache>,
        flights: &Arc<Flights>,
        upstreams: &Arc<Upstreams>,
        clock: &Clock,
    ) -> Result<Option<Arc<Self>>, BadOption> {
        if !options.validate {
            return Ok(None);
        }
        let (cache, flights, upstreams) = (cache.clone(), flights.clone(), upstreams.clone());
        let asker = Asker { cache, flights, upstreams, clock: clock.clone() };
        let anchors = Arc::new(anchors(options.trust_anchor.as_deref())?);
        let handle = DnssecDnsHandle::with_trust_anchor(asker.clone(), anchors)
            .nsec3_iteration_limits(Some(NSEC3_ITERATIONS.0), Some(NSEC3_ITERATIONS.1))
            .validation_cache_size(PROOFS);
        Ok(Some(Arc::new(Self { handle, asker })))
    }

    /// Whether the answer to `question` is validated: not for those who do it themselves, and not where the operator
    /// says who knows the name, for the root knows nothing of such names.
    pub(crate) fn is_asked(&self, question: &Question) -> bool {
        !question.checking_disabled && !self.asker.upstreams.covers(question.name.as_ref())
    }

    /// The answer to `question`, with AD where it is proven; a failure that says why where it is disproven.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answered, Answer> {
        let budget = AtomicU32::new(MOST_QUESTIONS);
        let proven = QUESTIONS_LEFT.scope(budget, self.prove_chain(question));
        let in_time = tokio::time::timeout(LAST_WORD, proven).await;
        in_time.unwrap_or_else(|_| Err(failure(ExtendedError::NO_REACHABLE_AUTHORITY, "validation took too long")))
    }

    async fn prove_chain(&self, question: &Question) -> Result<Answered, Answer> {
        let (mut answer, server) = self.prove(question).await?;
        for _ in 0..MAX_ALIASES {
            let Some(target) = answer.leads_on.take() else { return Ok(Answered { answer, server }) };
            let next = Question { name: target.clone(), ..question.clone() };
            let rest = match self.asker.upstreams.stays_here(&next) {
                Some(nothing) => nothing,
                None => self.prove(&next).await?.0,
            };
            answer =
                answer.continued(question, &target, rest).map_err(|_| failure(why::BOGUS, "aliases without end"))?;
        }
        Err(failure(why::BOGUS, "aliases without end"))
    }

    /// One link: the RRset of the name itself, or the alias that stands there, or follows from a DNAME record above it.
    async fn prove(&self, question: &Question) -> Result<(Answer, Arc<str>), Answer> {
        // Asked first by itself, so that what a forwarder says of its failure is passed on as it is.
        let raw = Question { dnssec_ok: true, checking_disabled: true, ..question.clone() };
        let (said, server) = self.asker.fetch(&raw).await?;
        if let Some(zone) = said.message(&raw).ok().and_then(|said| redirection::above(&question.name, &said)) {
            let redirecting = Question { name: zone, qtype: rr_type::DNAME, ..question.clone() };
            if let Ok(dname) = self.prove_set(&redirecting).await
                && let Some(alias) = redirection::alias(question, &redirecting, &dname)
            {
                return Ok((alias, server));
            }
            // Nobody proves it. Then the alias that came with it must be proven by itself, as in a zone without signatures.
        }
        Ok((self.prove_set(question).await?, server))
    }

    /// The RRset of the name itself, or the alias that stands there.
    async fn prove_set(&self, question: &Question) -> Result<Answer, Answer> {
        let unusable = |_| failure(why::BOGUS, "not a name");
        let query = WireQuery::query(wire_name(&question.name).map_err(unusable)?, question.qtype.into());
        let mut options = DnsRequestOptions::default();
        options.use_edns = true;
        options.edns_set_dnssec_ok = true;
        let (message, proof) = match self.handle.lookup(query, options).first_answer().await {
            Ok(response) => {
                let message = response.into_message();
                let proof = worst(&message);
                (message, proof)
            }
            Err(NetError::Dns(DnsError::Nsec { response, proof, .. })) => (response.into_message(), proof),
            Err(error) => {
                tracing::debug!(%error, "an answer could not be validated");
                return Err(failure(ExtendedError::NO_REACHABLE_AUTHORITY, "no proof could be had"));
            }
        };
        match proof {
            Proof::Secure | Proof::Insecure => {}
            Proof::Bogus => return Err(failure(reason(&message, self.asker.clock.now().millis() / 1000), "DNSSEC")),
            Proof::Indeterminate => return Err(failure(why::INDETERMINATE, "DNSSEC")),
        }
        let mut message = message;
        message.metadata.authentic_data = proof == Proof::Secure;
        let here = &question.name;
        let answer = Answer::from_response(question, message, true, &|name| name == here.as_ref());
        answer.map_err(|_| failure(why::BOGUS, "no usable answer"))
    }
}

/// The worst proof of any RRset in `message`; signatures prove and are not proven.
fn worst(message: &Message) -> Proof {
    let proven = message.answers.iter().chain(&message.authorities);
    let proofs = proven.filter(|record| record.record_type() != RecordType::RRSIG).map(|record| record.proof);
    proofs.min().unwrap_or(Proof::Insecure)
}

/// What is wrong, as far as the answer itself shows it.
fn reason(message: &Message, now: u64) -> u16 {
    use hickory_proto::dnssec::rdata::DNSSECRData;
    use hickory_proto::rr::RData;
    if message.answers.is_empty() {
        let denies = |record: &Record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
        return if message.authorities.iter().any(denies) { why::BOGUS } else { why::DENIAL_MISSING };
    }
    let signatures = || {
        message.answers.iter().filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input()),
            _ => None,
        })
    };
    // Serial numbers (RFC 4034 §3.1.5) as seconds; the wrap of 2106 is far.
    if signatures().next().is_none() {
        why::SIGNATURES_MISSING
    } else if signatures().all(|input| u64::from(input.sig_expiration.get()) < now) {
        why::SIGNATURE_EXPIRED
    } else if signatures().all(|input| u64::from(input.sig_inception.get()) > now) {
        why::SIGNATURE_NOT_YET_VALID
    } else {
        why::BOGUS
    }
}

fn failure(code: u16, text: &'static str) -> Answer {
    Answer::failure(Rcode::SERVER_FAILURE, ExtendedError::new(code, text))
}

fn anchors(path: Option<&Path>) -> Result<TrustAnchors, BadOption> {
    let Some(path) = path else { return Ok(TrustAnchors::default()) };
    let bad = |what: String| BadOption { key: "dnssec.trust_anchor", what: format!("{}: {what}", path.display()) };
    let anchors = TrustAnchors::from_file(path).map_err(|error| bad(error.to_string()))?;
    if anchors.is_empty() {
        let what = "holds no key; write one as in . 86400 IN DNSKEY 257 3 8 AwEAA…";
        return Err(bad(what.into()));
    }
    Ok(anchors)
}

/// Checks that the keys can be read.
///
/// # Errors
/// When they cannot.
pub(crate) fn check_anchor(path: Option<&Path>) -> Result<(), BadOption> {
    anchors(path).map(|_| ())
}

/// Asks the cache, then forwarders, for records with their signatures.
#[derive(Clone)]
struct Asker {
    cache: Arc<Cache>,
    flights: Arc<Flights>,
    upstreams: Arc<Upstreams>,
    clock: Clock,
}

impl Asker {
    /// A raw answer, and who gave it.
    async fn fetch(&self, question: &Question) -> Result<(Arc<Answer>, Arc<str>), Answer> {
        match self.cache.find(question, self.clock.instant()) {
            Found::Fresh(answer, _) | Found::Waning(answer, _) => return Ok((answer, "cache".into())),
            Found::Failing(_, failed) => return Err(again(&failed)),
            Found::Expired(_) | Found::Overdue(_) | Found::Absent => {}
        }
        let busy = || failure(ExtendedError::NETWORK_ERROR, "too many questions under way");
        let mut flight = self.flights.join(question, || self.clone().fly(question.clone())).ok_or_else(busy)?;
        match flight.landing().await {
            Some(Landed { answer, server: Some(server) }) => Ok((answer, server)),
            Some(Landed { answer, server: None }) => Err(again(&answer)),
            None => Err(failure(ExtendedError::NETWORK_ERROR, "the question was lost")),
        }
    }

    async fn fly(self, question: Question) -> Landed {
        match self.upstreams.ask(&question).await {
            Ok(Answered { answer, server }) => {
                let answer = Arc::new(answer);
                self.cache.keep(question, answer.clone(), self.clock.instant());
                Landed { answer, server: Some(server) }
            }
            Err(failed) => {
                let answer = Arc::new(failed);
                self.cache.keep_failure(question, answer.clone(), self.clock.instant());
                Landed { answer, server: None }
            }
        }
    }

    async fn respond(self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let spend =
            |left: &AtomicU32| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if !QUESTIONS_LEFT.try_with(|left| spend(left).is_ok()).unwrap_or(false) {
            return Err(NetError::from("the proof of one answer needs too many questions"));
        }
        let query = request.queries.first().ok_or_else(|| NetError::from("no question"))?;
        let name = policy_name(query.name()).ok_or_else(|| NetError::from("not a name"))?;
        let qtype = u16::from(query.query_type());
        let question = Question { name, qtype, dnssec_ok: true, checking_disabled: true };
        let failed = |_| NetError::from("no forwarder answered");
        let (answer, _) = self.fetch(&question).await.map_err(failed)?;
        let mut message = answer.message(&question).map_err(|_| NetError::from("no usable answer"))?;
        first_link(&mut message, query);
        signatures::spare(&mut message);
        Ok(DnsResponse::from_message(message)?)
    }
}

/// Leaves of a chain of aliases the first; denials only where it stands for a wildcard, which they must prove.
fn first_link(message: &mut Message, query: &WireQuery) {
    let aliased = |record: &Record| record.record_type() == RecordType::CNAME && record.name == *query.name();
    if query.query_type() == RecordType::CNAME || !message.answers.iter().any(aliased) {
        return;
    }
    message.answers.retain(|record| record.name == *query.name());
    message.metadata.response_code = hickory_proto::op::ResponseCode::NoError;
    let wild = message.answers.iter().any(|record| match &record.data {
        hickory_proto::rr::RData::DNSSEC(hickory_proto::dnssec::rdata::DNSSECRData::RRSIG(signature)) => {
            signature.input().num_labels < record.name.num_labels()
        }
        _ => false,
    });
    if !wild {
        message.authorities.clear();
    }
}

fn again(failed: &Answer) -> Answer {
    let error = failed.error.clone().unwrap_or_else(|| ExtendedError::new(ExtendedError::NETWORK_ERROR, "failed"));
    Answer::failure(failed.rcode, error)
}

impl DnsHandle for Asker {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        Box::pin(stream::once(self.clone().respond(request)))
    }
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validator").finish_non_exhaustive()
    }
}
