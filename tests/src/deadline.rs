//! Waiting, never longer than a deadline.

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long anything may take that is not a build.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The future's value.
///
/// # Panics
/// After [`DEADLINE`]: it names what was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    within_time(DEADLINE, what, future).await
}

pub(crate) async fn within_time<T>(
    time: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> T {
    match timeout(time, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {time:?} in vain for {what}"),
    }
}

/// Asks again and again until there is a value.
///
/// # Panics
/// After [`DEADLINE`]: it names what was waited for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, asking).await
}
