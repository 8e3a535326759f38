//! A site that is being served, and its changes: by its files, by deploys, by going back.
//!
//! A site makes one change at a time, and no other site waits for it. Serving and `status` never
//! wait for a change. `steps` are the same for every change, and a failure of one before the switch
//! leaves everything as it was. After the switch, the new versions are on `trial`.

mod diff;
mod error;
mod status;
mod steps;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::staged;
use super::{Given, Loading, Report, SiteDir, Status};
use crate::capability::CallCounts;
use crate::log;
use crate::pipeline::{SiteSnapshot, Split};
use crate::plugin::{Digest, Handover, Loader, Pair, Versions};
use crate::server::{ServedSite, Server};
use status::StatusCopy;
use steps::{NextSnapshot, Steps, Switched};
use trial::{Failing, Trial};

pub use error::DeployError;
pub use steps::{ProgressReports, Terms};

/// How long a change waits for the previous change of the same site.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The most bytes of the reason that are kept for `status`.
const MAX_REASON: usize = 2_048;

/// A site that is being served.
pub struct SiteManager {
    steps: Steps,
    root: PathBuf,
    /// Locked during a change, so that there is one at a time.
    state: Mutex<SiteState>,
    status: ArcSwap<StatusCopy>,
    /// Why what the folder contains is not served, if it is not.
    refused: ArcSwapOption<String>,
    /// Cancelled when the site is no longer served: the current change stops.
    gone: CancellationToken,
    this: Weak<Self>,
}

struct SiteState {
    site: SiteDir,
    versions: Versions,
    canary: Option<CanaryParts>,
}

/// What a canary consists of.
struct CanaryParts {
    given: Given,
    snapshot: Arc<SiteSnapshot>,
}

impl SiteManager {
    /// Loads a site, and serves it for its hosts.
    ///
    /// # Errors
    /// The site is invalid.
    pub async fn open(
        site: SiteDir,
        server: Arc<Server>,
        loader: Loader,
        progress: ProgressReports,
    ) -> anyhow::Result<Arc<Self>> {
        recover(&loader, &site.root).await?;
        let root = site.root.clone();
        loader.aside(move || staged::clean(&root)).await?;
        let on_compile = progress();
        let loading = Loading { loader: &loader, before: None, on_compile: &*on_compile };
        let snapshot = Arc::new(site.load(&loading).await?);
        drop(on_compile);
        let (own, serves) = (site.clone(), snapshot.clone());
        let versions = loader.aside(move || {
            let mut versions = open_versions(&own);
            if let Err(error) = versions.record(steps::kept(&serves)) {
                let site = &*own.name;
                tracing::warn!(site, "this version cannot be gone back to: {error:#}");
            }
            versions
        });
        let versions = versions.await?;
        snapshot.versions().for_each(|plugin| plugin.make_current());
        let served = ServedSite::new(snapshot, site.folder_name());
        let status = ArcSwap::from_pointee(StatusCopy::of(&site, &versions));
        let root = site.root.clone();
        // From here on nothing waits: either the site is served and can be closed, or it is not.
        server.serve_hosts(&served, &site.config.hosts)?;
        let state = Mutex::new(SiteState { site, versions, canary: None });
        let gone = CancellationToken::new();
        let steps = Steps { loader, server, served, progress };
        Ok(Arc::new_cyclic(|this| {
            let (refused, this) = (ArcSwapOption::empty(), this.clone());
            Self { steps, root, state, status, refused, gone, this }
        }))
    }

    /// Stops serving the site: its sockets close with 1001. A change in progress stops.
    pub fn close(&self) {
        self.gone.cancel();
        self.steps.server.remove(&self.steps.served);
    }

    /// The site's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The site's name, for people.
    pub fn name(&self) -> Arc<str> {
        self.status.load().name.clone()
    }

    /// What is served. Does not wait.
    pub fn status(&self) -> Status {
        let refused = self.refused().map(|why| why.to_string());
        Status { refused, ..self.status.load().status(&self.steps.served) }
    }

    /// Why what the folder contains is not served, if it is not.
    pub(crate) fn refused(&self) -> Option<Arc<String>> {
        self.refused.load_full()
    }

    /// Serves what the site's folder contains now.
    ///
    /// # Errors
    /// See [`DeployError`]. The site keeps serving what it served.
    pub async fn update(&self) -> Result<Report, DeployError> {
        // Public files do not wait for components or for a canary, and are served even if those are
        // invalid.
        self.steps.served.traffic().stable.public.refresh().await;
        let updated = self.change(async |state| self.update_now(state).await).await;
        match &updated {
            Ok(_) => self.refused.store(None),
            Err(DeployError::Stopping | DeployError::Gone) => {}
            Err(error) => {
                let why = log::excerpt(error.chain(), MAX_REASON);
                self.refused.store(Some(Arc::new(why)));
            }
        }
        updated
    }

    async fn update_now(&self, state: &mut SiteState) -> Result<Report, DeployError> {
        if state.canary.is_some() {
            return Err(DeployError::Canary);
        }
        let Steps { loader, server, served, .. } = &self.steps;
        let before = state.site.clone();
        // Otherwise the folder may have some files of a deploy, and not the others.
        recover(loader, &before.root).await?;
        let reopened = loader.aside(move || {
            let site = before.reopen()?;
            let versions = open_versions(&site);
            anyhow::Ok((site, versions))
        });
        let (site, versions) = reopened.await??;
        site.warn_of_restart(&state.site);
        let snapshot = self.steps.load(&site, None).await?;
        state.versions = versions;
        let next = NextSnapshot { snapshot, given: None, handover: Handover::Whole };
        let report = self.switch(state, next, Terms::default()).await?;
        // What is served now is this site, whether or not it gets its hosts.
        state.site = site;
        server.serve_hosts(served, &state.site.config.hosts)?;
        Ok(report)
    }

    /// If the operator has changed the site's caps, lowers what is served: at once the limits that
    /// need no new version, and the others with the next version. So a site that does not follow
    /// its caps loses nothing that is in memory, and has no more than they allow from then on.
    fn hold_to_new_caps(&self, state: &mut SiteState) {
        let Some(site) = state.site.under_new_caps() else { return };
        let traffic = self.steps.served.traffic().with_site_limits_of(&site.config.limits);
        if let (Some(canary), Some(served)) = (&mut state.canary, &traffic.canary) {
            canary.snapshot = served.snapshot.clone();
        }
        self.steps.served.replace(traffic);
        tracing::info!(target: "swap", site = &*site.name, "the operator has changed the site's caps");
        state.site = site;
    }

    /// Serves these components, all or none, and writes them into the site's folder. With a split,
    /// only its part of the requests gets them, and the folder stays as it is until they are
    /// promoted.
    ///
    /// # Errors
    /// See [`DeployError`]. The site keeps serving what it served.
    pub async fn deploy(
        &self,
        given: Given,
        split: Option<Split>,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        self.change(async |state| {
            if state.canary.is_some() {
                return Err(DeployError::Canary);
            }
            let given = state.site.spread(given)?;
            let snapshot = self.steps.load(&state.site, Some(&given)).await?;
            let Some(split) = split else {
                let next = NextSnapshot { snapshot, given: Some(given), handover: Handover::Whole };
                return self.switch(state, next, terms).await;
            };
            let canary = CanaryParts { given, snapshot };
            let begun = self.steps.begin_canary(&state.site, &canary, split, terms).await?;
            if !terms.dry_run {
                state.canary = Some(canary);
            }
            self.try_out(begun.pairs, &state.site);
            Ok(begun.report)
        })
        .await
    }

    /// Promotes the canary: every request gets its version, which is written into the site's
    /// folder.
    ///
    /// # Errors
    /// See [`DeployError`]. The site keeps serving what it served.
    pub async fn promote(&self, terms: Terms) -> Result<Report, DeployError> {
        self.change(async |state| {
            let CanaryParts { given, snapshot } =
                state.canary.take().ok_or(DeployError::NoCanary)?;
            let next = NextSnapshot {
                snapshot: snapshot.clone(),
                given: Some(given.clone()),
                handover: Handover::Whole,
            };
            let promoted = self.switch(state, next, terms).await;
            if promoted.is_err() || terms.dry_run {
                state.canary = Some(CanaryParts { given, snapshot });
            }
            promoted
        })
        .await
    }

    /// Drops the canary: its sockets go to the stable version.
    ///
    /// # Errors
    /// See [`DeployError`].
    pub async fn drop_canary(&self, terms: Terms) -> Result<Report, DeployError> {
        self.change(async |state| {
            let canary = state.canary.take().ok_or(DeployError::NoCanary)?;
            let dropped = self.steps.end_canary(&state.site, &canary.snapshot, terms).await;
            if dropped.is_err() || terms.dry_run {
                state.canary = Some(canary);
            }
            dropped
        })
        .await
    }

    /// Goes back to the version of a component whose digest begins with `to`, or else to the
    /// previous version.
    ///
    /// # Errors
    /// See [`DeployError`]. The site keeps serving what it served.
    pub async fn roll_back(
        &self,
        plugin: &str,
        to: Option<&str>,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        self.change(async |state| {
            if state.canary.is_some() {
                return Err(DeployError::Canary);
            }
            let plugin = state.site.config.plugin_of(plugin).to_owned();
            if self.steps.served.traffic().stable.plugin(&plugin).is_none() {
                return Err(DeployError::NoPlugin(plugin));
            }
            let digest = state.versions.find(&plugin, to)?;
            self.go_back(state, &[(plugin, digest)], terms).await
        })
        .await
    }

    /// Serves kept versions again.
    async fn go_back(
        &self,
        state: &mut SiteState,
        to: &[(String, Digest)],
        terms: Terms,
    ) -> Result<Report, DeployError> {
        let mut given = Given::new();
        for (plugin, digest) in to {
            given.insert(plugin.clone(), state.versions.read(digest)?.into());
        }
        let given = state.site.spread(given)?;
        let snapshot = self.steps.load(&state.site, Some(&given)).await?;
        let next = NextSnapshot { snapshot, given: Some(given), handover: Handover::Rest };
        self.switch(state, next, terms).await
    }

    /// Makes a change, after the previous one has ended.
    async fn change(
        &self,
        make: impl AsyncFnOnce(&mut SiteState) -> Result<Report, DeployError>,
    ) -> Result<Report, DeployError> {
        let change = Box::pin(async {
            let mut state = self.begin().await?;
            self.hold_to_new_caps(&mut state);
            let made = Box::pin(make(&mut state)).await;
            self.status.store(Arc::new(StatusCopy::of(&state.site, &state.versions)));
            made
        });
        let made = self.gone.run_until_cancelled(change).await;
        made.unwrap_or(Err(DeployError::Gone))
    }

    /// Waits for the previous change to end.
    async fn begin(&self) -> Result<MutexGuard<'_, SiteState>, DeployError> {
        let waited = tokio::time::timeout(MAX_WAIT, self.state.lock()).await;
        let state = waited.map_err(|_| DeployError::Busy(MAX_WAIT))?;
        match self.steps.server.is_stopping() {
            true => Err(DeployError::Stopping),
            false => Ok(state),
        }
    }

    /// The next snapshot takes over. New versions are on trial; those that the site goes back to
    /// are not.
    async fn switch(
        &self,
        state: &mut SiteState,
        next: NextSnapshot,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        let handover = next.handover;
        let switched = self.steps.switch(&state.site, &mut state.versions, next, terms).await;
        let Switched { report, pairs } = switched?;
        if handover == Handover::Whole {
            self.try_out(pairs, &state.site);
        }
        Ok(report)
    }

    /// Puts versions on trial, and goes back automatically if one fails.
    fn try_out(&self, pairs: Vec<Pair>, site: &SiteDir) {
        let trial = Trial::new(pairs, &site.config.swap);
        if trial.is_over() {
            return trial.commit();
        }
        let manager = self.this.clone();
        tokio::spawn(async move {
            let still_serve =
                || manager.upgrade().is_some_and(|manager| manager.still_serve(&trial.pairs));
            if let Some(failing) = trial.run(still_serve).await
                && let Some(manager) = manager.upgrade()
            {
                manager.give_up(&trial.pairs, failing).await;
            }
        });
    }

    fn still_serve(&self, pairs: &[Pair]) -> bool {
        let traffic = self.steps.served.traffic();
        let serves = |pair: &Pair| traffic.plugins().any(|own| Arc::ptr_eq(own, &pair.after));
        !self.steps.server.is_stopping() && pairs.iter().all(serves)
    }

    /// Replaces versions on trial, because one of them has failed.
    async fn give_up(&self, pairs: &[Pair], failing: Failing<'_>) {
        let Failing { plugin, setting } = failing;
        let CallCounts { made, traps, limits, errors, .. } = plugin.context().calls.count();
        let (site, plugin) = (&**self.steps.served.name(), &*plugin.context().plugin);
        tracing::error!(
            target: "swap", site, plugin, calls = made, traps, limits, errors,
            "the new version fails over `{setting}`: the previous version comes back"
        );
        let is_canary = self.steps.served.traffic().canary.is_some();
        let gone_back = match is_canary {
            true => self.drop_canary(Terms::default()).await,
            false => self.restore(pairs).await,
        };
        if let Err(error) = gone_back.map_err(anyhow::Error::from) {
            tracing::error!(
                target: "swap", site, plugin, "the previous version does not come back: {error:#}"
            );
        }
    }

    async fn restore(&self, pairs: &[Pair]) -> Result<Report, DeployError> {
        self.change(async |state| self.restore_now(state, pairs).await).await
    }

    async fn restore_now(
        &self,
        state: &mut SiteState,
        pairs: &[Pair],
    ) -> Result<Report, DeployError> {
        if !self.still_serve(pairs) {
            return Ok(Report::default());
        }
        let before =
            |pair: &Pair| (pair.before.context().plugin.to_string(), *pair.before.digest());
        let changed = pairs.iter().filter(|pair| pair.before.digest() != pair.after.digest());
        let to: Vec<_> = changed.map(before).collect();
        if to.is_empty() {
            return Err(
                anyhow::anyhow!("only its settings have changed: put `lithe.toml` back").into()
            );
        }
        self.go_back(state, &to, Terms::default()).await
    }
}

/// Completes an interrupted deploy. It may have to read a gigabyte.
async fn recover(loader: &Loader, root: &Path) -> anyhow::Result<()> {
    let (root, own) = (root.to_owned(), root.to_owned());
    if loader.aside(move || staged::is_broken_off(&own)).await? {
        loader.aside_for_long(move || staged::recover(&root)).await??;
    }
    Ok(())
}

/// The versions of the current folder.
fn open_versions(site: &SiteDir) -> Versions {
    Versions::open(&site.root, site.config.swap.keep)
}
