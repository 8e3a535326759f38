//! Moments calculated from durations that a site or a guest sets, and the time that a thread has
//! run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// The longest duration that is added to a moment. No host runs that long, and every clock can
/// represent it.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The moment that is `time` later than `from`.
pub(crate) fn after(from: Instant, time: Duration) -> Instant {
    from.checked_add(time.min(FAR)).unwrap_or(from)
}

/// The system's time, in seconds since 1970. The system may set it back.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// How long this thread has been running, without the time in which the system ran other threads.
pub(crate) fn thread_cpu_time() -> Duration {
    // It is never negative.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_clock_can_count_is_far_away() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::from_secs(1)), now + Duration::from_secs(1));
        assert_eq!(after(now, Duration::MAX), now + FAR);
    }
}
