//! Any bytes as a list, in any format: nothing panics, and a list that is not trusted stays within its bounds.
//!
//! `scripts/fuzz.sh 60 lists`. The first byte chooses format and action; the lines themselves are asked as names.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use sordino::policy::{
    Action, Asker, DeviceId, Format, ListSource, MAX_EXAMPLES, Name, Policy, PolicySources, ProfileId, Tier, Verdict,
};
use sordino::time::Timestamp;

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

fuzz_target!(|data: &[u8]| {
    let Some((&choice, content)) = data.split_first() else {
        return;
    };
    let trusted = choice & 0x80 != 0;
    let source = ListSource {
        name: "fuzzed".into(),
        action: [Action::Block, Action::Watch, Action::Allow][usize::from(choice >> 4 & 7) % 3],
        format: FORMATS[usize::from(choice & 15) % FORMATS.len()],
        trusted,
        tier: Tier::Careful,
        content: Ok(content.into()),
    };
    let policy = Policy::compile(PolicySources { lists: vec![source], ..PolicySources::default() });
    let report = &policy.lists()[0];
    assert!(report.examples.len() <= MAX_EXAMPLES.min(report.rejected));
    let asked = content.split(|byte| matches!(byte, b'\n' | b' ' | b'/' | b'|' | b'^')).take(32);
    for name in asked.filter_map(|text| Name::parse(str::from_utf8(text).ok()?).ok()) {
        check(&policy, &name, trusted);
    }
});

fn check(policy: &Policy, name: &Name, trusted: bool) {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let device = DeviceId::Address(address);
    let asker = Asker { device: &device, joined: &[], profile: ProfileId::default(), address, name: "phone", tags: &[] };
    for qtype in [1, 28, 65] {
        let judged = policy.judge(&asker, name.as_ref(), qtype, Timestamp::default());
        let explained = policy.explain(&asker, name.as_ref(), qtype, Timestamp::default());
        assert_eq!(judged.verdict, explained.verdict);
        assert!(trusted || judged.rewrite.is_none(), "a list from elsewhere gave an answer of its own");
        let refused = policy.lists()[0].problem.is_some();
        assert!(!refused || judged.verdict == Verdict::Pass, "a refused list is in force");
    }
}
