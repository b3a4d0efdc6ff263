//! Connections of browsers: how many at once, and for how long one may say nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use super::house::{Counters, count};

/// Connections open at the same time; the newest is turned away.
const MAX_CONNECTIONS: usize = 128;
/// A connection on which nothing moves for so long is closed: whoever opens many and says nothing must not keep others
/// out. Longer than the pause between two comments of a live stream.
const SILENCE: Duration = Duration::from_secs(75);

/// A listener that keeps to both bounds.
pub(crate) struct Doorway {
    listener: TcpListener,
    places: Arc<Semaphore>,
    counters: Arc<Counters>,
}

impl Doorway {
    pub(crate) fn new(listener: TcpListener, counters: Arc<Counters>) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), counters }
    }
}

impl Listener for Doorway {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // axum's own accept waits and goes on when the process is out of file descriptors.
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                count(&self.counters.connections_refused);
                continue;
            };
            // Answers are small and written whole; waiting for more to send with them only delays the live stream.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("TCP_NODELAY was refused: {error}");
            }
            let silence = Box::pin(tokio::time::sleep(SILENCE));
            return (Connection { stream, silence, _place: place }, peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(SocketAddr);

impl Peer {
    pub(crate) fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

impl Connected<IncomingStream<'_, Doorway>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A TCP connection that fails when nothing moves on it in either direction for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Hands on what became of a read or write; something that moved begins the silence anew.
    fn observe<T>(&mut self, context: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.silence.as_mut().reset(Instant::now() + SILENCE);
            return moved;
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.observe(context, moved)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.observe(context, moved)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.observe(context, moved)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn pair() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (connection, _) = Doorway::new(listener, Arc::default()).accept().await;
        (client, connection)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_is_sent_away() {
        let (_client, mut connection) = pair().await;
        let begin = Instant::now();
        let error = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!((error.kind(), begin.elapsed() >= SILENCE), (io::ErrorKind::TimedOut, true));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_nothing_is_sent_away() {
        let (_client, mut connection) = pair().await;
        let flood = vec![0; 64 * 1024 * 1024];
        assert_eq!(connection.write_all(&flood).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_begins_the_silence_anew() {
        let (mut client, mut connection) = pair().await;
        tokio::time::sleep(SILENCE * 2 / 3).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 1);
        let begin = Instant::now();
        assert!(connection.read(&mut [0]).await.is_err() && begin.elapsed() >= SILENCE);
    }
}
