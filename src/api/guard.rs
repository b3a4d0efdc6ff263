//! What every request passes before any handler sees it: whose name it was sent to, which site sent it, and how many are
//! under way. And what every response carries.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::house::{Counters, count};
use super::kinds::Kind;
use super::problem::Problem;

/// Names that always mean this machine, besides IP literals: RFC 6761 §6.3, RFC 8375 for the home.
const OWN_NAMES: [&str; 2] = ["localhost", "sordino.home.arpa"];
/// Requests that are answered at the same time.
const MAX_REQUESTS: usize = 256;
/// The one call that takes a file.
const RESTORE: &str = "/api/v1/restore";
/// What the page may do: nothing that is not its own. Svelte makes its templates through one Trusted Types policy.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; \
     require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// The guard at the door.
pub(crate) struct Guard {
    names: Vec<String>,
    under_way: Semaphore,
    counters: Arc<Counters>,
}

impl Guard {
    /// Lets requests pass that were sent to an IP literal, to a name of this machine, or to one of `names`.
    pub(crate) fn new(names: &[String], counters: Arc<Counters>) -> Self {
        let names = names.iter().map(|name| plain(name).to_owned()).chain(OWN_NAMES.map(String::from)).collect();
        Self { names, under_way: Semaphore::new(MAX_REQUESTS), counters }
    }

    /// The first thing that speaks against a request.
    fn inspect(&self, request: &Request) -> Result<(), Problem> {
        self.inspect_host(request.uri(), request.headers())?;
        if !is_safe(request.method()) {
            inspect_site(request.uri(), request.headers())?;
            inspect_content_type(request.method(), request.uri().path(), request.headers())?;
        }
        Ok(())
    }

    /// Against DNS rebinding: a page of evil.test that makes its own name point here still says `Host: evil.test`.
    fn inspect_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let mut hosts = authorities(uri, headers).peekable();
        if hosts.peek().is_some() && hosts.all(|host| self.is_ours(host)) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "sordino answers to its IP address, to localhost and to the names in [web] hosts only. \
             Open it by its address, or add the name there.",
        )
        .of_kind(Kind::WrongHost))
    }

    fn is_ours(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        if let Some(literal) = host.strip_prefix('[') {
            return literal.strip_suffix(']').is_some_and(|literal| literal.parse::<Ipv6Addr>().is_ok());
        }
        host.parse::<Ipv4Addr>().is_ok() || self.names.iter().any(|name| name.eq_ignore_ascii_case(plain(host)))
    }
}

/// Stands in front of everything.
pub(crate) async fn stand(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api");
    let mut response = match (guard.inspect(&request), guard.under_way.try_acquire()) {
        (Err(problem), _) => problem.into_response(),
        (Ok(()), Ok(_place)) => next.run(request).await,
        (Ok(()), Err(_)) => {
            count(&guard.counters.requests_refused);
            let detail = "Too many requests are under way. Try again in a moment.";
            Problem::busy(detail, Duration::from_secs(1)).into_response()
        }
    };
    dress(response.headers_mut(), is_api);
    response
}

/// Adds what every response carries.
fn dress(headers: &mut HeaderMap, is_api: bool) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_DNS_PREFETCH_CONTROL, "off"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Against forged requests: a browser says which site a request comes from. Other programs say nothing, and have no cookie to abuse.
fn inspect_site(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let site_is_ours = headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin" || site == "none");
    let origin_is_ours = headers.get_all(header::ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        origin.is_some_and(|origin| authorities(uri, headers).all(|host| host.eq_ignore_ascii_case(origin)))
    });
    if site_is_ours && origin_is_ours {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "The request was sent by another site, so it was not carried out. Where a proxy stands in front of sordino, \
         it has to hand on the Host header as it is.",
    )
    .of_kind(Kind::OtherSite))
}

/// JSON only: a form on another site can send text, but not this content type, without asking first (Fetch §4.8).
///
/// Calls without a body need none where the browser itself says that its own page sent them; [`inspect_site`] has seen
/// to it that what it says is true.
///
/// A backup is no JSON, and its content type none that a form can send either.
fn inspect_content_type(method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let essence = content_type.map(|value| value.to_str().unwrap_or_default().split(';').next().unwrap_or_default());
    let browser_vouches = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    match essence {
        Some(essence) if essence.trim().eq_ignore_ascii_case("application/json") => Ok(()),
        Some("application/octet-stream") if path == RESTORE => Ok(()),
        None if method == Method::DELETE || browser_vouches => Ok(()),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Calls that change something need the header \"content-type: application/json\".",
        )),
    }
}

/// Whom the request names as its receiver: `Host`, and the authority in the request target where there is one.
fn authorities<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    let hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
    hosts.chain(uri.authority().map(|authority| authority.as_str()))
}

/// The host of an authority, without port; none where there is anything else in it.
fn host_of(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let port_is_one =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    (port_is_one && !host.is_empty()).then_some(host)
}

fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(&["dns.example.".into()], Arc::default())
    }

    fn request(method: Method, headers: &[(&str, &str)]) -> Request {
        let mut request = http::Request::builder().method(method).uri("/api/v1/rules");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).unwrap()
    }

    fn status(method: Method, headers: &[(&str, &str)]) -> u16 {
        guard()
            .inspect(&request(method, headers))
            .map_or_else(|problem| problem.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn the_page_may_do_nothing_that_is_not_its_own() {
        assert_eq!(
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
        );
    }

    #[test]
    fn only_our_own_names_are_answered_to() {
        for host in [
            "127.0.0.1",
            "192.168.1.2:8053",
            "[::1]",
            "[fd00::7]:8053",
            "localhost:8053",
            "LocalHost",
            "dns.example",
            "DNS.example.:80",
            "sordino.home.arpa",
        ] {
            assert_eq!(status(Method::GET, &[("host", host)]), 200, "{host}");
        }
        for host in [
            "",
            "evil.test",
            "localhost.evil.test",
            "evil.test:127",
            "127.0.0.1.evil.test",
            "[::1",
            "[evil.test]",
            "[::1]x",
            "127.0.0.1:80@evil.test",
            "evil.test#localhost",
            ".localhost",
            "2130706433",
            "localhost:80:80",
        ] {
            assert_eq!(status(Method::GET, &[("host", host)]), 421, "{host}");
        }
        assert_eq!(status(Method::GET, &[]), 421, "no host at all");
        assert_eq!(status(Method::GET, &[("host", "127.0.0.1"), ("host", "evil.test")]), 421, "two hosts");
    }

    #[test]
    fn the_target_counts_like_the_host_header() {
        let mut request = request(Method::GET, &[("host", "127.0.0.1")]);
        *request.uri_mut() = "http://evil.test/api/v1/rules".parse().unwrap();
        assert!(guard().inspect(&request).is_err());
    }

    #[test]
    fn other_sites_change_nothing() {
        let json = ("content-type", "application/json");
        let host = ("host", "127.0.0.1:8053");
        for (name, value) in [
            ("origin", "http://evil.test"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:9999"),
            ("origin", "http://127.0.0.1"),
            ("origin", "http://127.0.0.1:8053.evil.test"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert_eq!(status(method, &[host, json, (name, value)]), 403, "{name}: {value}");
            }
        }
        for (name, value) in
            [("origin", "http://127.0.0.1:8053"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")]
        {
            assert_eq!(status(Method::POST, &[host, json, (name, value)]), 200, "{name}: {value}");
        }
    }

    #[test]
    fn what_a_form_can_send_changes_nothing() {
        let host = ("host", "127.0.0.1");
        for form in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""]
        {
            assert_eq!(status(Method::POST, &[host, ("content-type", form)]), 415, "{form}");
            assert_eq!(status(Method::DELETE, &[host, ("content-type", form)]), 415, "{form}");
        }
        assert_eq!(status(Method::POST, &[host]), 415);
        assert_eq!(status(Method::DELETE, &[host]), 200);
        assert_eq!(status(Method::POST, &[host, ("origin", "http://127.0.0.1")]), 200, "its own page, and no body");
        assert_eq!(status(Method::POST, &[host, ("origin", "http://evil.test")]), 403);
        assert_eq!(status(Method::PUT, &[host, ("content-type", "Application/JSON; charset=utf-8")]), 200);
    }
}
