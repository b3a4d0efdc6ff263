//! The story of a query. What it tells is in [`told`]; how a resolver is made and looked after in [`upkeep`].

mod told;
mod upkeep;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use told::{Finding, Told, failure};

use super::answer::{Answer, Question, QuestionRef};
use super::cache::{Cache, Found};
use super::cookie::Cookies;
use super::counters::Counters;
use super::flight::{Flights, Landed};
use super::inspect::inspect;
use super::labels::Labels;
use super::local::{self, Known};
use super::pace::Pace;
use super::pulse::is_pulse;
use super::query::{Query, Source};
use super::rate::Rations;
use super::rebinding::{Shielded, shield};
use super::reply::Reply;
use super::serving::Serving;
use super::special;
use super::strangers::Strangers;
use super::upstream::Upstreams;
use super::validate::Validator;
use super::wire::{ExtendedError, Rcode};
use crate::device::Device;
use crate::event::{Event, EventSink, Outcome};
use crate::local::REBINDING;
use crate::policy::{Asker, Judgement, NameRef, Rewrite, Verdict};
use crate::snapshot::{Snapshot, SnapshotCell};
use crate::time::Clock;

/// How long a stub waits for fresh data before it gets stale data (RFC 8767 §5).
const STALE_AFTER: Duration = Duration::from_millis(1_800);

/// Answers queries. Shared by all listeners.
#[derive(Debug)]
pub struct Resolver {
    snapshot: Arc<SnapshotCell>,
    cache: Arc<Cache>,
    flights: Arc<Flights>,
    upstreams: Arc<Upstreams>,
    prefetch: bool,
    validator: Option<Arc<Validator>>,
    events: EventSink,
    strangers: Strangers,
    labels: Labels,
    pub(super) cookies: Cookies,
    rations: Rations,
    pub(super) pace: Pace,
    clock: Clock,
    pub(super) admitted: super::access::AllowFrom,
    /// Forwarders of the house that are believed about who asked them.
    pub(super) trusted: super::access::AllowFrom,
    pub(super) limits: super::options::Limits,
    pub(super) counters: Counters,
    /// Known once the sockets are bound.
    pub(super) serving: OnceLock<Serving>,
}

impl Resolver {
    /// Answers one query, and hands over the event that says what happened.
    ///
    /// It waits for nothing but forwarders. Whoever polls it once has the response at once if the name is muted, local
    /// or in the cache; only what is left pending is worth a task.
    pub(crate) async fn answer(self: Arc<Self>, mut query: Query, source: Source) -> (Query, Reply) {
        query.cookie = query.client_cookie.map(|client| self.cookies.bake(client, source.sender, source.at));
        // One snapshot serves to the end, so that no answer is half old and half new.
        let snapshot = self.snapshot.current();
        let (known, nameless);
        let device: &Device = match self.identify(&snapshot, &source) {
            Some(device) => {
                known = device;
                &known
            }
            None => {
                nameless = Device::nameless(source.address);
                &nameless
            }
        };
        let told = self.tell(&query, &snapshot, &device.asker(source.address), &source).await;
        if told.reply.is_slip() || is_pulse(query.name.as_ref()) {
            // Counted and not written down: a flood must not wash out what the house asks, nor sordino itself.
            return (query, told.reply);
        }
        let took = self.clock.instant().saturating_duration_since(source.arrived);
        self.events.hand_over(Event {
            at: source.at,
            device: device.id.clone(),
            address: source.address,
            transport: source.transport,
            name: query.name.clone(),
            qtype: query.qtype,
            verdict: told.judgement.verdict,
            outcome: told.outcome,
            rcode: told.reply.rcode.0,
            list: told.judgement.list,
            alias: told.alias,
            upstream: told.server,
            took_us: u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
        });
        (query, told.reply)
    }

    /// The story: a straight way from the question to the response.
    async fn tell(&self, query: &Query, snapshot: &Snapshot, asker: &Asker<'_>, source: &Source) -> Told {
        let policy = &*snapshot.policy;
        // Questions that are not for us, and names that mean the same in every house.
        if let Some((outcome, reply)) = special::not_forwarded(query) {
            return Told::at_once(outcome, reply);
        }
        // Nobody can know this name but a forwarder that asks what it is asked.
        if self.upstreams.came_back(query.name.as_ref(), source.arrived) {
            return Told::at_once(Outcome::Refused, Reply::error(Rcode::REFUSED));
        }
        match local::find(query, snapshot) {
            Some(Known::Reply(reply)) => return Told::at_once(Outcome::Local, reply),
            Some(Known::Alias(alias, ttl)) => {
                let reply = Box::pin(self.rewrite(query, &alias, ttl, snapshot, source)).await;
                return Told::at_once(Outcome::Local, reply);
            }
            None => {}
        }
        if let Some(reply) = self.serving.get().and_then(|serving| serving.designate(query)) {
            return Told::at_once(Outcome::Local, reply);
        }
        let routed = self.upstreams.covers(query.name.as_ref());
        if let Some(reply) = special::reply(query).filter(|_| !routed) {
            return Told::at_once(Outcome::Local, reply);
        }

        // What does the policy say about the name?
        let mut judgement = policy.judge(asker, query.name.as_ref(), query.qtype, source.at);
        if let Some(rewrite) = judgement.rewrite.clone() {
            let ttl = policy.blocking().ttl;
            let reply = Box::pin(self.rewrite(query, &rewrite, ttl, snapshot, source)).await;
            return Told { judgement, ..Told::at_once(Outcome::Local, reply) };
        }
        if judgement.verdict == Verdict::Block {
            return Told::muted(query, snapshot, asker, judgement);
        }
        if snapshot.local.bypass.stops(query.name.as_ref()) && !judgement.is_own() {
            return Told::not_around(policy.blocking().ttl);
        }

        // The cache, else a forwarder, else what the cache knew before.
        let question = question_of(query, query.name.as_ref());
        let found = self.cache.find(&question, source.arrived);
        let asks = matches!(found, Found::Expired(_) | Found::Absent);
        let Ok(_place) = self.rations.take(asks, source, &self.counters) else { return Told::later(source) };
        let Finding { outcome, answer, age, server } = match found {
            Found::Fresh(answer, age) => Finding { outcome: Outcome::Cached, answer, age, server: None },
            Found::Waning(answer, age) => {
                self.prefetch(&question.to_owned());
                Finding { outcome: Outcome::Cached, answer, age, server: None }
            }
            Found::Failing(Some(stale), _) => Finding::stale(stale),
            Found::Failing(None, failure) => Finding::failed(failure),
            Found::Overdue(stale) => {
                self.renew(&question.to_owned());
                Finding::stale(stale)
            }
            // In a box of its own: the way of a query that waits for nothing is moved about, and is short.
            Found::Expired(stale) => Box::pin(self.fetch(question.to_owned(), Some(stale), source.sender)).await,
            Found::Absent => Box::pin(self.fetch(question.to_owned(), None, source.sender)).await,
        };

        // The names and addresses it leads to are judged by the same judge, unless the operator or a guard lets this one
        // through.
        let mut alias = None;
        if judgement.verdict != Verdict::Allow
            && !judgement.guarded
            && let Some((found, target)) = inspect(&answer, policy, asker, query, source.at)
            && (found.verdict == Verdict::Block || judgement.verdict == Verdict::Pass)
        {
            (judgement, alias) = (found, target.cloned());
        }
        if judgement.verdict == Verdict::Block {
            let told = Told::muted(query, snapshot, asker, judgement);
            return Told { alias, server, reply: told.reply.keeping(answer.error.as_ref()), ..told };
        }
        // Where they lead into the house, a page from outside would look into it.
        let shielded = shield(&answer, query, &judgement, &snapshot.local, policy.blocking().ttl);
        // The operator's own forwarders may say where things in the house are.
        match shielded.filter(|_| !routed) {
            Some(Shielded::Elsewhere(reply)) => return Told { judgement, outcome, alias, server, reply },
            Some(Shielded::Here(reply)) => {
                self.counters.rebinding.add_one();
                let list = Some(REBINDING.into());
                let judgement = Judgement { verdict: Verdict::Block, list, ..Judgement::default() };
                return Told { judgement, alias, server, ..Told::at_once(Outcome::Muted, reply) };
            }
            None => {}
        }
        let reply = match outcome {
            Outcome::Stale => Reply::stale(answer),
            _ => Reply::answered(answer, age),
        };
        Told { judgement, outcome, alias, server, reply }
    }

    /// The device that calls itself by a name, else the one that a trusted forwarder tells by its hardware address, else
    /// the one at the address. Of a stranger nothing is known yet; whoever watches the neighbours gets a hint.
    fn identify(&self, snapshot: &Snapshot, source: &Source) -> Option<Arc<Device>> {
        let &Source { address, arrived, ref label, .. } = source;
        let named = |label| self.labels.device(label, &snapshot.devices, &self.counters);
        let told = || source.mac.map(|mac| snapshot.devices.with_mac(mac));
        let here = || snapshot.devices.identify(address).cloned();
        let known = label.as_ref().and_then(named).or_else(told).or_else(here);
        if known.is_none() {
            self.strangers.tell(address, arrived);
        }
        known
    }

    /// Asks forwarders, once for all who wait for the same question. With a stale answer at hand it is given as soon as
    /// a stub should not wait longer; the flight goes on and refreshes the cache.
    async fn fetch(&self, question: Question, stale: Option<Arc<Answer>>, asker: IpAddr) -> Finding {
        let Some(mut flight) = self.flights.join(&question, || self.fly(question.clone())) else {
            return stale.map_or_else(
                || Finding::failed(Arc::new(failure(ExtendedError::NETWORK_ERROR, "too many questions under way"))),
                Finding::stale,
            );
        };
        if flight.joined {
            self.upstreams.suspect(&question, asker, self.clock.instant());
        }
        let landed = match &stale {
            None => flight.landing().await,
            Some(_) => match tokio::time::timeout(STALE_AFTER, flight.landing()).await {
                Ok(landed) => landed,
                Err(_) => {
                    let slow = failure(ExtendedError::NETWORK_ERROR, "no forwarder has answered yet");
                    self.cache.keep_delay(&question, Arc::new(slow), self.clock.instant());
                    None
                }
            },
        };
        match (landed, stale) {
            (Some(Landed { answer, server: Some(server) }), _) => {
                Finding { outcome: Outcome::Forwarded, answer, age: 0, server: Some(server) }
            }
            (_, Some(stale)) => Finding::stale(stale),
            (Some(Landed { answer, server: None }), None) => Finding::failed(answer),
            (None, None) => Finding::failed(Arc::new(failure(ExtendedError::NETWORK_ERROR, "the question was lost"))),
        }
    }

    /// Asks again for a popular answer before it ends, so that nobody has to wait; never for more than a tenth of what
    /// the house asks, and not while there is better to do.
    fn prefetch(&self, question: &Question) {
        const SHARE: u64 = 10;
        let asked = self.counters.received.total();
        if self.prefetch && self.counters.prefetched.total() < asked / SHARE && !self.flights.is_busy() {
            let flight = self.flights.join(question, || self.fly(question.clone()));
            if flight.is_some_and(|flight| !flight.joined) {
                self.counters.prefetched.add_one();
            }
        }
    }

    /// Asks again, without anybody who waits for it.
    fn renew(&self, question: &Question) {
        let _ = self.flights.join(question, || self.fly(question.clone()));
    }

    /// One flight: what it brings is in the cache before those who wait for it hear of it.
    fn fly(&self, question: Question) -> impl Future<Output = Landed> + Send + 'static + use<> {
        let (cache, upstreams, clock) = (self.cache.clone(), self.upstreams.clone(), self.clock.clone());
        let validator = self.validator.clone().filter(|validator| validator.is_asked(&question));
        async move {
            let asked = match validator {
                Some(validator) => validator.ask(&question).await,
                None => upstreams.ask(&question).await,
            };
            match asked {
                Ok(answered) => {
                    let answer = Arc::new(answered.answer);
                    cache.keep(question, answer.clone(), clock.instant());
                    Landed { answer, server: Some(answered.server) }
                }
                Err(failure) => {
                    let answer = Arc::new(failure);
                    cache.keep_failure(question, answer.clone(), clock.instant());
                    Landed { answer, server: None }
                }
            }
        }
    }

    /// The answer that a rule gives; where it names another name, what is known about that one.
    async fn rewrite(&self, query: &Query, rewrite: &Rewrite, ttl: u32, snapshot: &Snapshot, source: &Source) -> Reply {
        let Some(target) = &rewrite.alias else { return Reply::rewritten(rewrite, query, ttl) };
        let there = query.about(target);
        let known = match local::find(&there, snapshot) {
            Some(Known::Reply(reply)) => Some(reply),
            // Records of the house follow their own aliases to the end, so this is the last turn.
            Some(Known::Alias(further, ttl)) => {
                return Box::pin(self.rewrite(query, &further, ttl, snapshot, source)).await;
            }
            None => special::reply(&there).filter(|_| !self.upstreams.covers(target.as_ref())),
        };
        if let Some(reply) = known {
            return reply.behind_alias(target, ttl);
        }
        let question = question_of(query, target.as_ref());
        let finding = match self.cache.find(&question, source.arrived) {
            Found::Fresh(answer, age) | Found::Waning(answer, age) => {
                Finding { outcome: Outcome::Cached, answer, age, server: None }
            }
            Found::Failing(None, failure) => Finding::failed(failure),
            _ => self.fetch(question.to_owned(), None, source.sender).await,
        };
        match finding.answer.behind_alias(&query.name, target, ttl) {
            Ok(answer) => Reply::answered(Arc::new(answer), finding.age),
            Err(_) => Reply::error(Rcode::SERVER_FAILURE),
        }
    }
}

/// What is asked about `name` on behalf of `query`.
fn question_of<'a>(query: &Query, name: NameRef<'a>) -> QuestionRef<'a> {
    let (dnssec_ok, checking_disabled) = (query.dnssec_ok(), query.checking_disabled);
    QuestionRef { name, qtype: query.qtype, dnssec_ok, checking_disabled }
}
