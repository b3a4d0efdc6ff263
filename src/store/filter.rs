//! What a search looks for.

use std::fmt;
use std::sync::Arc;

use super::search::Sieve;
use crate::device::Devices;
use crate::event::{Outcome, Transport};
use crate::policy::{DeviceId, NameRef, Verdict};
use crate::time::Timestamp;

/// Which events of the journal to read: those that every part lets through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this device.
    pub device: Option<DeviceId>,
    /// Only names with this in them, as text, lower-cased.
    pub name: Option<String>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub to: Option<Timestamp>,
    /// What else must hold.
    pub terms: Vec<Term>,
    /// What the catalogue must know, or not know, of the name or its alias.
    pub labels: Option<LabelTest>,
}

/// One thing that must hold of an event, or must not.
#[derive(Clone, Debug)]
pub struct Term {
    /// Whether events that match are left out, instead of those that do not.
    pub exclude: bool,
    /// What to look at; an event matches when it has any of the values.
    pub what: What,
}

/// What a [`Term`] looks at.
#[derive(Clone, Debug)]
pub enum What {
    /// Who asked.
    Device(Vec<DeviceId>),
    /// QNAME.
    Name(Vec<NameMatch>),
    /// What the policy said.
    Verdict(Vec<Verdict>),
    /// What was done.
    Outcome(Vec<Outcome>),
    /// The list that decided.
    List(Vec<Arc<str>>),
    /// QTYPE.
    Qtype(Vec<u16>),
    /// RCODE of the response.
    Rcode(Vec<u16>),
    /// The forwarder that answered, as written in the configuration.
    Upstream(Vec<Arc<str>>),
    /// How the query came in.
    Transport(Vec<Transport>),
}

/// How a name is compared: as text, lower-cased, without a dot at the end.
#[derive(Clone, Debug)]
pub enum NameMatch {
    /// Just this name.
    Exact(String),
    /// This name and all below it.
    Subtree(String),
    /// Names with this in them.
    Part(String),
    /// Names that the pattern finds something in.
    Pattern(regex::Regex),
}

/// Asks the catalogue, which stands above the journal: a name has no label, or one that passes or does not.
#[derive(Clone)]
pub struct LabelTest {
    /// Whether the label of a name passes; none where the name has no label.
    pub label: Arc<dyn Fn(NameRef<'_>) -> Option<bool> + Send + Sync>,
    /// Whether events without a label pass.
    pub unlabelled: bool,
}

impl fmt::Debug for LabelTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabelTest").field("unlabelled", &self.unlabelled).finish_non_exhaustive()
    }
}

impl Filter {
    /// Ready to be asked of events as they happen, with `devices` saying which identities count as one device.
    pub fn sieve(&self, devices: &Devices) -> Sieve {
        Sieve::new(&self.with_identities(devices))
    }

    /// The same, with a device meant by all identities that count as it.
    fn with_identities(&self, devices: &Devices) -> Self {
        let all = |ids: &[DeviceId]| ids.iter().flat_map(|id| devices.identities(id)).cloned().collect();
        let mut filter = self.clone();
        let device = filter.device.take().map(|id| Term { exclude: false, what: What::Device(vec![id]) });
        filter.terms.extend(device);
        for term in &mut filter.terms {
            if let What::Device(ids) = &mut term.what {
                *ids = all(ids);
            }
        }
        filter
    }
}

impl NameMatch {
    /// Whether `name`, as text, is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => name == exact,
            Self::Subtree(zone) if zone == "." => true,
            Self::Subtree(zone) => name.strip_suffix(zone.as_str()).is_some_and(|rest| {
                // An escaped dot is no boundary: `www\.bank.example` is not below `bank.example`.
                let above = rest.strip_suffix('.');
                rest.is_empty() || above.is_some_and(|above| escapes_at_end(above).is_multiple_of(2))
            }),
            Self::Part(part) => name.contains(part.as_str()),
            Self::Pattern(pattern) => pattern.is_match(name),
        }
    }
}

fn escapes_at_end(text: &str) -> usize {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count()
}

#[cfg(test)]
mod tests {
    use super::NameMatch;

    #[test]
    fn a_subtree_ends_at_a_label_and_not_within_one() {
        let zone = NameMatch::Subtree("bank.example".into());
        for (name, below) in [
            ("bank.example", true),
            ("www.bank.example", true),
            ("riverbank.example", false),
            ("www\\.bank.example", false),
            ("www\\\\.bank.example", true),
            ("example", false),
        ] {
            assert_eq!(zone.matches(name), below, "{name}");
        }
        assert!(NameMatch::Subtree(".".into()).matches("example"));
    }
}
