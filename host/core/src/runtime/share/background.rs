//! The threads for busy sites.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::spawn_blocking;

/// The background threads, which run when no other thread wants to. A process has one set.
pub struct Background {
    /// None once they have been told to end.
    threads: Mutex<Option<Runtime>>,
    pub(super) handle: Handle,
    pub(super) width: usize,
}

impl Background {
    /// Starts as many threads as there are cores.
    ///
    /// # Errors
    /// The system does not start them.
    pub fn start() -> io::Result<Arc<Self>> {
        let width = thread::available_parallelism()?.get();
        let threads = Builder::new_multi_thread()
            .worker_threads(width)
            .thread_name("background")
            .on_thread_start(|| {
                if let Err(error) = step_back() {
                    tracing::warn!("busy sites slow their neighbours down: {error}");
                }
            })
            .build()?;
        let handle = threads.handle().clone();
        Ok(Arc::new(Self { threads: Mutex::new(Some(threads)), handle, width }))
    }

    /// Ends the threads, and waits for at most `time` until they have ended. Their work needs the
    /// caller's runtime, and panics without it.
    pub async fn end(&self, time: Duration) {
        let Some(threads) = self.threads.lock().take() else { return };
        // This fails only if the caller's runtime is ending.
        let _ = spawn_blocking(move || threads.shutdown_timeout(time)).await;
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.get_mut().take() {
            threads.shutdown_background();
        }
    }
}

/// Has this thread run only when no other thread of its core wants to (`SCHED_IDLE`, see
/// `sched(7)`).
///
/// # Errors
/// The system refuses.
pub fn step_back() -> io::Result<()> {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
        .map_err(|error| io::Error::other(format!("a thread cannot step back: {error:?}")))
}
