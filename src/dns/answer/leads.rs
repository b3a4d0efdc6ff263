//! Where an answer leads: names and addresses in it that are judged like the name that was asked.

use std::net::IpAddr;

use hickory_proto::rr::rdata::svcb::SvcParamValue;
use hickory_proto::rr::{RData, Record};

use super::chain::is_dname;
use super::policy_name;
use crate::dns::wire::Binding;
use crate::policy::Name;

/// Names other than the owner: targets of CNAME, DNAME, SVCB and HTTPS.
pub(super) fn targets_of(answers: &[Record]) -> Box<[Name]> {
    let target = |record: &Record| match &record.data {
        RData::CNAME(name) => policy_name(&name.0),
        // A target of "." means the owner itself (RFC 9460 §2.5).
        RData::SVCB(svcb) if !svcb.target_name.is_root() => policy_name(&svcb.target_name),
        RData::HTTPS(https) if !https.0.target_name.is_root() => policy_name(&https.0.target_name),
        RData::Unknown { rdata, .. } if is_dname(record) => Name::from_wire(&rdata.anything).ok(),
        RData::Unknown { rdata, .. } if is_binding(record) => {
            Name::from_wire(Binding::read(&rdata.anything)?.target).ok().filter(|name| !name.as_ref().is_root())
        }
        _ => None,
    };
    answers.iter().filter_map(target).collect()
}

/// Those of A and AAAA, and the hints of SVCB and HTTPS.
pub(super) fn addresses_of(answers: &[Record]) -> Box<[IpAddr]> {
    let mut addresses = Vec::with_capacity(answers.len());
    for record in answers {
        let binding = match &record.data {
            RData::A(address) => {
                addresses.push(IpAddr::V4(address.0));
                continue;
            }
            RData::AAAA(address) => {
                addresses.push(IpAddr::V6(address.0));
                continue;
            }
            RData::SVCB(binding) => binding,
            RData::HTTPS(binding) => &binding.0,
            RData::Unknown { rdata, .. } if is_binding(record) => {
                addresses.extend(Binding::read(&rdata.anything).into_iter().flat_map(|binding| binding.hints));
                continue;
            }
            _ => continue,
        };
        for (_, value) in &binding.svc_params {
            match value {
                SvcParamValue::Ipv4Hint(hints) => addresses.extend(hints.0.iter().map(|hint| IpAddr::V4(hint.0))),
                SvcParamValue::Ipv6Hint(hints) => addresses.extend(hints.0.iter().map(|hint| IpAddr::V6(hint.0))),
                _ => {}
            }
        }
    }
    addresses.into()
}

/// Whether a record that is carried as octets says like SVCB where it leads.
fn is_binding(record: &Record) -> bool {
    Binding::is_type(record.record_type().into())
}
