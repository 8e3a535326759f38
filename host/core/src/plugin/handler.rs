//! Handlers, and the sessions that their answers start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::capability::Context;
use crate::capability::event::Request;
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Socket};
use crate::config::Limit;
use crate::runtime::exports::{self, Exports};
use crate::runtime::{
    Failure, Instance, InstanceSet, NamedRoute, PerConnection, Pool, SocketHandle, Template,
};

/// Answers the requests of a route, or of several.
pub struct Handler {
    context: Arc<Context>,
    instances: HandlerInstances,
}

/// A handler's instances, by its kind.
pub(super) enum HandlerInstances {
    Pool(Pool<exports::Route>),
    Shared(Arc<InstanceSet>),
    PerConnection(PerConnection),
}

/// An answer, and the session that it starts.
pub struct Handled {
    pub answered: Answered,
    pub session: Option<Session>,
}

/// A socket, and the guest that gets its events.
pub struct Session {
    pub socket: Arc<Socket>,
    pub guest: Guest,
    /// Removes the socket from its plugin when the session is over.
    registered: Registered,
}

/// The guest that gets a socket's events.
pub enum Guest {
    Shared(SocketHandle),
    /// An instance that only this socket has.
    Own {
        instance: Box<Instance<exports::Session>>,
        permit: OwnedSemaphorePermit,
    },
}

struct Registered {
    context: Arc<Context>,
    socket: u32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.context.sockets.remove(self.socket);
    }
}

/// A call of a handler whose instance is dropped with it. A socket that was accepted and not
/// answered is dropped, too, also when the client leaves during the call.
pub(super) struct Call<'c> {
    pub request: &'c Request,
    pub context: &'c Context,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(socket) = self.request.end_acceptance() {
            self.context.sockets.remove(socket.id);
        }
    }
}

impl Handler {
    pub(super) fn new(context: Arc<Context>, instances: HandlerInstances) -> Self {
        Self { context, instances }
    }

    /// The site's and the plugin's names, the limits, and the open sockets.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    pub(super) fn instances(&self) -> &HandlerInstances {
        &self.instances
    }

    /// Calls the handler.
    ///
    /// # Errors
    /// See [`Failure`]. An error that the handler returns is an answer.
    pub async fn handle(&self, request: Arc<Request>) -> Result<Handled, Failure> {
        let (answered, guest) = match &self.instances {
            HandlerInstances::Pool(pool) => return Ok(pool.handle(&request).await?.into()),
            HandlerInstances::Shared(instances) => {
                let (answered, handle) = instances.handle(request).await?;
                (answered, handle.map(Guest::Shared))
            }
            HandlerInstances::PerConnection(own) => {
                let _call = Call { request: &request, context: &self.context };
                let (answered, instance, permit) = Box::pin(own.handle(&request)).await?;
                (answered, Some(Guest::Own { instance, permit }))
            }
        };
        let socket = answered.as_ref().ok().and_then(Answer::socket).cloned();
        let session = socket.zip(guest).map(|(socket, guest)| {
            let context = self.context.clone();
            let registered = Registered { context, socket: socket.id };
            Session { socket, guest, registered }
        });
        Ok(Handled { answered, session })
    }

    /// The shared instances, if sessions are events.
    pub(super) fn shared(&self) -> Option<&Arc<InstanceSet>> {
        match &self.instances {
            HandlerInstances::Shared(shared) => Some(shared),
            HandlerInstances::Pool(_) | HandlerInstances::PerConnection(_) => None,
        }
    }

    /// Asks a new instance for its routes.
    pub(super) async fn ask_routes(&self) -> Result<Vec<NamedRoute>, Failure> {
        match &self.instances {
            HandlerInstances::Pool(pool) => routes_of(pool.template()).await,
            HandlerInstances::Shared(shared) => routes_of(shared.template()).await,
            HandlerInstances::PerConnection(own) => routes_of(own.template()).await,
        }
    }

    pub(super) fn give_back(&self, limit: Limit, is_over: &dyn Fn() -> bool) {
        match &self.instances {
            HandlerInstances::Pool(pool) => pool.give_back(),
            HandlerInstances::Shared(shared) => shared.give_back(limit, is_over),
            HandlerInstances::PerConnection(_) => {}
        }
    }

    pub(super) fn sweep(&self, now: Duration, idle_after: Duration) {
        match &self.instances {
            HandlerInstances::Pool(pool) => pool.sweep(now, idle_after),
            HandlerInstances::Shared(shared) => shared.sweep(now, idle_after),
            HandlerInstances::PerConnection(_) => {}
        }
    }
}

async fn routes_of<E: Exports>(template: &Template<E>) -> Result<Vec<NamedRoute>, Failure> {
    let mut instance = template.instantiate(None).await?;
    Ok(instance.routes().await?.unwrap_or_default())
}

impl From<Answered> for Handled {
    fn from(answered: Answered) -> Self {
        Self { answered, session: None }
    }
}

impl Session {
    /// The context of the socket's plugin.
    pub fn context(&self) -> &Arc<Context> {
        &self.registered.context
    }

    /// Tells the guest that the socket is gone, because the handshake was not completed.
    pub async fn abandon(self) {
        self.socket.set_closed();
        if let Guest::Shared(handle) = &self.guest {
            handle.close(CloseInfo::lost()).await;
        }
    }
}
