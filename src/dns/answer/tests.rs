use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG as Signature, SigInput};
use hickory_proto::op::{Message, MessageType, OpCode, Query as WireQuery, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, SOA, SVCB};
use hickory_proto::rr::{Name as WireName, RData, Record};

use super::chain::{MAX_NEGATIVE_TTL, MAX_TTL};
use super::*;

fn question(name: &str, qtype: u16, dnssec_ok: bool) -> Question {
    Question { name: Name::parse(name).unwrap(), qtype, dnssec_ok, checking_disabled: false }
}

fn name(text: &str) -> WireName {
    WireName::from_ascii(format!("{text}.")).unwrap()
}

fn a(owner: &str, ttl: u32, last: u8) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A::new(192, 0, 2, last)))
}

fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::CNAME(CNAME(name(target))))
}

fn signature(owner: &str, covered: u16) -> Record {
    let input = SigInput {
        type_covered: covered.into(),
        algorithm: hickory_proto::dnssec::Algorithm::ECDSAP256SHA256,
        num_labels: 2,
        original_ttl: 300,
        sig_expiration: hickory_proto::rr::SerialNumber::new(2),
        sig_inception: hickory_proto::rr::SerialNumber::new(1),
        key_tag: 7,
        signer_name: name("example"),
    };
    let rrsig = RData::DNSSEC(DNSSECRData::RRSIG(Signature::from_sig(input, vec![7; 64])));
    Record::from_rdata(name(owner), 300, rrsig)
}

fn soa(owner: &str, ttl: u32, minimum: u32) -> Record {
    let soa = SOA::new(name("ns.example"), name("root.example"), 1, 2, 3, 4, minimum);
    Record::from_rdata(name(owner), ttl, RData::SOA(soa))
}

fn response(qname: &str, qtype: u16, answers: Vec<Record>, authorities: Vec<Record>) -> Message {
    let mut message = Message::new(1, MessageType::Response, OpCode::Query);
    message.add_query(WireQuery::query(name(qname), qtype.into()));
    message.add_answers(answers);
    message.add_authorities(authorities);
    message
}

/// There is one group of forwarders, and every name belongs to it.
fn anything(_: NameRef<'_>) -> bool {
    true
}

/// The records of an answer, read by the codec as a client would.
fn read_back(answer: &Answer, question: &Question, ttl: Ttl) -> Message {
    let mut out = vec![0; HEADER_LEN];
    out[2] = 0x80;
    out[5] = 1;
    out.extend_from_slice(question.name.as_ref().wire());
    out.extend_from_slice(&question.qtype.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    let (answers, authorities) = answer.write_records(&mut out, ttl);
    out[6..8].copy_from_slice(&answers.to_be_bytes());
    out[8..10].copy_from_slice(&authorities.to_be_bytes());
    Message::from_vec(&out).unwrap()
}

#[test]
fn rfc2181_5_a_record_twice_is_one_record() {
    let question = question("a.example", 1, false);
    let answers = vec![a("a.example", 60, 1), a("a.example", 50, 1), a("a.example", 60, 2)];
    let answer = Answer::from_response(&question, response("a.example", 1, answers, vec![]), false, &anything).unwrap();
    let message = read_back(&answer, &question, Ttl::Aged(0));
    assert_eq!(message.answers, [a("a.example", 50, 1), a("a.example", 50, 2)]);
}

#[test]
fn rfc5452_records_about_other_names_are_not_taken() {
    let question = question("a.example", 1, false);
    let answers = vec![a("bank.example", 60, 6), a("a.example", 60, 1)];
    let authorities = vec![soa("bank.example", 60, 60)];
    let answer =
        Answer::from_response(&question, response("a.example", 1, answers, authorities), false, &anything).unwrap();
    let message = read_back(&answer, &question, Ttl::Aged(0));
    assert_eq!(message.answers, [a("a.example", 60, 1)]);
    assert!(message.authorities.is_empty());
}

#[test]
fn a_response_to_another_question_is_no_answer() {
    let asked = question("a.example", 1, false);
    for other in [response("b.example", 1, vec![], vec![]), response("a.example", 28, vec![], vec![])] {
        assert_eq!(Answer::from_response(&asked, other, false, &anything).unwrap_err(), NotAnAnswer::OtherQuestion);
    }
}

#[test]
fn aliases_are_followed_in_order_and_told() {
    let question = question("a.example", 1, false);
    let answers = vec![a("c.example", 60, 1), alias("b.example", "c.example"), alias("a.example", "b.example")];
    let answer = Answer::from_response(&question, response("a.example", 1, answers, vec![]), false, &anything).unwrap();
    let message = read_back(&answer, &question, Ttl::Aged(0));
    let expected = [alias("a.example", "b.example"), alias("b.example", "c.example"), a("c.example", 60, 1)];
    assert_eq!(message.answers, expected);
    let targets: Vec<_> = answer.targets.iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["b.example", "c.example"]);
}

#[test]
fn aliases_without_end_are_refused() {
    let asked = question("a.example", 1, false);
    let circle = vec![alias("a.example", "b.example"), alias("b.example", "a.example")];
    let long = (0..20).map(|n| alias(&format!("x{n}.example"), &format!("x{}.example", n + 1))).collect();
    let circle = Answer::from_response(&asked, response("a.example", 1, circle, vec![]), false, &anything);
    assert_eq!(circle.unwrap_err(), NotAnAnswer::EndlessAliases);
    let asked = question("x0.example", 1, false);
    let long = Answer::from_response(&asked, response("x0.example", 1, long, vec![]), false, &anything);
    assert_eq!(long.unwrap_err(), NotAnAnswer::EndlessAliases);
}

#[test]
fn rfc9460_targets_of_service_bindings_are_told() {
    let asked = question("a.example", 65, false);
    let svcb = SVCB::new(1, name("tracker.example"), vec![]);
    let record = Record::from_rdata(name("a.example"), 60, RData::HTTPS(hickory_proto::rr::rdata::HTTPS(svcb)));
    let answer =
        Answer::from_response(&asked, response("a.example", 65, vec![record], vec![]), false, &anything).unwrap();
    assert_eq!(answer.targets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tracker.example"]);
}

#[test]
fn rfc2181_an_rrset_has_one_ttl_and_none_is_above_a_day() {
    let question = question("a.example", 1, false);
    let uneven = vec![a("a.example", 60, 1), a("a.example", 30, 2)];
    let answer = Answer::from_response(&question, response("a.example", 1, uneven, vec![]), false, &anything).unwrap();
    assert_eq!(answer.ttl, 30);
    let aged = read_back(&answer, &question, Ttl::Aged(10));
    assert_eq!(aged.answers.iter().map(|record| record.ttl).collect::<Vec<_>>(), [20, 20]);
    let endless = vec![a("a.example", u32::MAX, 1)];
    let answer = Answer::from_response(&question, response("a.example", 1, endless, vec![]), false, &anything).unwrap();
    assert_eq!(answer.ttl, MAX_TTL);
}

#[test]
fn rfc2308_a_negative_answer_lives_as_long_as_its_soa_says() {
    let question = question("a.example", 1, false);
    for (ttl, minimum, lives) in [(900, 10, 10), (10, 900, 10), (90_000, 90_000, MAX_NEGATIVE_TTL)] {
        let mut message = response("a.example", 1, vec![], vec![soa("example", ttl, minimum)]);
        message.metadata.response_code = ResponseCode::NXDomain;
        let answer = Answer::from_response(&question, message, false, &anything).unwrap();
        assert!(answer.is_nxdomain());
        assert_eq!(answer.ttl, lives);
        assert_eq!(read_back(&answer, &question, Ttl::Aged(0)).authorities.len(), 1);
    }
    let without = Answer::from_response(&question, response("a.example", 1, vec![], vec![]), false, &anything).unwrap();
    assert_eq!(without.ttl, 0);
}

#[test]
fn rfc4035_signatures_come_only_to_those_who_ask() {
    let answers = || vec![a("a.example", 60, 1), signature("a.example", 1), signature("a.example", 28)];
    for (dnssec_ok, records) in [(false, 1), (true, 3)] {
        let question = question("a.example", 1, dnssec_ok);
        let answer =
            Answer::from_response(&question, response("a.example", 1, answers(), vec![]), false, &anything).unwrap();
        assert_eq!(read_back(&answer, &question, Ttl::Aged(0)).answers.len(), records, "{dnssec_ok}");
    }
}

#[test]
fn a_rewritten_name_carries_its_alias_in_front() {
    let target = question("new.example", 1, false);
    let answers = vec![alias("new.example", "host.new.example"), a("host.new.example", 60, 1)];
    let answer =
        Answer::from_response(&target, response("new.example", 1, answers.clone(), vec![]), false, &anything).unwrap();
    let asked = question("old.example", 1, false);
    let behind = answer.behind_alias(&asked.name, &target.name, 10).unwrap();
    let message = read_back(&behind, &asked, Ttl::Aged(0));
    let mut in_front = alias("old.example", "new.example");
    in_front.ttl = 10;
    assert_eq!(message.answers, [vec![in_front], answers].concat());
}

#[test]
fn a_chain_that_leaves_the_forwarders_names_goes_on_with_what_others_say() {
    let asked = question("a.corp.example", 1, false);
    let inside = |name: NameRef<'_>| name.is_in(Name::parse("corp.example").unwrap().as_ref());
    let answers = vec![alias("a.corp.example", "www.example"), a("www.example", 60, 66)];
    let mut message = response("a.corp.example", 1, answers, vec![soa("example", 60, 60)]);
    message.metadata.response_code = ResponseCode::NXDomain;
    let first = Answer::from_response(&asked, message, false, &inside).unwrap();
    assert_eq!((first.rcode, first.ttl), (Rcode::NO_ERROR, 300));
    assert_eq!(first.leads_on.as_ref().map(ToString::to_string).as_deref(), Some("www.example"));
    assert_eq!(read_back(&first, &asked, Ttl::Aged(0)).answers, [alias("a.corp.example", "www.example")]);

    let target = question("www.example", 1, false);
    let truth = response("www.example", 1, vec![a("www.example", 60, 1)], vec![]);
    let rest = Answer::from_response(&target, truth, false, &anything).unwrap();
    let whole = first.continued(&asked, &target.name, rest).unwrap();
    let expected = [alias("a.corp.example", "www.example"), a("www.example", 60, 1)];
    assert_eq!(read_back(&whole, &asked, Ttl::Aged(0)).answers, expected);
    assert_eq!((whole.ttl, whole.leads_on), (60, None));
}
