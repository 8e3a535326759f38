//! A connection in memory with little room: it takes a few bytes, and more when its peer has read
//! those.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::capability::socket::{Outlet, TryWrite};
use crate::session::wire::Wire;
use crate::sync::Mutex;

/// Both ends hold it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner(Mutex<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    to_host: VecDeque<u8>,
    ended: bool,
    host_reads: Option<Waker>,
    to_peer: VecDeque<u8>,
    host_writes: Option<Waker>,
    peer_reads: Option<Waker>,
}

/// Less than two frames of a letter.
const ROOM: usize = 5;

impl Network {
    /// The peer sends this.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut inner = self.0.0.lock();
        inner.to_host.extend(bytes);
        wake(&mut inner.host_reads);
    }

    /// The peer sends nothing more.
    pub(crate) fn end(&self) {
        let mut inner = self.0.0.lock();
        inner.ended = true;
        wake(&mut inner.host_reads);
    }

    /// The peer reads the next byte.
    pub(crate) async fn read(&self) -> u8 {
        poll_fn(|cx| {
            let mut inner = self.0.0.lock();
            match inner.to_peer.pop_front() {
                Some(byte) => {
                    wake(&mut inner.host_writes);
                    Poll::Ready(byte)
                }
                None => {
                    inner.peer_reads = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Bytes {
    /// Returns how much there was room for.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let count = bytes.len().min(ROOM.saturating_sub(self.to_peer.len()));
        if count == 0 {
            return None;
        }
        self.to_peer.extend(&bytes[..count]);
        wake(&mut self.peer_reads);
        Some(count)
    }
}

impl TryWrite for Inner {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().take(bytes).ok_or(io::ErrorKind::WouldBlock.into())
    }
}

impl Wire for Network {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.0.0.lock();
        if !inner.to_host.is_empty() || inner.ended {
            return Poll::Ready(());
        }
        inner.host_reads = Some(cx.waker().clone());
        Poll::Pending
    }

    fn take_outlet(&mut self) -> Option<Outlet> {
        Some(Outlet::checked(self.0.clone()))
    }
}

impl AsyncRead for Network {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.0.lock();
        if inner.to_host.is_empty() && !inner.ended {
            inner.host_reads = Some(cx.waker().clone());
            return Poll::Pending;
        }
        while buffer.remaining() > 0
            && let Some(byte) = inner.to_host.pop_front()
        {
            buffer.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Network {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.0.0.lock();
        match inner.take(bytes) {
            Some(count) => Poll::Ready(Ok(count)),
            None => {
                inner.host_writes = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
