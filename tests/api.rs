//! The API as a browser and as an attacker meet it: a real server on loopback, and real requests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

#[path = "api/broken.rs"]
mod broken;
#[path = "api/changes.rs"]
mod changes;
#[path = "api/entrance.rs"]
mod entrance;
#[path = "api/joins.rs"]
mod joins;
#[path = "api/journal.rs"]
mod journal;
#[path = "api/live.rs"]
mod live;
#[path = "api/pages.rs"]
mod pages;
#[path = "api/profiles.rs"]
mod profiles;
#[path = "api/revisions.rs"]
mod revisions;
#[path = "api/rules.rs"]
mod rules;
#[path = "api/schedules.rs"]
mod schedules;
#[path = "api/site.rs"]
mod site;
#[path = "api/whatif.rs"]
mod whatif;

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use site::{PASSWORD, Site, browser, browser_at, event, open_routes, problem};

#[tokio::test]
async fn every_route_but_the_open_ones_needs_a_login() {
    let site = Site::open().await;
    let mut closed = 0;
    for (method, path) in site::routes() {
        let response = site.call(&browser(), &method, &path).await;
        if open_routes().contains(&path.as_str()) {
            assert_ne!(response.status(), StatusCode::FORBIDDEN, "{method} {path}");
        } else {
            closed += 1;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            problem(response).await;
        }
    }
    assert!(closed > 15, "only {closed} routes need a login");
    site.close().await;
}

#[tokio::test]
async fn every_read_answers_what_it_promises() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    for (method, path) in
        site::routes().into_iter().filter(|(method, path)| method == Method::GET && !path.contains('{'))
    {
        // Streams and files; a profile takes an encrypted way in.
        if ["/live", "/export", "/backup", "/apple-profile"].iter().any(|other| path.ends_with(other)) {
            continue;
        }
        let query = match path.rsplit('/').next() {
            Some("explain") => "?name=example.org",
            Some("broken") => "?device=ip-192.168.1.7",
            _ => "",
        };
        let response = site.call(&anna, &method, &format!("{path}{query}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        response.json::<Value>().await.unwrap();
    }
    site.close().await;
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_that_says_so() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let rule = json!({"name": "a.example", "subtree": true, "action": "block", "scope": "everyone"});
    let with = |key: &str, value: Value| {
        let mut rule = rule.clone();
        rule[key] = value;
        rule.to_string()
    };
    for (method, path, body, status) in [
        ("GET", "/api", String::new(), 404),
        ("GET", "/api/v1/nothing", String::new(), 404),
        ("GET", "/api/v2/rules", String::new(), 404),
        ("DELETE", "/api/v1/rules/seven", String::new(), 404),
        ("PUT", "/api/v1/devices/phone", json!({"name": "x"}).to_string(), 404),
        ("PUT", "/api/v1/rules", rule.to_string(), 405),
        ("POST", "/somewhere", "{}".into(), 405),
        ("POST", "/api/v1/rules", "{".into(), 400),
        ("POST", "/api/v1/rules", "[]".into(), 422),
        ("POST", "/api/v1/rules", with("extra", json!(1)), 422),
        ("POST", "/api/v1/rules", with("name", json!("a..b")), 422),
        ("POST", "/api/v1/rules", with("name", json!(".")), 422),
        ("POST", "/api/v1/rules", with("until", json!(1)), 422),
        ("POST", "/api/v1/rules", with("scope", json!({"profile": "nobody"})), 422),
        ("POST", "/api/v1/rules", with("name", json!("x".repeat(70_000))), 413),
        ("GET", "/api/v1/queries?limit=0", String::new(), 422),
        ("GET", "/api/v1/queries?limit=501", String::new(), 422),
        ("GET", "/api/v1/queries?verdict=maybe", String::new(), 422),
        ("GET", "/api/v1/queries?before=x", String::new(), 422),
        ("GET", "/api/v1/devices?from=2&to=1", String::new(), 422),
        ("GET", "/api/v1/devices?from=-1", String::new(), 422),
        ("GET", "/api/v1/explain", String::new(), 422),
        ("GET", "/api/v1/explain?name=a..b", String::new(), 422),
        ("GET", "/api/v1/explain?name=a.example&type=NOTHING", String::new(), 422),
        ("GET", "/api/v1/explain?name=a.example&device=name-nobody", String::new(), 404),
        ("DELETE", "/api/v1/cache?name=a..b", String::new(), 422),
    ] {
        let method: Method = method.parse().unwrap();
        let mut request = anna.request(method.clone(), site.url(path));
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        if status == 405 {
            assert!(response.headers().contains_key("allow"), "{method} {path} does not say what is allowed");
        }
        problem(response).await;
    }
    site.close().await;
}

#[tokio::test]
async fn requests_for_other_names_are_turned_away_everywhere() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let pages =
        ["/", "/index.html", "/assets/x.js", "/devices/mac-00", "/metrics", "/api/v1/nothing"].map(String::from);
    let routes = site::routes().into_iter().chain(pages.map(|page| (Method::GET, page)));
    for (method, path) in routes {
        let request = anna.request(method.clone(), site.url(&path)).header("host", "evil.test").body("{}");
        let response = request.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{method} {path}");
        assert!(!response.headers().contains_key("set-cookie"), "{method} {path}");
    }
    site.close().await;
}

#[tokio::test]
async fn other_sites_change_nothing_even_with_the_cookie() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    for (method, path) in site::routes().into_iter().filter(|(method, _)| method != Method::GET) {
        for (name, value, status) in [
            ("origin", "http://evil.test", 403),
            ("origin", "null", 403),
            ("sec-fetch-site", "cross-site", 403),
            ("content-type", "text/plain", 415),
        ] {
            let mut request = anna.request(method.clone(), site.url(&path)).body("{}").header(name, value);
            if name != "content-type" {
                request = request.header("content-type", "application/json");
            }
            assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{method} {path} with {name}: {value}");
        }
    }
    assert!(site.is_logged_in(&anna).await, "the forged logout had no effect");
    site.close().await;
}

#[tokio::test]
async fn every_response_carries_what_protects_the_page() {
    let site = Site::open().await;
    for path in ["/", "/api/v1/health", "/api/v1/rules", "/api/v1/nothing", "/assets/nothing.js"] {
        let response = browser().get(site.url(path)).send().await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        let csp = header("content-security-policy");
        for part in [
            "default-src 'self'",
            "script-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(csp.split("; ").any(|directive| directive == part), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{path}: {csp}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("x-dns-prefetch-control"), "off", "{path}");
        if path.starts_with("/api") {
            assert_eq!(header("cache-control"), "no-store", "{path}");
        }
    }
    site.close().await;
}

#[tokio::test]
async fn a_session_begins_at_login_and_ends_at_logout() {
    let site = Site::open().await;
    // Fixation: a token that someone else put into the browser opens nothing, before the login and after it.
    let planted = format!("sordino_session={}", "ab".repeat(32));
    let anna = browser();
    let login = anna.post(site.url("/api/v1/login")).header("cookie", &planted).json(&json!({"password": PASSWORD}));
    let response = login.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|attribute| attribute == part), "{cookie}");
    }
    let planted = browser().get(site.url("/api/v1/rules")).header("cookie", planted).send().await.unwrap();
    assert_eq!(planted.status(), StatusCode::UNAUTHORIZED);

    assert!(site.is_logged_in(&anna).await);
    let first = cookie.split(';').next().unwrap().to_owned();
    let again = anna.post(site.url("/api/v1/login")).json(&json!({"password": PASSWORD})).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
    let old = browser().get(site.url("/api/v1/rules")).header("cookie", first).send().await.unwrap();
    assert_eq!(old.status(), StatusCode::UNAUTHORIZED, "a login ends the session that it was made from");

    let logout = anna.post(site.url("/api/v1/logout")).json(&json!({})).send().await.unwrap();
    assert_eq!(logout.status(), StatusCode::NO_CONTENT);
    assert!(!site.is_logged_in(&anna).await);
    site.close().await;
}

#[tokio::test]
async fn whoever_guesses_has_to_wait_and_nobody_else() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let mut delayed = 0;
    for n in 0..200 {
        let guesser = browser_at(format!("127.0.1.{}", n % 20 + 1).parse().unwrap());
        let login = guesser.post(site.url("/api/v1/login")).json(&json!({"password": format!("guess {n}")}));
        let response = login.send().await.unwrap();
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            delayed += 1;
            let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        } else {
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
        problem(response).await;
    }
    assert!(delayed >= 100, "{delayed} of 200 had to wait");
    assert!(site.is_logged_in(&anna).await, "a session that goes on is left alone");
    let bob = browser_at("127.0.2.1".parse().unwrap());
    let login = bob.post(site.url("/api/v1/login")).json(&json!({"password": PASSWORD})).send().await.unwrap();
    assert_eq!(login.status(), StatusCode::NO_CONTENT, "whoever did not guess is heard");
    site.close().await;
}

#[tokio::test]
async fn a_password_in_the_configuration_is_not_changed_by_the_page() {
    let site = Site::open().await;
    let stranger = browser();
    let session: Value = stranger.get(site.url("/api/v1/session")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&session["setup_needed"], &session["logged_in"]), (&json!(false), &json!(false)));
    let setup =
        stranger.post(site.url("/api/v1/setup")).json(&json!({"password": "mine from now on"})).send().await.unwrap();
    assert_eq!(setup.status(), StatusCode::CONFLICT);
    let anna = site.log_in().await;
    let change = json!({"current": PASSWORD, "password": "another password"});
    let change = anna.put(site.url("/api/v1/password")).json(&change).send().await.unwrap();
    assert_eq!(change.status(), StatusCode::CONFLICT);
    assert!(problem(change).await.contains("config.toml"));
    site.close().await;
}

#[tokio::test]
async fn the_first_password_is_set_on_this_machine_or_with_the_code() {
    let site = Site::without_password().await;
    let setup = |body: Value| browser().post(site.url("/api/v1/setup")).json(&body);
    assert_eq!(setup(json!({"password": "1234567"})).send().await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    for body in [json!({"password": "long enough"}), json!({"password": "long enough", "code": "wrong"})] {
        let far_away = setup(body).header("x-forwarded-for", "192.0.2.7").send().await.unwrap();
        assert_eq!(far_away.status(), StatusCode::FORBIDDEN);
    }
    let login =
        browser().post(site.url("/api/v1/login")).json(&json!({"password": "long enough"})).send().await.unwrap();
    assert_eq!(login.status(), StatusCode::CONFLICT, "there is nothing to log in with yet");
    site.close().await;
}

#[tokio::test]
async fn names_are_data() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let mut messages = site::messages(anna.get(site.url("/api/v1/queries/live")).send().await.unwrap());
    messages.next().await.unwrap();
    for hostile in [
        "<img/src=\"x\"/onerror=alert(1)>.test",
        "\\\"\\000\\010\\013data:\\013\\010.test",
        "'-alert(1)-'.test",
        "\\226\\128\\174moc.test",
    ] {
        site.tell(1, event(hostile, 1));
        let (kind, data) = messages.next().await.unwrap();
        assert_eq!(kind, "query", "{hostile}");
        let name = serde_json::from_str::<Value>(&data).unwrap()["name"].as_str().unwrap().to_owned();
        assert_eq!(name.parse::<sordino::policy::Name>(), hostile.parse(), "{hostile}");
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
    }
    site.close().await;
}

#[tokio::test]
async fn connections_are_bounded_and_a_place_comes_free() {
    let site = Site::open().await;
    let mut held = Vec::new();
    for _ in 0..128 {
        held.push(site.connect().await);
    }
    // The first 128 are accepted in order, so when this one has an answer, and it is the end, they are in.
    assert!(site::is_closed(&mut site.connect().await).await, "the 129th is turned away");
    held.pop();
    let mut tries = 0;
    while site::is_closed(&mut site.connect().await).await {
        tries += 1;
        assert!(tries < 1_000, "no place came free");
    }
    site.close().await;
}

#[tokio::test]
async fn answers_are_compressed_for_whoever_takes_it() {
    let site = Site::open().await;
    let document = browser().get(site.url("/api/openapi.json")).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(document.headers()["content-encoding"], "gzip");
    assert!(document.bytes().await.unwrap().len() < sordino::api::openapi_json().len() / 3);
    site.close().await;
}

#[tokio::test]
async fn the_stop_ends_streams_and_does_not_wait_for_those_who_do_not_read() {
    let site = Site::open().await;
    let anna = site.log_in().await;
    let mut messages = site::messages(anna.get(site.url("/api/v1/queries/live")).send().await.unwrap());
    messages.next().await.unwrap();
    let mut silent = site.connect().await;
    site::ask_and_never_read(&mut silent).await;
    site.stop();
    assert!(messages.next().await.is_none());
    tokio::time::timeout(Duration::from_secs(30), site.close()).await.expect("the server ended");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_in_one_sentence() {
    let taken = sordino::api::bind(&site::options(None)).await.unwrap();
    let options = sordino::api::Options { listen: Some(taken.local_addr().unwrap()), ..site::options(None) };
    let why = sordino::api::bind(&options).await.unwrap_err();
    assert!(why.contains("[web] listen") && why.contains("stop the program"), "{why}");
}
