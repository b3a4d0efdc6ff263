//! What is told, in the form each receiver wants it in.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::device::{Device, Guess, guess};
use crate::policy::{DeviceId, MacAddr};
use crate::time::Timestamp;

/// Addresses of a device that are told.
const ADDRESSES_BOUND: usize = 8;

/// Something that happened. As JSON it is what a webhook and a broker get.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Message {
    /// What happened: `new_device`.
    event: &'static str,
    /// When that was found, milliseconds since the epoch.
    pub(super) at: Timestamp,
    /// The same in a sentence.
    pub(super) text: String,
    device: About,
}

/// The device that it is about.
#[derive(Clone, Debug, Serialize)]
struct About {
    id: DeviceId,
    name: String,
    addresses: Vec<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<MacAddr>,
    /// Whether that is a made-up one.
    random_mac: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    maker: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guess: Option<Guess>,
}

impl Message {
    /// That `device` is here for the first time.
    pub(super) fn new_device(device: &Device, now: Timestamp) -> Self {
        let random_mac = device.mac.is_some_and(MacAddr::is_random);
        let by = match (&device.maker, device.addresses.first()) {
            (Some(maker), Some(address)) => format!(" ({maker}, {address})"),
            (Some(maker), None) => format!(" ({maker})"),
            (None, Some(address)) if address.to_string() != device.name => format!(" ({address})"),
            _ => String::new(),
        };
        let text = format!("A new device asks for names: {}{by}.", device.name);
        let about = About {
            id: device.id.clone(),
            name: device.name.clone(),
            addresses: device.addresses.iter().take(ADDRESSES_BOUND).copied().collect(),
            mac: device.mac,
            random_mac,
            maker: device.maker.clone(),
            guess: guess(device, []),
        };
        Self { event: "new_device", at: now, text, device: about }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_gets_all_that_is_known_and_people_get_a_sentence() {
        let address = IpAddr::from([192, 168, 1, 9]);
        let mac: MacAddr = "3c:5a:b4:01:02:03".parse().unwrap();
        let phone = Device {
            id: DeviceId::Mac(mac),
            mac: Some(mac),
            name: "Galaxy-S21".into(),
            maker: Some("Samsung".into()),
            ..Device::unknown(address)
        };
        let message = Message::new_device(&phone, Timestamp::from_millis(7));
        assert_eq!(message.text, "A new device asks for names: Galaxy-S21 (Samsung, 192.168.1.9).");
        let json = serde_json::to_value(&message).unwrap();
        assert_eq!((&json["event"], &json["at"]), (&"new_device".into(), &7.into()));
        assert_eq!(json["device"]["id"], "mac-3c:5a:b4:01:02:03");
        assert_eq!(json["device"]["addresses"], serde_json::json!(["192.168.1.9"]));
        assert_eq!((&json["device"]["guess"]["kind"], &json["device"]["random_mac"]), (&"phone".into(), &false.into()));
        let stranger = Message::new_device(&Device::unknown(address), Timestamp::default());
        assert_eq!(stranger.text, "A new device asks for names: 192.168.1.9.");
    }
}
