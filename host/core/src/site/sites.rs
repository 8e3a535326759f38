//! The sites of a host: one, or one for each folder in a folder.
//!
//! Each of several sites has a task of its own, which loads it, follows its folder, and serves
//! changes: see [`one`]. So nothing that a site does or waits for delays another.

mod one;

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::neighbours;
use super::scan::{is_site, is_site_at};
use super::{ProgressReports, SiteDir, SiteManager, Watcher, locate, tell_all};
use crate::capability::account::HostMemory;
use crate::config::{FILE_NAME, Host, HostConfig};
use crate::files::{Folder, Identity};
use crate::plugin::{Background, Loader};
use crate::server::{Claims, Server};
use crate::supervise;

/// How often the host checks whether a host name has been released.
const RELEASE_PERIOD: Duration = Duration::from_secs(5);

/// How long the start waits for several sites. Sites that take longer are served when they are
/// ready.
const MAX_START: Duration = Duration::from_secs(5);

/// All sites of a host.
pub struct Sites {
    root: PathBuf,
    /// What several sites share.
    many: Option<Many>,
    server: Arc<Server>,
    loader: Loader,
    progress: ProgressReports,
    /// By the names of their folders.
    entries: Mutex<BTreeMap<String, Entry>>,
    /// Notified when a site is ready or has failed.
    decided: Notify,
    /// Notified when the watcher of the folder has seen a change.
    changed: Notify,
}

/// A folder, and the state of its site.
struct Entry {
    /// A folder that comes back gets a new number.
    id: u64,
    standing: Standing,
    /// Dropping this ends the site's task.
    _task: Option<AbortOnDropHandle<()>>,
}

/// The state of a site.
enum Standing {
    /// It is being loaded for the first time, or again after it failed.
    Starting,
    /// The folder is not a site, or not yet.
    NoSite,
    Failed(String),
    Open(Arc<SiteManager>),
}

/// Why a site cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// No folder has this name.
    #[error("there is no site `{0}`")]
    Unknown(String),
    /// The host serves several sites, and the request does not say which one it means.
    #[error("there are several sites: `/sites/NAME` comes first")]
    Several,
    /// The site is being loaded.
    #[error("the site is still starting: try again later")]
    Starting,
    /// The site is invalid. The message says why.
    #[error("the site is not served: {0}")]
    Failed(String),
}

/// What several sites share.
struct Many {
    /// The settings with which the host has started.
    started: Arc<HostConfig>,
    /// The same, with `[tenants]` as it is now.
    rules: watch::Sender<Arc<HostConfig>>,
    background: Arc<Background>,
    /// The last reports about settings for all sites.
    told: Mutex<Told>,
}

/// What the log says once for each state of the settings.
#[derive(Default)]
struct Told {
    settings: String,
    without_folder: Vec<String>,
}

/// What a folder contains.
#[derive(Clone, Debug)]
pub enum Root {
    /// One site, which has its host for itself.
    One(Box<SiteDir>),
    /// A site in each folder.
    Many {
        /// The folder's path.
        root: PathBuf,
        /// The settings of the host.
        config: Arc<HostConfig>,
    },
}

/// Finds the folder of a site that a command is about. Its settings are not read.
///
/// # Errors
/// It does not exist, or is a folder of several sites.
pub fn find(folder: &Path) -> anyhow::Result<PathBuf> {
    let (root, opened) = locate(folder)?;
    // A site that has not been built yet may have no `routes/`, and folders that look like sites.
    if HostConfig::has_only_its_tables(&opened)
        && let Some(site) = sites_below(&root, &opened)?.next()
    {
        let shown = folder.display();
        let example = folder.join(site).display().to_string();
        bail!("`{shown}` is a folder of sites: name one of them, such as `{example}`");
    }
    Ok(root)
}

/// The names of the sites in a folder. None if the folder is a site itself.
fn sites_below(root: &Path, folder: &Folder) -> anyhow::Result<impl Iterator<Item = String>> {
    let names = if is_site(folder)? { Vec::new() } else { folders(root)? };
    Ok(names.into_iter().filter(|name| is_site_at(&root.join(name)).unwrap_or(true)))
}

impl Root {
    /// Opens a folder.
    ///
    /// # Errors
    /// The folder does not exist, or its settings are invalid.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let (root, folder) = locate(folder)?;
        if sites_below(&root, &folder)?.next().is_none() {
            return Ok(Self::One(Box::new(SiteDir::only(root, folder)?)));
        }
        let config = Arc::new(HostConfig::load(&folder)?);
        Ok(Self::Many { root, config })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::One(site) => &site.root,
            Self::Many { root, .. } => root,
        }
    }

    /// Watches the folder.
    pub fn watch(&self) -> Watcher {
        match self {
            Self::One(site) => Watcher::new(&site.root, &[]),
            Self::Many { root, .. } => {
                let mut watcher = Watcher::names(root);
                watcher.also(&files_of_operator(root, self.config()));
                watcher
            }
        }
    }

    /// Whether it has a site in each folder.
    pub fn has_many(&self) -> bool {
        matches!(self, Self::Many { .. })
    }

    /// The host's settings.
    pub fn config(&self) -> &HostConfig {
        match self {
            Self::One(site) => &site.host,
            Self::Many { config, .. } => config,
        }
    }
}

impl Sites {
    /// Ends the threads for busy sites, within this time.
    pub async fn end_background(&self, time: Duration) {
        if let Some(many) = &self.many {
            many.background.end(time).await;
        }
    }

    /// Starts without any site.
    ///
    /// # Errors
    /// The threads for busy sites cannot be started.
    pub fn new(
        root: &Root,
        loader: Loader,
        progress: ProgressReports,
    ) -> anyhow::Result<Arc<Self>> {
        let settings = root.config().server.clone();
        let mut claims = Claims::default();
        let (many, memory) = match root {
            Root::One(site) => (None, site.account.memory().host().clone()),
            Root::Many { root, config } => {
                claims = neighbours::read_claims(root, &folders(root)?, &config.tenants);
                let background = Background::start();
                let background = background.context("cannot start the threads for busy sites")?;
                let memory = HostMemory::new(config.host.memory()?);
                let rules = watch::Sender::new(config.clone());
                let (started, told) = (config.clone(), Mutex::default());
                (Some(Many { started, rules, background, told }), memory)
            }
        };
        Ok(Arc::new(Self {
            root: root.folder().to_owned(),
            many,
            server: Server::new(settings, claims, memory),
            loader,
            progress,
            entries: Mutex::default(),
            decided: Notify::new(),
            changed: Notify::new(),
        }))
    }

    /// Loads the only site. If there are several, begins to load each, and waits for them for a few
    /// seconds: invalid ones are left out, and the log says why.
    ///
    /// # Errors
    /// The only site, or each of several, is invalid.
    pub async fn load(self: &Arc<Self>, root: Root) -> anyhow::Result<()> {
        match root {
            Root::One(site) => {
                let name = site.name.to_string();
                let entry = Entry { id: next_id(), standing: Standing::Starting, _task: None };
                let id = entry.id;
                self.entries.lock().insert(name.clone(), entry);
                let (server, loader) = (self.server.clone(), self.loader.clone());
                let manager =
                    SiteManager::open(*site, server, loader, self.progress.clone()).await?;
                self.stand(&name, id, Standing::Open(manager));
                Ok(())
            }
            Root::Many { .. } => {
                self.look().await?;
                let all = tokio::time::timeout(MAX_START, self.all_decided()).await;
                let (starting, open) = self.count();
                if all.is_err() {
                    tracing::warn!(
                        "{starting} sites are still being loaded: they are served when they are ready"
                    );
                } else if open == 0 {
                    bail!("none of the sites in `{}` can be served", self.root.display());
                }
                Ok(())
            }
        }
    }

    /// Serves changes in the folder: of the only site, or sites that come and go. Failures are
    /// logged, and what was served goes on. Ends when the host stops, because a change that waits
    /// for the disk may end after the runtime's clock.
    pub async fn follow(self: Arc<Self>, watcher: Watcher) {
        let releasing = || self.release();
        tokio::select! {
            () = self.watch(watcher) => {}
            never = supervise::forever("giving hosts free", releasing) => match never {}
        }
    }

    /// Releases hosts, which become free by time alone.
    async fn release(&self) -> Infallible {
        loop {
            tokio::time::sleep(RELEASE_PERIOD).await;
            self.server.release_hosts();
        }
    }

    async fn watch(self: &Arc<Self>, mut watcher: Watcher) {
        while watcher.next().await.is_some() {
            self.note_change();
            if self.many.is_none() {
                if let Ok(manager) = self.only() {
                    update(&manager.name(), &manager).await;
                }
            } else if let Err(error) = self.look().await {
                tracing::error!(target: "swap", "cannot see which sites come and go: {error:#}");
            }
            if let Some(rules) = self.rules() {
                watcher.also(&files_of_operator(&self.root, &rules.borrow()));
            }
            if self.server.is_stopping() {
                return;
            }
        }
    }

    /// Notes that something in the folder has changed, or that the folder has been replaced.
    pub fn note_change(&self) {
        self.changed.notify_one();
    }

    /// Notified by [`Sites::note_change`]. Only one task may wait for it.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// The server of the sites.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The site whose folder has this name.
    ///
    /// # Errors
    /// It does not exist, or is not served.
    pub fn get(&self, name: &str) -> Result<Arc<SiteManager>, NotServed> {
        match self.entries.lock().get(name).map(|entry| &entry.standing) {
            None | Some(Standing::NoSite) => Err(NotServed::Unknown(name.to_owned())),
            Some(standing) => standing.manager(),
        }
    }

    /// The only site, if no others can come.
    ///
    /// # Errors
    /// There are several, or it is not served.
    pub fn only(&self) -> Result<Arc<SiteManager>, NotServed> {
        match (&self.many, self.entries.lock().values().next()) {
            (Some(_), _) => Err(NotServed::Several),
            (None, Some(entry)) => entry.standing.manager(),
            (None, None) => Err(NotServed::Starting),
        }
    }

    /// The names of the folders whose sites are served.
    pub fn names(&self) -> Vec<String> {
        let entries = self.entries.lock();
        let open = entries.iter().filter(|(_, entry)| entry.standing.manager().is_ok());
        open.map(|(name, _)| name.clone()).collect()
    }

    /// Follows the settings for all sites: `[tenants]` takes effect, and a change of anything else
    /// waits for the next start. The log says so once for each state of the file.
    async fn look_at_settings(&self) -> anyhow::Result<()> {
        let Some(Many { started, rules, told, .. }) = &self.many else { return Ok(()) };
        let root = self.root.clone();
        let read = self.loader.aside(move || HostConfig::load(&Folder::open(&root)?)).await?;
        let text = match read {
            Ok(new) => {
                let text = started.waits_for_restart(&new).unwrap_or_default();
                let new = HostConfig { tenants: new.tenants, ..HostConfig::clone(started) };
                self.server.give_hosts(new.tenants.hosts());
                let before = rules.send_replace(Arc::new(new));
                if before.tenants != rules.borrow().tenants {
                    // Each site reads its settings again, under its caps.
                    tell_all();
                }
                text
            }
            Err(error) => {
                // The files of the tokens may have changed all the same.
                rules.send_modify(|_| {});
                format!("the host's settings are invalid, so the next start would fail: {error:#}")
            }
        };
        let mut told = told.lock();
        if !text.is_empty() && told.settings != text {
            tracing::warn!("{text}");
        }
        told.settings = text;
        Ok(())
    }

    /// Warns of settings for a site that has no folder.
    fn look_for_missing_folders(&self, folders: &[String]) {
        let Some(Many { rules, told, .. }) = &self.many else { return };
        let entries = neighbours::without_folder(&rules.borrow().tenants, folders);
        let mut told = told.lock();
        if !entries.is_empty() && told.without_folder != entries {
            tracing::warn!("{}", neighbours::warning_of(&entries));
        }
        told.without_folder = entries;
    }

    /// The host's settings as they are now. None if it has only one site. A receiver is notified
    /// each time the host looks at its settings, even if they are the same.
    pub fn rules(&self) -> Option<watch::Receiver<Arc<HostConfig>>> {
        self.many.as_ref().map(|many| many.rules.subscribe())
    }

    /// Starts the sites of new folders, and ends those of folders that are gone.
    async fn look(self: &Arc<Self>) -> anyhow::Result<()> {
        self.look_at_settings().await?;
        let root = self.root.clone();
        let there = self.loader.aside(move || folders(&root)).await??;
        self.look_for_missing_folders(&there);
        let mut entries = self.entries.lock();
        let mut gone = Vec::new();
        entries.retain(|name, entry| {
            let stays = there.contains(name);
            if !stays {
                self.server.forget(name);
            }
            if !stays && let Standing::Open(manager) = &entry.standing {
                gone.push((name.clone(), manager.clone()));
            }
            stays
        });
        // All names are known before the first task asks whether a host belongs to another site.
        // From now on each name belongs to its folder, whatever its settings say.
        let new = there.iter().filter(|name| !entries.contains_key(*name));
        self.server.announce(&new.map(|name| name.as_str().into()).collect::<Vec<_>>());
        for name in there {
            entries.entry(name).or_insert_with_key(|name| {
                let id = next_id();
                let task = tokio::spawn(one::serve(self.clone(), name.clone(), id));
                let _task = Some(AbortOnDropHandle::new(task));
                Entry { id, standing: Standing::Starting, _task }
            });
        }
        drop(entries);
        for (name, manager) in gone {
            manager.close();
            tracing::info!(target: "swap", site = name, "the site is no longer served");
        }
        Ok(())
    }

    /// Sets the state of a site. If its folder is gone, the site is closed.
    fn stand(&self, name: &str, id: u64, standing: Standing) {
        let mut entries = self.entries.lock();
        match entries.get_mut(name).filter(|entry| entry.id == id) {
            Some(entry) => entry.standing = standing,
            None => {
                drop(entries);
                if let Standing::Open(manager) = standing {
                    manager.close();
                }
            }
        }
        self.decided.notify_waiters();
    }

    /// Notes that the site in this folder asks for these hosts, unless the folder is gone.
    fn expect(&self, name: &str, id: u64, hosts: &[Host]) {
        let entries = self.entries.lock();
        if entries.get(name).is_some_and(|entry| entry.id == id) {
            self.server.expect(&name.into(), hosts);
        }
    }

    async fn all_decided(&self) {
        loop {
            let mut decided = std::pin::pin!(self.decided.notified());
            decided.as_mut().enable();
            if self.count().0 == 0 {
                return;
            }
            decided.await;
        }
    }

    /// The number of sites that are starting, and of those that are served.
    fn count(&self) -> (usize, usize) {
        let entries = self.entries.lock();
        let count = |is: fn(&Standing) -> bool| {
            entries.values().filter(|entry| is(&entry.standing)).count()
        };
        (
            count(|standing| matches!(standing, Standing::Starting)),
            count(|standing| matches!(standing, Standing::Open(_))),
        )
    }
}

impl Standing {
    fn manager(&self) -> Result<Arc<SiteManager>, NotServed> {
        match self {
            Self::Open(manager) => Ok(manager.clone()),
            Self::Failed(why) => Err(NotServed::Failed(why.clone())),
            Self::Starting | Self::NoSite => Err(NotServed::Starting),
        }
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The names of the folders in a folder, except those that begin with a dot.
fn folders(root: &Path) -> anyhow::Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<_>> { std::fs::read_dir(root)?.collect() };
    let entries = read().with_context(|| format!("cannot read `{}`", root.display()))?;
    let names = entries.iter().filter_map(|entry| entry.file_name().into_string().ok());
    let visible = names.filter(|name| !name.starts_with('.') && root.join(name).is_dir());
    let mut folders: Vec<String> = visible.collect();
    folders.sort_unstable();
    Ok(folders)
}

/// What the host reads again when it changes: its settings, and its tokens.
fn files_of_operator(root: &Path, config: &HostConfig) -> Vec<PathBuf> {
    let tokens = config.tenants.tokens.values().filter_map(|token| token.file.as_deref());
    let files = [Path::new(FILE_NAME)].into_iter().chain(config.admin.token_file.as_deref());
    files.chain(tokens).map(|file| root.join(file)).collect()
}

/// The folders of the sites that a folder has. A folder that the host cannot look into counts as
/// one: otherwise the owner of a site could keep the host from reading any token.
///
/// # Errors
/// The system does not list them.
pub(crate) fn identities(root: &Path) -> anyhow::Result<HashSet<Identity>> {
    let mut identities = HashSet::new();
    for name in folders(root)? {
        let path = root.join(name);
        if !is_site_at(&path).unwrap_or(true) {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(folder) => {
                identities.insert(Identity::of_std(&folder));
            }
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look at `{}`", path.display()));
            }
        }
    }
    Ok(identities)
}

/// Serves what the site's folder contains now. Logs what failed; the log already has what was
/// replaced. A change of the settings for all sites is no news of this one: while its folder stays
/// refused for the same reason, the log says it once.
async fn update(site: &str, manager: &SiteManager) {
    let before = manager.refused();
    let Err(error) = manager.update().await else { return };
    let error = anyhow::Error::from(error);
    match before.is_some() && manager.refused() == before {
        true => tracing::debug!(target: "swap", site, "still refused: {error:#}"),
        false => tracing::error!(
            target: "swap", site, "{error:#}; the previous version is still being served"
        ),
    }
}
