//! Frames over a byte stream: tungstenite reads them, and everything that is sent, its pongs and
//! close frames included, goes through one buffer in one order and out in one write.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{
    self, CloseFrame, Role, WebSocketConfig, WebSocketContext,
};

use super::Limits;
use super::deflate::{Deflater, Inflater};
use super::end::End;
use crate::message::Message;

/// An idle socket's read buffer, in bytes.
const READ_BUFFER: usize = 4 * 1024;

/// Frames that are read before the guest is called.
const MAX_BATCH_FRAMES: usize = 64;

/// Payload that is read before the guest is called, in bytes; the last message may go over it.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// Pongs that wait for a peer that does not read, in bytes; later ones replace the last.
const MAX_CONTROL_BACKLOG: usize = 64 * 1024;

/// An empty write buffer over this many bytes is given back.
const KEPT_WRITE_BUFFER: usize = 4 * 1024;

/// One WebSocket connection, after its handshake.
pub struct Transport<S> {
    io: Io<S>,
    max_batch: usize,
    websocket: WebSocketContext,
}

struct Io<S> {
    stream: S,
    waker: Waker,
    out: Vec<u8>,
    /// How much of `out` the network has.
    written: usize,
    /// Something came.
    heard: bool,
    deflater: Option<Box<Deflater>>,
    inflating: Option<Box<Inflating>>,
}

/// Where messages are compressed: what has been read and rewritten, and not yet decoded.
struct Inflating {
    inflater: Inflater,
    rewritten: Vec<u8>,
    taken: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    /// `read` is what came behind the handshake; `max_batch` bounds what one read gives the guest.
    pub fn new(stream: S, read: Bytes, limits: &Limits, max_batch: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_CONTROL_BACKLOG)
            .max_message_size(Some(limits.message))
            .max_frame_size(Some(limits.message));
        let mut inflating = limits.deflate.map(|agreed| {
            let inflater = Inflater::new(&agreed, limits.message);
            Box::new(Inflating { inflater, rewritten: Vec::new(), taken: 0 })
        });
        let read = match &mut inflating {
            Some(inflating) => {
                inflating.inflater.push(&read, &mut inflating.rewritten);
                Vec::new()
            }
            None => read.into(),
        };
        let websocket = WebSocketContext::from_partially_read(read, Role::Server, Some(config));
        let io = Io {
            stream,
            waker: Waker::noop().clone(),
            out: Vec::new(),
            written: 0,
            heard: false,
            deflater: limits.deflate.map(|agreed| Box::new(Deflater::new(&agreed))),
            inflating,
        };
        Self { io, max_batch: MAX_BATCH_BYTES.min(max_batch), websocket }
    }

    /// Appends the frames that `take` puts into an empty buffer.
    pub fn queue(&mut self, take: impl FnOnce(&mut Vec<u8>)) {
        if self.io.out.is_empty() && self.io.deflater.is_none() {
            return take(&mut self.io.out);
        }
        let mut frames = Vec::new();
        take(&mut frames);
        match &mut self.io.deflater {
            Some(deflater) => deflater.frames(&frames, &mut self.io.out),
            None => self.io.out.append(&mut frames),
        }
    }

    /// Bytes that the network has not taken yet.
    pub fn unsent(&self) -> usize {
        self.io.out.len() - self.io.written
    }

    /// Appends messages to `batch` until nothing more is ready or the batch is large. Ready with none
    /// where only control frames came.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Message>,
    ) -> Poll<Option<End>> {
        self.io.set_waker(cx);
        let mut bytes = 0;
        let queued = self.io.out.len();
        for _ in 0..MAX_BATCH_FRAMES {
            let message = match self.websocket.read(&mut self.io) {
                Ok(protocol::Message::Text(text)) => Message::Text(text),
                Ok(protocol::Message::Binary(binary)) => Message::Binary(binary),
                Ok(protocol::Message::Close(frame)) => {
                    return Poll::Ready(Some(End::closed(frame)));
                }
                // tungstenite answers pings; a pong needs no answer.
                Ok(_) => continue,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    let nothing = batch.is_empty() && self.io.out.len() == queued;
                    return if nothing { Poll::Pending } else { Poll::Ready(None) };
                }
                Err(error) => return Poll::Ready(Some(End::failed(&error))),
            };
            bytes += message.len();
            batch.push(message);
            if bytes >= self.max_batch {
                break;
            }
        }
        Poll::Ready(None)
    }

    /// Whether anything came since this was asked last: a message, a pong, or part of one.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.io.heard)
    }

    /// Appends a ping.
    pub fn ping(&mut self) {
        // Writing goes to memory. What can fail is that the session is over already.
        let _ = self.websocket.write(&mut self.io, protocol::Message::Ping(Bytes::new()));
    }

    /// Appends a close frame, unless one has been sent.
    pub fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        let _ = self.websocket.close(&mut self.io, Some(frame));
    }

    /// Appends what tungstenite still wants to say: the answer to a close frame.
    pub fn answer_close(&mut self) {
        // `ConnectionClosed` is how it says that this was the last.
        let _ = self.websocket.flush(&mut self.io);
    }

    /// Writes what is queued, as far as the network takes it.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Io { stream, out, written, .. } = &mut self.io;
        while *written < out.len() {
            match Pin::new(&mut *stream).poll_write(cx, &out[*written..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => *written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        *written = 0;
        out.clear();
        if out.capacity() > KEPT_WRITE_BUFFER {
            *out = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the stream so that the peer reads all that was sent: says that nothing more comes, and
    /// reads on for a while, since closing over unread data would make the system discard both.
    pub async fn shut_down(mut self) {
        const MAX_DISCARDED: usize = 1024 * 1024;
        if self.io.stream.shutdown().await.is_err() {
            return;
        }
        let mut discarded = 0;
        let mut buffer = vec![0; 4 * 1024];
        while let Ok(count @ 1..) = self.io.stream.read(&mut buffer).await {
            discarded += count;
            if discarded > MAX_DISCARDED {
                return;
            }
        }
    }
}

impl<S> Io<S> {
    fn set_waker(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            self.waker.clone_from(cx.waker());
        }
    }
}

impl<S: AsyncRead + Unpin> Io<S> {
    fn read_stream(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                self.heard |= !buffer.filled().is_empty();
                Ok(buffer.filled().len())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut inflating) = self.inflating.take() else { return self.read_stream(buffer) };
        let read = inflating.read(buffer, |raw| self.read_stream(raw));
        self.inflating = Some(inflating);
        read
    }
}

impl Inflating {
    fn read(
        &mut self,
        buffer: &mut [u8],
        mut read_stream: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        while self.taken == self.rewritten.len() {
            self.rewritten.clear();
            self.taken = 0;
            if self.rewritten.capacity() > READ_BUFFER {
                self.rewritten = Vec::new();
            }
            let mut raw = [0; READ_BUFFER];
            match read_stream(&mut raw)? {
                0 => return Ok(0),
                count => self.inflater.push(&raw[..count], &mut self.rewritten),
            }
        }
        let count = buffer.len().min(self.rewritten.len() - self.taken);
        buffer[..count].copy_from_slice(&self.rewritten[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

impl<S> Write for Io<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
