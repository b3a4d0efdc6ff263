//! Two weeks that never were: every question of the span, judged by the policy in force and handed to the recorder.
//!
//! No packet is sent. What the resolver would have done is worked out from the same policy, the same devices and the
//! same made-up internet that the live demo asks, so that the past does not read unlike the present.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::household::{A, AAAA, Household};
use super::internet::{Answer, Internet};
use super::questions::Question;
use crate::device::Device;
use crate::event::{Ended, Event, EventSink, Outcome, Transport};
use crate::policy::{Judgement, Name, Verdict};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// What the past is made of.
#[derive(Debug)]
pub struct Past<'a> {
    /// Who asked.
    pub household: &'a Arc<Household>,
    /// Who answered.
    pub internet: &'a Internet,
    /// What decided.
    pub snapshot: &'a Snapshot,
    /// The forwarder, as the configuration writes it.
    pub upstream: Arc<str>,
}

impl Past<'_> {
    /// Records what was asked from `from` until before `to`, in order of time and as fast as the recorder takes it; says
    /// how many questions that were. Blocks: call it where waiting is allowed.
    ///
    /// # Errors
    /// When the recorder has ended.
    pub fn record(&self, from: Timestamp, to: Timestamp, seed: u64, sink: &EventSink) -> Result<u64, Ended> {
        let mut questions = self.household.questions(from, to, seed);
        let mut cache = Cache::default();
        let mut recorded = 0;
        while let Some(question) = questions.next() {
            let event = self.answer(&question, &mut cache);
            // The blocking answer has an address that leads nowhere; only whoever tries to connect notices.
            if event.outcome == Outcome::Muted && matches!(question.qtype, A | AAAA) {
                questions.muted(&question);
            }
            sink.hand_over_waiting(event)?;
            recorded += 1;
        }
        Ok(recorded)
    }

    fn answer(&self, question: &Question, cache: &mut Cache) -> Event {
        let address = IpAddr::from(self.household.residents()[question.device].address);
        let stranger;
        let device = match self.snapshot.devices.identify(address) {
            Some(device) => device,
            None => {
                stranger = Arc::new(Device::unknown(address));
                &stranger
            }
        };
        let judge = |name: &Name| {
            self.snapshot.policy.judge(&device.asker(address), name.as_ref(), question.qtype, question.at)
        };
        let mut event = Event {
            at: question.at,
            device: device.id.clone(),
            address,
            transport: Transport::Udp,
            name: question.name.clone(),
            qtype: question.qtype,
            verdict: Verdict::Pass,
            outcome: Outcome::Muted,
            rcode: 0,
            list: None,
            alias: None,
            upstream: None,
            took_us: 40 + (question.at.millis() % 50) as u32,
        };
        let Judgement { verdict, list, guarded, .. } = judge(&question.name);
        (event.verdict, event.list) = (verdict, list);
        if verdict == Verdict::Block {
            return event;
        }
        let answer = self.internet.answer(question.name.as_ref(), question.qtype);
        event.rcode = answer.rcode.into();
        event.outcome = cache.ask(question, &answer);
        if event.outcome == Outcome::Forwarded {
            event.upstream = Some(self.upstream.clone());
            event.took_us += u32::try_from(answer.delay.as_micros()).unwrap_or(u32::MAX);
        }
        if verdict == Verdict::Allow || guarded {
            return event;
        }
        for alias in answer.aliases {
            let Judgement { verdict, list, .. } = judge(&alias);
            let weightier = verdict == Verdict::Block || (verdict == Verdict::Watch && event.verdict == Verdict::Pass);
            if weightier {
                (event.verdict, event.list, event.alias) = (verdict, list, Some(alias));
            }
            if verdict == Verdict::Block {
                (event.outcome, event.rcode) = (Outcome::Muted, 0);
                break;
            }
        }
        event
    }
}

/// Until when each answer would have been held. As large as the table of residents, which is its bound.
#[derive(Debug, Default)]
struct Cache(HashMap<(Name, u16), Timestamp>);

impl Cache {
    fn ask(&mut self, question: &Question, answer: &Answer) -> Outcome {
        let holds_until = self.0.entry((question.name.clone(), question.qtype)).or_default();
        if question.at < *holds_until {
            return Outcome::Cached;
        }
        *holds_until = question.at.after(Duration::from_secs(answer.ttl.into()));
        Outcome::Forwarded
    }
}
