//! What strangers send.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::support::client::Udp;
use crate::support::forwarder::{Forwarder, Plan, a, answer, cname};
use crate::support::shared;
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

/// How much the process may grow by what it is sent, kB.
const ROOM: u64 = 5_000;

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "marker.example\n").start();
    (forwarder, sordino)
}

#[test]
fn malformed_packets_of_others_get_one_error() {
    let Some(dir) = shared("cases/malformed") else { return };
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("expected.json")).unwrap()).unwrap();
    let (forwarder, sordino) = house();
    let udp = sordino.udp();
    let codes = [("FORMERR", FORMERR), ("NOERROR", NOERROR), ("BADVERS", BADVERS)];
    let code = |name: &Value| codes.iter().find(|(known, _)| name == known).expect("a known RCODE").1;
    // What the first round takes is not given back: stacks, buffers of connections, the caches. The second needs no more.
    let mut before = 0;
    for round in 0..2 {
        if round == 1 {
            before = sordino.resident();
        }
        for (file, case) in expected.as_object().unwrap() {
            let packet = std::fs::read(dir.join(file)).unwrap();
            let allowed: Vec<u16> = case["rcode"].as_array().unwrap().iter().map(code).collect();
            let heard = forwarder.asked_all().len();
            udp.send(&packet);
            let over_udp = udp.next_packet(Duration::from_secs(5)).unwrap_or_else(|| panic!("{file}: silence"));
            let mut tcp = sordino.tcp();
            tcp.send(&packet);
            let over_tcp = tcp.next_packet().unwrap_or_else(|| panic!("{file}: the connection was closed"));
            for wire in [over_udp, over_tcp] {
                assert!((12..=512).contains(&wire.len()), "{file}: {} octets", wire.len());
                let reply = Message::parse(&wire).unwrap_or_else(|| panic!("{file}: {wire:02x?}"));
                assert_eq!((&wire[..2], reply.has(QR)), (&packet[..2], true), "{file}");
                assert_eq!(reply.opcode(), u16::from(packet[2] >> 3 & 0xf), "{file}");
                assert!(allowed.contains(&reply.rcode()), "{file}: RCODE {}, not {allowed:?}", reply.rcode());
                assert!(reply.rcode() != FORMERR || forwarder.asked_all().len() == heard, "{file} was sent upstream");
            }
            // One answer, and the next good query is answered.
            let good = query("marker.example", A);
            assert_eq!(udp.ask(&good).texts(), ["A 0.0.0.0"], "after {file}");
        }
    }
    assert!(sordino.resident() < before + ROOM, "from {before} to {} kB", sordino.resident());
}

/// How many mutated packets are tried; `SORDINO_MUTANTS` asks for another number.
fn how_many() -> usize {
    std::env::var("SORDINO_MUTANTS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

/// Packets that begin as good queries and are then changed by chance, the same chance each time. Every tenth also comes
/// over TCP.
#[test]
fn ten_thousand_mutated_packets_do_no_harm() {
    let (_forwarder, sordino) = house();
    let udp = sordino.udp();
    let marker = query("marker.example", A);
    let seeds = seeds();
    let mut chance = Chance(0x005e_ed0f_504d_1e00);
    let warm_up = 500;
    let mut before = 0;
    for number in 0..how_many() {
        let mut packet = seeds[chance.below(seeds.len())].clone();
        for _ in 0..=chance.below(4) {
            mutate(&mut packet, &mut chance);
        }
        udp.send(&packet);
        if number % 10 == 9 {
            let mut tcp = sordino.tcp();
            tcp.send(&packet);
            tcp.send(&marker.wire());
            // One answer or none to the first; what cannot be told from the next ends the connection.
            while let Some(answer) = tcp.next_packet() {
                let reply = Message::parse(&answer).unwrap_or_else(|| panic!("{packet:02x?} got {answer:02x?}"));
                if reply.questions == marker.questions {
                    break;
                }
            }
        }
        // Every twentieth is followed by a good query, whose answer shows that all is well and the queue is empty: more of
        // these long packets at once would not fit into the buffer of the socket.
        if number % 20 == 19 {
            udp.send(&marker.wire());
            let answered =
                |packet: Vec<u8>| Message::parse(&packet).is_some_and(|reply| reply.questions == marker.questions);
            while !answered(udp.next_packet(crate::support::PATIENCE).expect("an answer to a good query")) {}
        }
        if number == warm_up {
            before = sordino.resident();
        }
    }
    flat_and_quiet(&sordino, before);
}

/// It has grown by no more than caches and stores do, has not panicked, and has not filled its log.
fn flat_and_quiet(sordino: &Sordino, before: u64) {
    let (after, log) = (sordino.resident(), sordino.stderr());
    println!("{} mutated packets: from {before} to {after} kB, {} octets of log", how_many(), log.len());
    assert!(after < before + 2 * ROOM, "from {before} to {after} kB");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.len() < 50_000, "{log}");
}

/// What a forwarder sends before its good answer has its ID and comes from its port, and is changed by chance.
#[test]
fn mutated_responses_of_a_forwarder_do_no_harm() {
    let forwarder = Forwarder::plain();
    let chance = Mutex::new(Chance(0x005e_ed0f_504d_1e01));
    forwarder.on("mutated.example", move |query, _| {
        let name = name_text(&query.questions[0].name);
        let good = answer(query, &[cname(&name, 60, "end.example"), a("end.example", 60, "192.0.2.9")]).wire();
        let (mut chance, mut changed) = (chance.lock().unwrap(), good.clone());
        for _ in 0..=chance.below(3) {
            mutate(&mut changed, &mut chance);
        }
        // Else nothing but the ID would be looked at.
        if let Some(id) = changed.get_mut(..2) {
            id.copy_from_slice(&good[..2]);
        }
        Plan::Packets(vec![changed, good])
    });
    // Each name is another entry of the cache, which is small here, so that it is full before it is measured.
    let sordino = Setup::before(&forwarder).set("cache", "size", "\"1 MiB\"").start();
    let udp = sordino.udp();
    // Some of them make sordino ask again and wait, so the others go on meanwhile.
    const UNDER_WAY: usize = 200;
    let (mut before, mut answered) = (0, 0);
    for number in 0..how_many() + UNDER_WAY {
        if number < how_many() {
            udp.send(&query(&format!("n{number}.mutated.example"), A).wire());
        }
        if number >= UNDER_WAY {
            let reply = udp.next();
            answered += usize::from(reply.texts().iter().any(|text| text == "A 192.0.2.9"));
        }
        if number == how_many() / 2 {
            before = sordino.resident();
        }
    }
    println!("{answered} of {} were answered as if nothing had been", how_many());
    flat_and_quiet(&sordino, before);
    assert_eq!(sordino.resolve("good.example"), ["A 192.0.2.1"]);
}

fn seeds() -> Vec<Vec<u8>> {
    let mut options = query("muted.example", A);
    options.opt.as_mut().unwrap().options =
        vec![(ECS, vec![0, 1, 24, 0, 198, 51, 100]), (COOKIE, vec![1; 8]), (12, vec![0; 30])];
    let mut update = query("zone.example", SOA);
    update.flags |= 5 << 11;
    let mut compressed = plain_query("a.b.c.example", A).wire();
    compressed[11] = 1;
    compressed.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]);
    let long = format!("{}example", "label.".repeat(40));
    [query("marker.example", A), query("www.example", HTTPS), query(&long, TXT), options, update]
        .map(|message| message.wire())
        .into_iter()
        .chain([compressed])
        .collect()
}

fn mutate(packet: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(packet.len().max(1));
    match chance.below(7) {
        0 => packet.truncate(at),
        1 => packet.extend((0..chance.below(600)).map(|number| number as u8)),
        2 => packet.insert(at.min(packet.len()), chance.below(256) as u8),
        _ if packet.is_empty() => {}
        3 => packet[at] ^= 1 << chance.below(8),
        4 => packet[at] = 0xc0 | chance.below(64) as u8,
        5 => packet[at] = chance.below(256) as u8,
        _ => {
            let piece = packet[at..].to_vec();
            packet.extend(piece);
        }
    }
    packet.truncate(4_096);
}

/// A small generator of numbers, the same in every run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

#[test]
fn a_datagram_longer_than_any_query_is_malformed() {
    let (_forwarder, sordino) = house();
    let udp = sordino.udp();
    let mut long = query("marker.example", A);
    long.opt.as_mut().unwrap().options = vec![(65_001, vec![0; 18_000])];
    assert_eq!(udp.ask(&long).rcode(), FORMERR);
    let mut many = query("marker.example", A);
    many.opt.as_mut().unwrap().options = vec![(65_001, vec![]); 300];
    assert_eq!(udp.ask(&many).rcode(), FORMERR);
    assert_eq!(udp.ask(&query("marker.example", A)).texts(), ["A 0.0.0.0"]);
}

/// RFC 5358 §4: whoever may not ask gets nothing, not even a refusal.
#[test]
fn rfc5358_4_strangers_get_silence() {
    let forwarder = Forwarder::plain();
    let allowed = r#"["127.0.0.2", "127.1.0.0/16"]"#;
    let sordino = Setup::before(&forwarder).set("dns", "allow_from", allowed).start();
    let from = |host: &str| Udp::from(format!("{host}:0").parse().unwrap(), sordino.dns());
    let stranger = from("127.0.0.3");
    stranger.send(&query("stranger.example", A).wire());
    stranger.send(&[0xff; 40]);
    for friend in ["127.0.0.2", "127.1.2.3"] {
        assert_eq!(from(friend).ask(&query("friend.example", A)).texts(), ["A 192.0.2.1"], "{friend}");
    }
    let rest = sordino.rest();
    crate::support::until("the counter of those who may not ask", || {
        (rest.read("/api/v1/status")["counters"]["not_admitted"].as_u64()? >= 2).then_some(())
    });
    assert_eq!(stranger.next_packet(Duration::from_millis(200)), None);
    assert!(forwarder.asked("stranger.example").is_empty());
    // Over TCP the connection from 127.0.0.1 is closed without a word.
    let mut tcp = sordino.tcp();
    tcp.send(&query("stranger.example", A).wire());
    assert_eq!(tcp.next_packet(), None);
}
