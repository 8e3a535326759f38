//! CPU time of a guest's call, measured where the epoch interrupts it.
//!
//! A call that ends within a tick or two is never measured, and costs nothing. A longer call is
//! stopped at each tick, is charged for the time that its thread ran, and gives its thread back.
//! The time in which the call waits, or the system runs other threads, is not charged. Waiting pays
//! the charges off, at `budget` a second, so that a session that waits from time to time may run
//! forever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::clock;

/// The current call's budget, and what it has used.
#[derive(Debug)]
pub struct Meter {
    clock: Arc<Clock>,
}

/// What the meter shares with the call's future, which notices when the guest waits.
///
/// Only one thread uses it at a time. It has atomics so that it can be used while the store is lent
/// to the guest.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    /// Counts up with each call, and with each turn of a call for several sockets.
    turn: AtomicU64,
    budget: AtomicU64,
    used: AtomicU64,
    /// How long its thread had run when the guest began to run, in nanoseconds; 0 if that is not
    /// known yet. A guest stays on its thread until it is suspended.
    running_since: AtomicU64,
    /// Since when the guest has been waiting, in nanoseconds after `origin`; 0 if it has not.
    waiting_since: AtomicU64,
    /// Whether it gave its thread back at a tick, and waits for nothing else.
    yielded: AtomicBool,
    /// Whether a tick has interrupted the call.
    ticked: AtomicBool,
    /// Whether what it waits for starts its time again: nothing is charged or paid off.
    rests: AtomicBool,
}

/// The call has used more CPU time than it may.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the guest used more than its {budget:?} of CPU time")]
pub struct OutOfCpuTime {
    /// What it may use.
    pub budget: Duration,
}

/// What to do at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Go on until the next one.
    Continue,
    /// Give the thread back first.
    Yield,
}

impl Default for Meter {
    fn default() -> Self {
        let clock = Clock {
            origin: Instant::now(),
            turn: AtomicU64::new(0),
            budget: AtomicU64::new(u64::MAX),
            used: AtomicU64::new(0),
            running_since: AtomicU64::new(0),
            waiting_since: AtomicU64::new(0),
            yielded: AtomicBool::new(false),
            ticked: AtomicBool::new(false),
            rests: AtomicBool::new(false),
        };
        Self { clock: Arc::new(clock) }
    }
}

impl Meter {
    /// For the future of each call: see [`Metered`].
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// Begins a call.
    pub fn begin(&mut self, budget: Duration) {
        self.clock.ticked.store(false, Ordering::Relaxed);
        self.begin_turn(budget);
    }

    /// Starts a turn of a call, with a budget of its own. The thread is still the call's.
    pub fn begin_turn(&mut self, budget: Duration) {
        // Nothing else changes it.
        self.clock.turn.store(self.clock.turn() + 1, Ordering::Relaxed);
        self.clock.budget.store(nanos(budget), Ordering::Relaxed);
        self.clear();
    }

    /// Notes that a blocking session waits for its next message, or for a while. [`Meter::restart`]
    /// or [`Meter::continue_call`] follows.
    pub fn rest(&mut self) {
        self.clock.rests.store(true, Ordering::Relaxed);
    }

    /// Starts again with the same budget, because a blocking session has got its next message, or
    /// has waited. If it did not wait, the next tick finds its thread still in use.
    pub fn restart(&mut self) {
        self.clock.rests.store(false, Ordering::Relaxed);
        self.clear();
    }

    /// Continues with the rest of the budget: there was nothing to wait for, and nothing new.
    pub fn continue_call(&mut self) {
        self.clock.rests.store(false, Ordering::Relaxed);
    }

    fn clear(&mut self) {
        let clock = &self.clock;
        clock.used.store(0, Ordering::Relaxed);
        clock.running_since.store(0, Ordering::Relaxed);
        clock.waiting_since.store(0, Ordering::Relaxed);
    }

    /// Called at each tick that finds the guest running.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn tick(&mut self) -> Result<Tick, OutOfCpuTime> {
        let clock = &self.clock;
        let now = has_run();
        let since = clock.running_since.swap(now, Ordering::Relaxed);
        if since != 0 {
            let used = clock.charge(now.saturating_sub(since));
            let budget = clock.budget.load(Ordering::Relaxed);
            if used > budget {
                return Err(OutOfCpuTime { budget: Duration::from_nanos(budget) });
            }
        }
        if !clock.ticked.swap(true, Ordering::Relaxed) {
            return Ok(Tick::Continue);
        }
        clock.yielded.store(true, Ordering::Relaxed);
        Ok(Tick::Yield)
    }
}

impl Clock {
    /// A number that changes with each call, and with each turn of a call.
    pub fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// At least 1, so that 0 can mean "not known".
    fn now(&self) -> u64 {
        nanos(self.origin.elapsed()).saturating_add(1)
    }

    fn charge(&self, time: u64) -> u64 {
        self.used.fetch_add(time, Ordering::Relaxed).saturating_add(time)
    }

    /// Notes that the guest gives its thread back: at a tick, or to wait for something.
    pub fn suspend(&self) {
        if self.rests.load(Ordering::Relaxed) {
            self.ticked.store(false, Ordering::Relaxed);
            return;
        }
        let since = self.running_since.swap(0, Ordering::Relaxed);
        if since != 0 {
            self.charge(has_run().saturating_sub(since));
        }
        if !self.yielded.swap(false, Ordering::Relaxed) {
            self.waiting_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Notes that the guest goes on.
    pub fn resume(&self) {
        if self.rests.load(Ordering::Relaxed) {
            return;
        }
        self.running_since.store(has_run(), Ordering::Relaxed);
        let since = self.waiting_since.swap(0, Ordering::Relaxed);
        if since != 0 {
            let waited = Duration::from_nanos(self.now().saturating_sub(since)).as_secs_f64();
            let paid_off = waited * self.budget.load(Ordering::Relaxed) as f64;
            let used = self.used.load(Ordering::Relaxed);
            self.used.store(used.saturating_sub(paid_off as u64), Ordering::Relaxed);
        }
    }
}

/// How long this thread has run; at least 1, so that 0 can mean "not known".
fn has_run() -> u64 {
    nanos(clock::thread_cpu_time()).saturating_add(1)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A call that tells its clock when the guest waits. A call that never waits costs a test of a
/// flag.
pub(crate) struct Metered<'c, F> {
    call: Pin<&'c mut F>,
    clock: &'c Clock,
    suspended: bool,
}

impl<'c, F: Future> Metered<'c, F> {
    /// Watches a call.
    pub(crate) fn new(call: Pin<&'c mut F>, clock: &'c Clock) -> Self {
        Self { call, clock, suspended: false }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.suspended {
            self.clock.resume();
        }
        let polled = self.call.as_mut().poll(cx);
        if polled.is_pending() {
            self.clock.suspend();
            self.suspended = true;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(20);

    fn meter(budget: Duration) -> Meter {
        let mut meter = Meter::default();
        meter.begin(budget);
        meter
    }

    /// Keeps this thread running for a while.
    fn run(time: Duration) {
        let until = clock::thread_cpu_time() + time;
        while clock::thread_cpu_time() < until {}
    }

    #[test]
    fn the_first_tick_only_starts_the_clock() {
        let mut meter = meter(PAUSE / 2);
        run(PAUSE);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        run(PAUSE);
        assert_eq!(meter.tick(), Err(OutOfCpuTime { budget: PAUSE / 2 }));
    }

    #[test]
    fn time_that_the_system_gives_to_others_is_not_charged() {
        let mut meter = meter(PAUSE / 2);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        std::thread::sleep(PAUSE);
        assert_eq!(meter.tick(), Ok(Tick::Yield));
    }

    #[test]
    fn time_without_the_thread_is_not_charged() {
        let mut meter = meter(PAUSE / 2);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        assert_eq!(meter.tick(), Ok(Tick::Yield));
        meter.clock().suspend();
        run(PAUSE);
        meter.clock().resume();
        assert_eq!(meter.tick(), Ok(Tick::Yield));
    }

    #[test]
    fn a_call_of_many_turns_gives_its_thread_back() {
        let mut meter = meter(Duration::ZERO);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        for _ in 0..3 {
            meter.begin_turn(Duration::ZERO);
            assert_eq!(meter.tick(), Ok(Tick::Yield), "and nothing of the turn is charged");
        }
        run(PAUSE);
        assert_eq!(meter.tick(), Err(OutOfCpuTime { budget: Duration::ZERO }));
        meter.begin(Duration::ZERO);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
    }

    #[test]
    fn a_rest_starts_the_time_again() {
        let mut meter = meter(PAUSE / 2);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        meter.clock().charge(nanos(PAUSE));
        meter.rest();
        meter.clock().suspend();
        std::thread::sleep(PAUSE);
        meter.clock().resume();
        meter.restart();
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        assert_eq!(meter.clock.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_never_waits_gives_its_thread_back_and_is_charged() {
        let mut meter = meter(PAUSE / 2);
        assert_eq!(meter.tick(), Ok(Tick::Continue));
        for _ in 0..3 {
            // A message that had already arrived is a new event, on the same thread.
            meter.rest();
            meter.restart();
            assert_eq!(meter.tick(), Ok(Tick::Yield));
        }
        run(PAUSE);
        meter.rest();
        meter.continue_call();
        assert!(meter.tick().is_err(), "nothing new has come");
    }

    #[test]
    fn yielding_pays_nothing_off_and_waiting_does() {
        let mut meter = meter(Duration::from_secs(10));
        meter.clock().charge(nanos(Duration::from_secs(5)));
        let used = |meter: &Meter| meter.clock.used.load(Ordering::Relaxed);

        assert_eq!(meter.tick(), Ok(Tick::Continue));
        assert_eq!(meter.tick(), Ok(Tick::Yield));
        meter.clock().suspend();
        std::thread::sleep(PAUSE);
        meter.clock().resume();
        assert!(used(&meter) >= nanos(Duration::from_secs(5)));

        meter.clock().suspend();
        std::thread::sleep(PAUSE);
        meter.clock().resume();
        assert!(used(&meter) < nanos(Duration::from_secs(5) - PAUSE));
    }
}
