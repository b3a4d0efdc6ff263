//! The page itself: the files that `make web` builds, inside the binary.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Vite puts a hash of the content into the name of everything in this directory, so it never changes.
const HASHED: &str = "assets/";
const INDEX: &str = "index.html";
const NOT_BUILT: &str = "The page was not built into this binary: run `make web`, build sordino again, and start it again. \
                         The API below /api/v1 works without it.\n";

#[derive(rust_embed::Embed)]
#[folder = "$CARGO_MANIFEST_DIR/web/dist"]
#[allow_missing = true]
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
    Page::get(INDEX).is_some()
}

fn file(path: &str, request: &HeaderMap) -> Option<Response> {
    let file = Page::get(path)?;
    let [a, b, c, d, e, f, g, h, ..] = file.metadata.sha256_hash();
    let etag = HeaderValue::try_from(format!("\"{:016x}\"", u64::from_be_bytes([a, b, c, d, e, f, g, h]))).ok()?;
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.get_all(header::IF_NONE_MATCH).iter().any(|known| *known == etag);
    let about = [(header::CACHE_CONTROL, HeaderValue::from_static(caching)), (header::ETAG, etag)];
    if known {
        return Some((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)))];
    let content: Cow<'static, [u8]> = file.data;
    Some((about, content_type, content).into_response())
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
    fn scripts_and_styles_have_the_type_that_browsers_insist_on() {
        assert_eq!(content_type("assets/index-4f2a.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("assets/a.css"), "text/css; charset=utf-8");
        assert_eq!(content_type("icon.png"), "image/png");
        assert_eq!(content_type("unknown"), "application/octet-stream");
    }
}
