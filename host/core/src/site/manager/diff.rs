//! How two snapshots of a site differ, and what a change from one to the other would do.

use std::sync::Arc;

use crate::lease::Lease;
use crate::pipeline::{SiteSnapshot, TrafficSplit};
use crate::plugin::{Pair, PluginVersion, SwapError};
use crate::site::{Change, Report};

/// How two snapshots differ.
pub(super) struct SnapshotDiff {
    /// Versions that replace others.
    pub(super) pairs: Vec<Pair>,
    pub(super) added: Vec<Arc<PluginVersion>>,
    pub(super) removed: Vec<Arc<PluginVersion>>,
}

impl SnapshotDiff {
    pub(super) fn between(before: &SiteSnapshot, after: &SiteSnapshot) -> Self {
        let mut diff = Self { pairs: Vec::new(), added: Vec::new(), removed: Vec::new() };
        for plugin in &after.plugins {
            match before.plugin(&plugin.context().plugin) {
                Some(own) if Arc::ptr_eq(own, plugin) => {}
                Some(own) => {
                    diff.pairs.push(Pair { before: own.clone(), after: Arc::clone(plugin) });
                }
                None => diff.added.push(Arc::clone(plugin)),
            }
        }
        let is_gone =
            |plugin: &&Lease<PluginVersion>| after.plugin(&plugin.context().plugin).is_none();
        let removed = before.plugins.iter().filter(is_gone);
        diff.removed = removed.map(|plugin| Arc::clone(plugin)).collect();
        diff
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
        self.pairs.iter().try_for_each(|pair| pair.check_memory(keep))
    }

    /// Reports what the change would do now.
    pub(super) fn foresee(&self) -> Report {
        let mut changes = self.begin().changes;
        for (change, pair) in changes.iter_mut().zip(&self.pairs) {
            (change.moved, change.draining) = pair.would_move();
            change.empty_memory = pair.would_lose();
        }
        changes.extend(self.removed.iter().map(|plugin| removed(plugin)));
        Report { changes, dry_run: true, ..Report::default() }
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
    }
}

/// The change in which a version is no longer served, and nothing replaces it.
pub(super) fn removed(plugin: &PluginVersion) -> Change {
    let draining = plugin.own_sockets().count();
    Change { from: Some(*plugin.digest()), to: None, draining, ..added(plugin) }
}
