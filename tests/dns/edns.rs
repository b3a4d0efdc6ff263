//! EDNS and the size of responses.

use crate::support::forwarder::{Forwarder, Over, Plan, a, answer, with_rcode};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "muted.example\n").start();
    (forwarder, sordino)
}

fn with_option(name: &str, code: u16, value: &[u8]) -> Message {
    let mut asked = query(name, A);
    asked.opt.as_mut().unwrap().options.push((code, value.to_vec()));
    asked
}

/// TXT records that need about this many octets.
fn texts(name: &str, octets: usize) -> Vec<Record> {
    let one = |number: usize| [&[200][..], format!("{number:0200}").as_bytes()].concat();
    (0..octets / 212).map(|number| Record::new(name, TXT, 60, one(number))).collect()
}

#[test]
fn rfc6891_6_1_1_an_opt_record_answers_an_opt_record() {
    let (_forwarder, sordino) = house();
    for name in ["plain.example", "muted.example", "x.localhost"] {
        assert!(sordino.udp().ask(&plain_query(name, A)).opt.is_none());
        let mut asked = query(name, A);
        asked.opt.as_mut().unwrap().flags = DO;
        let opt = sordino.udp().ask(&asked).opt.unwrap();
        // RFC 3225 §3: DO is copied.
        assert_eq!((opt.payload, opt.version, opt.flags), (1232, 0, DO), "{name}");
        assert_eq!(sordino.ask(name, A).opt.unwrap().flags, 0, "{name}");
    }
}

#[test]
fn rfc6891_6_1_3_a_newer_version_gets_badvers() {
    let (forwarder, sordino) = house();
    for version in [1, 100, 255] {
        let mut asked = query("newer.example", A);
        asked.opt.as_mut().unwrap().version = version;
        let reply = sordino.udp().ask(&asked);
        assert_eq!((reply.rcode(), reply.opt.as_ref().unwrap().version), (BADVERS, 0));
        assert!(reply.answers.is_empty());
    }
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn rfc6891_6_1_2_unknown_options_and_flags_end_here() {
    let (forwarder, sordino) = house();
    let reply = sordino.udp().ask(&with_option("option.example", 100, &[0xde, 0xad]));
    assert_eq!((reply.rcode(), reply.option(100)), (NOERROR, None));
    assert_eq!(forwarder.wait_for("option.example").query.option(100), None);

    let mut asked = query("flag.example", A);
    asked.opt.as_mut().unwrap().flags = 0x0040;
    assert_eq!(sordino.udp().ask(&asked).opt.unwrap().flags, 0);
}

#[test]
fn rfc6891_6_1_1_two_opt_records_are_malformed() {
    let (forwarder, sordino) = house();
    let mut asked = query("two.example", A);
    asked.additional.push(asked.opt.as_ref().unwrap().record());
    assert_eq!(sordino.udp().ask(&asked).rcode(), FORMERR);
    assert!(forwarder.asked_all().is_empty());
}

/// An error without OPT says that EDNS is unknown here (§7), and whoever hears that asks without from then on.
#[test]
fn rfc6891_6_1_1_an_error_has_an_opt_record_where_the_query_had_one() {
    const TSIG: u16 = 250;
    let (_forwarder, sordino) = house();
    let mut two = query("two.example", A);
    two.additional.push(two.opt.as_ref().unwrap().record());
    let mut newer = query("newer.example", A);
    newer.opt.as_mut().unwrap().version = 1;
    let mut signed = query("signed.example", A);
    let signature = Record { name: name_wire("key"), rtype: TSIG, class: 255, ttl: 0, data: vec![0; 16] };
    signed.additional = vec![signed.opt.take().unwrap().record(), signature];
    let cookie = with_option("cookie.example", COOKIE, &[1; 7]);
    for (asked, rcode) in [(two, FORMERR), (newer, BADVERS), (signed, REFUSED), (cookie, FORMERR)] {
        let reply = sordino.udp().ask(&asked);
        // RFC 6891 §7: the least there is are header, question and OPT.
        assert_eq!(reply.questions, asked.questions);
        assert_eq!((reply.rcode(), reply.opt.map(|opt| opt.version)), (rcode, Some(0)));
    }
    let mut plain = plain_query("two.example", A);
    plain.questions.push(plain.questions[0].clone());
    let reply = sordino.udp().ask(&plain);
    assert_eq!((reply.rcode(), reply.opt.is_none()), (FORMERR, true));
}

#[test]
fn rfc6891_6_2_3_a_response_fits_what_the_asker_takes() {
    let (forwarder, sordino) = house();
    forwarder.holds("big.example", texts("big.example", 3_000));
    forwarder.holds("middle.example", texts("middle.example", 900));
    let udp = sordino.udp();
    let ask = |name: &str, size: Option<u16>| {
        let mut asked = plain_query(name, TXT);
        asked.opt = size.map(|payload| Opt { payload, ..Opt::default() });
        udp.ask(&asked)
    };
    for (name, size, limit, whole) in [
        ("big.example", None, 512, false),
        ("big.example", Some(100), 512, false),
        ("big.example", Some(512), 512, false),
        ("big.example", Some(4096), 1232, false),
        ("big.example", Some(65535), 1232, false),
        ("middle.example", None, 512, false),
        ("middle.example", Some(100), 512, false),
        ("middle.example", Some(1232), 1232, true),
        ("middle.example", Some(4096), 1232, true),
    ] {
        let reply = ask(name, size);
        assert!(reply.size <= limit, "{name} for {size:?}: {} octets", reply.size);
        assert_eq!(reply.has(TC), !whole, "{name} for {size:?}");
        assert_eq!(reply.opt.is_some(), size.is_some(), "{name} for {size:?}");
        // RFC 2181 §9: an RRset is whole or not there.
        assert!(reply.answers.is_empty() || reply.answers.len() == 4, "{name} for {size:?}");
    }
}

#[test]
fn rfc7766_5_a_large_answer_comes_whole_over_tcp() {
    let (forwarder, sordino) = house();
    forwarder.on("large.example", |query, over| {
        if over == Over::Udp {
            return Plan::Answer(Message { flags: QR | TC | RA, ..with_rcode(query, NOERROR) });
        }
        Plan::Answer(answer(query, &texts("large.example", 60_000)))
    });
    // Asked over UDP the client hears that there is more; over TCP it hears all.
    assert!(sordino.ask("large.example", TXT).has(TC));
    let reply = sordino.tcp().ask(&query("large.example", TXT));
    assert!(!reply.has(TC) && reply.rcode() == NOERROR);
    assert_eq!(reply.answers.len(), 60_000 / 212);
    let asked = forwarder.asked("large.example");
    assert!(asked.iter().any(|asked| asked.over == Over::Tcp), "the truncated answer was fetched over TCP");
}

#[test]
fn rfc7871_11_1_the_client_subnet_stays_in_the_house() {
    let (forwarder, sordino) = house();
    let reply = sordino.udp().ask(&with_option("subnet.example", ECS, &[0, 1, 24, 0, 198, 51, 100]));
    assert_eq!(reply.texts(), ["A 192.0.2.1"]);
    assert!(reply.option(ECS).is_none_or(|value| value[3] == 0));
    assert_eq!(forwarder.wait_for("subnet.example").query.option(ECS), None);
    assert!(forwarder.asked_all().iter().all(|asked| asked.query.option(ECS).is_none()));
}

#[test]
fn rfc7873_5_2_2_a_cookie_of_no_valid_length_is_malformed() {
    let (_forwarder, sordino) = house();
    for len in [1, 7, 9, 15, 41] {
        assert_eq!(sordino.udp().ask(&with_option("cookie.example", COOKIE, &vec![1; len])).rcode(), FORMERR, "{len}");
    }
    assert_eq!(sordino.udp().ask(&with_option("cookie.example", COOKIE, &[1; 8])).texts(), ["A 192.0.2.1"]);
}

#[test]
fn rfc8914_3_the_reason_needs_edns_and_room() {
    let (_forwarder, sordino) = house();
    assert_eq!(sordino.ask("muted.example", A).ede(), Some((15, "ads".into())));
    let reply = sordino.udp().ask(&plain_query("muted.example", A));
    assert_eq!((reply.opt.is_none(), reply.texts()), (true, vec!["A 0.0.0.0".to_owned()]));
    let mut narrow = query("muted.example", A);
    narrow.opt.as_mut().unwrap().payload = 512;
    let reply = sordino.udp().ask(&narrow);
    assert!(reply.size <= 512 && !reply.has(TC) && reply.texts() == ["A 0.0.0.0"]);
}

/// What is asked upstream is asked with our own EDNS: 1232 octets, no options of the client.
#[test]
fn rfc9715_forwarders_are_told_a_size_that_needs_no_fragments() {
    let (forwarder, sordino) = house();
    let mut asked = query("size.example", A);
    asked.opt.as_mut().unwrap().payload = 65_535;
    sordino.udp().ask(&asked);
    sordino.udp().ask(&plain_query("plain-size.example", A));
    for name in ["size.example", "plain-size.example"] {
        let opt = forwarder.wait_for(name).query.opt.expect("EDNS upstream");
        assert_eq!((opt.payload, opt.version, opt.flags & !DO), (1232, 0, 0), "{name}");
    }
}

/// RFC 6891 §6.2.2: a forwarder that cannot read OPT is asked again without it, and from then on at once.
#[test]
fn rfc6891_6_2_2_a_forwarder_that_chokes_on_edns_is_asked_without() {
    let forwarder = Forwarder::plain();
    forwarder.on("old.example", |query, _| {
        let name = name_text(&query.questions[0].name);
        match query.opt {
            Some(_) => Plan::Answer(Message { opt: None, ..with_rcode(query, FORMERR) }),
            None => Plan::Answer(answer(query, &[a(&name, 60, "192.0.2.8")])),
        }
    });
    let sordino = Setup::before(&forwarder).start();
    assert_eq!(sordino.resolve("first.old.example"), ["A 192.0.2.8"]);
    assert_eq!(sordino.resolve("second.old.example"), ["A 192.0.2.8"]);
    let with_opt = |name: &str| forwarder.asked(name).iter().map(|asked| asked.query.opt.is_some()).collect::<Vec<_>>();
    assert_eq!(with_opt("first.old.example"), [true, false]);
    assert_eq!(with_opt("second.old.example"), [false]);
}

/// P5: a datagram that is longer than was asked for is read all the same; what must be long comes over TCP.
#[test]
fn p5_long_answers_of_forwarders_are_read_and_never_invited_over_udp() {
    let (forwarder, sordino) = house();
    forwarder.holds("long.example", texts("long.example", 3_000));
    forwarder.on("longer.example", |query, over| {
        let mut whole = answer(query, &texts("longer.example", 20_000));
        if over == Over::Udp {
            whole.answers.clear();
            whole.flags |= TC;
        }
        Plan::Answer(whole)
    });
    for (name, records, overs) in
        [("long.example", 14, &[Over::Udp][..]), ("longer.example", 94, &[Over::Udp, Over::Tcp])]
    {
        let mut tcp = sordino.tcp();
        let mut asked = query(name, TXT);
        asked.opt.as_mut().unwrap().payload = 65_535;
        let reply = tcp.ask(&asked);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, records), "{name}");
        let asked = forwarder.asked(name);
        assert_eq!(asked.iter().map(|asked| asked.over).collect::<Vec<_>>(), overs, "{name}");
        for asked in asked {
            assert!(asked.query.opt.expect("EDNS upstream").payload <= 1_232, "{name} over {:?}", asked.over);
        }
    }
}
