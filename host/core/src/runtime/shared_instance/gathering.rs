//! Gathering: before the first task that brings messages to an idle instance runs it, other ready
//! tasks bring theirs, so that one call serves all of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::{Inner, InstanceSource, SharedInstance};

/// When this many sockets wait, the instance runs. Fewer wait until every ready task has brought
/// its messages. A call for several sockets costs each of them less, up to about this number; in a
/// call for many more, clients would wait for each other.
pub(super) const ENOUGH: usize = 64;

/// Held by the task that will run what is gathered, unless another task has run it by then.
pub(super) struct Gathering<T: InstanceSource>(Option<Arc<SharedInstance<T>>>);

impl<T: InstanceSource> Gathering<T> {
    pub(crate) fn of(shared: &Arc<SharedInstance<T>>, inner: &mut Inner<T>) -> Self {
        inner.phase.gather();
        Self(Some(shared.clone()))
    }

    /// Lets the ready tasks bring their messages, and then runs the queue.
    pub(crate) async fn run_queue(mut self) {
        after_the_ready().await;
        let Some(shared) = self.0.take() else { return };
        let runner = {
            let mut inner = shared.inner.lock();
            if !inner.phase.stop_gathering() || inner.queue.is_empty() {
                return;
            }
            shared.start(&mut inner)
        };
        runner.run_queue().await;
    }
}

impl<T: InstanceSource> Drop for Gathering<T> {
    /// The task has ended before it ran the queue: the host stops, or the socket's task was
    /// dropped.
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.inner.lock().phase.stop_gathering();
            shared.schedule();
        }
    }
}

/// Goes to the end of this thread's queue of ready tasks.
async fn after_the_ready() {
    let mut went = false;
    poll_fn(|cx| match std::mem::replace(&mut went, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
