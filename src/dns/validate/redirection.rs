//! Names below a DNAME record: the alias that follows from it has no signature of its own (RFC 6672 §5.3.1). So the record is
//! proven, and the alias made anew from what was proven; the one that came with the answer counts for nothing.

use hickory_proto::op::{Message, Query as WireQuery};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{RData, Record};

use crate::dns::answer::{Answer, Question, policy_name, wire_name};
use crate::dns::wire::rr_type;
use crate::policy::{Name, NameRef};

/// The owner of the DNAME record in `said` that `name` is below, if there is one. At the owner itself it redirects nothing.
pub(super) fn above(name: &Name, said: &Message) -> Option<Name> {
    let dnames = said.answers.iter().filter(|record| u16::from(record.record_type()) == rr_type::DNAME);
    dnames
        .filter_map(|record| policy_name(&record.name))
        .find(|owner| owner != name && name.as_ref().is_in(owner.as_ref()))
}

/// The answer to `question` that follows from `dname`, the proven answer to `redirecting`: that record with its signatures, and
/// the alias. None where `dname` has no such record, or the alias would be longer than a name can be (RFC 6672 §2.2).
pub(super) fn alias(question: &Question, redirecting: &Question, dname: &Answer) -> Option<Answer> {
    let mut message = dname.message(redirecting).ok()?;
    let ttl = message.answers.iter().map(|record| record.ttl).min()?;
    let target = message.answers.iter().find_map(target_of)?;
    let alias = substituted(question.name.as_ref(), redirecting.name.as_ref(), target.as_ref())?;
    let (owner, alias) = (wire_name(&question.name).ok()?, wire_name(&alias).ok()?);
    message.queries = vec![WireQuery::query(owner.clone(), question.qtype.into())];
    message.answers.push(Record::from_rdata(owner, ttl, RData::CNAME(CNAME(alias))));
    message.metadata.authentic_data = dname.authentic;
    let here = question.name.as_ref();
    Answer::from_response(question, message, true, &|name| name == here).ok()
}

fn target_of(record: &Record) -> Option<Name> {
    match &record.data {
        RData::Unknown { rdata, .. } if u16::from(record.record_type()) == rr_type::DNAME => {
            Name::from_wire(&rdata.anything).ok()
        }
        _ => None,
    }
}

/// `name`, which is below `owner`, with `target` in the place of `owner`.
fn substituted(name: NameRef<'_>, owner: NameRef<'_>, target: NameRef<'_>) -> Option<Name> {
    let in_front = name.wire().len().checked_sub(owner.wire().len())?;
    Name::from_wire(&[&name.wire()[..in_front], target.wire()].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(name: &str, owner: &str, target: &str) -> Option<String> {
        let [name, owner, target] = [name, owner, target].map(|text| Name::parse(text).unwrap());
        substituted(name.as_ref(), owner.as_ref(), target.as_ref()).map(|name| name.to_string())
    }

    #[test]
    fn rfc6672_2_2_the_end_of_the_name_is_exchanged() {
        assert_eq!(moved("a.b.old.example", "old.example", "new.test").as_deref(), Some("a.b.new.test"));
        assert_eq!(moved("a.example", "example", ".").as_deref(), Some("a"));
        assert_eq!(moved("a.example", ".", "test").as_deref(), Some("a.example.test"));
        let label = "x".repeat(63);
        let long = format!("{label}.{label}.{label}");
        assert_eq!(moved(&format!("{long}.a"), "a", &format!("{label}.example")), None, "too long to be a name");
    }
}
