//! The profile for Apple's devices, read by a reader of property lists that is not ours.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test fails by panicking, and says why it is skipped

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::Value;
use support::forwarder::Forwarder;
use support::secure::Pair;
use support::sordino::{Setup, Sordino};

const PATH: &str = "/api/v1/apple-profile";

fn profile(sordino: &Sordino, parameters: &str) -> (u16, String) {
    let (status, text) = sordino.rest().request(Method::GET, &format!("{PATH}{parameters}"), &[], "");
    (status.as_u16(), text)
}

/// The property list as JSON, data as text in Base64; none where Python is not here.
fn parsed(text: &str) -> Option<Value> {
    let script = "import base64, json, plistlib, sys\n\
                  print(json.dumps(plistlib.loads(sys.stdin.buffer.read()), default=lambda d: base64.b64encode(d).decode()))";
    let mut command = Command::new("python3");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("skipped: python3 is not here");
        return None;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "no property list: {text}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_profile_sends_the_device_to_the_way_in_that_is_served() {
    let forwarder = Forwarder::plain();
    let setup = Setup::before(&forwarder).set("dns", "names", r#"["dns.example"]"#);
    let pair = Pair::write(setup.dir(), 2099);
    let sordino = setup.table(&pair.way("https")).start();
    let (status, text) = profile(&sordino, "?device=phone&ssid=Home%20%26%20%3Cgarden%3E");
    assert_eq!(status, 200, "{text}");
    let Some(plist) = parsed(&text) else { return };
    assert_eq!((&plist["PayloadType"], &plist["PayloadVersion"]), (&"Configuration".into(), &1.into()));
    let [payload] = plist["PayloadContent"].as_array().unwrap().as_slice() else { panic!("{plist}") };
    assert_eq!(payload["PayloadType"], "com.apple.dnsSettings.managed");
    let settings = &payload["DNSSettings"];
    let port = sordino.way("https").port();
    assert_eq!(settings["DNSProtocol"], "HTTPS");
    assert_eq!(settings["ServerURL"], format!("https://dns.example:{port}/dns-query/phone"));
    assert_eq!(payload["OnDemandRules"][0]["SSIDMatch"][0], "Home & <garden>");
    assert_eq!(payload["OnDemandRules"][1]["Action"], "Disconnect");
    // Twice is another profile that takes the place of the first.
    let again = parsed(&profile(&sordino, "").1).unwrap();
    assert_ne!(again["PayloadUUID"], plist["PayloadUUID"]);
    assert_eq!(again["PayloadIdentifier"], plist["PayloadIdentifier"]);
}

#[test]
fn a_certificate_of_our_own_making_comes_with_the_profile() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).table("\n[dns.https]\nlisten = [\"127.0.0.1:0\"]\n").start();
    let (status, text) = profile(&sordino, "");
    assert_eq!(status, 200, "{text}");
    let Some(plist) = parsed(&text) else { return };
    let trust = &plist["PayloadContent"][1];
    assert_eq!(trust["PayloadType"], "com.apple.security.root");
    let pem = std::fs::read_to_string(sordino.dir().join("data/certificate.pem")).unwrap();
    let kept: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert_eq!(trust["PayloadContent"], kept, "the very certificate that is shown");
}

#[test]
fn where_no_profile_can_be_made_it_is_said_why() {
    let forwarder = Forwarder::plain();
    let plain = Setup::before(&forwarder).start();
    let (status, said) = profile(&plain, "");
    assert!(status == 409 && said.contains("Switch one of them on"), "{said}");
    let on_another_port = Setup::before(&forwarder).table("\n[dns.tls]\nlisten = [\"127.0.0.1:0\"]\n").start();
    let (status, said) = profile(&on_another_port, "?protocol=tls");
    assert!(status == 409 && said.contains("port 853"), "{said}");
    for wrong in ["?protocol=quic", "?device=a.b", "?device=-a", "?ssid=a%0Ab"] {
        let (status, said) = profile(&plain, wrong);
        assert_eq!(status, 422, "{wrong}: {said}");
    }
}
