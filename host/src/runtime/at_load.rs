//! What guests run before they serve anything: start functions, `routes`, `health`, `save` and `restore`.

use std::sync::Arc;
use std::time::Duration;

use super::failure::Failure;
use super::template::Template;

/// The longest time of any of it, whatever `limits.request_time` says: a site waits for it each time that
/// it changes.
pub const AT_LOAD: Duration = Duration::from_secs(30);

/// Does such work, charged to the guest's site, in [`AT_LOAD`], what it waits for included.
///
/// # Errors
/// Those of the work; the time is up.
pub async fn at_load<T: Send + 'static>(
    template: &Template,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let done = async {
        match template.share() {
            Some(share) => Arc::clone(share).run(work).await,
            None => work.await,
        }
    };
    tokio::time::timeout(AT_LOAD, done).await.unwrap_or(Err(Failure::AtLoad))
}
