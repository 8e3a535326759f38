//! One version of a plugin: a component that is loaded and checked, and used as its kind requires.

mod artifact;
mod aside;
mod cache;
mod compile;
mod digest;
mod handler;
mod load;
mod memory;
mod source;
mod swap;
mod versions;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::capability::account::Charge;
use crate::capability::socket::Socket;
use crate::capability::sockets::Sockets;
use crate::capability::{Context, VersionId};
use crate::config::{Limit, Limits};
use crate::lease::{Leased, Leases};
use crate::runtime::{CurrentInstances, NamedRoute, Pool, exports};

pub use crate::capability::account::Account;
pub use crate::runtime::Handover;
pub(crate) use crate::runtime::{Background, Share};
pub(crate) use aside::AsideError;
pub use cache::{Cache, MAX_CACHE};
pub use compile::{CompileError, Compiling, Effort, Program, run_child};
pub use digest::Digest;
pub(crate) use handler::Guest;
pub use handler::{Handled, Handler, Session};
pub(crate) use load::HashedFile;
pub use load::{Fit, Grant, Inspection, LoadError, Loader, Role, Settings};
pub use memory::EmptyMemory;
pub(crate) use memory::Removed;
pub use source::Source;
pub(crate) use swap::{Lost, SwapError, Swapped};
pub use swap::{Pair, Swap};
pub use versions::STATE_FOLDER;
pub(crate) use versions::{Kept, VersionError, Versions, state_folder};

/// A loaded component.
pub struct PluginVersion {
    digest: Digest,
    /// The routes that the component names itself.
    routes: Vec<NamedRoute>,
    context: Arc<Context>,
    identity: PluginIdentity,
    /// The site's share of the machine, if it has neighbours.
    share: Option<Arc<Share>>,
    instances: Instances,
    /// Leases of those that may find the version for a request: snapshots of its site.
    leases: Leases,
    /// Why it began with empty memory, if the previous version had something in memory.
    began_empty: OnceLock<EmptyMemory>,
    /// The component counts as loaded while a plugin uses it.
    _loaded: Arc<load::Loaded>,
    /// What it takes in memory, in the site's account.
    _charge: Charge,
}

/// What outlives the versions of a plugin: its sockets, and the instances that serve them now.
#[derive(Clone, Default)]
pub struct PluginIdentity {
    sockets: Arc<Sockets>,
    current: Arc<CurrentInstances>,
}

/// The instances of a version, by their role.
pub enum Instances {
    Handler(Arc<Handler>),
    Middleware(Arc<Middleware>),
    ErrorHandler(Arc<ErrorHandler>),
}

/// Runs around handlers.
pub type Middleware = Pool<exports::Middleware>;

/// Answers the failures of others.
pub(crate) type ErrorHandler = Pool<exports::ErrorHandler>;

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

    /// The instances, for their part in a request.
    pub fn instances(&self) -> &Instances {
        &self.instances
    }

    /// The handler, if the plugin answers requests.
    pub fn handler(&self) -> Option<&Arc<Handler>> {
        match &self.instances {
            Instances::Handler(handler) => Some(handler),
            Instances::Middleware(_) | Instances::ErrorHandler(_) => None,
        }
    }

    /// Whether the memory of its shared instances can go on in another version. `None` if it has
    /// no such instances.
    pub fn has_state(&self) -> Option<bool> {
        Some(self.handler()?.shared()?.template().has_state())
    }

    /// Why it began with empty memory, if the previous version had something in memory.
    pub fn began_empty(&self) -> Option<EmptyMemory> {
        self.began_empty.get().copied()
    }

    /// Why one of its instances could not save what it has in memory when it was asked last.
    pub fn cannot_save(&self) -> Option<Arc<str>> {
        self.shared()?.cannot_save()
    }

    /// Why an instance has refused what an idle one had saved, if that is still kept.
    pub fn cannot_restore(&self) -> Option<Arc<str>> {
        self.shared()?.cannot_restore()
    }

    /// Why `save` has cost one of its instances what that had in memory, the last time that it did.
    pub fn lost_memory(&self) -> Option<Arc<str>> {
        self.context.calls.lost_memory()
    }

    /// What the next version starts with.
    pub fn identity(&self) -> &PluginIdentity {
        &self.identity
    }

    /// The version's number in this host.
    pub fn version(&self) -> VersionId {
        self.context.version
    }

    /// Looks after idle instances. `now` is the time since a moment that is the same for all
    /// sweeps. The limits are the present ones of the site: a sweep follows their changes without
    /// another version.
    pub fn sweep(&self, now: Duration, limits: &Limits) {
        let idle_after = limits.idle_after;
        match &self.instances {
            Instances::Handler(handler) => handler.sweep(now, idle_after),
            Instances::Middleware(pool) => pool.sweep(now, idle_after),
            Instances::ErrorHandler(pool) => pool.sweep(now, idle_after),
        }
    }

    /// Drops idle instances while the site holds too much memory, over this limit.
    pub fn give_back(&self, limit: Limit, is_over: &dyn Fn() -> bool) {
        if !is_over() {
            return;
        }
        match &self.instances {
            Instances::Handler(handler) => handler.give_back(limit, is_over),
            Instances::Middleware(pool) => pool.give_back(),
            Instances::ErrorHandler(pool) => pool.give_back(),
        }
    }

    /// Looks after the quiet sockets of this version.
    pub fn sweep_sockets(&self, now: Duration, limits: &Limits) {
        for socket in self.own_sockets() {
            socket.sweep(now, limits);
        }
    }

    /// The sockets whose events this version gets.
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
