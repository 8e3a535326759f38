//! The sites of a host: one, or one for each folder in a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::neighbours::Neighbours;
use super::{ForAll, Live, Progress, Report, Site};
use crate::config::{self, Config};
use crate::plugin::{Background, Loader, Share};
use crate::server::{Claims, Server};

/// What makes a folder a site.
const PARTS: [&str; 4] = ["routes", "plugins", "middleware", "public"];

/// Sites that are loaded at the same time when the host starts.
const LOADING: usize = 4;

/// All that a host serves.
pub struct Sites {
    root: PathBuf,
    /// Where the folder has a site in each folder: what they share.
    many: Option<Many>,
    server: Arc<Server>,
    loader: Loader,
    progress: Progress,
    /// By the names of their folders.
    open: Mutex<BTreeMap<String, Arc<Live>>>,
}

/// What holds for each of several sites.
struct Many {
    host: Arc<ForAll>,
    background: Arc<Background>,
}

/// What a folder is.
#[derive(Clone, Debug)]
pub enum Root {
    /// A site.
    One(Site),
    /// One in each folder; the settings are for all of them.
    Many { root: PathBuf, config: Config },
}

impl Root {
    /// Sees what there is.
    ///
    /// # Errors
    /// There is no such folder, or its settings are not right.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let site = Site::open(folder)?;
        if is_site(&site.root) || folders(&site.root)?.is_empty() {
            return Ok(Self::One(site));
        }
        // One site has the rest of these settings, not all.
        let shown = site.root.join(config::FILE_NAME);
        let Config { server, admin, tenants, .. } = site.config.clone();
        let only = Config { server, admin, tenants, ..Config::default() };
        if only != site.config {
            bail!(
                "`{}` is for all sites below it, and so may have `[server]`, `[admin]` and `[tenants]` \
                 only: the other settings belong into the `{}` of each site",
                shown.display(),
                config::FILE_NAME
            );
        }
        Ok(Self::Many { root: site.root, config: only })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::One(site) => &site.root,
            Self::Many { root, .. } => root,
        }
    }

    /// Whether there is one in each folder.
    pub fn has_many(&self) -> bool {
        matches!(self, Self::Many { .. })
    }

    /// The settings of the listeners.
    pub fn config(&self) -> &Config {
        match self {
            Self::One(site) => &site.config,
            Self::Many { config, .. } => config,
        }
    }
}

impl Sites {
    /// Loads everything. Of several sites, those that are not right are left out, and the log says why.
    ///
    /// # Errors
    /// The only site, or each of several, is not right; the threads for busy sites cannot be started.
    pub async fn open(root: Root, loader: Loader, progress: Progress) -> anyhow::Result<Arc<Self>> {
        let settings = root.config().server.clone();
        let mut claims = Claims::default();
        let many = match &root {
            Root::One(_) => None,
            Root::Many { root, config } => {
                let tenants = config.tenants.clone();
                let neighbours;
                (neighbours, claims) = Neighbours::read(root, &folders(root)?, &tenants);
                let background = Background::start();
                let background = background.context("cannot start the threads for busy sites")?;
                let host = ForAll { tenants, server: settings.clone(), neighbours };
                Some(Many { host: Arc::new(host), background })
            }
        };
        let server = Server::new(settings, claims);
        let sites = Self {
            root: root.folder().to_owned(),
            many,
            server,
            loader,
            progress,
            open: Mutex::default(),
        };
        match root {
            Root::One(site) => {
                let name = site.name.to_string();
                let live = sites.load(site).await?;
                sites.open.lock().insert(name, live);
            }
            Root::Many { root, .. } => {
                let opening = futures_util::stream::iter(folders(&root)?);
                opening.for_each_concurrent(LOADING, |name| sites.begin(name)).await;
                if sites.open.lock().is_empty() {
                    bail!("none of the sites in `{}` can be served", root.display());
                }
            }
        }
        Ok(Arc::new(sites))
    }

    /// What serves them.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The folder that they are in, or that the only one is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The site whose folder has this name.
    pub fn get(&self, name: &str) -> Option<Arc<Live>> {
        self.open.lock().get(name).cloned()
    }

    /// The only site, if no others can come.
    pub fn only(&self) -> Option<Arc<Live>> {
        match self.many {
            Some(_) => None,
            None => self.open.lock().values().next().cloned(),
        }
    }

    /// The names of their folders.
    pub fn names(&self) -> Vec<String> {
        self.open.lock().keys().cloned().collect()
    }

    /// Serves what has changed: sites that came, those that have changed, and no more those that went.
    /// Whatever fails is said by `say`, and what was served goes on.
    pub async fn update(&self, changed: &[PathBuf], say: impl Fn(&str, anyhow::Result<Report>)) {
        if let Some(live) = self.only() {
            return say(&live.site().await.name, live.update().await.map_err(Into::into));
        }
        let mut names: Vec<String> = changed.iter().filter_map(|path| self.name_of(path)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let live = self.get(&name);
            match (live, is_site(&self.root.join(&name))) {
                (Some(live), true) => say(&name, live.update().await.map_err(Into::into)),
                (Some(live), false) => {
                    self.open.lock().remove(&name);
                    live.close().await;
                    self.forget(&name);
                    tracing::info!(target: "swap", site = name, "the site is served no more");
                }
                (None, true) => self.begin(name).await,
                (None, false) => self.forget(&name),
            }
        }
    }

    /// There is no site in this folder any more: others may have its name and its hosts.
    fn forget(&self, name: &str) {
        self.server.forget(name);
        self.many.iter().for_each(|many| many.host.neighbours.forget(name));
    }

    /// The folder of the site that a path is in.
    fn name_of(&self, path: &Path) -> Option<String> {
        let inside = path.strip_prefix(&self.root).ok()?;
        let name = inside.components().next()?.as_os_str().to_str()?;
        (!name.starts_with('.')).then(|| name.to_owned())
    }

    /// Begins to serve the site in this folder.
    async fn begin(&self, name: String) {
        match self.load_named(&name).await {
            Ok(live) => {
                self.open.lock().insert(name.clone(), live);
                tracing::info!(target: "swap", site = name, "the site is served");
            }
            Err(error) => {
                tracing::error!(target: "swap", site = name, "the site is not served: {error:#}");
            }
        }
    }

    async fn load_named(&self, name: &str) -> anyhow::Result<Arc<Live>> {
        let mut site = Site::open(&self.root.join(name))?;
        if let Some(Many { host, background }) = &self.many {
            let (cpu, pool) = (host.tenants.cpu_share, host.tenants.pool_share);
            let share = Share::new(background.clone(), Handle::current(), cpu, pool);
            site.be_among_others(host, &share)?;
            self.server.expect(&site.folder(), &site.config.hosts);
        }
        self.load(site).await
    }

    async fn load(&self, site: Site) -> anyhow::Result<Arc<Live>> {
        let (server, loader) = (self.server.clone(), self.loader.clone());
        Live::open(site, server, loader, self.progress.clone()).await
    }
}

fn is_site(folder: &Path) -> bool {
    PARTS.iter().any(|part| folder.join(part).is_dir())
}

/// The names of the folders that are sites.
fn folders(root: &Path) -> anyhow::Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<_>> { std::fs::read_dir(root)?.collect() };
    let entries = read().with_context(|| format!("cannot read `{}`", root.display()))?;
    let names = entries.iter().filter_map(|entry| entry.file_name().into_string().ok());
    let visible = names.filter(|name| !name.starts_with('.'));
    let mut sites: Vec<String> = visible.filter(|name| is_site(&root.join(name))).collect();
    sites.sort_unstable();
    Ok(sites)
}
