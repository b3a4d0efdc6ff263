//! Ways by which programs ask someone else than sordino, and the switches that close them.

use std::net::IpAddr;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::policy::{Kept, Name, NameRef, RuleMatch, Verdict};

/// What stands in place of a list where a name was muted so that nobody goes around sordino.
pub const BYPASS: &str = "bypass";

/// Which ways around sordino are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table: [bypass]")]
pub struct Bypass {
    /// Firefox does not turn on DNS over HTTPS by itself where its canary name does not exist.
    pub stop_firefox_doh: bool,
    /// Apple's devices say that Private Relay is not available here, and ask us.
    pub stop_private_relay: bool,
    /// Names of well-known DoH servers do not exist. Also for people who chose one on purpose, hence off by default.
    pub stop_doh_providers: bool,
}

/// Somebody who answers DNS over HTTPS for everyone.
#[derive(Debug)]
pub struct DohProvider {
    /// The name in its URLs; what is below it belongs to it as well.
    pub name: Name,
    /// Addresses that answer nothing but DNS. Those shared with a content network are not listed.
    pub addresses: Vec<IpAddr>,
}

/// Mozilla's canary (support.mozilla.org, "Canary domain - use-application-dns.net").
const FIREFOX: &[u8] = b"\x13use-application-dns\x03net\x00";
/// Apple's (developer.apple.com, "Prepare your network or web server for iCloud Private Relay").
const PRIVATE_RELAY: [&[u8]; 2] = [b"\x04mask\x06icloud\x03com\x00", b"\x07mask-h2\x06icloud\x03com\x00"];

impl Default for Bypass {
    fn default() -> Self {
        Self { stop_firefox_doh: true, stop_private_relay: true, stop_doh_providers: false }
    }
}

impl Bypass {
    /// Whether `name` does not exist in this house. Canaries are exactly themselves: what is beside and below them lives.
    pub fn stops(self, name: NameRef<'_>) -> bool {
        (self.stop_firefox_doh && name.wire() == FIREFOX)
            || (self.stop_private_relay && PRIVATE_RELAY.contains(&name.wire()))
            || (self.stop_doh_providers && doh_providers().iter().any(|provider| name.is_in(provider.name.as_ref())))
    }

    /// How an explanation shows that `name` is stopped, where it is.
    pub(crate) fn rule_match(self, name: NameRef<'_>) -> Option<RuleMatch> {
        let words = ("a way around sordino that is closed", "you, under [bypass] in config.toml, or with an own rule");
        let found = || RuleMatch::bare(BYPASS.into(), name.to_string(), Verdict::Block, words, Kept::Config);
        self.stops(name).then(found)
    }
}

/// The well-known DoH servers, from the file that comes with sordino.
pub fn doh_providers() -> &'static [DohProvider] {
    static PROVIDERS: LazyLock<Vec<DohProvider>> = LazyLock::new(|| {
        let lines = include_str!("doh_providers.txt").lines().filter(|line| !line.starts_with('#'));
        let provider = |line: &str| {
            let mut words = line.split_whitespace();
            let name = Name::parse(words.next()?).ok()?;
            Some(DohProvider { name, addresses: words.filter_map(|word| word.parse().ok()).collect() })
        };
        lines.filter_map(provider).collect()
    });
    &PROVIDERS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(bypass: Bypass, name: &str) -> bool {
        bypass.stops(Name::parse(name).unwrap().as_ref())
    }

    #[test]
    fn each_switch_closes_its_own_way() {
        let none = Bypass { stop_firefox_doh: false, stop_private_relay: false, stop_doh_providers: false };
        for (bypass, name) in [
            (Bypass { stop_firefox_doh: true, ..none }, "use-application-dns.net"),
            (Bypass { stop_private_relay: true, ..none }, "mask.icloud.com"),
            (Bypass { stop_private_relay: true, ..none }, "mask-h2.icloud.com"),
            (Bypass { stop_doh_providers: true, ..none }, "dns.google"),
            (Bypass { stop_doh_providers: true, ..none }, "mozilla.cloudflare-dns.com"),
        ] {
            assert!(stops(bypass, name) && !stops(none, name), "{name}");
        }
        for name in ["www.icloud.com", "x.mask.icloud.com", "a.use-application-dns.net", "google", "www.google.com"] {
            let all = Bypass { stop_doh_providers: true, ..Bypass::default() };
            assert!(!stops(all, name), "{name}");
        }
    }

    #[test]
    fn every_line_of_the_file_is_read() {
        let lines = include_str!("doh_providers.txt").lines().filter(|line| !line.starts_with('#'));
        let (mut words, mut read) = (0, 0);
        for (line, provider) in lines.zip(doh_providers()) {
            words += line.split_whitespace().count();
            read += 1 + provider.addresses.len();
        }
        assert!(words == read && read > 60, "{words} words, {read} read");
    }
}
