//! What a session's frames travel over: TCP, which tasks other than the session's may write to as
//! well.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::capability::socket::Outlet;

/// A byte stream.
pub trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// Whether there may be something to read. If there is certainly nothing, the task is woken
    /// when something comes.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Takes the outlet for other tasks, if the stream has one. Only the first call returns it.
    fn take_outlet(&mut self) -> Option<Outlet>;
}

/// A connection whose other half is an [`Outlet`].
#[derive(Debug)]
pub(crate) struct Tcp {
    half: OwnedReadHalf,
    outlet: Option<Outlet>,
}

impl From<TcpStream> for Tcp {
    fn from(stream: TcpStream) -> Self {
        let (half, outlet) = stream.into_split();
        Self { half, outlet: Some(Outlet::new(outlet)) }
    }
}

impl Tcp {
    /// Tries a write whenever the network has room.
    fn poll_try(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let stream: &TcpStream = self.half.as_ref();
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match write(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl Wire for Tcp {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // The next read reports an error.
        self.half.as_ref().poll_read_ready(cx).map(|_| ())
    }

    fn take_outlet(&mut self) -> Option<Outlet> {
        self.outlet.take()
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream: &TcpStream = self.half.as_ref();
        Poll::Ready(SockRef::from(stream).shutdown(std::net::Shutdown::Write))
    }
}

/// A stream in memory, which no other task writes to.
impl Wire for DuplexStream {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn take_outlet(&mut self) -> Option<Outlet> {
        None
    }
}
