//! The first task that brings messages to an idle instance lets the tasks that are ready bring theirs, before it runs
//! the instance for all of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::{Inner, InstanceSource, SharedInstance};

/// So many sockets that wait are enough for a call; fewer wait until no other is ready. A call for several costs
/// each of them less, up to here; one for many more would let their clients wait for each other.
pub(super) const ENOUGH: usize = 64;

/// The task that runs what has been gathered, unless another one has.
pub(super) struct Gathering<T: InstanceSource>(Option<Arc<SharedInstance<T>>>);

impl<T: InstanceSource> Gathering<T> {
    pub fn of(shared: &Arc<SharedInstance<T>>, inner: &mut Inner<T>) -> Self {
        inner.phase.gather();
        Self(Some(shared.clone()))
    }

    /// Lets the tasks that are ready now bring theirs first.
    pub async fn run_queue(mut self) {
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
    /// The task ends before it runs the queue: the host stops, or the socket's task has been dropped.
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.inner.lock().phase.stop_gathering();
            shared.schedule();
        }
    }
}

/// Goes to the end of the tasks that this thread has to poll.
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
