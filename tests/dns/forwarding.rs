//! How forwarders are asked, and what happens when they do not answer, or lie.

use std::time::{Duration, Instant};

use crate::support::authority::Authority;
use crate::support::forwarder::{Asked, Forwarder, Hold, Over, Plan, a, answer, with_rcode};
use crate::support::sordino::Setup;
use crate::support::until;
use crate::support::wire::*;

/// Stub resolvers give up after five seconds; sordino has its last word before.
const STUB_PATIENCE: Duration = Duration::from_secs(5);

fn overs(asked: &[Asked]) -> Vec<Over> {
    asked.iter().map(|asked| asked.over).collect()
}

#[test]
fn each_transport_carries_questions() {
    let authority = Authority::new();
    let forwarder = Forwarder::encrypted(&authority);
    let ca = format!("{:?}", authority.path());
    for (url, over) in [
        (forwarder.udp(), Over::Udp),
        (forwarder.tcp(), Over::Tcp),
        (forwarder.tls(), Over::Tls),
        (forwarder.https(), Over::Https),
        (forwarder.quic(), Over::Quic),
        (forwarder.h3(), Over::H3),
    ] {
        let sordino = Setup::new().server(&url).set("upstream", "ca", &ca).start();
        for number in 0..3 {
            let name = format!("n{number}.{over:?}.example");
            assert_eq!(sordino.resolve(&name), ["A 192.0.2.1"], "{url}");
            assert_eq!(overs(&forwarder.asked(&name)), [over], "{url}");
        }
    }
}

/// Questions that others can see pass by encrypted do not tell by their length what they ask.
#[test]
fn rfc8467_4_1_encrypted_questions_are_padded_and_plain_ones_are_not() {
    let authority = Authority::new();
    let forwarder = Forwarder::encrypted(&authority);
    let ca = format!("{:?}", authority.path());
    for (url, padded) in [
        (forwarder.udp(), false),
        (forwarder.tcp(), false),
        (forwarder.tls(), true),
        (forwarder.https(), true),
        (forwarder.quic(), true),
        (forwarder.h3(), true),
    ] {
        let sordino = Setup::new().server(&url).set("upstream", "ca", &ca).start();
        for length in [1, 20, 60] {
            let name = format!("{}.padded.example", "l".repeat(length));
            sordino.resolve(&name);
            let size = forwarder.asked(&name).last().expect("a question").query.size;
            assert_eq!(size.is_multiple_of(128), padded, "{size} octets over {url}");
        }
    }
}

/// RFC 8484 §8.2: nothing of the asker stands in an HTTP header.
#[test]
fn rfc8484_8_2_requests_tell_nothing_of_the_asker() {
    let authority = Authority::new();
    let forwarder = Forwarder::encrypted(&authority);
    let ca = format!("{:?}", authority.path());
    let sordino = Setup::new().server(forwarder.https()).set("upstream", "ca", &ca).start();
    sordino.resolve("quiet.example");
    let headers = forwarder.headers();
    assert!(!headers.is_empty());
    for header in headers {
        assert!(header.get("cookie").is_none() && header.get("x-forwarded-for").is_none(), "{header:?}");
        let values: Vec<_> = header.values().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        assert!(values.iter().all(|value| !value.contains("quiet") && !value.contains("sordino")), "{values:?}");
    }
}

/// RFC 8310 §5: a certificate that does not fit ends it; nothing goes out in the clear instead.
#[test]
fn rfc8310_5_a_wrong_certificate_is_no_reason_to_ask_in_the_clear() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let forwarder = Forwarder::encrypted(&stranger);
    for url in [forwarder.tls(), forwarder.https(), forwarder.quic(), forwarder.h3()] {
        let ca = format!("{:?}", authority.path());
        let sordino = Setup::new().server(&url).set("upstream", "ca", &ca).start();
        let reply = sordino.ask("strict.example", A);
        assert_eq!(reply.rcode(), SERVFAIL, "{url}");
        assert!(matches!(reply.ede(), Some((22 | 23, _))), "{url}: {:?}", reply.ede());
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn a_forwarder_given_by_name_is_found_through_bootstrap() {
    let authority = Authority::new();
    let forwarder = Forwarder::encrypted(&authority);
    forwarder.holds("dns.example", vec![a("dns.example", 300, "127.0.0.1")]);
    let sordino = Setup::new()
        .server(format!("tls://dns.example:{}", forwarder.tls_port()))
        .set("upstream", "ca", &format!("{:?}", authority.path()))
        .set("upstream", "bootstrap", &format!("[\"{}\"]", forwarder.address()))
        .start();
    assert_eq!(sordino.resolve("named.example"), ["A 192.0.2.1"]);
    assert_eq!(overs(&forwarder.asked("named.example")), [Over::Tls]);
    assert!(forwarder.asked("dns.example").iter().all(|asked| asked.over == Over::Udp));
    // RFC 6066 §3: who serves many tells them apart by that.
    assert_eq!(forwarder.names(), [Some("dns.example".to_owned())]);
}

#[test]
fn rfc7766_5_a_truncated_answer_is_asked_for_again_over_tcp() {
    let forwarder = Forwarder::plain();
    forwarder.on("cut.example", |query, over| {
        let whole = answer(query, &[a("cut.example", 60, "192.0.2.5")]);
        let cut = Message { flags: QR | RA | RD | TC, ..with_rcode(query, NOERROR) };
        Plan::Answer(if over == Over::Udp { cut } else { whole })
    });
    let sordino = Setup::before(&forwarder).start();
    assert_eq!(sordino.resolve("cut.example"), ["A 192.0.2.5"]);
    assert_eq!(overs(&forwarder.asked("cut.example")), [Over::Udp, Over::Tcp]);
}

/// RFC 5452 §9: at most one question is under way for a name, however many ask; a TTL of 0 changes nothing.
#[test]
fn rfc5452_9_a_hundred_queries_are_one_question_upstream() {
    let forwarder = Forwarder::plain();
    let hold = Hold::new();
    let kept = hold.clone();
    forwarder.on("popular.example", move |query, _| {
        let records = [a("popular.example", 0, "192.0.2.6")];
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &records))))
    });
    let sordino = Setup::before(&forwarder).list("ads", "block", "marker.example\n").start();
    let udp = sordino.udp();
    for id in 0..100 {
        let mut asked = query("popular.example", A);
        asked.id = id;
        // A subnet of the client makes no question of its own.
        asked.opt.as_mut().unwrap().options.push((ECS, vec![0, 1, 24, 0, 198, 51, id as u8]));
        udp.send(&asked.wire());
    }
    // An answer to what was sent last says that all before it have been read.
    let marker = query("marker.example", A);
    udp.send(&marker.wire());
    assert_eq!(udp.next().id, marker.id);
    let tries = forwarder.asked("popular.example").len();
    hold.release();
    let mut open: Vec<u16> = (0..100).collect();
    while !open.is_empty() {
        let reply = udp.next();
        assert_eq!(reply.texts(), ["A 192.0.2.6"]);
        open.retain(|id| *id != reply.id);
    }
    // One flight may be tried three times (RFC 9520 §3.1) while the forwarder is held back; a hundred are not.
    assert!(tries <= 3, "{tries} questions upstream");
}

#[test]
fn rfc5452_9_ports_and_ids_cannot_be_guessed() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    for number in 0..64 {
        sordino.resolve(&format!("n{number}.entropy.example"));
    }
    let asked = forwarder.asked_all();
    let distinct = |of: &dyn Fn(&Asked) -> u16| {
        let mut all: Vec<u16> = asked.iter().map(of).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    assert!(distinct(&|asked| asked.source.port()) > 48, "a source port of its own for every question");
    assert!(distinct(&|asked| asked.query.id) > 48, "an ID of its own for every question");
}

#[test]
fn the_next_forwarder_is_asked_when_one_fails() {
    let good = Forwarder::plain();
    for rcode in [SERVFAIL, REFUSED, NOTIMP, FORMERR] {
        let bad = Forwarder::plain();
        bad.fails("example", rcode);
        let sordino = Setup::before(&bad).server(good.udp()).start();
        let name = format!("after-{rcode}.example");
        assert_eq!(sordino.resolve(&name), ["A 192.0.2.1"], "after RCODE {rcode}");
        assert!(!bad.asked(&name).is_empty() && !good.asked(&name).is_empty());
    }
}

#[test]
fn the_next_forwarder_is_asked_when_one_is_silent_or_gone() {
    let (silent, good) = (Forwarder::plain(), Forwarder::plain());
    silent.fall_silent(true);
    let gone = Forwarder::plain();
    let gone_url = gone.udp();
    drop(gone);
    let sordino = Setup::before(&silent).server(gone_url).server(good.udp()).start();
    let begin = Instant::now();
    assert_eq!(sordino.resolve("third.example"), ["A 192.0.2.1"]);
    assert!(begin.elapsed() < STUB_PATIENCE);
    // A forwarder that never answers is asked last, and told so in the page.
    let rest = sordino.rest();
    let mut number = 0;
    until("the silent forwarder to be called down", || {
        number += 1;
        sordino.resolve(&format!("n{number}.down.example"));
        let status = rest.read("/api/v1/status");
        (status["upstreams"][0]["state"] == "down" && status["upstreams"][2]["state"] == "up").then_some(())
    });
}

#[test]
fn rfc8914_4_23_when_nobody_answers_the_client_hears_so_before_it_gives_up() {
    let forwarder = Forwarder::plain();
    forwarder.fall_silent(true);
    let sordino = Setup::before(&forwarder).start();
    let (begin, reply) = (Instant::now(), sordino.ask("unheard.example", A));
    assert!(begin.elapsed() < STUB_PATIENCE, "{:?}", begin.elapsed());
    assert_eq!(reply.rcode(), SERVFAIL);
    assert!(matches!(reply.ede(), Some((22 | 23, _))), "{:?}", reply.ede());
    // RFC 9520 §3.1: three tries, not a stream of them.
    let tries = forwarder.asked("unheard.example").len();
    assert!((1..=3).contains(&tries), "{tries} tries");
    // Back again, it is asked again.
    forwarder.fall_silent(false);
    until("recovery", || (sordino.resolve("back.example") == ["A 192.0.2.1"]).then_some(()));
}

#[test]
fn rfc9520_3_2_a_failure_is_not_asked_for_again_at_once() {
    let forwarder = Forwarder::plain();
    forwarder.fails("broken.example", SERVFAIL);
    let sordino = Setup::before(&forwarder).start();
    let udp = sordino.udp();
    for _ in 0..50 {
        let reply = udp.ask(&query("broken.example", A));
        assert_eq!(reply.rcode(), SERVFAIL);
    }
    // Up to three tries a round; 50 queries would be 150.
    let tries = forwarder.asked("broken.example").len();
    assert!(tries <= 12, "{tries} questions upstream for 50 queries");
}

/// RFC 5452 §9.1: what does not match the question is not the answer, and does not end the wait for it.
#[test]
fn rfc5452_9_1_an_answer_that_does_not_match_is_not_believed() {
    let forwarder = Forwarder::plain();
    forwarder.on("forged.example", |query, over| {
        let truth = answer(query, &[a("forged.example", 300, "192.0.2.7")]);
        let lie = answer(query, &[a("forged.example", 300, "192.0.2.66")]);
        if over != Over::Udp {
            return Plan::Answer(truth);
        }
        let with = |change: &dyn Fn(&mut Message)| {
            let mut message = lie.clone();
            change(&mut message);
            message.wire()
        };
        Plan::Packets(vec![
            Vec::new(),
            vec![0],
            lie.wire()[..11].to_vec(),
            with(&|message| message.id = message.id.wrapping_add(1)),
            with(&|message| message.flags &= !QR),
            with(&|message| message.questions[0].name = name_wire("other.example")),
            with(&|message| message.questions[0].qtype = AAAA),
            with(&|message| message.questions[0].class = 3),
            truth.wire(),
        ])
    });
    let sordino = Setup::before(&forwarder).start();
    for _ in 0..2 {
        assert_eq!(sordino.resolve("forged.example"), ["A 192.0.2.7"]);
    }
}

/// Only the chain from QNAME and its last RRset are believed (bailiwick).
#[test]
fn rfc5452_6_records_that_were_not_asked_for_are_not_kept() {
    let forwarder = Forwarder::plain();
    forwarder.on("generous.example", |query, _| {
        let mut message = answer(query, &[a("generous.example", 300, "192.0.2.8")]);
        message.answers.push(a("bank.example", 300, "192.0.2.66"));
        message.authority.push(Record::new("example", NS, 300, name_wire("ns.bank.example")));
        message.additional.push(a("bank.example", 300, "192.0.2.66"));
        message.additional.push(a("ns.bank.example", 300, "192.0.2.66"));
        Plan::Answer(message)
    });
    let sordino = Setup::before(&forwarder).start();
    let reply = sordino.ask("generous.example", A);
    assert_eq!(reply.texts(), ["A 192.0.2.8"]);
    for name in ["bank.example", "ns.bank.example"] {
        assert_eq!(sordino.resolve(name), ["A 192.0.2.1"]);
        assert_eq!(forwarder.asked(name).len(), 1, "{name} was asked, not remembered");
    }
}

/// Garbage from a forwarder is a failure of that forwarder, and of nothing else.
#[test]
fn rfc9267_garbage_from_a_forwarder_does_no_harm() {
    let (mad, good) = (Forwarder::plain(), Forwarder::plain());
    mad.on("example", |query, _| {
        let head = &with_rcode(query, NOERROR).wire()[..12];
        let mut counts = head.to_vec();
        counts[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
        let question = &query.wire()[12..12 + query.questions[0].name.len() + 4];
        let looping = [&counts[..], question, &[0xc0, 0x0c, 0xc0, 0x0c]].concat();
        let itself = [&counts[..], question, &[0xc0, (12 + question.len()) as u8, 0, 1, 0, 1]].concat();
        Plan::Packets(vec![looping, itself, [head, &[0xff; 500]].concat(), vec![0xc0; 1200]])
    });
    let sordino = Setup::before(&mad).server(good.udp()).start();
    let mut before = 0;
    for number in 0..40 {
        assert_eq!(sordino.resolve(&format!("n{number}.example")), ["A 192.0.2.1"]);
        // The first half made its buffers and threads, which stay.
        if number == 20 {
            before = sordino.resident();
        }
    }
    assert!(sordino.resident() < before + 10_000, "from {before} to {} kB", sordino.resident());
}
