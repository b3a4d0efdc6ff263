//! Designated resolvers (RFC 9462): what a device is told that asks for an encrypted way in.

use crate::support::forwarder::Forwarder;
use crate::support::secure::{Pair, client};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

fn ways(pair: &Pair) -> String {
    ["tls", "https", "quic"].map(|protocol| pair.way(protocol)).concat()
}

fn house(names: &str, silent: bool) -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let mut setup = Setup::before(&forwarder).set("dns", "names", names);
    if silent {
        setup = setup.set("dns", "ddr", "false");
    }
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&ways(&pair)).start();
    (forwarder, sordino)
}

/// Priority, target and the parameters of a record, by key.
fn read(data: &[u8]) -> (u16, String, Vec<(u16, Vec<u8>)>) {
    let target_end = 2 + data[2..].iter().position(|octet| *octet == 0).unwrap() + 1;
    let mut parameters = Vec::new();
    let mut rest = &data[target_end..];
    while let [k1, k2, l1, l2, behind @ ..] = rest {
        let (value, behind) = behind.split_at(usize::from(u16::from_be_bytes([*l1, *l2])));
        parameters.push((u16::from_be_bytes([*k1, *k2]), value.to_vec()));
        rest = behind;
    }
    assert!(rest.is_empty() && parameters.is_sorted_by_key(|(key, _)| *key), "RFC 9460 §2.2: {parameters:?}");
    (u16::from_be_bytes([data[0], data[1]]), name_text(&data[2..target_end]), parameters)
}

#[test]
fn rfc9462_4_every_way_in_is_designated_with_its_port() {
    let (forwarder, sordino) = house(r#"["dns.example"]"#, false);
    for asked in ["_dns.resolver.arpa", "_DNS.dns.example"] {
        let reply = sordino.ask(asked, SVCB);
        let records: Vec<_> = reply.answers.iter().map(|record| read(&record.data)).collect();
        let expected: [(&str, &[u8], bool); 3] =
            [("tls", b"\x03dot", false), ("https", b"\x02h3\x02h2", true), ("quic", b"\x03doq", false)];
        assert_eq!(records.len(), 3, "{asked}");
        for ((number, (protocol, alpn, has_path)), (priority, target, parameters)) in (1..).zip(expected).zip(records) {
            assert_eq!((priority, target.as_str()), (number, "dns.example."));
            let of_key =
                |key: u16| parameters.iter().find(|(found, _)| *found == key).map(|(_, value)| value.as_slice());
            assert_eq!(of_key(1), Some(alpn));
            assert_eq!(of_key(3), Some(&sordino.way(protocol).port().to_be_bytes()[..]));
            assert_eq!(of_key(4), Some(&[127, 0, 0, 1][..]));
            assert_eq!(of_key(7), has_path.then_some(&b"/dns-query{?dns}"[..]));
        }
    }
    for (name, qtype) in
        [("_dns.resolver.arpa", A), ("resolver.arpa", A), ("x.resolver.arpa", SVCB), ("resolver.arpa", SVCB)]
    {
        let reply = sordino.ask(name, qtype);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, 0), "{name}");
    }
    assert!(forwarder.asked_all().is_empty(), "nothing of it leaves the house");
    let (host, port) = (format!("@{}", sordino.dns().ip()), sordino.dns().port().to_string());
    if let Some(said) = client("kdig", &[&host, "-p", &port, "_dns.resolver.arpa", "TYPE64"]) {
        assert!(said.contains("NOERROR") && said.contains("ANSWER: 3"), "{said}");
    }
}

#[test]
fn rfc9462_6_4_who_has_nothing_to_designate_says_so() {
    // Told to be silent; and a name that the certificate is not for.
    for (names, silent) in [(r#"["dns.example"]"#, true), (r#"["other.example"]"#, false), ("[]", false)] {
        let (forwarder, sordino) = house(names, silent);
        let reply = sordino.ask("_dns.resolver.arpa", SVCB);
        assert_eq!((reply.rcode(), reply.answers.len()), (NOERROR, 0), "{names}");
        assert!(forwarder.asked_all().is_empty());
    }
}
