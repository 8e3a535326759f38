//! Recycles the space for a guest's call: more than a thousand bytes, which are lent only while the
//! call runs. So the task of a session that waits for its client holds none.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_util::sync::ReusableBoxFuture;

type CallSpace = ReusableBoxFuture<'static, ()>;

thread_local! {
    /// The space of the last call on this thread.
    static FREE: Cell<Option<CallSpace>> = const { Cell::new(None) };
}

/// A call in its borrowed space.
pub(crate) struct RecycledFuture(Option<CallSpace>);

impl RecycledFuture {
    pub(crate) fn new(call: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(match FREE.take() {
            Some(mut space) => {
                space.set(call);
                space
            }
            None => CallSpace::new(call),
        }))
    }
}

impl Future for RecycledFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(space) = &mut self.0 else { return Poll::Pending };
        ready!(space.poll(cx));
        FREE.set(self.0.take());
        Poll::Ready(())
    }
}
