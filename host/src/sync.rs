//! What tasks share: the locks and atomics of sockets and shared instances, and tasks that nobody waits for.

pub use parking_lot::{Mutex, MutexGuard};
pub use std::sync::atomic;

/// Goes on with something after the task that began it has been dropped. A host that has stopped has
/// nobody left to go on with it.
pub fn detach(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(threads) = tokio::runtime::Handle::try_current() {
        threads.spawn(task);
    }
}
