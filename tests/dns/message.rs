//! The header, the question, and what is not a query for us.

use crate::support::authority::Authority;
use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, Plan, a, answer};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    (forwarder, sordino)
}

#[test]
fn rfc1035_4_1_1_id_question_and_case_come_back() {
    let (_forwarder, sordino) = house();
    let mut asked = plain_query("WwW.Plain.Example", A);
    (asked.id, asked.flags) = (4660, 0);
    let reply = sordino.udp().ask(&asked);
    assert_eq!(reply.flags, QR | RA, "no RD, AA, Z or error in {:#06x}", reply.flags);
    assert_eq!(reply.questions, asked.questions);
    assert_eq!(reply.asked(), "WwW.Plain.Example.");
    assert_eq!(reply.texts(), ["A 192.0.2.1"]);
    // From the cache, with another ID and another case.
    let mut again = plain_query("wWw.PLAIN.example", A);
    again.id = 1;
    let reply = sordino.udp().ask(&again);
    assert_eq!((reply.flags, reply.asked()), (QR | RD | RA, "wWw.PLAIN.example.".into()));
}

#[test]
fn rfc8906_8_1_3_flags_that_mean_nothing_here_do_no_harm() {
    let (_forwarder, sordino) = house();
    for (set, kept) in [(Z, 0), (AD, 0), (CD, CD), (AA, 0), (RA, RA), (TC, 0)] {
        let mut asked = query("flags.example", A);
        asked.flags |= set;
        let reply = sordino.udp().ask(&asked);
        assert_eq!(reply.flags & (Z | AD | CD | AA | TC), kept & CD, "with {set:#06x} came {:#06x}", reply.flags);
        assert_eq!(reply.texts(), ["A 192.0.2.1"]);
    }
}

#[test]
fn rfc9619_4_a_query_has_one_question() {
    let (forwarder, sordino) = house();
    let udp = sordino.udp();
    for count in [0, 2, 3] {
        let mut asked = query("counted.example", A);
        asked.questions = vec![asked.questions[0].clone(); count];
        assert_eq!(udp.ask(&asked).rcode(), FORMERR, "{count} questions");
    }
    // A count that is a lie.
    let mut lie = query("counted.example", A).wire();
    lie[4..6].copy_from_slice(&u16::MAX.to_be_bytes());
    udp.send(&lie);
    assert_eq!(udp.next().rcode(), FORMERR);
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn rfc8906_8_1_4_other_opcodes_are_not_implemented() {
    let (forwarder, sordino) = house();
    for opcode in [1, 2, 3, 4, 5, 6, 15] {
        let mut asked = query("opcode.example", SOA);
        asked.flags |= opcode << 11;
        for reply in [sordino.udp().ask(&asked), sordino.tcp().ask(&asked)] {
            assert_eq!((reply.rcode(), reply.opcode()), (NOTIMP, opcode));
            assert!(reply.answers.is_empty() && reply.size <= 512);
        }
    }
    assert!(forwarder.asked_all().is_empty());
}

/// RFC 8945 §5.2: no key is known here. A signature is neither taken off nor passed on.
#[test]
fn rfc8945_5_2_signed_queries_are_refused() {
    const TSIG: u16 = 250;
    const SIG: u16 = 24;
    let (forwarder, sordino) = house();
    let mac = [&name_wire("hmac-sha256")[..], &[0, 0, 0, 0, 0, 1, 1, 44, 0, 2, 7, 7, 18, 52, 0, 0, 0, 0]].concat();
    let sig = [&[0, 0, 13, 0, 0, 0, 0, 0][..], &[0; 8], &[18, 52], &name_wire("key.example"), &[7; 64]].concat();
    for (rtype, data) in [(TSIG, mac), (SIG, sig)] {
        let mut asked = plain_query("www.example", A);
        let mut signature = Record::new(if rtype == SIG { "" } else { "key.example" }, rtype, 0, data);
        signature.class = 255;
        asked.additional.push(signature);
        for reply in [sordino.udp().ask(&asked), sordino.tcp().ask(&asked)] {
            assert_eq!((reply.rcode(), reply.answers.len()), (REFUSED, 0), "type {rtype}");
        }
    }
    assert!(forwarder.asked_all().is_empty());
    assert_eq!(sordino.resolve("www.example"), ["A 192.0.2.1"]);
}

/// RFC 1035 §7.1, CVE-2024-2169: two servers that answer each other's answers never stop.
#[test]
fn rfc1035_7_1_responses_get_no_answer() {
    let (_forwarder, sordino) = house();
    let udp = sordino.udp();
    for rcode in [NOERROR, FORMERR, NOTIMP, REFUSED] {
        let mut response = query("loop.example", A);
        response.flags = QR | rcode;
        udp.send(&response.wire());
        udp.send(&[&response.wire()[..12], &[0xff; 40]].concat());
    }
    // Fragments of a header are not worth an answer either.
    for len in 0..12 {
        udp.send(&query("short.example", A).wire()[..len]);
    }
    let marker = query("marker.example", A);
    udp.send(&marker.wire());
    assert_eq!(udp.next().id, marker.id, "the first answer is to the first query");
}

#[test]
fn rfc5625_4_1_other_classes_are_refused() {
    let (forwarder, sordino) = house();
    for (name, class) in [("version.bind", 3), ("id.server", 3), ("hs.example", 4), ("none.example", 254)] {
        let mut asked = query(name, TXT);
        asked.questions[0].class = class;
        let reply = sordino.udp().ask(&asked);
        assert!([REFUSED, NOTIMP].contains(&reply.rcode()), "{name} in class {class}: {}", reply.rcode());
        assert!(reply.answers.is_empty());
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn rfc5936_2_2_zone_transfers_are_refused() {
    let (forwarder, sordino) = house();
    let mut ixfr = query("zone.example", IXFR);
    ixfr.authority = vec![crate::support::forwarder::soa(1, 1)];
    for asked in [query("zone.example", AXFR), query("zone.example", IXFR), ixfr] {
        assert_eq!(sordino.tcp().ask(&asked).rcode(), REFUSED);
        assert_eq!(sordino.udp().ask(&asked).rcode(), REFUSED);
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn rfc8482_4_2_any_gets_one_rrset() {
    let (forwarder, sordino) = house();
    let reply = sordino.ask("all.example", ANY);
    assert_eq!(reply.answers.len(), 1);
    assert_eq!(reply.answers[0].rtype, HINFO);
    assert!(reply.ttl() >= 3600 && reply.size <= 512);
    assert!(forwarder.asked("all.example").is_empty());
}

#[test]
fn rfc3597_3_types_without_a_name_pass_unchanged() {
    let (forwarder, sordino) = house();
    forwarder.holds("odd.example", vec![Record::new("odd.example", 65280, 60, [10, 0, 0, 1, 0xc0, 0x0c])]);
    for _ in 0..2 {
        assert_eq!(sordino.ask("odd.example", 65280).texts(), ["TYPE65280 \\# 6 0a000001c00c"]);
    }
}

/// Also what a codec would stumble over, and what is beside the answer does not spoil it.
#[test]
fn rfc3597_3_what_nobody_here_can_read_passes_all_the_same() {
    const NULL: u16 = 10;
    const CAA: u16 = 257;
    let (forwarder, sordino) = house();
    let grease = b"\0\x01\0\0\x01\0\x03\x02\xca\xca";
    for (rtype, data) in [(65_280, &b""[..]), (NULL, b""), (CAA, b"\0\x05iss-ex"), (HTTPS, grease)] {
        let name = format!("type{rtype}.example");
        forwarder.holds(&name, vec![Record::new(&name, rtype, 60, data.to_vec())]);
        for _ in 0..2 {
            let reply = sordino.ask(&name, rtype);
            assert_eq!(reply.answers.iter().map(|answer| answer.data.as_slice()).collect::<Vec<_>>(), [data], "{name}");
        }
    }
    forwarder.on("beside.example", |query, _| {
        let mut message = answer(query, &[a("beside.example", 60, "192.0.2.1")]);
        message.authority.push(Record::new("example", NS, 60, [0xc0]));
        message.additional.push(Record::new("ns.example", AAAA, 60, [0; 15]));
        Plan::Answer(message)
    });
    assert_eq!(sordino.resolve("beside.example"), ["A 192.0.2.1"]);
    assert_eq!(forwarder.asked("beside.example").len(), 1);
}

/// Whatever the answer comes over: unknown and odd records as they are, and a signature that nobody can read left out.
#[test]
fn rfc3597_3_what_nobody_here_can_read_passes_over_every_transport() {
    const CAA: u16 = 257;
    const RRSIG: u16 = 46;
    let authority = Authority::new();
    let forwarder = Forwarder::encrypted(&authority);
    forwarder.holds("odd.example", vec![Record::new("odd.example", CAA, 60, *b"\0\x05iss-ex")]);
    forwarder.on("unsigned.example", |query, _| {
        let mut message = answer(query, &[a("unsigned.example", 60, "192.0.2.1")]);
        message.answers.push(Record::new("unsigned.example", RRSIG, 60, [0, 1, 13]));
        Plan::Answer(message)
    });
    let ca = format!("{:?}", authority.path());
    for url in [forwarder.tcp(), forwarder.tls(), forwarder.https(), forwarder.quic(), forwarder.h3()] {
        let sordino = Setup::new().server(&url).set("upstream", "ca", &ca).start();
        let reply = sordino.ask("odd.example", CAA);
        assert_eq!(reply.answers.iter().map(|record| &*record.data).collect::<Vec<_>>(), [b"\0\x05iss-ex"], "{url}");
        assert_eq!(sordino.resolve("unsigned.example"), ["A 192.0.2.1"], "{url}");
    }
}

/// An HTTPS record that is passed on as it came is judged all the same.
#[test]
fn what_nobody_here_can_read_is_judged_by_where_it_leads() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "||muted.example^\n").start();
    let grease = [0, 1, 0, 3, 2, 0xca, 0xca];
    let target = [&[0, 1][..], &name_wire("muted.example"), &grease].concat();
    let inside = [&[0, 1, 0][..], &grease, &[0, 4, 0, 4, 192, 168, 1, 1]].concat();
    forwarder.holds("alias.example", vec![Record::new("alias.example", HTTPS, 60, target)]);
    forwarder.holds("inside.example", vec![Record::new("inside.example", HTTPS, 60, inside)]);
    for name in ["alias.example", "inside.example"] {
        let reply = sordino.ask(name, HTTPS);
        assert_eq!((reply.answers.len(), reply.ede().map(|(code, _)| code)), (0, Some(15)), "{name}");
    }
}

/// C8: what stands at the parent is asked about like anything else, and comes as the forwarder gives it.
#[test]
fn rfc4035_3_1_4_1_ds_comes_as_it_is() {
    const DS: u16 = 43;
    let (forwarder, sordino) = house();
    let digest = [&[0x30, 0x39, 13, 2][..], &[0xc0; 32]].concat();
    forwarder.holds("child.test", vec![Record::new("child.test", DS, 300, digest)]);
    let direct = Udp::to(forwarder.address()).ask(&query("child.test", DS));
    for _ in 0..2 {
        let reply = sordino.ask("child.test", DS);
        assert_eq!((reply.rcode(), reply.texts()), (NOERROR, direct.texts()));
        assert_eq!(reply.answers[0].data, direct.answers[0].data);
    }
    assert_eq!(forwarder.asked("child.test").len(), 2, "once by the test itself");
}

#[test]
fn rfc6895_3_1_types_that_stand_in_no_zone_are_not_forwarded() {
    let (forwarder, sordino) = house();
    for qtype in [0, OPT, 128, 249, 250, 253, 254] {
        let reply = sordino.ask("meta.example", qtype);
        let fits = [FORMERR, NOTIMP, REFUSED].contains(&reply.rcode()) || reply.rcode() == NOERROR;
        assert!(fits && reply.answers.is_empty(), "type {qtype}: {}", reply.rcode());
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn rfc2181_11_any_octet_and_any_length_is_a_name() {
    let (forwarder, sordino) = house();
    let longest_label = format!("{}.example", "l".repeat(63));
    // 255 octets on the wire: 123 labels of one octet, `example`, the root.
    let longest_name = format!("{}example", "a.".repeat(123));
    assert_eq!(name_wire(&longest_name).len(), 255);
    let names =
        ["\\000\\255.a.example", "_dmarc.a.example", "*.a.example", "a\\.b.example", &longest_label, &longest_name];
    for name in names {
        let reply = sordino.ask(name, A);
        assert_eq!(reply.texts(), ["A 192.0.2.1"], "{name}");
        assert_eq!(reply.questions[0].name, name_wire(name));
        assert_eq!(forwarder.asked(name).len(), 1, "{name}");
    }
    assert_eq!(sordino.ask(".", NS).rcode(), NOERROR);
}

/// The bytes of a label are data: `a\.b.example` is not `a.b.example` (RFC 4343 §2.1).
#[test]
fn rfc4343_2_1_a_dot_inside_a_label_is_no_label_boundary() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "||tracker.example^\nx.host.example\n").start();
    assert_eq!(sordino.resolve("x.tracker.example"), ["A 0.0.0.0"]);
    assert_eq!(sordino.resolve("x\\.tracker.example"), ["A 192.0.2.1"]);
    assert_eq!(sordino.resolve("x.host.example"), ["A 0.0.0.0"]);
    assert_eq!(sordino.resolve("x\\.host.example"), ["A 192.0.2.1"]);
    assert_eq!(sordino.resolve("evil\\.tracker.example.example"), ["A 192.0.2.1"]);
}

#[test]
fn rfc4343_3_names_are_compared_without_case_everywhere() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "AdS.Example\n").start();
    let reply = sordino.ask("aDs.eXaMpLe", A);
    assert_eq!((reply.texts(), reply.asked()), (vec!["A 0.0.0.0".to_owned()], "aDs.eXaMpLe.".into()));
    // The cache does not care for case either.
    forwarder.holds("cached.example", vec![a("cached.example", 300, "192.0.2.8")]);
    for name in ["cached.example", "CACHED.example", "cAcHeD.eXample"] {
        assert_eq!(sordino.resolve(name), ["A 192.0.2.8"]);
    }
    assert_eq!(forwarder.asked("cached.example").len(), 1);
    assert_eq!(sordino.resolve("FOO.LocalHost"), ["A 127.0.0.1"]);
}
