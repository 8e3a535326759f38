//! Moments that are calculated from durations that a site or a guest sets, and the time that a thread has run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// No host lives to see its end, and every clock can count so far.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The moment at the end of this time.
pub fn after(from: Instant, time: Duration) -> Instant {
    from.checked_add(time.min(FAR)).unwrap_or(from)
}

/// The system's time, in seconds since 1970. It may be set, also back.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// How long this thread has been running. Time in which the system has run others is not part of it.
pub fn thread_cpu_time() -> Duration {
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
