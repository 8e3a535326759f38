//! Answers whose body is sent piece by piece.

mod sse;

use std::fmt;
use std::ops::Deref;

use anyhow::bail;

pub use sse::Sse;

use crate::sessions::{self, Session};
use crate::ws::Kind;
use crate::{
    BlockingSocket, Cookie, Event, Outcome, Response, Result, SendError, Sender, Socket, headers,
    sys,
};

/// An answer whose body is sent piece by piece, by [`Response::stream`] or [`Response::sse`].
///
/// The body's closure runs once the handler has returned the stream and the host has sent the head.
/// Middleware sees the stream as an [`Outcome`], and may still change its headers.
#[must_use = "nothing is sent until the handler returns it"]
#[derive(Debug)]
pub struct Stream {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    body: Body,
}

enum Body {
    /// Made in this component. The host does not know it yet.
    New(Session),
    /// Known to the host, from here or from the component that a middleware wraps.
    Started(u32),
}

/// A stream that the host knows.
#[derive(Debug)]
pub(crate) struct Started {
    pub socket: u32,
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(session) => f.debug_tuple("New").field(session).finish(),
            Self::Started(socket) => f.debug_tuple("Started").field(socket).finish(),
        }
    }
}

impl Response {
    /// 200 with `application/octet-stream`, whose body an async closure sends, for
    /// `#[lithe_sdk::handler(websocket)]`.
    /// [`with_header`](Stream::with_header)`("content-type", …)` gives it another type.
    ///
    /// The closure runs once the head is sent. Returning `Ok` ends the body. An error breaks it
    /// off, and the client sees that it is not whole. When the client leaves, sending fails, and
    /// the closure is dropped at the first `await` that would wait.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    /// use lithe_sdk::{Event, Outcome, Response};
    ///
    /// #[lithe_sdk::handler(websocket)]
    /// fn numbers(event: Event) -> Outcome {
    ///     Response::stream(async |body| {
    ///         for number in 1..=3 {
    ///             body.send_text(format!("{number}\n"))?;
    ///         }
    ///         Ok(())
    ///     })
    ///     .with_header("content-type", "text/plain")
    ///     .into()
    /// }
    ///
    /// assert_eq!(TestEvent::get("/").call(numbers).stream().text(), "1\n2\n3\n");
    /// ```
    pub fn stream<F>(body: F) -> Stream
    where
        F: AsyncFnOnce(BodySender) -> Result<()> + 'static,
    {
        Stream::new(Session::of_async(async move |socket| body(BodySender::new(socket)).await))
    }

    /// 200 with `application/octet-stream`, whose body a blocking closure sends, for
    /// `#[lithe_sdk::handler(session)]`. The closure runs once the head is sent, in an instance of
    /// its own. It ends as the closure of [`stream`](Self::stream) does.
    pub fn stream_blocking<F>(body: F) -> Stream
    where
        F: FnOnce(BlockingBodySender) -> Result<()> + 'static,
    {
        let session = |socket| body(BlockingBodySender::new(socket));
        Stream::new(Session::Blocking(Box::new(session)))
    }

    /// Server-sent events of an async closure, which a browser reads with `EventSource`.
    ///
    /// ```
    /// use lithe_sdk::testing::TestEvent;
    /// use lithe_sdk::{Event, Outcome, Response, Sse};
    ///
    /// #[lithe_sdk::handler(websocket)]
    /// fn news(event: Event) -> Outcome {
    ///     Response::sse(async |body| {
    ///         body.event(Sse::data("hello").id("1"))?;
    ///         body.closed().await;
    ///         Ok(())
    ///     })
    ///     .into()
    /// }
    ///
    /// assert_eq!(TestEvent::get("/").call(news).stream().text(), "id: 1\ndata: hello\n\n");
    /// ```
    pub fn sse<F>(body: F) -> Stream
    where
        F: AsyncFnOnce(BodySender) -> Result<()> + 'static,
    {
        Self::stream(body).with_event_headers()
    }

    /// Server-sent events from a blocking closure; see [`sse`](Self::sse) and
    /// [`stream_blocking`](Self::stream_blocking).
    pub fn sse_blocking<F>(body: F) -> Stream
    where
        F: FnOnce(BlockingBodySender) -> Result<()> + 'static,
    {
        Self::stream_blocking(body).with_event_headers()
    }
}

impl Stream {
    fn new(session: Session) -> Self {
        Self { status: 200, headers: Vec::new(), body: Body::New(session) }
            .with_header("content-type", "application/octet-stream")
    }

    fn with_event_headers(self) -> Self {
        self.with_header("content-type", "text/event-stream")
            .with_header("cache-control", "no-cache")
    }

    /// The same with another status, 200 to 599.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with this header in place of all others of that name.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        headers::set(&mut self.headers, name, value);
        self
    }

    /// The same with this header beside others of that name.
    pub fn with_added_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with this cookie set.
    pub fn with_cookie(self, cookie: Cookie) -> Self {
        self.with_added_header("set-cookie", cookie.to_string())
    }

    /// Tells the host of the stream, unless the host knows of it.
    ///
    /// # Errors
    /// The host refuses: see `wit/streams.wit`. A closure of the wrong kind is a 500, and the log
    /// says which attribute it needs.
    pub(crate) fn start(self, event: &Event) -> Result<Self> {
        let session = match self.body {
            Body::New(session) => session,
            Body::Started(_) => return Ok(self),
        };
        match (event.kind(), &session) {
            (Kind::Blocking, Session::Async(_)) => bail!(
                "`Response::stream` needs `#[lithe_sdk::handler(websocket)]`; \
                 in `#[lithe_sdk::handler(session)]` write `Response::stream_blocking`"
            ),
            (Kind::Async, Session::Blocking(_)) => bail!(
                "`Response::stream_blocking` needs `#[lithe_sdk::handler(session)]`; \
                 in `#[lithe_sdk::handler(websocket)]` write `Response::stream`"
            ),
            _ => {}
        }
        let started = sys::start(event.handle(), self.status, &self.headers)?;
        sessions::accepted(started.socket, session);
        Ok(started.into())
    }

    /// The socket, once the host knows of it.
    pub(crate) fn socket(&self) -> Option<u32> {
        match self.body {
            Body::New(_) => None,
            Body::Started(socket) => Some(socket),
        }
    }
}

impl From<Started> for Stream {
    fn from(Started { socket, status, headers }: Started) -> Self {
        Self { status, headers, body: Body::Started(socket) }
    }
}

impl From<Stream> for Outcome {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}

/// Sends the pieces of a body. It is a number: copy and keep it as you like.
///
/// [`BodySender`] and [`BlockingBodySender`] dereference to it. Pieces leave in the order of their
/// sending, as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyWriter {
    sender: Sender,
}

impl BodyWriter {
    /// Queues text, sent as UTF-8. Never blocks.
    ///
    /// # Errors
    /// See [`SendError`]. It is [`SendError::Closed`] once the client has left or the body has
    /// ended.
    pub fn send_text(&self, text: impl AsRef<str>) -> Result<(), SendError> {
        self.sender.send_text(text)
    }

    /// Queues bytes. Never blocks.
    ///
    /// # Errors
    /// See [`SendError`]. It is [`SendError::Closed`] once the client has left or the body has
    /// ended.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.sender.send_binary(bytes)
    }

    /// Queues a server-sent event. Never blocks.
    ///
    /// # Errors
    /// See [`SendError`]. It is [`SendError::Closed`] once the client has left or the body has
    /// ended.
    pub fn event(&self, event: Sse) -> Result<(), SendError> {
        self.send_text(event.to_string())
    }

    /// Bytes queued and not yet handed to the network.
    pub fn buffered_amount(&self) -> u32 {
        self.sender.buffered_amount()
    }

    /// The body as the sending half of a socket that receives nothing.
    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// The request that the body answers. `None` once the body has ended.
    pub fn request(&self) -> Option<Event> {
        self.sender.event()
    }
}

/// The argument of the closure of [`Response::stream`]: a [`BodyWriter`] that can also wait.
#[derive(Debug)]
pub struct BodySender {
    writer: BodyWriter,
    socket: Socket,
}

impl BodySender {
    fn new(socket: Socket) -> Self {
        Self { writer: BodyWriter { sender: socket.sender() }, socket }
    }

    /// Waits until the client has left. Dropping the future loses nothing.
    pub async fn closed(&self) {
        self.socket.ended().await;
    }

    /// The sending half, which others may keep.
    pub fn writer(&self) -> BodyWriter {
        self.writer
    }
}

impl Deref for BodySender {
    type Target = BodyWriter;

    fn deref(&self) -> &BodyWriter {
        &self.writer
    }
}

/// The argument of the closure of [`Response::stream_blocking`]: a [`BodyWriter`] that can also
/// wait.
#[derive(Debug)]
pub struct BlockingBodySender {
    writer: BodyWriter,
    socket: BlockingSocket,
}

impl BlockingBodySender {
    fn new(socket: BlockingSocket) -> Self {
        Self { writer: BodyWriter { sender: socket.sender() }, socket }
    }

    /// Waits until the client has left.
    pub fn closed(&mut self) {
        self.socket.by_ref().for_each(drop);
    }
}

impl Deref for BlockingBodySender {
    type Target = BodyWriter;

    fn deref(&self) -> &BodyWriter {
        &self.writer
    }
}

#[cfg(test)]
mod tests;
