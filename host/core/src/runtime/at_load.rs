//! What guests run before they serve anything: start functions, `routes`, `health`, `save` and `restore`.

use std::sync::Arc;

use super::failure::Failure;
use super::share::Share;
use crate::config::MAX_UPKEEP_TIME;

/// Does such work in [`MAX_UPKEEP_TIME`], what it waits for included: a site waits for it each time that
/// it changes. The site is charged, whose share this is.
///
/// # Errors
/// Those of the work; the time is up.
pub async fn at_load<T: Send + 'static>(
    share: Option<&Arc<Share>>,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::time::timeout(MAX_UPKEEP_TIME, Share::charge(share, work)).await;
    done.unwrap_or(Err(Failure::AtLoad))
}
