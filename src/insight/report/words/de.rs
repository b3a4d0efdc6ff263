//! The report in German.

use super::{Sums, Words};
use crate::insight::Language;

pub(super) static WORDS: Words = Words {
    report: "Bericht",
    period: |from, to, offset| format!("Vom {from} bis zum {to} (UTC{offset})."),
    summary,
    device: "Das Gerät",
    mac: "Hardware-Adresse",
    maker: "Hersteller",
    addresses: "Adressen",
    profile: "Profil",
    first_seen: "Zuerst gesehen",
    last_seen: "Zuletzt gesehen",
    unknown: "nicht bekannt",
    hears: "Wer von ihm hört",
    hears_none: "Nichts, wonach es fragte, ist als Telemetrie bekannt.",
    hearer: "Hersteller, Produkt, Name",
    purpose: "Wofür",
    asked: "gefragt",
    muted: "stumm",
    sends: "Sendet",
    breaks: "Wenn stumm",
    hours: "Wann es nach Telemetrie fragt",
    hours_note: "Fragen nach Wochentag und Stunde; die grau hinterlegten Stunden sind die Nacht.",
    compared: "Im Vergleich zu vorher",
    before: |from, to, asked| match asked {
        0 => format!("Vorher: {from} bis {to}. Da hat es nichts gefragt."),
        1 => format!("Vorher: {from} bis {to}. Insgesamt 1 Frage."),
        n => format!("Vorher: {from} bis {to}. Insgesamt {} Fragen.", number(n)),
    },
    then: "vorher",
    now: "jetzt",
    new_names: "Neue Namen",
    through: "Durchgelassen, obwohl als Telemetrie bekannt",
    through_none: "Nichts von dem, was bekannt ist, bekam eine Antwort.",
    name: "Name",
    answered: "beantwortet",
    firsts: "Zum ersten Mal gefragt",
    firsts_none: "Nichts Neues.",
    when: "Wann",
    lists: "Aktive Listen",
    list: "Liste",
    does: "Was sie tut",
    blocks: "schaltet stumm",
    watches: "beobachtet",
    allows: "erlaubt",
    names: "Namen",
    as_of: "Stand",
    own_file: "eine Datei im Haus",
    blind: "Was DNS nicht sieht",
    blind_spots: [
        "Nur Namen: was dorthin geschickt wurde, wie viel und in welchen Worten, bleibt unbekannt.",
        "Dass nach einem Namen gefragt wurde, beweist nicht, dass etwas geschickt wurde; ein Gerät kann fragen und sich dann nicht verbinden.",
        "Geräte merken sich Antworten eine Weile, eine Frage kann also für viele Verbindungen stehen.",
        "Was ein Gerät erreicht, ohne hier zu fragen, fehlt: eingebaute Adressen, ein anderer DNS-Server, Mobilfunk, ein anderes Netz.",
        "Wer hinter einem Namen steht, sagen die Unterlagen der Hersteller und die Quellen des Katalogs; ein Name kann mehreren Zwecken dienen.",
        "Telemetrie, die an denselben Namen geht wie etwas Nützliches, sieht auch so aus.",
    ],
    written: |version, when| format!("Geschrieben von sordino {version}, {when}."),
    purposes: [
        ("analytics", "Analyse"),
        ("ads", "Werbung"),
        ("crash", "Absturzberichte"),
        ("config", "Ferneinstellungen"),
        ("cloud", "Cloud-Dienst"),
        ("update", "Aktualisierungen"),
        ("push", "Push-Nachrichten"),
        ("account", "Konto"),
        ("location", "Standort"),
        ("browser", "Browser"),
        ("voice", "Sprache"),
        ("tv-acr", "TV-Bilderkennung"),
        ("other", "anderes"),
    ],
};

fn summary(sums: &Sums) -> String {
    let times = match sums.asked {
        0 => return "Es hat nichts gefragt.".to_owned(),
        1 => "einmal".to_owned(),
        // No line breaks at this hyphen.
        n => format!("{}\u{2011}mal", number(n)),
    };
    let known = match sums.telemetry {
        0 => return format!("Es hat {times} gefragt; nichts davon ist als Telemetrie bekannt."),
        1 => "1 Frage an 1 Hersteller ist".to_owned(),
        n => format!("{} Fragen an {} Hersteller sind", number(n), sums.makers),
    };
    let muted = match sums.muted {
        0 => "keine wurde stummgeschaltet".to_owned(),
        1 => "1 wurde stummgeschaltet".to_owned(),
        n => format!("{} wurden stummgeschaltet", number(n)),
    };
    let night = match sums.at_night {
        0 => "keine fiel".to_owned(),
        1 => "1 fiel".to_owned(),
        n => format!("{} fielen", number(n)),
    };
    format!(
        "Es hat {times} gefragt. {known} als Telemetrie bekannt; {muted}, {night} zwischen Mitternacht und sechs Uhr."
    )
}

fn number(n: u64) -> String {
    Language::German.number(n)
}
