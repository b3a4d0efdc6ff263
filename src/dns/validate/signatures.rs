//! How many signatures are tried: of those over one RRset no more than a zone that changes its keys and algorithms needs.
//! Each could be tried with each key that looks like the one it names (CVE-2023-50387).

use std::collections::HashMap;

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name as WireName, RData, Record, RecordType};

/// Signatures over one RRset that are tried.
const MOST_SIGNATURES: u32 = 8;

/// Leaves of the signatures over each RRset the first [`MOST_SIGNATURES`].
pub(super) fn spare(message: &mut Message) {
    for section in [&mut message.answers, &mut message.authorities] {
        let mut seen: HashMap<(WireName, RecordType), u32> = HashMap::new();
        section.retain(|record| {
            let Some(covered) = covered(record) else { return true };
            let count = seen.entry((record.name.clone(), covered)).or_default();
            *count += 1;
            *count <= MOST_SIGNATURES
        });
    }
}

/// The type of the RRset that a signature is over (RFC 4034 §3.1.1); none for other records.
fn covered(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input().type_covered),
        _ => None,
    }
}
