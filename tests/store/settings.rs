//! Settings that cannot be read: damaged ones, and those of a newer version.

use std::fs;

use sordino::store::Settings;

use crate::faults::set_aside_in;
use crate::house::*;

#[test]
fn damaged_settings_are_set_aside_and_never_overwritten() {
    for content in ["", "{", "garbage", "{\"version\":1,\"settings\":{\"rules\":3}}", "[]"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("settings.json"), content).unwrap();
        let store = reopen(dir.path());
        let problem = store.health().problem.unwrap();
        let [aside] = &set_aside_in(dir.path())[..] else { panic!("{content}: {problem}") };
        assert!(problem.contains(aside.to_str().unwrap()), "{problem}");
        assert_eq!(fs::read_to_string(aside).unwrap(), content);
        let settings = Settings { password_hash: Some("new".into()), ..Settings::default() };
        store.save_settings(&settings).unwrap();
        drop(store);
        assert_eq!(reopen(dir.path()).settings(), settings);
    }
}

#[test]
fn settings_of_a_newer_version_or_found_later_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.json");
    let newer = "{\"version\":2,\"settings\":{\"what\":\"comes\"}}";
    fs::write(&path, newer).unwrap();
    let store = reopen(dir.path());
    assert!(store.health().problem.unwrap().contains("newer"));
    assert!(store.save_settings(&Settings::default()).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    assert!(Settings::read(dir.path()).is_err());
    drop(store);

    fs::remove_file(&path).unwrap();
    let store = reopen(dir.path());
    fs::write(&path, newer).unwrap();
    assert!(store.save_settings(&Settings::default()).is_err(), "a file that appeared is not overwritten");
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}

#[test]
fn settings_that_say_more_than_this_version_knows_stay_as_they_are_until_it_is_back() {
    let rule = |extra: &str| {
        format!(
            "{{\"id\":7,\"name\":\"a.example\",\"subtree\":true,\"action\":\"block\",\"scope\":\"everyone\",\"since\":1{extra}}}"
        )
    };
    for (settings, usable) in [
        (format!("{{\"rules\":[{}]}}", rule("")), true),
        ("{\"rules\":[],\"curtains\":[\"blue\"]}".into(), false),
        (format!("{{\"rules\":[{}]}}", rule("").replace("block", "whisper")), false),
        ("{\"lists\":[{\"name\":\"a\",\"source\":\"https://a.example\",\"action\":\"block\",\"format\":\"auto\",\"enabled\":true,\"mood\":1}]}".into(), false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        let content = format!("{{\"version\":1,\"settings\":{settings}}}");
        fs::write(&path, &content).unwrap();
        let store = reopen(dir.path());
        let problem = store.health().problem;
        if usable {
            assert_eq!((problem, store.settings().rules.len()), (None, 1), "{settings}");
            continue;
        }
        let problem = problem.unwrap();
        assert!(problem.contains("newer sordino") && problem.contains("restart"), "{settings}: {problem}");
        assert!(store.save_settings(&Settings::default()).is_err(), "{settings}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content, "not a byte is changed");
        assert!(set_aside_in(dir.path()).is_empty(), "{settings}");
    }
}
