//! DNS over HTTPS on HTTP/3 (RFC 9114), with the same answers as on the other versions.

use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use h3::server::{RequestResolver, RequestStream};
use hyper::Method;
use quinn::{Connection, VarInt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::MESSAGE_SIZE;
use super::caller::{self, Caller};
use super::connections::{Busy, LONGEST_LIFE};
use super::doh::{self, HEADER_LIST, Refusal};
use super::stream::{WHOLE_MESSAGE, WRITE};

/// Streams of one direction that a client needs: control, and two of QPACK. One more for what it may ignore.
pub(super) const UNIDIRECTIONAL: u8 = 4;
/// H3_NO_ERROR (RFC 9114 §8.1).
const NO_ERROR: VarInt = VarInt::from_u32(0x100);

type Quic = h3_quinn::Connection;
type Stream = RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// Serves one connection.
pub(super) async fn serve(connection: Connection, caller: Caller, stop: CancellationToken) {
    let mut http = h3::server::builder();
    http.max_field_section_size(HEADER_LIST.into()).send_grease(false);
    let Ok(mut http) = http.build::<Quic, Bytes>(Quic::new(connection.clone())).await else { return };
    let (requests, caller) = (TaskTracker::new(), Arc::new(caller));
    let mut life = std::pin::pin!(sleep(LONGEST_LIFE));
    loop {
        let accepted = tokio::select! {
            accepted = http.accept() => accepted,
            () = caller.seat.left_alone() => break,
            () = &mut life => break,
            () = stop.cancelled() => break,
        };
        let Ok(Some(request)) = accepted else { return };
        let Some(busy) = caller.seat.begin() else { break };
        requests.spawn(one_request(request, caller.clone(), busy));
    }
    requests.close();
    let _ = timeout(WRITE, requests.wait()).await;
    connection.close(NO_ERROR, b"");
}

async fn one_request(request: RequestResolver<Quic, Bytes>, caller: Arc<Caller>, busy: Busy) {
    let _under_way = busy;
    let Ok(Ok((request, mut stream))) = timeout(WHOLE_MESSAGE, request.resolve_request()).await else { return };
    let (head, ()) = request.into_parts();
    let answered = match doh::read(&head) {
        Ok(asked) => answer(&caller, asked, &mut stream).await,
        Err(refusal) => Err(refusal),
    };
    let (head, body) = doh::response(answered, head.method == Method::HEAD, None).into_parts();
    let written = async {
        stream.send_response(hyper::Response::from_parts(head, ())).await.ok()?;
        if !body.is_empty() {
            stream.send_data(body).await.ok()?;
        }
        stream.finish().await.ok()
    };
    let _ = timeout(WRITE, written).await;
}

async fn answer(caller: &Caller, mut asked: doh::Asked, stream: &mut Stream) -> Result<caller::Response, Refusal> {
    let message = match asked.message.take() {
        Some(message) => message.into(),
        None => timeout(WHOLE_MESSAGE, body(stream)).await.map_err(|_| Refusal::TOO_SLOW)??,
    };
    doh::ask(caller, asked, &message).await
}

async fn body(stream: &mut Stream) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    while let Some(mut piece) = stream.recv_data().await.map_err(|_| Refusal::INCOMPLETE)? {
        if body.len() + piece.remaining() > MESSAGE_SIZE {
            return Err(Refusal::TOO_LONG);
        }
        body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    Ok(body.freeze())
}
