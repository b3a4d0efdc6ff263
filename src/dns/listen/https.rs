//! DNS over HTTPS on HTTP/1.1 and HTTP/2, as TLS has agreed; nothing is upgraded from one to the other.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::caller::{self, Caller};
use super::connections::LONGEST_LIFE;
use super::doh::{self, HEADER_LIST, Refusal};
use super::stream::{WHOLE_MESSAGE, WRITE};
use super::{MESSAGE_SIZE, tls};

/// How long a connection may do nothing: a browser keeps one open between two pages.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// Requests of one connection at the same time.
pub(super) const STREAMS: u16 = 32;
/// Streams that were opened and reset before they were looked at; more is an attack (CVE-2023-44487).
const RESETS: usize = 20;
/// Header fields of a request.
const FIELDS: usize = 64;
/// Octets that one stream may send ahead, and wait with: a query is short.
const WINDOW: u32 = 65_535;

/// What is behind the one path.
struct Doh {
    caller: Arc<Caller>,
    elsewhere: Option<HeaderValue>,
}

/// Serves one connection. `elsewhere` says where HTTP/3 is spoken.
pub(super) async fn serve(
    stream: TcpStream,
    mut caller: Caller,
    acceptor: TlsAcceptor,
    names: tls::Names,
    elsewhere: Option<HeaderValue>,
    stop: CancellationToken,
) {
    let Some(stream) = tls::greet(stream, &acceptor, &mut caller, &names).await else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let caller = Arc::new(caller);
    let (io, doh) = (TokioIo::new(stream), Doh { caller: caller.clone(), elsewhere });
    if is_http2 {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(u32::from(STREAMS))
            .max_header_list_size(HEADER_LIST.into())
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(WINDOW as usize);
        drive(http.serve_connection(io, doh), http2::Connection::graceful_shutdown, &caller, &stop).await;
    } else {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .max_headers(FIELDS)
            .max_header_size(HEADER_LIST.into())
            .max_buf_size(2 * usize::from(HEADER_LIST));
        drive(http.serve_connection(io, doh), http1::Connection::graceful_shutdown, &caller, &stop).await;
    }
}

/// Lets a connection run to its end; what is under way then may still be written.
async fn drive<C: Future>(connection: C, shut_down: fn(Pin<&mut C>), caller: &Caller, stop: &CancellationToken) {
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = caller.seat.left_alone() => {}
        () = tokio::time::sleep(LONGEST_LIFE) => {}
        () = stop.cancelled() => {}
    }
    shut_down(connection.as_mut());
    let _ = timeout(WRITE, connection).await;
}

impl Service<Request<Incoming>> for Doh {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (caller, elsewhere) = (self.caller.clone(), self.elsewhere.clone());
        Box::pin(async move {
            let head_only = request.method() == Method::HEAD;
            let answered = answer(&caller, request).await;
            Ok(doh::response(answered, head_only, elsewhere.as_ref()).map(Full::new))
        })
    }
}

async fn answer(caller: &Arc<Caller>, request: Request<Incoming>) -> Result<caller::Response, Refusal> {
    let _busy = caller.seat.begin().ok_or(Refusal::ENOUGH)?;
    let (head, body) = request.into_parts();
    let mut asked = doh::read(&head)?;
    let message = match asked.message.take() {
        Some(message) => message.into(),
        None => {
            let body = timeout(WHOLE_MESSAGE, Limited::new(body, MESSAGE_SIZE).collect());
            let body = body.await.map_err(|_| Refusal::TOO_SLOW)?;
            let refuse = |error: Box<dyn std::error::Error + Send + Sync>| {
                if error.is::<LengthLimitError>() { Refusal::TOO_LONG } else { Refusal::INCOMPLETE }
            };
            body.map_err(refuse)?.to_bytes()
        }
    };
    doh::ask(caller, asked, &message).await
}
