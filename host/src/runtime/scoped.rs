//! Which shared instance an event belongs to.
//!
//! One for the plugin, by default; several that take turns, for more cores; one for each value of a
//! route parameter; or one for each connection. A socket stays with the one that accepted it, and
//! topics span them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::failure::Failure;
use super::shared::Shared;
use super::template::Template;
use crate::capability::event::Request;
use crate::config::Scope;

/// The shared instances of one plugin.
pub struct Scoped {
    template: Arc<Template>,
    by: By,
}

enum By {
    /// At least one; each new connection takes the next.
    Turns {
        instances: Vec<Arc<Shared>>,
        next: AtomicUsize,
    },
    Param {
        name: String,
        instances: Mutex<HashMap<String, Arc<Shared>>>,
    },
    Connection {
        open: Mutex<Vec<Arc<Shared>>>,
    },
}

impl Scoped {
    /// `replicas` counts for the scope `plugin` only.
    pub fn new(template: &Arc<Template>, scope: &Scope, replicas: usize) -> Self {
        let by = match scope {
            Scope::Plugin => By::Turns {
                instances: (0..replicas.max(1)).map(|_| Shared::new(template.clone())).collect(),
                next: AtomicUsize::new(0),
            },
            Scope::Param(name) => By::Param { name: name.clone(), instances: Mutex::default() },
            Scope::Connection => By::Connection { open: Mutex::default() },
        };
        Self { template: template.clone(), by }
    }

    /// The instance for a request, and for the socket that it may become.
    ///
    /// # Errors
    /// There are as many as `limits.instances` allows.
    pub fn for_request(&self, request: &Request) -> Result<Arc<Shared>, Failure> {
        let max = self.template.context().limits.instances;
        let busy = Failure::Busy(max, "limits.instances");
        match &self.by {
            By::Turns { instances, next } => {
                let turn = next.fetch_add(1, Ordering::Relaxed) % instances.len();
                Ok(instances[turn].clone())
            }
            By::Param { name, instances } => {
                let mut value = request.params.iter().filter(|(param, _)| param == name);
                let value = value.next().map(|(_, value)| value.clone()).unwrap_or_default();
                let mut instances = instances.lock();
                if !instances.contains_key(&value) && instances.len() >= max {
                    return Err(busy);
                }
                let shared = || Shared::new(self.template.clone());
                Ok(instances.entry(value).or_insert_with(shared).clone())
            }
            By::Connection { open } => {
                let mut open = open.lock();
                open.retain(is_needed);
                if open.len() >= max {
                    return Err(busy);
                }
                let shared = Shared::new(self.template.clone());
                open.push(shared.clone());
                Ok(shared)
            }
        }
    }

    /// See [`Shared::sweep`]; forgets the instances that nothing belongs to any more.
    pub fn sweep(&self, now: Duration, idle_after: Duration) {
        let sweep = |shared: &Arc<Shared>| shared.sweep(now, idle_after);
        match &self.by {
            By::Turns { instances, .. } => instances.iter().for_each(sweep),
            By::Param { instances, .. } => {
                let mut instances = instances.lock();
                instances.values().for_each(sweep);
                instances.retain(|_, shared| is_needed(shared) || shared.has_instance());
            }
            By::Connection { open } => {
                let mut open = open.lock();
                open.retain(is_needed);
                open.iter().for_each(sweep);
            }
        }
    }
}

/// Whether a request or a socket holds it, too.
fn is_needed(shared: &Arc<Shared>) -> bool {
    Arc::strong_count(shared) > 1
}
