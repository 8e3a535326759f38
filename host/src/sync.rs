//! What tasks share: the locks and atomics of sockets and shared instances, and tasks that nobody waits for.
//!
//! With the feature `shuttle`, for the model checker's tests alone, these are shuttle's: it runs one task at a time, and
//! decides at each lock and each atomic which task goes on.

#[cfg(feature = "shuttle")]
mod checked;

#[cfg(feature = "shuttle")]
pub use {checked::Mutex, shuttle::sync::MutexGuard, shuttle::sync::atomic};
#[cfg(not(feature = "shuttle"))]
pub use {
    parking_lot::{Mutex, MutexGuard},
    std::sync::atomic,
};

#[cfg(feature = "shuttle")]
pub use checked::detach;
#[cfg(all(test, feature = "shuttle"))]
pub use checked::{explore, explore_all};

/// Goes on with something after the task that began it has been dropped. A host that has stopped has
/// nobody left to go on with it.
#[cfg(not(feature = "shuttle"))]
pub fn detach(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(threads) = tokio::runtime::Handle::try_current() {
        threads.spawn(task);
    }
}
