use super::words::Words;
use super::*;
use crate::insight::{Counts, HourCounts, ProductExposure, VendorExposure};
use crate::policy::Verdict;

const HOSTILE: &str = "</title><script>alert(1)</script>\"'&\u{202e}\n=cmd";

fn name(text: &str, muted: u64, passed: u64) -> NameCounts {
    NameCounts {
        name: Name::parse(text).unwrap(),
        verdict: Verdict::Block,
        label: None,
        counts: Counts { muted, passed, ..Counts::default() },
        at_night: 1,
        last_hour: Timestamp::default(),
    }
}

fn report(device: &str) -> Report {
    let from = Timestamp::from_millis(1_795_219_200_000); // Sat 2026-11-21 00:00 UTC
    let names = vec![name("<img/src=x/onerror=alert(1)>.test", 4, 2)];
    let counts = names[0].counts;
    let product = ProductExposure { product: HOSTILE.into(), purpose: HOSTILE.into(), counts, names: names.clone() };
    let vendor = VendorExposure {
        vendor: HOSTILE.into(),
        about: HOSTILE.into(),
        regions: vec![HOSTILE.into()],
        counts,
        products: vec![product],
    };
    let hours = vec![HourCounts { hour: from, counts }];
    Report {
        made: from,
        version: "1",
        utc_offset_minutes: 60,
        language: Language::English,
        device: Subject {
            id: DeviceId::Address([10, 0, 0, 7].into()),
            name: device.into(),
            mac: None,
            maker: Some(HOSTILE.into()),
            addresses: vec!["10.0.0.7".into()],
            profile: HOSTILE.into(),
            first_seen: from,
            last_seen: from,
        },
        exposure: Exposure {
            from,
            to: from,
            totals: counts,
            at_night: 1,
            telemetry_hours: hours.clone(),
            hours,
            vendors: vec![vendor],
            unlabelled: vec![name("plain.test", 0, 3)],
        },
        compared: Comparison::default(),
        let_through: names,
        firsts: vec![FirstAsked { name: Name::parse("a\"b.test").unwrap(), first: from, label: None }],
        lists: vec![ListInForce { name: HOSTILE.into(), action: Action::Block, names: 3, fetched: None }],
        cannot_see: &Words::of(Language::English).blind_spots,
    }
}

#[test]
fn a_name_from_a_stranger_is_text_wherever_it_is_shown() {
    let page = html(&report(HOSTILE));
    for bad in ["<script", "<img", "onerror=alert(1)>", "alert(1)</", "\u{202e}", "\"'&\u{202e}"] {
        assert!(!page.contains(bad), "{bad:?} is in the page");
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("\\u202e"));
    // All tags are ours: as many as with a harmless name.
    let tags = |page: &str| page.matches('<').count();
    assert_eq!(tags(&page), tags(&html(&report("phone"))));
}

#[test]
fn the_page_says_its_period_its_lists_and_what_dns_cannot_see() {
    let page = html(&report("phone"));
    assert!(page.contains("From 21 Nov 2026, 01:00 to 21 Nov 2026, 01:00 (UTC+01:00)."), "{page}");
    assert!(page.contains("<h2>Lists in force</h2>"));
    for line in Words::of(Language::English).blind_spots {
        assert!(page.contains(line), "{line}");
    }
    assert!(page.contains("<tr><th>Sat<td class=night>0<td class=night>6"), "an hour lands where the reader is");
    assert!(!page.contains("http"), "it asks for nothing from anywhere");
}

#[test]
fn no_language_has_other_tags_than_the_others() {
    let tags = |language| {
        let page = html(&Report { language, ..report("phone") });
        let tags = page.split('<').skip(1).map(|tag| tag.split([' ', '>']).next().unwrap().to_owned());
        // What stays in English is in a span of its own.
        tags.filter(|tag| !tag.ends_with("span")).collect::<Vec<_>>()
    };
    assert_eq!(tags(Language::German), tags(Language::English));
    assert_eq!(tags(Language::Dutch), tags(Language::English));
}

#[test]
fn what_the_catalogue_says_is_told_in_the_language_and_marked_where_it_is_not() {
    let mut report = Report { language: Language::German, ..report("phone") };
    let vendor = &mut report.exposure.vendors[0];
    vendor.about = "A Chinese keyboard.".into();
    vendor.products[0].purpose = "tv-acr".into();
    vendor.products[0].product = "MiStat".into();
    let page = html(&report);
    assert!(page.contains("<br>Eine chinesische Tastatur.</span>"), "{page}");
    assert!(page.contains("<bdi>MiStat</bdi>"), "{page}");
    assert!(page.contains("<td>TV-Bilderkennung<td"), "{page}");
    let json: serde_json::Value = serde_json::from_str(&report.write(Form::Json)).unwrap();
    assert_eq!(json["language"], "de");
    report.exposure.vendors[0].about = "A door for a cat.".into();
    assert!(html(&report).contains("<br><span lang=en>A door for a cat.</span></span>"));
    assert_eq!(json["exposure"]["vendors"][0]["about"], "Eine chinesische Tastatur.");
    assert_eq!(json["exposure"]["vendors"][0]["products"][0]["purpose"], "tv-acr");
}

#[test]
fn a_table_has_a_row_for_each_name_and_no_formula() {
    let text = csv(&report("=cmd|' /C calc'!A0"));
    let rows: Vec<_> = text.split("\r\n").filter(|row| !row.is_empty()).collect();
    assert_eq!(rows.iter().filter(|row| row.starts_with("1795219200000,")).count(), 2, "{text}");
    assert!(rows[1].contains(",\"'=cmd|' /C calc'!A0\","), "{}", rows[1]);
    assert!(!text.contains(",=") && !text.contains(",@") && !text.contains(",+"));
}

#[test]
fn json_says_the_same() {
    let value = serde_json::to_value(report(HOSTILE)).unwrap();
    assert_eq!(value["device"]["name"], HOSTILE);
    assert_eq!(value["cannot_see"].as_array().unwrap().len(), 6);
    assert_eq!(value["exposure"]["vendors"][0]["muted"], 4);
}
