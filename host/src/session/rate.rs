//! How many messages a peer may send in a second.

use std::time::{Duration, Instant};

/// Counts messages, second by second.
#[derive(Debug)]
pub struct Rate {
    /// Zero is no bound, and no look at a clock.
    limit: usize,
    second: Instant,
    count: usize,
}

impl Rate {
    pub fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { limit, second: Instant::now(), count: 0 }
    }

    /// How many of so many messages, which have come now, are within the bound.
    pub fn admit(&mut self, messages: usize) -> usize {
        if self.limit == 0 {
            return messages;
        }
        self.admit_at(Instant::now(), messages)
    }

    fn admit_at(&mut self, now: Instant, messages: usize) -> usize {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.count = 0;
        }
        let admitted = messages.min(self.limit - self.count);
        self.count += admitted;
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_messages() {
        let mut rate = Rate::new(5);
        let start = rate.second;
        let at = |millis| start + Duration::from_millis(millis);
        let came = [(0, 3), (500, 2), (900, 1), (1_000, 9), (1_999, 1), (2_000, 5), (9_000, 4)];
        let admitted = came.map(|(millis, messages)| rate.admit_at(at(millis), messages));
        assert_eq!(admitted, [3, 2, 0, 5, 0, 5, 4]);
    }

    #[test]
    fn zero_is_no_bound() {
        let mut rate = Rate::new(0);
        assert_eq!([rate.admit(1_000_000), rate.admit(1_000_000)], [1_000_000; 2]);
    }
}
