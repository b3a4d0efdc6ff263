//! What a device probably is and who made it, from what it gives away: its maker, what it is called, the services it offers
//! and whom it calls. Only a guess, and shown with its grounds; nothing is decided by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::Device;

/// The table, which people can read and mend.
const TABLE: &str = include_str!("guess/kinds.toml");
/// Points from which on a kind is worth a guess.
const ENOUGH: u32 = 2;
/// Grounds that are told; the weightiest first.
const GROUNDS_BOUND: usize = 5;

/// What a device probably is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Guess {
    /// What kind of thing, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Who made it, by the name people know, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Why, the weightiest first.
    pub grounds: Vec<Ground>,
}

/// A kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Kind {
    Phone,
    Tablet,
    Computer,
    Tv,
    Console,
    Speaker,
    Printer,
    Camera,
    Vacuum,
    Light,
    Hub,
    Appliance,
    Storage,
    Router,
    Watch,
}

/// Something that speaks for a guess.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[schema(as = GuessGround)]
pub struct Ground {
    /// What gives it away.
    pub what: Clue,
    /// What that says: a service, a name, a model, a maker, a product.
    pub text: String,
}

/// What gives a device away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GuessClue)]
pub enum Clue {
    /// The model that it names.
    Model,
    /// What it is called.
    Name,
    /// A service that it offers.
    Service,
    /// The maker of its hardware address.
    Maker,
    /// The names it asks for.
    Asks,
}

/// Guesses what `device` is. `asked` are vendor and product of the catalogue of what it asked for.
pub fn guess<'a>(device: &Device, asked: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Guess> {
    let mut scales = Scales::default();
    let table = &*ROWS;
    if let Some(maker) = device.maker.as_deref() {
        scales.weigh(
            Clue::Maker,
            maker,
            table.maker.iter().find(|row| begins(maker, &row.begins)).map(|row| &row.says),
        );
    }
    // What it was called by hand says as much as what it calls itself.
    let names: BTreeSet<&str> =
        device.facts.iter().filter_map(|fact| fact.name.as_deref()).chain([&*device.name]).collect();
    for name in names {
        let rows = table.name.iter().filter(|row| has_word(name, &row.word));
        scales.weigh(Clue::Name, name, rows.map(|row| &row.says));
    }
    let services: BTreeSet<&str> = device.facts.iter().flat_map(|fact| &fact.services).map(String::as_str).collect();
    for service in services {
        scales.weigh(
            Clue::Service,
            service,
            table.service.iter().filter(|row| row.r#type == service).map(|row| &row.says),
        );
    }
    let models: BTreeSet<&str> = device.facts.iter().filter_map(|fact| fact.model.as_deref()).collect();
    for model in models {
        scales.weigh(
            Clue::Model,
            model,
            table.model.iter().find(|row| begins(model, &row.begins)).map(|row| &row.says),
        );
    }
    for (vendor, product) in asked {
        let is_meant =
            |row: &&Asks| row.vendor == vendor && row.product.as_deref().is_none_or(|meant| meant == product);
        let row = table.asks.iter().find(is_meant);
        let text = row.map_or(product, |row| row.product.as_deref().unwrap_or(vendor));
        scales.weigh(Clue::Asks, text, row.map(|row| &row.says));
    }
    scales.tip()
}

/// How much speaks for what.
#[derive(Default)]
struct Scales<'a> {
    kinds: BTreeMap<Kind, u32>,
    vendors: BTreeMap<&'a str, u32>,
    /// What each ground speaks for. A set: who asks for one thing through twenty names says it once.
    grounds: BTreeSet<(Ground, &'a Says)>,
}

impl<'a> Scales<'a> {
    fn weigh(&mut self, what: Clue, text: &str, rows: impl IntoIterator<Item = &'a Says>) {
        for says in rows {
            if self.grounds.insert((Ground { what, text: text.to_owned() }, says)) {
                says.kind.into_iter().for_each(|kind| *self.kinds.entry(kind).or_default() += says.points);
                says.maker.iter().for_each(|maker| *self.vendors.entry(maker).or_default() += says.points);
            }
        }
    }

    fn tip(self) -> Option<Guess> {
        let kind = heaviest(self.kinds.iter().map(|(kind, points)| (*kind, *points)), ENOUGH);
        let vendor = heaviest(self.vendors.iter().map(|(vendor, points)| (*vendor, *points)), ENOUGH);
        if kind.is_none() && vendor.is_none() {
            return None;
        }
        let speaks = |says: &Says| {
            (kind.is_some() && says.kind == kind) || (vendor.is_some() && says.maker.as_deref() == vendor)
        };
        let mut grounds: Vec<(u32, Ground)> = Vec::new();
        for (ground, says) in self.grounds.into_iter().filter(|(_, says)| speaks(says)) {
            match grounds.iter_mut().find(|(_, known)| *known == ground) {
                Some((points, _)) => *points = (*points).max(says.points),
                None => grounds.push((says.points, ground)),
            }
        }
        grounds.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.cmp(y)));
        let grounds = grounds.into_iter().take(GROUNDS_BOUND).map(|(_, ground)| ground).collect();
        Some(Guess { kind, vendor: vendor.map(str::to_owned), grounds })
    }
}

/// The one with the most points, if it has `enough` and no other has as many.
fn heaviest<T>(weighed: impl Iterator<Item = (T, u32)>, enough: u32) -> Option<T> {
    let mut weighed: Vec<(T, u32)> = weighed.collect();
    weighed.sort_by_key(|(_, points)| std::cmp::Reverse(*points));
    let second = weighed.get(1).map_or(0, |(_, points)| *points);
    weighed.into_iter().next().filter(|(_, points)| *points >= enough && *points > second).map(|(thing, _)| thing)
}

fn begins(text: &str, begin: &str) -> bool {
    text.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin))
}

/// Whether `word` stands in `name` by itself, digits aside: `galaxy-s21` and `PS5-123`, and not the `tv` of `Latvia`.
fn has_word(name: &str, word: &str) -> bool {
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| {
        part.eq_ignore_ascii_case(word)
            || part.trim_end_matches(|digit: char| digit.is_ascii_digit()).eq_ignore_ascii_case(word)
    })
}

static ROWS: LazyLock<Table> = LazyLock::new(|| toml::from_str(TABLE).unwrap_or_default());

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    service: Vec<Service>,
    model: Vec<Beginning>,
    name: Vec<Word>,
    maker: Vec<Beginning>,
    asks: Vec<Asks>,
}

#[derive(Deserialize)]
struct Service {
    r#type: String,
    #[serde(flatten)]
    says: Says,
}

#[derive(Deserialize)]
struct Beginning {
    begins: String,
    #[serde(flatten)]
    says: Says,
}

#[derive(Deserialize)]
struct Word {
    word: String,
    #[serde(flatten)]
    says: Says,
}

#[derive(Deserialize)]
struct Asks {
    vendor: String,
    product: Option<String>,
    #[serde(flatten)]
    says: Says,
}

/// What a row says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Says {
    kind: Option<Kind>,
    maker: Option<String>,
    points: u32,
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::device::{Fact, Source};
    use crate::time::Timestamp;

    fn device(maker: Option<&str>, names: &[&str], services: &[&str], model: Option<&str>) -> Device {
        let address = IpAddr::from([192, 168, 1, 7]);
        let fact = |name: Option<&str>| Fact {
            name: name.map(str::to_owned),
            services: services.iter().map(ToString::to_string).collect(),
            model: model.map(str::to_owned),
            ..Fact::of(address, Source::Mdns, Timestamp::default())
        };
        let facts = names.iter().map(|name| fact(Some(name))).chain([fact(None)]).collect();
        Device { maker: maker.map(Into::into), facts, ..Device::unknown(address) }
    }

    fn guessed(device: &Device, asked: &[(&str, &str)]) -> (Option<Kind>, Option<String>) {
        guess(device, asked.iter().copied()).map_or((None, None), |guess| (guess.kind, guess.vendor))
    }

    #[test]
    fn the_table_can_be_read_and_speaks_of_the_catalogue() {
        let table: Table = toml::from_str(TABLE).unwrap();
        assert!(table.service.len() > 20 && table.name.len() > 40 && table.maker.len() > 40);
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
        let mut catalogue = String::new();
        for file in std::fs::read_dir(directory).unwrap() {
            catalogue.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
        let has = |key: &str, value: &str| {
            let wanted = format!("\"{value}\"");
            catalogue.lines().any(|line| line.starts_with(key) && line.contains(&wanted))
        };
        for row in &table.asks {
            assert!(has("vendor", &row.vendor), "{}", row.vendor);
            assert!(row.product.as_deref().is_none_or(|product| has("name", product)), "{:?}", row.product);
        }
    }

    #[test]
    fn what_gives_a_device_away_is_weighed() {
        let samsung = [("Samsung", "Samsung TV platform"), ("Samsung", "Samsung TV statistics")];
        let nothing: &[(&str, &str)] = &[];
        for (device, asked, kind, vendor) in [
            (
                device(Some("Samsung Electronics Co.,Ltd"), &[], &["_airplay._tcp"], None),
                &samsung[..],
                Some(Kind::Tv),
                Some("Samsung"),
            ),
            (device(None, &["Galaxy-S21"], &[], None), nothing, Some(Kind::Phone), Some("Samsung")),
            (
                device(None, &["roborock-vacuum-s5"], &["_miio._udp"], None),
                nothing,
                Some(Kind::Vacuum),
                Some("Roborock"),
            ),
            (
                device(Some("Sonos, Inc."), &[], &["_sonos._tcp", "_spotify-connect._tcp"], None),
                nothing,
                Some(Kind::Speaker),
                Some("Sonos"),
            ),
            (
                device(None, &[], &["_airplay._tcp", "_raop._tcp"], Some("AppleTV6,2")),
                nothing,
                Some(Kind::Tv),
                Some("Apple"),
            ),
            (
                device(None, &["DESKTOP-4F2K"], &[], None),
                &[("Microsoft", "Windows telemetry")],
                Some(Kind::Computer),
                None,
            ),
            (device(None, &["HP LaserJet 400"], &["_ipp._tcp"], None), nothing, Some(Kind::Printer), Some("HP")),
            (device(None, &["PS5-123"], &[], None), nothing, Some(Kind::Console), Some("Sony")),
            (device(Some("Nintendo Co.,Ltd"), &[], &[], None), nothing, Some(Kind::Console), Some("Nintendo")),
            (device(None, &["tapo-camera"], &["_rtsp._tcp"], None), nothing, Some(Kind::Camera), None),
            // A maker alone says nothing of the kind, and a lone hint nothing at all.
            (device(Some("Apple, Inc."), &[], &[], None), nothing, None, Some("Apple")),
            (device(None, &["Latvia"], &["_airplay._tcp"], None), nothing, None, None),
            // As much for the one as for the other.
            (device(None, &["tv laptop"], &[], None), nothing, None, None),
        ] {
            assert_eq!(guessed(&device, asked), (kind, vendor.map(str::to_owned)), "{:?}", device.facts);
        }
    }

    #[test]
    fn the_grounds_are_told_with_the_weightiest_first_and_each_once() {
        let tv = device(Some("Samsung Electronics Co.,Ltd"), &["living-room"], &["_airplay._tcp"], None);
        let asked = [("Samsung", "Samsung TV platform"), ("Samsung", "Samsung TV platform"), ("Google", "Google Play")];
        let found = guess(&tv, asked).unwrap();
        let told: Vec<(Clue, &str)> = found.grounds.iter().map(|ground| (ground.what, ground.text.as_str())).collect();
        let expected = [
            (Clue::Asks, "Samsung TV platform"),
            (Clue::Maker, "Samsung Electronics Co.,Ltd"),
            (Clue::Service, "_airplay._tcp"),
        ];
        assert_eq!(told, expected);
    }
}
