//! A pool: instances of a component without sessions, each used by one call at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::exports::{ErrorHandler, Exports, Middleware, Route};
use super::failure::Failure;
use super::instance::Instance;
use super::template::Template;
use crate::capability::Context;
use crate::capability::event::Request;
use crate::capability::http::HttpError;
use crate::capability::next::Next;
use crate::capability::outcome::Answered;
use crate::config::Limit;

/// Up to `limits.instances` calls run in parallel. The instance that was used last is used next,
/// because its memory is warm. An instance that fails is dropped, and so is one whose caller goes
/// away during a call. With the setting `fresh`, each instance is dropped after its call.
pub struct Pool<E: Exports> {
    template: Arc<Template<E>>,
    permits: Semaphore,
    idle: Mutex<Idle<E>>,
}

struct Idle<E> {
    /// Boxed, because each call moves its instance, and an instance is large.
    instances: Vec<Box<Instance<E>>>,
    /// Whether a call came since the last sweep.
    used: bool,
    /// By the clock of the sweeps.
    since: Duration,
}

impl Pool<Route> {
    /// Calls the handler.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn handle(&self, request: &Arc<Request>) -> Result<Answered, Failure> {
        let mut taken = self.take().await?;
        let answer = taken.instance.handle(request).await;
        self.put_back(taken, answer)
    }
}

impl Pool<Middleware> {
    /// Calls the middleware around the rest of the chain.
    ///
    /// # Errors
    /// See [`Failure`]. An error that the middleware returns is an answer.
    pub async fn around(&self, request: &Arc<Request>, next: Next) -> Result<Answered, Failure> {
        let mut taken = self.take().await?;
        let answer = taken.instance.around(request, next).await;
        self.put_back(taken, answer)
    }
}

impl Pool<ErrorHandler> {
    /// Calls the error handler. Returns a response, or the error for the next handler outward.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn on_error(
        &self,
        request: &Arc<Request>,
        error: &HttpError,
    ) -> Result<Result<Response<Bytes>, HttpError>, Failure> {
        let mut taken = self.take().await?;
        let answer = taken.instance.on_error(request, error).await;
        self.put_back(taken, answer)
    }
}

impl<E: Exports> Pool<E> {
    /// Starts without an instance.
    pub fn new(template: Arc<Template<E>>) -> Self {
        let permits = Semaphore::new(template.context().limits.instances);
        let idle = Idle { instances: Vec::new(), used: false, since: Duration::ZERO };
        Self { template, permits, idle: Mutex::new(idle) }
    }

    /// What the instances are made from.
    pub fn template(&self) -> &Arc<Template<E>> {
        &self.template
    }

    /// What the instances share.
    pub fn context(&self) -> &Arc<Context> {
        self.template.context()
    }

    /// Drops the instances that have not been needed since `idle_after` before `now`.
    pub fn sweep(&self, now: Duration, idle_after: Duration) {
        let unneeded = {
            let mut idle = self.idle.lock();
            if std::mem::take(&mut idle.used) {
                idle.since = now;
            }
            let quiet = now.saturating_sub(idle.since);
            if idle_after.is_zero() || quiet < idle_after {
                return;
            }
            std::mem::take(&mut idle.instances)
        };
        if !unneeded.is_empty() {
            let (context, instances) = (self.template.context(), unneeded.len());
            let (site, plugin) = (&*context.site, &*context.plugin);
            tracing::debug!(target: "session", site, plugin, instances, "dropping idle instances");
        }
    }

    /// Gives the memory of idle instances back.
    pub fn give_back(&self) {
        let idle = std::mem::take(&mut self.idle.lock().instances);
        drop(idle);
    }

    /// Takes an idle instance, or makes a new one.
    async fn take(&self) -> Result<InUse<'_, E>, Failure> {
        let limits = &self.template.context().limits;
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(limits.request_time, self.permits.acquire())
                .await
                .map_err(|_| Failure::Busy(limits.instances, Limit::Instances))?
                .map_err(|_| Failure::Stopped)?,
        };
        let resting = {
            let mut idle = self.idle.lock();
            idle.used = true;
            idle.instances.pop()
        };
        let instance = match resting {
            Some(instance) => instance,
            // Boxed, as is everything that a call seldom does: otherwise each call would reserve
            // room for it.
            None => Box::new(Box::pin(self.template.instantiate(None)).await?),
        };
        Ok(InUse { instance, _permit: permit })
    }

    fn put_back<T>(&self, taken: InUse<'_, E>, result: Result<T, Failure>) -> Result<T, Failure> {
        let is_fresh = self.template.context().settings.fresh;
        if !is_fresh && result.as_ref().err().is_none_or(Failure::spares_the_instance) {
            self.idle.lock().instances.push(taken.instance);
        }
        result
    }
}

/// An instance in use.
struct InUse<'p, E> {
    instance: Box<Instance<E>>,
    _permit: SemaphorePermit<'p>,
}
