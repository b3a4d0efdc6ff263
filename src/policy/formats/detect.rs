//! Which format a list is written in, from how it begins.

use super::super::list::Format;
use super::{address, text};

/// Lines that are looked at.
const SAMPLE: usize = 500;
/// From how many lines of `*.name` on a list that holds little else is one of wildcards. Fewer are rules of AdGuard's
/// language that an operator wrote by hand, where `*.name` leaves the name itself out.
const WILDCARD_LINES: usize = 10;

/// Tells the format of `content`. Names, hosts lines, wildcards and AdGuard's rules may be mixed in one list: for those
/// the answer is what there is most of, and every line is read for what it is.
pub(in super::super) fn detect(content: &[u8]) -> Format {
    let mut votes = [0usize; 7];
    let mut count = 0;
    let significant = text::lines(content)
        .filter_map(|line| str::from_utf8(line.trim_ascii()).ok())
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '!', ';']))
        .filter(|line| line.contains("[[") || !(line.starts_with('[') && line.ends_with(']')));
    for line in significant.take(SAMPLE) {
        count += 1;
        match vote(line) {
            Vote::Certain(format) => return format,
            Vote::For(format) => votes[place(format)] += 1,
        }
    }
    let of = |format: Format| votes[place(format)];
    for format in [Format::Rpz, Format::Dnsmasq, Format::Unbound] {
        if of(format) * 2 > count {
            return format;
        }
    }
    if of(Format::Wildcard) >= WILDCARD_LINES && (of(Format::Wildcard) + of(Format::Names)) * 100 >= count * 95 {
        return Format::Wildcard;
    }
    let most = [Format::Adblock, Format::Hosts, Format::Names, Format::Wildcard].into_iter().max_by_key(|&one| of(one));
    match most {
        Some(Format::Wildcard) | None => Format::Adblock,
        Some(format) => format,
    }
}

enum Vote {
    Certain(Format),
    For(Format),
}

fn vote(line: &str) -> Vote {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    if line.starts_with("[[product]]") || (first == "vendor" && second == "=") || first.starts_with("vendor=") {
        return Vote::Certain(Format::Catalogue);
    }
    if matches!(first, "$TTL" | "$ORIGIN")
        || line.split_whitespace().take(5).any(|word| word.eq_ignore_ascii_case("SOA"))
    {
        return Vote::Certain(Format::Rpz);
    }
    let is = |known: &[&str]| known.iter().any(|start| line.starts_with(start));
    Vote::For(if line.split_whitespace().skip(1).take(4).any(|word| word.eq_ignore_ascii_case("CNAME")) {
        Format::Rpz
    } else if is(&[
        "local=/",
        "address=/",
        "server=/",
        "server=",
        "conf-",
        "bogus-",
        "ipset=",
        "cname=",
        "host-record=",
    ]) {
        Format::Dnsmasq
    } else if is(&["local-zone:", "local-data:", "server:", "include:", "forward-zone:", "stub-zone:"]) {
        Format::Unbound
    } else if !second.is_empty() && !second.starts_with('#') && address::parse(first).is_some() {
        Format::Hosts
    } else if line.starts_with("*.") && !line.contains(['^', '|', '$']) {
        Format::Wildcard
    } else if line.contains(['|', '^', '$', '*', '/', '@']) {
        Format::Adblock
    } else {
        Format::Names
    })
}

const fn place(format: Format) -> usize {
    match format {
        Format::Rpz => 0,
        Format::Dnsmasq => 1,
        Format::Unbound => 2,
        Format::Hosts => 3,
        Format::Wildcard => 4,
        Format::Adblock => 5,
        Format::Names | Format::Auto | Format::Catalogue => 6,
    }
}
