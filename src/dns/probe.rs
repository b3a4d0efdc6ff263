//! What strangers send, taken apart and put together again without a socket, for tests that try a hundred thousand packets.

use std::net::IpAddr;

use super::answer::{Answer, Question, Ttl, policy_name};
use super::query::{Query, Unanswerable};
use super::reply::{Reply, minimal_any, udp_limit};
use super::response;
use super::special;
use super::wire::HEADER_LEN;
use crate::policy::{Blocking, Name};

/// Octets of the response to `packet` as it would leave over UDP; none where there is silence.
pub fn response_to(packet: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match Query::parse(packet) {
        Ok(query) => {
            let reply = special::reply(&query).unwrap_or_else(|| {
                let list = "probe".into();
                if query.qtype == super::wire::rr_type::ANY {
                    minimal_any()
                } else {
                    Reply::blocked(&Blocking::default(), &query, Some(&list), false)
                }
            });
            reply.write(&query, udp_limit(&query), &mut out);
        }
        Err(Unanswerable::Error(error)) => error.write(&mut out),
        Err(Unanswerable::CookieAlone(query)) => query.reply.write(&mut out),
        Err(Unanswerable::Short | Unanswerable::Response) => return None,
    }
    Some(out)
}

/// The addresses and names that `packet`, as a forwarder's response to whatever question stands in it, leads to, with the
/// message it is served as; none where it is no answer.
pub fn served_from(packet: &[u8]) -> Option<(Vec<IpAddr>, Vec<Name>, Vec<u8>)> {
    let message = response::read(packet)?;
    let asked = message.queries.first()?;
    let name = policy_name(asked.name())?;
    let qtype = u16::from(asked.query_type());
    let question = Question { name: name.clone(), qtype, dnssec_ok: false, checking_disabled: false };
    let answer = Answer::from_response(&question, message, false, &|_| true).ok()?;
    let mut out = vec![0; HEADER_LEN];
    out[5] = 1;
    out.extend_from_slice(name.as_ref().wire());
    out.extend_from_slice(&qtype.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    let (answers, authorities) = answer.write_records(&mut out, Ttl::Aged(1));
    out[6..8].copy_from_slice(&answers.to_be_bytes());
    out[8..10].copy_from_slice(&authorities.to_be_bytes());
    Some((answer.addresses.to_vec(), answer.targets.to_vec(), out))
}
