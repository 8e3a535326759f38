//! Replaced versions that still have sockets which could not move.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::clock;
use crate::lease::Leased as _;
use crate::plugin::PluginVersion;

/// How many versions of a site may drain at once. Each keeps its component in memory, and a file of
/// the host open. If there are more, the oldest are closed before their time.
const MAX_VERSIONS: usize = 64;

/// The draining versions of a site.
#[derive(Default)]
pub struct Draining {
    versions: Mutex<Vec<Version>>,
}

/// A version that drains.
#[derive(Clone)]
pub struct Version {
    pub plugin: Arc<PluginVersion>,
    /// When its sockets are closed.
    pub until: Instant,
    closed: bool,
}

impl Draining {
    /// Adds a version, which may drain for at most this time.
    pub fn add(&self, plugin: Arc<PluginVersion>, time: Duration) {
        let until = clock::after(Instant::now(), time);
        let mut versions = self.versions.lock();
        versions.push(Version { plugin, until, closed: false });
        let over = versions.len().saturating_sub(MAX_VERSIONS);
        for version in versions.iter_mut().take(over) {
            version.until = version.until.min(Instant::now());
        }
        // These were closed long ago, and their clients have not answered.
        let over = over.saturating_sub(MAX_VERSIONS);
        versions.iter().take(over).for_each(|version| version.plugin.terminate_sockets());
    }

    /// The versions that still drain.
    pub fn versions(&self) -> Vec<Version> {
        self.versions.lock().clone()
    }

    pub(super) fn plugins(&self) -> Vec<Arc<PluginVersion>> {
        self.versions.lock().iter().map(|version| version.plugin.clone()).collect()
    }

    /// Forgets the versions that have no sockets left, and closes the sockets of those whose time
    /// is up.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.versions.lock().retain_mut(|version| {
            let context = version.plugin.context();
            let (site, plugin) = (&*context.site, &*context.plugin);
            // A request whose snapshot has this version may still make a socket of it.
            let is_found = version.plugin.leases().any();
            if !is_found && version.plugin.own_sockets().next().is_none() {
                tracing::debug!(target: "swap", site, plugin, "drained");
                version.plugin.end();
                return false;
            }
            if now >= version.until && !version.closed {
                version.closed = true;
                let sockets = version.plugin.own_sockets().count();
                tracing::info!(
                    target: "swap", site, plugin, sockets, "`swap.drain_time` is up, or too many versions drain: closing"
                );
                version.plugin.close_sockets(1012, "the plugin was replaced");
            }
            true
        });
    }
}
