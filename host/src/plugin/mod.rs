//! One version of a plugin: a component, loaded, checked, and used as its kind asks.

mod artifact;
mod cache;
mod load;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::sync::OwnedSemaphorePermit;

use crate::capability::Context;
use crate::capability::event::Request;
use crate::capability::http::HttpError;
use crate::capability::next::Next;
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Socket};
use crate::runtime::{Failure, Instance, Kind, NamedRoute, PerConnection, Pool, Scoped, Shared};

pub use cache::{Cache, Digest};
pub use load::{Fit, Grant, LoadError, Loader, Report, Role, Settings};

/// A loaded component.
pub struct Plugin {
    digest: Digest,
    kind: Kind,
    /// The routes that the component names itself.
    routes: Vec<NamedRoute>,
    context: Arc<Context>,
    instances: Instances,
}

enum Instances {
    Pool(Pool),
    Shared(Scoped),
    PerConnection(PerConnection),
}

/// An answer, and the session that it begins.
pub struct Handled {
    pub answered: Answered,
    pub session: Option<Session>,
}

/// A socket, and where its events go.
pub struct Session {
    pub socket: Arc<Socket>,
    pub guest: Guest,
    /// Removes the socket from its plugin when the session is over.
    registered: Registered,
}

/// Who hears of a socket's events.
pub enum Guest {
    Shared(Arc<Shared>),
    /// An instance of its own.
    Own {
        instance: Box<Instance>,
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

impl Plugin {
    /// The component's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What the component is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The site's and the plugin's names, the limits, and the open sockets.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The routes that the component names itself, by its export `routes`.
    pub fn routes(&self) -> &[NamedRoute] {
        &self.routes
    }

    /// Calls the handler.
    ///
    /// # Errors
    /// See [`Failure`]; the handler's own error is an answer.
    pub async fn handle(&self, request: Arc<Request>) -> Result<Handled, Failure> {
        let (answered, guest) = match &self.instances {
            Instances::Pool(pool) => return Ok(pool.handle(&request).await?.into()),
            Instances::Shared(scoped) => {
                let shared = scoped.for_request(&request)?;
                (shared.handle(request).await?, Guest::Shared(shared))
            }
            Instances::PerConnection(own) => {
                let called = own.handle(&request).await;
                // What was accepted and is not answered goes with its instance.
                let accepted = request.accepted.lock().take();
                if let Some(socket) = accepted {
                    self.context.sockets.remove(socket.id);
                }
                let (answered, instance, permit) = called?;
                (answered, Guest::Own { instance, permit })
            }
        };
        let socket = answered.as_ref().ok().and_then(Answer::socket).cloned();
        let session = socket.map(|socket| {
            let context = self.context.clone();
            let registered = Registered { context, socket: socket.id };
            Session { socket, guest, registered }
        });
        Ok(Handled { answered, session })
    }

    /// Calls the middleware around the rest of the chain.
    ///
    /// # Errors
    /// See [`Failure`]; the middleware's own error is an answer.
    pub async fn around(&self, request: &Arc<Request>, next: Next) -> Result<Answered, Failure> {
        match &self.instances {
            Instances::Pool(pool) => pool.around(request, next).await,
            _ => Err(Failure::Missing("middleware")),
        }
    }

    /// Calls the error handler: a response, or the error that goes on outward.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn on_error(
        &self,
        request: &Arc<Request>,
        error: &HttpError,
    ) -> Result<Result<Response<Bytes>, HttpError>, Failure> {
        match &self.instances {
            Instances::Pool(pool) => pool.on_error(request, error).await,
            _ => Err(Failure::Missing("error-handler")),
        }
    }

    /// Looks after sockets and instances that nothing happens to; `now` is the time since some moment,
    /// the same for all sweeps.
    pub fn sweep(&self, now: Duration) {
        let limits = &self.context.limits;
        for socket in self.context.sockets.all() {
            socket.sweep(now, limits);
        }
        match &self.instances {
            Instances::Pool(pool) => pool.sweep(now, limits.idle_after),
            Instances::Shared(shared) => shared.sweep(now, limits.idle_after),
            Instances::PerConnection(_) => {}
        }
    }

    /// Closes every socket with this code, after what is queued for it.
    pub fn close_sockets(&self, code: u16, reason: &str) {
        for socket in self.context.sockets.all() {
            socket.close(code, reason);
        }
    }
}

impl From<Answered> for Handled {
    fn from(answered: Answered) -> Self {
        Self { answered, session: None }
    }
}

impl Session {
    /// The socket's plugin.
    pub fn context(&self) -> &Arc<Context> {
        &self.registered.context
    }

    /// The handshake was not completed: the guest hears that the socket is gone.
    pub async fn abandon(self) {
        self.socket.set_closed();
        if let Guest::Shared(shared) = &self.guest {
            shared.close(&self.socket, CloseInfo::lost()).await;
        }
    }
}
