//! What guests run before they serve anything: start functions, `routes`, `health`, `save` and `restore`.

use std::time::Duration;

use super::failure::Failure;
use super::template::Template;
use crate::config::MAX_UPKEEP_TIME;

/// The longest time of any of it, whatever `limits.request_time` says: a site waits for it each time that
/// it changes.
pub const AT_LOAD: Duration = MAX_UPKEEP_TIME;

/// Does such work, charged to the guest's site, in [`AT_LOAD`], what it waits for included.
///
/// # Errors
/// Those of the work; the time is up.
pub async fn at_load<T: Send + 'static>(
    template: &Template,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::time::timeout(AT_LOAD, template.run(work)).await;
    done.unwrap_or(Err(Failure::AtLoad))
}
