//! Types of resource records by the names that rules give them.

/// Types with a name of their own (IANA "Resource Record (RR) TYPEs"), those that rules are written about.
const TYPES: [(&str, u16); 44] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("NULL", 10),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("RP", 17),
    ("AFSDB", 18),
    ("SIG", 24),
    ("KEY", 25),
    ("AAAA", 28),
    ("LOC", 29),
    ("SRV", 33),
    ("NAPTR", 35),
    ("KX", 36),
    ("CERT", 37),
    ("DNAME", 39),
    ("OPT", 41),
    ("APL", 42),
    ("DS", 43),
    ("SSHFP", 44),
    ("IPSECKEY", 45),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("DHCID", 49),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("TLSA", 52),
    ("SMIMEA", 53),
    ("HIP", 55),
    ("CDS", 59),
    ("CDNSKEY", 60),
    ("OPENPGPKEY", 61),
    ("CSYNC", 62),
    ("ZONEMD", 63),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("URI", 256),
    ("CAA", 257),
    ("ANY", 255),
];

pub(super) const A: u16 = 1;
pub(super) const CNAME: u16 = 5;
pub(super) const PTR: u16 = 12;
pub(super) const MX: u16 = 15;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const SVCB: u16 = 64;
pub(super) const HTTPS: u16 = 65;

/// The type called `name`, in any case; `TYPE65280` names a type by its number (RFC 3597 §5).
pub(super) fn parse(name: &str) -> Option<u16> {
    let named = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|&(_, number)| number).or_else(|| {
        let (word, number) = name.split_at_checked(4)?;
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        (word.eq_ignore_ascii_case("TYPE") && digits).then(|| number.parse().ok())?
    })
}
