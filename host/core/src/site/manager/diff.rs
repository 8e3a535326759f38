//! How two snapshots of a site differ, and what a change from one to the other would do.

use std::sync::Arc;

use crate::pipeline::{SitePlugin, SiteSnapshot, TrafficSplit};
use crate::plugin::{Handover, Lost, Pair, PluginVersion, Removed, SwapError};
use crate::site::{Change, Report};

/// How two snapshots differ.
pub(super) struct SnapshotDiff {
    /// Versions that replace others.
    pub(super) pairs: Vec<Pair>,
    pub(super) added: Vec<Arc<PluginVersion>>,
    pub(super) removed: Vec<Removed>,
}

impl SnapshotDiff {
    pub(super) fn between(before: &SiteSnapshot, after: &SiteSnapshot) -> Self {
        let mut diff = Self { pairs: Vec::new(), added: Vec::new(), removed: Vec::new() };
        for plugin in after.versions() {
            match before.plugin(&plugin.context().plugin) {
                Some(own) if Arc::ptr_eq(own, plugin) => {}
                Some(own) => {
                    diff.pairs.push(Pair { before: own.clone(), after: plugin.clone() });
                }
                None => diff.added.push(plugin.clone()),
            }
        }
        let is_gone = |own: &&SitePlugin| after.plugin(&own.version.context().plugin).is_none();
        let removed = before.plugins.iter().filter(is_gone).map(|own| Removed {
            version: Arc::clone(&own.version),
            requires_state: own.requires_state,
        });
        diff.removed = removed.collect();
        diff
    }

    /// Whether both serve the same versions.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }

    /// Checks that versions that do not serve yet start and are healthy.
    pub(super) async fn health_check(&self, traffic: &TrafficSplit) -> Result<(), SwapError> {
        let after = self.pairs.iter().map(|pair| &pair.after).chain(&self.added);
        for plugin in after {
            if !traffic.plugins().any(|own| Arc::ptr_eq(own, plugin)) {
                plugin.health_check().await?;
            }
        }
        Ok(())
    }

    /// Checks that no memory is lost that must be kept: all of it with `keep`, and otherwise what a
    /// plugin's `require_state` names.
    pub(super) fn check_memory(&self, keep: bool) -> Result<(), SwapError> {
        self.pairs.iter().try_for_each(|pair| pair.check_memory(keep))?;
        self.removed.iter().try_for_each(|own| own.check_memory(keep))
    }

    /// Reports what the change would do now. Tries the handover of memory.
    ///
    /// # Errors
    /// The change would not happen, because memory cannot be handed over.
    pub(super) async fn foresee(&self, how: Handover) -> Result<Report, SwapError> {
        let mut changes = self.begin().changes;
        for (change, pair) in changes.iter_mut().zip(&self.pairs) {
            (change.moved, change.draining) = pair.would_move();
            change.lose(pair.try_handover(how).await?);
        }
        changes.extend(self.removed.iter().map(removed));
        Ok(Report { changes, dry_run: true, ..Report::default() })
    }

    /// Reports what begins to serve, pairs first.
    pub(super) fn begin(&self) -> Report {
        let replaced = self.pairs.iter().map(|pair| {
            let from = Some(*pair.before.digest());
            Change { from, ..added(&pair.after) }
        });
        let changes = replaced.chain(self.added.iter().map(|plugin| added(plugin))).collect();
        Report { changes, ..Report::default() }
    }
}

/// The change in which a version is new.
pub(super) fn added(plugin: &PluginVersion) -> Change {
    Change {
        plugin: plugin.context().plugin.to_string(),
        from: None,
        to: Some(*plugin.digest()),
        moved: 0,
        draining: 0,
        empty_memory: None,
        failure: None,
    }
}

impl Change {
    /// Notes what the new version does not get of the previous version's memory.
    pub(super) fn lose(&mut self, lost: Option<Lost>) {
        let (why, failure) = lost.map(|lost| (lost.why, lost.failure)).unzip();
        (self.empty_memory, self.failure) = (why, failure.flatten());
    }
}

/// The change in which a version is no longer served, and nothing replaces it.
pub(super) fn removed(own: &Removed) -> Change {
    let version = &own.version;
    let (draining, empty_memory) = (version.own_sockets().count(), own.would_lose());
    Change { from: Some(*version.digest()), to: None, draining, empty_memory, ..added(version) }
}
