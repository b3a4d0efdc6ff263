//! The header, the question and what is not a query for us.

use crate::support::forwarder::Forwarder;
use crate::support::sordino::Setup;
use crate::support::wire::*;

/// RFC 1035 §4.1.1, RFC 5625 §4.1.
#[test]
fn rfc1035_4_1_1_id_question_and_case_come_back() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    let mut asked = plain_query("WwW.Plain.Example", A);
    (asked.id, asked.flags) = (4660, 0);
    let reply = sordino.udp().ask(&asked);
    assert_eq!(reply.flags, QR | RA, "no RD, AA, Z or error in {:#06x}", reply.flags);
    assert_eq!(reply.asked(), "WwW.Plain.Example.");
    assert_eq!(reply.questions.len(), 1);
    assert_eq!(reply.texts(), ["A 192.0.2.1"]);
}
