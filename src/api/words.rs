//! Numbers of the DNS as the words that people know (IANA "DNS Parameters").

use hickory_proto::rr::RecordType;

/// `A`, `AAAA`, `HTTPS`; `TYPE65280` where there is no word (RFC 3597 §5), or none that reads back.
pub(crate) fn of_qtype(number: u16) -> String {
    let word = RecordType::from(number).to_string();
    if qtype(&word) == Some(number) { word } else { format!("TYPE{number}") }
}

/// The number of what [`of_qtype`] writes, in any case.
pub(crate) fn qtype(word: &str) -> Option<u16> {
    let word = word.to_ascii_uppercase();
    match word.strip_prefix("TYPE").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(digits) => digits.parse().ok(),
        None => word.parse::<RecordType>().ok().map(u16::from),
    }
}

/// `NOERROR`, `NXDOMAIN`; `RCODE4000` where there is no word.
pub(crate) fn of_rcode(rcode: u16) -> String {
    let word = match rcode {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        other => return format!("RCODE{other}"),
    };
    word.into()
}

/// The number of what [`of_rcode`] writes, in any case, or of a number itself.
pub(crate) fn rcode(word: &str) -> Option<u16> {
    let word = word.to_ascii_uppercase();
    let number = word.strip_prefix("RCODE").unwrap_or(&word).parse().ok();
    // RFC 6895 §2.3 has no word above these.
    number.or_else(|| (0..=23).find(|number| of_rcode(*number) == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_word_that_reads_back() {
        for number in 0..=u16::MAX {
            let word = of_qtype(number);
            assert_eq!(qtype(&word), Some(number), "{word}");
        }
    }

    #[test]
    fn words_are_those_of_the_registry() {
        assert_eq!([1, 28, 65, 65280].map(of_qtype), ["A", "AAAA", "HTTPS", "TYPE65280"]);
        assert_eq!([0, 3, 23, 4000].map(of_rcode), ["NOERROR", "NXDOMAIN", "BADCOOKIE", "RCODE4000"]);
        assert_eq!(
            [rcode("nxdomain"), rcode("RCODE4000"), rcode("23"), rcode("no")],
            [Some(3), Some(4000), Some(23), None]
        );
        assert_eq!((qtype("aaaa"), qtype("type28"), qtype("TYPE65536"), qtype("")), (Some(28), Some(28), None, None));
    }
}
