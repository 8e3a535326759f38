//! What tasks share: the locks and atomics of sockets and shared instances, and tasks that run
//! detached.
//!
//! With the feature `shuttle`, which is only for the model checker's tests, these are shuttle's.
//! Shuttle runs one task at a time, and decides at each lock and each atomic which task goes on.

#[cfg(feature = "shuttle")]
mod checked;

#[cfg(feature = "shuttle")]
pub(crate) use {checked::Mutex, shuttle::sync::MutexGuard, shuttle::sync::atomic};
#[cfg(not(feature = "shuttle"))]
pub(crate) use {
    parking_lot::{Mutex, MutexGuard},
    std::sync::atomic,
};

#[cfg(feature = "shuttle")]
pub(crate) use checked::detach;
#[cfg(all(test, feature = "shuttle"))]
pub(crate) use checked::{explore, explore_all};

/// Runs a future in a task of its own, so that it goes on after the calling task has been dropped.
/// It is dropped if the host has stopped.
#[cfg(not(feature = "shuttle"))]
pub(crate) fn detach(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(threads) = tokio::runtime::Handle::try_current() {
        threads.spawn(task);
    }
}
