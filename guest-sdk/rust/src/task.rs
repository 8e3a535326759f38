//! Several things at once: tasks of their own, and futures side by side.
//!
//! Tasks are for async sessions and hooks. They run on the instance's one thread, and take turns at
//! each `await`. Futures of other crates work, too, unless they need a runtime of their own.
//!
//! ```
//! use std::time::Duration;
//!
//! use lithe_sdk::task::{Either, select};
//! use lithe_sdk::{Result, Socket, time};
//!
//! /// Sends back what comes, and a sign of life whenever nothing has come for a second.
//! async fn session(mut socket: Socket) -> Result<()> {
//!     loop {
//!         match select(socket.next_message(), time::sleep(Duration::from_secs(1))).await {
//!             Either::First(Some(message)) => socket.send(&message)?,
//!             Either::First(None) => return Ok(()),
//!             Either::Second(()) => socket.send_text("still here")?,
//!         }
//!     }
//! }
//! ```

mod combine;
mod handle;
mod scope;

use std::future::{Future, poll_fn};
use std::task::Poll;

use crate::executor;

pub use combine::{Either, join, select};
pub use handle::{Cancelled, JoinHandle};
pub(crate) use scope::end as end_tasks_of;

/// Starts a task that belongs to the instance. It goes on when the session that has started it is
/// over, and ends with the instance at the latest. Use [`socket.spawn`](crate::Sender::spawn) for a
/// task that ends with its session.
///
/// The task begins when the calling task waits, or when the calling hook or handler returns.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let (work, handle) = handle::pair(future);
    handle.of(executor::spawn(work))
}

/// Lets other tasks of the instance run, if they are ready. The host gets its turn only when all
/// tasks wait: to let it deliver what has arrived, [`time::sleep`](crate::time::sleep) for zero.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
