//! Blocking work for sites, on threads that may block: reading, hashing and writing files, and
//! linking components.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::capability::filesystem::Threads as _;
use crate::runtime::Share;

/// How much of such work runs at the same time. Each takes milliseconds, because it has a bound and
/// waits for nobody.
const MAX_ASIDE: usize = 32;

/// Runs blocking work, with a bound on how much runs at once.
#[derive(Clone)]
pub(super) struct Aside {
    all: Arc<Semaphore>,
    of_site: Option<OfSite>,
}

/// What belongs to one of several sites. It does one piece of work at a time.
#[derive(Clone)]
struct OfSite {
    share: Arc<Share>,
    one: Arc<Semaphore>,
}

/// Blocking work has failed: it panicked, or the host is ending.
#[derive(Debug, thiserror::Error)]
#[error("loading was interrupted")]
pub struct AsideError;

impl Aside {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_ASIDE)), of_site: None }
    }

    /// For one of several sites, which is charged for the work.
    pub(super) fn for_site(&self, share: Arc<Share>) -> Self {
        let of_site = Some(OfSite { share, one: Arc::new(Semaphore::new(1)) });
        Self { all: self.all.clone(), of_site }
    }

    /// Runs work that has a bound of its own. It may finish when nobody waits for it any longer.
    ///
    /// # Errors
    /// It panics, or the host is ending.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        self.on_thread(work, |share, work| share.spawn_charged(work)).await
    }

    /// Runs work that may take seconds. If its site has used more than its share, the work yields
    /// to others.
    ///
    /// # Errors
    /// As [`Aside::run`].
    pub(super) async fn run_for_long<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AsideError> {
        self.on_thread(work, |share, work| share.spawn_blocking(work)).await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        spawn: impl FnOnce(&Share, Box<dyn FnOnce() + Send>),
    ) -> Result<T, AsideError> {
        // The semaphores are never closed.
        let own = match &self.of_site {
            Some(of_site) => of_site.one.clone().acquire_owned().await.ok(),
            None => None,
        };
        let one = self.all.clone().acquire_owned().await.ok();
        let (done, result) = oneshot::channel();
        let work = move || {
            let _permits = (own, one);
            // The receiver may be gone.
            let _ = done.send(work());
        };
        match &self.of_site {
            Some(of_site) => spawn(&of_site.share, Box::new(work)),
            None => drop(tokio::task::spawn_blocking(work)),
        }
        result.await.map_err(|_| AsideError)
    }
}
