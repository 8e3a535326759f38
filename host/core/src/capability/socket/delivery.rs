//! The messages of a socket on their way to the guest, and the write of what the guest has queued
//! in answer.

use std::sync::Arc;

use super::{Inner, Socket};
use crate::capability::account::{Charge, Held};
use crate::message::Messages;
use crate::sync::MutexGuard;

/// Messages of a socket, for its guest.
#[derive(Debug)]
pub struct Delivery {
    pub socket: Arc<Socket>,
    pub messages: Messages,
    _charge: Option<Charge>,
}

impl Delivery {
    /// Messages that wait for the socket's guest from now on. They are charged until it has handled
    /// them.
    pub fn new(socket: Arc<Socket>, messages: Messages) -> Self {
        let charge = socket.account.memory().charge_about(Held::Messages, messages.bytes());
        Self { socket, messages, _charge: charge }
    }

    /// Whether all messages are packed, and so can be part of a batch.
    pub fn is_packed(&self) -> bool {
        self.messages.rest().is_empty()
    }
}

impl Drop for Delivery {
    /// A delivery is unfinished here only if the host has panicked in it. Its socket would wait
    /// forever.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.socket.close(1011, "");
            self.socket.finish_delivery().flush();
        }
    }
}

/// A socket whose delivery has been finished. It stays locked until what the guest has queued is
/// flushed, so that both are one step for the session's task.
#[must_use = "what the guest has queued waits for `flush`"]
#[derive(Debug)]
pub struct Finished<'s> {
    socket: &'s Socket,
    inner: MutexGuard<'s, Inner>,
}

impl Socket {
    /// Notes that messages have been left in the guest's queue.
    pub fn begin_delivery(&self) {
        self.inner.lock().delivering = true;
    }

    /// Notes that the guest has handled the messages, or never will. The socket may be read again.
    pub fn finish_delivery(&self) -> Finished<'_> {
        let mut inner = self.inner.lock();
        inner.delivering = false;
        Finished { socket: self, inner }
    }

    /// Whether the guest is behind. If so, the session task is woken when it no longer is.
    pub fn await_delivery(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.awaited = inner.is_behind();
        inner.awaited
    }

    /// Whether the guest is behind, so that the peer is not read.
    pub fn is_behind(&self) -> bool {
        self.inner.lock().is_behind()
    }
}

impl Finished<'_> {
    /// Writes what the guest has queued, as far as the network takes it at once. Wakes the session
    /// task only if something is left to do.
    pub fn flush(self) {
        let Self { socket, mut inner } = self;
        let Inner { outbound, outlet, orders, awaited, .. } = &mut *inner;
        if let Some(outlet) = outlet.as_ref().filter(|_| !orders.terminate) {
            outbound.write(|bytes| outlet.write(bytes));
        }
        outbound.settle();
        let was_awaited = std::mem::take(awaited);
        if was_awaited || outbound.needs_the_task() || orders.any() {
            socket.wake();
        }
    }
}

impl Inner {
    pub(crate) fn is_behind(&self) -> bool {
        self.delivering || !self.inbox.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::sockets::{NewSocket, Sockets};
    use crate::config::Limits;
    use crate::supervise;

    #[test]
    fn a_delivery_in_which_the_host_panics_ends_and_closes_its_socket() {
        let sockets = Sockets::default();
        let socket =
            sockets.accept(NewSocket::sample(), &Limits::default()).expect("there is room");
        socket.set_open(None);
        socket.begin_delivery();
        assert!(socket.is_behind());
        let delivery = Delivery::new(socket.clone(), Messages::of(socket.id));
        let handled: Option<()> = supervise::alone("a delivery", move || {
            let _delivery = delivery;
            panic!("in the middle of it");
        });
        assert_eq!(handled, None);
        assert!(!socket.is_behind(), "it is read on");
        let close = socket.take_orders().close.expect("it closes");
        assert_eq!(close.code, 1011);
    }
}
