//! Lists that are nearly right, or not at all: nothing panics, and a list from elsewhere never gets more than its due.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use proptest::prelude::*;
use proptest::sample::select;
use sordino::policy::{
    Action, Asker, DeviceId, Format, ListSource, Name, Policy, PolicySources, ProfileId, Tier, Verdict,
};
use sordino::time::Timestamp;

/// Lists out of what real ones are made of, in any order: most lines are wrong, some only nearly.
fn scraps() -> impl Strategy<Value = String> {
    let scraps = vec![
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "#",
        "##",
        "!",
        ";",
        "[",
        "]",
        "||",
        "|",
        "^",
        "*",
        "@@",
        "/",
        "//",
        "$",
        ",",
        "=",
        "~",
        "'",
        "\\",
        ".",
        "..",
        "a",
        "b.example",
        "a.b.example",
        "com",
        "ü",
        "\u{200c}",
        "\u{feff}",
        "0.0.0.0 ",
        "::1 ",
        "198.51.100.1 ",
        "important",
        "badfilter",
        "denyallow=",
        "dnstype=",
        "client=",
        "ctag=",
        "dnsrewrite=",
        "NOERROR;",
        "A;",
        "CNAME",
        "HTTPS;1 . alpn=h2",
        "rpz-passthru.",
        "$TTL 1",
        "$ORIGIN ",
        "@ SOA ",
        "local=/",
        "address=/",
        "server:",
        "local-zone: \"",
        "\" always_null",
        "local-data: \"",
        "(?i)",
        "[a-z]{2}",
        "(a+)+$",
        "(",
        "vendor = 'x'",
        "[[product]]",
        "{ block = '",
        "\u{0}",
        "<html>",
        "%",
        "?",
        "0x7f000001 ",
        "999.1.2.3 ",
    ];
    proptest::collection::vec(select(scraps), 0..80).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_from_elsewhere_stays_within_its_bounds_whatever_it_says(text in scraps(), format in select(FORMATS.to_vec())) {
        let source = ListSource {
            name: "scraps".into(),
            action: Action::Block,
            format,
            trusted: false,
            tier: Tier::Careful,
            content: Ok(text.as_bytes().into()),
        };
        let policy = Policy::compile(PolicySources { lists: vec![source], ..PolicySources::default() });
        let report = &policy.lists()[0];
        prop_assert!(report.problem.is_none() || report.names == 0);
        let device = DeviceId::Named("phone".into());
        let asker = Asker { device: &device, joined: &[], profile: ProfileId::default(), address: [127, 0, 0, 1].into(), name: "a", tags: &[] };
        let parts = text.split(['\n', ' ', '/', '|', '^']);
        let mut muted = 0;
        for name in parts.chain(UNRELATED).filter_map(|part| Name::parse(part).ok()) {
            let judged = policy.judge(&asker, name.as_ref(), 1, Timestamp::default());
            prop_assert!(judged.rewrite.is_none());
            prop_assert!(report.problem.is_none() || judged.verdict == Verdict::Pass);
            let explained = policy.explain(&asker, name.as_ref(), 1, Timestamp::default());
            prop_assert_eq!(explained.verdict, judged.verdict);
            muted += usize::from(judged.verdict == Verdict::Block && UNRELATED.contains(&name.to_string().as_str()));
        }
        // A condition may stand for every name ("all of type A"); without one no list reaches all of these.
        prop_assert!(text.contains('=') || muted < UNRELATED.len(), "{muted} unrelated names are muted");
    }
}

const UNRELATED: [&str; 5] = ["www.wikipedia.org", "0.pool.ntp.org", "heise.de", "yandex.ru", "q"];

const FORMATS: [Format; 9] = [
    Format::Auto,
    Format::Catalogue,
    Format::Names,
    Format::Hosts,
    Format::Wildcard,
    Format::Adblock,
    Format::Rpz,
    Format::Dnsmasq,
    Format::Unbound,
];
