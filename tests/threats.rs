//! Attacks on the page and the API that no other file tries; `docs/threats.md` says what is where.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use support::forwarder::Forwarder;
use support::rest::{PASSWORD, Rest};
use support::sordino::{Setup, Sordino};

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    (forwarder, sordino)
}

#[test]
fn w5_a_session_does_not_outlive_a_power_cut() {
    let (_forwarder, sordino) = house();
    let rest = sordino.rest();
    let (_, cookie) = raw(&sordino, "POST /api/v1/login", &json!({ "password": PASSWORD }).to_string(), "");
    let cookie = cookie.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().to_owned();
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
    assert_eq!(raw(&sordino, "GET /api/v1/rules", "", &cookie).0, 200);
    drop(rest);
    let sordino = sordino.kill_and_restart();
    assert_eq!(raw(&sordino, "GET /api/v1/rules", "", &cookie).0, 401);
}

#[test]
fn w6_names_resolve_while_two_hundred_log_in() {
    let (_forwarder, sordino) = house();
    sordino.rest();
    sordino.resolve("cached.example");
    let page = sordino.page().to_owned();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let logins: Vec<_> = (0..20)
            .map(|number| {
                let page = page.clone();
                scope.spawn(move || {
                    let rest = Rest::to(&page);
                    let body = json!({ "password": format!("guess of {number}") });
                    (0..10).map(|_| rest.post("/api/v1/login", &body).0).collect::<Vec<_>>()
                })
            })
            .collect();
        let asked = scope.spawn(|| {
            let mut asked = 0;
            while !over.load(Ordering::Relaxed) {
                assert!(!sordino.resolve("cached.example").is_empty());
                asked += 1;
            }
            asked
        });
        let statuses: Vec<StatusCode> = logins.into_iter().flat_map(|login| login.join().unwrap()).collect();
        over.store(true, Ordering::Relaxed);
        assert_eq!(statuses.len(), 200);
        assert!(statuses.iter().all(|status| [401, 429].contains(&status.as_u16())), "{statuses:?}");
        assert!(asked.join().unwrap() > 0);
    });
}

#[test]
fn w7_no_path_leads_out_of_the_page() {
    let (_forwarder, sordino) = house();
    let up = ["..", "%2e%2e", "..%2f", "%2e%2e%2f", "..%5c", "%252e%252e", "....//", "..;", "%c0%ae%c0%ae", ".%00."];
    let ends = ["etc/passwd", "config.toml", "data/settings.json", "Cargo.toml", "proc/self/environ"];
    let begins = ["/", "/assets/", "//", "/api/v1/../../", "/assets/%2f"];
    let mut tried = 0;
    for begin in begins {
        for up in up {
            for end in ends {
                let path = format!("{begin}{up}/{up}/{up}/{end}");
                let (status, answer) = raw(&sordino, &format!("GET {path}"), "", "");
                assert!(status < 500 && status != 0, "{path}: {status}");
                for inside in ["root:x:", "password_hash", "[dns]", "[package]", "PATH="] {
                    assert!(!answer.contains(inside), "{path}: {answer}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn w7_a_backup_is_checked_like_what_the_page_takes() {
    let (_forwarder, sordino) = house();
    let rest = sordino.rest();
    let file = |settings: &Value| backup(&json!({"version": 1, "settings": settings}).to_string());
    let rule = |name: &str, comment: &str| {
        json!({"id": 1, "name": name, "subtree": true, "action": "block", "scope": "everyone", "since": 0, "until": null,
            "comment": comment})
    };
    let (status, said) = rest.send_file("/api/v1/restore", file(&json!({"rules": [rule("ads.example", "well")]})));
    assert_eq!(status, StatusCode::OK, "the file of this test is one: {said}");
    let before = rest.read("/api/v1/rules");
    let phone = "mac-3c:5a:b4:01:02:03";
    let list = |name: &str, source: &str| json!({"name": name, "source": source, "action": "block", "format": "auto", "enabled": false});
    let record = |value: &str| json!({"id": 1, "name": "a.home.arpa", "kind": "A", "value": value, "ttl": 60});
    let mut bad = vec![
        json!({"rules": [rule("a..b", "")]}),
        json!({"rules": [rule("ads.example", ""), rule("tv.example", "")]}),
        json!({"lists": [list("x", "file:///etc/shadow")]}),
        json!({"lists": [list("x", "http://127.0.0.1/list")]}),
        json!({"lists": [list("x", "https://lists.example/"), list("x", "https://lists.example/")]}),
        json!({"records": [record("not an address")]}),
        json!({"password_hash": "hunter2"}),
        json!({"device_names": vec![json!([phone, "x"]); 10_001]}),
        json!({"what": "nobody knows"}),
    ];
    for text in ["a\nb", "a\rb", "a\0b", "", " a", &"x".repeat(1 << 20)] {
        bad.push(json!({"device_names": [[phone, text]]}));
        bad.push(json!({"lists": [list(text, "https://lists.example/")]}));
        if !text.is_empty() && text != " a" {
            bad.push(json!({"rules": [rule("ads.example", text)]}));
        }
    }
    for settings in bad {
        let shown = settings.to_string().chars().take(120).collect::<String>();
        let (status, problem) = rest.send_file("/api/v1/restore", file(&settings));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{shown}: {problem}");
        assert_eq!(problem["type"], "/problems/no-backup", "{shown}");
        assert_eq!(rest.read("/api/v1/rules"), before, "{shown}");
    }
    // What is only odd is data.
    for text in ["\"", "$(id)", "../../x", "<img src=x onerror=alert(1)>"] {
        let (status, said) = rest.send_file("/api/v1/restore", file(&json!({"device_names": [[phone, text]]})));
        assert_eq!(status, StatusCode::OK, "{text}: {said}");
    }
}

#[test]
fn w8_no_secret_is_logged() {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).through(&["env", "SORDINO_LOG=debug"]).start();
    let rest = sordino.rest();
    let (_, token) = rest.post("/api/v1/tokens", &json!({"name": "a program", "scope": "read"}));
    let token = token["token"].as_str().unwrap().to_owned();
    let (_, begun) = rest.post("/api/v1/second-factor", &json!({ "password": PASSWORD }));
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let call = |headers: &[(&str, &str)]| rest.request(Method::GET, "/api/v1/rules", headers, "").0;
    assert_eq!(call(&[("authorization", &bearer)]), StatusCode::OK);
    assert_eq!(call(&[("authorization", "Bearer sordino_marker-of-a-wrong-token")]), StatusCode::UNAUTHORIZED);
    rest.post("/api/v1/login", &json!({"password": "marker-of-a-wrong-password"}));
    rest.file("/api/v1/backup?secrets=true");
    let said = sordino.stderr();
    assert!(said.contains("a token was made"), "{said}");
    for secret in [PASSWORD, &token, &token[8..], &secret, "marker-of-a-wrong", "$argon2"] {
        assert!(!said.contains(secret), "{secret} is in the log:\n{said}");
    }
}

#[test]
fn w9_calls_of_every_kind_at_once_do_no_harm() {
    const WORKERS: u64 = 6;
    const ROUNDS: u64 = 12;
    let (_forwarder, sordino) = house();
    let rest = sordino.rest();
    rest.post(
        "/api/v1/rules",
        &json!({"name": "muted.example", "subtree": true, "action": "block", "scope": "everyone"}),
    );
    let file = rest.file("/api/v1/backup");
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (rest, file, answered) = (sordino.rest(), file.clone(), &answered);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let name = format!("w{worker}r{round}.example");
                        let rule = json!({"name": name, "subtree": true, "action": "block", "scope": "everyone"});
                        let calls = [
                            rest.post("/api/v1/rules", &rule),
                            rest.get("/api/v1/queries?limit=50"),
                            rest.get("/api/v1/overview"),
                            rest.get("/api/v1/devices"),
                            rest.get("/api/v1/queries/export?format=jsonl"),
                            rest.delete("/api/v1/cache"),
                            rest.get("/api/v1/status"),
                            match worker {
                                0 => rest.delete("/api/v1/history?all=true"),
                                1 => rest.send_file("/api/v1/restore", file.clone()),
                                2 => rest.get("/api/v1/backup"),
                                3 => rest.post("/api/v1/reload", &json!({})),
                                4 => rest.put("/api/v1/devices/mac-3c:5a:b4:01:02:03", &json!({"name": name})),
                                _ => rest.get("/api/v1/firsts"),
                            },
                        ];
                        for (status, answer) in calls {
                            // Busy is an answer; a mistake is none.
                            let is_busy = status == StatusCode::SERVICE_UNAVAILABLE;
                            assert!(is_busy || !status.is_server_error(), "{status}: {answer}");
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !over.load(Ordering::Relaxed) {
                assert!(!sordino.resolve(&format!("q{asked}.example")).is_empty());
                assert_eq!(sordino.resolve("www.muted.example"), ["A 0.0.0.0"]);
                asked += 1;
            }
            asked
        });
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        over.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 10);
    });
    assert_eq!(answered.load(Ordering::Relaxed), WORKERS * ROUNDS * 8);
    assert!(!sordino.stderr().contains("panicked"), "{}", sordino.stderr());
}

/// A backup of layout 2 without history, made apart from sordino: see `src/store/backup/frame.rs`.
fn backup(settings: &str) -> Vec<u8> {
    let about = json!({"sordino": "0.1.0", "made": 0, "layout": 2, "history": false, "secrets": false}).to_string();
    let mut bytes = b"sordino backup\r\n\0\x01".to_vec();
    let frame = |bytes: &mut Vec<u8>, kind: u8, content: &[u8]| {
        let begin = bytes.len();
        bytes.push(kind);
        bytes.extend((content.len() as u32).to_be_bytes());
        bytes.extend(content);
        let checksum = crc32fast::hash(&bytes[begin..]);
        bytes.extend(checksum.to_be_bytes());
    };
    frame(&mut bytes, b'A', about.as_bytes());
    frame(&mut bytes, b'S', settings.as_bytes());
    let sum = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let end = [&2_u64.to_be_bytes()[..], sum.as_ref()].concat();
    frame(&mut bytes, b'E', &end);
    bytes
}

/// A request as it is written, without a library that would make its path decent; status, and all that came.
fn raw(sordino: &Sordino, line: &str, body: &str, headers: &str) -> (u16, String) {
    let address = sordino.page().trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}
