//! One of the sites that a server serves.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::draining::Draining;
use crate::pipeline::{SiteSnapshot, TrafficSplit};
use crate::plugin::PluginVersion;

/// A site that is being served. Its contents can be replaced while it is.
pub struct ServedSite {
    name: Arc<str>,
    folder: Arc<str>,
    traffic: ArcSwap<TrafficSplit>,
    draining: Draining,
}

impl ServedSite {
    /// Requests reach it only after the server has been told its hosts. `folder` is the name of its
    /// folder, which identifies it among several sites.
    pub fn new(snapshot: Arc<SiteSnapshot>, folder: Arc<str>) -> Arc<Self> {
        let name = snapshot.name.clone();
        snapshot.account.set_limits(&snapshot.limits);
        let traffic = ArcSwap::from_pointee(TrafficSplit::new(snapshot));
        Arc::new(Self { name, folder, traffic, draining: Draining::default() })
    }

    /// The site's name, for people.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The name of its folder.
    pub fn folder(&self) -> &Arc<str> {
        &self.folder
    }

    /// The current traffic split.
    pub fn traffic(&self) -> Arc<TrafficSplit> {
        self.traffic.load_full()
    }

    /// The snapshot that serves a request with these headers.
    pub(super) fn choose(&self, headers: &http::HeaderMap) -> Arc<SiteSnapshot> {
        self.traffic.load().choose(headers).clone()
    }

    /// Serves this from the next request on.
    pub fn replace(&self, traffic: TrafficSplit) {
        traffic.stable.account.set_limits(&traffic.stable.limits);
        self.traffic.store(Arc::new(traffic));
    }

    /// Versions that no longer get requests, and still have sockets.
    pub fn draining(&self) -> &Draining {
        &self.draining
    }

    /// Closes every socket with this code, after what is queued for it.
    pub fn close_sockets(&self, code: u16, reason: &str) {
        for plugin in self.plugins() {
            plugin.close_sockets(code, reason);
        }
    }

    /// Ends what is left of the site: sockets are dropped, and everything stops waiting.
    pub(super) fn leave(&self) {
        self.traffic.load().stable.account.leave();
        for plugin in self.plugins() {
            plugin.terminate_sockets();
            plugin.end();
        }
    }

    /// Every plugin once: those that serve, and those that drain.
    pub(super) fn plugins(&self) -> Vec<Arc<PluginVersion>> {
        let mut plugins: Vec<_> = self.traffic.load().plugins().cloned().collect();
        plugins.extend(self.draining.plugins());
        plugins
    }
}
