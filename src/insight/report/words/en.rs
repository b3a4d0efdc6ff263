//! The report in English.

use super::{Sums, Words};
use crate::insight::Language;

pub(super) static WORDS: Words = Words {
    report: "Report",
    period: |from, to, offset| format!("From {from} to {to} (UTC{offset})."),
    summary,
    device: "The device",
    mac: "Hardware address",
    maker: "Maker",
    addresses: "Addresses",
    profile: "Profile",
    first_seen: "First seen",
    last_seen: "Last seen",
    unknown: "not known",
    hears: "Who hears from it",
    hears_none: "Nothing it asked for is known as telemetry.",
    hearer: "Maker, product, name",
    purpose: "For",
    asked: "asked",
    muted: "muted",
    sends: "Sends",
    breaks: "When muted",
    hours: "When it asks for telemetry",
    hours_note: "Questions by weekday and hour; the shaded hours are the night.",
    compared: "Compared with before",
    before: |from, to, asked| match asked {
        0 => format!("Before: {from} to {to}. It asked nothing then."),
        1 => format!("Before: {from} to {to}. 1 question in all."),
        n => format!("Before: {from} to {to}. {} questions in all.", number(n)),
    },
    then: "before",
    now: "now",
    new_names: "New names",
    through: "Let through, although it is known as telemetry",
    through_none: "Nothing of what is known got an answer.",
    name: "Name",
    answered: "answered",
    firsts: "Asked for the first time",
    firsts_none: "Nothing new.",
    when: "When",
    lists: "Lists in force",
    list: "List",
    does: "What it does",
    blocks: "mutes",
    watches: "watches",
    allows: "allows",
    names: "Names",
    as_of: "As of",
    own_file: "a file of the house",
    blind: "What DNS cannot see",
    blind_spots: [
        "Names only: what was sent to them, how much, and in which words, stays unknown.",
        "A name that was asked for is no proof that anything was sent; a device may ask and then not connect.",
        "Answers are kept by devices for a while, so one question may stand for many connections.",
        "What a device reaches without asking here is not in it: addresses built in, another DNS server, mobile data, another network.",
        "Who stands behind a name is what the makers’ own papers and the sources of the catalogue say; a name may serve several purposes.",
        "Telemetry that goes to the same name as something useful looks like that.",
    ],
    written: |version, when| format!("Written by sordino {version}, {when}."),
    purposes: [
        ("analytics", "analytics"),
        ("ads", "advertising"),
        ("crash", "crash reports"),
        ("config", "remote settings"),
        ("cloud", "cloud service"),
        ("update", "updates"),
        ("push", "push messages"),
        ("account", "account"),
        ("location", "location"),
        ("browser", "browser"),
        ("voice", "voice"),
        ("tv-acr", "recognising what is on TV"),
        ("other", "other"),
    ],
};

fn summary(sums: &Sums) -> String {
    let times = match sums.asked {
        0 => return "It asked nothing.".to_owned(),
        1 => "once".to_owned(),
        n => format!("{} times", number(n)),
    };
    let known = match sums.telemetry {
        0 => return format!("It asked {times}; nothing of it is known as telemetry."),
        1 => "1 question, for 1 maker, is".to_owned(),
        n if sums.makers == 1 => format!("{} questions, for 1 maker, are", number(n)),
        n => format!("{} questions, for {} makers, are", number(n), sums.makers),
    };
    let muted = match sums.muted {
        0 => "none was muted".to_owned(),
        1 => "1 was muted".to_owned(),
        n => format!("{} were muted", number(n)),
    };
    let night = match sums.at_night {
        0 => "none".to_owned(),
        n => number(n),
    };
    format!("It asked {times}. {known} known as telemetry; {muted}, {night} fell between midnight and six.")
}

fn number(n: u64) -> String {
    Language::English.number(n)
}
