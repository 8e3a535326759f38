//! Keeps a panic from stopping what everything depends on: a loop starts again, and a unit of work
//! fails alone.
//!
//! A panic is a fault of the host itself. It is logged, and the interrupted work is left as after
//! an error: the locks of this crate are not poisoned, and a `Drop` restores whatever must be
//! restored.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;

/// The wait before a loop starts again, so that one that panics at once does not keep a thread
/// busy.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs a loop forever, and starts it again after a panic.
pub(crate) async fn forever<F: Future<Output = Infallible>>(
    what: &str,
    mut begin: impl FnMut() -> F,
) -> Infallible {
    loop {
        match AssertUnwindSafe(async { begin().await }).catch_unwind().await {
            Ok(never) => match never {},
            Err(panic) => report(what, &*panic),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Does one unit of work. Returns nothing if it panics.
pub(crate) fn alone<T>(what: &str, work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| report(what, &*panic)).ok()
}

/// Does one unit of work that waits. Returns nothing if it panics.
pub async fn alone_async<T>(what: &str, work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| report(what, &*panic)).ok()
}

fn report(what: &str, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("without a message");
    tracing::error!("{what} has panicked, and the host goes on: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_panics_begins_again() {
        let mut begun = 0;
        let looping = forever("a loop", || {
            begun += 1;
            let number = begun;
            async move {
                tokio::task::yield_now().await;
                match number {
                    1 => panic!("at a wait"),
                    2 => std::panic::panic_any(2),
                    _ => std::future::pending().await,
                }
            }
        });
        assert!(tokio::time::timeout(PAUSE * 10, looping).await.is_err(), "it never ends");
        assert_eq!(begun, 3);
    }

    #[tokio::test]
    async fn a_loop_that_cannot_begin_is_tried_again() {
        let mut tried = 0;
        let looping = forever("a loop", || {
            tried += 1;
            assert!(tried > 2, "not yet");
            std::future::pending()
        });
        assert!(tokio::time::timeout(PAUSE * 10, looping).await.is_err());
        assert_eq!(tried, 3);
    }

    #[tokio::test]
    async fn what_panics_alone_leaves_the_others() {
        let done: Vec<_> = (0..4).map(|number| alone("one of four", || 6 / (number % 2))).collect();
        assert_eq!(done, [None, Some(6), None, Some(6)]);
        assert_eq!(alone_async("a wait", async { panic!("{}", 1) }).await, None::<()>);
        assert_eq!(alone_async("a wait", async { 1 }).await, Some(1));
    }
}
