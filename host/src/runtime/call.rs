//! One call of a guest: its CPU time and its wall time.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::failure::Failure;
use crate::capability::meter::{Clock, Metered};

/// Runs a call within its wall time, which starts again with each turn of it; only one that is not done at once
/// pays for a timer. The call is pinned where it was made: moved in here, there would be room for it twice.
///
/// # Errors
/// The time is up; the call is dropped, and its instance can be used no more.
pub async fn within<T>(
    clock: &Clock,
    limit: Duration,
    call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
) -> Result<wasmtime::Result<T>, Failure> {
    let mut call = Metered::new(call, clock);
    match futures_util::poll!(&mut call) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => loop {
            let turn = clock.turn();
            match tokio::time::timeout(limit, &mut call).await {
                Ok(result) => return Ok(result),
                Err(_) if clock.turn() != turn => {}
                Err(_) => return Err(Failure::Time(limit)),
            }
        },
    }
}
