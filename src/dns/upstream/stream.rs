//! A stream on which messages stand with their length in front: TCP and TLS (RFC 7766 §8, RFC 7858 §3.3).

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_net::NetError;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};

/// Questions on one stream at the same time; the next one is told that it is busy.
const PIPELINED: usize = 256;

/// A stream, which ends with the last clone of this.
#[derive(Clone)]
pub(super) struct Stream {
    queue: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Waiting>,
}

impl Stream {
    pub(super) fn over(io: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (queue, queued) = mpsc::channel(PIPELINED);
        let waiting = Arc::new(Waiting(Mutex::new(Some(HashMap::new()))));
        tokio::spawn(drive(io, queued, Open(waiting.clone())));
        Self { queue, waiting }
    }

    /// Asks under an ID that nobody else on this stream has.
    pub(super) async fn exchange(&self, query: &[u8]) -> Result<Vec<u8>, NetError> {
        let (place, answered) = self.waiting.place()?;
        let message = query.get(2..).unwrap_or_default();
        let length = u16::try_from(2 + message.len()).map_err(|_| NetError::from("no query is so long"))?;
        let framed = [&length.to_be_bytes()[..], &place.id.to_be_bytes(), message].concat();
        self.queue.try_send(framed).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NetError::Busy,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answered.await.map_err(|_| closed())
    }
}

fn closed() -> NetError {
    "the connection was closed".into()
}

/// Who waits for which ID; nobody any more when the stream has ended.
struct Waiting(Mutex<Option<HashMap<u16, oneshot::Sender<Vec<u8>>>>>);

impl Waiting {
    fn place(&self) -> Result<(Place<'_>, oneshot::Receiver<Vec<u8>>), NetError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = open.as_mut().ok_or_else(closed)?;
        if waiting.len() >= PIPELINED {
            return Err(NetError::Busy);
        }
        let id = loop {
            let mut random = [0; 2];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let id = u16::from_ne_bytes(random);
            if !waiting.contains_key(&id) {
                break id;
            }
        };
        let (answer, answered) = oneshot::channel();
        waiting.insert(id, answer);
        Ok((Place { waiting: self, id }, answered))
    }

    fn leave(&self, id: u16) -> Option<oneshot::Sender<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.remove(&id)
    }
}

/// A place among those who wait. It is given back when the wait ends, however that is.
struct Place<'a> {
    waiting: &'a Waiting,
    id: u16,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.leave(self.id);
    }
}

/// Held as long as the stream is open: those who wait hear of its end at once.
struct Open(Arc<Waiting>);

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

async fn drive(io: impl AsyncRead + AsyncWrite + Send, queued: mpsc::Receiver<Vec<u8>>, open: Open) {
    let (reader, writer) = tokio::io::split(io);
    let ended = tokio::select! {
        ended = read(BufReader::new(reader), &open.0) => ended,
        ended = write(writer, queued) => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a forwarder ended");
    }
}

/// Hands each message to the one who waits for its ID. What nobody waits for any more is thrown away.
async fn read(mut reader: impl AsyncRead + Unpin, waiting: &Waiting) -> io::Result<()> {
    loop {
        let mut message = vec![0; reader.read_u16().await?.into()];
        reader.read_exact(&mut message).await?;
        let Some(id) = message.first_chunk() else { return Err(io::ErrorKind::InvalidData.into()) };
        if let Some(answer) = waiting.leave(u16::from_be_bytes(*id)) {
            let _ = answer.send(message);
        }
    }
}

/// Writes what is queued, until there is nobody left who could queue something.
async fn write(mut writer: impl AsyncWrite + Unpin, mut queued: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(framed) = queued.recv().await {
        writer.write_all(&framed).await?;
        writer.flush().await?;
    }
    writer.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(other: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
        let mut message = vec![0; other.read_u16().await.unwrap().into()];
        other.read_exact(&mut message).await.unwrap();
        message
    }

    #[tokio::test]
    async fn answers_overtake_each_other_and_find_those_who_wait() {
        let (ours, mut other) = tokio::io::duplex(4096);
        let stream = Stream::over(ours);
        let forwarder = async {
            let (first, second) = (next(&mut other).await, next(&mut other).await);
            assert_ne!(first[..2], second[..2]);
            for message in [second, first] {
                other.write_u16(message.len() as u16).await.unwrap();
                other.write_all(&message).await.unwrap();
            }
        };
        let (one, two, ()) = tokio::join!(stream.exchange(b"\0\0one"), stream.exchange(b"\0\0two"), forwarder);
        assert_eq!((&one.unwrap()[2..], &two.unwrap()[2..]), (&b"one"[..], &b"two"[..]));
    }

    #[tokio::test]
    async fn who_waits_hears_of_the_end_and_who_goes_makes_room() {
        let (ours, mut other) = tokio::io::duplex(65_536);
        let stream = Stream::over(ours);
        {
            let asked: Vec<_> = (0..PIPELINED).map(|_| stream.exchange(b"\0\0gone")).collect();
            let mut asked = std::pin::pin!(futures_util::future::join_all(asked));
            assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut asked).await.is_err());
            assert!(matches!(stream.exchange(b"\0\0more").await, Err(NetError::Busy)));
            for _ in 0..PIPELINED {
                tokio::select! {
                    _ = &mut asked => unreachable!("nobody has answered"),
                    message = next(&mut other) => assert_eq!(message[2..], *b"gone"),
                }
            }
        }
        let (ended, ()) = tokio::join!(stream.exchange(b"\0\0last"), async {
            assert_eq!(next(&mut other).await[2..], *b"last");
            // Too short to have an ID.
            other.write_all(&[0, 1, 0]).await.unwrap();
        });
        assert!(ended.is_err());
        assert!(stream.exchange(b"\0\0late").await.is_err());
    }
}
