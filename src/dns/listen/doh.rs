//! DNS over HTTPS (RFC 8484), whatever version of HTTP carries it: what a request asks, and what is answered.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};

use super::caller::{self, Caller};
use crate::dns::labels::DeviceLabel;

/// The one path there is; a device's label may follow.
const PATH: &str = "/dns-query";
const MEDIA_TYPE: &str = "application/dns-message";
/// Octets of a header list, names and values together.
pub(super) const HEADER_LIST: u16 = 8_192;

/// What a request asks.
#[derive(Debug)]
pub(super) struct Asked {
    /// What the device calls itself in the path.
    label: Option<DeviceLabel>,
    /// The message, where it stands in the URL; else it is the body.
    pub(super) message: Option<Vec<u8>>,
}

/// A request that is not answered with a message: the status, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) &'static str);

impl Refusal {
    pub(super) const TOO_LONG: Self = Self(StatusCode::PAYLOAD_TOO_LARGE, "A DNS message has at most 65,535 octets.\n");
    pub(super) const TOO_SLOW: Self = Self(StatusCode::REQUEST_TIMEOUT, "The body took too long.\n");
    pub(super) const INCOMPLETE: Self = Self(StatusCode::BAD_REQUEST, "The body is not complete.\n");
    pub(super) const ENOUGH: Self = Self(StatusCode::SERVICE_UNAVAILABLE, "Open another connection.\n");
    const NOT_A_QUERY: Self = Self(StatusCode::BAD_REQUEST, "This is not a DNS query.\n");
}

/// Reads the head of a request.
pub(super) fn read(head: &Parts) -> Result<Asked, Refusal> {
    // RFC 9112 §3.2: without one, or with two, whoever stands between may have understood another request.
    if head.version == Version::HTTP_11 && head.headers.get_all(header::HOST).iter().count() != 1 {
        return Err(Refusal(StatusCode::BAD_REQUEST, "Name the host you mean, once.\n"));
    }
    let label = label(head.uri.path())?;
    match head.method {
        Method::GET | Method::HEAD => Ok(Asked { label, message: Some(in_url(head.uri.query().unwrap_or_default())?) }),
        Method::POST => {
            let value =
                head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let media_type = value.split(';').next().unwrap_or_default().trim();
            if media_type.eq_ignore_ascii_case(MEDIA_TYPE) {
                Ok(Asked { label, message: None })
            } else {
                Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be application/dns-message.\n"))
            }
        }
        _ => Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "Ask with GET or POST.\n")),
    }
}

/// Asks what `message` says.
pub(super) async fn ask(caller: &Caller, asked: Asked, message: &[u8]) -> Result<caller::Response, Refusal> {
    let named = Caller { label: asked.label.or_else(|| caller.label.clone()), ..caller.clone() };
    named.respond(message).await.ok_or(Refusal::NOT_A_QUERY)
}

/// The response as HTTP has it; without its body where only the head was asked for.
///
/// RFC 8484 §4.2.1: a message is 200 whatever its RCODE. §5.1: it may be kept as long as the records in it. Only by who
/// asked: another device may be told something else.
pub(super) fn response(
    answered: Result<caller::Response, Refusal>,
    head_only: bool,
    elsewhere: Option<&HeaderValue>,
) -> Response<Bytes> {
    let (status, media_type, caching, body) = match answered {
        Ok(caller::Response { message, lifetime }) => {
            let caching = lifetime.map(|seconds| format!("private, max-age={seconds}"));
            let caching = caching.and_then(|text| HeaderValue::try_from(text).ok());
            (StatusCode::OK, MEDIA_TYPE, caching, Bytes::from(message))
        }
        Err(Refusal(status, sentence)) => (status, "text/plain", None, Bytes::from_static(sentence.as_bytes())),
    };
    let length = body.len();
    let mut response = Response::new(if head_only { Bytes::new() } else { body });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CACHE_CONTROL, caching.unwrap_or(HeaderValue::from_static("no-store")));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    if let Some(elsewhere) = elsewhere {
        headers.insert(header::ALT_SVC, elsewhere.clone());
    }
    response
}

/// What a device calls itself in the path.
fn label(path: &str) -> Result<Option<DeviceLabel>, Refusal> {
    const NOTHING_HERE: Refusal = Refusal(StatusCode::NOT_FOUND, "There is nothing here but /dns-query.\n");
    let behind = path.strip_prefix(PATH).ok_or(NOTHING_HERE)?;
    if behind.is_empty() {
        return Ok(None);
    }
    let label = behind.strip_prefix('/').and_then(DeviceLabel::parse);
    label.map(Some).ok_or(NOTHING_HERE)
}

/// The message in the one variable `dns` (RFC 8484 §4.1, §6: Base64 for URLs, without padding).
fn in_url(query: &str) -> Result<Vec<u8>, Refusal> {
    const REFUSAL: Refusal =
        Refusal(StatusCode::BAD_REQUEST, "Put the query into ?dns= as Base64 for URLs, without padding.\n");
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("dns="));
    let (Some(value), None) = (values.next(), values.next()) else { return Err(REFUSAL) };
    BASE64_URL_SAFE_NO_PAD.decode(value).map_err(|_| REFUSAL)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn read_request(method: &str, uri: &str, media_type: Option<&str>) -> Result<(Option<String>, usize), u16> {
        let mut request = Request::builder().method(method).uri(uri).header("host", "dns.example");
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let asked = read(&request.body(()).unwrap().into_parts().0).map_err(|refusal| refusal.0.as_u16())?;
        Ok((asked.label.map(|label| label.as_str().to_owned()), asked.message.map_or(0, |message| message.len())))
    }

    #[test]
    fn rfc8484_4_1_what_a_request_asks() {
        let dns = Some("application/dns-message");
        for (method, uri, media_type, asked) in [
            ("GET", "/dns-query?dns=AAAB", None, Ok((None, 3))),
            ("HEAD", "/dns-query?ct&dns=AAAB&x=1", None, Ok((None, 3))),
            ("GET", "/dns-query/Phone?dns=AAAB", None, Ok((Some("phone".to_owned()), 3))),
            ("POST", "/dns-query", dns, Ok((None, 0))),
            ("POST", "/dns-query", Some("Application/DNS-message; x=y"), Ok((None, 0))),
            ("GET", "/dns-query", None, Err(400)),
            ("GET", "/dns-query?dns=", None, Ok((None, 0))),
            ("GET", "/dns-query?dns=@@@", None, Err(400)),
            ("GET", "/dns-query?dns=AA==", None, Err(400)),
            ("GET", "/dns-query?dns=AAAB&dns=AAAB", None, Err(400)),
            ("GET", "/", None, Err(404)),
            ("GET", "/dns-query/?dns=AAAB", None, Err(404)),
            ("GET", "/dns-query/a/b?dns=AAAB", None, Err(404)),
            ("GET", "/dns-query/%2e?dns=AAAB", None, Err(404)),
            ("GET", "/dns-queryx?dns=AAAB", None, Err(404)),
            ("POST", "/", dns, Err(404)),
            ("POST", "/dns-query", None, Err(415)),
            ("POST", "/dns-query", Some("application/json"), Err(415)),
            ("PUT", "/dns-query", dns, Err(405)),
            ("OPTIONS", "/dns-query", None, Err(405)),
        ] {
            assert_eq!(read_request(method, uri, media_type), asked, "{method} {uri}");
        }
    }
}
