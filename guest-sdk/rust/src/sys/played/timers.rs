//! Timers and clocks of the host in memory: time stands still until a test moves it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// 2026-01-01T00:00:00Z, since 1970.
const START_OF_TIME: Duration = Duration::from_secs(1_767_225_600);

/// Timers that an instance may have at once.
const MAX_TIMERS: usize = 10_000;

#[derive(Default)]
struct Clock {
    now: Cell<Duration>,
    last_timer: Cell<u32>,
    /// By the time at which they are due, and their number.
    timers: RefCell<BTreeSet<(Duration, u32)>>,
}

thread_local! {
    static CLOCK: Clock = Clock::default();
}

pub(crate) fn monotonic() -> Duration {
    CLOCK.with(|clock| clock.now.get())
}

pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + START_OF_TIME + monotonic()
}

/// Sets a timer. A timer without a delay takes a millisecond, too, so that a test's time goes on.
pub(crate) fn set_timer(delay_ms: u32) -> Result<u32, u32> {
    CLOCK.with(|clock| {
        let mut timers = clock.timers.borrow_mut();
        if timers.len() >= MAX_TIMERS {
            return Err(MAX_TIMERS as u32);
        }
        let id = clock.last_timer.get() + 1;
        clock.last_timer.set(id);
        let delay = Duration::from_millis(delay_ms.max(1).into());
        timers.insert((clock.now.get() + delay, id));
        Ok(id)
    })
}

pub(crate) fn cancel_timer(id: u32) {
    CLOCK.with(|clock| clock.timers.borrow_mut().retain(|(_, other)| *other != id));
}

/// Takes the next timer that is due until then, and moves the time to it.
pub(crate) fn next_timer(until: Duration) -> Option<u32> {
    CLOCK.with(|clock| {
        let mut timers = clock.timers.borrow_mut();
        let (due, id) = timers.first().copied().filter(|(due, _)| *due <= until)?;
        timers.remove(&(due, id));
        clock.now.set(due);
        Some(id)
    })
}

/// Moves the time forward, past no timer.
pub(crate) fn set_monotonic(now: Duration) {
    CLOCK.with(|clock| clock.now.set(now));
}

/// How many timers are set.
pub(crate) fn timers() -> usize {
    CLOCK.with(|clock| clock.timers.borrow().len())
}
