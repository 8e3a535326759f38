//! One version of a plugin: a component, loaded, checked, and used as its kind asks.

mod artifact;
mod cache;
mod compile;
mod digest;
mod load;
mod source;
mod swap;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::sync::OwnedSemaphorePermit;

use crate::capability::event::Request;
use crate::capability::http::HttpError;
use crate::capability::next::Next;
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Socket};
use crate::capability::sockets::Sockets;
use crate::capability::{Context, VersionId};
use crate::runtime::{
    CurrentInstances, Failure, Instance, InstanceSet, Kind, NamedRoute, PerConnection, Pool,
    SocketHandle, Template,
};

pub use crate::capability::account::Account;
pub use crate::runtime::{Background, Handover, Moved, Share};
pub use cache::{Cache, MAX_CACHE};
pub use compile::{CompileError, Compiling, Program, run_child};
pub use digest::Digest;
pub use load::{AsideError, Fit, Grant, LoadError, Loader, Report, Role, Seen, Settings};
pub use source::Source;
pub use swap::{Pair, Swap, SwapError};
pub use versions::{STATE_FOLDER, VersionError, Versions, state_folder};

/// A loaded component.
pub struct PluginVersion {
    digest: Digest,
    kind: Kind,
    /// The routes that the component names itself.
    routes: Vec<NamedRoute>,
    context: Arc<Context>,
    identity: PluginIdentity,
    template: Arc<Template>,
    instances: Instances,
    /// The component counts as loaded for as long as a plugin is made of it.
    _loaded: Arc<load::Loaded>,
}

/// What outlives the versions of a plugin: its sockets, and the way to the instances that serve them.
#[derive(Clone, Default)]
pub struct PluginIdentity {
    sockets: Arc<Sockets>,
    current: Arc<CurrentInstances>,
}

enum Instances {
    Pool(Pool),
    Shared(Arc<InstanceSet>),
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
    Shared(SocketHandle),
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

/// A call of a handler whose instance goes with it: what was accepted and is not answered goes, too, also
/// where the client leaves in the middle.
struct Call<'c> {
    request: &'c Request,
    context: &'c Context,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(socket) = self.request.end_acceptance() {
            self.context.sockets.remove(socket.id);
        }
    }
}

impl PluginVersion {
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

    /// What the next version of it begins with.
    pub fn identity(&self) -> &PluginIdentity {
        &self.identity
    }

    /// Which version it is, in this host.
    pub fn version(&self) -> VersionId {
        self.context.version
    }

    /// Calls the handler.
    ///
    /// # Errors
    /// See [`Failure`]; the handler's own error is an answer.
    pub async fn handle(&self, request: Arc<Request>) -> Result<Handled, Failure> {
        let (answered, guest) = match &self.instances {
            Instances::Pool(pool) => return Ok(pool.handle(&request).await?.into()),
            Instances::Shared(instances) => {
                let shared = instances.for_request(&request)?;
                let (answered, handle) = shared.handle(request).await?;
                (answered, handle.map(Guest::Shared))
            }
            Instances::PerConnection(own) => {
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

    /// Looks after instances that nothing happens to; `now` is the time since some moment, the same for
    /// all sweeps.
    pub fn sweep(&self, now: Duration) {
        let idle_after = self.context.limits.idle_after;
        match &self.instances {
            Instances::Pool(pool) => pool.sweep(now, idle_after),
            Instances::Shared(shared) => shared.sweep(now, idle_after),
            Instances::PerConnection(_) => {}
        }
    }

    /// Looks after the sockets of this version that nothing happens to.
    pub fn sweep_sockets(&self, now: Duration) {
        for socket in self.own_sockets() {
            socket.sweep(now, &self.context.limits);
        }
    }

    /// The sockets whose events come to this version.
    pub fn own_sockets(&self) -> impl Iterator<Item = Arc<Socket>> {
        let own = self.version();
        self.context.sockets.all().into_iter().filter(move |socket| socket.version() == own)
    }

    /// Drops the connections of this version's sockets.
    pub fn terminate_sockets(&self) {
        for socket in self.own_sockets() {
            socket.terminate();
        }
    }

    /// Closes every socket of this version with this code, after what is queued for it.
    pub fn close_sockets(&self, code: u16, reason: &str) {
        for socket in self.own_sockets() {
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
        if let Guest::Shared(handle) = &self.guest {
            handle.close(CloseInfo::lost()).await;
        }
    }
}
