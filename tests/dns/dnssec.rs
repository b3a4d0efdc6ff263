//! Answers are believed because of their signatures, up to the keys of the root: a small internet of four zones, signed
//! here, behind a forwarder that does not validate.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, NSEC3, RRSIG, SigInput};
use hickory_proto::dnssec::{
    Algorithm, DigestType, DnssecSigner, Nsec3HashAlgorithm, PublicKey as _, PublicKeyBuf, SigningKey as _, TBS,
};
use hickory_proto::rr::rdata::{A as Address, CNAME as Alias, NS as NameServer, NULL, SOA as Start};
use hickory_proto::rr::{DNSClass, Name, RData, Record as Signed, RecordType, SerialNumber};
use hickory_proto::serialize::binary::BinEncodable as _;

use crate::support::forwarder::{Forwarder, Over, Plan, with_rcode};
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

const ALGORITHM: Algorithm = Algorithm::ECDSAP256SHA256;
const DAY: i64 = 86_400;

/// A zone's key.
struct Zone {
    name: Name,
    signer: DnssecSigner,
}

impl Zone {
    fn new(name: &str) -> Self {
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(ALGORITHM).unwrap();
        let key = EcdsaSigningKey::from_pkcs8(&pkcs8, ALGORITHM).unwrap();
        let dnskey = DNSKEY::from_key(&key.to_public_key().unwrap());
        let name = Name::from_ascii(name).unwrap();
        let signer = DnssecSigner::new(dnskey, Box::new(key), name.clone(), std::time::Duration::from_secs(86_400));
        Self { name, signer }
    }

    fn keys(&self) -> Vec<Signed> {
        vec![Signed::from_rdata(self.name.clone(), 300, RData::DNSSEC(DNSSECRData::DNSKEY(self.signer.to_dnskey())))]
    }

    fn delegation(&self) -> Vec<Signed> {
        let digest = self.signer.dnskey().to_digest(&self.name, DigestType::SHA256).unwrap();
        let tag = self.signer.calculate_key_tag().unwrap();
        let ds = DS::new(tag, ALGORITHM, DigestType::SHA256, digest.as_ref().to_vec());
        vec![Signed::from_rdata(self.name.clone(), 300, RData::DNSSEC(DNSSECRData::DS(ds)))]
    }

    /// The RRset with its signature, which is good from `begin` to `end`, days from now.
    fn sign_from(&self, records: Vec<Signed>, begin: i64, end: i64) -> Vec<Signed> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let moment = |days: i64| SerialNumber::new((now + days * DAY) as u32);
        let first = &records[0];
        let input = SigInput {
            type_covered: first.record_type(),
            algorithm: ALGORITHM,
            num_labels: first.name.num_labels(),
            original_ttl: first.ttl,
            sig_expiration: moment(end),
            sig_inception: moment(begin),
            key_tag: self.signer.calculate_key_tag().unwrap(),
            signer_name: self.name.clone(),
        };
        let to_be_signed = TBS::from_input(&first.name, DNSClass::IN, &input, records.iter()).unwrap();
        let signature = self.signer.sign(&to_be_signed).unwrap();
        let rrsig = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        let rrsig = Signed::from_rdata(first.name.clone(), first.ttl, rrsig);
        records.into_iter().chain([rrsig]).collect()
    }

    fn sign(&self, records: Vec<Signed>) -> Vec<Signed> {
        self.sign_from(records, -1, 1)
    }

    /// Keys with the tag of the zone's own that sign nothing: it is a sum, so the halves of the key may change places.
    fn keys_alike(&self, count: usize) -> Vec<Signed> {
        let key = self.signer.dnskey();
        let alike = (1..=count).map(|place| {
            let mut octets = key.public_key().public_bytes().to_vec();
            octets.rotate_left(2 * place);
            DNSKEY::with_flags(key.flags(), PublicKeyBuf::new(octets, ALGORITHM))
        });
        alike.map(|key| Signed::from_rdata(self.name.clone(), 300, RData::DNSSEC(DNSSECRData::DNSKEY(key)))).collect()
    }

    /// That there is nothing at the names around one, by hashes of so many rounds that are those of no name.
    fn hashed_denial(&self, rounds: u16) -> Vec<Signed> {
        let types = [RecordType::A, RecordType::RRSIG];
        let nsec3 = NSEC3::new(Nsec3HashAlgorithm::SHA1, false, rounds, vec![], vec![7; 20], types);
        let owner = name("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom").append_domain(&self.name).unwrap();
        self.sign(vec![Signed::from_rdata(owner, 300, RData::DNSSEC(DNSSECRData::NSEC3(nsec3)))])
    }

    fn start(&self) -> Vec<Signed> {
        // No two names with a common end: they would be compressed against a message that is not there.
        let soa = Start::new(name("ns.example."), name("."), 1, 2, 3, 4, 300);
        vec![Signed::from_rdata(self.name.clone(), 300, RData::SOA(soa))]
    }

    fn servers(&self) -> Vec<Signed> {
        vec![Signed::from_rdata(self.name.clone(), 300, RData::NS(NameServer(name("ns.example."))))]
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn address(owner: &str, last: u8) -> Vec<Signed> {
    vec![Signed::from_rdata(name(owner), 300, RData::A(Address::new(192, 0, 2, last)))]
}

fn denial(owner: &str, next: &str, types: &[RecordType]) -> Vec<Signed> {
    let nsec = NSEC::new(name(next), types.iter().copied());
    vec![Signed::from_rdata(name(owner), 300, RData::DNSSEC(DNSSECRData::NSEC(nsec)))]
}

/// A DNAME record, which the codec writes as it finds it.
fn redirection(owner: &str, target: &str) -> Vec<Signed> {
    let target = NULL::with(name(target).to_bytes().unwrap());
    vec![Signed::from_rdata(name(owner), 300, RData::Unknown { code: RecordType::from(39), rdata: target })]
}

fn alias(owner: &str, target: &str) -> Vec<Signed> {
    vec![Signed::from_rdata(name(owner), 300, RData::CNAME(Alias(name(target))))]
}

/// As the tests' own codec has it.
fn plain(record: &Signed) -> Record {
    Record {
        name: record.name.to_bytes().unwrap(),
        rtype: record.record_type().into(),
        class: 1,
        ttl: record.ttl,
        data: record.data.to_bytes().unwrap(),
    }
}

/// The RRset with so many signatures that are wrong in front of the one that is right.
fn behind_forgeries(mut signed: Vec<Signed>, forgeries: usize) -> Vec<Signed> {
    let Some(right) = signed.pop() else { return signed };
    let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &right.data else { return signed };
    for number in 0..forgeries {
        let mut octets = signature.sig().to_vec();
        octets[0] ^= 1 + number as u8;
        let forged = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(signature.input().clone(), octets)));
        signed.push(Signed::from_rdata(right.name.clone(), right.ttl, forged));
    }
    signed.push(right);
    signed
}

/// An internet of `.`, `good.`, `bad.`, `two.` and `many.` (signed) and `open.` (not signed, which the root proves). `two.` and
/// `many.` have keys in front of the right one that look like it: one, and four. `trap.` has as many as a tag allows by such
/// simple means, and signatures to try them with.
fn internet() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let [root, good, bad, two, many, trap] =
        [".", "good.", "bad.", "two.", "many.", "trap."].map(|zone| Arc::new(Zone::new(zone)));
    let stranger = Zone::new("bad.");
    let anchor = format!(". 300 IN DNSKEY 257 3 13 {}\n", base64(root.signer.dnskey().public_key().public_bytes()));
    let zones = [root.clone(), good.clone(), bad.clone(), two.clone(), many.clone(), trap.clone()];
    forwarder.on(".", move |query, over| {
        let asked = query.asked().to_lowercase();
        let qtype = RecordType::from(query.questions[0].qtype);
        let apex = zones.iter().find(|zone| zone.name.to_ascii() == asked);
        let negative = |zone: &Zone, nsec: Vec<Signed>| [zone.sign(zone.start()), zone.sign(nsec)].concat();
        let (answers, authority) = match (asked.as_str(), qtype, apex) {
            ("two.", RecordType::DNSKEY, Some(zone)) => (zone.sign([zone.keys_alike(1), zone.keys()].concat()), vec![]),
            ("many.", RecordType::DNSKEY, Some(zone)) => {
                (zone.sign([zone.keys_alike(4), zone.keys()].concat()), vec![])
            }
            ("trap.", RecordType::DNSKEY, Some(zone)) => {
                (behind_forgeries(zone.sign([zone.keys_alike(31), zone.keys()].concat()), 250), vec![])
            }
            (_, RecordType::DNSKEY, Some(zone)) => (zone.sign(zone.keys()), vec![]),
            (_, RecordType::NS, Some(zone)) => (zone.sign(zone.servers()), vec![]),
            (_, RecordType::DS, Some(zone)) => (root.sign(zone.delegation()), vec![]),
            ("open.", RecordType::DS, _) => {
                (vec![], negative(&root, denial("open.", ".", &[RecordType::NS, RecordType::RRSIG, RecordType::NSEC])))
            }
            ("open.", RecordType::NS, _) => {
                (vec![Signed::from_rdata(name("open."), 300, RData::NS(NameServer(name("ns.open."))))], vec![])
            }
            ("www.two.", ..) => (two.sign(address("www.two.", 1)), vec![]),
            ("www.many.", ..) => (many.sign(address("www.many.", 1)), vec![]),
            ("www.trap.", ..) => (behind_forgeries(trap.sign(address("www.trap.", 1)), 250), vec![]),
            ("few.good.", ..) => (behind_forgeries(good.sign(address("few.good.", 1)), 4), vec![]),
            ("x.good.", ..) => (behind_forgeries(good.sign(address("x.good.", 1)), 9), vec![]),
            ("150.good." | "151.good." | "501.good.", ..) => {
                let rounds = asked.split('.').next().unwrap().parse().unwrap();
                (vec![], [good.sign(good.start()), good.hashed_denial(rounds)].concat())
            }
            ("www.good.", RecordType::A, _) => (good.sign(address("www.good.", 1)), vec![]),
            ("alias.good.", RecordType::A, _) => {
                let alias = vec![Signed::from_rdata(name("alias.good."), 300, RData::CNAME(Alias(name("www.open."))))];
                ([good.sign(alias), address("www.open.", 4)].concat(), vec![])
            }
            ("near.good.", RecordType::A, _) => {
                let alias = vec![Signed::from_rdata(name("near.good."), 300, RData::CNAME(Alias(name("www.good."))))];
                ([good.sign(alias), good.sign(address("www.good.", 1))].concat(), vec![])
            }
            // Whoever answers leads elsewhere than the signed record does.
            ("www.moved.good.", RecordType::A, _) => {
                let redirection = good.sign(redirection("moved.good.", "good."));
                ([redirection, alias("www.moved.good.", "www.bad.")].concat(), vec![])
            }
            ("out.moved.good.", RecordType::A, _) => (alias("out.moved.good.", "out.good."), vec![]),
            ("moved.good.", qtype, _) if u16::from(qtype) == 39 => {
                (good.sign(redirection("moved.good.", "good.")), vec![])
            }
            ("www.moved.bad.", RecordType::A, _) => {
                ([redirection("moved.bad.", "open."), alias("www.moved.bad.", "www.open.")].concat(), vec![])
            }
            ("moved.bad.", qtype, _) if u16::from(qtype) == 39 => (redirection("moved.bad.", "open."), vec![]),
            ("www.moved.open.", RecordType::A, _) => {
                let redirection = redirection("moved.open.", "open.");
                ([redirection, alias("www.moved.open.", "www.open."), address("www.open.", 4)].concat(), vec![])
            }
            ("moved.open.", qtype, _) if u16::from(qtype) == 39 => (redirection("moved.open.", "open."), vec![]),
            ("www.good.", ..) => (
                vec![],
                negative(&good, denial("www.good.", "good.", &[RecordType::A, RecordType::RRSIG, RecordType::NSEC])),
            ),
            ("unproven.good.", ..) => (vec![], good.sign(good.start())),
            ("www.bad.", ..) => {
                let mut forged = bad.sign(address("www.bad.", 2));
                forged[0].data = RData::A(Address::new(192, 0, 2, 66));
                (forged, vec![])
            }
            ("old.bad.", ..) => (bad.sign_from(address("old.bad.", 2), -9, -2), vec![]),
            ("early.bad.", ..) => (bad.sign_from(address("early.bad.", 2), 2, 9), vec![]),
            ("bare.bad.", ..) => (address("bare.bad.", 2), vec![]),
            ("strange.bad.", ..) => (stranger.sign(address("strange.bad.", 2)), vec![]),
            ("www.open.", RecordType::A, _) => (address("www.open.", 4), vec![]),
            _ => (vec![], vec![]),
        };
        let mut message = with_rcode(query, NOERROR);
        message.answers = answers.iter().map(plain).collect();
        message.authority = authority.iter().map(plain).collect();
        if over == Over::Udp && message.answers.len() > 50 {
            message.flags |= TC;
            message.answers.clear();
        }
        Plan::Answer(message)
    });
    let setup = Setup::before(&forwarder);
    let path = setup.dir().join("anchor");
    std::fs::write(&path, anchor).unwrap();
    let sordino = setup.table(&format!("\n[dnssec]\nvalidate = true\ntrust_anchor = {path:?}\n")).start();
    (forwarder, sordino)
}

fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| char::from(LETTERS[bits as usize & 63]);
    let mut text = String::new();
    for chunk in octets.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
        let letters = [18, 12, 6, 0].map(|shift| letter(bits >> shift));
        text.extend(&letters[..=chunk.len()]);
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

/// What comes back with these flags: RCODE, whether AD is set, how many answers, and the extended error.
fn ask(sordino: &Sordino, name: &str, qtype: u16, flags: u16, dnssec_ok: bool) -> (u16, bool, usize, Option<u16>) {
    let mut asked = query(name, qtype);
    asked.flags |= flags;
    asked.opt.as_mut().unwrap().flags = if dnssec_ok { DO } else { 0 };
    let reply = sordino.udp().ask(&asked);
    (reply.rcode(), reply.has(AD), reply.answers.len(), reply.ede().map(|(code, _)| code))
}

#[test]
fn rfc4035_3_2_3_what_is_proven_has_the_ad_bit_for_those_who_ask() {
    let (_forwarder, sordino) = internet();
    for _ in 0..2 {
        assert_eq!(ask(&sordino, "www.good", A, 0, false), (NOERROR, false, 1, None));
        assert_eq!(ask(&sordino, "www.good", A, AD, false), (NOERROR, true, 1, None));
        assert_eq!(ask(&sordino, "www.good", A, 0, true), (NOERROR, true, 2, None), "with its signature");
        assert_eq!(ask(&sordino, "near.good", A, AD, false), (NOERROR, true, 2, None), "an alias and its end");
        assert_eq!(ask(&sordino, "www.good", TXT, AD, false), (NOERROR, true, 0, None), "and that there is nothing");
    }
}

#[test]
fn rfc4035_4_3_what_is_proven_to_be_unsigned_passes_without_it() {
    let (_forwarder, sordino) = internet();
    for _ in 0..2 {
        assert_eq!(ask(&sordino, "www.open", A, AD, false), (NOERROR, false, 1, None));
        assert_eq!(ask(&sordino, "alias.good", A, AD, false), (NOERROR, false, 2, None), "half of it is signed");
    }
}

/// RFC 8914 §4.7 and others say why.
#[test]
fn rfc4035_5_5_what_is_disproven_is_held_back_and_says_why() {
    let (_forwarder, sordino) = internet();
    for (name, why) in
        [("www.bad", 6), ("strange.bad", 6), ("old.bad", 7), ("early.bad", 8), ("bare.bad", 10), ("unproven.good", 12)]
    {
        for flags in [0, AD] {
            assert_eq!(ask(&sordino, name, A, flags, false), (SERVFAIL, false, 0, Some(why)), "{name}");
        }
        assert!(!sordino.stderr().contains(name), "it is said to who asked, and to nobody else");
    }
}

/// What makes a proof expensive is given up on: keys that look alike and signatures by the dozen (CVE-2023-50387), and hashes of
/// many rounds (CVE-2023-50868, RFC 9276 §3.2). Each is met once within the bound, and once beyond it.
#[test]
fn d6_a_proof_that_takes_too_much_work_is_given_up() {
    let (_forwarder, sordino) = internet();
    let asked = |name: &str| {
        let (rcode, proven, ..) = ask(&sordino, name, A, AD, false);
        (rcode, proven)
    };
    assert_eq!(asked("www.two"), (NOERROR, true), "a key and one that looks like it");
    assert_eq!(asked("www.many"), (SERVFAIL, false), "a key behind four that look like it");
    assert_eq!(asked("few.good"), (NOERROR, true), "a signature behind four that are wrong");
    assert_eq!(asked("x.good"), (SERVFAIL, false), "a signature behind nine that are wrong");
    assert_eq!(asked("150.good"), (SERVFAIL, false), "hashes that are looked at, and are wrong");
    assert_eq!(asked("151.good"), (NOERROR, false), "hashes that nobody looks at count as unsigned");
    assert_eq!(asked("501.good"), (SERVFAIL, false), "hashes that nobody should make");
}

/// Each of 251 signatures over the keys and the address could be tried with each of 32 keys (CVE-2023-50387), some sixteen
/// thousand verifications of a millisecond or more; nearly none is made.
#[test]
fn d6_a_trap_of_keys_and_signatures_costs_a_moment() {
    let (forwarder, sordino) = internet();
    let costs = |name, expected| {
        let before = sordino.worked();
        assert_eq!(ask(&sordino, name, A, AD, false), expected);
        sordino.worked() - before
    };
    let proof = costs("www.good", (NOERROR, true, 1, None));
    let trap = costs("www.trap", (SERVFAIL, false, 0, Some(6)));
    assert!(trap < 100 * proof, "{trap} microseconds, where a proof takes {proof}");
    assert!(forwarder.asked_all().len() < 32, "nor is it asked for again and again");
    assert!(!sordino.stderr().contains("trap"), "nor does it fill the log");
    assert_eq!(ask(&sordino, "www.good", A, AD, false), (NOERROR, true, 1, None), "and others are served meanwhile");
}

/// The alias is not signed: it is made anew from the record that is, whatever came with it.
#[test]
fn rfc6672_5_3_1_a_dname_record_proves_the_alias_that_follows_from_it() {
    let (_forwarder, sordino) = internet();
    for _ in 0..2 {
        assert_eq!(ask(&sordino, "www.moved.good", A, AD, false), (NOERROR, true, 3, None), "DNAME, alias, address");
        assert_eq!(ask(&sordino, "www.moved.good", A, 0, true), (NOERROR, true, 5, None), "with two signatures");
        assert_eq!(sordino.resolve("www.moved.good").last().unwrap(), "A 192.0.2.1", "and not where the answer led");
        assert_eq!(
            ask(&sordino, "www.moved.open", A, AD, false),
            (NOERROR, false, 3, None),
            "in a zone without signatures"
        );
        assert_eq!(ask(&sordino, "www.moved.bad", A, 0, false).0, SERVFAIL, "the record is not signed and should be");
        assert_eq!(ask(&sordino, "out.moved.good", A, 0, false).0, SERVFAIL, "an alias without its record");
    }
}

/// RFC 4035 §3.2.2: who validates by itself gets everything, and only they.
#[test]
fn rfc4035_3_2_2_checking_disabled_passes_what_is_disproven() {
    let (_forwarder, sordino) = internet();
    for _ in 0..2 {
        assert_eq!(ask(&sordino, "www.bad", A, CD, false), (NOERROR, false, 1, None));
        assert_eq!(ask(&sordino, "www.bad", A, 0, false), (SERVFAIL, false, 0, Some(6)));
    }
}

/// The operator's own names have no place in the tree of keys.
#[test]
fn routed_names_are_not_validated() {
    let (forwarder, house) = (Forwarder::plain(), Forwarder::plain());
    let route = format!(
        "\n[dnssec]\nvalidate = true\n\n[[upstream.route]]\ndomains = [\"corp.example\"]\nservers = [{:?}]\n",
        house.udp()
    );
    let sordino = Setup::before(&forwarder).table(&route).start();
    assert_eq!(sordino.resolve("nas.corp.example"), ["A 192.0.2.1"]);
    assert!(forwarder.asked_all().is_empty());
}

#[test]
fn a_trust_anchor_without_a_key_is_a_mistake() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder);
    let path = setup.dir().join("anchor");
    std::fs::write(&path, "; nothing\n").unwrap();
    let (code, said) = setup.table(&format!("\n[dnssec]\nvalidate = true\ntrust_anchor = {path:?}\n")).check();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("dnssec.trust_anchor") && said.contains("holds no key"), "{said}");
}
