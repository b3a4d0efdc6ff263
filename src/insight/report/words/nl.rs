//! The report in Dutch.

use super::{Sums, Words};
use crate::insight::Language;

pub(super) static WORDS: Words = Words {
    report: "Rapport",
    period: |from, to, offset| format!("Van {from} tot {to} (UTC{offset})."),
    summary,
    device: "Het apparaat",
    mac: "Hardwareadres",
    maker: "Fabrikant",
    addresses: "Adressen",
    profile: "Profiel",
    first_seen: "Voor het eerst gezien",
    last_seen: "Laatst gezien",
    unknown: "niet bekend",
    hears: "Wie ervan hoort",
    hears_none: "Niets van wat het vroeg staat bekend als telemetrie.",
    hearer: "Fabrikant, product, naam",
    purpose: "Waarvoor",
    asked: "gevraagd",
    muted: "gedempt",
    sends: "Stuurt",
    breaks: "Als gedempt",
    hours: "Wanneer het naar telemetrie vraagt",
    hours_note: "Vragen per weekdag en uur; de grijze uren zijn de nacht.",
    compared: "Vergeleken met eerder",
    before: |from, to, asked| match asked {
        0 => format!("Eerder: {from} tot {to}. Toen vroeg het niets."),
        1 => format!("Eerder: {from} tot {to}. In totaal 1 vraag."),
        n => format!("Eerder: {from} tot {to}. In totaal {} vragen.", number(n)),
    },
    then: "eerder",
    now: "nu",
    new_names: "Nieuwe namen",
    through: "Doorgelaten, hoewel bekend als telemetrie",
    through_none: "Niets van wat bekend is kreeg een antwoord.",
    name: "Naam",
    answered: "beantwoord",
    firsts: "Voor het eerst gevraagd",
    firsts_none: "Niets nieuws.",
    when: "Wanneer",
    lists: "Actieve lijsten",
    list: "Lijst",
    does: "Wat hij doet",
    blocks: "dempt",
    watches: "volgt",
    allows: "staat toe",
    names: "Namen",
    as_of: "Stand",
    own_file: "een bestand in huis",
    blind: "Wat DNS niet ziet",
    blind_spots: [
        "Alleen namen: wat erheen gestuurd werd, hoeveel en in welke woorden, blijft onbekend.",
        "Dat naar een naam gevraagd werd, bewijst niet dat er iets verstuurd is; een apparaat kan vragen en dan geen verbinding maken.",
        "Apparaten onthouden antwoorden een tijdje, dus één vraag kan voor veel verbindingen staan.",
        "Wat een apparaat bereikt zonder hier te vragen ontbreekt: ingebouwde adressen, een andere DNS-server, mobiele data, een ander netwerk.",
        "Wie achter een naam zit, zeggen de documenten van fabrikanten en de bronnen van de catalogus; een naam kan meerdere doelen dienen.",
        "Telemetrie die naar dezelfde naam gaat als iets nuttigs, ziet er ook zo uit.",
    ],
    written: |version, when| format!("Geschreven door sordino {version}, {when}."),
    purposes: [
        ("analytics", "analyse"),
        ("ads", "reclame"),
        ("crash", "crashrapporten"),
        ("config", "instellingen op afstand"),
        ("cloud", "clouddienst"),
        ("update", "updates"),
        ("push", "pushberichten"),
        ("account", "account"),
        ("location", "locatie"),
        ("browser", "browser"),
        ("voice", "spraak"),
        ("tv-acr", "tv-beeldherkenning"),
        ("other", "anders"),
    ],
};

fn summary(sums: &Sums) -> String {
    let times = match sums.asked {
        0 => return "Het vroeg niets.".to_owned(),
        1 => "één keer".to_owned(),
        n => format!("{} keer", number(n)),
    };
    let known = match sums.telemetry {
        0 => return format!("Het vroeg {times} iets; niets daarvan staat bekend als telemetrie."),
        1 => "1 vraag, aan 1 fabrikant, staat".to_owned(),
        n if sums.makers == 1 => format!("{} vragen, aan 1 fabrikant, staan", number(n)),
        n => format!("{} vragen, aan {} fabrikanten, staan", number(n), sums.makers),
    };
    let muted = match sums.muted {
        0 => "geen werd gedempt".to_owned(),
        1 => "1 werd gedempt".to_owned(),
        n => format!("{} werden gedempt", number(n)),
    };
    let night = match sums.at_night {
        0 => "geen viel".to_owned(),
        1 => "1 viel".to_owned(),
        n => format!("{} vielen", number(n)),
    };
    format!("Het vroeg {times} iets. {known} bekend als telemetrie; {muted}, {night} tussen middernacht en zes uur.")
}

fn number(n: u64) -> String {
    Language::Dutch.number(n)
}
