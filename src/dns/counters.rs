//! What was turned away, by the name of the bound or the rule.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// Everything that was received and not answered, or answered with an error before it was a query.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: Counter,
    pub(crate) not_admitted: Counter,
    pub(crate) not_a_query: Counter,
    pub(crate) malformed: Counter,
    pub(crate) queries_in_flight: Counter,
    pub(crate) connections: Counter,
    pub(crate) connections_per_address: Counter,
    pub(crate) connections_given_up: Counter,
    pub(crate) handshakes: Counter,
    pub(crate) descriptors: Counter,
    pub(crate) quic_retries: Counter,
    pub(crate) device_labels: Counter,
    pub(crate) unsent: Counter,
    pub(crate) prefetched: Counter,
    pub(crate) rebinding: Counter,
    pub(crate) queries_per_second: Counter,
    pub(crate) waiting_per_address: Counter,
}

impl Counter {
    pub(crate) fn add_one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        // Usually there is nothing to add, and a counter that all cores share is not free to write to.
        if count > 0 {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// The counters by name.
    pub(crate) fn read(&self) -> Vec<(&'static str, u64)> {
        let read = |counter: &Counter| counter.0.load(Ordering::Relaxed);
        vec![
            ("received", read(&self.received)),
            ("not_admitted", read(&self.not_admitted)),
            ("not_a_query", read(&self.not_a_query)),
            ("malformed", read(&self.malformed)),
            ("queries_in_flight", read(&self.queries_in_flight)),
            ("connections", read(&self.connections)),
            ("connections_per_address", read(&self.connections_per_address)),
            ("connections_given_up", read(&self.connections_given_up)),
            ("handshakes", read(&self.handshakes)),
            ("descriptors", read(&self.descriptors)),
            ("quic_retries", read(&self.quic_retries)),
            ("device_labels", read(&self.device_labels)),
            ("unsent", read(&self.unsent)),
            ("prefetched", read(&self.prefetched)),
            ("rebinding", read(&self.rebinding)),
            ("queries_per_second", read(&self.queries_per_second)),
            ("waiting_per_address", read(&self.waiting_per_address)),
        ]
    }
}
