//! Space for a guest's call: more than a thousand bytes, which are lent while the call goes on. So the task
//! of a session that waits for its client keeps none.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_util::sync::ReusableBoxFuture;

type Space = ReusableBoxFuture<'static, ()>;

thread_local! {
    /// What the last call on this thread has left.
    static FREE: Cell<Option<Space>> = const { Cell::new(None) };
}

/// A call in the space that it was lent.
pub struct RecycledFuture(Option<Space>);

impl RecycledFuture {
    pub fn new(call: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(match FREE.take() {
            Some(mut space) => {
                space.set(call);
                space
            }
            None => Space::new(call),
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
