//! Since when a list is what it is.

use std::fs;

use crate::reload;
use crate::support::forwarder::Forwarder;
use crate::support::sordino::{Setup, Sordino, run};

#[test]
fn an_explanation_says_since_when_a_rule_is_there_and_a_restart_does_not_forget_it() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).catalogue().list("ads", "block", "one.example\ntwo.example\n").start();
    let first = |sordino: &Sordino, name: &str| {
        sordino.rest().read(&format!("/api/v1/explain?name={name}"))["explanation"]["matches"][0].clone()
    };
    let came = first(&sordino, "one.example");
    assert_eq!((&came["list"], &came["kept"], &came["or_earlier"]), (&"ads".into(), &"config".into(), &false.into()));
    let since = came["since"].as_u64().unwrap();
    assert_eq!(came["list_since"], since);
    let version = came["version"].as_str().unwrap();
    assert_eq!(version.len(), 12, "{version}");
    assert_eq!(first(&sordino, "data.mistat.intl.xiaomi.com")["kept"], "catalogue");
    assert_eq!(first(&sordino, "account.xiaomi.com")["kept"], "guard");
    assert!(first(&sordino, "account.xiaomi.com")["since"].is_u64());
    sordino.signal("TERM");
    let sordino = sordino.stopped().start_again();
    assert_eq!(first(&sordino, "one.example"), came);

    // Another content: the name may have been there before, and nobody knows.
    fs::write(sordino.dir().join("ads.txt"), "one.example\ntwo.example\nthree.example\n").unwrap();
    reload(&sordino);
    let changed = first(&sordino, "one.example");
    assert!(changed["since"].as_u64().unwrap() > since);
    assert_eq!((&changed["or_earlier"], &changed["list_since"]), (&true.into(), &since.into()));
    assert_ne!(changed["version"], version);
    // A file that cannot be read: the copy that stays in force is what it was.
    fs::rename(sordino.dir().join("ads.txt"), sordino.dir().join("away.txt")).unwrap();
    reload(&sordino);
    assert_eq!(first(&sordino, "one.example"), changed);
    fs::rename(sordino.dir().join("away.txt"), sordino.dir().join("ads.txt")).unwrap();

    // Another action: the rule is there as long as before, and acts so since now.
    let config = sordino.dir().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let (head, ads) = text.split_once("name = \"ads\"").unwrap();
    fs::write(&config, format!("{head}name = \"ads\"{}", ads.replacen("\"block\"", "\"watch\"", 1))).unwrap();
    reload(&sordino);
    let watching = first(&sordino, "one.example");
    assert_eq!((&watching["verdict"], &watching["since"]), (&"watch".into(), &changed["since"]));
    assert!(watching["list_since"].as_u64().unwrap() > changed["since"].as_u64().unwrap());

    // The command line says the same while the server runs, and writes nothing.
    let kept = fs::read(sordino.dir().join("data/compiled/since.json")).unwrap();
    let (code, said) = run(&["--config", config.to_str().unwrap(), "explain", "one.example"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("in the list since it last changed, ") && said.contains("or from earlier (version "),
        "{said}"
    );
    assert!(said.contains("; the list acts so since "), "{said}");
    fs::write(sordino.dir().join("ads.txt"), "one.example\nfour.example\n").unwrap();
    let (_, said) = run(&["--config", config.to_str().unwrap(), "explain", "one.example"]);
    assert!(said.contains("since when is not known"), "{said}");
    assert_eq!(fs::read(sordino.dir().join("data/compiled/since.json")).unwrap(), kept);
}
