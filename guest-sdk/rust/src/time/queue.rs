//! The futures that wait for time: one queue for the instance, and one timer of the host for the
//! earliest deadline.
//!
//! A host timer for each waiting future would cost a call of the host, and a task there, for each
//! time limit around each message. Ten thousand waiting sessions would need more timers than a site
//! allows. Here a wait costs an entry in a map. The host is asked at most once for an export call:
//! when all tasks rest, and only if the earliest deadline has moved forward. If the earliest
//! deadline has moved back, because its future was dropped, the host calls once too early. If
//! nothing waits, the timer is cancelled.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem::{ManuallyDrop, replace};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::{executor, sys};

/// A deadline on the monotonic clock, and a number that keeps equal ones apart and in order.
pub(super) type Key = (Duration, u64);

#[derive(Default)]
struct Queue {
    waiting: RefCell<BTreeMap<Key, Waker>>,
    last: Cell<u64>,
    armed: Cell<Option<Armed>>,
}

/// The timer of the host.
#[derive(Clone, Copy)]
struct Armed {
    timer: u32,
    deadline: Duration,
}

thread_local! {
    /// Never dropped, as an instance's memory is not.
    static QUEUE: ManuallyDrop<Queue> = ManuallyDrop::default();
}

/// Waits in the queue from now on.
pub(super) fn enter(deadline: Duration, cx: &Context<'_>) -> Key {
    executor::at_rest(arm);
    QUEUE.with(|queue| {
        let key = (deadline, queue.last.get() + 1);
        queue.last.set(key.1);
        queue.waiting.borrow_mut().insert(key, cx.waker().clone());
        key
    })
}

/// Whether this future still waits. If so, the newer waker replaces the one before.
pub(super) fn is_waiting(key: Key, cx: &Context<'_>) -> bool {
    QUEUE.with(|queue| match queue.waiting.borrow_mut().get_mut(&key) {
        Some(waker) => {
            waker.clone_from(cx.waker());
            true
        }
        None => false,
    })
}

/// Leaves the queue.
pub(super) fn leave(key: Key) {
    let _waker = QUEUE.with(|queue| queue.waiting.borrow_mut().remove(&key));
}

/// A timer of the host is due: wakes the futures whose time has come, the earliest first.
pub(super) fn fire(timer: u32) {
    let due = QUEUE.with(|queue| {
        if queue.armed.get().is_some_and(|armed| armed.timer == timer) {
            queue.armed.set(None);
        }
        let mut waiting = queue.waiting.borrow_mut();
        let later = waiting.split_off(&(sys::monotonic(), u64::MAX));
        replace(&mut *waiting, later)
    });
    due.into_values().for_each(Waker::wake);
}

/// Has the host call in time for the earliest deadline.
#[allow(clippy::panic, reason = "otherwise everything that waits would wait forever")]
fn arm() {
    QUEUE.with(|queue| {
        let earliest = queue.waiting.borrow().keys().next().map(|(deadline, _)| *deadline);
        let armed = queue.armed.get();
        if let (Some(deadline), Some(armed)) = (earliest, armed)
            && armed.deadline <= deadline
        {
            return;
        }
        if let Some(armed) = armed {
            sys::cancel_timer(armed.timer);
        }
        queue.armed.set(earliest.map(|deadline| {
            let delay = deadline.saturating_sub(sys::monotonic());
            match sys::set_timer(millis(delay)) {
                Ok(timer) => Armed { timer, deadline },
                Err(limit) => panic!(
                    "the site allows an instance {limit} timers, and waiting for time needs one more"
                ),
            }
        }));
    });
}

/// Milliseconds, rounded up, and at most 49 days. A longer wait is woken in between, and waits on.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}
