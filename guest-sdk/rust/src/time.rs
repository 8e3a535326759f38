//! Waiting for time in async sessions and in [tasks](crate::task), and the time of day.
//!
//! Waiting blocks nobody: the other sessions of the instance go on. It takes the executor of
//! `#[lithe_sdk::handler(websocket)]` or `#[lithe_sdk::hooks]`; a blocking session sleeps by
//! [`std::thread::sleep`], and waits with a limit by
//! [`BlockingSocket::receive_timeout`](crate::BlockingSocket::receive_timeout).
//!
//! In a native build, which is a test, time stands still until
//! [`testing::advance`](crate::testing::advance) moves it.
//!
//! ```
//! use std::time::Duration;
//!
//! use lithe_sdk::testing::{TestEvent, advance};
//! use lithe_sdk::{Event, Outcome, Result, time};
//!
//! #[lithe_sdk::handler(websocket)]
//! fn patient(event: Event) -> Result<Outcome> {
//!     event
//!         .ws()
//!         .upgrade(async |mut socket| {
//!             match time::timeout(Duration::from_secs(30), socket.next()).await {
//!                 Ok(_) => socket.send_text("thank you")?,
//!                 Err(_) => socket.close(4000, "you said nothing")?,
//!             }
//!             Ok(())
//!         })
//!         .accept()
//! }
//!
//! let socket = TestEvent::get("/").upgrade([]).call(patient).socket();
//! advance(Duration::from_secs(30));
//! assert_eq!(socket.closed(), Some((4000, "you said nothing".into())));
//! ```

mod queue;

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_core::Stream;

use crate::task::{Either, select};
use crate::{executor, sys};

#[cfg(target_arch = "wasm32")]
pub(crate) use queue::millis;

/// The time of day.
///
/// In a native build it is the start of 2026, plus what
/// [`testing::advance`](crate::testing::advance) has added.
pub fn now() -> SystemTime {
    sys::wall_clock()
}

/// Waits until `duration` is over, in whole milliseconds of the host. A wait of zero, too, lets the
/// host deliver what has arrived.
///
/// # Panics
/// Everything that waits for time panics if the site allows the instance no timer at all.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::until(sys::monotonic().saturating_add(duration))
}

/// The future of [`sleep`]. Dropping it ends the wait.
#[must_use = "nothing waits until it is awaited"]
#[derive(Debug)]
pub struct Sleep {
    deadline: Duration,
    key: Option<queue::Key>,
}

impl Sleep {
    fn until(deadline: Duration) -> Self {
        Self { deadline, key: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.key {
            Some(key) if !queue::is_waiting(key, cx) => return Poll::Ready(()),
            Some(_) => {}
            None => self.key = Some(queue::enter(self.deadline, cx)),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            queue::leave(key);
        }
    }
}

/// Waits for `future`, but no longer than `limit`, which counts from this call.
///
/// ```
/// # use std::time::Duration;
/// # use lithe_sdk::{Result, Socket, time};
/// # async fn session(mut socket: Socket) -> Result<()> {
/// while let Some(event) = time::timeout(Duration::from_secs(60), socket.next()).await? {
///     // …
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The time was up first. Then `future` is dropped.
pub fn timeout<F: IntoFuture>(
    limit: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let sleep = sleep(limit);
    let future = future.into_future();
    async move {
        match select(future, sleep).await {
            Either::First(output) => Ok(output),
            Either::Second(()) => Err(Elapsed),
        }
    }
}

/// The time was up before what was waited for came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up before what was waited for came; try again or wait longer")
    }
}

impl Error for Elapsed {}

/// Ticks at every `period`, of at least 1 ms; the first tick comes after the first period.
///
/// ```
/// # use std::time::Duration;
/// # use lithe_sdk::{Result, Socket, time};
/// # async fn session(socket: Socket) -> Result<()> {
/// let mut seconds = time::interval(Duration::from_secs(1));
/// loop {
///     seconds.tick().await;
///     socket.send_text("another second")?;
/// }
/// # }
/// ```
pub fn interval(period: Duration) -> Interval {
    let period = period.max(Duration::from_millis(1));
    Interval { period, sleep: Sleep::until(sys::monotonic().saturating_add(period)) }
}

/// A clock that ticks, which [`interval`] makes. It is also a `Stream` without an end.
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    sleep: Sleep,
}

impl Interval {
    /// Waits for the next tick. A task that is late gets one tick as soon as the host has had its
    /// turn, and the next one a period later. It does not get all ticks that it has missed.
    /// Dropping the future loses nothing.
    pub async fn tick(&mut self) {
        poll_fn(|cx| self.poll_tick(cx)).await;
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::task::ready!(Pin::new(&mut self.sleep).poll(cx));
        let next = self.sleep.deadline.saturating_add(self.period);
        let now = sys::monotonic();
        self.sleep = Sleep::until(if next > now { next } else { now.saturating_add(self.period) });
        Poll::Ready(())
    }
}

impl Stream for Interval {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_tick(cx).map(Some)
    }
}

/// A timer of the host is due.
pub fn timer(id: u32) {
    queue::fire(id);
    executor::run();
}

#[cfg(test)]
mod tests;
