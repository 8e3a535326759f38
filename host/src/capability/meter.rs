//! CPU time of a guest's call, measured where the epoch interrupts it.
//!
//! A call that ends within a tick or two is never measured: it costs nothing. One that goes on is
//! stopped at each tick, gives its thread back, and is charged for the time between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The current call's budget and what it has used.
#[derive(Debug)]
pub struct Meter {
    budget: Duration,
    used: Duration,
    /// When the guest last went on after a tick, in nanoseconds after `origin` plus one; 0: not yet
    /// interrupted. Shared with the pause, which ends while the store is lent to the guest.
    resumed: Arc<AtomicU64>,
    origin: Instant,
}

/// The call has used more CPU time than it may.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the guest used more than its {budget:?} of CPU time")]
pub struct OutOfCpuTime {
    pub budget: Duration,
}

/// What to do at a tick.
#[derive(Debug)]
pub enum Tick {
    /// Go on until the next one.
    Continue,
    /// Give the thread back first, then tell the [`Pause`].
    Yield(Pause),
}

/// A guest that has given its thread back.
#[derive(Debug)]
pub struct Pause {
    resumed: Arc<AtomicU64>,
    origin: Instant,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            budget: Duration::MAX,
            used: Duration::ZERO,
            resumed: Arc::default(),
            origin: Instant::now(),
        }
    }
}

impl Meter {
    /// Sets the budget of the calls that follow.
    pub fn set_budget(&mut self, budget: Duration) {
        self.budget = budget;
    }

    /// Starts anew: a call begins, or a blocking session has been given its next message.
    pub fn begin(&mut self) {
        self.used = Duration::ZERO;
        self.resumed.store(0, Ordering::Relaxed);
    }

    /// Called at each tick that finds the guest running.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn tick(&mut self) -> Result<Tick, OutOfCpuTime> {
        let now = nanos_since(self.origin);
        let since = self.resumed.swap(now, Ordering::Relaxed);
        if since == 0 {
            return Ok(Tick::Continue);
        }
        self.used += Duration::from_nanos(now.saturating_sub(since));
        if self.used > self.budget {
            return Err(OutOfCpuTime { budget: self.budget });
        }
        Ok(Tick::Yield(Pause { resumed: self.resumed.clone(), origin: self.origin }))
    }
}

impl Pause {
    /// The guest goes on.
    pub fn end(self) {
        self.resumed.store(nanos_since(self.origin), Ordering::Relaxed);
    }
}

/// At least 1, so that 0 can mean "never".
fn nanos_since(origin: Instant) -> u64 {
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tick_only_starts_the_clock() {
        let mut meter = Meter::default();
        meter.set_budget(Duration::ZERO);
        meter.begin();
        assert!(matches!(meter.tick(), Ok(Tick::Continue)));
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(meter.tick().unwrap_err(), OutOfCpuTime { budget: Duration::ZERO });
    }

    #[test]
    fn time_in_a_pause_is_not_charged() {
        let mut meter = Meter::default();
        meter.set_budget(Duration::from_millis(500));
        meter.begin();
        assert!(matches!(meter.tick(), Ok(Tick::Continue)));
        let Ok(Tick::Yield(pause)) = meter.tick() else { panic!("no yield") };
        std::thread::sleep(Duration::from_millis(600));
        pause.end();
        assert!(matches!(meter.tick(), Ok(Tick::Yield(_))));
    }
}
