//! The steps of a change: load a snapshot beside the one that serves, check it, prepare the swap,
//! switch, and complete the swap. A failure before the switch leaves everything as it was.

use std::sync::Arc;

use tokio::task::block_in_place;

use super::CanaryParts;
use super::diff::{self, SnapshotDiff};
use super::error::DeployError;
use crate::pipeline::{SiteSnapshot, Split, TrafficSplit};
use crate::plugin::{Handover, Kept, Loader, Pair, Swap, Swapped, Versions};
use crate::server::{ServedSite, Server};
use crate::site::staged::{self, Staged};
use crate::site::{Change, Given, Loading, Report, SiteDir};

/// Makes what is told of each component that is compiled; called once for each change.
pub type ProgressReports = Arc<dyn Fn() -> Box<dyn Fn(&str) + Send + Sync> + Send + Sync>;

/// How a change is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Nothing changes, and the report says what would.
    pub dry_run: bool,
    /// What would lose something that is in memory is refused.
    pub keep_memory: bool,
}

impl Terms {
    /// How much of the memory must be handed over, if the change itself asks for this.
    fn handover(self, own: Handover) -> Handover {
        if self.keep_memory { Handover::Whole } else { own }
    }
}

/// What the steps of a site's changes work with.
pub(super) struct Steps {
    pub(super) loader: Loader,
    pub(super) server: Arc<Server>,
    pub(super) served: Arc<ServedSite>,
    pub(super) progress: ProgressReports,
}

/// A snapshot that is to take over.
pub(super) struct NextSnapshot {
    pub(super) snapshot: Arc<SiteSnapshot>,
    /// Its components, if they are to be written into the site's folder.
    pub(super) given: Option<Given>,
    pub(super) handover: Handover,
}

/// The result of a change, and what it has replaced.
pub(super) struct Switched {
    pub(super) report: Report,
    pub(super) pairs: Vec<Pair>,
}

impl Switched {
    fn nothing(report: Report) -> Self {
        Self { report, pairs: Vec::new() }
    }
}

impl Steps {
    /// Loads the site's folder, or what is given.
    pub(super) async fn load(
        &self,
        site: &SiteDir,
        given: Option<&Given>,
    ) -> Result<Arc<SiteSnapshot>, DeployError> {
        let before = self.served.traffic().stable.clone();
        let on_compile = (self.progress)();
        let loading =
            Loading { loader: &self.loader, before: Some(&before), on_compile: &*on_compile };
        let load = async {
            match given {
                None => site.load(&loading).await,
                Some(given) => site.load_given(given, &loading).await,
            }
        };
        Ok(Arc::new(self.unless_stopping(load).await??))
    }

    /// The next snapshot takes over, and its files get their places.
    pub(super) async fn switch(
        &self,
        site: &SiteDir,
        versions: &mut Versions,
        next: NextSnapshot,
        terms: Terms,
    ) -> Result<Switched, DeployError> {
        let NextSnapshot { snapshot, given, handover } = next;
        let mut staged = match given {
            None => None,
            Some(given) if terms.dry_run => {
                self.check_places(site, given).await?;
                None
            }
            Some(given) => {
                let root = site.root.clone();
                Some(self.loader.aside(move || Staged::write(&root, &given)).await??)
            }
        };
        let name = &*site.name;
        let diff = SnapshotDiff::between(&self.served.traffic().stable, &snapshot);
        tracing::debug!(target: "swap", site = name, "loaded, checking its health");
        self.unless_stopping(diff.health_check(&self.served.traffic())).await??;
        diff.check_memory(terms.keep_memory)?;
        if terms.dry_run {
            let foreseen = self.unless_stopping(diff.foresee(terms.handover(handover))).await??;
            return Ok(Switched::nothing(foreseen));
        }
        tracing::debug!(target: "swap", site = name, "healthy, taking over");
        // Done before any instance is held, because it waits for the disk.
        if let Some(staged) = &mut staged {
            block_in_place(|| staged.decide())?;
        }
        let swap = match self.prepare(&diff, handover, terms).await {
            Ok(swap) => swap,
            Err(error) => {
                if let Some(staged) = staged {
                    block_in_place(|| staged.withdraw())?;
                }
                return Err(error);
            }
        };
        self.served.replace(TrafficSplit::new(snapshot.clone()));
        let pairs = diff.pairs.clone();
        let mut report = self.complete(site, swap, diff).await;
        if let Some(Err(error)) = staged.map(|staged| block_in_place(|| staged.put_in_place())) {
            let warning = "not all files are in their places: the next start, or the next change, \
                 puts them there";
            report.warnings.push(format!("{warning}: {error:#}"));
        }
        if let Err(error) = block_in_place(|| versions.record(kept(&snapshot))) {
            report.warnings.push(format!("this version cannot be gone back to: {error:#}"));
        }
        log(name, &report);
        Ok(Switched { report, pairs })
    }

    /// Serves a canary beside the stable snapshot. Its files are written when it is promoted.
    pub(super) async fn begin_canary(
        &self,
        site: &SiteDir,
        canary: &CanaryParts,
        split: Split,
        terms: Terms,
    ) -> Result<Switched, DeployError> {
        let CanaryParts { given, snapshot } = canary;
        self.check_places(site, given.clone()).await?;
        let traffic = self.served.traffic();
        let diff = SnapshotDiff::between(&traffic.stable, snapshot);
        if diff.is_empty() {
            return Err(DeployError::SameCanary);
        }
        self.unless_stopping(diff.health_check(&traffic)).await??;
        if self.server.is_stopping() {
            return Err(DeployError::Stopping);
        }
        // No memory is lost yet: the stable versions keep serving.
        let report = Report { canary: true, dry_run: terms.dry_run, ..diff.begin() };
        if terms.dry_run {
            return Ok(Switched::nothing(report));
        }
        let stable = traffic.stable.clone();
        self.served.replace(TrafficSplit::with_canary(stable, snapshot.clone(), split.clone()));
        diff.added.iter().for_each(|plugin| plugin.make_current());
        tracing::info!(target: "swap", site = &*site.name, "{split}: {report}");
        Ok(Switched { report, pairs: diff.pairs })
    }

    /// The stable snapshot takes over from a canary.
    pub(super) async fn end_canary(
        &self,
        site: &SiteDir,
        canary: &SiteSnapshot,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        let stable = self.served.traffic().stable.clone();
        let diff = SnapshotDiff::between(canary, &stable);
        diff.check_memory(terms.keep_memory)?;
        if terms.dry_run {
            return Ok(self
                .unless_stopping(diff.foresee(terms.handover(Handover::Rest)))
                .await??);
        }
        let swap = Swap::prepare(diff.pairs.clone(), terms.handover(Handover::Rest)).await?;
        self.served.replace(TrafficSplit::new(stable));
        let report = self.complete(site, swap, diff).await;
        tracing::info!(target: "swap", site = &*site.name, "dropped the canary");
        log(&site.name, &report);
        Ok(report)
    }

    /// Checks that the files of a deploy could be written.
    async fn check_places(&self, site: &SiteDir, given: Given) -> Result<(), DeployError> {
        let root = site.root.clone();
        Ok(self.loader.aside(move || staged::check(&root, &given)).await??)
    }

    async fn prepare(
        &self,
        diff: &SnapshotDiff,
        handover: Handover,
        terms: Terms,
    ) -> Result<Swap, DeployError> {
        // The host may have begun to stop while the disk was written.
        if self.server.is_stopping() {
            return Err(DeployError::Stopping);
        }
        let swap = Swap::prepare(diff.pairs.clone(), terms.handover(handover)).await?;
        // Something may have come into memory since the first check.
        diff.check_memory(terms.keep_memory)?;
        match self.server.is_stopping() {
            true => Err(DeployError::Stopping),
            false => Ok(swap),
        }
    }

    /// After the switch: sockets that can move do so, and the others drain.
    async fn complete(&self, site: &SiteDir, swap: Swap, diff: SnapshotDiff) -> Report {
        diff.added.iter().for_each(|plugin| plugin.make_current());
        let drain_time = site.config.swap.drain_time;
        let mut report = Report::default();
        for Swapped { pair, moved, lost } in swap.complete().await {
            let mut change = Change {
                from: Some(*pair.before.digest()),
                moved: moved.moved,
                draining: pair.before.own_sockets().count(),
                ..diff::added(&pair.after)
            };
            change.lose(lost);
            report.changes.push(change);
            report.pause = report.pause.max(moved.pause);
            self.served.draining().add(pair.before, drain_time);
        }
        report.changes.extend(diff.added.iter().map(|plugin| diff::added(plugin)));
        for own in diff.removed {
            report.changes.push(diff::removed(&own));
            self.served.draining().add(own.version, drain_time);
        }
        report
    }

    /// Runs work that has changed nothing yet, and stops it when the host stops.
    async fn unless_stopping<T>(&self, work: impl Future<Output = T>) -> Result<T, DeployError> {
        tokio::select! {
            done = work => Ok(done),
            () = self.server.stopping() => Err(DeployError::Stopping),
        }
    }
}

/// What a snapshot serves, to be kept: each component with a file that it is in.
pub(super) fn kept(snapshot: &SiteSnapshot) -> impl Iterator<Item = Kept<'_>> {
    snapshot.plugins.iter().map(|own| {
        let name = &*own.version.context().plugin;
        let file = own.files.first().map_or(name, String::as_str);
        Kept { plugin: name, file, digest: *own.version.digest() }
    })
}

/// Logs what has changed: as a warning, if memory was lost.
fn log(site: &str, report: &Report) {
    match report.is_empty() {
        true => {}
        false if report.loses_memory() => tracing::warn!(target: "swap", site, "{report}"),
        false => tracing::info!(target: "swap", site, "{report}"),
    }
}
