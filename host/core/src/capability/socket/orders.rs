//! The session task's orders, apart from sending messages.

use super::{Inner, Socket};
use crate::capability::bindings::socket::ReadyState;

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
    pub(crate) fn close(&mut self, code: u16, reason: String) {
        if matches!(self.ready, ReadyState::Connecting | ReadyState::Open) {
            self.ready = ReadyState::Closing;
            self.orders.close = Some(CloseFrame { code, reason });
        }
    }
}
