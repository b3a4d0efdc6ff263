//! UDP and TCP, and what a connection may expect.

use crate::support::client::{Tcp, Udp, framed};
use crate::support::forwarder::{Forwarder, Hold, Over, Plan, a, answer};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "muted.example\n").start();
    (forwarder, sordino)
}

/// Answers for `name` stay behind the hold.
fn held(forwarder: &Forwarder, name: &'static str) -> Hold {
    let hold = Hold::new();
    let kept = hold.clone();
    forwarder.on(name, move |query, _| {
        let records = [a(&query.asked(), 60, "192.0.2.9")];
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &records))))
    });
    hold
}

#[test]
fn rfc7766_5_tcp_and_udp_of_both_families_on_every_address() {
    let forwarder = Forwarder::plain();
    let listen = r#"["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]"#;
    let sordino =
        Setup::before(&forwarder).set("dns", "listen", listen).list("ads", "block", "muted.example\n").start();
    assert_eq!(sordino.all_dns().len(), 3);
    for &address in sordino.all_dns() {
        for (name, address_given) in [("muted.example", "A 0.0.0.0"), ("family.example", "A 192.0.2.1")] {
            assert_eq!(Udp::to(address).ask(&query(name, A)).texts(), [address_given], "{address}");
            assert_eq!(Tcp::to(address).ask(&query(name, A)).texts(), [address_given], "{address}");
        }
    }
}

#[test]
fn rfc7766_6_2_1_1_answers_overtake_each_other() {
    let (forwarder, sordino) = house();
    let hold = held(&forwarder, "slow.example");
    let mut tcp = sordino.tcp();
    let (slow, fast) = (query("slow.example", A), query("fast.example", A));
    tcp.send(&slow.wire());
    forwarder.wait_for("slow.example");
    tcp.send(&fast.wire());
    assert_eq!(tcp.next().id, fast.id, "the slow answer holds nobody up");
    hold.release();
    let reply = tcp.next();
    assert_eq!((reply.id, reply.texts()), (slow.id, vec!["A 192.0.2.9".to_owned()]));
}

#[test]
fn rfc7766_8_messages_are_put_together_from_any_pieces() {
    let (_forwarder, sordino) = house();
    let mut tcp = sordino.tcp();
    let first = query("pieces.example", A);
    for octet in framed(&first.wire()) {
        tcp.send_raw(&[octet]);
    }
    assert_eq!(tcp.next().id, first.id);
    // Two in one segment, and the beginning of a third.
    let (second, third) = (query("muted.example", A), query("pieces.example", A));
    let last = query("muted.example", AAAA);
    let tail = framed(&last.wire());
    tcp.send_raw(&[framed(&second.wire()), framed(&third.wire()), tail[..5].to_vec()].concat());
    let mut ids = [tcp.next().id, tcp.next().id];
    let mut expected = [second.id, third.id];
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    tcp.send_raw(&tail[5..]);
    assert_eq!(tcp.next().texts(), ["AAAA ::"]);
}

#[test]
fn rfc7766_8_what_is_too_short_for_a_header_ends_the_connection() {
    let (_forwarder, sordino) = house();
    for len in [0_usize, 5, 11] {
        let mut tcp = sordino.tcp();
        tcp.send(&vec![0; len]);
        assert_eq!(tcp.next_packet(), None, "after a message of {len} octets");
    }
    assert_eq!(sordino.tcp().ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"]);
}

#[test]
fn rfc7766_6_2_4_answers_under_way_are_delivered_to_a_half_closed_connection() {
    let (forwarder, sordino) = house();
    let hold = held(&forwarder, "half.example");
    let mut tcp = sordino.tcp();
    let mut open: Vec<u16> = Vec::new();
    for number in 0..20 {
        let mut asked = query(&format!("n{number}.half.example"), A);
        asked.id = number;
        tcp.send(&asked.wire());
        open.push(number);
    }
    tcp.finish();
    forwarder.wait_for("n19.half.example");
    hold.release();
    while !open.is_empty() {
        let id = tcp.next().id;
        open.retain(|number| *number != id);
    }
    assert_eq!(tcp.next_packet(), None, "and then it closes");
}

#[test]
fn rfc7766_6_2_3_an_idle_connection_is_closed() {
    let (_forwarder, sordino) = house();
    // One that says nothing, and one that says a part; neither may stay for ever.
    let mut silent = sordino.tcp();
    let mut slow = sordino.tcp();
    slow.send_raw(&framed(&query("muted.example", A).wire())[..7]);
    assert_eq!(silent.next_packet(), None);
    assert_eq!(slow.next_packet(), None);
}

#[test]
fn a_flood_of_connections_is_bounded_and_shuts_out_nobody_else() {
    let forwarder = Forwarder::plain();
    let limits = "\n[limits]\ntcp_connections = 8\ntcp_connections_per_address = 4\n";
    let sordino = Setup::before(&forwarder).table(limits).start();
    let mut flood: Vec<Tcp> = (0..12).map(|_| sordino.tcp()).collect();
    // The newest of one address are refused, the oldest go on.
    assert_eq!(flood[11].next_packet(), None);
    assert_eq!(flood[0].ask(&query("first.example", A)).texts(), ["A 192.0.2.1"]);
    assert_eq!(sordino.resolve("udp.example"), ["A 192.0.2.1"]);
    // Once they are gone, there is room again.
    drop(flood);
    crate::support::until("room for a connection", || {
        let mut tcp = sordino.tcp();
        tcp.send(&query("again.example", A).wire());
        tcp.next_packet()
    });
}

/// RFC 5625 §4.4.1: how a client asks does not decide how a forwarder is asked.
#[test]
fn rfc5625_4_4_1_a_query_over_tcp_goes_on_over_udp() {
    let (forwarder, sordino) = house();
    assert_eq!(sordino.tcp().ask(&query("over.example", A)).texts(), ["A 192.0.2.1"]);
    assert_eq!(forwarder.asked("over.example")[0].over, Over::Udp);
}

/// RFC 1035 §4.1, RFC 2181 §4.1: on a wildcard socket the answer leaves from the address that was asked.
#[test]
fn rfc2181_4_1_an_answer_leaves_from_the_address_that_was_asked() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).set("dns", "listen", r#"["0.0.0.0:0"]"#).start();
    for host in [1, 2, 77] {
        // A connected socket takes nothing from anywhere else.
        let address = std::net::SocketAddr::from(([127, 0, 0, host], sordino.dns().port()));
        assert_eq!(Udp::to(address).ask(&query("source.example", A)).texts(), ["A 192.0.2.1"], "{address}");
    }
}
