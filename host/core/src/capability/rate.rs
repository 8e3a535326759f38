//! A bound on how much may arrive in a second.

use std::time::{Duration, Instant};

/// Counts something, for one second at a time.
#[derive(Debug)]
pub(crate) struct Rate {
    second: Instant,
    count: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self { second: Instant::now(), count: 0 }
    }
}

impl Rate {
    /// Counts `arrived` more. Returns how many of them are within the bound. Zero removes the
    /// bound; then the clock is not read.
    pub(crate) fn admit(&mut self, limit: usize, arrived: usize) -> usize {
        if limit == 0 {
            return arrived;
        }
        self.admit_at(Instant::now(), limit, arrived)
    }

    /// How many more are within the bound in this second.
    pub(crate) fn left(&mut self, limit: usize) -> usize {
        self.begin_second(Instant::now());
        limit.saturating_sub(self.count)
    }

    fn admit_at(&mut self, now: Instant, limit: usize, arrived: usize) -> usize {
        self.begin_second(now);
        let admitted = arrived.min(limit.saturating_sub(self.count));
        self.count += admitted;
        admitted
    }

    fn begin_second(&mut self, now: Instant) {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own() {
        let mut rate = Rate::default();
        let start = rate.second;
        let at = |millis| start + Duration::from_millis(millis);
        let arrived = [(0, 3), (500, 2), (900, 1), (1_000, 9), (1_999, 1), (2_000, 5), (9_000, 4)];
        let admitted = arrived.map(|(millis, count)| rate.admit_at(at(millis), 5, count));
        assert_eq!(admitted, [3, 2, 0, 5, 0, 5, 4]);
    }

    #[test]
    fn a_bound_that_has_become_smaller_holds_at_once() {
        let mut rate = Rate::default();
        let now = rate.second;
        assert_eq!([rate.admit_at(now, 5, 4), rate.admit_at(now, 2, 1)], [4, 0]);
    }

    #[test]
    fn zero_is_no_bound() {
        let mut rate = Rate::default();
        assert_eq!([rate.admit(0, 1_000_000), rate.admit(0, 1_000_000)], [1_000_000; 2]);
    }
}
