//! `socket`: the open sockets of a plugin, and what waits to be sent to each.
//!
//! A socket has three sides, which meet behind one lock. No call of any of them waits.
//!
//! - The guest's side sends and asks: `wit.rs` is the interface, `send.rs` encodes into
//!   `outbound.rs`, and `orders.rs` has the session task's other orders.
//! - The session's task, a floor up, takes what is queued and sends it: `task.rs`. It hands a
//!   blocking session its messages: `inbox.rs`.
//! - The task that runs the instance finishes each delivery, and flushes what the guest has queued
//!   in it through the socket's `outlet.rs`: `delivery.rs`.

#[cfg(all(test, feature = "shuttle"))]
mod checks;
mod delivery;
mod inbox;
mod orders;
mod outbound;
mod outlet;
mod send;
mod task;
mod wit;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures_util::task::AtomicWaker;

use super::account::{Account, Charge, Held};
use super::event::Request;
use super::http::size_of_headers;
use super::liveness::Liveness;
use super::sockets::NewSocket;
use super::topics::Subscriptions;
use super::{InstanceId, VersionId};
use crate::capability::bindings::socket::ReadyState;
use crate::config::OutboundPolicy;
use crate::message::Inbox;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use delivery::Delivery;
pub(crate) use orders::{CloseFrame, CloseInfo, Orders};
use outbound::Outbound;
pub(crate) use outlet::Outlet;
#[cfg(all(test, feature = "shuttle"))]
pub(crate) use outlet::TryWrite;
pub(crate) use task::Look;
pub(super) use wit::link_send;

/// How a socket speaks to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    WebSocket,
    /// A streamed response, which sends bytes as they are, without frames.
    Stream,
}

/// One socket, from the accepted upgrade to the guest's `close`.
#[derive(Debug)]
pub struct Socket {
    pub id: u32,
    pub protocol: Option<String>,
    /// The request of the handshake.
    pub request: Arc<Request>,
    /// The instance whose memory holds the session's state.
    pub pinned: Option<InstanceId>,
    /// The version of the plugin that gets its events.
    version: AtomicU64,
    pub kind: SocketKind,
    pub(super) bounds: SocketBounds,
    pub(super) account: Arc<Account>,
    inner: Mutex<Inner>,
    /// Locked after the plugin's topics.
    pub(super) topics: Mutex<Subscriptions>,
    pub liveness: Liveness,
    /// Wakes the session task.
    task: AtomicWaker,
    /// Whether a blocking session waits only for its next message.
    listening: AtomicBool,
    /// What the session's task holds, in bytes.
    in_session: AtomicUsize,
}

/// What an open socket takes, in bytes: its record, its task, and its connection's.
const WEIGHT: usize = 4096;

/// The state that all three sides share.
#[derive(Debug)]
struct Inner {
    ready: ReadyState,
    outbound: Outbound,
    /// The socket's own weight, with its attachment and its windows.
    weight: Charge,
    /// What weighs apart from the attachment, in bytes.
    base: usize,
    orders: Orders,
    /// Whether messages are in the guest's queue, and have not been handled.
    delivering: bool,
    /// Whether the session task waits for that.
    awaited: bool,
    /// It is here from the handshake to the end. None if only the session task can write.
    outlet: Option<Outlet>,
    attachment: Vec<u8>,
    inbox: VecDeque<(Inbox, Option<Charge>)>,
    ended: Option<CloseInfo>,
}

/// The limits that a socket enforces itself, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketBounds {
    pub message: usize,
    pub outbound: usize,
    pub attachment: usize,
    pub topics: usize,
}

impl Socket {
    pub(super) fn new(
        id: u32,
        new: NewSocket,
        bounds: SocketBounds,
        policy: OutboundPolicy,
    ) -> Self {
        let memory = new.account.memory();
        let outbound = Outbound::new(bounds.outbound, policy, memory);
        let weight = memory.charge(Held::Sockets);
        let base = Self::base_weight(&new.request);
        let socket = Self {
            id,
            protocol: new.protocol,
            request: new.request,
            pinned: new.pinned,
            version: AtomicU64::new(new.version.0),
            kind: new.kind,
            bounds,
            account: new.account,
            inner: Mutex::new(Inner {
                ready: ReadyState::Connecting,
                outbound,
                weight,
                base,
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
            in_session: AtomicUsize::new(0),
        };
        socket.inner.lock().weigh();
        socket
    }

    /// What a socket of this request takes, apart from its attachment, in bytes.
    pub(super) fn base_weight(request: &Request) -> usize {
        WEIGHT + size_of_headers(&request.headers)
    }

    /// What the socket takes, apart from what waits, in bytes.
    pub fn weight(&self) -> usize {
        let inner = self.inner.lock();
        inner.base.saturating_add(inner.attachment.len())
    }

    /// Charges this many bytes more for as long as the socket lives: the windows of its
    /// compression, or a subscription.
    pub fn add_weight(&self, bytes: usize) {
        let mut inner = self.inner.lock();
        inner.base = inner.base.saturating_add(bytes);
        inner.weigh();
    }

    /// Charges this many bytes no longer, which have been added before.
    pub(super) fn subtract_weight(&self, bytes: usize) {
        let mut inner = self.inner.lock();
        inner.base = inner.base.saturating_sub(bytes);
        inner.weigh();
    }

    /// Notes how many bytes the session's task holds of messages that are not sent or not complete.
    pub fn set_in_session(&self, bytes: usize) {
        self.in_session.store(bytes, Ordering::Relaxed);
    }

    /// How many bytes the socket holds up that a faster peer would not: those that wait to be sent,
    /// and those of a message that is not complete.
    pub fn held_up(&self) -> usize {
        self.inner.lock().outbound.held_up() + self.in_session.load(Ordering::Relaxed)
    }

    /// The name of the site that the socket belongs to.
    pub fn site(&self) -> &str {
        self.account.site()
    }

    /// The version of the plugin that gets its events.
    pub fn version(&self) -> VersionId {
        VersionId(self.version.load(Ordering::Relaxed))
    }

    /// Notes that another version has taken the socket over.
    pub fn set_version(&self, version: VersionId) {
        self.version.store(version.0, Ordering::Relaxed);
    }

    /// Whether it is a streamed response.
    pub fn is_stream(&self) -> bool {
        self.kind == SocketKind::Stream
    }

    /// Marks the handshake as complete. If a close was asked for before, it still is.
    pub fn set_open(&self, outlet: Option<Outlet>) {
        let mut inner = self.inner.lock();
        inner.outlet = outlet;
        if inner.ready == ReadyState::Connecting {
            inner.ready = ReadyState::Open;
        }
    }

    /// Marks the session as ended: nothing more is sent.
    pub fn set_closed(&self) {
        let mut inner = self.inner.lock();
        inner.ready = ReadyState::Closed;
        inner.outbound.clear();
        inner.outlet = None;
    }

    fn state(&self) -> ReadyState {
        self.inner.lock().ready
    }
}

impl Inner {
    fn weigh(&mut self) {
        self.weight.set(self.base.saturating_add(self.attachment.len()));
    }
}
