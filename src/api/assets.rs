//! The page itself: the files that `make web` builds, inside the binary. Text lies there as `build.rs` packed it, which
//! spares a megabyte of flash, and a router the packing at every visit.

use std::borrow::Cow;
use std::io::Read;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Vite puts a hash of the content into the name of everything in this directory, so it never changes.
const HASHED: &str = "assets/";
const INDEX: &str = "index.html";
const NOT_BUILT: &str = "The page was not built into this binary: run `make web`, build sordino again, and start it again. \
                         The API below /api/v1 works without it.\n";

#[derive(rust_embed::Embed)]
#[folder = "$OUT_DIR/page"]
struct Page;

/// Answers everything that is no route of the API: a file, or the page, which knows its own routes.
pub(crate) async fn serve(method: Method, uri: Uri, request: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Problem::new(StatusCode::NOT_FOUND, "There is no such call. /api/openapi.json lists all of them.")
            .into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read.");
        return ([(header::ALLOW, HeaderValue::from_static("GET, HEAD"))], problem).into_response();
    }
    if let Some(response) = file(path, &request) {
        return response;
    }
    if path.starts_with(HASHED) {
        return Problem::not_found("such file; load the page again").into_response();
    }
    file(INDEX, &request).unwrap_or_else(|| {
        let status = if path.is_empty() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        (status, NOT_BUILT).into_response()
    })
}

/// Whether the page was built.
pub(crate) fn is_built() -> bool {
    Page::get(&packed(INDEX)).is_some()
}

/// What a file that is text is called in the binary.
fn packed(path: &str) -> String {
    format!("{path}.gz")
}

fn file(path: &str, request: &HeaderMap) -> Option<Response> {
    let (file, is_packed) = match Page::get(&packed(path)) {
        Some(file) => (file, true),
        None => (Page::get(path).filter(|_| !path.ends_with(".gz"))?, false),
    };
    let [a, b, c, d, e, f, g, h, ..] = file.metadata.sha256_hash();
    // Weak, as packed and unpacked are the same to a reader and not to a program that counts octets (RFC 9110 §8.8.1).
    let etag = HeaderValue::try_from(format!("W/\"{:016x}\"", u64::from_be_bytes([a, b, c, d, e, f, g, h]))).ok()?;
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.get_all(header::IF_NONE_MATCH).iter().any(|known| *known == etag);
    let about = [
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, etag),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if known {
        return Some((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)))];
    if is_packed && !takes_gzip(request) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*file.data).read_to_end(&mut plain).ok()?;
        return Some((about, content_type, plain).into_response());
    }
    let content: Cow<'static, [u8]> = file.data;
    let encoding = is_packed.then_some([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
    Some((about, content_type, encoding, content).into_response())
}

/// Whether `gzip` is among what the browser unpacks, and not with a weight of nothing (RFC 9110 §12.5.3). `*` is not
/// taken for it: who asks so is no browser, and plain is right for everybody.
fn takes_gzip(request: &HeaderMap) -> bool {
    let codings = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// As registered; text is always UTF-8 here, and browsers are told not to guess.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_page_is_served() {
        for path in [
            "../Cargo.toml",
            "../../Cargo.toml",
            "/etc/passwd",
            "assets/../../Cargo.toml",
            "..%2fCargo.toml",
            "%2e%2e/x",
        ] {
            assert!(file(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn a_browser_is_sent_what_it_can_unpack() {
        for (accepted, taken) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, deflate", false),
            ("identity", false),
            ("x-gzip-like, *", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(takes_gzip(&headers), taken, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn scripts_and_styles_have_the_type_that_browsers_insist_on() {
        assert_eq!(content_type("assets/index-4f2a.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("assets/a.css"), "text/css; charset=utf-8");
        assert_eq!(content_type("icon.png"), "image/png");
        assert_eq!(content_type("unknown"), "application/octet-stream");
    }
}
