//! Limits a log message to once a second.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

const SAY_AGAIN: Duration = Duration::from_secs(1);

/// Decides when the log may repeat a message that clients can cause: they must not be able to fill
/// the log.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether the message may be logged now; if so, it may not be for the next second.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due_at(Instant::now())
    }

    fn is_due_at(&self, now: Instant) -> bool {
        let mut last = self.0.lock();
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= SAY_AGAIN);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_second() {
        let seldom = Seldom::default();
        let now = Instant::now();
        let due = [0, 10, 999, 1_000, 1_999, 5_000]
            .map(|millis| seldom.is_due_at(now + Duration::from_millis(millis)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
