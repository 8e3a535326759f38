//! Waiting, never longer than a deadline.

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long anything except a build may take. It only decides when a failing test fails: no test
/// passes by it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long a build of a guest may take. Builds of one target folder wait for each other.
pub(crate) const BUILD: Duration = Duration::from_secs(600);

/// The future's value.
///
/// # Panics
/// After [`DEADLINE`]: it names what was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    within_time(DEADLINE, what, future).await
}

/// The future's value, which comes sooner than a setting's default would allow. So the value in
/// `lithe.toml` is what has worked.
///
/// # Panics
/// After the default: it names what was waited for.
pub async fn sooner_than<T>(default: Duration, what: &str, future: impl Future<Output = T>) -> T {
    within_time(default, what, future).await
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
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, asking(ask)).await
}

/// Asks again and again until there is a value that a build brings about.
///
/// # Panics
/// After `BUILD`: it names what was waited for.
pub async fn eventually_built<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    within_time(BUILD, what, asking(ask)).await
}

async fn asking<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(value) = ask().await {
            return value;
        }
        sleep(Duration::from_millis(10)).await;
    }
}
