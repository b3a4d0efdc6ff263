//! Who is at the other end of a connection, and how its queries are answered, whatever carries them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::connections::Seat;
use super::{MESSAGE_SIZE, Packet};
use crate::dns::edns;
use crate::dns::labels::DeviceLabel;
use crate::dns::query::{Query, Source};
use crate::dns::reply::Reply;
use crate::dns::resolver::Resolver;
use crate::event::Transport;

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) resolver: Arc<Resolver>,
    pub(super) peer: SocketAddr,
    pub(super) transport: Transport,
    /// What the device calls itself.
    pub(super) label: Option<DeviceLabel>,
    pub(super) seat: Arc<Seat>,
}

/// A response, ready to be sent.
pub(super) struct Response {
    pub(super) message: Vec<u8>,
    /// Seconds for which it may be kept; none if it must not be.
    pub(super) lifetime: Option<u32>,
}

impl Caller {
    /// Admits a message and reads it.
    pub(super) fn admit(&self, message: &[u8]) -> Packet {
        self.resolver.counters.received.add_one();
        let packet = self.resolver.admit(message, self.peer, self.transport, self.resolver.now());
        match packet {
            Packet::Query(query, source) => Packet::Query(query, Source { label: self.label.clone(), ..source }),
            other => other,
        }
    }

    /// Answers an admitted query.
    pub(super) fn answer(
        &self,
        query: Query,
        source: Source,
    ) -> impl Future<Output = (Query, Reply)> + Send + 'static + use<> {
        self.resolver.clone().answer(query, source)
    }

    /// The response to `message`; none if it is not even a query.
    pub(super) async fn respond(&self, message: &[u8]) -> Option<Response> {
        match self.admit(message) {
            Packet::Silence => None,
            Packet::Error(error) => {
                let mut message = Vec::with_capacity(64);
                error.write(&mut message);
                Some(Response { message, lifetime: None })
            }
            Packet::Query(query, source) => {
                let (query, reply) = self.answer(query, source).await;
                let mut message = Vec::with_capacity(512);
                self.write(&query, &reply, &mut message);
                Some(Response { message, lifetime: reply.lifetime() })
            }
        }
    }

    /// Appends the response to `query`, with what goes with the way it came in.
    pub(super) fn write(&self, query: &Query, reply: &Reply, out: &mut Vec<u8>) {
        let start = out.len();
        reply.write(query, MESSAGE_SIZE, out);
        let Some(asked) = query.edns else { return };
        // RFC 7828 §3.3.2: how long a connection over TCP or TLS may do nothing, for who wants to know.
        if asked.keepalive && matches!(self.transport, Transport::Tcp | Transport::Tls) {
            edns::append_keepalive(out, start, self.seat.patience());
        }
        // RFC 8467 §4.1: padded if the query was, and where nobody on the way can read it anyway.
        if asked.padded && self.transport != Transport::Tcp {
            edns::append_padding(out, start);
        }
    }
}
