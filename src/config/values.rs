//! The words and numbers of `config.toml`. Each says of itself what is wrong with it and what to write.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use crate::api::is_password_hash;
use crate::policy::{Action, BlockingAnswer, MacAddr};

/// Schemes of forwarders that this version asks over.
const SCHEMES: [&str; 6] = ["udp", "tcp", "tls", "https", "quic", "h3"];

/// An address to listen on.
#[derive(Debug)]
pub(super) struct Listen(pub(super) SocketAddr);

/// Who may ask, as written.
#[derive(Debug)]
pub(super) struct Permitted(pub(super) String);

/// A forwarder, as written, and whether its host is a name that must be resolved first.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) has_name: bool,
}

/// A number of bytes.
#[derive(Debug)]
pub(super) struct Bytes(pub(super) usize);

/// A span of time.
#[derive(Debug)]
pub(super) struct Span(pub(super) Duration);

/// A hardware address.
#[derive(Debug)]
pub(super) struct Mac(pub(super) MacAddr);

/// An address or a network, as (address, prefix length).
#[derive(Debug)]
pub(super) struct Network(pub(super) IpAddr, pub(super) u8);

/// The PHC string of a password.
#[derive(Debug)]
pub(super) struct PasswordHash(pub(super) String);

/// The form of the blocking answer.
#[derive(Debug)]
pub(super) struct Answer(pub(super) BlockingAnswer);

/// One address or network, or several in brackets.
#[derive(Debug)]
pub(super) struct Networks(pub(super) Vec<Network>);

/// What may stand in `confirmed` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Confirmation {
    TooWide,
    Shrunk,
}

/// What a profile makes of a list: a word, or a table with the word and a schedule.
#[derive(Debug)]
pub(super) struct ListUse {
    pub(super) action: Option<ListWord>,
    pub(super) schedule: Option<Spanned<String>>,
}

/// What a list does under a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ListWord {
    Block,
    Watch,
    Allow,
    Off,
}

impl ListWord {
    pub(super) fn action(self) -> Option<Action> {
        match self {
            Self::Block => Some(Action::Block),
            Self::Watch => Some(Action::Watch),
            Self::Allow => Some(Action::Allow),
            Self::Off => None,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let example = match text.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V6(address)) => format!("add the port, as in [{address}]:53"),
            Ok(IpAddr::V4(address)) => format!("add the port, as in {address}:53"),
            Err(_) => "write one as in 127.0.0.1:5300 or [::1]:5300".into(),
        };
        Err(format!("{text:?} is not an address with a port; {example}"))
    }
}

impl FromStr for Permitted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = matches!(text, "loopback" | "private" | "any");
        if !word && let Err(error) = text.parse::<Network>() {
            return Err(format!("{error}; or loopback, private or any"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("{text:?} does not say how to ask it; write udp://{text} or tls://{text}"));
        };
        if !SCHEMES.contains(&scheme) {
            return Err(format!(
                "{scheme}:// is none of udp://, tcp://, tls://, https://, quic:// and h3://; write one of these"
            ));
        }
        let host = rest.split('/').next().unwrap_or_default();
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
            None if host.parse::<Ipv6Addr>().is_ok() => {
                return Err(format!("an IPv6 address stands in brackets here; write {scheme}://[{host}]"));
            }
            None => host.split(':').next().unwrap_or_default(),
        };
        if host.is_empty() {
            return Err(format!("{text:?} names no server; write one as in {scheme}://9.9.9.9"));
        }
        let has_name = host.parse::<IpAddr>().is_err();
        if has_name && matches!(scheme, "udp" | "tcp") {
            return Err(format!(
                "{scheme}:// needs the address of the server, not its name; write one as in {scheme}://9.9.9.9"
            ));
        }
        Ok(Self { url: text.to_owned(), has_name })
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let unit: usize = match text[digits.len()..].trim() {
            "" | "B" => 1,
            "kB" | "KB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(no_size(text)),
        };
        let number = digits.parse::<usize>().map_err(|_| no_size(text))?;
        number.checked_mul(unit).map(Self).ok_or_else(|| no_size(text))
    }
}

fn no_size(text: &str) -> String {
    format!("{text:?} is not a size; write one as in \"16 MiB\"")
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = humantime::parse_duration(text);
        span.map(Self)
            .map_err(|_| format!("{text:?} is not a span of time; write one as in \"30d\", \"5m\" or \"10s\""))
    }
}

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("{error}; write it so"))
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is no address and no network; write one as in 192.168.1.7 or 192.168.1.0/24");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| refuse())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(bits);
        if length > bits {
            return Err(refuse());
        }
        let network = prefix(address, length);
        if network != address {
            return Err(format!("{text:?} is an address inside a network; write {network}/{length} or {address}"));
        }
        Ok(Self(address.to_canonical(), length))
    }
}

fn prefix(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl FromStr for PasswordHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The text itself is not repeated: somebody may have put the password there.
        let refuse = "password_hash is not the hash of a password; make one with `sordino hash-password`";
        if is_password_hash(text) { Ok(Self(text.to_owned())) } else { Err(refuse.to_owned()) }
    }
}

/// A word in quotation marks, read by `FromStr`.
struct InWords<T>(PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for InWords<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text in quotation marks")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! in_words {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(InWords(PhantomData))
            }
        }
    )*};
}

in_words!(Listen, Permitted, Server, Bytes, Span, Mac, Network, PasswordHash);

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Answer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"null\", \"nxdomain\", \"nodata\", \"refused\" or { ipv4 = \"…\", ipv6 = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Answer, E> {
                Ok(Answer(match text {
                    "null" => BlockingAnswer::Null,
                    "nxdomain" => BlockingAnswer::NxDomain,
                    "nodata" => BlockingAnswer::NoData,
                    "refused" => BlockingAnswer::Refused,
                    _ => return Err(E::unknown_variant(text, &["null", "nxdomain", "nodata", "refused"])),
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Answer, A::Error> {
                #[derive(serde::Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Addresses {
                    ipv4: Option<Ipv4Addr>,
                    ipv6: Option<Ipv6Addr>,
                }
                let Addresses { ipv4, ipv6 } = Addresses::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Answer(BlockingAnswer::Addresses { ipv4, ipv6 }))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for ListUse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrTable;
        impl<'de> Visitor<'de> for WordOrTable {
            type Value = ListUse;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"block\", \"watch\", \"allow\", \"off\" or { action = \"…\", schedule = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ListUse, E> {
                let action = ListWord::deserialize(text.into_deserializer())?;
                Ok(ListUse { action: Some(action), schedule: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListUse, A::Error> {
                #[derive(serde::Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Table {
                    action: Option<ListWord>,
                    schedule: Option<Spanned<String>>,
                }
                let Table { action, schedule } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ListUse { action, schedule })
            }
        }
        deserializer.deserialize_any(WordOrTable)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Networks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address or a network in quotation marks, or several in brackets")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Networks, E> {
                text.parse().map(|network| Networks(vec![network])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Networks, A::Error> {
                let mut networks = Vec::new();
                while let Some(network) = elements.next_element()? {
                    networks.push(network);
                }
                Ok(Networks(networks))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}
