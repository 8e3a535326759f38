//! The CPU time that a site has used lately.

use std::time::{Duration, Instant};

/// How much CPU time for each core a site may use at once, before its use in a second counts.
pub(super) const BURST: Duration = Duration::from_millis(10);

/// How far a site can be over its share, as CPU time for each core. What is beyond this is
/// forgotten, so that a site recovers soon after it has become quiet.
const MAX_OVER: Duration = Duration::from_secs(1);

/// CPU time that drains away at the rate of the share. A site that was over its share counts as
/// over it until everything has drained.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) time: Duration,
    is_over: bool,
    at: Instant,
    /// CPU time for each second.
    allowed: f64,
    burst: Duration,
    max: Duration,
}

impl Used {
    /// Nothing used yet. `share` is of all `cores`, from 0 to 1.
    pub(super) fn new(share: f64, cores: usize) -> Self {
        Self {
            time: Duration::ZERO,
            is_over: false,
            at: Instant::now(),
            allowed: share * cores as f64,
            burst: BURST.saturating_mul(cores as u32),
            max: MAX_OVER.saturating_mul(cores as u32),
        }
    }

    /// Whether the site has used more than its share.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        if self.is_over {
            self.drain(now);
        }
        self.is_over
    }

    /// Charges the site for this time.
    pub(super) fn charge(&mut self, time: Duration, now: Instant) {
        self.drain(now);
        self.time = self.time.saturating_add(time).min(self.max);
        self.is_over |= self.time > self.burst;
    }

    /// Puts the site over its share by this time.
    #[cfg(test)]
    pub(super) fn be_over(&mut self, by: Duration) {
        (self.time, self.is_over, self.at) = (self.burst + by, true, Instant::now());
    }

    fn drain(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        let drained = Duration::try_from_secs_f64(passed.as_secs_f64() * self.allowed);
        self.time = self.time.saturating_sub(drained.unwrap_or(Duration::MAX));
        self.at = self.at.max(now);
        self.is_over &= !self.time.is_zero();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_drains_as_the_share_allows() {
        let at = Instant::now();
        let millis = Duration::from_millis;
        let (burst, max) = (millis(10), millis(100));
        let mut used = Used { time: Duration::ZERO, is_over: false, at, allowed: 0.5, burst, max };
        used.charge(millis(10), at);
        assert!(!used.is_over);
        used.charge(millis(1), at);
        assert!(used.is_over);
        used.drain(at + millis(21));
        assert!(used.is_over, "a little is left");
        used.drain(at + millis(22));
        assert!(!used.is_over);
        used.charge(Duration::from_secs(10), at + millis(22));
        used.drain(at + millis(221));
        assert!(used.is_over);
        used.drain(at + millis(222));
        assert!(!used.is_over, "no more than `max` is kept");
    }
}
