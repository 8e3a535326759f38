//! A guest's standard output and error: what it writes at once becomes an event of the log that
//! names the site, the plugin and the request. So a stack stays together.
//!
//! Writing never blocks. A line longer than 8 KiB is cut into several, and no secret is cut in two.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::event::RequestId;
use crate::log::{self, Site as _};

/// The longest log line of a guest, in bytes.
const MAX_LINE: usize = log::MAX_TEXT;

/// Lines of one event, as many as the log shows.
const MAX_LINES: usize = 64;

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandardStream {
    Stdout,
    Stderr,
}

/// What one instance prints.
#[derive(Debug)]
pub(crate) struct Output {
    of: Arc<super::Context>,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    request: RequestId,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    /// Starts without any output.
    pub(crate) fn new(of: Arc<super::Context>) -> Self {
        Self { of, pending: Mutex::default() }
    }

    /// The WASI stream of one of the two.
    pub(crate) fn stream(self: &Arc<Self>, stream: StandardStream) -> OutputHandle {
        OutputHandle { output: self.clone(), stream }
    }

    /// Notes that the lines that follow are about this request.
    pub(crate) fn begin(&self, request: RequestId) {
        self.pending.lock().request = request;
    }

    /// Logs the rest, which has no newline.
    pub(crate) fn end(&self) {
        let mut pending = self.pending.lock();
        let pending = &mut *pending;
        for (stream, buffer) in [
            (StandardStream::Stdout, &mut pending.stdout),
            (StandardStream::Stderr, &mut pending.stderr),
        ] {
            if !buffer.is_empty() {
                self.log(pending.request, stream, buffer);
                buffer.clear();
            }
        }
    }

    fn write(&self, stream: StandardStream, mut bytes: &[u8]) {
        let mut pending = self.pending.lock();
        let request = pending.request;
        let buffer = match stream {
            StandardStream::Stdout => &mut pending.stdout,
            StandardStream::Stderr => &mut pending.stderr,
        };
        while !bytes.is_empty() {
            let room = MAX_LINE - buffer.len();
            let newlines = bytes.iter().take(room).enumerate().filter(|(_, byte)| **byte == b'\n');
            let end = newlines.take(MAX_LINES).last().map(|(at, _)| at);
            let taken = end.unwrap_or(bytes.len().min(room));
            buffer.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[end.map_or(taken, |newline| newline + 1)..];
            if end.is_some() {
                self.log(request, stream, buffer);
                buffer.clear();
            } else if buffer.len() == MAX_LINE {
                let end = self.cut(buffer);
                self.log(request, stream, &buffer[..end]);
                buffer.drain(..end);
            }
        }
    }

    /// Where to cut a line that is too long, so that neither a secret nor a character is cut in
    /// two.
    fn cut(&self, line: &[u8]) -> usize {
        let end = match std::str::from_utf8(line) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => line.len(),
        };
        let secrets = self.of.account.secrets();
        match secrets.map_or(end, |secrets| secrets.cut(&line[..end])) {
            // A line that is one long secret is cut anyway.
            0 => line.len(),
            cut => cut,
        }
    }

    fn log(&self, request: RequestId, stream: StandardStream, line: &[u8]) {
        let (site, plugin) = (&*self.of.site, &*self.of.plugin);
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        let line = line.replace("\r\n", "\n");
        match stream {
            StandardStream::Stdout => {
                tracing::info!(target: "guest", site, plugin, %request, "{line}")
            }
            StandardStream::Stderr => {
                tracing::warn!(target: "guest", site, plugin, %request, "{line}")
            }
        }
    }
}

/// One of an instance's two streams.
#[derive(Clone, Debug)]
pub(crate) struct OutputHandle {
    output: Arc<Output>,
    stream: StandardStream,
}

impl IsTerminal for OutputHandle {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for OutputHandle {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for OutputHandle {
    async fn ready(&mut self) {}
}

impl OutputStream for OutputHandle {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for OutputHandle {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.write(self.stream, buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
