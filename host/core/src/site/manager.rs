//! A site that is being served, and its changes: by its files, by deploys, by going back.
//!
//! Each change takes the same steps: load the new versions beside the old ones, check that they
//! start and are healthy, hand over what is in memory, switch the table in one step, and move the
//! sockets. A failure before the switch leaves everything as it was.
//!
//! A site makes one change at a time, and no other site waits for it. Serving and `status` never
//! wait for a change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use super::report::{CanaryStatus, DrainingStatus};
use super::staged::{self, Staged};
use super::{Change, Given, Loading, Report, Serving, SiteDir, Status};
use crate::capability::CallCounts;
use crate::clock;
use crate::config;
use crate::pipeline::{SitePlugin, SiteSnapshot, Split, TrafficSplit};
use crate::plugin::{
    Account, AsideError, Digest, Handover, Kept, Loader, Pair, PluginVersion, Removed, Swap,
    SwapError, Swapped, VersionError, Versions,
};
use crate::server::{NotAlone, ServedSite, Server};

/// How often a watched new version is checked.
const WATCH_PERIOD: Duration = Duration::from_millis(50);

/// How long a change waits for the previous change of the same site.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Makes what is told of each component that is compiled; called once for each change.
pub type Progress = Arc<dyn Fn() -> Box<dyn Fn(&str) + Send + Sync> + Send + Sync>;

/// A site that is being served.
pub struct SiteManager {
    loader: Loader,
    server: Arc<Server>,
    served: Arc<ServedSite>,
    progress: Progress,
    root: PathBuf,
    /// Locked during a change, so that there is one at a time.
    state: Mutex<State>,
    /// What `status` reports, as of the end of the last change.
    said: ArcSwap<Said>,
    /// Cancelled when the site is served no longer: the current change stops.
    gone: CancellationToken,
    this: Weak<Self>,
}

/// What [`Status`] reports in addition to what is served.
struct Said {
    name: Arc<str>,
    account: Arc<Account>,
    /// The versions of each component, newest first.
    versions: BTreeMap<String, Vec<Digest>>,
}

struct State {
    site: SiteDir,
    versions: Versions,
    canary: Option<Canary>,
}

/// What a canary consists of.
struct Canary {
    given: Given,
    snapshot: Arc<SiteSnapshot>,
}

/// How a change is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Nothing changes, and the report says what would.
    pub dry_run: bool,
    /// What would lose something that is in memory is refused.
    pub keep_memory: bool,
}

/// Why nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The host has begun to stop.
    #[error("the host is stopping")]
    Stopping,
    /// The site was removed, or its folder replaced.
    #[error("the site is no longer served")]
    Gone,
    /// The previous change of the site takes too long.
    #[error("another change of the site has not ended in {MAX_WAIT:?}: try again later")]
    Busy,
    /// A site has at most one canary.
    #[error("a canary is being served: promote it or drop it first")]
    Canary,
    /// The site has no canary to promote or drop.
    #[error("no canary is being served")]
    NoCanary,
    /// The site has no component with this file.
    #[error("the site has no `{0}`")]
    NoPlugin(String),
    /// The site names no hosts, and is not the only one.
    #[error(transparent)]
    Hosts(#[from] NotAlone),
    /// The component has no such version to go back to.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The new version does not start, is not healthy, or cannot take over.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// Work on another thread has panicked, or the host is ending.
    #[error(transparent)]
    Aside(#[from] AsideError),
    /// The site or a component is invalid. The message has the whole chain of errors: as a source,
    /// the chain would be printed twice.
    #[error("{0:#}")]
    Refused(anyhow::Error),
}

impl From<anyhow::Error> for DeployError {
    fn from(error: anyhow::Error) -> Self {
        Self::Refused(error)
    }
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
        progress: Progress,
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
            if let Err(error) = versions.record(serving(&serves)) {
                let site = &*own.name;
                tracing::warn!(site, "this version cannot be gone back to: {error:#}");
            }
            versions
        });
        let versions = versions.await?;
        snapshot.versions().for_each(|plugin| plugin.make_current());
        let served = ServedSite::new(snapshot, site.folder_name());
        let said = ArcSwap::from_pointee(Said::of(&site, &versions));
        let root = site.root.clone();
        // From here on nothing waits: either the site is served and can be closed, or it is not.
        server.serve_hosts(&served, &site.config.hosts)?;
        let state = Mutex::new(State { site, versions, canary: None });
        let gone = CancellationToken::new();
        Ok(Arc::new_cyclic(|this| {
            let this = this.clone();
            Self { loader, server, served, progress, root, state, said, gone, this }
        }))
    }

    /// Stops serving the site: its sockets close with 1001. A change in progress stops.
    pub fn close(&self) {
        self.gone.cancel();
        self.server.remove(&self.served);
    }

    /// The site's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The site's name, for people.
    pub fn name(&self) -> Arc<str> {
        self.said.load().name.clone()
    }

    /// Serves what the site's folder contains now.
    ///
    /// # Errors
    /// See [`DeployError`]. What was served goes on.
    pub async fn update(&self) -> Result<Report, DeployError> {
        // Public files do not wait for components or for a canary, and are served even if those are
        // invalid.
        self.served.traffic().stable.public.refresh().await;
        self.change(async |state| self.update_now(state).await).await
    }

    async fn update_now(&self, state: &mut State) -> Result<Report, DeployError> {
        if state.canary.is_some() {
            return Err(DeployError::Canary);
        }
        let before = state.site.clone();
        // Otherwise the folder may have some files of a deploy, and not the others.
        recover(&self.loader, &before.root).await?;
        let reopened = self.loader.aside(move || {
            let site = before.reopen()?;
            let versions = open_versions(&site);
            anyhow::Ok((site, versions))
        });
        let (site, versions) = reopened.await??;
        site.warn_of_restart(&state.site);
        let snapshot = self.load(site.clone(), None).await?;
        state.versions = versions;
        let terms = Terms::default();
        let report = self.switch(state, snapshot, Handover::Whole, None, terms).await?;
        self.server.serve_hosts(&self.served, &site.config.hosts)?;
        state.site = site;
        Ok(report)
    }

    /// Serves these components, all or none, and writes them into the site's folder. With a split,
    /// only its part of the requests gets them, and the folder stays as it is until they are
    /// promoted.
    ///
    /// # Errors
    /// See [`DeployError`]. What was served goes on.
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
            let snapshot = self.load(state.site.clone(), Some(&given)).await?;
            match split {
                None => self.serve(state, snapshot, &given, Handover::Whole, terms).await,
                Some(split) => self.begin_canary(state, snapshot, given, split, terms).await,
            }
        })
        .await
    }

    /// Goes back to the version of a component whose digest begins with `to`, or else to the
    /// version before the one that serves.
    ///
    /// # Errors
    /// See [`DeployError`]. What was served goes on.
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
            let site = state.site.clone();
            let plugin = site.config.plugin_of(plugin);
            if self.served.traffic().stable.plugin(plugin).is_none() {
                return Err(DeployError::NoPlugin(plugin.to_owned()));
            }
            let digest = state.versions.find(plugin, to)?;
            self.go_back(state, &[(plugin.to_owned(), digest)], terms).await
        })
        .await
    }

    /// Promotes the canary: every request gets its version, which is written into the site's
    /// folder.
    ///
    /// # Errors
    /// See [`DeployError`]. What was served goes on.
    pub async fn promote(&self, terms: Terms) -> Result<Report, DeployError> {
        self.change(async |state| {
            let canary = state.canary.take().ok_or(DeployError::NoCanary)?;
            let snapshot = canary.snapshot.clone();
            let served = self.serve(state, snapshot, &canary.given, Handover::Whole, terms).await;
            if served.is_err() || terms.dry_run {
                state.canary = Some(canary);
            }
            served
        })
        .await
    }

    /// Drops the canary: its sockets go to the stable version.
    ///
    /// # Errors
    /// See [`DeployError`].
    pub async fn drop_canary(&self, terms: Terms) -> Result<Report, DeployError> {
        self.change(async |state| {
            let canary = state.canary.as_ref().ok_or(DeployError::NoCanary)?;
            let traffic = self.served.traffic();
            let change = Changes::between(&canary.snapshot, &traffic.stable);
            change.check_memory(terms)?;
            if terms.dry_run {
                return Ok(change.foresee());
            }
            let swap = Swap::prepare(change.pairs.clone(), Handover::Rest).await?;
            state.canary = None;
            self.served.replace(TrafficSplit::new(traffic.stable.clone()));
            let report = self.complete(&state.site, swap, change).await;
            tracing::info!(target: "swap", site = &*state.site.name, "dropped the canary");
            say(&state.site.name, &report);
            Ok(report)
        })
        .await
    }

    /// What is served. Does not wait.
    pub fn status(&self) -> Status {
        let said = self.said.load();
        let traffic = self.served.traffic();
        let serving = |own: &SitePlugin| {
            let plugin = &own.version;
            let calls = plugin.context().calls.count();
            let name = plugin.context().plugin.to_string();
            let known = said.versions.get(&name).into_iter().flatten();
            Serving {
                files: if own.files.len() > 1 { own.files.clone() } else { Vec::new() },
                state: plugin.has_state().filter(|_| !plugin.context().settings.stateless),
                empty_memory: plugin.began_empty(),
                version: *plugin.digest(),
                sockets: plugin.own_sockets().count(),
                calls: calls.made,
                traps: calls.traps,
                limits: calls.limits,
                errors: calls.errors,
                before: known.filter(|own| *own != plugin.digest()).copied().collect(),
                plugin: name,
            }
        };
        let is_stable = |own: &SitePlugin| {
            traffic.stable.versions().any(|stable| Arc::ptr_eq(stable, &own.version))
        };
        let canary = traffic.canary.as_ref().map(|canary| CanaryStatus {
            split: canary.split.to_string(),
            plugins: canary
                .snapshot
                .plugins
                .iter()
                .filter(|own| !is_stable(own))
                .map(serving)
                .collect(),
        });
        let draining =
            self.served.draining().versions().into_iter().map(|version| DrainingStatus {
                plugin: version.plugin.context().plugin.to_string(),
                version: *version.plugin.digest(),
                sockets: version.plugin.own_sockets().count(),
                left: version.until.saturating_duration_since(Instant::now()),
            });
        let stable = &traffic.stable;
        let exceeded = said.account.exceeded().into_iter();
        Status {
            site: said.name.to_string(),
            plugins: stable.plugins.iter().map(serving).collect(),
            canary,
            draining: draining.filter(|version| version.sockets > 0).collect(),
            exceeded: exceeded.map(|(limit, times)| (limit.to_string(), times)).collect(),
        }
    }

    /// Makes a change, after the previous one has ended.
    async fn change(
        &self,
        make: impl AsyncFnOnce(&mut State) -> Result<Report, DeployError>,
    ) -> Result<Report, DeployError> {
        let change = Box::pin(async {
            let mut state = self.begin().await?;
            let made = Box::pin(make(&mut state)).await;
            self.said.store(Arc::new(Said::of(&state.site, &state.versions)));
            made
        });
        let made = self.gone.run_until_cancelled(change).await;
        made.unwrap_or(Err(DeployError::Gone))
    }

    /// Waits for the previous change to end.
    async fn begin(&self) -> Result<MutexGuard<'_, State>, DeployError> {
        let waited = tokio::time::timeout(MAX_WAIT, self.state.lock()).await;
        let state = waited.map_err(|_| DeployError::Busy)?;
        match self.server.is_stopping() {
            true => Err(DeployError::Stopping),
            false => Ok(state),
        }
    }

    /// Runs work that has changed nothing yet, and stops it when the host stops.
    async fn unless_stopping<T>(&self, work: impl Future<Output = T>) -> Result<T, DeployError> {
        tokio::select! {
            done = work => Ok(done),
            () = self.server.stopping() => Err(DeployError::Stopping),
        }
    }

    /// Loads the site's folder, or what is given.
    async fn load(
        &self,
        site: SiteDir,
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

    /// Serves a snapshot, and writes what was given into the site's folder.
    async fn serve(
        &self,
        state: &mut State,
        snapshot: Arc<SiteSnapshot>,
        given: &Given,
        how: Handover,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        let (root, given) = (state.site.root.clone(), given.clone());
        let staged = match terms.dry_run {
            true => {
                self.loader.aside(move || staged::check(&root, &given)).await?.map(|()| None)?
            }
            false => Some(self.loader.aside(move || Staged::write(&root, &given)).await??),
        };
        self.switch(state, snapshot, how, staged, terms).await
    }

    /// The snapshot takes over, and its files get their places. Until the switch, nothing has
    /// changed.
    async fn switch(
        &self,
        state: &mut State,
        snapshot: Arc<SiteSnapshot>,
        how: Handover,
        mut staged: Option<Staged>,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        let change = Changes::between(&self.served.traffic().stable, &snapshot);
        tracing::debug!(target: "swap", site = &*state.site.name, "loaded, asking whether it is well");
        self.unless_stopping(change.health_check(&self.served.traffic())).await??;
        change.check_memory(terms)?;
        if terms.dry_run {
            return Ok(change.foresee());
        }
        tracing::debug!(target: "swap", site = &*state.site.name, "loaded, taking over");
        // Done before any instance is held, because it waits for the disk.
        if let Some(staged) = &mut staged {
            block_in_place(|| staged.decide())?;
        }
        let swap = match self.prepare(&change, how, terms).await {
            Ok(swap) => swap,
            Err(error) => {
                if let Some(staged) = staged {
                    block_in_place(|| staged.withdraw())?;
                }
                return Err(error);
            }
        };
        self.served.replace(TrafficSplit::new(snapshot.clone()));
        let pairs = change.pairs.clone();
        let mut report = self.complete(&state.site, swap, change).await;
        if let Some(Err(error)) = staged.map(|staged| block_in_place(|| staged.put_in_place())) {
            let warning = "not all files are in their places: the next start, or the next change, \
                 puts them there";
            report.warnings.push(format!("{warning}: {error:#}"));
        }
        if let Err(error) = block_in_place(|| state.versions.record(serving(&snapshot))) {
            report.warnings.push(format!("this version cannot be gone back to: {error:#}"));
        }
        say(&state.site.name, &report);
        if how == Handover::Whole {
            self.watch(pairs, &state.site.config.swap);
        }
        Ok(report)
    }

    async fn prepare(
        &self,
        change: &Changes,
        how: Handover,
        terms: Terms,
    ) -> Result<Swap, DeployError> {
        // The host may have begun to stop while the disk was written.
        if self.server.is_stopping() {
            return Err(DeployError::Stopping);
        }
        let swap = Swap::prepare(change.pairs.clone(), how).await?;
        // Something may have come into memory since the first look.
        change.check_memory(terms)?;
        match self.server.is_stopping() {
            true => Err(DeployError::Stopping),
            false => Ok(swap),
        }
    }

    /// After the switch: sockets that can move do so, and the others drain.
    async fn complete(&self, site: &SiteDir, swap: Swap, change: Changes) -> Report {
        change.added.iter().for_each(|plugin| plugin.make_current());
        let drain_time = site.config.swap.drain_time;
        let mut report = Report::default();
        for Swapped { pair, moved, lost } in swap.complete().await {
            report.changes.push(Change {
                from: Some(*pair.before.digest()),
                moved: moved.moved,
                draining: pair.before.own_sockets().count(),
                empty_memory: lost,
                ..added(&pair.after)
            });
            report.pause = report.pause.max(moved.pause);
            self.served.draining().add(pair.before, drain_time);
        }
        report.changes.extend(change.added.iter().map(|plugin| added(plugin)));
        for own in change.removed {
            report.changes.push(removed(&own));
            self.served.draining().add(own.version, drain_time);
        }
        report
    }

    async fn begin_canary(
        &self,
        state: &mut State,
        snapshot: Arc<SiteSnapshot>,
        given: Given,
        split: Split,
        terms: Terms,
    ) -> Result<Report, DeployError> {
        // Its files are written when it is promoted.
        let (root, own) = (state.site.root.clone(), given.clone());
        self.loader.aside(move || staged::check(&root, &own)).await??;
        let traffic = self.served.traffic();
        let change = Changes::between(&traffic.stable, &snapshot);
        self.unless_stopping(change.health_check(&traffic)).await??;
        if self.server.is_stopping() {
            return Err(DeployError::Stopping);
        }
        // Nobody loses anything yet: the versions before go on beside it.
        let report = Report { canary: true, dry_run: terms.dry_run, ..change.begin() };
        if terms.dry_run {
            return Ok(report);
        }
        let canary =
            TrafficSplit::with_canary(traffic.stable.clone(), snapshot.clone(), split.clone());
        self.served.replace(canary);
        change.added.iter().for_each(|plugin| plugin.make_current());
        tracing::info!(target: "swap", site = &*state.site.name, "{split}: {report}");
        state.canary = Some(Canary { given, snapshot });
        self.watch(change.pairs, &state.site.config.swap);
        Ok(report)
    }

    /// Serves kept versions again.
    async fn go_back(
        &self,
        state: &mut State,
        to: &[(String, Digest)],
        terms: Terms,
    ) -> Result<Report, DeployError> {
        let mut given = Given::new();
        for (plugin, digest) in to {
            given.insert(plugin.clone(), state.versions.read(digest)?.into());
        }
        let given = state.site.spread(given)?;
        let snapshot = self.load(state.site.clone(), Some(&given)).await?;
        self.serve(state, snapshot, &given, Handover::Rest, terms).await
    }

    /// Goes back automatically if these versions fail too often.
    fn watch(&self, pairs: Vec<Pair>, settings: &config::Swap) {
        let (manager, settings) = (self.this.clone(), settings.clone());
        if pairs.is_empty() || settings.watch_time.is_zero() {
            pairs.iter().for_each(|pair| pair.after.commit());
            return;
        }
        tokio::spawn(async move {
            let until = clock::after(Instant::now(), settings.watch_time);
            while Instant::now() < until {
                tokio::time::sleep(WATCH_PERIOD).await;
                let Some(manager) = manager.upgrade() else { return };
                if !manager.still_serves(&pairs) {
                    return;
                }
                let failing = pairs.iter().find_map(|pair| Some((pair, failing(pair, &settings)?)));
                if let Some((pair, setting)) = failing {
                    return manager.give_up(&pairs, &pair.after, setting).await;
                }
            }
            pairs.iter().for_each(|pair| pair.after.commit());
        });
    }

    fn still_serves(&self, pairs: &[Pair]) -> bool {
        let traffic = self.served.traffic();
        let serves = |pair: &Pair| traffic.plugins().any(|own| Arc::ptr_eq(own, &pair.after));
        !self.server.is_stopping() && pairs.iter().all(serves)
    }

    /// Replaces these versions, which must not serve any longer.
    async fn give_up(&self, pairs: &[Pair], failing: &PluginVersion, setting: &str) {
        let CallCounts { made, traps, limits, errors, .. } = failing.context().calls.count();
        let (site, plugin) = (&**self.served.name(), &*failing.context().plugin);
        tracing::error!(
            target: "swap", site, plugin, calls = made, traps, limits, errors,
            "the new version fails over `{setting}`: the previous version comes back"
        );
        let is_canary = self.served.traffic().canary.is_some();
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

    async fn restore_now(&self, state: &mut State, pairs: &[Pair]) -> Result<Report, DeployError> {
        if !self.still_serves(pairs) {
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

impl Said {
    fn of(site: &SiteDir, versions: &Versions) -> Self {
        Self {
            name: site.name.clone(),
            account: site.account.clone(),
            versions: versions.all().clone(),
        }
    }
}

/// The setting by which a version fails too often. A version that makes no more errors than the
/// previous one stays, because both may need something that is missing.
fn failing(pair: &Pair, settings: &config::Swap) -> Option<&'static str> {
    let [before, after] =
        [&pair.before, &pair.after].map(|version| version.context().calls.count());
    let share = |part: u64, of: u64| (part as f64 / of.max(1) as f64).min(1.0);
    let lost = after.traps.saturating_add(after.limits);
    if after.made >= settings.min_calls && share(lost, after.made) > settings.max_failures {
        return Some("swap.max_failures");
    }
    let errors = share(after.errors, after.asked);
    let is_worse = errors > settings.max_errors && errors > share(before.errors, before.asked);
    (after.errors >= settings.min_errors && is_worse).then_some("swap.max_errors")
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

/// What serves, each with a file that it is in.
fn serving(snapshot: &SiteSnapshot) -> impl Iterator<Item = Kept<'_>> {
    snapshot.plugins.iter().map(|own| {
        let name = &*own.version.context().plugin;
        let file = own.files.first().map_or(name, String::as_str);
        Kept { plugin: name, file, digest: *own.version.digest() }
    })
}

/// Says what has changed; louder, where something was lost.
fn say(site: &str, report: &Report) {
    match report.is_empty() {
        true => {}
        false if report.loses_memory() => tracing::warn!(target: "swap", site, "{report}"),
        false => tracing::info!(target: "swap", site, "{report}"),
    }
}

fn added(plugin: &PluginVersion) -> Change {
    Change {
        plugin: plugin.context().plugin.to_string(),
        from: None,
        to: Some(*plugin.digest()),
        moved: 0,
        draining: 0,
        empty_memory: None,
    }
}

fn removed(own: &Removed) -> Change {
    let version = &own.version;
    let (draining, empty_memory) = (version.own_sockets().count(), own.would_lose());
    Change { from: Some(*version.digest()), to: None, draining, empty_memory, ..added(version) }
}

/// How two snapshots differ.
struct Changes {
    pairs: Vec<Pair>,
    added: Vec<Arc<PluginVersion>>,
    removed: Vec<Removed>,
}

impl Changes {
    fn between(before: &SiteSnapshot, after: &SiteSnapshot) -> Self {
        let mut changes = Self { pairs: Vec::new(), added: Vec::new(), removed: Vec::new() };
        for plugin in after.versions() {
            match before.plugin(&plugin.context().plugin) {
                Some(own) if Arc::ptr_eq(own, plugin) => {}
                Some(own) => {
                    changes.pairs.push(Pair { before: own.clone(), after: plugin.clone() });
                }
                None => changes.added.push(plugin.clone()),
            }
        }
        let is_gone = |own: &&SitePlugin| after.plugin(&own.version.context().plugin).is_none();
        let removed = before.plugins.iter().filter(is_gone);
        changes.removed = removed
            .map(|own| Removed {
                version: Arc::clone(&own.version),
                requires_state: own.requires_state,
            })
            .collect();
        changes
    }

    /// Checks that no memory is lost that must be kept.
    fn check_memory(&self, terms: Terms) -> Result<(), SwapError> {
        let keep = terms.keep_memory;
        self.pairs.iter().try_for_each(|pair| pair.check_memory(keep))?;
        self.removed.iter().try_for_each(|own| own.check_memory(keep))
    }

    /// Says what the change would do now.
    fn foresee(&self) -> Report {
        let mut changes = self.begin().changes;
        for (change, pair) in changes.iter_mut().zip(&self.pairs) {
            (change.moved, change.draining) = pair.would_move();
            change.empty_memory = pair.would_lose();
        }
        changes.extend(self.removed.iter().map(removed));
        Report { changes, dry_run: true, ..Report::default() }
    }

    /// Reports what begins to serve, pairs first.
    fn begin(&self) -> Report {
        let replaced = self.pairs.iter().map(|pair| {
            let from = Some(*pair.before.digest());
            Change { from, ..added(&pair.after) }
        });
        let changes = replaced.chain(self.added.iter().map(|plugin| added(plugin))).collect();
        Report { changes, ..Report::default() }
    }

    /// Checks that versions which do not serve yet start and are healthy.
    async fn health_check(&self, traffic: &TrafficSplit) -> Result<(), SwapError> {
        let after = self.pairs.iter().map(|pair| &pair.after).chain(&self.added);
        for plugin in after {
            if !traffic.plugins().any(|own| Arc::ptr_eq(own, plugin)) {
                plugin.health_check().await?;
            }
        }
        Ok(())
    }
}
