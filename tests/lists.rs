//! Lists through the front door: what is kept of them on disk, what hostile ones get, and reloads while queries come.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

#[path = "lists/since.rs"]
mod since;
#[path = "lists/storm.rs"]
mod storm;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::forwarder::Forwarder;
use support::sordino::{Setup, Sordino};
use support::until;

const MUTED: [&str; 1] = ["A 0.0.0.0"];
const PASSED: [&str; 1] = ["A 192.0.2.1"];

fn reloads(sordino: &Sordino) -> usize {
    sordino.stderr().matches("and the lists again").count()
}

fn reload(sordino: &Sordino) {
    let before = reloads(sordino);
    sordino.signal("HUP");
    until("the end of the reload", || (reloads(sordino) > before).then_some(()));
}

fn compiled(sordino: &Sordino, kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(sordino.dir().join("data/compiled")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == kind)).collect()
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[3] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn names(front: &str, count: usize) -> String {
    (0..count).map(|number| format!("{front}{number}.example\n")).collect()
}

#[test]
fn unchanged_lists_are_not_compiled_again_and_damage_is_seen_and_mended() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).list("one", "block", &names("a", 50)).list("two", "block", &names("b", 50));
    let sordino = setup.start();
    let (parts, together) = (compiled(&sordino, "part"), compiled(&sordino, "names"));
    assert_eq!((parts.len(), together.len()), (2, 1));
    let written = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let before: Vec<_> = parts.iter().map(written).collect();
    fs::write(sordino.dir().join("two.txt"), names("c", 50)).unwrap();
    reload(&sordino);
    assert_eq!((sordino.resolve("a7.example"), sordino.resolve("c7.example")), (muted(), muted()));
    let kept: Vec<_> = compiled(&sordino, "part").into_iter().filter(|part| parts.contains(part)).collect();
    assert_eq!(kept.len(), 1, "one list changed, and only its part did");
    assert!(before.contains(&written(&kept[0])));

    sordino.signal("TERM");
    let sordino = sordino.stopped();
    compiled(&sordino, "part").iter().chain(&compiled(&sordino, "names")).for_each(|path| damage(path));
    let sordino = sordino.start_again();
    assert_eq!((sordino.resolve("a7.example"), sordino.resolve("c7.example")), (muted(), muted()));
    assert!(sordino.stderr().contains("made anew") && sordino.stderr().contains("compiled anew"));
}

fn muted() -> Vec<String> {
    MUTED.map(str::to_owned).to_vec()
}

#[test]
fn l1_a_list_that_shrinks_to_nothing_keeps_its_last_good_copy_also_after_a_restart() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", &names("a", 100)).start();
    let path = sordino.dir().join("ads.txt");
    for left in ["", "a1.example\na2.example\n"] {
        fs::write(&path, left).unwrap();
        reload(&sordino);
        assert_eq!(sordino.resolve("a7.example"), MUTED);
        assert!(sordino.stderr().contains(&format!("shrank from 100 names to {}", left.lines().count())));
    }
    sordino.signal("TERM");
    let sordino = sordino.stopped().start_again();
    assert_eq!(sordino.resolve("a7.example"), MUTED);
    // The operator confirms it.
    let config = sordino.dir().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("name = \"ads\"\n", "name = \"ads\"\nconfirmed = [\"shrunk\"]\n")).unwrap();
    reload(&sordino);
    assert_eq!((sordino.resolve("a7.example"), sordino.resolve("a1.example")), (passed(), muted()));
}

fn passed() -> Vec<String> {
    PASSED.map(str::to_owned).to_vec()
}

#[test]
fn l5_rules_that_reach_too_far_wait_until_they_are_confirmed() {
    let forwarder = Forwarder::plain();
    let wide = "*\n.\n||^\n||*^\n/.*/\n@@||*^\n||com^\n||co.uk^\n*.de\n||google.com^\n/^www\\./\n||fine.example^\n";
    let setup = Setup::before(&forwarder).list("wide", "block", wide);
    let (code, said) = setup.check();
    assert_eq!(code, 0);
    assert!(
        said.contains("5 rules reach too far and are held back") && said.contains("everything below com"),
        "{said}"
    );
    let sordino = setup.start();
    for name in ["www.google.com", "shop.example.com", "bbc.co.uk", "heise.de"] {
        assert_eq!(sordino.resolve(name), PASSED, "{name}");
    }
    assert_eq!(sordino.resolve("a.fine.example"), MUTED);
    assert!(sordino.stderr().contains("reach too far"), "{}", sordino.stderr());
    let list = &sordino.rest().read("/api/v1/lists")[0];
    assert_eq!((&list["quarantined"], &list["names"]), (&5.into(), &1.into()), "{list}");
    assert_eq!(list["quarantine"][0]["line"], 7, "{list}");
    let config = sordino.dir().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("name = \"wide\"\n", "name = \"wide\"\nconfirmed = [\"too_wide\"]\n")).unwrap();
    reload(&sordino);
    assert_eq!((sordino.resolve("shop.example.com"), sordino.resolve("heise.de")), (muted(), muted()));
    // Every name at once is never a list's to mute.
    assert_eq!(sordino.resolve("wikipedia.org"), PASSED);
}

#[test]
fn l11_ten_reloads_under_load_lose_no_answer_and_each_is_right_by_the_old_or_the_new_set() {
    const QUERIES: usize = 3_000;
    let forwarder = Forwarder::plain();
    let set = |which: usize| names(["a", "b"][which], 2_000) + "always.example\n";
    let sordino = Setup::before(&forwarder).list("ads", "block", &set(0)).start();
    let path = sordino.dir().join("ads.txt");
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let udp = sordino.udp();
            let mut asked = 0;
            // Goes on until the reloads are through, so that they all happen under it.
            while asked < QUERIES || reloads(&sordino) < 10 {
                let name = match asked % 4 {
                    0 => "always.example".to_owned(),
                    1 => "never.example".to_owned(),
                    2 => format!("a{}.example", asked % 2_000),
                    _ => format!("b{}.example", asked % 2_000),
                };
                // Silence fails the test in here.
                let answer = udp.ask(&support::wire::query(&name, support::wire::A)).texts();
                let right = match asked % 4 {
                    0 => answer == MUTED,
                    1 => answer == PASSED,
                    _ => answer == MUTED || answer == PASSED,
                };
                assert!(right, "{name}: {answer:?}");
                asked += 1;
            }
        });
        for round in 1..=10 {
            fs::write(&path, set(round % 2)).unwrap();
            reload(&sordino);
            // What was published is in force for who asks now.
            let expected = [(passed(), muted()), (muted(), passed())][1 - round % 2].clone();
            assert_eq!((sordino.resolve("a1.example"), sordino.resolve("b1.example")), expected, "round {round}");
        }
        asking.join().unwrap();
    });
}

fn one(sordino: &Sordino) -> serde_json::Value {
    sordino.rest().read("/api/v1/lists")[0].take()
}

#[test]
fn l2_l4_a_page_or_another_encoding_in_place_of_a_list_leaves_the_last_good_copy_in_force() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "a1.example\n").start();
    let path = sordino.dir().join("ads.txt");
    let utf_16: Vec<u8> = "\u{feff}a2.example\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let page = "\n<!DOCTYPE html>\n<html><body>Please sign in\na2.example\n</body></html>\n";
    for (what, content) in [("a page", page.as_bytes()), ("UTF-16", &utf_16), ("octets", &[0; 4_000])] {
        fs::write(&path, content).unwrap();
        reload(&sordino);
        assert_eq!((sordino.resolve("a1.example"), sordino.resolve("a2.example")), (muted(), passed()), "{what}");
        let problem = one(&sordino)["problem"].to_string();
        assert!(problem.contains("the last good copy of it stays in force"), "{what}: {problem}");
    }
    fs::write(&path, "\u{feff}a3.example\r\n\tA4.Example \r\nbücher.example\r\n").unwrap();
    reload(&sordino);
    for name in ["a3.example", "a4.example", "xn--bcher-kva.example"] {
        assert_eq!(sordino.resolve(name), MUTED, "{name}");
    }
    assert_eq!((&one(&sordino)["rejected"], &one(&sordino)["problem"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn l3_a_list_without_end_is_refused_and_a_line_without_end_is_counted() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "a1.example\n").start();
    let path = sordino.dir().join("ads.txt");
    fs::write(&path, format!("a1.example\n{}\na2.example\n", "x".repeat(3 << 20))).unwrap();
    reload(&sordino);
    assert_eq!((sordino.resolve("a1.example"), sordino.resolve("a2.example")), (muted(), muted()));
    assert_eq!((&one(&sordino)["names"], &one(&sordino)["rejected"]), (&2.into(), &1.into()));
    // Takes no room on the disk and has no end that is worth reading to.
    fs::File::create(&path).unwrap().set_len(1 << 33).unwrap();
    reload(&sordino);
    assert_eq!(sordino.resolve("a1.example"), MUTED);
    assert!(one(&sordino)["problem"].to_string().contains("larger than 64 MB"), "{}", one(&sordino));
}

#[test]
fn l6_a_list_that_nobody_vouches_for_gives_no_answers_and_no_important_rules() {
    let forwarder = Forwarder::plain();
    let rules = "|bank.example^$dnsrewrite=6.6.6.6\n@@||ads.example^$important\n||ads.example^$important\n";
    let setup = Setup::before(&forwarder).list("hostile", "block", rules);
    let sordino = setup.list("good", "block", "||ads.example^\n").start();
    assert_eq!(sordino.resolve("bank.example"), PASSED);
    let list = one(&sordino);
    assert_eq!(list["rejected"], 1, "{list}");
    assert!(list["examples"][0]["why"].to_string().contains("trusted"), "{list}");
    let config = sordino.dir().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("name = \"hostile\"\n", "name = \"hostile\"\ntrusted = true\n")).unwrap();
    reload(&sordino);
    assert_eq!(sordino.resolve("bank.example"), ["A 6.6.6.6"]);
}

#[test]
fn l5_no_list_mutes_the_name_of_a_forwarder_and_an_own_rule_does() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder)
        .server("tls://resolver.example:9")
        .set("upstream", "strategy", "\"failover\"")
        .set("upstream", "bootstrap", &format!("[\"{}\"]", forwarder.address()));
    let sordino = setup.list("wide", "block", "||resolver.example^\n").start();
    assert_eq!((sordino.resolve("resolver.example"), sordino.resolve("a.resolver.example")), (passed(), muted()));
    let rule =
        serde_json::json!({ "name": "resolver.example", "subtree": false, "action": "block", "scope": "everyone" });
    let (status, answer) = sordino.rest().post("/api/v1/rules", &rule);
    assert_eq!(status, 201, "{answer}");
    until("the own rule", || (sordino.resolve("resolver.example") == MUTED).then_some(()));
}

#[test]
fn l7_expressions_that_would_run_away_are_refused_or_take_linear_time() {
    let forwarder = Forwarder::plain();
    let rules = "/(?:x{1000}){1000}/\n/(?=a)b/\n/(a)\\1/\n/(a+)+$b/\n/^((a|a)*)*\\.ads\\.example$/\nb.example\n";
    let sordino = Setup::before(&forwarder).list("ads", "block", rules).start();
    let list = one(&sordino);
    assert_eq!((&list["names"], &list["rejected"]), (&3.into(), &3.into()), "{list}");
    let long = vec!["a".repeat(60); 3].join(".");
    assert_eq!(sordino.resolve(&format!("{long}.example")), PASSED);
    assert_eq!(sordino.resolve(&format!("{}.ads.example", "a".repeat(60))), MUTED);
    assert_eq!(sordino.resolve("b.example"), MUTED);
}
