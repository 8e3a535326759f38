//! Where a plugin's sockets and requests go, whatever version of it serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::failure::Failure;
use super::instance_set::InstanceSet;
use super::shared_instance::SharedInstance;
use crate::capability::event::Request;
use crate::lease::Lease;

/// Which of a plugin's shared instances one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// One of those that take turns.
    Turn(usize),
    /// The one for this value of this route parameter.
    Param { name: String, value: String },
    /// The one for this connection.
    Connection(u64),
}

/// Outlives the versions of a plugin, and knows the instances of the one that serves now.
#[derive(Default)]
pub struct CurrentInstances {
    current: Mutex<Option<Arc<InstanceSet>>>,
    connections: AtomicU64,
}

impl CurrentInstances {
    /// From now on these instances serve the plugin; none, if it has no sessions as events.
    pub fn set(&self, current: Option<Arc<InstanceSet>>) {
        *self.current.lock() = current;
    }

    /// If these instances serve the plugin, none do from now on.
    pub fn leave(&self, own: &Arc<InstanceSet>) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, own)) {
            *current = None;
        }
    }

    /// Who takes over what belonged to an instance that has been retired.
    ///
    /// # Errors
    /// Nobody does, or there are too many instances; see [`Failure`].
    pub(super) fn heir(
        &self,
        key: &Key,
        request: &Request,
    ) -> Result<Lease<SharedInstance>, Failure> {
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
