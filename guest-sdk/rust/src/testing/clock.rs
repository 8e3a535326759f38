//! The time of a test.

use std::time::Duration;

use super::socket::settle;
use crate::{executor, sys, time};

/// Moves the time forward. Every wait that is over by then ends, in order and at its own time, and
/// the sessions and tasks go on. Without this call, a test's time stands still.
///
/// ```
/// use std::time::Duration;
///
/// use lithe_sdk::testing::{advance, timers};
/// use lithe_sdk::{task, time};
///
/// let task = task::spawn(time::sleep(Duration::from_secs(60)));
/// advance(Duration::from_secs(59));
/// assert!(!task.is_finished());
/// advance(Duration::from_secs(1));
/// assert!(task.is_finished());
/// assert_eq!(timers(), 0);
/// ```
pub fn advance(by: Duration) {
    rest();
    let until = sys::monotonic().saturating_add(by);
    while let Some(timer) = sys::next_timer(until) {
        time::timer(timer);
        settle();
    }
    sys::set_monotonic(until);
}

/// How many timers the host keeps for this thread's plugin: one if something waits for time, and 0
/// if nothing does.
pub fn timers() -> usize {
    rest();
    sys::timers()
}

/// Lets what is ready run.
fn rest() {
    executor::run();
    settle();
}
