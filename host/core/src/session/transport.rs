//! Frames over a byte stream. Whole messages are decoded here; tungstenite reads everything else.
//! Everything that is sent, with its pongs and close frames, goes through one buffer, in one order,
//! and out in one write.

mod byte_stream;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{
    self, CloseFrame, Role, WebSocketConfig, WebSocketContext,
};

use super::SessionLimits;
use super::end::End;
use super::frame::Whole;
use super::wire::Wire;
use crate::capability::account::Charge;
use crate::message::{Message, Messages, encode_header};
use crate::outgoing::{Outgoing, slices};
use byte_stream::{ByteStream, READ_BUFFER};

/// How many frames are read before the guest is called.
const MAX_BATCH_FRAMES: usize = 64;

/// How many bytes of payload are read before the guest is called. The last message may exceed it.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// How many bytes of pongs may wait for a peer that does not read. Later pongs replace the last.
const MAX_CONTROL_BACKLOG: usize = 64 * 1024;

/// The length of the head of a control frame from a peer, with its mask (RFC 6455, sections 5.2 and
/// 5.5).
const CONTROL_HEAD: usize = 6;

/// One WebSocket connection, after its handshake.
pub(crate) struct Transport<S> {
    io: ByteStream<S>,
    max_batch: usize,
    max_message: usize,
    /// It exists while it has something to remember: an incomplete frame or message, or who has
    /// closed.
    decoder: Option<Box<WebSocketContext>>,
    charge: Charge,
}

impl<S: Wire> Transport<S> {
    /// `read` is what came right behind the handshake. `max_batch` bounds what one read gives the
    /// guest.
    pub(crate) fn new(
        stream: S,
        read: Bytes,
        limits: &SessionLimits,
        max_batch: usize,
        charge: Charge,
    ) -> Self {
        let io = ByteStream::new(stream, &read, limits);
        let max_batch = MAX_BATCH_BYTES.min(max_batch);
        Self { io, max_batch, max_message: limits.message, decoder: None, charge }
    }

    /// Charges the site with what is not sent or not complete, and is not shared. Returns how many
    /// bytes of such messages there are, with what is shared.
    pub(crate) fn settle(&mut self) -> usize {
        let incomplete = self.io.incomplete();
        self.charge.set_about(self.io.out.footprint() + incomplete);
        self.io.out.held_up() + incomplete
    }

    /// Drops the incomplete message. Nothing can be read after that.
    pub(crate) fn forget_message(&mut self) {
        self.decoder = None;
        self.io.inflating = None;
        self.io.amid = 0;
    }

    /// Drops what waits behind the frame that has begun.
    pub(crate) fn shed(&mut self) {
        self.io.out.keep_begun_frame();
    }

    /// Appends the frames that `take` puts into an empty buffer. Returns its result.
    pub(crate) fn queue<T>(&mut self, take: impl FnOnce(&mut Outgoing) -> T) -> T {
        let ByteStream { out, deflater, .. } = &mut self.io;
        if out.is_empty() && deflater.is_none() {
            return take(out);
        }
        let mut frames = Outgoing::default();
        let taken = take(&mut frames);
        match deflater {
            // Each piece has whole frames.
            Some(deflater) => {
                for piece in frames.pieces() {
                    out.append(|own| deflater.frames(piece, own));
                }
            }
            None => out.append_all(frames),
        }
        taken
    }

    /// How many bytes the network has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.io.out.len()
    }

    /// Appends messages to `batch` until nothing more is ready or the batch is large. Ready without
    /// a message if only control frames came.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Messages,
    ) -> Poll<Option<End>> {
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
        if !self.is_amid_message() {
            self.io.amid = 0;
        }
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
            control => {
                // It may stand between the frames of a message, which is not complete yet.
                self.io.amid = self.io.amid.saturating_sub(CONTROL_HEAD + control.len());
                return Ok(Read::Control);
            }
        };
        self.io.amid = 0;
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
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.io.came.is_empty() && self.io.is_between_messages() {
            true => self.io.stream.poll_readable(cx),
            false => Poll::Ready(()),
        }
    }

    /// Whether a frame, or a fragmented message, is incomplete.
    pub(crate) fn is_amid_message(&self) -> bool {
        match &self.io.inflating {
            Some(inflating) => !inflating.inflater.is_between_messages(),
            None => !self.io.position.is_between_messages(),
        }
    }

    /// Whether anything came since the last call: a message, a pong, or part of one.
    pub(crate) fn take_alive(&mut self) -> bool {
        std::mem::take(&mut self.io.received)
    }

    /// Appends a ping, unless the session is ending.
    pub(crate) fn ping(&mut self) {
        const PING: u8 = 0x89;
        if !self.io.closing {
            self.io.out.append(|own| encode_header(own, PING, 0));
        }
    }

    /// Appends a close frame, unless one has been sent.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        let Self { decoder, io, max_message, .. } = self;
        io.closing = true;
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // Writing goes to memory, so this fails only if the session is already over.
        let _ = decoder.get_or_insert_with(|| new_decoder(*max_message)).close(io, Some(frame));
    }

    /// Appends what tungstenite still has to send: the answer to a close frame, or to a ping.
    pub(crate) fn answer(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            // `ConnectionClosed` means that this was the last frame.
            let _ = decoder.flush(&mut self.io);
        }
    }

    /// Writes what is queued, as far as the network takes it.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ByteStream { stream, out, .. } = &mut self.io;
        while !out.is_empty() {
            let stream = Pin::new(&mut *stream);
            let written = match out.gather(&mut slices()) {
                [one] => stream.poll_write(cx, one),
                many => stream.poll_write_vectored(cx, many),
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => out.advance(count),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ends our side: the peer learns that nothing more comes.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io.stream).poll_shutdown(cx)
    }

    /// Reads and discards what still comes, without looking at the frames. Ready when nothing more
    /// will come.
    pub(crate) fn poll_drop_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

/// The result of reading.
enum Read {
    /// A message of this many bytes, which is now in the batch.
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
