//! What somebody would have to do who wants a forged answer to be believed. Named after the classes of attack that
//! docs/threats.md lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::authority::Authority;
use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, Hold, Over, Plan, a, answer, cname, with_rcode};
use crate::support::sordino::{Setup, Sordino};
use crate::support::until;
use crate::support::wire::*;

/// Questions of the statistical tests. Enough to see a counter, a narrow range or a stuck bit; a research laboratory
/// would take 20,000.
const SAMPLES: usize = 4_000;

fn counter(sordino: &Sordino, name: &str) -> u64 {
    sordino.rest().read("/api/v1/status")["counters"][name].as_u64().unwrap()
}

/// P1 (Kaminsky) and P9: source ports and IDs are drawn anew for each question, whatever ID the asker has.
#[test]
fn p1_p9_ports_ids_and_case_are_random() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    let udp = sordino.udp();
    for batch in 0..SAMPLES / 50 {
        for number in 0..50 {
            let mut asked = query(&format!("n{}.chance.example", batch * 50 + number), A);
            asked.id = 0;
            udp.send(&asked.wire());
        }
        (0..50).for_each(|_| assert_eq!(udp.next().rcode(), NOERROR));
    }
    let asked = forwarder.asked_all();
    assert!(asked.len() >= SAMPLES);
    let ids: Vec<u16> = asked.iter().map(|asked| asked.query.id).collect();
    let ports: Vec<u16> = asked.iter().map(|asked| asked.source.port()).collect();
    let mut distinct = ports.clone();
    distinct.sort_unstable();
    distinct.dedup();
    // Of 64,512 ports, 4,000 draws hit some 3,880 different ones.
    assert!(distinct.len() > SAMPLES * 19 / 20, "{} of {} ports are distinct", distinct.len(), ports.len());
    assert!(ids.iter().filter(|id| **id == 0).count() <= 3, "the asker's ID");
    for (what, values, least) in [("IDs", &ids, 0), ("ports", &ports, 1_024)] {
        let chi = chi_square(values, least);
        // 63 degrees of freedom: 140 is passed by chance once in a million runs.
        assert!(chi < 140.0, "{what} are uneven: {chi}");
        for lag in 1..=10 {
            let r = correlation(values, lag);
            assert!(r.abs() < 0.09, "{what} {lag} apart hang together: {r}");
        }
    }
    for bit in 0..16 {
        let share = ids.iter().filter(|id| *id >> bit & 1 == 1).count() * 100 / ids.len();
        assert!((45..=55).contains(&share), "bit {bit} of the ID is set in {share} %");
    }
    let letters = || asked.iter().flat_map(|asked| &asked.query.questions[0].name).filter(|o| o.is_ascii_alphabetic());
    let upper = letters().filter(|octet| octet.is_ascii_uppercase()).count() * 100 / letters().count();
    assert!((45..=55).contains(&upper), "{upper} % of the letters are capitals");
}

fn chi_square(values: &[u16], least: u16) -> f64 {
    let mut bins = [0_f64; 64];
    let width = (65_536.0 - f64::from(least)) / 64.0;
    values.iter().for_each(|value| bins[(f64::from(value - least) / width) as usize] += 1.0);
    let expected = values.len() as f64 / 64.0;
    bins.iter().map(|count| (count - expected).powi(2) / expected).sum()
}

fn correlation(values: &[u16], lag: usize) -> f64 {
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let from_mean = |index: usize| f64::from(values[index]) - mean;
    let variance: f64 = (0..values.len()).map(|index| from_mean(index).powi(2)).sum();
    (lag..values.len()).map(|index| from_mean(index) * from_mean(index - lag)).sum::<f64>() / variance
}

/// P1: guesses are counted, and do not keep the truth out.
#[test]
fn p1_wrong_ids_are_counted_and_the_right_one_is_believed() {
    let forwarder = Forwarder::plain();
    forwarder.on("guessed.example", |query, _| {
        let lie = |number: u16| {
            let mut lie = answer(query, &[a("guessed.example", 300, "192.0.2.66")]);
            lie.id = query.id.wrapping_add(number);
            lie.wire()
        };
        let truth = answer(query, &[a("guessed.example", 300, "192.0.2.7")]).wire();
        Plan::Packets((1..=10).map(lie).chain([truth]).collect())
    });
    let sordino = Setup::before(&forwarder).start();
    for _ in 0..2 {
        assert_eq!(sordino.resolve("guessed.example"), ["A 192.0.2.7"]);
    }
    assert_eq!(forwarder.asked("guessed.example").len(), 1);
    assert_eq!(counter(&sordino, "upstream_mismatch"), 10);
}

/// P2 (TuDoor): a flood of guesses does not end the question; it goes on where guessing is of no use.
#[test]
fn p2_a_thousand_wrong_ids_make_the_question_go_over_tcp() {
    let forwarder = Forwarder::plain();
    forwarder.on("flooded.example", |query, over| {
        let truth = answer(query, &[a("flooded.example", 300, "192.0.2.7")]);
        if over == Over::Tcp {
            return Plan::Answer(truth);
        }
        let lie = |number: u16| {
            let mut lie = answer(query, &[a("flooded.example", 300, "192.0.2.66")]);
            lie.id = query.id.wrapping_add(number);
            lie.wire()
        };
        Plan::Packets((1..=1_000).map(lie).collect())
    });
    let sordino = Setup::before(&forwarder).start();
    assert_eq!(sordino.resolve("flooded.example"), ["A 192.0.2.7"]);
    let overs: Vec<Over> = forwarder.asked("flooded.example").iter().map(|asked| asked.over).collect();
    assert_eq!(overs, [Over::Udp, Over::Tcp]);
    assert_eq!(counter(&sordino, "upstream_mismatch"), 16);
}

/// P3 (DNSpooq, RebirthDay): five hundred askers, each with a client subnet of its own, are one question.
#[test]
fn p3_five_hundred_askers_are_one_question() {
    let forwarder = Forwarder::plain();
    let hold = Hold::new();
    let kept = hold.clone();
    forwarder.on("cold.example", move |query, _| {
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &[a("cold.example", 300, "192.0.2.6")]))))
    });
    let room = "\n[limits]\nwaiting_per_address = 600\n";
    let sordino = Setup::before(&forwarder).list("ads", "block", "marker.example\n").table(room).start();
    let askers: Vec<Udp> = (0..50).map(|_| sordino.udp()).collect();
    for (number, udp) in (0..500_u16).map(|number| (number, &askers[usize::from(number) % 50])) {
        let mut asked = query("cold.example", A);
        let [high, low] = number.to_be_bytes();
        asked.opt.as_mut().unwrap().options.push((ECS, vec![0, 1, 24, 0, 198, high, low]));
        udp.send(&asked.wire());
    }
    for udp in &askers {
        // An answer to what was sent last says that all before it have been read.
        let marker = query("marker.example", A);
        udp.send(&marker.wire());
        assert_eq!(udp.next().id, marker.id);
    }
    let asked = forwarder.asked("cold.example");
    hold.release();
    for udp in &askers {
        (0..10).for_each(|_| assert_eq!(udp.next().texts(), ["A 192.0.2.6"]));
    }
    // One flight is tried at most three times (RFC 9520 §3.1) while the forwarder is held back.
    assert!(asked.len() <= 3, "{} questions upstream", asked.len());
    let subnets = asked.iter().flat_map(|asked| &asked.query.opt).flat_map(|opt| &opt.options);
    assert_eq!(subnets.filter(|(code, _)| *code == ECS).count(), 0);
}

/// P4 (SAD DNS): who does not keep the case is asked over TCP once, and without random case from then on.
#[test]
fn p4_a_forwarder_that_folds_case_is_asked_over_tcp_and_then_as_it_likes() {
    let forwarder = Forwarder::plain();
    forwarder.on("folded.example", |query, _| {
        let mut message = answer(query, &[a(&query.asked(), 300, "192.0.2.7")]);
        message.questions[0].name.make_ascii_lowercase();
        Plan::Answer(message)
    });
    let sordino = Setup::before(&forwarder).start();
    assert_eq!(sordino.resolve("a-rather-long-name.folded.example"), ["A 192.0.2.7"]);
    let overs: Vec<Over> = forwarder.asked_all().iter().map(|asked| asked.over).collect();
    assert_eq!(overs, [Over::Udp, Over::Tcp]);
    for number in 0..10 {
        let name = format!("another-rather-long-name-{number}.folded.example");
        assert_eq!(sordino.resolve(&name), ["A 192.0.2.7"]);
        let asked = forwarder.asked(&name);
        assert_eq!(asked.iter().map(|asked| asked.over).collect::<Vec<_>>(), [Over::Udp]);
        assert_eq!(asked[0].query.questions[0].name, name_wire(&name), "in small letters");
    }
    let status = sordino.rest().read("/api/v1/status");
    assert_eq!((&status["upstreams"][0]["folds_case"], &status["upstreams"][0]["failed"]), (&true.into(), &0.into()));
}

/// The case of a question is between sordino and its forwarder: no asker sees it.
#[test]
fn p4_nobody_in_the_house_sees_the_random_case() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    for name in ["plain.example", "MiXed.Example"] {
        let reply = sordino.ask(name, A);
        assert_eq!(reply.questions[0].name, name_wire(name));
        assert!(reply.answers[0].name.eq_ignore_ascii_case(&name_wire(name)));
        let as_asked = reply.answers[0].name == name_wire(name);
        assert!(as_asked || reply.answers[0].name == name_wire(&name.to_lowercase()), "{:?}", reply.answers[0]);
    }
}

/// P8 (ghost domains): what is kept ends with its TTL, and new data is seen with the first question after it.
#[test]
fn p8_data_that_changed_is_seen_when_the_ttl_ends() {
    let forwarder = Forwarder::plain();
    let changed = Arc::new(AtomicBool::new(false));
    let flag = changed.clone();
    forwarder.on("ghost.example", move |query, _| {
        let address = if flag.load(Ordering::Relaxed) { "192.0.2.2" } else { "192.0.2.1" };
        Plan::Answer(answer(query, &[a("ghost.example", 2, address)]))
    });
    let sordino = Setup::before(&forwarder).start();
    assert_eq!(sordino.resolve("ghost.example"), ["A 192.0.2.1"]);
    changed.store(true, Ordering::Relaxed);
    until("the new address", || {
        let before = forwarder.asked("ghost.example").len();
        let seen = sordino.resolve("ghost.example");
        // Who asks is told: no answer of the old data can follow a new question.
        let asked_again = forwarder.asked("ghost.example").len() > before;
        assert_eq!(seen == ["A 192.0.2.2"], asked_again, "{seen:?}");
        asked_again.then_some(())
    });
}

/// P10: what comes over an encrypted transport is looked at as closely.
#[test]
fn p10_an_encrypted_lie_is_not_believed_either() {
    let authority = Authority::new();
    let ca = format!("{:?}", authority.path());
    let forwarder = Forwarder::encrypted(&authority);
    forwarder.on("other.lie.example", |query, _| {
        let mut lie = answer(query, &[a("bank.example", 300, "192.0.2.66")]);
        lie.questions[0].name = name_wire("bank.example");
        Plan::Answer(lie)
    });
    forwarder.on("query.lie.example", |query, _| {
        let mut lie = answer(query, &[a("query.lie.example", 300, "192.0.2.66")]);
        lie.flags &= !QR;
        Plan::Answer(lie)
    });
    forwarder.on("class.lie.example", |query, _| {
        let mut lie = answer(query, &[a("class.lie.example", 300, "192.0.2.66")]);
        lie.questions[0].class = 3;
        Plan::Answer(lie)
    });
    for url in [forwarder.tls(), forwarder.https(), forwarder.quic(), forwarder.h3()] {
        let sordino = Setup::new().server(&url).set("upstream", "ca", &ca).start();
        for name in ["other.lie.example", "query.lie.example", "class.lie.example"] {
            let reply = sordino.ask(name, A);
            assert_eq!((reply.rcode(), reply.answers.len()), (SERVFAIL, 0), "{name} over {url}");
            assert!(matches!(reply.ede(), Some((22..=24, _))), "{:?}", reply.ede());
        }
        assert_eq!(sordino.resolve("bank.example"), ["A 192.0.2.1"], "over {url}");
    }
}

/// P11: what a validating forwarder holds back is given only to who asks for it with CD, in either order.
#[test]
fn p11_what_was_asked_with_checking_disabled_is_for_those_alone_who_ask_so() {
    let forwarder = Forwarder::plain();
    forwarder.on("bogus.example", |query, _| {
        let name = query.asked();
        if query.has(CD) {
            return Plan::Answer(answer(query, &[a(&name, 300, "192.0.2.9")]));
        }
        let mut failure = with_rcode(query, SERVFAIL);
        failure.opt.as_mut().unwrap().options.push((EDE, vec![0, 6]));
        Plan::Answer(failure)
    });
    let sordino = Setup::before(&forwarder).start();
    let ask = |name: &str, flags: u16| {
        let mut asked = query(name, A);
        asked.flags |= flags;
        sordino.udp().ask(&asked)
    };
    for (name, order) in [("one.bogus.example", [CD, 0, CD]), ("two.bogus.example", [0, CD, 0])] {
        for flags in order {
            let reply = ask(name, flags);
            if flags == CD {
                assert_eq!((reply.rcode(), reply.texts()), (NOERROR, vec!["A 192.0.2.9".to_owned()]), "{name}");
            } else {
                assert_eq!((reply.rcode(), reply.ede().map(|(code, _)| code)), (SERVFAIL, Some(6)), "{name}");
            }
        }
    }
}

/// P13: the bytes of a label are data, in what a forwarder says as well.
#[test]
fn p13_a_dot_or_a_zero_inside_a_label_is_neither_a_rule_nor_another_name() {
    let forwarder = Forwarder::plain();
    for (name, target) in [("dot.example", "www\\.bank.example"), ("zero.example", "www.bank.example\\000.x.example")] {
        forwarder.holds(name, vec![cname(name, 300, target), a(target, 300, "192.0.2.66")]);
    }
    forwarder.holds("www.bank.example", vec![a("www.bank.example", 300, "192.0.2.7")]);
    let sordino =
        Setup::before(&forwarder).list("banks", "block", "www.bank.example.invalid\n||x.bank.example^\n").start();
    assert_eq!(sordino.resolve("dot.example"), ["CNAME www\\.bank.example.", "A 192.0.2.66"]);
    assert_eq!(sordino.resolve("zero.example"), ["CNAME www.bank.example\\000.x.example.", "A 192.0.2.66"]);
    assert_eq!(sordino.resolve("www.bank.example"), ["A 192.0.2.7"]);
    let muted = Setup::before(&forwarder).list("banks", "block", "||www.bank.example^\n").start();
    assert_eq!(muted.resolve("dot.example"), ["CNAME www\\.bank.example.", "A 192.0.2.66"]);
    assert_eq!(muted.resolve("www.bank.example"), ["A 0.0.0.0"]);
}

/// P12: what was found bogus or failed is no data, whatever rule is about the name; only a rule that says the answer
/// itself gives one. And what is proven about other names is not taken for a proof about this one.
#[test]
fn p12_no_rule_and_no_proof_for_others_turns_a_failure_into_data() {
    let forwarder = Forwarder::plain();
    forwarder.on("bogus.example", |query, _| {
        let mut failure = with_rcode(query, SERVFAIL);
        failure.opt.as_mut().unwrap().options.push((EDE, vec![0, 6]));
        Plan::Answer(failure)
    });
    let rules = "@@||allowed.bogus.example^\n||alias.example^$dnsrewrite=NOERROR;CNAME;target.bogus.example\n\
        ||fixed.bogus.example^$dnsrewrite=NOERROR;A;192.0.2.80\n";
    let sordino = Setup::before(&forwarder).list("mine", "block", rules).table("trusted = true\n").start();
    for name in ["plain.bogus.example", "allowed.bogus.example", "alias.example"] {
        let reply = sordino.ask(name, A);
        assert_eq!((reply.rcode(), reply.ede().map(|(code, _)| code)), (SERVFAIL, Some(6)), "{name}");
        assert!(reply.answers.iter().all(|record| record.rtype != A), "{name}: {:?}", reply.texts());
    }
    assert_eq!(sordino.resolve("fixed.bogus.example"), ["A 192.0.2.80"]);
    assert!(forwarder.asked("fixed.bogus.example").is_empty());

    // A proof that nothing stands between a and z, which we have not verified.
    const NSEC: u16 = 47;
    forwarder.on("a.range.example", |query, _| {
        let mut nothing = with_rcode(query, NXDOMAIN);
        let between = [&name_wire("z.range.example")[..], &[0, 1, 0x40]].concat();
        nothing.authority.push(Record::new("a.range.example", NSEC, 300, between));
        Plan::Answer(nothing)
    });
    let mut asked = query("a.range.example", A);
    asked.opt.as_mut().unwrap().flags = DO;
    assert_eq!(sordino.udp().ask(&asked).rcode(), NXDOMAIN);
    asked.questions = query("m.range.example", A).questions;
    assert_eq!(sordino.udp().ask(&asked).texts(), ["A 192.0.2.1"]);
}
