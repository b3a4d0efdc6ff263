//! The statements of the shared cases, rule by rule, and the shared lists, file by file.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop at once, and says what it skips")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sordino::policy::{
    Action, Asker, DeviceId, Format, Judgement, ListReport, ListSource, Name, Policy, PolicySources, ProfileId, Tier,
    Verdict,
};
use sordino::time::Timestamp;

#[derive(Deserialize)]
struct Case {
    id: String,
    rules: Vec<String>,
    #[serde(default = "yes")]
    trusted: bool,
    qname: String,
    qtype: String,
    client_ip: Option<IpAddr>,
    #[serde(default)]
    client_name: String,
    #[serde(default)]
    tags: Vec<String>,
    expect: Expected,
    #[serde(default = "yes")]
    firm: bool,
    why: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Block,
    Pass,
    Allow,
    RuleRejected,
    Rewrite { rcode: String, answer: Vec<String> },
}

#[derive(Deserialize)]
struct ExpectedList {
    refuse: Option<String>,
    accepted_lines: Option<usize>,
    accepted_names: Option<usize>,
    #[serde(default)]
    rejected: Vec<(usize, String)>,
    #[serde(default)]
    optional: Vec<usize>,
    #[serde(default)]
    blocks: Vec<String>,
    #[serde(default)]
    passes: Vec<String>,
    #[serde(default)]
    allows: Vec<String>,
    #[serde(default = "yes")]
    firm: bool,
}

fn yes() -> bool {
    true
}

/// A file or directory of the shared data; none, with a line on why, where it is not there.
fn shared(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("SORDINO_SHARED").map_or_else(beside, PathBuf::from).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

fn list(content: &[u8], trusted: bool) -> ListSource {
    ListSource {
        name: "cases".into(),
        action: Action::Block,
        format: Format::Auto,
        trusted,
        tier: Tier::Careful,
        content: Ok(content.into()),
    }
}

fn compiled(content: &[u8], trusted: bool) -> Policy {
    Policy::compile(PolicySources { lists: vec![list(content, trusted)], ..PolicySources::default() })
}

fn qtype(text: &str) -> u16 {
    let types = [
        ("A", 1),
        ("CNAME", 5),
        ("PTR", 12),
        ("MX", 15),
        ("TXT", 16),
        ("AAAA", 28),
        ("SRV", 33),
        ("SVCB", 64),
        ("HTTPS", 65),
    ];
    types.iter().find(|(name, _)| *name == text).unwrap_or_else(|| panic!("a type this test does not know: {text}")).1
}

fn asked(policy: &Policy, name: &str) -> Judgement {
    let device = DeviceId::Address(Ipv4Addr::LOCALHOST.into());
    let asker = Asker {
        device: &device,
        joined: &[],
        profile: ProfileId::default(),
        address: Ipv4Addr::LOCALHOST.into(),
        name: "",
        tags: &[],
    };
    policy.judge(&asker, Name::parse(name).unwrap().as_ref(), 1, Timestamp::default())
}

#[test]
fn every_case_has_its_verdict() {
    let Some(path) = shared("cases/rules.jsonl") else {
        return;
    };
    let (mut passed, mut open, mut wrong) = (0, 0, Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        match judged_as_expected(&case) {
            Ok(()) => passed += 1,
            Err(got) if case.firm => wrong.push(format!("{}: {:?}: {got}: {}", case.id, case.rules, case.why)),
            Err(got) => {
                println!("open: {}: {:?}: {got}: {}", case.id, case.rules, case.why);
                open += 1;
            }
        }
    }
    println!("{passed} cases pass, {open} that are not firm differ");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), wrong.len() + passed, wrong.join("\n"));
}

fn judged_as_expected(case: &Case) -> Result<(), String> {
    let policy = compiled(case.rules.join("\n").as_bytes(), case.trusted);
    let address = case.client_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let device = DeviceId::Address(address);
    let asker = Asker {
        device: &device,
        joined: &[],
        profile: ProfileId::default(),
        address,
        name: &case.client_name,
        tags: &case.tags,
    };
    let name = Name::parse(&case.qname).unwrap();
    let judged = policy.judge(&asker, name.as_ref(), qtype(&case.qtype), Timestamp::default());
    let explained = policy.explain(&asker, name.as_ref(), qtype(&case.qtype), Timestamp::default());
    let report = &policy.lists()[0];
    let differ = || Err(format!("{judged:?}, refused {:?}", report.examples));
    if explained.verdict != judged.verdict || judged.list.is_some() == explained.matches.is_empty() {
        return Err(format!("explained otherwise: {explained:?}"));
    }
    let (verdict, rewrite) = (judged.verdict, &judged.rewrite);
    match &case.expect {
        Expected::Rewrite { rcode, answer } => {
            let Some(rewrite) = rewrite else {
                return differ();
            };
            let mut given: Vec<String> = rewrite.alias.iter().map(|alias| format!("CNAME {alias}.")).collect();
            given.extend(rewrite.records.iter().filter(|(of, _)| *of == qtype(&case.qtype)).map(record));
            // What stands behind an alias is the forwarder's to say.
            let told: Vec<&String> =
                answer.iter().filter(|one| rewrite.alias.is_none() || one.contains("CNAME")).collect();
            let same = given.len() == told.len() && told.iter().all(|one| given.contains(one));
            let rcodes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
            if same && rcodes.get(usize::from(rewrite.rcode)) == Some(&rcode.as_str()) { Ok(()) } else { differ() }
        }
        Expected::RuleRejected if verdict == Verdict::Pass && rewrite.is_none() && report.rejected > 0 => Ok(()),
        Expected::Block if verdict == Verdict::Block && rewrite.is_none() => Ok(()),
        Expected::Pass if verdict == Verdict::Pass && rewrite.is_none() => Ok(()),
        Expected::Allow if verdict == Verdict::Allow && rewrite.is_none() => Ok(()),
        _ => differ(),
    }
}

fn record((rrtype, rdata): &(u16, Box<[u8]>)) -> String {
    match (rrtype, &rdata[..]) {
        (1, &[a, b, c, d]) => format!("A {}", Ipv4Addr::new(a, b, c, d)),
        (28, rdata) => format!("AAAA {}", std::net::Ipv6Addr::from(<[u8; 16]>::try_from(rdata).unwrap())),
        (rrtype, rdata) => format!("TYPE{rrtype} {rdata:02x?}"),
    }
}

#[test]
fn odd_and_hostile_lists_are_read_line_by_line() {
    let Some(dir) = shared("cases/lists") else {
        return;
    };
    let expected = std::fs::read_to_string(dir.join("expected.json")).unwrap();
    let expected: BTreeMap<String, ExpectedList> = serde_json::from_str(&expected).unwrap();
    let wrong: Vec<String> = expected
        .iter()
        .filter_map(|(file, expected)| {
            let policy = compiled(&std::fs::read(dir.join(file)).unwrap(), false);
            let wrong = differences(&policy, expected);
            (expected.firm && !wrong.is_empty()).then(|| format!("{file}: {}", wrong.join("; ")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn differences(policy: &Policy, expected: &ExpectedList) -> Vec<String> {
    let report = &policy.lists()[0];
    let mut wrong = Vec::new();
    match (&expected.refuse, &report.problem) {
        (None, None) => {}
        (Some(classes), Some(problem)) if classes.split('|').any(|class| problem.starts_with(class)) => {}
        (expected, problem) => wrong.push(format!("refused {problem:?} and not {expected:?}")),
    }
    let is_optional = |line: &usize| expected.optional.contains(line);
    for (line, classes) in &expected.rejected {
        let class = report.examples.iter().find(|example| example.line == *line).map(|example| example.class);
        if !class.is_some_and(|class| classes.split('|').any(|one| one == class)) {
            wrong.push(format!("line {line} is {class:?} and not {classes}"));
        }
    }
    for line in report.examples.iter().map(|example| example.line).filter(|line| !is_optional(line)) {
        if !expected.rejected.iter().any(|(rejected, _)| *rejected == line) {
            wrong.push(format!("line {line} is refused: {:?}", report.examples));
        }
    }
    let optional_lines = expected.optional.len();
    for (what, got, told) in
        [("lines", report.lines, expected.accepted_lines), ("names", report.names, expected.accepted_names)]
    {
        if told.is_some_and(|told| got < told || got > told + optional_lines) {
            wrong.push(format!("{got} {what} taken and not {told:?}"));
        }
    }
    for (names, verdict) in
        [(&expected.blocks, Verdict::Block), (&expected.passes, Verdict::Pass), (&expected.allows, Verdict::Allow)]
    {
        for name in names {
            let got = asked(policy, name).verdict;
            if got != verdict {
                wrong.push(format!("{name} is {got} and not {verdict}"));
            }
        }
    }
    wrong
}

fn unpacked(file: &str) -> Option<Vec<u8>> {
    let packed = std::fs::read(shared("lists")?.join(file)).unwrap();
    let mut content = Vec::new();
    zstd::Decoder::new(&packed[..]).unwrap().read_to_end(&mut content).unwrap();
    Some(content)
}

fn read_list(file: &str) -> Option<(Policy, ListReport)> {
    let policy = compiled(&unpacked(file)?, false);
    let report = policy.lists()[0].clone();
    Some((policy, report))
}

/// File, the format it is in, and its entries by the README of the lists.
const LISTS: [(&str, Format, usize); 13] = [
    ("adaway.adblock", Format::Adblock, 4456),
    ("adaway.dnsmasq", Format::Dnsmasq, 4456),
    ("adaway.domains", Format::Names, 7648),
    ("adaway.hosts", Format::Hosts, 7648),
    ("adaway.wildcard", Format::Wildcard, 4456),
    ("bypass-2022.domains", Format::Names, 1205),
    ("doh.hosts-many-per-line", Format::Hosts, 437),
    ("doh.rpz", Format::Rpz, 6938),
    ("dyndns.dnsmasq", Format::Dnsmasq, 1480),
    ("spam-tlds.adblock", Format::Adblock, 127),
    ("spam-tlds.rpz", Format::Rpz, 127),
    ("ublock.adblock", Format::Adblock, 1341),
    ("hosts-mixed", Format::Hosts, 55997),
];

#[test]
fn real_lists_are_read_nearly_whole() {
    for (file, format, entries) in LISTS {
        let Some((_, report)) = read_list(&format!("{file}.txt.zst")) else {
            return;
        };
        println!(
            "{file}: {:?}, {} lines, {} names, {} refused",
            report.format, report.lines, report.names, report.rejected
        );
        assert_eq!((report.format, &report.problem), (format, &None), "{file}");
        // A handful of lines of such lists are slips of their authors, or names of the system's own hosts file.
        assert!(
            report.lines + report.rejected + 20 >= entries && report.rejected * 100 <= entries,
            "{file}: {report:?}"
        );
    }
    for file in ["adaway.unbound.conf.zst", "bypass-2022.unbound.conf.zst"] {
        let report = read_list(file).unwrap().1;
        assert_eq!((report.format, report.rejected), (Format::Unbound, 0), "{file}: {report:?}");
    }
}

#[test]
fn one_list_in_five_formats_mutes_the_same_names() {
    let names = ["15.taboola.com", "x.15.taboola.com"];
    for format in ["adblock.txt", "dnsmasq.txt", "unbound.conf", "wildcard.txt"] {
        let Some((policy, _)) = read_list(&format!("adaway.{format}.zst")) else {
            return;
        };
        for name in names {
            assert_eq!(asked(&policy, name).verdict, Verdict::Block, "{format}: {name}");
        }
        assert_eq!(asked(&policy, "taboola.com").verdict, Verdict::Pass, "{format}");
    }
}

#[test]
fn a_list_for_browsers_mutes_no_whole_name() {
    let Some((policy, report)) = read_list("easylist-browser.txt.zst") else {
        return;
    };
    assert!(report.rejected * 2 > 38974 && report.names == 0, "{report:?}");
    for name in ["adserver.example.com", "doubleclick.net", "salefiles.com", "www.example.com"] {
        assert_eq!(asked(&policy, name).verdict, Verdict::Pass, "{name}");
    }
}

#[test]
fn a_large_list_takes_few_bytes_a_name() {
    let Some(content) = unpacked("stevenblack.domains.txt.zst") else {
        return;
    };
    let policy = compiled(&content, false);
    let report = &policy.lists()[0];
    let bytes = policy.names_size() as f64 / report.names as f64;
    println!("stevenblack.domains: {} names, {bytes:.2} bytes a name", report.names);
    assert!(report.names >= 140_600 && bytes < 10.0, "{} names, {bytes} bytes a name", report.names);
    let content: Arc<str> = String::from_utf8(content).unwrap().into();
    for name in content.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).step_by(97) {
        assert_eq!(asked(&policy, name).verdict, Verdict::Block, "{name}");
    }
}
