//! Which instances get a plugin's events, whichever version serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::exports::Hooks;
use super::failure::Failure;
use super::instance_set::InstanceSet;
use super::shared_instance::{InstanceSource, SharedInstance};
use super::template::Template;
use crate::capability::event::Request;
use crate::lease::Lease;
use crate::sync::Mutex;

/// Which one of a plugin's shared instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The replica with this index.
    Replica(usize),
    /// The one for this value of this route parameter.
    Param { name: String, value: Arc<str> },
    /// The one for this connection.
    Connection(u64),
}

/// The shared instances that serve a plugin now. Outlives the plugin's versions.
pub(crate) struct CurrentInstances<T: InstanceSource = Template<Hooks>> {
    current: Mutex<Option<Arc<InstanceSet<T>>>>,
    connections: AtomicU64,
}

impl<T: InstanceSource> Default for CurrentInstances<T> {
    fn default() -> Self {
        Self { current: Mutex::new(None), connections: AtomicU64::new(0) }
    }
}

impl<T: InstanceSource> CurrentInstances<T> {
    /// From now on these instances serve the plugin. None if it has no sessions as events.
    pub(crate) fn set(&self, current: Option<Arc<InstanceSet<T>>>) {
        *self.current.lock() = current;
    }

    /// If these instances serve the plugin, none serve it from now on.
    pub(crate) fn leave(&self, own: &Arc<InstanceSet<T>>) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, own)) {
            *current = None;
        }
    }

    /// The instance that takes over from a retired one.
    ///
    /// # Errors
    /// The plugin is no longer served, or has too many instances; see [`Failure`].
    pub(super) fn heir(
        &self,
        key: &Key,
        request: &Request,
    ) -> Result<Lease<SharedInstance<T>>, Failure> {
        let current = self.current.lock().clone();
        let current = current.ok_or(Failure::Stopped)?;
        match current.by_key(key) {
            Some(heir) => heir,
            None => current.for_request(request),
        }
    }

    /// The number of a new connection.
    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }
}
