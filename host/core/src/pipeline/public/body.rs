//! Parts of a file as a response's body.
//!
//! A piece is read when hyper asks for it, on a thread that may wait for the disk. So a client that
//! reads slowly holds one piece in memory, however large the file is.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cap_std::fs::File;
use http_body::{Body, Frame, SizeHint};
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};
use tokio::task::JoinHandle;

use crate::capability::account::{Held, SiteMemory};

/// The most bytes that are read at once.
pub(super) const PIECE: u64 = 64 * 1024;

/// A part of a body.
#[derive(Clone, Debug)]
pub(super) enum BodyPart {
    Text(Bytes),
    /// A range of the file; not empty.
    File(Range<u64>),
}

impl BodyPart {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// Reads a file while it is sent. The body has the promised length, or is cut off if the file has
/// become shorter.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    parts: VecDeque<BodyPart>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// How many bytes are still to be sent.
    left: u64,
    /// The site's, which each piece is charged to until it is sent.
    memory: Arc<SiteMemory>,
}

impl FileBody {
    pub(super) fn new(file: File, parts: Vec<BodyPart>, memory: Arc<SiteMemory>) -> Self {
        let left = parts.iter().map(BodyPart::length).sum();
        Self { file: Arc::new(file), parts: parts.into(), reading: None, left, memory }
    }

    /// The next range to read.
    fn next_piece(&mut self) -> Option<Range<u64>> {
        let Some(BodyPart::File(range)) = self.parts.front_mut() else { return None };
        let end = range.start.saturating_add(PIECE).min(range.end);
        let piece = range.start..end;
        range.start = end;
        if range.is_empty() {
            self.parts.pop_front();
        }
        Some(piece)
    }

    fn send(&mut self, bytes: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.reading.is_none() {
            if let Some(BodyPart::Text(_)) = this.parts.front()
                && let Some(BodyPart::Text(text)) = this.parts.pop_front()
            {
                return this.send(text);
            }
            let Some(piece) = this.next_piece() else { return Poll::Ready(None) };
            let file = this.file.clone();
            this.reading = Some(tokio::task::spawn_blocking(move || read(&file, piece)));
        }
        let Some(reading) = &mut this.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(cx));
        this.reading = None;
        match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(bytes) => {
                let piece = this.memory.charged_about(Held::Bodies, bytes);
                this.send(piece)
            }
            Err(error) => {
                this.parts.clear();
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.reading.is_none() && self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Reads a whole range, which fits into memory.
///
/// # Errors
/// The file ends before, or the disk fails.
pub(super) fn read(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let length =
        usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
    // The file may have grown, but what is read may not exceed what was promised.
    let mut bytes = Vec::with_capacity(length);
    let mut at = range.start;
    while bytes.len() < length {
        match pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => at = at.saturating_add(count as u64),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes.into())
}
