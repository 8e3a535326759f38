//! The session task's orders, apart from sending messages.

use super::{Inner, Socket};
use crate::capability::bindings::socket::ReadyState;
use crate::config::Limit;

/// How a session ended, as `close` tells the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseInfo {
    pub code: u16,
    pub reason: String,
    pub clean: bool,
}

impl CloseInfo {
    /// A lost connection (RFC 6455, section 7.1.5).
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

/// What the session task has to do, apart from sending messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Send this close frame after what is queued.
    pub close: Option<CloseFrame>,
    /// Drop what waits behind the frame that has begun: the peer does not read it.
    pub shed: bool,
    /// Drop the connection.
    pub terminate: bool,
    /// Send a ping.
    pub ping: bool,
}

impl Socket {
    /// Closes after what is queued. A socket that is already closing stays as it is.
    pub fn close(&self, code: u16, reason: impl Into<String>) {
        self.inner.lock().close(code, reason.into());
        self.wake();
    }

    /// Closes with 1013, and drops what waits: memory is short, and this peer reads slowly.
    /// Returns false if the socket is closing already.
    pub fn shed(&self, limit: Limit) -> bool {
        let mut inner = self.inner.lock();
        if !inner.shed(limit) {
            return false;
        }
        drop(inner);
        self.wake();
        self.account.exceed(limit);
        let (site, socket, request) = (self.site(), self.id, self.request.id);
        tracing::warn!(
            target: "session", site, socket, %request,
            "closing with 1013: the site is over `{limit}`, and most waits for this peer"
        );
        true
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

    /// Takes the orders.
    pub fn take_orders(&self) -> Orders {
        std::mem::take(&mut self.inner.lock().orders)
    }
}

impl Orders {
    /// Whether there are any orders.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

impl Inner {
    /// Closes with 1013, because of this bound, and drops what waits. Returns false if the socket
    /// is closing already.
    pub(crate) fn shed(&mut self, limit: Limit) -> bool {
        let reason = match limit {
            Limit::Outbound => "the outbound queue is full",
            _ => "the site is short of memory",
        };
        let is_open = matches!(self.ready, ReadyState::Connecting | ReadyState::Open);
        if is_open {
            self.outbound.clear();
            self.orders.shed = true;
            self.close(1013, reason.to_owned());
        }
        is_open
    }

    pub(crate) fn close(&mut self, code: u16, reason: String) {
        if matches!(self.ready, ReadyState::Connecting | ReadyState::Open) {
            self.ready = ReadyState::Closing;
            self.orders.close = Some(CloseFrame { code, reason });
        }
    }
}
