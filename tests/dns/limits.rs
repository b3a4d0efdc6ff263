//! What one asker may take, and what it gets when it takes more.

use crate::support::forwarder::{Forwarder, Hold, Plan, a, answer, cname};
use crate::support::sordino::Setup;
use crate::support::until;
use crate::support::wire::*;

fn cookie_query(value: &[u8]) -> Message {
    let mut query = query("www.example", A);
    query.opt.as_mut().unwrap().options = vec![(COOKIE, value.to_vec())];
    query
}

#[test]
fn rfc7873_5_2_a_client_cookie_gets_a_server_cookie() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "muted.example\n").start();
    let reply = sordino.udp().ask(&cookie_query(&[1, 2, 3, 4, 5, 6, 7, 8]));
    let cookie = reply.option(COOKIE).expect("a cookie").to_vec();
    // RFC 9018 §4: the client's part, version 1, three reserved octets, time, hash.
    assert_eq!((cookie.len(), &cookie[..12]), (24, &[1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0][..]));
    assert_eq!(reply.texts(), ["A 192.0.2.1"]);
    // The whole cookie comes back and is taken; a wrong one does no harm (§5.2.3, not enforced).
    for value in [cookie.clone(), [&cookie[..8], &[9; 16]].concat()] {
        let reply = sordino.udp().ask(&cookie_query(&value));
        assert_eq!((reply.rcode(), reply.option(COOKIE).map(<[u8]>::len)), (NOERROR, Some(24)));
        assert_eq!(reply.option(COOKIE).map(|new| &new[..8]), Some(&cookie[..8]));
    }
    // Another client has another cookie, who sends none gets none, and no forwarder hears of it.
    let other = sordino.udp().ask(&cookie_query(&[8; 8]));
    assert_ne!(other.option(COOKIE).map(|new| &new[16..]), Some(&cookie[16..]));
    assert!(sordino.ask("www.example", A).option(COOKIE).is_none());
    assert!(forwarder.asked_all().iter().all(|asked| asked.query.option(COOKIE).is_none()));
}

#[test]
fn d3_this_machine_is_not_rationed_and_bounds_of_zero_are_refused() {
    let forwarder = Forwarder::plain();
    let limits = "\n[limits]\nqueries_per_second = 1\nqueries_burst = 1\n";
    let sordino = Setup::before(&forwarder).table(limits).start();
    for number in 0..20 {
        assert_eq!(sordino.resolve(&format!("n{number}.example")), ["A 192.0.2.1"]);
    }
    let (code, said) = Setup::before(&forwarder).table("\n[limits]\nqueries_burst = 0\n").check();
    assert!(code == 2 && said.contains("queries_burst"), "{said}");
}

/// Also the waiting of one address is bounded; it is told to come over TCP and not met with silence.
#[test]
fn d4_no_more_than_a_bounded_number_of_one_askers_questions_wait() {
    let forwarder = Forwarder::plain();
    let hold = Hold::new();
    let held = hold.clone();
    forwarder.on("slow.example", move |query, _| {
        let name = query_name(query);
        Plan::Held(held.clone(), Box::new(Plan::Answer(answer(query, &[a(&name, 60, "192.0.2.7")]))))
    });
    let sordino = Setup::before(&forwarder).table("\n[limits]\nwaiting_per_address = 4\n").start();
    let udp = sordino.udp();
    for number in 0..4 {
        udp.send(&query(&format!("n{number}.slow.example"), A).wire());
    }
    until("four questions upstream", || (forwarder.asked_all().len() >= 4).then_some(()));
    let other = sordino.udp();
    let reply = other.ask(&query("n5.slow.example", A));
    assert_eq!((reply.rcode(), reply.answers.len(), reply.has(TC)), (NOERROR, 0, true));
    assert!(forwarder.asked("n5.slow.example").is_empty());
    assert!(sordino.rest().read("/api/v1/status")["counters"]["waiting_per_address"].as_u64() >= Some(1));
    hold.release();
    until("the place is free again", || (sordino.resolve("n6.slow.example") == ["A 192.0.2.7"]).then_some(()));
}

fn query_name(query: &Message) -> String {
    name_text(&query.questions[0].name)
}

#[test]
fn rfc8914_4_18_a_list_may_be_answered_in_its_own_way_and_one_that_a_profile_chose_is_filtered() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).list("ads", "block", "ads.example\n||deep.example^\n").list(
        "chosen",
        "watch",
        "chosen.example\n",
    );
    let path = setup.dir().join("own.txt");
    std::fs::write(&path, "own.example\n").unwrap();
    let tables = format!(
        "\n[[list]]\nname = \"third\"\nsource = {path:?}\nanswer = \"nxdomain\"\n\
         [[profile]]\nname = \"default\"\nlists = {{ chosen = \"block\" }}\n"
    );
    let sordino = setup.table(&tables).start();
    for (name, rcode, texts, code) in [
        ("ads.example", NOERROR, &["A 0.0.0.0"][..], 15),
        ("own.example", NXDOMAIN, &[], 15),
        ("chosen.example", NOERROR, &["A 0.0.0.0"], 17),
    ] {
        let reply = sordino.ask(name, A);
        assert_eq!((reply.rcode(), reply.texts()), (rcode, texts.iter().map(ToString::to_string).collect()), "{name}");
        assert_eq!(reply.ede().map(|(code, _)| code), Some(code), "{name}");
        if rcode == NXDOMAIN {
            assert_eq!(reply.soa(), Some((10, 10)));
        }
    }
    // What a forwarder that validates said is not covered up (RFC 8914 §4.7: DNSSEC bogus).
    forwarder.on("bogus.example", |query, _| {
        let name = query_name(query);
        let mut message = answer(query, &[cname(&name, 60, "x.deep.example"), a("x.deep.example", 60, "192.0.2.1")]);
        message.opt.as_mut().unwrap().options = vec![(EDE, vec![0, 6])];
        Plan::Answer(message)
    });
    let reply = sordino.ask("bogus.example", A);
    assert_eq!((reply.texts(), reply.ede().map(|(code, _)| code)), (vec!["A 0.0.0.0".to_owned()], Some(6)));
}
