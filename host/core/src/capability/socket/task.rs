//! The session task's side: what it has to do, and what it has taken to send.

use std::task::Waker;

use super::{Orders, Socket};

/// What the session task has to know and to do, seen at one moment.
#[derive(Debug)]
pub struct Look {
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

impl Socket {
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
    pub fn look(&self, unsent: usize, out: &mut Vec<u8>) -> Look {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let orders = std::mem::take(&mut inner.orders);
        let outbound = &mut inner.outbound;
        // Nobody else may write while the task carries orders out; the next look says what is left of them.
        outbound.set_unsent(unsent.max(usize::from(orders.any())));
        let took = unsent == 0 && outbound.has_more();
        if took {
            outbound.take(out);
        }
        let (drained, buffered) = (outbound.take_drained(), outbound.len());
        Look { orders, took, drained, buffered, behind: inner.is_behind() }
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

    /// Bytes that wait to be sent, those that the session task has taken included.
    pub fn buffered(&self) -> usize {
        self.inner.lock().outbound.len()
    }
}
