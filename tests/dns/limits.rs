//! What one asker may take, and what it gets when it takes more.

use std::process::Command;

use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, Hold, Plan, a, answer, cname};
use crate::support::rest::Rest;
use crate::support::sordino::Setup;
use crate::support::wire::*;
use crate::support::{PATIENCE, until};

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

/// A query without a question is for a cookie, or for whether one is good. Only such a query hears BADCOOKIE: cookies are
/// not demanded of those who ask for a name.
#[test]
fn rfc7873_5_4_a_cookie_may_be_asked_for_by_itself() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    let alone = |value: &[u8]| Message { questions: vec![], ..cookie_query(value) };
    let first = sordino.udp().ask(&alone(&[1, 2, 3, 4, 5, 6, 7, 8]));
    let cookie = first.option(COOKIE).expect("a cookie").to_vec();
    assert_eq!((first.rcode(), first.questions.len(), first.answers.len(), cookie.len()), (NOERROR, 0, 0, 24));
    assert_eq!(cookie[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
    const BADCOOKIE: u16 = 23;
    for (value, rcode) in [
        (cookie.clone(), NOERROR),
        ([&cookie[..23], &[!cookie[23]]].concat(), BADCOOKIE),
        ([&[9], &cookie[1..]].concat(), BADCOOKIE),
        ([&cookie[..8], &[7; 32]].concat(), BADCOOKIE),
        (vec![1; 9], FORMERR),
    ] {
        for reply in [sordino.udp().ask(&alone(&value)), sordino.tcp().ask(&alone(&value))] {
            assert_eq!(reply.rcode(), rcode, "{value:02x?}");
            assert_eq!(reply.option(COOKIE).map(<[u8]>::len), (rcode != FORMERR).then_some(24), "{value:02x?}");
        }
    }
    // Nothing at all is still no question.
    let nothing = Message { questions: vec![], ..query("www.example", A) };
    assert_eq!(sordino.udp().ask(&nothing).rcode(), FORMERR);
    assert!(forwarder.asked_all().is_empty());
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

/// A muted name that is asked for in a storm costs neither forwarders nor memory, and every query of it is counted.
#[test]
fn d17_a_storm_of_a_muted_name_costs_nothing_but_its_events() {
    const STORM: u64 = 40_000;
    /// Events of the block that is open, and what one of them takes at the most while it is: octets.
    const OPEN_BLOCK: u64 = 16_384 * 400;
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "ads.example\n").start();
    let rest = sordino.rest();
    let udp = sordino.udp();
    let storm = |queries: u64| {
        let asked = query("ads.example", A).wire();
        // As many at once as the socket's buffer surely holds; each is answered.
        for _ in 0..queries / 50 {
            (0..50).for_each(|_| udp.send(&asked));
            for _ in 0..50 {
                assert_eq!(udp.next().answers.first().map(|record| record.ttl), Some(10));
            }
        }
    };
    let muted = |rest: &Rest| {
        let devices = rest.read("/api/v1/devices");
        devices.as_array().unwrap().iter().map(|device| device["muted"].as_u64().unwrap()).sum::<u64>()
    };
    storm(20_000);
    until("the first part in the tallies", || (muted(&rest) == 20_000).then_some(()));
    let before = sordino.resident();
    storm(STORM);
    until("the storm in the tallies", || (muted(&rest) == 20_000 + STORM).then_some(()));
    let grown = sordino.resident().saturating_sub(before);
    println!("{STORM} queries for a muted name: {grown} kB more");
    // However long it storms, no more is in memory than the block that is open.
    assert!(grown * 1024 < OPEN_BLOCK, "from {before} kB by {grown} kB");
    assert!(forwarder.asked_all().is_empty());
    let counters = rest.read("/api/v1/status")["counters"].clone();
    assert_eq!((&counters["queries_per_second"], &counters["events"]), (&0.into(), &0.into()));
}

/// In a network of its own, where addresses are not this machine's loopback: who floods is told to come over TCP or is
/// answered, the others are answered, and the counter knows how many.
#[test]
fn d3_a_flood_of_one_address_leaves_the_others_alone() {
    const FLOOD: usize = 5_000;
    if !in_a_network_of_its_own("limits::d3_a_flood_of_one_address_leaves_the_others_alone") {
        return;
    }
    let forwarder = Forwarder::plain();
    let limits = "\n[limits]\nqueries_per_second = 1\nqueries_burst = 500\n";
    let listen = "[\"10.77.0.1:0\"]";
    let sordino = Setup::before(&forwarder).set("dns", "listen", listen).table(limits).start();
    let from = |address: &str| Udp::from(format!("{address}:0").parse().unwrap(), sordino.dns());
    let (flooder, other) = (from("10.77.0.2"), from("10.77.0.3"));
    let (mut answered, mut told_to_come_again) = (0, 0);
    for round in 0..FLOOD / 50 {
        for number in 0..50 {
            flooder.send(&query(&format!("n{round}-{number}.flood.example"), A).wire());
        }
        let reply = other.ask(&query(&format!("n{round}.other.example"), A));
        assert_eq!(reply.texts(), ["A 192.0.2.1"], "round {round}");
        for _ in 0..50 {
            let reply = flooder.next();
            match reply.has(TC) {
                true => told_to_come_again += 1,
                false => answered += 1,
            }
            assert_eq!((reply.rcode(), reply.answers.is_empty()), (NOERROR, reply.has(TC)));
        }
    }
    assert_eq!(answered + told_to_come_again, FLOOD);
    assert!(answered >= 500, "the burst is answered: {answered}");
    let counted = sordino.rest().read("/api/v1/status")["counters"]["queries_per_second"].clone();
    assert_eq!(counted, told_to_come_again);
    println!("{FLOOD} queries of one address: {answered} answered, {told_to_come_again} told to come over TCP");
    assert!(told_to_come_again > FLOOD / 2);
    // Over TCP, where it cannot pretend to be another, it is answered.
    assert!(forwarder.asked_all().len() <= answered + FLOOD / 50);
}

/// Late answers that are released together: each arrives, in its turn.
#[test]
fn d4_answers_that_were_held_back_all_arrive() {
    const HELD: usize = 200;
    if !in_a_network_of_its_own("limits::d4_answers_that_were_held_back_all_arrive") {
        return;
    }
    let forwarder = Forwarder::plain();
    let hold = Hold::new();
    let held = hold.clone();
    forwarder.on("slow.example", move |query, _| {
        let name = query_name(query);
        Plan::Held(held.clone(), Box::new(Plan::Answer(answer(query, &[a(&name, 60, "192.0.2.7")]))))
    });
    let sordino = Setup::before(&forwarder).set("dns", "listen", "[\"10.77.0.1:0\"]").start();
    let udp = Udp::from("10.77.0.2:0".parse().unwrap(), sordino.dns());
    for number in 0..HELD {
        udp.send(&query(&format!("n{number}.slow.example"), A).wire());
        if number % 50 == 49 {
            until("the questions upstream", || (forwarder.asked_all().len() > number).then_some(()));
        }
    }
    hold.release();
    for _ in 0..HELD {
        assert_eq!(udp.next().texts(), ["A 192.0.2.7"]);
    }
    let waited = sordino.rest().read("/api/v1/status")["counters"]["late_at_once"].as_u64().unwrap();
    println!("{HELD} answers released at once: {waited} waited for their turn");
}

/// Whether this process has a network of its own, with the addresses 10.77.0.1 to 10.77.0.3. Where it has not, the test of
/// this name is run once more in a process that does.
fn in_a_network_of_its_own(test: &str) -> bool {
    const INSIDE: &str = "SORDINO_TEST_NETWORK";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let script =
        "ip link set lo up && for n in 1 2 3; do ip address add 10.77.0.$n/32 dev lo || exit 9; done; exec \"$@\"";
    let words = ["--net", "sh", "-c", script, "sh"];
    let made = Command::new("unshare").args(["--net", "true"]).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: a network of its own needs root, and util-linux");
        return false;
    }
    let output = Command::new("unshare")
        .args(words)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"));
    false
}

/// D13: a process that runs out of file descriptors turns connections away, and goes on over UDP.
#[test]
fn d13_without_file_descriptors_udp_is_answered_and_connections_are_turned_away() {
    let forwarder = Forwarder::plain();
    let limit = ["sh", "-c", "ulimit -n 100; exec \"$0\" \"$@\""];
    let setup = Setup::before(&forwarder).list("ads", "block", "muted.example\n");
    let sordino = setup.table("\n[limits]\nconnections_per_address = 256\n").through(&limit).start();
    // Its connection is there before the others are.
    let rest = sordino.rest();
    let turned_away = || rest.read("/api/v1/status")["counters"]["descriptors"].as_u64().expect("a counter");
    assert_eq!(turned_away(), 0);
    let connect = |_| std::net::TcpStream::connect_timeout(&sordino.dns(), PATIENCE).expect("the kernel accepts");
    let crowd: Vec<_> = (0..150).map(connect).collect();
    until("somebody is turned away", || (turned_away() > 0).then_some(()));
    assert_eq!(sordino.resolve("muted.example"), ["A 0.0.0.0"]);
    drop(crowd);
    until("connections are taken again", || {
        let mut tcp = sordino.tcp();
        tcp.send(&query("muted.example", A).wire());
        tcp.next_packet().map(|_| ())
    });
}
