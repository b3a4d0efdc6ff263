//! What is shown to who comes encrypted: read, exchanged, made, and told of when its end comes near.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use serde_json::Value;

use crate::support::forwarder::Forwarder;
use crate::support::secure::{NAME, Pair, Tls, trust};
use crate::support::sordino::{Setup, Sordino};
use crate::support::until;
use crate::support::wire::*;

fn setup() -> (Forwarder, Setup) {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).list("ads", "block", "muted.example\n");
    (forwarder, setup)
}

fn status(sordino: &Sordino) -> Value {
    sordino.rest().read("/api/v1/status")
}

fn problems(sordino: &Sordino) -> Vec<String> {
    let status = status(sordino);
    let problems = status["problems"].as_array().unwrap().iter();
    let ours = problems.filter(|problem| problem["kind"] == "certificate");
    ours.map(|problem| problem["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_certificate_is_shown_after_sighup_and_old_connections_live() {
    let (_forwarder, setup) = setup();
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way("tls")).start();
    let server = sordino.way("tls");
    let before = Arc::new(trust(&pair.certificate, &["dot"]));
    let mut old = Tls::to(server, NAME, &before);
    old.ask(&query("muted.example", A));

    Pair::write(sordino.dir(), 2098);
    let after = Arc::new(trust(&pair.certificate, &["dot"]));
    assert!(Tls::try_to(server, NAME, &after).is_none(), "the old one is shown until it is asked for");
    sordino.signal("HUP");
    let mut new = until("the new certificate", || Tls::try_to(server, NAME, &after));
    assert_eq!(new.ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"]);
    assert_eq!(old.ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"], "who came before is served on");

    // One that cannot be used is said, and the one before goes on.
    std::fs::write(&pair.key, "no key").unwrap();
    std::fs::write(sordino.dir().join("ads.txt"), "muted.example\nalso-muted.example\n").unwrap();
    sordino.signal("HUP");
    until("the refusal in the log", || sordino.stderr().contains("holds no private key").then_some(()));
    until("the lists", || (sordino.resolve("also-muted.example") == ["A 0.0.0.0"]).then_some(()));
    assert!(problems(&sordino)[0].contains("goes on with the certificate it had"), "{:?}", problems(&sordino));
    assert_eq!(Tls::to(server, NAME, &after).ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"]);
}

#[test]
fn a_certificate_that_cannot_be_used_is_fatal_at_the_start() {
    let (_forwarder, setup) = setup();
    let pair = Pair::write(setup.dir(), 2099);
    let setup = setup.table(&pair.way("tls"));
    std::fs::write(&pair.certificate, "no certificate").unwrap();
    for (code, said) in [setup.fail(), setup.check()] {
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("operator.pem") && said.contains("no certificate that can be read"), "{said}");
    }
    let other = tempfile::TempDir::new().unwrap();
    std::fs::copy(Pair::write(other.path(), 2099).certificate, &pair.certificate).unwrap();
    let (code, said) = setup.fail();
    assert!(code == 2 && said.contains("operator-key.pem: is the key of another certificate"), "{said}");
}

#[test]
fn an_end_that_is_near_and_a_key_that_others_can_read_are_problems() {
    let (_forwarder, setup) = setup();
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way("tls")).start();
    assert_eq!(problems(&sordino), Vec::<String>::new());
    Pair::write(sordino.dir(), 2021);
    std::fs::set_permissions(&pair.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    sordino.signal("HUP");
    let found = until("the problems", || Some(problems(&sordino)).filter(|found| !found.is_empty()));
    assert!(found.len() == 2 && found[0].contains("has expired") && found[1].contains("chmod 600"), "{found:?}");
}

#[test]
fn a_house_without_a_certificate_has_one_of_its_own_that_stays() {
    let (_forwarder, setup) = setup();
    let way = "\n[dns.tls]\nlisten = [\"127.0.0.1:0\"]\n";
    let sordino = setup.set("dns", "names", r#"["dns.example"]"#).table(way).start();
    let file = sordino.dir().join("data/certificate.pem");
    for name in ["sordino.home.arpa", "dns.example", "phone.dns.example", "127.0.0.1"] {
        let mut tls = Tls::to(sordino.way("tls"), name, &Arc::new(trust(&file, &["dot"])));
        assert_eq!(tls.ask(&query("muted.example", A)).texts(), ["A 0.0.0.0"], "{name}");
    }
    for file in ["certificate.pem", "certificate-key.pem"] {
        let mode = sordino.dir().join("data").join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let shown = status(&sordino)["encrypted"][0].clone();
    assert_eq!((&shown["protocol"], &shown["own"]), (&"tls".into(), &true.into()));
    assert_eq!(shown["sha256"].as_str().map(str::len), Some(64));
    let config = sordino.dir().join("config.toml").display().to_string();
    let (code, said) = crate::support::sordino::run(&["--config", &config, "check"]);
    assert!(code == 0 && said.contains(shown["sha256"].as_str().unwrap()), "{said}");
    assert!(said.contains(shown["pin"].as_str().unwrap()), "{said}");

    sordino.signal("TERM");
    let again = sordino.start_again();
    assert_eq!(status(&again)["encrypted"][0]["sha256"], shown["sha256"], "it is kept over restarts");
}
