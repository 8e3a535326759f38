//! Moments that are calculated from durations that a site or a guest sets.

use std::time::{Duration, Instant};

/// No host lives to see its end, and every clock can count so far.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The moment at the end of this time.
pub fn after(from: Instant, time: Duration) -> Instant {
    from.checked_add(time.min(FAR)).unwrap_or(from)
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
