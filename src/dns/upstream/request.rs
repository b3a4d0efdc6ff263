//! The question as it goes out.

use hickory_net::NetError;
use hickory_proto::op::{DnsRequest, DnsRequestOptions, Message, Query as WireQuery};
use hickory_proto::rr::rdata::opt::EdnsOption;

use crate::dns::answer::{Question, wire_name};
use crate::dns::wire::UDP_SIZE;

/// A multiple of this is what encrypted questions are long (RFC 8467 §4.1).
const PADDED_TO: usize = 128;

/// A message with an ID of its own and no option of the asker's (RFC 7871 §11.1). `padded` hides how long the name is
/// from whoever sees encrypted packets pass by (RFC 7830).
pub(super) fn request(question: &Question, edns: bool, padded: bool) -> Result<Message, NetError> {
    let mut query = WireQuery::new();
    query.set_name(wire_name(&question.name).map_err(|_| NetError::from("not a name"))?);
    query.set_query_type(question.qtype.into());
    let mut options = DnsRequestOptions::default();
    options.use_edns = edns;
    options.edns_payload_len = UDP_SIZE;
    options.edns_set_dnssec_ok = question.dnssec_ok;
    let (mut message, _) = DnsRequest::from_query(query, options).into_parts();
    message.metadata.checking_disabled = question.checking_disabled;
    // AD says that we understand AD in the response (RFC 6840 §5.7).
    message.metadata.authentic_data = true;
    if padded {
        pad(&mut message)?;
    }
    Ok(message)
}

fn pad(message: &mut Message) -> Result<(), NetError> {
    const PADDING: u16 = 12;
    const OPTION_HEADER: usize = 4;
    let bare = message.to_vec()?.len() + OPTION_HEADER;
    if let Some(edns) = &mut message.edns {
        let padding = vec![0; bare.next_multiple_of(PADDED_TO) - bare];
        edns.options_mut().insert(EdnsOption::Unknown(PADDING, padding));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Name;

    #[test]
    fn rfc8467_4_1_encrypted_questions_are_a_multiple_of_128_octets_long() {
        for name in ["a.example".to_owned(), format!("{}.example", "long".repeat(15)), format!("{}e", "a.".repeat(125))]
        {
            let name = Name::parse(&name).unwrap();
            let question = Question { name, qtype: 1, dnssec_ok: false, checking_disabled: false };
            let len = |padded| request(&question, true, padded).unwrap().to_vec().unwrap().len();
            assert_eq!(len(true) % PADDED_TO, 0);
            assert!(len(true) >= len(false) && len(true) - len(false) < PADDED_TO + 5);
        }
    }
}
