//! Starting, changing, stopping and failing: the program as its operator meets it.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking, and says why it is skipped

mod support;

use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use support::forwarder::{Forwarder, Hold, Plan, a, answer};
use support::sordino::{Setup, Sordino, run};
use support::wire::{A, query};
use support::{until, within};

/// An action in the page is in force within this time.
const AT_ONCE: Duration = Duration::from_secs(1);

fn muted(sordino: &Sordino, name: &str) -> Option<()> {
    (sordino.resolve(name) == ["A 0.0.0.0"]).then_some(())
}

fn rule(name: &str, action: &str) -> Value {
    json!({ "name": name, "subtree": true, "action": action, "scope": "everyone" })
}

#[test]
fn it_says_ready_when_everything_is_bound() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).catalogue().start();
    assert_ne!(sordino.dns().port(), 0);
    assert_eq!(sordino.resolve("www.example"), ["A 192.0.2.1"]);
    let (status, health) = support::rest::Rest::to(sordino.page()).get("/api/v1/health");
    assert_eq!((status.as_u16(), &health["status"]), (200, &json!("ok")));
    let status = sordino.rest().read("/api/v1/status");
    assert!(status["lists_names"].as_u64().unwrap() > 100, "{status}");
    // Where Node is missing, that the page is not in the binary is all there is to say.
    let problems = status["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| problem["kind"] == "page"), "{status}");
}

#[test]
fn it_has_one_heap_unless_the_operator_chose_otherwise() {
    let forwarder = Forwarder::plain();
    let heaps = |setup: Setup| {
        let sordino = setup.start();
        let environment = std::fs::read(format!("/proc/{}/environ", sordino.pid())).unwrap();
        let words = environment.split(|&octet| octet == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        words.filter(|word| word.starts_with("MALLOC_ARENA_MAX=")).collect::<Vec<_>>()
    };
    assert_eq!(heaps(Setup::before(&forwarder)), ["MALLOC_ARENA_MAX=1"]);
    assert_eq!(heaps(Setup::before(&forwarder).through(&["env", "MALLOC_ARENA_MAX=3"])), ["MALLOC_ARENA_MAX=3"]);
}

#[test]
fn the_configuration_that_ships_has_no_mistakes() {
    let config = support::repository().join("config.toml");
    let (code, said) = run(&["--config", config.to_str().unwrap(), "check"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("not understood"), "{said}");
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_place_and_a_way_out() {
    let setup = || Setup::new().server("udp://127.0.0.1:9");
    let place = regex::Regex::new(r"config\.toml:\d+:\d+").unwrap();
    for (setup, words) in [
        (setup().set("dns", "lisen", "[]"), vec!["lisen", "listen"]),
        (setup().set("dns", "listen", "[\"here\"]"), vec!["here"]),
        (setup().set("dns", "allow_from", "[\"lan\"]"), vec!["lan", "private"]),
        (setup().set("upstream", "servers", "[]"), vec!["servers"]),
        (setup().set("upstream", "servers", "[\"ftp://192.0.2.1\"]"), vec!["ftp"]),
        (setup().set("cache", "size", "\"much\""), vec!["much"]),
        (setup().set("blocking", "answer", "\"nothing\""), vec!["nothing", "nxdomain"]),
        (setup().set("web", "password_hash", "\"secret\""), vec!["hash-password"]),
        (setup().set("store", "flush", "\"5 parsecs\""), vec!["5 parsecs"]),
        (setup().table("\n[[list]]\nname = \"x\"\nsource = \"x\"\naction = \"blok\"\n"), vec!["blok", "block"]),
        (setup().table("\n[[device]]\nname = \"x\"\nmac = \"12\"\n"), vec!["12"]),
        (setup().table("\n[limits]\nflights = 0\n"), vec!["limits"]),
        (setup().table("\nthis is no TOML\n"), vec![]),
    ] {
        for (code, said) in [setup.check(), setup.fail()] {
            assert_eq!(code, 2, "{said}");
            assert!(place.is_match(&said), "no place in: {said}");
            for word in &words {
                assert!(said.contains(word), "no {word} in: {said}");
            }
            assert!(!said.contains("panicked") && said.lines().count() <= 12, "{said}");
        }
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let (code, said) = run(&["--config", "/nowhere/sordino.toml", "run"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("/nowhere/sordino.toml"), "{said}");
}

#[test]
fn a_port_of_dns_that_is_taken_is_told_and_sordino_does_not_start() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for address in [tcp.local_addr().unwrap(), udp.local_addr().unwrap()] {
        let setup = Setup::new().server("udp://127.0.0.1:9").set("dns", "listen", &format!("[\"{address}\"]"));
        let (code, said) = setup.fail();
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&address.to_string()) && said.contains("taken"), "{said}");
        assert!(said.contains(&format!("process {}", std::process::id())), "who has it: {said}");
    }
}

#[test]
fn sordino_resolves_without_its_page() {
    let forwarder = Forwarder::plain();
    let off = Setup::before(&forwarder).set("web", "listen", "\"\"").start();
    assert_eq!((off.page(), off.resolve("off.example")), ("off", vec!["A 192.0.2.1".to_owned()]));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sordino = Setup::before(&forwarder).set("web", "listen", &format!("\"{address}\"")).start();
    assert_eq!(sordino.resolve("taken.example"), ["A 192.0.2.1"]);
    assert!(sordino.stderr().contains(&address), "{}", sordino.stderr());
}

#[test]
fn a_list_that_cannot_be_used_is_told_and_stops_nothing() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder);
    let missing = setup.dir().join("not-there.txt");
    let sordino = setup
        .list_at("missing", "block", &missing)
        .list("portal", "block", "<!DOCTYPE html>\n<html><body>Log in to the hotel network</body></html>\n")
        .list("good", "block", "ads.example\n")
        .start();
    assert_eq!(sordino.resolve("ads.example"), ["A 0.0.0.0"]);
    assert_eq!(sordino.resolve("www.example"), ["A 192.0.2.1"]);
    let rest = sordino.rest();
    let lists = rest.read("/api/v1/lists");
    let problem = |name: &str| {
        let list = lists.as_array().unwrap().iter().find(|list| list["name"] == name).unwrap();
        list["problem"].as_str().map(str::to_lowercase)
    };
    assert_eq!(problem("good"), None);
    assert!(problem("missing").is_some_and(|text| text.contains("not-there.txt")), "{lists}");
    assert!(problem("portal").is_some_and(|text| text.contains("html") || text.contains("web page")), "{lists}");
    let problems = rest.read("/api/v1/status")["problems"].to_string();
    assert!(problems.contains("missing") && problems.contains("portal"), "{problems}");
    assert!(sordino.stderr().contains("missing") && sordino.stderr().contains("portal"), "{}", sordino.stderr());
}

#[test]
fn sighup_reads_lists_and_configuration_again() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "one.example\n").start();
    let list = sordino.dir().join("ads.txt");
    assert_eq!(sordino.resolve("two.example"), ["A 192.0.2.1"]);
    std::fs::write(&list, "two.example\n").unwrap();
    sordino.signal("HUP");
    until("the new list", || muted(&sordino, "two.example"));
    assert_eq!(sordino.resolve("one.example"), ["A 192.0.2.1"]);

    // A list that has turned into a web page: the last good copy stays in force, and it is said.
    std::fs::write(&list, "<html>moved</html>\n").unwrap();
    sordino.signal("HUP");
    let rest = sordino.rest();
    until("the problem to be told", || rest.read("/api/v1/lists")[0]["problem"].as_str().map(|_| ()));
    muted(&sordino, "two.example").expect("the last good copy");

    // A configuration with a mistake: the old one stays in force, and it is said.
    std::fs::write(&list, "two.example\n").unwrap();
    let config = sordino.dir().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, good.replace("[blocking]\n", "[blocking]\nanswr = \"nxdomain\"\n")).unwrap();
    sordino.signal("HUP");
    until("the mistake to be told", || sordino.stderr().contains("answr").then_some(()));
    muted(&sordino, "two.example").expect("the old configuration");

    // And one without.
    std::fs::write(&config, good.replace("[blocking]\n", "[blocking]\nanswer = \"nxdomain\"\n")).unwrap();
    sordino.signal("HUP");
    until("the new configuration", || (sordino.ask("two.example", A).rcode() == support::wire::NXDOMAIN).then_some(()));
}

#[test]
fn sigterm_lets_queries_under_way_end() {
    let forwarder = Forwarder::plain();
    let hold = Hold::new();
    let kept = hold.clone();
    forwarder.on("late.example", move |query, _| {
        let records = [a("late.example", 60, "192.0.2.4")];
        Plan::Held(kept.clone(), Box::new(Plan::Answer(answer(query, &records))))
    });
    let sordino = Setup::before(&forwarder).start();
    let (udp, live) = (sordino.udp(), sordino.rest());
    // A page that watches must not hold the end up.
    let _stream = live.live();
    udp.send(&query("late.example", A).wire());
    forwarder.wait_for("late.example");
    sordino.signal("TERM");
    hold.release();
    assert_eq!(udp.next().texts(), ["A 192.0.2.4"]);
    let status = sordino.end(Duration::from_secs(5));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn history_survives_an_orderly_end_and_a_power_cut() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "ads.example\n").start();
    let names = ["ads.example", "www.example"];
    names.iter().for_each(|name| drop(sordino.resolve(name)));
    let rest = sordino.rest();
    names.iter().for_each(|name| drop(rest.journal(name)));
    // The flush interval of the tests is a second.
    until("the flush", || {
        let store = &rest.read("/api/v1/status")["store"];
        (store["unflushed"] == 0 && store["flushed"].is_u64()).then_some(())
    });
    let before = rest.read("/api/v1/queries")["events"].clone();
    let sordino = sordino.kill_and_restart();
    let rest = sordino.rest();
    assert_eq!(rest.read("/api/v1/queries")["events"], before, "after kill -9");
    let totals = &rest.read("/api/v1/overview")["totals"];
    assert_eq!((&totals["muted"], &totals["passed"]), (&json!(1), &json!(1)), "tallies and journal agree");

    // Whatever was counted is written down at an orderly end, flushed or not.
    sordino.resolve("last.example");
    rest.journal("last.example");
    sordino.signal("TERM");
    let sordino = sordino.start_again();
    let events = sordino.rest().read("/api/v1/queries")["events"].clone();
    assert_eq!((events.as_array().unwrap().len(), &events[0]["name"]), (3, &json!("last.example")), "{events}");
}

#[test]
fn a_name_is_muted_and_allowed_from_the_page_at_once_and_for_good() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).catalogue().start();
    let rest = sordino.rest();
    const TELEMETRY: &str = "data.mistat.intl.xiaomi.com";
    muted(&sordino, TELEMETRY).expect("the catalogue");
    let (status, made) = rest.post("/api/v1/rules", &rule(TELEMETRY, "allow"));
    assert_eq!(status, 201, "{made}");
    within(AT_ONCE, "the exception", || (sordino.resolve(TELEMETRY) == ["A 192.0.2.1"]).then_some(()));
    let (status, _) = rest.post("/api/v1/rules", &rule("quiet.example", "block"));
    assert_eq!(status, 201);
    within(AT_ONCE, "the mute", || muted(&sordino, "below.quiet.example"));

    // An acknowledged change survives a power cut right after it.
    let sordino = sordino.kill_and_restart();
    muted(&sordino, "below.quiet.example").expect("the mute after kill -9");
    assert_eq!(sordino.resolve(TELEMETRY), ["A 192.0.2.1"]);
    let rest = sordino.rest();
    let (status, _) = rest.delete(&format!("/api/v1/rules/{}", made["id"]));
    assert_eq!(status, 204);
    within(AT_ONCE, "the mute", || muted(&sordino, TELEMETRY));

    // config.toml is the operator's: nothing of this stands in it.
    let config = std::fs::read_to_string(sordino.dir().join("config.toml")).unwrap();
    assert!(!config.contains("quiet.example") && !config.contains("password"));
}

#[test]
fn a_damaged_store_is_set_aside_and_named() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).list("ads", "block", "ads.example\n").start();
    sordino.resolve("ads.example");
    let rest = sordino.rest();
    rest.post("/api/v1/rules", &rule("kept.example", "block"));
    rest.journal("ads.example");
    until("the flush", || (rest.read("/api/v1/status")["store"]["unflushed"] == 0).then_some(()));
    let data = sordino.dir().join("data");
    sordino.signal("KILL");
    let sordino = sordino.stopped();
    for file in [files_below(&data.join("days")), files_below(&data.join("archive"))].concat() {
        let length = usize::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
        std::fs::write(&file, vec![0xa5; length.max(64)]).unwrap();
    }
    let sordino = sordino.start_again();
    assert_eq!(sordino.resolve("www.example"), ["A 192.0.2.1"]);
    muted(&sordino, "kept.example").expect("the settings are no part of the damage");
    let rest = sordino.rest();
    let problems = rest.read("/api/v1/status")["problems"].to_string();
    assert!(problems.contains("set aside"), "{problems}");
    // It goes on keeping what happens now.
    sordino.resolve("after.example");
    rest.journal("after.example");
}

fn files_below(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// A tmpfs of its own, in a mount namespace of its own: nothing of it is left behind.
#[test]
fn a_full_disk_does_not_stop_resolving() {
    let allowed =
        |flags: &str| Command::new("unshare").args([flags, "true"]).status().is_ok_and(|status| status.success());
    let Some(flags) = ["-m", "-rm"].into_iter().find(|flags| allowed(flags)) else {
        println!("skipped: this user may not make a mount namespace");
        return;
    };
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).list("ads", "block", "ads.example\n");
    let data = setup.dir().join("data");
    std::fs::create_dir(&data).unwrap();
    let mount = format!("mount -t tmpfs -o size=4m tmpfs '{}' && exec \"$0\" \"$@\"", data.display());
    let sordino = setup.through(&["unshare", flags, "sh", "-c", &mount]).start();
    let rest = sordino.rest();
    let filler = format!("/proc/{}/root{}/filler", sordino.pid(), data.display());
    let full = std::io::copy(&mut std::io::repeat(0), &mut std::fs::File::create(&filler).unwrap());
    assert!(full.is_err(), "the disk is full");
    let udp = sordino.udp();
    for number in 0..500 {
        assert_eq!(udp.ask(&query(&format!("n{number}.example"), A)).texts(), ["A 192.0.2.1"]);
    }
    until("the problem to be told", || {
        let problems = rest.read("/api/v1/status")["problems"].to_string();
        (problems.contains("disk") || problems.contains("space")).then_some(())
    });
    // A change that cannot be kept is not made, and is not acknowledged.
    let (status, answer) = rest.post("/api/v1/rules", &rule("n1.example", "block"));
    assert!(status.is_server_error(), "{status}: {answer}");
    assert_eq!(sordino.resolve("n1.example"), ["A 192.0.2.1"]);
    assert_eq!(sordino.resolve("ads.example"), ["A 0.0.0.0"]);
    // With room again, changes are kept again.
    std::fs::remove_file(&filler).unwrap();
    let (status, answer) = rest.post("/api/v1/rules", &rule("n1.example", "block"));
    assert_eq!(status, 201, "{answer}");
    muted(&sordino, "n1.example").expect("the mute");
}

#[test]
fn queries_are_told_live_and_no_name_is_logged() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).list("ads", "block", "||muted.example^\n");
    let sordino = setup.start();
    let rest = sordino.rest();
    let mut live = rest.live();
    for (name, verdict, outcome) in [
        ("marker-one.muted.example", "block", "muted"),
        ("marker-two.example", "pass", "forwarded"),
        ("marker-two.example", "pass", "cached"),
        ("marker-three.localhost", "pass", "local"),
    ] {
        sordino.resolve(name);
        let told = live.next();
        assert_eq!(
            (told["name"].as_str(), told["verdict"].as_str(), told["outcome"].as_str()),
            (Some(name), Some(verdict), Some(outcome)),
            "{told}"
        );
        assert_eq!(
            (&told["qtype"], &told["address"], &told["transport"]),
            (&json!("A"), &json!("127.0.0.1"), &json!("udp"))
        );
    }
    forwarder.fails("marker-broken.example", support::wire::SERVFAIL);
    sordino.resolve("marker-broken.example");
    assert_eq!(live.next()["outcome"], "failed");
    assert!(!sordino.stderr().contains("marker"), "a name was logged: {}", sordino.stderr());
}

#[test]
fn explain_says_which_rule_decides_and_who_may_change_it() {
    let setup =
        Setup::new().server("udp://127.0.0.1:9").catalogue().list("mine", "allow", "data.mistat.intl.xiaomi.com\n");
    let config = setup.write();
    let explain = |name: &str| {
        let (code, said) = run(&["--config", config.to_str().unwrap(), "explain", name]);
        assert_eq!(code, 0, "{said}");
        said.to_lowercase()
    };
    let said = explain("tracking.miui.com");
    for word in ["block", "xiaomi", "config.toml"] {
        assert!(said.contains(word), "no {word} in: {said}");
    }
    let said = explain("data.mistat.intl.xiaomi.com");
    assert!(said.contains("allow") && said.contains("mine"), "{said}");
    assert!(explain("www.example").contains("pass"));
}
