//! Who may call the API, and from where.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test fails by panicking

mod support;

use reqwest::{Method, StatusCode};
use serde_json::json;

use support::forwarder::Forwarder;
use support::rest::{PASSWORD, Rest};
use support::sordino::{Setup, Sordino, run_with_input};

fn house() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let sordino = Setup::before(&forwarder).start();
    (forwarder, sordino)
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// Every path of the API's own description, with something in the place of its parameters.
fn calls(rest: &Rest) -> Vec<(Method, String)> {
    let described = rest.read("/api/openapi.json");
    let mut calls = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if let Ok(method) = method.to_uppercase().parse::<Method>() {
                calls.push((method, path.replace("{id}", "1")));
            }
        }
    }
    assert!(calls.len() > 15, "{calls:?}");
    calls
}

#[test]
fn everything_but_the_door_itself_needs_the_login() {
    let (_forwarder, sordino) = house();
    sordino.rest();
    let stranger = Rest::to(sordino.page());
    let open = ["/health", "/session", "/setup", "/login", "/logout", "/openapi.json"];
    for (method, path) in calls(&stranger) {
        let (status, body) = stranger.request(method.clone(), &path, &[JSON], "{}");
        let is_open = open.iter().any(|door| path.ends_with(door));
        if is_open {
            assert!(!status.is_server_error(), "{method} {path}: {status}");
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}: {body}");
            assert!(body.contains("\"status\":401"), "RFC 9457: {body}");
        }
    }
}

#[test]
fn rfc9457_mistakes_are_problems_with_a_sentence() {
    let (_forwarder, sordino) = house();
    let rest = sordino.rest();
    for (method, path, body) in [
        (Method::GET, "/api/v1/nothing", ""),
        (Method::GET, "/api/v1/queries?limit=much", ""),
        (Method::GET, "/api/v1/devices/mac-zz", ""),
        (Method::DELETE, "/api/v1/rules/999", ""),
        (Method::POST, "/api/v1/rules", "{"),
        (Method::POST, "/api/v1/rules", r#"{"name":"a..b","subtree":true,"action":"block","scope":"everyone"}"#),
        (Method::POST, "/api/v1/rules", r#"{"name":"a.example","subtree":true,"action":"explode","scope":"everyone"}"#),
        (Method::PUT, "/api/v1/health", "{}"),
    ] {
        let (status, text) = rest.request(method.clone(), path, &[JSON], body);
        assert!(status.is_client_error(), "{method} {path}: {status}");
        let problem: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {text}"));
        assert_eq!(problem["status"], status.as_u16(), "{text}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{text}");
    }
}

/// A page elsewhere must not read or change anything through the browser of someone at home.
#[test]
fn other_sites_are_turned_away() {
    let (_forwarder, sordino) = house();
    let rest = sordino.rest();
    let rule = r#"{"name":"a.example","subtree":true,"action":"block","scope":"everyone"}"#;
    for headers in [
        vec![JSON, ("origin", "http://evil.example")],
        vec![JSON, ("sec-fetch-site", "cross-site")],
        vec![("content-type", "text/plain")],
        vec![("content-type", "application/x-www-form-urlencoded")],
    ] {
        let (status, body) = rest.request(Method::POST, "/api/v1/rules", &headers, rule);
        assert!([403, 415].contains(&status.as_u16()), "{headers:?}: {status} {body}");
    }
    assert_eq!(rest.read("/api/v1/rules"), json!([]));
    // DNS rebinding: a name of somebody else's that leads here.
    for path in ["/", "/api/v1/health", "/api/v1/status", "/api/openapi.json"] {
        let (status, _) = rest.request(Method::GET, path, &[("host", "evil.example")], "");
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    let port = sordino.page().trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let (status, _) = rest.request(Method::GET, "/api/v1/health", &[("host", &host)], "");
        assert_eq!(status, StatusCode::OK, "{host}");
    }
}

#[test]
fn the_first_password_is_set_once() {
    let (_forwarder, sordino) = house();
    let rest = Rest::to(sordino.page());
    assert_eq!(rest.read("/api/v1/session")["setup_needed"], true);
    assert_eq!(rest.post("/api/v1/setup", &json!({ "password": "short" })).0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(rest.post("/api/v1/setup", &json!({ "password": PASSWORD })).0, StatusCode::NO_CONTENT);
    let session = rest.read("/api/v1/session");
    assert_eq!((&session["setup_needed"], &session["logged_in"]), (&json!(false), &json!(true)));
    let other = Rest::to(sordino.page());
    assert_eq!(other.post("/api/v1/setup", &json!({ "password": "another one" })).0, StatusCode::CONFLICT);
    assert_eq!(other.post("/api/v1/login", &json!({ "password": "another one" })).0, StatusCode::UNAUTHORIZED);
    assert_eq!(other.read("/api/v1/session")["logged_in"], false);
    // Leaving ends the session, not only the cookie.
    assert_eq!(rest.post("/api/v1/logout", &json!({})).0, StatusCode::NO_CONTENT);
    assert_eq!(rest.get("/api/v1/status").0, StatusCode::UNAUTHORIZED);
}

#[test]
fn guessing_is_slowed_down_and_whoever_is_in_stays_in() {
    let (_forwarder, sordino) = house();
    let inside = sordino.rest();
    let guesser = Rest::to(sordino.page());
    let slowed = (0..30).any(|number| {
        let (status, _) = guesser.post("/api/v1/login", &json!({ "password": format!("guess number {number}") }));
        status == StatusCode::TOO_MANY_REQUESTS
    });
    assert!(slowed, "thirty guesses in a row");
    assert_eq!(inside.get("/api/v1/status").0, StatusCode::OK);
}

#[test]
fn a_password_from_the_configuration_opens_the_door() {
    let (code, hash) = run_with_input(&["hash-password"], &format!("{PASSWORD}\n"));
    assert_eq!(code, 0, "{hash}");
    let forwarder = Forwarder::plain();
    let hash = format!("{:?}", hash.trim());
    let sordino = Setup::before(&forwarder).set("web", "password_hash", &hash).start();
    let rest = Rest::to(sordino.page());
    assert_eq!(rest.read("/api/v1/session")["setup_needed"], false);
    rest.enter();
    assert_eq!(rest.get("/api/v1/status").0, StatusCode::OK);
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let (_forwarder, sordino) = house();
    // reqwest is built without a TLS provider of its own; whoever set one first set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let response = runtime.block_on(client.get(sordino.page()).send()).unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let policy = header("content-security-policy").expect("a content security policy");
    for directive in ["default-src", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "no {directive} in {policy}");
    }
    assert!(!policy.contains("unsafe-eval") && !policy.contains("http:"), "{policy}");
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
    assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"));
}
