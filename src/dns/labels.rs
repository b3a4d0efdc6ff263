//! What devices call themselves, in the path of a URL or in front of our name in TLS: who set up `…/dns-query/phone` on a
//! phone wants it known wherever it asks from. It is a convenience and no proof of anything.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::counters::Counters;
use crate::device::{Device, Devices};
use crate::policy::DeviceId;

/// What a device calls itself: a label as in host names (RFC 1123 §2.1), in small letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DeviceLabel(Arc<str>);

/// The labels of devices that the configuration does not know. Strangers may make up any number of them, so only the
/// first are believed.
#[derive(Debug)]
pub(crate) struct Labels {
    met: Mutex<HashSet<DeviceLabel>>,
    bound: usize,
}

impl DeviceLabel {
    /// Reads a label; none if it is not well-formed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        let well_formed =
            (1..=63).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-');
        well_formed.then(|| Self(text.to_ascii_lowercase().into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Labels {
    pub(crate) fn new(bound: usize) -> Self {
        Self { met: Mutex::default(), bound }
    }

    /// The device that calls itself so: the one that the configuration gives this `id` or this very name, else one of which
    /// only this is known; none if there are too many of those.
    pub(crate) fn device(&self, label: &DeviceLabel, devices: &Devices, counters: &Counters) -> Option<Arc<Device>> {
        let id = DeviceId::Named(label.0.clone());
        if let Some(device) = devices.labelled(label.as_str()).or_else(|| devices.find(&id)) {
            return Some(device.clone());
        }
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !met.contains(label) {
            if met.len() >= self.bound {
                counters.device_labels.add_one();
                return None;
            }
            met.insert(label.clone());
        }
        Some(Arc::new(Device { name: label.as_str().to_owned(), ..Device::known_as(id) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_of_host_names() {
        for (text, read) in [
            ("phone", Some("phone")),
            ("Annas-TV2", Some("annas-tv2")),
            ("", None),
            ("-a", None),
            ("a-", None),
            ("a.b", None),
            ("a/b", None),
            ("<b>", None),
            ("ä", None),
            (&"a".repeat(64), None),
        ] {
            assert_eq!(DeviceLabel::parse(text).as_ref().map(DeviceLabel::as_str), read, "{text}");
        }
    }

    #[test]
    fn only_so_many_strangers_are_believed() {
        let (labels, counters, devices) = (Labels::new(2), Counters::default(), Devices::default());
        let name = |text: &str| {
            let label = DeviceLabel::parse(text).unwrap();
            labels.device(&label, &devices, &counters).map(|device| device.id.to_string())
        };
        assert_eq!(name("a").as_deref(), Some("name-a"));
        assert_eq!(name("b").as_deref(), Some("name-b"));
        assert_eq!(name("c"), None);
        assert_eq!(name("a").as_deref(), Some("name-a"), "who is known stays known");
        assert!(counters.read().contains(&("device_labels", 1)));
    }
}
