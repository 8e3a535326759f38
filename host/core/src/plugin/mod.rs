//! One version of a plugin: a component, loaded, checked, and used as its kind asks.

mod artifact;
mod cache;
mod compile;
mod digest;
mod handler;
mod load;
mod source;
mod swap;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use crate::capability::socket::Socket;
use crate::capability::sockets::Sockets;
use crate::capability::{Context, VersionId};
use crate::lease::{Leased, Leases};
use crate::runtime::{CurrentInstances, NamedRoute, Pool, exports};

pub use crate::capability::account::Account;
pub use crate::runtime::{Background, Handover, Moved, Share};
pub use cache::{Cache, MAX_CACHE};
pub use compile::{CompileError, Compiling, Effort, Program, run_child};
pub use digest::Digest;
pub use handler::{Guest, Handled, Handler, Session};
pub use load::{AsideError, Fit, Grant, LoadError, Loader, Report, Role, Seen, Settings};
pub use source::Source;
pub use swap::{Pair, Swap, SwapError};
pub use versions::{STATE_FOLDER, VersionError, Versions, state_folder};

/// A loaded component.
pub struct PluginVersion {
    digest: Digest,
    /// The routes that the component names itself.
    routes: Vec<NamedRoute>,
    context: Arc<Context>,
    identity: PluginIdentity,
    /// The site's share of the machine, where it has neighbours.
    share: Option<Arc<Share>>,
    instances: Instances,
    /// Of what may find it for a request: snapshots of its site.
    leases: Leases,
    /// The component counts as loaded for as long as a plugin is made of it.
    _loaded: Arc<load::Loaded>,
}

/// What outlives the versions of a plugin: its sockets, and the way to the instances that serve them.
#[derive(Clone, Default)]
pub struct PluginIdentity {
    sockets: Arc<Sockets>,
    current: Arc<CurrentInstances>,
}

/// The instances of a version, by what they are asked for.
pub enum Instances {
    Handler(Arc<Handler>),
    Middleware(Arc<Middleware>),
    ErrorHandler(Arc<ErrorHandler>),
}

/// What runs around handlers.
pub type Middleware = Pool<exports::Middleware>;

/// What answers for the failures of others.
pub type ErrorHandler = Pool<exports::ErrorHandler>;

impl PluginVersion {
    /// The component's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The site's and the plugin's names, the limits, and the open sockets.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The routes that the component names itself, by its export `routes`.
    pub fn routes(&self) -> &[NamedRoute] {
        &self.routes
    }

    /// What is asked for its part in a request.
    pub fn instances(&self) -> &Instances {
        &self.instances
    }

    /// What answers requests, where it does.
    pub fn handler(&self) -> Option<&Arc<Handler>> {
        match &self.instances {
            Instances::Handler(handler) => Some(handler),
            Instances::Middleware(_) | Instances::ErrorHandler(_) => None,
        }
    }

    /// What the next version of it begins with.
    pub fn identity(&self) -> &PluginIdentity {
        &self.identity
    }

    /// Which version it is, in this host.
    pub fn version(&self) -> VersionId {
        self.context.version
    }

    /// Looks after instances that nothing happens to; `now` is the time since some moment, the same for
    /// all sweeps.
    pub fn sweep(&self, now: Duration) {
        let idle_after = self.context.limits.idle_after;
        match &self.instances {
            Instances::Handler(handler) => handler.sweep(now, idle_after),
            Instances::Middleware(pool) => pool.sweep(now, idle_after),
            Instances::ErrorHandler(pool) => pool.sweep(now, idle_after),
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

impl Leased for PluginVersion {
    fn leases(&self) -> &Leases {
        &self.leases
    }
}
