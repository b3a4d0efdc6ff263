//! One message, read: what the sender says of itself.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::{Name, RData, Record};

use crate::device::fact::usable_name;

/// Records of a message that are looked at.
const RECORDS_BOUND: usize = 256;
/// Types of services of one device.
pub(super) const SERVICES_BOUND: usize = 32;
/// Characters of a type: an underscore and 15 (RFC 6763 §7), dot, `_tcp`.
const LONGEST_SERVICE: usize = 32;
/// Services whose instances are called as people called the device. Of others it is a number or an address.
const NAMED_BY_PEOPLE: [&str; 7] = [
    "_airplay._tcp",
    "_androidtvremote2._tcp",
    "_companion-link._tcp",
    "_ipp._tcp",
    "_ipps._tcp",
    "_printer._tcp",
    "_smb._tcp",
];

/// What a sender says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Its name on the link, without `.local`.
    pub(super) host: String,
    /// What people call it, where it tells.
    pub(super) name: Option<String>,
    /// Types of services, as in `_airplay._tcp`.
    pub(super) services: Vec<String>,
    /// What model it is.
    pub(super) model: Option<String>,
    /// Whether it says goodbye (RFC 6762 §10.1).
    pub(super) gone: bool,
}

/// What `sender` says of itself in `message`. Nothing where it does not say, now or before (then it is `known` by that
/// name), that a name has its address: whoever answers for others is not believed.
pub(super) fn read(message: &[u8], sender: IpAddr, known: Option<&str>) -> Option<Said> {
    let message = Message::from_vec(message).ok()?;
    let about = &message.metadata;
    if about.message_type != MessageType::Response || about.op_code != OpCode::Query {
        return None;
    }
    let records = || message.answers.iter().chain(&message.additionals).take(RECORDS_BOUND);
    let mut own = records().filter(|record| record.data.ip_addr() == Some(sender)).filter_map(|record| {
        let host = host_in(&record.name)?;
        Some((host, record.ttl == 0))
    });
    let (host, gone) = own.next().or_else(|| known.map(|host| (host.to_owned(), false)))?;
    let mut said = Said { host, gone, ..Said::default() };
    let mut instances: Vec<&Name> = Vec::new();
    for record in records().filter(|record| record.ttl > 0) {
        match &record.data {
            RData::SRV(place) if host_in(&place.target).is_some_and(|host| host.eq_ignore_ascii_case(&said.host)) => {
                if let Some(service) = service_in(record.name.iter().skip(1)) {
                    said.offer(service);
                    instances.push(&record.name);
                }
            }
            // RFC 6763 §9: the sender lists what it offers.
            RData::PTR(service) if is_list_of_services(&record.name) => {
                service_in(service.0.iter()).into_iter().for_each(|service| said.offer(service));
            }
            _ => {}
        }
    }
    for instance in &instances {
        said.name_by(instance);
    }
    records().filter(|record| record.ttl > 0).for_each(|record| said.describe_by(record, &instances));
    Some(said)
}

impl Said {
    fn offer(&mut self, service: String) {
        if self.services.len() < SERVICES_BOUND && !self.services.contains(&service) {
            self.services.push(service);
        }
    }

    fn name_by(&mut self, instance: &Name) {
        let mut labels = instance.iter();
        let label = labels.next().map(String::from_utf8_lossy);
        if self.name.is_none() && service_in(labels).is_some_and(|service| NAMED_BY_PEOPLE.contains(&&*service)) {
            self.name = label.and_then(|label| usable_name(&label));
        }
    }

    /// Reads what a TXT record says of an instance: `fn` is what a Chromecast is called, the others are models.
    fn describe_by(&mut self, record: &Record, instances: &[&Name]) {
        let RData::TXT(text) = &record.data else { return };
        let is_about = |instance: &&Name| {
            let info = service_in(record.name.iter().skip(1)).is_some_and(|service| service == "_device-info._tcp");
            **instance == record.name || (info && instance.iter().next() == record.name.iter().next())
        };
        if !instances.iter().any(is_about) {
            return;
        }
        for pair in &text.txt_data {
            let pair = String::from_utf8_lossy(pair);
            let Some((key, value)) = pair.split_once('=') else { continue };
            match key.to_ascii_lowercase().as_str() {
                "fn" => self.name = usable_name(value).or_else(|| self.name.take()),
                "model" | "md" | "ty" | "am" if self.model.is_none() => self.model = usable_name(value),
                _ => {}
            }
        }
    }
}

/// The label in front of `local`, if that is all there is.
fn host_in(name: &Name) -> Option<String> {
    let mut labels = name.iter();
    let (host, local) = (labels.next()?, labels.next()?);
    (labels.next().is_none() && local.eq_ignore_ascii_case(b"local"))
        .then(|| usable_name(&String::from_utf8_lossy(host)))?
}

/// `_type._tcp` out of `_type._tcp.local`.
fn service_in<'a>(mut labels: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let (kind, protocol, local) = (labels.next()?, labels.next()?, labels.next()?);
    if labels.next().is_some() || !local.eq_ignore_ascii_case(b"local") || kind.first() != Some(&b'_') {
        return None;
    }
    let service = [kind, protocol].map(|label| String::from_utf8_lossy(label).to_ascii_lowercase()).join(".");
    let is_plain = service.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"_-.".contains(&octet));
    (is_plain && service.len() <= LONGEST_SERVICE).then_some(service)
}

fn is_list_of_services(name: &Name) -> bool {
    service_in(name.iter().skip(1)).is_some_and(|rest| rest == "_dns-sd._udp")
        && name.iter().next().is_some_and(|label| label.eq_ignore_ascii_case(b"_services"))
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{A, PTR, SRV, TXT};

    use super::*;

    const TV: [u8; 4] = [192, 168, 1, 7];

    fn name(text: &str) -> Name {
        let labels: Vec<&[u8]> = text.split('/').map(str::as_bytes).collect();
        Name::from_labels(labels).unwrap()
    }

    fn message(records: Vec<(&str, u32, RData)>) -> Vec<u8> {
        let mut message = Message::response(0, OpCode::Query);
        for (owner, ttl, data) in records {
            message.answers.push(Record::from_rdata(name(owner), ttl, data));
        }
        message.to_vec().unwrap()
    }

    fn srv(target: &str) -> RData {
        RData::SRV(SRV::new(0, 0, 7000, name(target)))
    }

    fn announcement(address: [u8; 4]) -> Vec<u8> {
        message(vec![
            ("_services/_dns-sd/_udp/local", 4500, RData::PTR(PTR(name("_raop/_tcp/local")))),
            ("Living Room/_airplay/_tcp/local", 4500, srv("TV-2/local")),
            (
                "Living Room/_airplay/_tcp/local",
                4500,
                RData::TXT(TXT::new(vec!["model=AppleTV6,2".into(), "x".into()])),
            ),
            ("Kitchen/_ipp/_tcp/local", 4500, srv("printer/local")),
            ("TV-2/local", 120, RData::A(A(address.into()))),
        ])
    }

    #[test]
    fn a_device_is_believed_about_itself_and_nobody_else() {
        let said = read(&announcement(TV), TV.into(), None).unwrap();
        assert_eq!(
            said,
            Said {
                host: "TV-2".into(),
                name: Some("Living Room".into()),
                services: vec!["_raop._tcp".into(), "_airplay._tcp".into()],
                model: Some("AppleTV6,2".into()),
                gone: false,
            }
        );
        // The address is another's, so all of it is.
        assert_eq!(read(&announcement([192, 168, 1, 8]), TV.into(), None), None);
    }

    #[test]
    fn who_is_known_may_tell_more_later_and_say_goodbye() {
        let more = message(vec![
            ("x/_googlecast/_tcp/local", 120, srv("tv-2/local")),
            ("x/_googlecast/_tcp/local", 120, RData::TXT(TXT::new(vec!["fn=Den".into(), "md=Chromecast".into()]))),
        ]);
        assert_eq!(read(&more, TV.into(), None), None);
        let said = read(&more, TV.into(), Some("TV-2")).unwrap();
        assert_eq!((said.name.as_deref(), said.model.as_deref()), (Some("Den"), Some("Chromecast")));
        let goodbye = message(vec![("TV-2/local", 0, RData::A(A(TV.into())))]);
        assert!(read(&goodbye, TV.into(), None).unwrap().gone);
    }

    #[test]
    fn names_are_cleaned_and_services_are_words() {
        let hostile = message(vec![
            ("a\nb/local", 120, RData::A(A(TV.into()))),
            ("TV/local", 120, RData::A(A(TV.into()))),
            ("<b>x</b>/_air play<>/_tcp/local", 120, srv("TV/local")),
            ("a\u{7}b/_smb/_tcp/local", 120, srv("TV/local")),
        ]);
        let said = read(&hostile, TV.into(), None).unwrap();
        assert_eq!((said.host.as_str(), said.name), ("TV", None));
        assert_eq!(said.services, ["_smb._tcp"]);
    }

    #[test]
    fn rfc6762_10_2_the_bit_that_flushes_caches_is_no_part_of_the_class() {
        let mut packet = message(vec![("TV/local", 120, RData::A(A(TV.into())))]);
        let class = packet.len() - 4 - 2 - 4 - 2;
        assert_eq!(packet[class..class + 2], [0, 1]);
        packet[class] = 0x80;
        assert_eq!(read(&packet, TV.into(), None).unwrap().host, "TV");
    }

    #[test]
    fn a_question_says_nothing() {
        assert_eq!(read(&super::super::question(), TV.into(), Some("TV")), None);
    }

    proptest::proptest! {
        #[test]
        fn no_message_makes_the_reader_fall(tail in proptest::collection::vec(0_u8..=255, 0..400), place in 0_usize..200) {
            read(&tail, TV.into(), Some("x"));
            let mut packet = announcement(TV);
            let len = packet.len();
            packet.splice(place.min(len)..(place + tail.len()).min(len), tail);
            if let Some(said) = read(&packet, TV.into(), None) {
                proptest::prop_assert!(said.services.len() <= SERVICES_BOUND && said.host.chars().count() <= 64);
            }
        }
    }
}
