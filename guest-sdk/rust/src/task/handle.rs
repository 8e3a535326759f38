//! What the code gets that starts a task.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::executor::{self, TaskId};

/// A task that was started: a future of its output. The task goes on if this is dropped.
pub struct JoinHandle<T> {
    task: Option<TaskId>,
    outcome: Rc<Outcome<T>>,
}

struct Outcome<T> {
    output: Cell<Option<T>>,
    over: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

/// The task's own side. It says that the task is over, even if the task is dropped.
struct Promise<T>(Rc<Outcome<T>>);

/// A task's work, and the handle of the task that does it.
pub(super) fn pair<F: Future>(future: F) -> (impl Future<Output = ()>, JoinHandle<F::Output>) {
    let outcome = Rc::new(Outcome {
        output: Cell::new(None),
        over: Cell::new(false),
        waiting: RefCell::new(None),
    });
    let promise = Promise(Rc::clone(&outcome));
    let work = async move {
        // Moved in as a whole, to be dropped with the task.
        let promise = promise;
        let output = future.await;
        promise.0.output.set(Some(output));
    };
    (work, JoinHandle { task: None, outcome })
}

impl<T> JoinHandle<T> {
    /// The same for the task that has got the work.
    pub(super) fn of(self, task: TaskId) -> Self {
        Self { task: Some(task), ..self }
    }

    /// Cancels the task at the `await` where it waits, and runs its destructors. Does nothing to a
    /// task that is over.
    pub fn cancel(&self) {
        if let Some(task) = self.task {
            executor::cancel(task);
        }
    }

    /// Whether the task is over, by its own end or cancelled.
    pub fn is_finished(&self) -> bool {
        self.outcome.over.get()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = &self.outcome;
        if outcome.over.get() {
            return Poll::Ready(outcome.output.take().ok_or(Cancelled));
        }
        outcome.waiting.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("task", &self.task).finish_non_exhaustive()
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.over.set(true);
        if let Some(waker) = self.0.waiting.take() {
            waker.wake();
        }
    }
}

/// The task ended without an output: it was cancelled, or its session was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the task was cancelled, or its session is over; what must go on belongs into \
             `lithe_sdk::task::spawn`",
        )
    }
}

impl Error for Cancelled {}
