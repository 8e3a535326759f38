//! An instance for each connection, from the handshake to the close of its session.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::exports::Session;
use super::failure::Failure;
use super::instance::Instance;
use super::template::Template;
use crate::capability::event::Request;
use crate::capability::outcome::Answered;
use crate::config::Limit;

/// Makes an instance for each request. If the request becomes a socket, the instance lives on with
/// it.
pub(crate) struct PerConnection {
    template: Arc<Template<Session>>,
    permits: Arc<Semaphore>,
}

impl PerConnection {
    /// Starts without an instance.
    pub(crate) fn new(template: Arc<Template<Session>>) -> Self {
        let permits = Arc::new(Semaphore::new(template.context().limits.instances));
        Self { template, permits }
    }

    /// What the instances are made from.
    pub(crate) fn template(&self) -> &Arc<Template<Session>> {
        &self.template
    }

    /// Calls the handler in a new instance. Returns the instance with the answer.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(crate) async fn handle(
        &self,
        request: &Arc<Request>,
    ) -> Result<(Answered, Box<Instance<Session>>, OwnedSemaphorePermit), Failure> {
        let limits = &self.template.context().limits;
        let permit = self.permits.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Failure::Busy(limits.instances, Limit::Instances))?;
        let mut instance = Box::new(self.template.instantiate(None).await?);
        let answer = instance.handle(request).await?;
        Ok((answer, instance, permit))
    }
}
