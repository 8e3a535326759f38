//! What guests run before they serve anything: start functions, `routes`, `health`, `save` and
//! `restore`.

use std::sync::Arc;

use super::failure::Failure;
use super::share::Share;
use crate::config::MAX_UPKEEP_TIME;

/// Does such work within [`MAX_UPKEEP_TIME`], waiting included, because the site waits for it at
/// each change. The site with this share is charged.
///
/// # Errors
/// The work fails, or the time is up.
pub(crate) async fn at_load<T: Send + 'static>(
    share: Option<&Arc<Share>>,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::time::timeout(MAX_UPKEEP_TIME, Share::charge(share, work)).await;
    done.unwrap_or(Err(Failure::AtLoad))
}
