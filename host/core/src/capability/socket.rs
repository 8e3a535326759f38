//! `socket`: the open sockets of a plugin, and what waits to be sent to each.
//!
//! The guest's side appends and asks; the session task of the socket, one floor up, takes what is
//! queued, sends it, and says how the session ended. No call here waits.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Poll, Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Resource, WasmList, WasmStr};

use super::account::Account;
use super::event::{EventHandle, Request};
use super::liveness::Liveness;
use super::outbound::{Full, Outbound};
use super::outlet::Outlet;
use super::sockets::NewSocket;
use super::topics::Heard;
use super::{InstanceId, State, VersionId};
use crate::bindings::socket::{
    self as wit, AttachmentError, CloseError, MessageResult, ReadyState, SendError, SocketId,
};
use crate::config::{Limit, OutboundPolicy};
use crate::message::{Borrowed, Encoded, Inbox, Messages, Opcode, encode_frame};

/// The longest reason of a close frame, in bytes (RFC 6455, section 5.5: 125 with the code).
pub const MAX_REASON: usize = 123;

/// How a session ended, as `close` tells the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseInfo {
    pub code: u16,
    pub reason: String,
    pub clean: bool,
}

impl CloseInfo {
    /// The connection was lost (RFC 6455, section 7.1.5).
    pub fn lost() -> Self {
        Self { code: 1006, reason: String::new(), clean: false }
    }
}

/// A close frame that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    pub code: u16,
    pub reason: String,
}

/// What the session task is to do besides sending.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Send this close frame after what is queued.
    pub close: Option<CloseFrame>,
    /// Drop the connection.
    pub terminate: bool,
    /// Send a ping.
    pub ping: bool,
}

/// What the session task has to know and to do, seen at one moment.
#[derive(Debug)]
pub struct Turn {
    pub orders: Orders,
    /// What was queued has been taken.
    pub took: bool,
    /// The guest waits for room that there is now: true once.
    pub drained: bool,
    /// Bytes that wait to be sent, those included that have been taken.
    pub buffered: usize,
    /// The guest has more than enough to read.
    pub behind: bool,
}

/// One socket, from the accepted upgrade to the guest's `close`.
#[derive(Debug)]
pub struct Socket {
    pub id: u32,
    pub protocol: Option<String>,
    /// The handshake's.
    pub request: Arc<Request>,
    /// The instance whose memory holds the session's state.
    pub pinned: Option<InstanceId>,
    /// The version of the plugin that its events go to.
    version: AtomicU64,
    /// A streamed response: what is sent is sent as it is, without frames.
    stream: bool,
    pub(super) bounds: Bounds,
    pub(super) account: Arc<Account>,
    inner: Mutex<Inner>,
    /// Locked after the plugin's topics.
    pub(super) topics: Mutex<Heard>,
    pub liveness: Liveness,
    /// The session task.
    task: AtomicWaker,
    /// A blocking session waits for its next message, and for nothing else.
    listening: AtomicBool,
}

#[derive(Debug)]
struct Inner {
    ready: ReadyState,
    outbound: Outbound,
    orders: Orders,
    /// Messages are with the guest's queue, and have not been handled.
    delivering: bool,
    /// The session task waits for that.
    awaited: bool,
    /// From the handshake to the end; none where only the session task can write.
    outlet: Option<Outlet>,
    attachment: Vec<u8>,
    inbox: VecDeque<Inbox>,
    ended: Option<CloseInfo>,
}

/// The limits that a socket enforces itself, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub message: usize,
    pub outbound: usize,
    pub attachment: usize,
    pub topics: usize,
}

impl Socket {
    pub(super) fn new(id: u32, new: NewSocket, bounds: Bounds, policy: OutboundPolicy) -> Self {
        Self {
            id,
            protocol: new.protocol,
            request: new.request,
            pinned: new.pinned,
            version: AtomicU64::new(new.version.0),
            stream: new.stream,
            bounds,
            account: new.account,
            inner: Mutex::new(Inner {
                ready: ReadyState::Connecting,
                outbound: Outbound::new(bounds.outbound, policy),
                orders: Orders::default(),
                delivering: false,
                awaited: false,
                outlet: None,
                attachment: new.attachment,
                inbox: VecDeque::new(),
                ended: None,
            }),
            topics: Mutex::new(Some(HashSet::new())),
            liveness: Liveness::default(),
            task: AtomicWaker::new(),
            listening: AtomicBool::new(false),
        }
    }

    /// Queues a message, unless the socket is closing. Over the outbound limit the site's policy
    /// decides: by default the socket is closed with 1013, and what waits is dropped, for the peer
    /// does not read it.
    ///
    /// # Errors
    /// The socket is closing, the message is over the limit, or the queue is full.
    pub fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.queue(payload.len(), |bytes| match self.stream {
            true => bytes.extend_from_slice(payload),
            false => encode_frame(bytes, opcode, payload),
        })
    }

    /// Queues a message that has been encoded once for many sockets.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn send_encoded(&self, message: &Encoded<'_>) -> Result<(), SendError> {
        self.queue(message.payload.len(), |bytes| match self.stream {
            true => bytes.extend_from_slice(message.payload),
            false => bytes.extend_from_slice(&message.frame),
        })
    }

    fn queue(&self, payload: usize, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), SendError> {
        if payload > self.bounds.message {
            self.account.exceed(Limit::Message);
            return Err(SendError::TooLarge(self.bounds.message as u64));
        }
        let mut inner = self.inner.lock();
        if !matches!(inner.ready, ReadyState::Connecting | ReadyState::Open) {
            return Err(SendError::Closed);
        }
        match inner.outbound.push(payload, encode) {
            Ok(()) => {
                self.liveness.mark_active();
                Ok(())
            }
            Err(Full::Refuse) => {
                self.account.exceed(Limit::Outbound);
                Err(SendError::QueueFull)
            }
            Err(Full::Close) => {
                inner.close(1013, "the outbound queue is full".to_owned());
                self.account.exceed(Limit::Outbound);
                tracing::warn!(
                    target: "session",
                    site = self.site(),
                    socket = self.id,
                    request = %self.request.id,
                    "closing with 1013: the peer reads too slowly, `limits.outbound` ({} bytes) waits",
                    self.bounds.outbound
                );
                Err(SendError::Closed)
            }
        }
    }

    /// The name of the site that it belongs to.
    pub fn site(&self) -> &str {
        self.account.site()
    }

    /// The version of the plugin that its events go to.
    pub fn version(&self) -> VersionId {
        VersionId(self.version.load(Ordering::Relaxed))
    }

    /// Another version has taken it over.
    pub fn set_version(&self, version: VersionId) {
        self.version.store(version.0, Ordering::Relaxed);
    }

    /// Whether it is a streamed response.
    pub fn is_stream(&self) -> bool {
        self.stream
    }

    /// Closes after what is queued. A socket that is already closing stays as it is.
    pub fn close(&self, code: u16, reason: impl Into<String>) {
        self.inner.lock().close(code, reason.into());
        self.wake();
    }

    /// Drops the connection without a close frame.
    pub fn terminate(&self) {
        let mut inner = self.inner.lock();
        inner.orders.terminate = true;
        inner.ready = ReadyState::Closing;
        drop(inner);
        self.wake();
    }

    /// Asks the peer for a sign of life.
    pub fn ping(&self) {
        self.inner.lock().orders.ping = true;
        self.wake();
    }

    /// Lets the session task look at what is queued.
    pub fn wake(&self) {
        self.task.wake();
    }

    /// The session task's waker, until the next call.
    pub fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// What there is to do now. Where nothing that was taken before is unsent, what is queued is moved to
    /// `out`, which is empty.
    pub fn turn(&self, unsent: usize, out: &mut Vec<u8>) -> Turn {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let orders = std::mem::take(&mut inner.orders);
        let outbound = &mut inner.outbound;
        // Nobody else may write while the task carries orders out; the next turn says what is left of them.
        outbound.set_unsent(unsent.max(usize::from(orders != Orders::default())));
        let took = unsent == 0 && outbound.has_more();
        if took {
            outbound.take(out);
        }
        let (drained, buffered) = (outbound.take_drained(), outbound.len());
        Turn { orders, took, drained, buffered, behind: inner.is_behind() }
    }

    /// What there is to do besides sending.
    pub fn take_orders(&self) -> Orders {
        std::mem::take(&mut self.inner.lock().orders)
    }

    /// Moves what is queued to `out`, which is empty.
    pub fn take_outbound(&self, out: &mut Vec<u8>) {
        self.inner.lock().outbound.take(out);
    }

    /// How much of what was taken is still unsent.
    pub fn set_unsent(&self, unsent: usize) {
        self.inner.lock().outbound.set_unsent(unsent);
    }

    /// Whether the guest waits for room that there is now: true once.
    pub fn take_drained(&self) -> bool {
        self.inner.lock().outbound.take_drained()
    }

    /// Marks the handshake as complete. A close that was asked for before it stays asked for.
    pub fn set_open(&self, outlet: Option<Outlet>) {
        let mut inner = self.inner.lock();
        inner.outlet = outlet;
        if inner.ready == ReadyState::Connecting {
            inner.ready = ReadyState::Open;
        }
    }

    /// The session has ended: nothing more is sent.
    pub fn set_closed(&self) {
        let mut inner = self.inner.lock();
        inner.ready = ReadyState::Closed;
        inner.outbound.clear();
        inner.outlet = None;
    }

    /// Whether the guest is behind, and so the session task waits: it is woken when that is over.
    pub fn await_delivery(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.awaited = inner.is_behind();
        inner.awaited
    }

    /// Whether the guest is behind, and so the peer is not heard.
    pub fn is_behind(&self) -> bool {
        self.inner.lock().is_behind()
    }

    /// Messages have been left in the guest's queue.
    pub fn begin_delivery(&self) {
        self.inner.lock().delivering = true;
    }

    /// The guest has handled them. What it has queued is written, as far as the network takes it at once; the
    /// session task is woken only for what is left to do.
    pub fn end_delivery(&self) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        inner.delivering = false;
        if let Some(outlet) = inner.outlet.as_ref().filter(|_| !inner.orders.terminate) {
            inner.outbound.write(|bytes| outlet.try_write(bytes));
        }
        let awaited = std::mem::take(&mut inner.awaited);
        if awaited || inner.outbound.needs_the_task() || inner.orders != Orders::default() {
            self.wake();
        }
    }

    /// Hands messages to a blocking session, which is polled by the session's task, and so by the task that calls
    /// this: nobody has to be woken.
    pub fn push_inbox(&self, messages: Messages) {
        if !messages.is_empty() {
            self.inner.lock().inbox.push_back(messages.into());
            self.set_listening(false);
        }
    }

    /// Whether a blocking session waits for its next message, or its end, and for nothing else: until there is
    /// one, it need not be polled.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    pub(super) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
    }

    /// Tells a blocking session, after what it has not read yet, how it ended.
    pub fn end_inbox(&self, info: CloseInfo) {
        self.inner.lock().ended.get_or_insert(info);
        self.set_listening(false);
    }

    /// The next message for a blocking session, as `take` makes it, or how the session ended.
    pub fn poll_inbox<T>(
        &self,
        take: impl FnOnce(Borrowed<'_>) -> T,
    ) -> Poll<Result<T, CloseInfo>> {
        let mut inner = self.inner.lock();
        if let Some(inbox) = inner.inbox.front_mut()
            && let Some(message) = inbox.next(take)
        {
            if inbox.is_empty() {
                inner.inbox.pop_front();
            }
            return Poll::Ready(Ok(message));
        }
        match &inner.ended {
            Some(info) => Poll::Ready(Err(info.clone())),
            None => Poll::Pending,
        }
    }

    fn state(&self) -> ReadyState {
        self.inner.lock().ready
    }

    /// Bytes that wait to be sent, those that the session task has taken included.
    pub fn buffered(&self) -> usize {
        self.inner.lock().outbound.len()
    }
}

impl Inner {
    fn is_behind(&self) -> bool {
        self.delivering || !self.inbox.is_empty()
    }

    fn close(&mut self, code: u16, reason: String) {
        if matches!(self.ready, ReadyState::Connecting | ReadyState::Open) {
            self.ready = ReadyState::Closing;
            self.orders.close = Some(CloseFrame { code, reason });
        }
    }
}

/// A message where it is: in the guest's memory.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum GuestMessage {
    #[component(name = "text")]
    Text(WasmStr),
    #[component(name = "binary")]
    Binary(WasmList<u8>),
}

/// Links `send` by hand: the generated code copies each message before it calls us, and here it goes from the
/// guest's memory to the queue at once.
///
/// # Errors
/// Never, after the generated code has linked the interface.
pub(super) fn link_send(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Sent = (Result<(), SendError>,);
    let send = |store: StoreContextMut<'_, State>, (to, message): (SocketId, GuestMessage)| {
        let sent = match &message {
            GuestMessage::Text(text) => {
                let text = text.to_str(&store)?;
                store.data().send(to, Opcode::Text, text.as_bytes())
            }
            GuestMessage::Binary(bytes) => {
                store.data().send(to, Opcode::Binary, bytes.as_le_slice(&store))
            }
        };
        wasmtime::Result::<Sent>::Ok((sent,))
    };
    linker.allow_shadowing(true);
    let linked = linker
        .instance("lithe:plugin/socket@0.1.0")
        .and_then(|mut socket| socket.func_wrap("send", send));
    linker.allow_shadowing(false);
    linked
}

impl State {
    fn send(&self, to: SocketId, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        match &self.current {
            // The task that made the call of an event sends what is queued when it returns. A loop is polled by its
            // socket's task, which sends then; but what streams is sent by another task.
            Some(current) if current.id == to && (self.is_event || !current.is_stream()) => {
                current.send(opcode, payload)
            }
            _ => {
                let socket = self.socket(to).ok_or(SendError::Closed)?;
                let sent = socket.send(opcode, payload);
                socket.wake();
                sent
            }
        }
    }
}

impl wit::Host for State {
    /// As the contract says; [`link_send`] stands for it.
    fn send(
        &mut self,
        to: SocketId,
        message: MessageResult,
    ) -> wasmtime::Result<Result<(), SendError>> {
        Ok(match &message {
            MessageResult::Text(text) => State::send(self, to, Opcode::Text, text.as_bytes()),
            MessageResult::Binary(bytes) => State::send(self, to, Opcode::Binary, bytes),
        })
    }

    fn close(
        &mut self,
        socket: SocketId,
        code: Option<u16>,
        reason: String,
    ) -> wasmtime::Result<Result<(), CloseError>> {
        let code = code.unwrap_or(1000);
        if !matches!(code, 1000 | 3000..=4999) {
            return Ok(Err(CloseError::InvalidCode(code)));
        }
        if reason.len() > MAX_REASON {
            return Ok(Err(CloseError::ReasonTooLong));
        }
        if let Some(socket) = self.socket(socket) {
            socket.close(code, reason);
        }
        Ok(Ok(()))
    }

    fn fail(&mut self, socket: SocketId, reason: String) -> wasmtime::Result<()> {
        if let Some(socket) = self.socket(socket) {
            let (site, plugin) = (&*self.context.site, &*self.context.plugin);
            let request = &socket.request.id;
            tracing::error!(target: "session", site, plugin, %request, failure = reason, "session failed");
            socket.close(1011, "");
        }
        Ok(())
    }

    fn terminate(&mut self, socket: SocketId) -> wasmtime::Result<()> {
        if let Some(socket) = self.socket(socket) {
            socket.terminate();
        }
        Ok(())
    }

    fn state(&mut self, socket: SocketId) -> wasmtime::Result<ReadyState> {
        Ok(self.socket(socket).map_or(ReadyState::Closed, |socket| socket.state()))
    }

    fn protocol(&mut self, socket: SocketId) -> wasmtime::Result<Option<String>> {
        Ok(self.socket(socket).and_then(|socket| socket.protocol.clone()))
    }

    fn buffered_amount(&mut self, socket: SocketId) -> wasmtime::Result<u32> {
        let buffered = self.socket(socket).map_or(0, |socket| socket.buffered());
        Ok(u32::try_from(buffered).unwrap_or(u32::MAX))
    }

    fn event_of(&mut self, socket: SocketId) -> wasmtime::Result<Option<Resource<EventHandle>>> {
        match self.socket(socket) {
            Some(socket) => self.push_event(socket.request.clone()).map(Some),
            None => Ok(None),
        }
    }

    fn attachment(&mut self, socket: SocketId) -> wasmtime::Result<Vec<u8>> {
        let socket = self.socket(socket);
        Ok(socket.map(|socket| socket.inner.lock().attachment.clone()).unwrap_or_default())
    }

    fn set_attachment(
        &mut self,
        socket: SocketId,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), AttachmentError>> {
        let Some(socket) = self.socket(socket) else { return Ok(Err(AttachmentError::Closed)) };
        let max = socket.bounds.attachment;
        if value.len() > max {
            self.context.account.exceed(Limit::Attachment);
            return Ok(Err(AttachmentError::TooLarge(max as u64)));
        }
        socket.inner.lock().attachment = value;
        Ok(Ok(()))
    }
}
