//! The model checker's side: shuttle's locks and tasks under the host's names, and what runs a check.

use std::sync::PoisonError;

use shuttle::sync::MutexGuard;

/// Shuttle's, with parking_lot's `lock`.
#[derive(Debug, Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Not locked.
    pub const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// Waits for it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes on with something after the task that began it has been dropped. A check ends when it has ended.
pub fn detach(task: impl Future<Output = ()> + Send + 'static) {
    // Dropped, the handle would abort its task.
    std::mem::forget(shuttle::future::spawn(task));
}

#[cfg(test)]
pub use explore::{explore, explore_all};

#[cfg(test)]
mod explore {
    use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
    use shuttle::{Config, Runner};

    /// How often a task is set back behind all others, in one run of [`explore`].
    const PREEMPTIONS: usize = 3;

    /// Runs a check in so many orders: one half at random, and one half in which few tasks are interrupted, but where it
    /// may matter. They are the same each time. A task that nothing wakes any more fails the check, and the order in
    /// which it fails is printed: `shuttle::replay` runs it again.
    pub fn explore(orders: usize, check: impl Fn() + Send + Sync + Clone + 'static) {
        run(RandomScheduler::new_from_seed(1, orders / 2), check.clone());
        run(PctScheduler::new_from_seed(2, PREEMPTIONS, orders / 2), check);
    }

    /// Runs a check in every order. Answers how many they were.
    pub fn explore_all(check: impl Fn() + Send + Sync + 'static) -> usize {
        run(DfsScheduler::new(None, false), check)
    }

    fn run(scheduler: impl Scheduler + 'static, check: impl Fn() + Send + Sync + 'static) -> usize {
        let mut config = Config::new();
        config.stack_size = 512 * 1024;
        config.silence_warnings = true;
        Runner::new(scheduler, config).run(check)
    }
}
