//! Runs the instance's tasks: one thread, no waiting.
//!
//! An export call starts or wakes tasks, and then [`run`]s until none is ready. Wakers are real, so
//! a task may await what another task of this instance wakes. Nothing here knows of sockets or of
//! time. Other modules [`spawn`] a task, or keep its waker. [`at_rest`] registers work that is done
//! once for a whole run, for example to set a timer.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// Names a task of this instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(u64);

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    /// `None` while it is polled.
    work: RefCell<Option<Work>>,
    wake: Arc<TaskWaker>,
}

#[derive(Default)]
struct Executor {
    tasks: RefCell<BTreeMap<TaskId, Rc<Task>>>,
    ready: Arc<ReadyQueue>,
    last: Cell<u64>,
    at_rest: Cell<Option<fn()>>,
}

thread_local! {
    /// Never dropped, as an instance's memory is not: no task is torn down by the end of a thread.
    static EXECUTOR: ManuallyDrop<Executor> = ManuallyDrop::new(Executor::default());
}

/// Adds a task, ready for its first poll at the next [`run`].
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) -> TaskId {
    spawn_as(|_| work)
}

/// The same for a task that knows its own name.
pub(crate) fn spawn_as<W>(work: impl FnOnce(TaskId) -> W) -> TaskId
where
    W: Future<Output = ()> + 'static,
{
    EXECUTOR.with(|executor| {
        let id = TaskId(executor.last.get() + 1);
        executor.last.set(id.0);
        let wake = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(false),
            ready: Arc::clone(&executor.ready),
        });
        wake.wake_by_ref();
        let task = Task { work: RefCell::new(Some(Box::pin(work(id)))), wake };
        executor.tasks.borrow_mut().insert(id, Rc::new(task));
        id
    })
}

/// Drops a task, if it is not done.
pub(crate) fn cancel(id: TaskId) {
    // The name has the task dropped after the map is free again. Its destructors may come back
    // here.
    let _task = EXECUTOR.with(|executor| executor.tasks.borrow_mut().remove(&id));
}

/// Polls tasks until none is ready. Every export call that may have woken one ends with it.
pub(crate) fn run() {
    EXECUTOR.with(|executor| {
        while let Some(id) = executor.ready.pop() {
            executor.poll(id);
        }
        if let Some(at_rest) = executor.at_rest.get() {
            at_rest();
        }
    });
}

/// Has `f` called whenever a [`run`] is over. It must wake no task. It is a pointer: a component
/// that never waits for time does not import timers.
pub(crate) fn at_rest(f: fn()) {
    EXECUTOR.with(|executor| executor.at_rest.set(Some(f)));
}

impl Executor {
    fn poll(&self, id: TaskId) {
        let Some(task) = self.tasks.borrow().get(&id).cloned() else { return };
        let Some(mut work) = task.work.take() else { return };
        task.wake.queued.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&task.wake));
        if work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            task.work.replace(Some(work));
        } else {
            self.tasks.borrow_mut().remove(&id);
        }
    }
}

/// Tasks to poll, in the order of their waking, each at most once.
#[derive(Default)]
struct ReadyQueue(Mutex<VecDeque<TaskId>>);

impl ReadyQueue {
    fn push(&self, id: TaskId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(id);
    }

    fn pop(&self) -> Option<TaskId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

struct TaskWaker {
    id: TaskId,
    queued: AtomicBool,
    ready: Arc<ReadyQueue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.push(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn};
    use std::task::Poll;

    /// Waits until the cell has a value.
    async fn wait_for(value: Rc<Cell<Option<u8>>>, waker: Rc<RefCell<Option<Waker>>>) -> u8 {
        poll_fn(|cx| match value.get() {
            Some(value) => Poll::Ready(value),
            None => {
                waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    #[test]
    fn one_task_wakes_another_within_a_run() {
        let (value, waker) = (Rc::new(Cell::new(None)), Rc::new(RefCell::new(None::<Waker>)));
        let seen = Rc::new(Cell::new(0));
        spawn({
            let (value, waker, seen) = (value.clone(), waker.clone(), seen.clone());
            async move { seen.set(wait_for(value, waker).await) }
        });
        spawn(async move {
            value.set(Some(7));
            waker.take().expect("the first task waits").wake();
        });
        run();
        assert_eq!(seen.get(), 7);
    }

    #[test]
    fn a_task_woken_twice_is_polled_once() {
        let polls = Rc::new(Cell::new(0));
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let id = spawn({
            let (polls, waker) = (polls.clone(), waker.clone());
            poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            })
        });
        run();
        let waker = waker.take().unwrap();
        waker.wake_by_ref();
        waker.wake();
        run();
        assert_eq!(polls.get(), 2);
        cancel(id);
    }

    #[test]
    fn a_cancelled_task_is_dropped_and_its_wakers_do_nothing() {
        struct OnDrop(Rc<Cell<bool>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.set(true);
                run();
            }
        }
        let dropped = Rc::new(Cell::new(false));
        let guard = OnDrop(dropped.clone());
        let id = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        run();
        assert!(!dropped.get());
        cancel(id);
        assert!(dropped.get());
        run();
    }
}
