//! The one thing a query looks at: policy and devices as they stood when it arrived.
//!
//! A query loads the snapshot once and uses it to its end, so that no answer is half old and half new. Only `control`
//! publishes; everything else reads.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::device::Devices;
use crate::local::Local;
use crate::policy::{Asker, Explanation, NameRef, OWN_RULES, Policy, Verdict};
use crate::time::Timestamp;

/// Policy and devices that belong together.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What is muted, watched and allowed, and how a muted name is answered.
    pub policy: Arc<Policy>,
    /// Which address is which device.
    pub devices: Arc<Devices>,
    /// What the house decides for itself.
    pub local: Arc<Local>,
}

impl Snapshot {
    /// Says why a question is answered as it is: what the house decides by itself, and the policy.
    pub fn explain(&self, asker: &Asker<'_>, name: NameRef<'_>, qtype: u16, at: Timestamp) -> Explanation {
        if let Some(address) = name.as_address() {
            return self.policy.explain_address(asker, address, qtype, at);
        }
        let mut explanation = self.policy.explain(asker, name, qtype, at);
        if let Some(own) = self.local.records.rule_match(name, qtype) {
            explanation.verdict = own.verdict;
            explanation.matches.insert(0, own);
        } else if let Some(closed) = self.local.bypass.rule_match(name) {
            let own = explanation.matches.iter().take_while(|found| *found.list == *OWN_RULES).count();
            let muted = usize::from(own == 0 && explanation.verdict == Verdict::Block);
            if own + muted == 0 {
                explanation.verdict = closed.verdict;
            }
            explanation.matches.insert(own + muted, closed);
        }
        explanation
    }
}

/// Where the current snapshot is found.
#[derive(Debug)]
pub struct SnapshotCell(ArcSwap<Snapshot>);

impl SnapshotCell {
    /// A cell that holds `snapshot` until the first [`publish`](Self::publish).
    pub fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot for one unit of work.
    ///
    /// A full [`Arc`] and not arc-swap's guard: guards must not live across an await.
    pub fn current(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Puts `snapshot` in force. Queries that are under way finish with the one they have.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
