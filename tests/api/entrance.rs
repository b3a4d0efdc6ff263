//! Tokens, sessions and the second factor.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sordino::api;

use super::site::{PASSWORD, Site, browser, problem, routes};

async fn made(site: &Site, anna: &Client, scope: &str) -> Value {
    let body = json!({"name": format!("for {scope}"), "scope": scope});
    let response = anna.post(site.url("/api/v1/tokens")).json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json().await.unwrap()
}

async fn with(site: &Site, token: &str, method: &Method, path: &str) -> Response {
    let path = path.replace("{id}", "7").replace("{list}", "x").replace("{name}", "x");
    let request = browser().request(method.clone(), site.url(&path)).bearer_auth(token);
    let request = if *method == Method::GET { request } else { request.json(&json!({})) };
    request.send().await.unwrap()
}

async fn kind(response: Response) -> String {
    let problem: Value = response.json().await.unwrap();
    problem["type"].as_str().unwrap_or_default().to_owned()
}

/// What the document says that a call needs: nothing, a person, or a token that reaches so far.
fn needed(document: &Value, method: &Method, path: &str) -> Option<Option<String>> {
    let security = document["paths"][path][method.as_str().to_lowercase()]["security"].as_array().unwrap();
    if security.is_empty() || security.iter().all(|one| one.as_object().unwrap().is_empty()) {
        return None;
    }
    assert!(security.iter().any(|one| one.get("login").is_some()), "{method} {path}");
    let token = security.iter().find_map(|one| one.get("token"));
    Some(token.map(|scopes| {
        let [scope] = &scopes.as_array().unwrap()[..] else { panic!("{method} {path} needs more than one scope") };
        scope.as_str().unwrap().to_owned()
    }))
}

#[tokio::test]
async fn every_route_has_a_scope_and_keeps_to_it() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let scopes = ["read", "act", "admin"];
    let mut counted = [0; 5];
    for (method, path) in routes() {
        let reach = match needed(&document, &method, &path) {
            None => {
                counted[4] += 1;
                continue;
            }
            Some(None) => scopes.len(),
            Some(Some(scope)) => scopes.iter().position(|known| *known == scope).unwrap(),
        };
        counted[reach] += 1;
        for (place, scope) in scopes.iter().enumerate() {
            let token = made(&site, &anna, scope).await;
            let response = with(&site, token["token"].as_str().unwrap(), &method, &path).await;
            let status = response.status();
            if reach == scopes.len() {
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} with {scope}");
                assert_eq!(kind(response).await, "/problems/person-needed", "{method} {path} with {scope}");
            } else if place < reach {
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} with {scope}");
                assert_eq!(kind(response).await, "/problems/scope", "{method} {path} with {scope}");
            } else {
                assert!(![401, 403].contains(&status.as_u16()), "{method} {path} with {scope}: {status}");
            }
            let path = format!("/api/v1/tokens/{}", token["id"]);
            assert_eq!(anna.delete(site.url(&path)).send().await.unwrap().status(), StatusCode::NO_CONTENT);
        }
    }
    assert!(counted.iter().all(|count| *count > 2), "read, act, admin, a person, open: {counted:?}");
    site.close().await;
}

#[tokio::test]
async fn a_token_is_shown_once_kept_as_a_hash_and_taken_back() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let token = made(&site, &anna, "read").await;
    let text = token["token"].as_str().unwrap();
    let list = async || -> Value { anna.get(site.url("/api/v1/tokens")).send().await.unwrap().json().await.unwrap() };
    assert_eq!(list().await[0]["last_used"], Value::Null);
    assert!(!list().await.to_string().contains(&text[8..]), "the list shows no token");
    let settings = std::fs::read_to_string(site.settings()).unwrap();
    assert!(settings.contains("for read") && !settings.contains(&text[8..]), "the disk has no token");
    assert_eq!(with(&site, text, &Method::GET, "/api/v1/rules").await.status(), StatusCode::OK);
    assert!(list().await[0]["last_used"].as_u64().unwrap() > 0);
    assert_eq!(with(&site, text, &Method::GET, "/metrics").await.status(), StatusCode::OK);
    // The cookie of a person does not help a token that is none.
    let both = anna.get(site.url("/api/v1/rules")).bearer_auth("sordino_00").send().await.unwrap();
    assert_eq!(both.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(kind(both).await, "/problems/token");

    let live = with(&site, text, &Method::GET, "/api/v1/queries/live").await;
    assert_eq!(live.status(), StatusCode::OK);
    let gone = anna.delete(site.url(&format!("/api/v1/tokens/{}", token["id"]))).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    live.bytes().await.expect("the stream ends with its token");
    assert_eq!(with(&site, text, &Method::GET, "/api/v1/rules").await.status(), StatusCode::UNAUTHORIZED);
    let again = anna.delete(site.url(&format!("/api/v1/tokens/{}", token["id"]))).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    for body in [
        json!({"name": "", "scope": "read"}),
        json!({"name": "x".repeat(65), "scope": "read"}),
        json!({"name": "a\nb", "scope": "read"}),
        json!({"name": "x", "scope": "everything"}),
        json!({"name": "x", "scope": "read", "until": 1}),
    ] {
        let refused = anna.post(site.url("/api/v1/tokens")).json(&body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        problem(refused).await;
    }
    site.close().await;
}

#[tokio::test]
async fn a_token_outlives_a_restart_and_ends_when_it_was_said() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let until = now() + 1_500;
    let body = json!({"name": "short", "scope": "read", "until": until});
    let short: Value = anna.post(site.url("/api/v1/tokens")).json(&body).send().await.unwrap().json().await.unwrap();
    let long = made(&site, &anna, "act").await;
    let site = site.restart().await;
    let ask = async |token: &Value| {
        with(&site, token["token"].as_str().unwrap(), &Method::GET, "/api/v1/rules").await.status()
    };
    assert_eq!(ask(&long).await, StatusCode::OK);
    while now() < until {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&short).await, StatusCode::UNAUTHORIZED);
    let anna = site.log_in().await;
    let list: Value = anna.get(site.url("/api/v1/tokens")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&list[0]["ended"], &list[1]["ended"]), (&json!(true), &json!(false)), "{list}");
    site.close().await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let site = Site::open().await;
    let (anna, bob, carl) = (site.log_in().await, site.log_in().await, site.log_in().await);
    let list: Value = anna.get(site.url("/api/v1/sessions")).send().await.unwrap().json().await.unwrap();
    let rows = list.as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["current"] == true).collect::<Vec<_>>(), [false, false, true], "{list}");
    assert_eq!(rows[0]["address"], "127.0.0.1");
    let end = anna.delete(site.url(&format!("/api/v1/sessions/{}", rows[0]["id"]))).send().await.unwrap();
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    assert!(!site.is_logged_in(&carl).await && site.is_logged_in(&bob).await);
    let end = anna.delete(site.url("/api/v1/sessions")).send().await.unwrap();
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    assert!(!site.is_logged_in(&bob).await && site.is_logged_in(&anna).await);
    site.close().await;
}

#[tokio::test]
async fn a_second_factor_is_asked_for_once_it_is_confirmed_and_no_code_works_twice() {
    let site = Site::open().await;
    let (anna, bob) = (site.log_in().await, site.log_in().await);
    let post = async |browser: &Client, path: &str, body: Value| {
        browser.post(site.url(path)).json(&body).send().await.unwrap()
    };
    let wrong = post(&anna, "/api/v1/second-factor", json!({"password": "not this one"})).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let early = post(&anna, "/api/v1/second-factor/confirm", json!({"code": "000000"})).await;
    assert_eq!(early.status(), StatusCode::CONFLICT);
    let begun: Value = post(&anna, "/api/v1/second-factor", json!({"password": PASSWORD})).await.json().await.unwrap();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert_eq!(begun["uri"], format!("otpauth://totp/sordino?secret={secret}&issuer=sordino"));
    assert!(site.log_in().await.get(site.url("/api/v1/rules")).send().await.unwrap().status().is_success());
    let bad = post(&anna, "/api/v1/second-factor/confirm", json!({"code": "12345"})).await;
    assert_eq!((bad.status(), kind(bad).await.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "/problems/wrong-code"));
    let first = code(&secret, 0);
    let confirmed = post(&anna, "/api/v1/second-factor/confirm", json!({"code": first})).await;
    assert_eq!(confirmed.status(), StatusCode::OK);
    let codes: Value = confirmed.json().await.unwrap();
    let codes: Vec<&str> =
        codes["recovery_codes"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(codes.len(), 10);
    assert!(site.is_logged_in(&anna).await && !site.is_logged_in(&bob).await, "other sessions end");
    let settings = std::fs::read_to_string(site.settings()).unwrap();
    assert!(codes.iter().all(|code| !settings.contains(&code.replace('-', ""))), "recovery codes are kept hashed");

    let log_in = async |code: Option<&str>| {
        let body = match code {
            Some(code) => json!({"password": PASSWORD, "code": code}),
            None => json!({"password": PASSWORD}),
        };
        let response = post(&browser(), "/api/v1/login", body).await;
        let status = response.status();
        if status.is_success() { "in".to_owned() } else { kind(response).await }
    };
    assert_eq!(log_in(None).await, "/problems/code-needed");
    assert_eq!(log_in(Some(&first)).await, "/problems/wrong-code", "what confirmed it is used up");
    let next = code(&secret, 1);
    assert_eq!(log_in(Some(&next)).await, "in", "the next one works already");
    assert_eq!(log_in(Some(&next)).await, "/problems/wrong-code", "and not twice");
    assert_eq!(log_in(Some(&codes[3].to_uppercase())).await, "in");
    assert_eq!(log_in(Some(codes[3])).await, "/problems/wrong-code");
    let state: Value = anna.get(site.url("/api/v1/second-factor")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&state["on"], &state["recovery_left"]), (&json!(true), &json!(9)));

    let off = post(&anna, "/api/v1/second-factor/off", json!({"password": PASSWORD})).await;
    assert_eq!(off.status(), StatusCode::NO_CONTENT);
    assert_eq!(log_in(None).await, "in");
    site.close().await;
}

#[tokio::test]
async fn a_code_that_was_used_is_used_after_a_restart_too() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let begin = anna.post(site.url("/api/v1/second-factor")).json(&json!({"password": PASSWORD}));
    let begun: Value = begin.send().await.unwrap().json().await.unwrap();
    let used = code(begun["secret"].as_str().unwrap(), 0);
    let confirm = anna.post(site.url("/api/v1/second-factor/confirm")).json(&json!({"code": used}));
    assert_eq!(confirm.send().await.unwrap().status(), StatusCode::OK);
    let site = site.restart().await;
    let login = browser().post(site.url("/api/v1/login")).json(&json!({"password": PASSWORD, "code": used}));
    let login = login.send().await.unwrap();
    assert_eq!(login.status(), StatusCode::UNAUTHORIZED);
    site.close().await;
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// The code of `steps` after this one, computed apart from the server: RFC 6238 over RFC 4226 §5.3.
fn code(secret: &str, steps: u64) -> String {
    let mut bits = 0_u128;
    let mut key = Vec::new();
    let mut count = 0;
    for letter in secret.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
        (bits, count) = (bits << 5 | value as u128, count + 5);
        if count >= 8 {
            count -= 8;
            key.push((bits >> count & 0xff) as u8);
        }
    }
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let sum = ring::hmac::sign(&key, &(now() / 30_000 + steps).to_be_bytes());
    let offset = usize::from(sum.as_ref()[19] & 15);
    let word = u32::from_be_bytes(sum.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}
