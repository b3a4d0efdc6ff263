//! Who may ask. Everyone else is dropped in silence: an answer, even REFUSED, is what a reflector sends.

use std::net::{IpAddr, Ipv4Addr};

use crate::policy::{Network, bits_of};

/// Networks whose queries are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowFrom {
    /// The first and the last address of each, as numbers.
    networks: Vec<(u128, u128)>,
}

impl AllowFrom {
    /// Reads words as they stand in the configuration: `loopback`, `private`, `any`, an address, or a network as in
    /// `192.0.2.0/24`.
    ///
    /// # Errors
    /// The first word that is none of these.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut networks = Vec::new();
        for word in words {
            let named: &[&str] = match word.as_str() {
                "loopback" => &["127.0.0.0/8", "::1/128"],
                // RFC 1918, RFC 4193, and link-local of both families (RFC 3927, RFC 4291 §2.5.6).
                "private" => {
                    &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"]
                }
                "any" => &["0.0.0.0/0", "::/0"],
                word => &[word],
            };
            for text in named {
                let network = Network::parse(text).ok_or_else(|| {
                    format!(
                        "{text:?} is neither loopback, private or any, nor an address or a network such as 192.0.2.0/24"
                    )
                })?;
                networks.push(network.ends());
            }
        }
        Ok(Self { networks })
    }

    /// Whether a query from `address` is answered. An IPv4 address mapped into IPv6 is the IPv4 address.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        // No machine has such an address, and an answer to one would reach many.
        let canonical = address.to_canonical();
        let many = matches!(canonical, IpAddr::V4(v4) if v4.is_broadcast()) || canonical.is_multicast();
        if many || canonical.is_unspecified() {
            return false;
        }
        let bits = bits_of(address);
        self.networks.iter().any(|&(first, last)| (first..=last).contains(&bits))
    }

    /// Whether the whole internet may ask.
    pub(crate) fn is_open(&self) -> bool {
        let (begin, end) = (bits_of(Ipv4Addr::UNSPECIFIED.into()), bits_of(Ipv4Addr::BROADCAST.into()));
        self.networks.iter().any(|&(first, last)| first <= begin && end <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(words: &[&str], address: &str) -> bool {
        let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
        AllowFrom::parse(&words).unwrap().admits(address.parse().unwrap())
    }

    #[test]
    fn words_mean_their_networks() {
        for (address, loopback, private) in [
            ("127.0.0.1", true, false),
            ("::1", true, false),
            ("::ffff:127.0.0.1", true, false),
            ("192.168.3.4", false, true),
            ("172.32.0.1", false, false),
            ("fd00::1", false, true),
            ("fe80::1", false, true),
            ("198.51.100.7", false, false),
            ("2001:db8::1", false, false),
        ] {
            assert_eq!(admits(&["loopback"], address), loopback, "{address}");
            assert_eq!(admits(&["private"], address), private, "{address}");
            assert!(admits(&["any"], address), "{address}");
        }
        assert!(admits(&["192.0.2.0/24"], "192.0.2.255") && !admits(&["192.0.2.0/24"], "192.0.3.0"));
        assert!(admits(&["192.0.2.1"], "192.0.2.1") && !admits(&["192.0.2.1"], "192.0.2.2"));
    }

    #[test]
    fn d2_nobody_asks_from_an_address_that_is_nobody_or_many() {
        for address in ["0.0.0.0", "255.255.255.255", "224.0.0.251", "::", "ff02::fb", "::ffff:255.255.255.255"] {
            assert!(!admits(&["any"], address), "{address}");
        }
    }

    #[test]
    fn other_words_are_refused_and_an_open_door_is_known() {
        assert!(AllowFrom::parse(&["lan".into()]).is_err());
        assert!(AllowFrom::parse(&["1.2.3.4/33".into()]).is_err());
        for (word, open) in [("any", true), ("private", false), ("0.0.0.0/0", true), ("::/0", true)] {
            assert_eq!(AllowFrom::parse(&[word.into()]).unwrap().is_open(), open, "{word}");
        }
    }
}
