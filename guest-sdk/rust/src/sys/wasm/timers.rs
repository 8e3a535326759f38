//! `timers`, and the clocks of WASI.

use std::time::{Duration, Instant, SystemTime};

use crate::bindings::timers::{self, TimerError};

thread_local! {
    static ORIGIN: Instant = Instant::now();
}

/// Since some moment in this instance's life.
pub(crate) fn monotonic() -> Duration {
    ORIGIN.with(Instant::elapsed)
}

pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// The error is how many timers the site allows.
pub(crate) fn set_timer(delay_ms: u32) -> Result<u32, u32> {
    timers::set(delay_ms, false).map_err(|TimerError::TooMany(limit)| limit)
}

pub(crate) fn cancel_timer(id: u32) {
    timers::cancel(id);
}
