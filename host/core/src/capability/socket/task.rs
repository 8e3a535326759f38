//! The session task's side: what it has to do, and what it has taken to send.

use std::task::Waker;

use super::{Orders, Socket};
use crate::outgoing::Outgoing;

/// What the session task has to know and to do, at one moment.
#[derive(Debug)]
pub struct Look {
    pub orders: Orders,
    /// Whether queued bytes were taken.
    pub took: bool,
    /// Whether the guest waited for room that is now available. This is true once.
    pub drained: bool,
    /// How many bytes wait to be sent, with those that have been taken.
    pub buffered: usize,
    /// Whether the guest has more than enough to read.
    pub behind: bool,
}

impl Socket {
    /// Wakes the session task, so that it looks at the queue.
    pub fn wake(&self) {
        self.task.wake();
    }

    /// Registers the session task's waker, until the next call.
    pub fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Returns what there is to do now. If everything that was taken before has been sent, this
    /// moves what is queued to `out`, which is empty.
    pub fn look(&self, unsent: usize, out: &mut Outgoing) -> Look {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let orders = std::mem::take(&mut inner.orders);
        let outbound = &mut inner.outbound;
        // No other task may write while this one carries orders out; the next look says what is
        // left of them.
        outbound.set_unsent(unsent.max(usize::from(orders.any())));
        let took = unsent == 0 && outbound.has_more();
        if took {
            *out = outbound.take();
            outbound.settle();
        }
        let (drained, buffered) = (outbound.take_drained(), outbound.len());
        Look { orders, took, drained, buffered, behind: inner.is_behind() }
    }

    /// Takes out what is queued.
    #[must_use]
    pub fn take_outbound(&self) -> Outgoing {
        let mut inner = self.inner.lock();
        let out = inner.outbound.take();
        inner.outbound.settle();
        out
    }

    /// Notes how much of what was taken is still unsent.
    pub fn set_unsent(&self, unsent: usize) {
        self.inner.lock().outbound.set_unsent(unsent);
    }

    /// Whether the guest waited for room that is now available. This is true once.
    pub fn take_drained(&self) -> bool {
        self.inner.lock().outbound.take_drained()
    }

    /// How many bytes wait to be sent, with those that the session task has taken.
    pub fn buffered(&self) -> usize {
        self.inner.lock().outbound.len()
    }
}
