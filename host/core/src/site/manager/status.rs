//! What `status` reports of a site.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{Lowered, SiteKey};
use crate::pipeline::{SitePlugin, SiteSnapshot, TrafficSplit};
use crate::plugin::{Account, Digest, Versions};
use crate::server::ServedSite;
use crate::site::report::{CanaryStatus, DrainingStatus, LoweredStatus, MemoryStatus};
use crate::site::{Serving, SiteDir, Status};

/// What [`Status`] needs of the state that is locked during a change: a copy, made at the end of
/// each change, so that `status` does not wait for the next one.
pub(super) struct StatusCopy {
    pub(super) name: Arc<str>,
    account: Arc<Account>,
    lowered: Vec<Lowered>,
    /// The kept versions of each component, newest first.
    versions: BTreeMap<String, Vec<Digest>>,
}

impl StatusCopy {
    pub(super) fn of(site: &SiteDir, versions: &Versions) -> Self {
        Self {
            name: site.name.clone(),
            account: site.account.clone(),
            lowered: site.lowered.clone(),
            versions: versions.all().clone(),
        }
    }

    /// The status of the site as it is served now.
    pub(super) fn status(&self, served: &ServedSite) -> Status {
        let traffic = served.traffic();
        let exceeded = self.account.exceeded().into_iter();
        Status {
            site: self.name.to_string(),
            plugins: traffic.stable.plugins.iter().map(|own| self.serving(own)).collect(),
            canary: self.canary(&traffic),
            draining: draining(served),
            exceeded: exceeded.map(|(limit, times)| (limit.to_string(), times)).collect(),
            memory: MemoryStatus::from(&**self.account.memory()),
            refused: None,
            lowered: self.lowered.iter().map(|own| capped(own, &traffic.stable)).collect(),
        }
    }

    fn serving(&self, own: &SitePlugin) -> Serving {
        let plugin = &own.version;
        let calls = plugin.context().calls.count();
        let name = plugin.context().plugin.to_string();
        let kept = self.versions.get(&name).into_iter().flatten();
        Serving {
            files: if own.files.len() > 1 { own.files.clone() } else { Vec::new() },
            state: plugin.has_state().filter(|_| !plugin.context().settings.stateless),
            empty_memory: plugin.began_empty(),
            cannot_save: plugin.cannot_save().map(|why| why.to_string()),
            cannot_restore: plugin.cannot_restore().map(|why| why.to_string()),
            lost_memory: plugin.lost_memory().map(|why| why.to_string()),
            version: *plugin.digest(),
            sockets: plugin.own_sockets().count(),
            calls: calls.made,
            traps: calls.traps,
            limits: calls.limits,
            errors: calls.errors,
            before: kept.filter(|digest| *digest != plugin.digest()).copied().collect(),
            plugin: name,
        }
    }

    fn canary(&self, traffic: &TrafficSplit) -> Option<CanaryStatus> {
        let canary = traffic.canary.as_ref()?;
        let is_stable = |own: &SitePlugin| {
            traffic.stable.versions().any(|stable| Arc::ptr_eq(stable, &own.version))
        };
        let new = canary.snapshot.plugins.iter().filter(|own| !is_stable(own));
        Some(CanaryStatus {
            split: canary.split.to_string(),
            plugins: new.map(|own| self.serving(own)).collect(),
        })
    }
}

/// A setting that was lowered to its cap, and whether a version still serves with another value.
fn capped(lowered: &Lowered, served: &SiteSnapshot) -> LoweredStatus {
    let Lowered { setting, from, to } = lowered;
    let waits = match setting {
        // A version is made with the `size` of each of its folders instead.
        SiteKey::Limit("folder_size") => false,
        SiteKey::Limit(_) => served.versions().any(|plugin| {
            lowered.waits(&plugin.context().limits.with_site_limits_of(&served.limits))
        }),
        SiteKey::Replicas { plugin } | SiteKey::Folder { plugin, .. } => {
            let settings = served.plugin(plugin).map(|own| &own.context().settings);
            settings.is_some_and(|settings| lowered.waits_in_plugin(settings))
        }
    };
    LoweredStatus { setting: setting.to_string(), from: from.clone(), to: to.clone(), waits }
}

/// The versions that still have sockets to drain.
fn draining(served: &ServedSite) -> Vec<DrainingStatus> {
    let versions = served.draining().versions().into_iter().map(|version| DrainingStatus {
        plugin: version.plugin.context().plugin.to_string(),
        version: *version.plugin.digest(),
        sockets: version.plugin.own_sockets().count(),
        left: version.until.saturating_duration_since(Instant::now()),
    });
    versions.filter(|version| version.sockets > 0).collect()
}
