//! Frames over a byte stream. Whole messages are decoded here; tungstenite reads everything else.
//! Everything that is sent, with its pongs and close frames, goes through one buffer, in one order,
//! and out in one write.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{
    self, CloseFrame, Role, WebSocketConfig, WebSocketContext,
};

use super::Limits;
use super::deflate::{Deflater, Inflater};
use super::end::End;
use super::frame::{Progress, Whole};
use super::wire::Wire;
use crate::buffers;
use crate::message::{Message, Messages, encode_header};

/// The size of the decoder's buffer, in bytes. The buffer grows for a larger message, and is
/// cleared for each read. What is read at once is [`READ_AT_ONCE`].
const READ_BUFFER: usize = 1024;

/// How many bytes are read from the network at once, into a buffer that all sockets of a thread
/// share.
const READ_AT_ONCE: usize = 64 * 1024;

/// How many frames are read before the guest is called.
const MAX_BATCH_FRAMES: usize = 64;

/// How many bytes of payload are read before the guest is called. The last message may exceed it.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// How many bytes of pongs may wait for a peer that does not read. Later pongs replace the last.
const MAX_CONTROL_BACKLOG: usize = 64 * 1024;

thread_local! {
    /// A buffer of [`READ_AT_ONCE`] bytes, while nothing on this thread is reading.
    static SHARED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One WebSocket connection, after its handshake.
pub struct Transport<S> {
    io: Io<S>,
    max_batch: usize,
    max_message: usize,
    /// Exists while it has something to remember: an incomplete frame or message, or who has
    /// closed.
    decoder: Option<Box<WebSocketContext>>,
}

struct Io<S> {
    stream: S,
    waker: Waker,
    came: Came,
    /// The decoder's position in what it has been given.
    progress: Progress,
    /// A borrowed buffer; none while nothing is to be sent.
    out: Vec<u8>,
    /// How many bytes of `out` the network has.
    written: usize,
    /// Whether something came.
    heard: bool,
    /// Whether a close frame has been queued, or has come.
    closing: bool,
    deflater: Option<Box<Deflater>>,
    inflating: Option<Box<Inflating>>,
}

/// What has come from the network and has not been given to the decoder.
#[derive(Default)]
struct Came {
    /// The thread's buffer or, between two reads, a small one with the rest.
    buffer: Vec<u8>,
    taken: usize,
    end: usize,
    /// Whether the network had no more than this.
    is_all: bool,
    /// Whether nothing more will come.
    ended: bool,
}

/// With compression: what has been read and rewritten, and not yet decoded.
struct Inflating {
    inflater: Inflater,
    rewritten: Vec<u8>,
    taken: usize,
}

impl<S: Wire> Transport<S> {
    /// `read` is what came right behind the handshake. `max_batch` bounds what one read gives the
    /// guest.
    pub fn new(stream: S, read: Bytes, limits: &Limits, max_batch: usize) -> Self {
        let mut inflating = limits.deflate.map(|agreed| {
            let inflater = Inflater::new(&agreed, limits.message);
            Box::new(Inflating { inflater, rewritten: Vec::new(), taken: 0 })
        });
        let came = match &mut inflating {
            Some(inflating) => {
                inflating.inflater.push(&read, &mut inflating.rewritten);
                Came::default()
            }
            // Copied, because it is a small piece of a large buffer.
            None => Came { end: read.len(), buffer: read.to_vec(), ..Came::default() },
        };
        let io = Io {
            stream,
            waker: Waker::noop().clone(),
            came,
            progress: Progress::default(),
            out: Vec::new(),
            written: 0,
            heard: false,
            closing: false,
            deflater: limits.deflate.map(|agreed| Box::new(Deflater::new(&agreed))),
            inflating,
        };
        let max_batch = MAX_BATCH_BYTES.min(max_batch);
        Self { io, max_batch, max_message: limits.message, decoder: None }
    }

    /// Appends the frames that `take` puts into an empty buffer. Returns its result.
    pub fn queue<T>(&mut self, take: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        if self.io.out.is_empty() && self.io.deflater.is_none() {
            return take(&mut self.io.out);
        }
        let mut frames = Vec::new();
        let taken = take(&mut frames);
        match &mut self.io.deflater {
            Some(deflater) => deflater.frames(&frames, &mut self.io.out),
            None => self.io.out.extend_from_slice(&frames),
        }
        buffers::give(frames);
        taken
    }

    /// How many bytes the network has not taken yet.
    pub fn unsent(&self) -> usize {
        self.io.out.len() - self.io.written
    }

    /// Appends messages to `batch` until nothing more is ready or the batch is large. Ready without
    /// a message if only control frames came.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, batch: &mut Messages) -> Poll<Option<End>> {
        self.io.set_waker(cx);
        let read = self.poll_batch(batch);
        self.io.came.put_away();
        read
    }

    fn poll_batch(&mut self, batch: &mut Messages) -> Poll<Option<End>> {
        let mut bytes = 0;
        let queued = self.io.out.len();
        for _ in 0..MAX_BATCH_FRAMES {
            match self.read_one(batch) {
                Ok(Read::Message(length)) => bytes += length,
                Ok(Read::Control) => self.answer(),
                Ok(Read::Close(frame)) => {
                    self.io.closing = true;
                    return Poll::Ready(Some(End::closed(frame)));
                }
                Ok(Read::Later) => break,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    let nothing = batch.is_empty() && self.io.out.len() == queued;
                    return if nothing { Poll::Pending } else { Poll::Ready(None) };
                }
                Err(error) => return Poll::Ready(Some(End::failed(&error))),
            }
            if bytes >= self.max_batch {
                break;
            }
        }
        Poll::Ready(None)
    }

    fn read_one(&mut self, batch: &mut Messages) -> Result<Read, Error> {
        if self.io.is_between_messages() {
            self.decoder = self.decoder.take().filter(|_| self.io.closing);
            if self.io.came.is_empty() {
                if self.io.came.is_all && !batch.is_empty() {
                    return Ok(Read::Later);
                }
                self.io.fill()?;
            }
            let came = self.io.came.left();
            if let Some(whole) = Whole::first(came, self.max_message) {
                let length = whole.payload.len();
                if !batch.takes(length) {
                    return Ok(Read::Later);
                }
                // The decoder refuses invalid text.
                if whole.append_to(batch) {
                    let frame = whole.length;
                    self.io.came.taken += frame;
                    return Ok(Read::Message(length));
                }
            }
        }
        let message = match self.decode()? {
            protocol::Message::Text(text) => Message::Text(text),
            protocol::Message::Binary(binary) => Message::Binary(binary),
            protocol::Message::Close(frame) => return Ok(Read::Close(frame)),
            // tungstenite answers a ping with its next action; a pong needs no answer.
            _ => return Ok(Read::Control),
        };
        let length = message.len();
        batch.push(message);
        Ok(Read::Message(length))
    }

    /// The next message or control frame.
    fn decode(&mut self) -> Result<protocol::Message, Error> {
        let Self { decoder, io, max_message, .. } = self;
        decoder.get_or_insert_with(|| new_decoder(*max_message)).read(io)
    }

    /// Whether there may be something to read; see [`Wire::poll_readable`].
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.io.came.is_empty() && self.io.is_between_messages() {
            true => self.io.stream.poll_readable(cx),
            false => Poll::Ready(()),
        }
    }

    /// Whether a frame, or a fragmented message, is incomplete.
    pub fn is_amid_message(&self) -> bool {
        match &self.io.inflating {
            Some(inflating) => !inflating.inflater.is_between_messages(),
            None => !self.io.progress.is_between_messages(),
        }
    }

    /// Whether anything came since the last call: a message, a pong, or part of one.
    pub fn take_alive(&mut self) -> bool {
        std::mem::take(&mut self.io.heard)
    }

    /// Appends a ping, unless the session is ending.
    pub fn ping(&mut self) {
        const PING: u8 = 0x89;
        if !self.io.closing {
            encode_header(&mut self.io.out, PING, 0);
        }
    }

    /// Appends a close frame, unless one has been sent.
    pub fn close(&mut self, code: u16, reason: &str) {
        let Self { decoder, io, max_message, .. } = self;
        io.closing = true;
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // Writing goes to memory, so this fails only if the session is already over.
        let _ = decoder.get_or_insert_with(|| new_decoder(*max_message)).close(io, Some(frame));
    }

    /// Appends what tungstenite still has to send: the answer to a close frame, or to a ping.
    pub fn answer(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            // `ConnectionClosed` means that this was the last frame.
            let _ = decoder.flush(&mut self.io);
        }
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
        buffers::give(std::mem::take(out));
        Poll::Ready(Ok(()))
    }

    /// Ends our side: the peer learns that nothing more comes.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io.stream).poll_shutdown(cx)
    }

    /// Reads and discards what still comes, without looking at the frames. Ready when nothing more
    /// will come.
    pub fn poll_drop_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.io.set_waker(cx);
        let rest = loop {
            self.io.came.taken = self.io.came.end;
            match self.io.fill() {
                Ok(()) if self.io.came.ended => break Poll::Ready(()),
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Poll::Pending,
                Err(_) => break Poll::Ready(()),
            }
        };
        self.io.came.put_away();
        rest
    }
}

impl<S> Io<S> {
    fn set_waker(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            self.waker.clone_from(cx.waker());
        }
    }
}

/// The result of reading.
enum Read {
    /// A message of so many bytes, which is now in the batch.
    Message(usize),
    Control,
    Close(Option<CloseFrame>),
    /// What follows belongs to the next batch.
    Later,
}

fn new_decoder(max_message: usize) -> Box<WebSocketContext> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_CONTROL_BACKLOG)
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message));
    Box::new(WebSocketContext::new(Role::Server, Some(config)))
}

impl<S: AsyncRead + Unpin> Io<S> {
    /// Whether the decoder holds nothing that continues in the next bytes. With compression this is
    /// never true, because only the decoder reads then.
    fn is_between_messages(&self) -> bool {
        self.inflating.is_none() && self.progress.is_between_messages()
    }

    /// Reads what the network has.
    fn fill(&mut self) -> io::Result<()> {
        if self.came.ended {
            return Ok(());
        }
        let mut buffer = ReadBuf::new(self.came.borrow());
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let count = buffer.filled().len();
                self.heard |= count > 0;
                self.came.came(count);
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn read_stream(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.came.is_empty() {
            self.fill()?;
        }
        Ok(self.came.take(buffer))
    }

    /// Reads at most to the end of a frame.
    fn read_frame(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.came.is_empty() {
            self.fill()?;
        }
        let left = self.came.left();
        let passed = self.progress.pass(&left[..left.len().min(buffer.len())]);
        Ok(self.came.take(&mut buffer[..passed]))
    }
}

impl Came {
    fn is_empty(&self) -> bool {
        self.taken == self.end
    }

    /// Borrows the thread's buffer.
    fn borrow(&mut self) -> &mut [u8] {
        if self.buffer.len() < READ_AT_ONCE {
            self.buffer = SHARED.take();
            self.buffer.resize(READ_AT_ONCE, 0);
        }
        &mut self.buffer
    }

    /// Notes that `count` bytes are in the borrowed buffer.
    fn came(&mut self, count: usize) {
        (self.taken, self.end) = (0, count);
        self.is_all = count < READ_AT_ONCE;
        self.ended = count == 0;
    }

    /// What has not been taken.
    fn left(&self) -> &[u8] {
        &self.buffer[self.taken..self.end]
    }

    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let left = self.left();
        let count = buffer.len().min(left.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        count
    }

    /// Gives the thread's buffer back. The rest is kept.
    fn put_away(&mut self) {
        let is_shared = self.buffer.len() == READ_AT_ONCE;
        if is_shared || self.is_empty() {
            let rest = self.left().to_vec();
            let buffer = std::mem::replace(&mut self.buffer, rest);
            (self.taken, self.end) = (0, self.buffer.len());
            if is_shared {
                SHARED.set(buffer);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> io::Read for Io<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inflating.take() {
            None => self.read_frame(buffer),
            Some(mut inflating) => {
                let read = inflating.read(buffer, |raw| self.read_stream(raw));
                self.inflating = Some(inflating);
                read
            }
        }
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

impl<S> io::Write for Io<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
