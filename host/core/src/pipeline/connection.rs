//! A client's connection while it speaks HTTP. It is dropped if the client does not read its
//! answer, and closed so that the client can read its last answer (RFC 9112, section 9.6).
//!
//! After the 101, the session takes care of its connection itself.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::clock;

/// How long a client may send nothing after its last answer before the connection is closed.
const SILENCE: Duration = Duration::from_secs(2);

/// The same, while the server stops.
const SILENCE_WHILE_STOPPING: Duration = Duration::from_millis(100);

/// How many bytes are read and discarded after the last answer.
const MAX_DROPPED: usize = 256 * 1024 * 1024;

/// How many bytes are read and discarded at once.
const DROPPED_AT_ONCE: usize = 16 * 1024;

/// What a client gets time for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How long the client may go without reading from its answer. Zero waits forever.
    pub write: Duration,
    /// How long the host reads and discards what the client still sends after its last answer; at
    /// least `SILENCE`.
    pub rest: Duration,
}

/// A byte stream to a client.
#[derive(Debug)]
pub(crate) struct Connection<S = TcpStream> {
    stream: S,
    patience: Patience,
    stop: CancellationToken,
    /// The timer that runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Set when our side has ended.
    lingering: Option<Box<Lingering>>,
    /// Whether the client's side has ended.
    ended: bool,
}

/// The time between the end of our side and the end of the connection. A system that closes a
/// connection with unread data resets it, and the client may lose an answer that it has not read
/// yet.
#[derive(Debug)]
struct Lingering {
    silence: Pin<Box<Sleep>>,
    until: Instant,
    dropped: usize,
    hurried: bool,
}

impl<S> Connection<S> {
    /// `stop` is cancelled when the server stops: then the connection does not wait for a silent
    /// client.
    pub(crate) fn new(stream: S, patience: Patience, stop: CancellationToken) -> Self {
        Self { stream, patience, stop, stalled: None, lingering: None, ended: false }
    }

    /// The byte stream.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// Passes a write's result on, unless the client has taken nothing for too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() || self.patience.write.is_zero() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.patience.write)));
        ready!(stalled.as_mut().poll(cx));
        let message = "the client took nothing of its answer for `server.write_time`";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        this.ended |= buffer.filled().len() == before && buffer.remaining() > 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Ends our side. Then reads and discards what the client still sends, until its end or until a
    /// bound is reached.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let rest = this.patience.rest;
        let lingering = this.lingering.get_or_insert_with(|| Box::new(Lingering::new(rest)));
        lingering.poll(&mut this.stream, this.stop.is_cancelled(), cx).map(Ok)
    }
}

impl Lingering {
    fn new(time: Duration) -> Self {
        Self {
            silence: Box::pin(sleep(SILENCE)),
            until: clock::after(Instant::now(), time.max(SILENCE)),
            dropped: 0,
            hurried: false,
        }
    }

    fn poll<S>(&mut self, stream: &mut S, is_stopping: bool, cx: &mut Context<'_>) -> Poll<()>
    where
        S: AsyncRead + Unpin,
    {
        let mut received = false;
        let mut space = [MaybeUninit::uninit(); DROPPED_AT_ONCE];
        loop {
            let mut buffer = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    received = true;
                    self.dropped += buffer.filled().len();
                    if self.dropped > MAX_DROPPED {
                        return Poll::Ready(());
                    }
                }
                // The client has ended its side, or has gone.
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        if received || (is_stopping && !self.hurried) {
            self.hurried = is_stopping;
            let silence = if is_stopping { SILENCE_WHILE_STOPPING } else { SILENCE };
            let until = clock::after(Instant::now(), silence).min(self.until);
            self.silence.as_mut().reset(until.into());
        }
        self.silence.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Patience = Patience { write: Duration::ZERO, rest: Duration::from_millis(200) };

    /// A client and a connection that ends. The future completes when the connection is closed.
    fn ending(stop: CancellationToken) -> (DuplexStream, impl Future<Output = ()>) {
        let (client, host) = duplex(1024);
        let mut connection = Connection::new(host, PATIENCE, stop);
        (client, async move { connection.shutdown().await.expect("our side ends") })
    }

    #[tokio::test]
    async fn what_still_comes_is_read_and_dropped_until_the_client_ends() {
        let (mut client, ended) = ending(CancellationToken::new());
        let sending = async {
            client.write_all(&vec![0; 100_000]).await.expect("all of it is taken");
            assert_eq!(client.read(&mut [0]).await.expect("an end"), 0, "our side has ended");
            drop(client);
        };
        tokio::join!(ended, sending);
    }

    #[tokio::test]
    async fn a_client_that_never_stops_sending_is_not_read_forever() {
        let (mut client, ended) = ending(CancellationToken::new());
        let dripping = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let both = async { tokio::join!(ended, dripping) };
        timeout(Duration::from_secs(20), both).await.expect("the connection is closed");
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_not_waited_for_while_the_server_stops() {
        let stop = CancellationToken::new();
        stop.cancel();
        let (client, host) = duplex(1024);
        let patience = Patience { rest: Duration::from_secs(3600), ..PATIENCE };
        let mut connection = Connection::new(host, patience, stop);
        let began = Instant::now();
        connection.shutdown().await.expect("our side ends");
        assert!(began.elapsed() < SILENCE);
        drop(client);
    }
}
