//! Who asks, as far as rules care.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::Name;

/// Which device, in a form that means the same after a restart.
///
/// In text: `mac-3c:5a:b4:01:02:03`, `ip-192.168.1.7`, `name-phone`. No table is needed to read one, so a tally that
/// outlives its device still says whose it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceId {
    /// Known by its hardware address, whatever IP addresses it uses.
    Mac(MacAddr),
    /// Known by one address only.
    Address(IpAddr),
    /// Named in the configuration by address or network, without a MAC.
    Named(Arc<str>),
}

/// A hardware address (EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Whether a phone made it up for privacy: the locally administered bit is set (IEEE 802-2014 §8.2.2).
    pub const fn is_random(self) -> bool {
        self.0[0] & 0b10 != 0
    }
}

/// Which profile, by its place in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(pub u8);

/// Whoever asks the question that is being judged.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Which device.
    pub device: &'a DeviceId,
    /// Identities that count as this device too: what is for one of them is for it.
    pub joined: &'a [DeviceId],
    /// Which lists apply to it.
    pub profile: ProfileId,
    /// The address the query came from, for `$client` by address or network.
    pub address: IpAddr,
    /// The device's name, for `$client` by name.
    pub name: &'a str,
    /// The device's tags, for `$ctag`.
    pub tags: &'a [String],
}

/// A text that is neither a device identity nor a hardware address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not {1}")]
pub struct NotAnIdentity(String, &'static str);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "mac-{mac}"),
            Self::Address(address) => write!(f, "ip-{address}"),
            Self::Named(name) => write!(f, "name-{name}"),
        }
    }
}

impl FromStr for DeviceId {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let refuse = || NotAnIdentity(text.into(), "a device: it begins with mac-, ip- or name-");
        match text.split_once('-').ok_or_else(refuse)? {
            ("mac", mac) => mac.parse().map(Self::Mac),
            ("ip", address) => address.parse().map(Self::Address).map_err(|_| refuse()),
            ("name", name) if !name.is_empty() => Ok(Self::Named(name.into())),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MacAddr {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let refuse = || NotAnIdentity(text.into(), "a MAC address: it looks like 3c:5a:b4:01:02:03");
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(refuse)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| refuse())?;
        }
        if parts.next().is_some() { Err(refuse()) } else { Ok(Self(octets)) }
    }
}

/// Lets a type that reads and writes as text be a string in JSON and in the API's description.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                String::schema()
            }
        }

        impl utoipa::ToSchema for $type {}

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(DeviceId, MacAddr, Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_as_itself() {
        for text in ["mac-3c:5a:b4:01:02:03", "ip-192.168.1.7", "ip-fd00::7", "name-Anna's phone"] {
            assert_eq!(text.parse::<DeviceId>().unwrap().to_string(), text);
        }
        for text in ["", "phone", "mac-3c:5a", "ip-1.2.3", "name-", "mac-3c:5a:b4:01:02:03:04"] {
            assert!(text.parse::<DeviceId>().is_err(), "{text}");
        }
    }
}
