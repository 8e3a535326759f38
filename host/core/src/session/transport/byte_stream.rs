//! The bytes below the frames: what has come and is not decoded yet, and what is to be written.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use crate::outgoing::Outgoing;
use crate::session::SessionLimits;
use crate::session::deflate::{Deflater, Inflater};
use crate::session::frame::Position;

/// The size of the decoder's buffer, in bytes. The buffer grows for a larger message, and is
/// cleared for each read. What is read at once is [`READ_AT_ONCE`].
pub(super) const READ_BUFFER: usize = 1024;

/// How many bytes are read from the network at once, into a buffer that all sockets of a thread
/// share.
const READ_AT_ONCE: usize = 64 * 1024;

thread_local! {
    /// A buffer of [`READ_AT_ONCE`] bytes, while nothing on this thread is reading.
    static SHARED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A connection's bytes, in the form in which the decoder reads and writes them.
pub(super) struct ByteStream<S> {
    pub(super) stream: S,
    waker: Waker,
    pub(super) came: Came,
    /// The decoder's position in what it has been given.
    pub(super) position: Position,
    /// What the network has not taken yet.
    pub(super) out: Outgoing,
    /// How many bytes of an incomplete message the decoder has been given.
    pub(super) amid: usize,
    /// Whether something came.
    pub(super) received: bool,
    /// Whether a close frame has been queued, or has come.
    pub(super) closing: bool,
    pub(super) deflater: Option<Box<Deflater>>,
    pub(super) inflating: Option<Box<Inflating>>,
}

/// What has come from the network and has not been given to the decoder.
#[derive(Default)]
pub(super) struct Came {
    /// The thread's buffer or, between two reads, a small one with the rest.
    buffer: Vec<u8>,
    pub(super) taken: usize,
    pub(super) end: usize,
    /// Whether the network had no more than this.
    pub(super) is_all: bool,
    /// Whether nothing more will come.
    pub(super) ended: bool,
}

/// With compression: what has been read and rewritten, and not yet decoded.
pub(super) struct Inflating {
    pub(super) inflater: Inflater,
    rewritten: Vec<u8>,
    taken: usize,
}

impl<S> ByteStream<S> {
    /// `read` is what came right behind the handshake.
    pub(super) fn new(stream: S, read: &[u8], limits: &SessionLimits) -> Self {
        let inflating = limits.deflate.map(|agreed| {
            let inflater = Inflater::new(&agreed, limits.message);
            Box::new(Inflating { inflater, rewritten: Vec::new(), taken: 0 })
        });
        // Copied, because it is a small piece of a large buffer.
        let came = Came { end: read.len(), buffer: read.to_vec(), ..Came::default() };
        Self {
            stream,
            waker: Waker::noop().clone(),
            came,
            position: Position::default(),
            out: Outgoing::default(),
            amid: 0,
            received: false,
            closing: false,
            deflater: limits.deflate.map(|agreed| Box::new(Deflater::new(&agreed))),
            inflating,
        }
    }

    /// How many bytes are held of what the peer sends: of a message that is not complete, of what
    /// is not decoded yet, and with compression of what is not inflated or not taken yet.
    pub(super) fn incomplete(&self) -> usize {
        let inflating = self.inflating.as_ref().map_or(0, |inflating| inflating.held());
        self.amid.saturating_add(self.came.own()).saturating_add(inflating)
    }

    /// Has the task of `cx` woken when more comes.
    pub(super) fn set_waker(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            self.waker.clone_from(cx.waker());
        }
    }
}

impl<S: AsyncRead + Unpin> ByteStream<S> {
    /// Whether the decoder holds nothing that continues in the next bytes. With compression this is
    /// never true, because only the decoder reads then.
    pub(super) fn is_between_messages(&self) -> bool {
        self.inflating.is_none() && self.position.is_between_messages()
    }

    /// Reads what the network has.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if self.came.ended {
            return Ok(());
        }
        let mut buffer = ReadBuf::new(self.came.borrow());
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let count = buffer.filled().len();
                self.received |= count > 0;
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
        let passed = self.position.pass(&left[..left.len().min(buffer.len())]);
        Ok(self.came.take(&mut buffer[..passed]))
    }
}

impl Came {
    /// Whether everything has been taken.
    pub(super) fn is_empty(&self) -> bool {
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

    /// How many bytes it holds itself, without the thread's buffer.
    fn own(&self) -> usize {
        if self.buffer.len() == READ_AT_ONCE { 0 } else { self.buffer.len() }
    }

    /// What has not been taken.
    pub(super) fn left(&self) -> &[u8] {
        &self.buffer[self.taken..self.end]
    }

    /// Takes as much as fits into `buffer`.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let left = self.left();
        let count = buffer.len().min(left.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        count
    }

    /// Gives the thread's buffer back. The rest is kept.
    pub(super) fn put_away(&mut self) {
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

impl<S: AsyncRead + Unpin> io::Read for ByteStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inflating.take() {
            None => self.read_frame(buffer),
            Some(mut inflating) => {
                let read = inflating.read(buffer, |raw| self.read_stream(raw));
                self.inflating = Some(inflating);
                read
            }
        };
        self.amid = self.amid.saturating_add(*read.as_ref().unwrap_or(&0));
        read
    }
}

impl Inflating {
    /// How many bytes it holds.
    fn held(&self) -> usize {
        self.inflater.kept().saturating_add(self.rewritten.capacity())
    }

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

impl<S> io::Write for ByteStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.out.append(|own| own.extend_from_slice(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
