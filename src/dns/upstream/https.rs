//! DNS over HTTPS towards a forwarder (RFC 8484), on HTTP/2 and HTTP/3.

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf as _, Bytes};
use h3_quinn::OpenStreams;
use hickory_net::NetError;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2;
use hyper::header::{ACCEPT, AGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::broken;
use super::endpoint::{Endpoint, Host};
use super::quic;
use crate::dns::wire::{Reader, rr_type};

/// What a query and its response are.
const DNS_MESSAGE: &str = "application/dns-message";
/// No message is longer.
const LONGEST: usize = 65_535;
/// Octets of header fields that a response may have.
const HEADER_LIST: u32 = 16_384;
/// Streams of one direction that a server of HTTP/3 opens: control, two of QPACK, and one that may be ignored.
const UNIDIRECTIONAL: u8 = 4;

/// A connection to a server of HTTP/2, which ends with the last clone of this.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    uri: Uri,
}

impl Http2 {
    pub(super) async fn over<Io>(io: Io, endpoint: &Endpoint) -> Result<Self, NetError>
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new()).max_header_list_size(HEADER_LIST);
        let (sender, connection) = http.handshake(TokioIo::new(io)).await.map_err(broken)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a forwarder ended");
            }
        });
        Ok(Self { sender, uri: uri(endpoint)? })
    }

    pub(super) async fn exchange(&self, query: Vec<u8>) -> Result<Vec<u8>, NetError> {
        let request = request(&self.uri, query.len()).map(|()| Full::from(query));
        let (head, body) = self.sender.clone().send_request(request).await.map_err(broken)?.into_parts();
        is_message(head.status, &head.headers)?;
        let message = Limited::new(body, LONGEST).collect().await.map_err(broken)?.to_bytes().into();
        Ok(aged(message, &head.headers))
    }
}

/// The same of HTTP/3.
#[derive(Clone)]
pub(super) struct Http3 {
    sender: h3::client::SendRequest<OpenStreams, Bytes>,
    uri: Uri,
}

impl Http3 {
    pub(super) async fn connect(
        endpoint: &Endpoint,
        address: SocketAddr,
        tls: &rustls::ClientConfig,
    ) -> Result<Self, NetError> {
        let name = endpoint.certificate_name();
        let connection = quic::connect(address, &name, tls, b"h3", UNIDIRECTIONAL).await?;
        let mut http = h3::client::builder();
        http.max_field_section_size(HEADER_LIST.into()).send_grease(false);
        let (mut driver, sender) = http.build(h3_quinn::Connection::new(connection)).await.map_err(broken)?;
        tokio::spawn(async move {
            let error = driver.wait_idle().await;
            tracing::debug!(%error, "a connection to a forwarder ended");
        });
        Ok(Self { sender, uri: uri(endpoint)? })
    }

    pub(super) async fn exchange(&self, query: Vec<u8>) -> Result<Vec<u8>, NetError> {
        let mut stream = self.sender.clone().send_request(request(&self.uri, query.len())).await.map_err(broken)?;
        stream.send_data(query.into()).await.map_err(broken)?;
        stream.finish().await.map_err(broken)?;
        let head = stream.recv_response().await.map_err(broken)?;
        is_message(head.status(), head.headers())?;
        let mut message = Vec::new();
        while let Some(mut piece) = stream.recv_data().await.map_err(broken)? {
            if message.len() + piece.remaining() > LONGEST {
                return Err("no DNS message is so long".into());
            }
            message.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
        }
        Ok(aged(message, head.headers()))
    }
}

fn request(uri: &Uri, length: usize) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(DNS_MESSAGE));
    headers.insert(ACCEPT, HeaderValue::from_static(DNS_MESSAGE));
    headers.insert(CONTENT_LENGTH, length.into());
    request
}

/// The resource, with the port where it is not the one that goes without saying (RFC 9110 §7.2).
fn uri(endpoint: &Endpoint) -> Result<Uri, NetError> {
    let host = match &endpoint.host {
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    };
    let port = if endpoint.port == 443 { String::new() } else { format!(":{}", endpoint.port) };
    format!("https://{host}{port}{}", endpoint.path).parse().map_err(broken)
}

/// Whether what follows is a DNS message. Who says nothing of its type is taken to mean one.
fn is_message(status: StatusCode, headers: &HeaderMap) -> Result<(), NetError> {
    if !status.is_success() {
        return Err(format!("HTTP status {status}").into());
    }
    let Some(written) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let media_type = written.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(DNS_MESSAGE) {
        Ok(())
    } else {
        Err("what comes over HTTPS is no DNS message".into())
    }
}

/// `message`, with its TTLs less the time that it was in a cache of HTTP (RFC 8484 §5.1).
fn aged(mut message: Vec<u8>, headers: &HeaderMap) -> Vec<u8> {
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse::<u32>().ok()).unwrap_or_default();
    if age == 0 {
        return message;
    }
    let mut reader = Reader::new(&message);
    let questions = reader.header().map_or(0, |header| header.questions);
    let are_read = (0..questions).all(|_| reader.question().is_some());
    let records = std::iter::from_fn(|| reader.record()).filter(|record| record.rtype != rr_type::OPT);
    let left: Vec<_> = records.map(|record| (record.ttl_offset, record.ttl.saturating_sub(age))).collect();
    for (place, ttl) in left.into_iter().filter(|_| are_read) {
        message[place..place + 4].copy_from_slice(&ttl.to_be_bytes());
    }
    message
}
