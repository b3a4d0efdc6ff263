//! A hundred thousand packets in each direction that began as good ones. `SORDINO_MUTANTS` tries another number.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and tells how many it tried

mod support;

use sordino::dns::probe;
use support::wire::{A, AAAA, CNAME, HTTPS, Message, QR, RA, Record, SOA, TXT, name_wire, query};

fn how_many() -> usize {
    std::env::var("SORDINO_MUTANTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

/// Chance that is the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn mutate(&mut self, packet: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(packet.len());
            match self.below(8) {
                0 => packet.truncate(at),
                1 => packet.extend((0..self.below(600)).map(|number| number as u8)),
                2 => packet.insert(at, self.below(256) as u8),
                3 if packet.len() > 12 => packet[4 + self.below(8)] = self.below(256) as u8,
                // Pointers, back, forth and to themselves.
                4 if packet.len() > at + 1 => packet[at..at + 2].copy_from_slice(&[0xc0, self.below(256) as u8]),
                5 => drop(packet.drain(at..packet.len().min(at + self.below(8)))),
                _ if packet.is_empty() => {}
                _ => {
                    let at = at.min(packet.len() - 1);
                    packet[at] ^= 1 << self.below(8);
                }
            }
        }
    }
}

#[test]
fn d8_queries_get_one_sound_response_or_silence() {
    let mut long = query(&format!("{}example", "label.".repeat(40)), TXT);
    long.opt.as_mut().unwrap().options =
        vec![(8, vec![0, 1, 24, 0, 198, 51, 100]), (10, vec![1; 8]), (12, vec![0; 30])];
    let seeds = [query("www.example", A), query("foo.localhost", AAAA), query("a.example", HTTPS), long]
        .map(|seed| seed.wire());
    let (mut chance, mut answered) = (Chance(0x9e37_79b9_7f4a_7c15), 0);
    for _ in 0..how_many() {
        let mut packet = seeds[chance.below(seeds.len())].clone();
        chance.mutate(&mut packet);
        let Some(response) = probe::response_to(&packet) else { continue };
        answered += 1;
        assert!((12..=1232).contains(&response.len()), "{packet:02x?}");
        assert_eq!((&response[..2], response[2] & 0x80), (&packet[..2], 0x80), "{packet:02x?}");
        assert!(Message::parse(&response).is_some(), "{packet:02x?} got {response:02x?}");
    }
    println!("{} mutated queries, {answered} answered", how_many());
    assert!(answered > how_many() / 4);
}

#[test]
fn d19_responses_of_forwarders_are_served_sound_or_not_at_all() {
    let record = |name: &str, rtype, data: &[u8]| Record::new(name, rtype, 60, data);
    let soa = [name_wire("ns.example"), name_wire("root.example"), vec![0; 20]].concat();
    let binding = [&[0, 1][..], &name_wire("svc.example"), &[0, 4, 0, 4, 192, 0, 2, 1]].concat();
    let response = |qtype, answers: Vec<Record>, authority: Vec<Record>| {
        Message { flags: QR | RA, answers, authority, ..query("www.example", qtype) }.wire()
    };
    let alias = record("www.example", CNAME, &name_wire("cdn.example"));
    let seeds = [
        response(A, vec![alias.clone(), record("cdn.example", A, &[192, 0, 2, 1])], vec![]),
        response(AAAA, vec![record("www.example", AAAA, &[0; 16])], vec![]),
        response(HTTPS, vec![record("www.example", HTTPS, &binding)], vec![]),
        response(TXT, vec![alias], vec![record("example", SOA, &soa)]),
    ];
    let (mut chance, mut served) = (Chance(0x2545_f491_4f6c_dd1d), 0);
    for _ in 0..how_many() {
        let mut packet = seeds[chance.below(seeds.len())].clone();
        chance.mutate(&mut packet);
        let Some((_, _, message)) = probe::served_from(&packet) else { continue };
        served += 1;
        assert!(Message::parse(&message).is_some(), "{packet:02x?} is served as {message:02x?}");
    }
    println!("{} mutated responses, {served} served", how_many());
    assert!(served > how_many() / 100);
}
