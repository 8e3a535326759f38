//! A file as a stream of bytes, to read or to write.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustix::io::Errno;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::open::{GrantAccess, OpenLease};
use super::work;
use crate::capability::Context;
use crate::capability::account::{Held, SiteMemory};

/// How many bytes are read or written at once.
const PIECE: usize = 64 * 1024;

/// How many bytes are read before the guest has said how many it wants.
const UNASKED: usize = 4096;

/// A file that a guest reads or writes through a stream or at a position. It stays open, and is
/// counted, for as long as this exists.
#[derive(Clone)]
pub(crate) struct HeldFile {
    pub context: Arc<Context>,
    pub file: Arc<File>,
    pub access: GrantAccess,
    pub _file: Option<Arc<OpenLease>>,
    pub _stream: Option<Arc<OpenLease>>,
}

impl HeldFile {
    async fn run<T: Send + 'static>(
        self,
        call: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let context = self.context.clone();
        work::run(&context, move || call(&self)).await
    }

    fn memory(&self) -> &Arc<SiteMemory> {
        self.context.account.memory()
    }

    fn read(&self, at: u64, size: usize) -> io::Result<Bytes> {
        let mut piece = BytesMut::zeroed(size.min(PIECE));
        let read = loop {
            match self.file.read_at(&mut piece, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        piece.truncate(read);
        // At the end of a file, the buffer is larger than what is in it.
        let buffer = piece.capacity();
        Ok(self.memory().charged_in(Held::Files, buffer, piece.freeze()))
    }

    fn write(&self, at: At, bytes: &[u8]) -> io::Result<()> {
        let at = match at {
            At::Position(at) => at,
            At::End => self.file.metadata()?.len(),
        };
        write_all(&self.file, &self.access, at, bytes)
    }
}

/// Writes as much as fits into the folder.
///
/// # Errors
/// The file cannot be written to, or the folder has no room.
pub(crate) fn write_all(
    file: &File,
    access: &GrantAccess,
    at: u64,
    bytes: &[u8],
) -> io::Result<()> {
    let quota = access.write.as_ref().ok_or(Errno::PERM)?;
    let end = at.checked_add(bytes.len() as u64).ok_or(Errno::FBIG)?;
    quota.take(end.saturating_sub(file.metadata()?.len()))?;
    quota.keep(file.write_all_at(bytes, at))
}

type Call<T> = AbortOnDropHandle<io::Result<T>>;

/// Reads a file from a position on.
pub(crate) struct Reader {
    held: HeldFile,
    at: u64,
    state: Reading,
}

enum Reading {
    Idle,
    Waiting(Call<Bytes>),
    /// Bytes for the guest, at least one.
    Ready(Bytes),
    Failed(io::Error),
    Ended,
}

impl Reader {
    pub(crate) fn new(held: HeldFile, at: u64) -> Self {
        Self { held, at, state: Reading::Idle }
    }

    fn begin(&mut self, size: usize) {
        let at = self.at;
        let read = self.held.clone().run(move |held| held.read(at, size));
        self.state = Reading::Waiting(AbortOnDropHandle::new(tokio::spawn(read)));
    }

    fn end(&mut self, read: io::Result<Bytes>) {
        self.state = match read {
            Ok(piece) if piece.is_empty() => Reading::Ended,
            Ok(piece) => Reading::Ready(piece),
            Err(error) => Reading::Failed(error),
        };
    }

    async fn wait(&mut self) {
        if let Reading::Waiting(call) = &mut self.state {
            let read = call.await.unwrap_or_else(|error| Err(io::Error::other(error)));
            self.end(read);
        }
    }
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match &mut self.state {
            Reading::Idle if size > 0 => {
                self.begin(size);
                Ok(Bytes::new())
            }
            Reading::Idle | Reading::Waiting(_) => Ok(Bytes::new()),
            Reading::Ready(piece) => {
                let taken = piece.split_to(piece.len().min(size));
                if piece.is_empty() {
                    self.state = Reading::Idle;
                }
                self.at = self.at.saturating_add(taken.len() as u64);
                Ok(taken)
            }
            Reading::Failed(_) => match std::mem::replace(&mut self.state, Reading::Ended) {
                Reading::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                _ => Err(StreamError::Closed),
            },
            Reading::Ended => Err(StreamError::Closed),
        }
    }

    /// Reads as much as is asked for, without a task of its own.
    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.wait().await;
        if size > 0 && matches!(self.state, Reading::Idle) {
            let at = self.at;
            let read = self.held.clone().run(move |held| held.read(at, size)).await;
            self.end(read);
        }
        self.read(size)
    }

    async fn cancel(&mut self) {
        self.state = Reading::Ended;
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {
        if matches!(self.state, Reading::Idle) {
            self.begin(UNASKED);
        }
        self.wait().await;
    }
}

/// Where a piece is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Position(u64),
    End,
}

impl At {
    fn advance(&mut self, bytes: usize) {
        if let Self::Position(at) = self {
            *at = at.saturating_add(bytes as u64);
        }
    }
}

/// Writes a file from a position on.
pub(crate) struct Writer {
    held: HeldFile,
    at: At,
    state: Writing,
}

enum Writing {
    Ready,
    Waiting(Call<()>),
    Failed(io::Error),
    Ended,
}

impl Writer {
    pub(crate) fn new(held: HeldFile, at: At) -> Self {
        Self { held, at, state: Writing::Ready }
    }

    async fn wait(&mut self) {
        if let Writing::Waiting(call) = &mut self.state {
            let written = call.await.unwrap_or_else(|error| Err(io::Error::other(error)));
            self.state = match written {
                Ok(()) => Writing::Ready,
                Err(error) => Writing::Failed(error),
            };
        }
    }

    fn check(&mut self) -> StreamResult<()> {
        match std::mem::replace(&mut self.state, Writing::Ended) {
            Writing::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            Writing::Ended => Err(StreamError::Closed),
            going_on => {
                self.state = going_on;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check()?;
        if matches!(self.state, Writing::Waiting(_)) {
            return Err(StreamError::trap("a write follows a `check-write` that permits it"));
        }
        if bytes.len() > PIECE {
            return Err(StreamError::trap("a write has more bytes than `check-write` permits"));
        }
        let (at, size) = (self.at, bytes.len());
        let bytes = self.held.memory().charged_about(Held::Files, bytes);
        let write = self.held.clone().run(move |held| held.write(at, &bytes));
        self.state = Writing::Waiting(AbortOnDropHandle::new(tokio::spawn(write)));
        self.at.advance(size);
        Ok(())
    }

    /// Writes without a task of its own.
    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.wait().await;
        self.check()?;
        let (at, size) = (self.at, bytes.len());
        let written = self.held.clone().run(move |held| held.write(at, &bytes)).await;
        self.at.advance(size);
        written.map_err(|error| {
            self.state = Writing::Ended;
            StreamError::LastOperationFailed(error.into())
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        Ok(match self.state {
            Writing::Waiting(_) => 0,
            _ => PIECE,
        })
    }

    /// Completes the write that has begun.
    async fn cancel(&mut self) {
        self.wait().await;
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        self.wait().await;
    }
}
