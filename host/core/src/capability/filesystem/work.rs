//! Runs a guest's file calls on threads that may block, a few for each site at a time.

use std::fmt;
use std::io;

use tokio::sync::oneshot;

use crate::capability::Context;

/// The most file calls of one site at the same time. More wait, because all sites share the threads
/// that may block.
pub(crate) const MAX_CALLS: usize = 16;

/// Threads that may block, and charge a site for what they do.
pub trait Threads: fmt::Debug + Send + Sync {
    /// Runs a call on one of them.
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>);
}

/// Runs a file call that may block. The call goes on if nobody waits for it any longer, and counts
/// until it has ended.
///
/// # Errors
/// The call itself fails; the host is stopping.
pub(crate) async fn run<T: Send + 'static>(
    context: &Context,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let stopping = |_| io::Error::other("the host is stopping");
    let turn = context.account.file_calls().acquire_owned().await.map_err(io::Error::other)?;
    let (done, result) = oneshot::channel();
    let work = Box::new(move || {
        let result = call();
        drop(turn);
        // Nobody may be left who waits for it.
        let _ = done.send(result);
    });
    match &context.threads {
        Some(threads) => threads.spawn_blocking(work),
        None => drop(tokio::task::spawn_blocking(work)),
    }
    result.await.map_err(stopping)?
}
