//! Messages with their length in front, over TCP or TLS: pipelined, answered in the order in which answers are ready (RFC
//! 7766 §6.2.1.1, §7; RFC 7858 §3.3), and bounded in every direction.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Packet;
use super::caller::Caller;
use super::connections::{Busy, LONGEST_LIFE};
use crate::dns::query::{ErrorReply, Query};
use crate::dns::reply::Reply;

/// How long a connection may do nothing between two messages (RFC 7766 §6.2.3), and how long one message may take.
pub(super) const IDLE: Duration = Duration::from_secs(10);
pub(super) const WHOLE_MESSAGE: Duration = Duration::from_secs(3);
/// How long the other side may take to read what was written.
pub(super) const WRITE: Duration = Duration::from_secs(5);
/// Octets that are put together before they are written. One response may be longer.
const ONE_WRITE: usize = 16_384;

/// What is to be written. Responses wait as what they are made of, which is small and mostly shared with the cache: a peer
/// that does not read costs no copies.
enum Due {
    Response(Box<(Query, Reply)>, Busy, OwnedSemaphorePermit),
    Error(ErrorReply),
}

/// Serves a connection to its end. Responses to queries that came in before the other side closed are still sent.
pub(super) async fn serve<R, W>(reader: R, writer: W, caller: Caller, stop: CancellationToken)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let bound = caller.resolver.limits.tcp_pipelined;
    let (due, outbox) = mpsc::channel(bound);
    let reading = async {
        let read = read_queries(reader, &caller, Arc::new(Semaphore::new(bound)), due);
        tokio::select! {
            _ = timeout(LONGEST_LIFE, read) => {}
            () = caller.seat.left_alone() => {}
            () = stop.cancelled() => {}
        }
    };
    let (mut reading, mut writing) = (pin!(reading), pin!(write_responses(writer, outbox, &caller)));
    tokio::select! {
        // The outbox ends when the reader and every query under way have let go of their end.
        () = &mut reading => {
            let _ = writing.await;
        }
        // Whoever takes no responses is not read any more either.
        _ = &mut writing => {}
    }
}

async fn read_queries<R: AsyncRead + Unpin>(
    mut reader: R,
    caller: &Caller,
    pipelined: Arc<Semaphore>,
    due: mpsc::Sender<Due>,
) -> io::Result<()> {
    loop {
        // Not reading is how TCP says "slower".
        let Ok(permit) = pipelined.clone().acquire_owned().await else { break };
        let mut length = [0; 2];
        reader.read_exact(&mut length[..1]).await?;
        let Some(busy) = caller.seat.begin() else { break };
        let mut message = Vec::new();
        let rest = async {
            reader.read_exact(&mut length[1..]).await?;
            message.resize(u16::from_be_bytes(length).into(), 0);
            reader.read_exact(&mut message).await
        };
        timeout(WHOLE_MESSAGE, rest).await??;
        // Nobody takes what is due when the other side is gone.
        match caller.admit(&message) {
            // Whoever sends what is not even a header, or responses, does not speak DNS.
            Packet::Silence => break,
            Packet::Error(error) => {
                let _ = due.send(Due::Error(error)).await;
            }
            Packet::Query(query, source) => {
                let mut answer = Box::pin(caller.answer(query, source));
                // What needs no forwarder is ready at once; only what waits becomes a task.
                let first_look = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                match first_look {
                    Poll::Ready(answered) => {
                        let _ = due.send(Due::Response(Box::new(answered), busy, permit)).await;
                    }
                    Poll::Pending => {
                        let due = due.clone();
                        tokio::spawn(async move {
                            let answered = answer.await;
                            let _ = due.send(Due::Response(Box::new(answered), busy, permit)).await;
                        });
                    }
                }
            }
        }
    }
    Ok(())
}

/// Writes each response whole and in one write with its length (RFC 7766 §8), and with others that are due already.
async fn write_responses<W: AsyncWrite + Unpin>(
    writer: W,
    mut outbox: mpsc::Receiver<Due>,
    caller: &Caller,
) -> io::Result<()> {
    let mut writer = pin!(writer);
    let mut octets = Vec::with_capacity(1_024);
    while let Some(due) = outbox.recv().await {
        octets.clear();
        // Each is under way until it is written: whoever does not read is not served on.
        let mut held = vec![due.write(caller, &mut octets)];
        while octets.len() < ONE_WRITE
            && let Ok(due) = outbox.try_recv()
        {
            held.push(due.write(caller, &mut octets));
        }
        let written = timeout(WRITE, async {
            writer.write_all(&octets).await?;
            writer.flush().await
        });
        written.await??;
    }
    timeout(WRITE, writer.shutdown()).await?
}

impl Due {
    /// Appends the length and the message; gives back what is held until they are written.
    fn write(self, caller: &Caller, out: &mut Vec<u8>) -> Option<(Busy, OwnedSemaphorePermit)> {
        let start = out.len();
        out.extend_from_slice(&[0; 2]);
        let held = match self {
            Self::Response(answered, busy, permit) => {
                let (query, reply) = *answered;
                caller.write(&query, &reply, out);
                Some((busy, permit))
            }
            Self::Error(error) => {
                error.write(out);
                None
            }
        };
        let length = (out.len() - start - 2) as u16;
        out[start..start + 2].copy_from_slice(&length.to_be_bytes());
        held
    }
}
