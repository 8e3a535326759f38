//! The model checker's side: shuttle's locks and tasks under the host's names, and the functions
//! that run a check.

use std::sync::PoisonError;

use shuttle::sync::MutexGuard;

/// Shuttle's mutex, with parking_lot's `lock`.
#[derive(Debug, Default)]
#[allow(unreachable_pub, reason = "types of the hidden API have it in place of parking_lot's")]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Makes an unlocked mutex.
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// Locks the mutex.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a future in a task of its own, so that it goes on after the calling task has been dropped.
/// A check ends when all such tasks have ended.
pub(crate) fn detach(task: impl Future<Output = ()> + Send + 'static) {
    // Dropping the handle would abort the task.
    std::mem::forget(shuttle::future::spawn(task));
}

#[cfg(test)]
pub(crate) use explore::{explore, explore_all};

#[cfg(test)]
mod explore {
    use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
    use shuttle::{Config, Runner};

    /// How often [`explore`] puts a task behind all others in one run.
    const PREEMPTIONS: usize = 3;

    /// Runs a check in `orders` orders: half of them at random, and half with few interruptions at
    /// the places that matter. They are the same in each run. The check fails if a task is never
    /// woken again. The failing order is printed: `shuttle::replay` runs it again.
    pub(crate) fn explore(orders: usize, check: impl Fn() + Send + Sync + Clone + 'static) {
        run(RandomScheduler::new_from_seed(1, orders / 2), check.clone());
        run(PctScheduler::new_from_seed(2, PREEMPTIONS, orders / 2), check);
    }

    /// Runs a check in every order. Returns how many there were.
    pub(crate) fn explore_all(check: impl Fn() + Send + Sync + 'static) -> usize {
        run(DfsScheduler::new(None, false), check)
    }

    fn run(scheduler: impl Scheduler + 'static, check: impl Fn() + Send + Sync + 'static) -> usize {
        let mut config = Config::new();
        config.stack_size = 512 * 1024;
        config.silence_warnings = true;
        Runner::new(scheduler, config).run(check)
    }
}
