//! Backup and restore, through the API and the command line, of a sordino that runs and of one that does not.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::fs;
use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use support::forwarder::Forwarder;
use support::rest::Rest;
use support::sordino::{Setup, Sordino, run};
use support::until;
use support::wire::A;

/// A house in which someone changed a thing of every kind.
fn lived_in(forwarder: &Forwarder) -> (Sordino, Rest) {
    let sordino = Setup::before(forwarder).start();
    let rest = sordino.rest();
    let far = 4_000_000_000_000_u64;
    for (path, body) in [
        ("/api/v1/rules", json!({"name": "muted.example", "subtree": true, "action": "block", "scope": "everyone"})),
        (
            "/api/v1/rules",
            json!({"name": "^ads[0-9]", "kind": "regex", "action": "block", "scope": "everyone", "comment": "since May"}),
        ),
        ("/api/v1/pauses", json!({"scope": {"device": "mac-3c:5a:b4:01:02:03"}, "until": far})),
        ("/api/v1/local", json!({"name": "printer.home.arpa", "type": "A", "value": "192.168.7.7"})),
        ("/api/v1/profiles", json!({"name": "Children", "lists": {}})),
        ("/api/v1/schedules", json!({"name": "Nights", "slots": [{"from": "21:00", "to": "07:00"}], "uses": []})),
    ] {
        let (status, answer) = rest.post(path, &body);
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
    }
    for (path, body) in [
        ("/api/v1/devices/mac-3c:5a:b4:01:02:03", json!({"name": "Anna's phone"})),
        ("/api/v1/devices/mac-3c:5a:b4:01:02:03/profile", json!({"profile": "Children"})),
        ("/api/v1/devices/mac-3e:5a:b4:01:02:03/joined", json!({"to": "mac-3c:5a:b4:01:02:03"})),
        ("/api/v1/addresses", json!({"address": "192.168.7.8", "apart": true})),
    ] {
        let (status, answer) = rest.put(path, &body);
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {answer}");
    }
    (sordino, rest)
}

/// What the page keeps, as its file has it, without what lets someone in.
fn kept(sordino: &Sordino) -> Value {
    let text = fs::read_to_string(sordino.dir().join("data/settings.json")).unwrap_or_else(|_| "{}".into());
    let mut settings = serde_json::from_str::<Value>(&text).unwrap()["settings"].take();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("password_hash");
    }
    settings
}

fn config(sordino: &Sordino) -> String {
    sordino.dir().join("config.toml").display().to_string()
}

#[track_caller]
fn done(arguments: &[&str]) -> String {
    let (code, said) = run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {said}");
    said
}

#[test]
fn what_the_page_keeps_is_in_force_at_once_in_another_house() {
    let forwarder = Forwarder::plain();
    let (old, rest) = lived_in(&forwarder);
    let file = rest.file("/api/v1/backup");
    let new = Setup::before(&forwarder).start();
    let rest = new.rest();
    assert_ne!(new.resolve("printer.home.arpa"), ["A 192.168.7.7"]);
    let (status, tried) = rest.send_file("/api/v1/restore?try=true", file.clone());
    assert_eq!((status, &tried["history"]), (StatusCode::OK, &json!(false)), "{tried}");
    let told = ["device_names", "device_profiles", "joined", "pauses", "profiles", "records", "schedules", "split"];
    assert_eq!((&tried["rules"], told.map(|what| &tried[what])), (&json!(2), [&json!(1); 8]), "{tried}");
    assert_ne!(kept(&new), kept(&old), "a try changes nothing");
    let (status, restored) = rest.send_file("/api/v1/restore", file);
    assert_eq!(status, StatusCode::OK, "{restored}");
    assert_eq!(restored, tried);
    assert_eq!(new.resolve("www.muted.example"), ["A 0.0.0.0"]);
    assert_eq!(new.resolve("ads7.example"), ["A 0.0.0.0"]);
    assert_eq!(new.resolve("printer.home.arpa"), ["A 192.168.7.7"]);
    assert_eq!(kept(&new), kept(&old));
    assert_eq!(rest.read("/api/v1/rules").as_array().unwrap().len(), 2, "and the session goes on");
    let again = Rest::to(new.page());
    again.enter();
}

#[test]
fn the_history_comes_back_with_its_firsts_and_goes_on_from_there() {
    let forwarder = Forwarder::plain();
    let (old, rest) = lived_in(&forwarder);
    for number in 0..40 {
        old.ask(&format!("host{number}.example"), A);
    }
    old.ask("www.muted.example", A);
    rest.journal("www.muted.example");
    let before = rest.read("/api/v1/queries?limit=500");
    let firsts = rest.read("/api/v1/firsts");
    let file = rest.file("/api/v1/backup?history=true");
    assert!(before["events"].as_array().unwrap().len() >= 41);

    let new = Setup::before(&forwarder).start();
    let rest = new.rest();
    new.ask("gone.example", A);
    rest.journal("gone.example");
    let (status, restored) = rest.send_file("/api/v1/restore", file);
    assert_eq!((status, &restored["history"]), (StatusCode::OK, &json!(true)), "{restored}");
    assert_eq!(rest.read("/api/v1/queries?limit=500"), before);
    assert_eq!(rest.read("/api/v1/firsts"), firsts);
    new.ask("later.example", A);
    rest.journal("later.example");
    drop(rest);
    let new = new.kill_and_restart();
    let rest = new.rest();
    let events = rest.read("/api/v1/queries?limit=500");
    let names: Vec<&str> =
        events["events"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"host39.example") && !names.contains(&"gone.example"), "{names:?}");
    assert!(!new.dir().join("data/restored").exists() && !new.dir().join("data/restore.upload").exists());
}

#[test]
fn a_file_that_is_not_whole_changes_nothing() {
    let forwarder = Forwarder::plain();
    let (sordino, rest) = lived_in(&forwarder);
    let whole = rest.file("/api/v1/backup");
    let before = kept(&sordino);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut newer = whole.clone();
    newer[17] = 9;
    for (bad, what) in [
        (Vec::new(), "no backup of sordino"),
        (b"PK\x03\x04 a zip file of someone else, long enough to have a head".to_vec(), "no backup of sordino"),
        (whole[..whole.len() - 1].to_vec(), "incomplete"),
        (whole[..whole.len() / 2].to_vec(), "incomplete"),
        (flipped, "damaged"),
        ([&whole[..], b"x"].concat(), "damaged"),
        (newer, "newer sordino"),
    ] {
        let (status, problem) = rest.send_file("/api/v1/restore", bad);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {problem}");
        assert_eq!(problem["type"], "/problems/no-backup", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(what), "{problem} does not say {what}");
        assert_eq!(kept(&sordino), before, "{what}");
    }
    assert_eq!(rest.read("/api/v1/restore")["stage"], "idle");
    assert!(!sordino.dir().join("data/restore.upload").exists());
}

#[test]
fn secrets_are_in_it_only_when_asked_for() {
    let forwarder = Forwarder::plain();
    let (old, rest) = lived_in(&forwarder);
    let plain = String::from_utf8_lossy(&rest.file("/api/v1/backup")).into_owned();
    assert!(plain.contains("muted.example") && !plain.contains("$argon2"), "{plain}");
    let file = rest.file("/api/v1/backup?secrets=true");
    drop(old);
    let new = Setup::before(&forwarder).start();
    let other = Rest::to(new.page());
    let (status, _) = other.post("/api/v1/setup", &json!({"password": "another password"}));
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, restored) = other.send_file("/api/v1/restore", file);
    assert_eq!(status, StatusCode::OK, "{restored}");
    assert_eq!(other.get("/api/v1/rules").0, StatusCode::UNAUTHORIZED, "sessions end with the password they began by");
    let wrong = Rest::to(new.page()).post("/api/v1/login", &json!({"password": "another password"})).0;
    assert_eq!(wrong, StatusCode::UNAUTHORIZED);
    Rest::to(new.page()).enter();
}

#[test]
fn the_command_line_asks_the_sordino_that_runs() {
    let forwarder = Forwarder::plain();
    let (old, rest) = lived_in(&forwarder);
    old.ask("asked.example", A);
    rest.journal("asked.example");
    let file = old.dir().join("house.backup");
    let said = done(&["--config", &config(&old), "backup", "--history", file.to_str().unwrap()]);
    assert!(said.contains("2 rules") && said.contains("with the history"), "{said}");
    assert_eq!(mode(&file), 0o600);

    let new = Setup::before(&forwarder).start();
    let rest = new.rest();
    done(&["--config", &config(&new), "restore", file.to_str().unwrap()]);
    assert_eq!(kept(&new), kept(&old));
    assert_eq!(new.resolve("www.muted.example"), ["A 0.0.0.0"], "in force at once");
    rest.journal("asked.example");
    let left: Vec<_> = fs::read_dir(new.dir().join("data/asked")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_command_line_does_it_alone_where_none_runs() {
    let forwarder = Forwarder::plain();
    let (old, rest) = lived_in(&forwarder);
    old.ask("asked.example", A);
    rest.journal("asked.example");
    old.signal("TERM");
    let old = old.stopped();
    let file = old.dir().join("house.backup");
    done(&["--config", &config(&old), "backup", file.to_str().unwrap(), "--history"]);

    let setup = Setup::before(&forwarder);
    let written = setup.write().display().to_string();
    let looked = done(&["--config", &written, "restore", "--try", file.to_str().unwrap()]);
    assert!(looked.contains("2 rules"), "{looked}");
    assert!(!setup.dir().join("data/settings.json").exists());
    let gone = setup.dir().join("gone.backup");
    let (code, said) = run(&["--config", &written, "restore", gone.to_str().unwrap()]);
    assert!(code == 1 && said.contains("there is no such file"), "{said}");
    let said = done(&["--config", &written, "restore", "--without-history", file.to_str().unwrap()]);
    assert!(said.contains("2 rules, ") && said.contains("without history"), "{said}");
    done(&["--config", &written, "restore", file.to_str().unwrap()]);
    let cut = setup.dir().join("cut.backup");
    fs::write(&cut, &fs::read(&file).unwrap()[..100]).unwrap();
    let (code, said) = run(&["--config", &written, "restore", cut.to_str().unwrap()]);
    assert!(code == 1 && said.contains("incomplete"), "{said}");
    let new = setup.start();
    assert_eq!(kept(&new), kept(&old));
    new.rest().journal("asked.example");
}

#[test]
fn a_restore_can_be_watched_and_stopped_and_is_alone() {
    let forwarder = Forwarder::plain();
    let (sordino, rest) = lived_in(&forwarder);
    let whole = rest.file("/api/v1/backup");
    let before = kept(&sordino);
    let (pieces, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(body, |mut body| async { Some((body.recv().await?, body)) });
    let page = sordino.page().to_owned();
    let sending = std::thread::spawn(move || {
        let slow = Rest::to(&page);
        slow.enter();
        slow.send_file("/api/v1/restore", reqwest::Body::wrap_stream(body))
    });
    pieces.blocking_send(Ok(whole[..20].to_vec())).unwrap();
    until("a restore that is seen", || {
        let progress = rest.read("/api/v1/restore");
        (progress["stage"] == "receiving" && progress["bytes"] == 20).then_some(())
    });
    let (status, problem) = rest.send_file("/api/v1/restore", whole.clone());
    assert_eq!((status, &problem["type"]), (StatusCode::CONFLICT, &json!("/problems/restore-under-way")), "{problem}");
    assert_eq!(rest.delete("/api/v1/restore").0, StatusCode::NO_CONTENT);
    pieces.blocking_send(Ok(whole[20..].to_vec())).unwrap();
    drop(pieces);
    let (status, problem) = sending.join().unwrap();
    assert_eq!((status, &problem["type"]), (StatusCode::CONFLICT, &json!("/problems/stopped")), "{problem}");
    assert_eq!(kept(&sordino), before);
    assert_eq!(rest.delete("/api/v1/restore").0, StatusCode::NOT_FOUND);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
