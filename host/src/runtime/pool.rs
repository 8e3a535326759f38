//! A pool: instances of a component without sessions, each used by one call at a time.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::instance::{Answer, Instance};
use super::template::Template;
use crate::capability::event::Request;

/// Calls run in parallel, as many as `limits.instances`; the instance that was used last is used
/// next, since its memory is warm. One that fails is dropped, and so is one whose caller went away
/// in the middle of a call.
pub struct Pool {
    template: Arc<Template>,
    permits: Semaphore,
    idle: Mutex<Vec<Instance>>,
}

impl Pool {
    pub fn new(template: Arc<Template>) -> Self {
        let permits = Semaphore::new(template.context().limits.instances);
        Self { template, permits, idle: Mutex::default() }
    }

    /// Calls the handler in an idle instance, or a new one.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn handle(&self, request: &Arc<Request>) -> Result<Answer, Failure> {
        let limits = &self.template.context().limits;
        let permit = tokio::time::timeout(limits.request_time, self.permits.acquire());
        let _permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => permit
                .await
                .map_err(|_| Failure::Busy(limits.instances, "limits.instances"))?
                .map_err(|_| Failure::Stopped)?,
        };
        let idle = self.idle.lock().pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.template.instantiate(None).await?,
        };
        let answer = instance.handle(request).await;
        if !answer.as_ref().is_err_and(|failure| !failure.spares_the_instance()) {
            self.idle.lock().push(instance);
        }
        answer
    }
}
